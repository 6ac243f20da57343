//! The head of a message: start line and header fields. RFC 9112 §2–§6, RFC 9110.
//!
//! Rule 1: `httparse` reads the head; a header line that it refuses is left out, the others count.
//! Rule 2: where the capture cut a head short, its whole lines are read and the broken one is dropped.

use httparse::{Error, Header, ParserConfig, Request, Response, Status};
use std::mem::MaybeUninit;

/// Most header lines of a head.
const LINES_CAP: usize = 128;

/// Start line and the header fields that are looked at, borrowed from the wire.
#[derive(Default)]
pub(crate) struct Head<'a> {
    /// Method; empty in a response.
    pub(crate) method: &'a [u8],
    /// Request target as sent.
    pub(crate) target: &'a [u8],
    /// Status code; 0 in a request.
    pub(crate) status: u16,
    /// Minor version: HTTP/1.`minor`.
    pub(crate) minor: u8,
    pub(crate) host: Option<&'a [u8]>,
    pub(crate) user_agent: Option<&'a [u8]>,
    pub(crate) server: Option<&'a [u8]>,
    pub(crate) powered_by: Option<&'a [u8]>,
    pub(crate) location: Option<&'a [u8]>,
    pub(crate) content_type: Option<&'a [u8]>,
    pub(crate) authorization: Option<&'a [u8]>,
    pub(crate) proxy_authorization: Option<&'a [u8]>,
    pub(crate) www_authenticate: Option<&'a [u8]>,
    /// Content-Length, or the error that it can't be read or is given twice with different values.
    pub(crate) content_length: Option<Result<u64, ()>>,
    pub(crate) chunked: bool,
    /// The body is compressed.
    pub(crate) encoded: bool,
    pub(crate) cache_control: Option<&'a [u8]>,
    pub(crate) search_target: Option<&'a [u8]>,
    pub(crate) notification_type: Option<&'a [u8]>,
    pub(crate) notification_sub_type: Option<&'a [u8]>,
    pub(crate) usn: Option<&'a [u8]>,
    /// Name and value of a header line that the capture cut: neither need be whole.
    pub(crate) cut: Option<(&'a [u8], &'a [u8])>,
}

/// What reading a head came to.
#[allow(clippy::large_enum_variant)] // It lives on the stack for one call; a box would allocate for each message.
pub(crate) enum Read<'a> {
    /// A head and its length.
    Whole(Head<'a>, usize),
    /// The blank line is not there yet.
    Partial,
    /// Not a head: the part at fault and why.
    Fault(&'static str, &'static str),
}

/// True for the first bytes of a status line.
pub(crate) fn is_response(data: &[u8]) -> bool {
    let start = data.iter().position(|byte| !matches!(byte, b'\r' | b'\n')).unwrap_or(0);
    data.get(start..).unwrap_or_default().starts_with(b"HTTP/")
}

/// Read the head at the front of `data`.
pub(crate) fn read(data: &[u8]) -> Read<'_> {
    let mut config = ParserConfig::default();
    config
        .allow_spaces_after_header_name_in_responses(true)
        .allow_obsolete_multiline_headers_in_responses(true)
        .allow_multiple_spaces_in_request_line_delimiters(true)
        .allow_multiple_spaces_in_response_status_delimiters(true)
        .ignore_invalid_headers_in_responses(true)
        .ignore_invalid_headers_in_requests(true);
    let mut lines = [MaybeUninit::<Header<'_>>::uninit(); LINES_CAP];
    let mut head = Head::default();
    let status;
    if is_response(data) {
        let mut response = Response::new(&mut []);
        status = config.parse_response_with_uninit_headers(&mut response, data, &mut lines);
        head.status = response.code.unwrap_or(0);
        head.minor = response.version.unwrap_or(0);
        response.headers.iter().for_each(|line| head.take(line));
    } else {
        let mut request = Request::new(&mut []);
        status = config.parse_request_with_uninit_headers(&mut request, data, &mut lines);
        head.method = request.method.unwrap_or("").as_bytes();
        head.target = request.path.unwrap_or("").as_bytes();
        head.minor = request.version.unwrap_or(0);
        request.headers.iter().for_each(|line| head.take(line));
    }
    match status {
        Ok(Status::Complete(length)) => Read::Whole(head, length),
        Ok(Status::Partial) => Read::Partial,
        Err(error) => fault(error),
    }
}

/// `data`, which ends before its head does, made whole: for `read`. With `drop_broken` the last line, cut by the
/// capture, is left out.
pub(crate) fn closed(data: &[u8], drop_broken: bool) -> Vec<u8> {
    let end =
        if drop_broken { data.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1) } else { data.len() };
    let mut whole = data.get(..end).unwrap_or_default().to_vec();
    whole.extend_from_slice(if whole.ends_with(b"\n") { b"\r\n" } else { b"\r\n\r\n" });
    whole
}

/// `data` without the blanks that some devices put at the end of the start line, and how many bytes shorter it is.
pub(crate) fn without_blanks(data: &[u8]) -> Option<(Vec<u8>, usize)> {
    let start = data.iter().position(|byte| !matches!(byte, b'\r' | b'\n'))?;
    let end = start + data.get(start..)?.iter().position(|byte| *byte == b'\n')?;
    let line = data.get(start..end)?;
    let kept = line.trim_ascii_end().len();
    let blanks = line.len() - kept - usize::from(line.ends_with(b"\r"));
    // A line of nothing but blanks is no start line.
    if blanks == 0 || kept == 0 {
        return None;
    }
    let mut whole = Vec::with_capacity(data.len());
    whole.extend_from_slice(data.get(start..start + kept)?);
    whole.extend_from_slice(b"\r\n");
    whole.extend_from_slice(data.get(end + 1..)?);
    let removed = data.len().checked_sub(whole.len())?;
    Some((whole, removed))
}

/// True where `data` is a start line so far, up to blanks behind its version.
pub(crate) fn ends_in_blanks(data: &[u8]) -> bool {
    let line = data.trim_ascii();
    let version = line.len().checked_sub(9).and_then(|at| line.get(at..));
    !line.contains(&b'\n') && matches!(version, Some([b' ', b'H', b'T', b'T', b'P', b'/', b'1', b'.', _]))
}

/// The last line of a head that the capture cut, where its name is whole.
pub(crate) fn cut_line(data: &[u8]) -> Option<(&[u8], &[u8])> {
    let start = data.iter().rposition(|byte| *byte == b'\n')? + 1;
    let line = data.get(start..)?;
    let (name, value) = line.split_at_checked(line.iter().position(|byte| *byte == b':')?)?;
    const SECRETS: [&[u8]; 4] = [b"authorization", b"proxy-authorization", b"cookie", b"set-cookie"];
    let name = name.trim_ascii();
    let secret = SECRETS.iter().any(|secret| name.eq_ignore_ascii_case(secret)) || value.contains(&b'?');
    Some((name, if secret { &[] } else { value.get(1..)?.trim_ascii() }))
}

fn fault<'a>(error: Error) -> Read<'a> {
    match error {
        Error::HeaderName => Read::Fault("header", "name not readable"),
        Error::HeaderValue => Read::Fault("header", "value not readable"),
        Error::TooManyHeaders => Read::Fault("header", "more than 128 lines"),
        Error::NewLine => Read::Fault("header", "line end not readable"),
        Error::Status => Read::Fault("start line", "status not readable"),
        Error::Token => Read::Fault("start line", "method or target not readable"),
        Error::Version => Read::Fault("start line", "version not readable"),
    }
}

impl<'a> Head<'a> {
    /// A status of 000 makes no request, so the method decides.
    pub(crate) fn is_request(&self) -> bool {
        !self.method.is_empty()
    }

    fn take(&mut self, line: &Header<'a>) {
        let (name, value) = (line.name.as_bytes(), line.value);
        let is = |other: &[u8]| name.eq_ignore_ascii_case(other);
        // The length of a name tells most of them apart, so that few are compared.
        let slot = match name.len() {
            2 if is(b"st") => &mut self.search_target,
            2 if is(b"nt") => &mut self.notification_type,
            3 if is(b"nts") => &mut self.notification_sub_type,
            3 if is(b"usn") => &mut self.usn,
            4 if is(b"host") => &mut self.host,
            6 if is(b"server") => &mut self.server,
            8 if is(b"location") => &mut self.location,
            10 if is(b"user-agent") => &mut self.user_agent,
            12 if is(b"content-type") => &mut self.content_type,
            12 if is(b"x-powered-by") => &mut self.powered_by,
            13 if is(b"authorization") => &mut self.authorization,
            13 if is(b"cache-control") => &mut self.cache_control,
            16 if is(b"www-authenticate") => &mut self.www_authenticate,
            19 if is(b"proxy-authorization") => &mut self.proxy_authorization,
            14 if is(b"content-length") => return self.take_length(value),
            16 if is(b"content-encoding") => {
                self.encoded = !value.eq_ignore_ascii_case(b"identity");
                return;
            }
            17 if is(b"transfer-encoding") => {
                let last = value.rsplit(|byte| *byte == b',').next().unwrap_or_default();
                self.chunked = last.trim_ascii().eq_ignore_ascii_case(b"chunked");
                return;
            }
            _ => return,
        };
        if slot.is_none() {
            *slot = Some(value);
        }
    }

    fn take_length(&mut self, value: &[u8]) {
        let parsed = match value {
            [] => Err(()),
            digits => digits.iter().try_fold(0_u64, |sum, byte| match byte {
                b'0'..=b'9' => sum.checked_mul(10).and_then(|sum| sum.checked_add(u64::from(byte - b'0'))).ok_or(()),
                _ => Err(()),
            }),
        };
        self.content_length = match self.content_length {
            Some(earlier) if earlier != parsed => Some(Err(())),
            _ => Some(parsed),
        };
    }
}
