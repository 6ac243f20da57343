//! Both directions of a connection, message after message. RFC 9112 §6.3, §9.3.
//!
//! Rule 1: a response's body depends on the request it answers (HEAD, CONNECT), so methods wait in a queue; without
//! the request (one-sided or late captures) it is taken for an answer to GET.
//! Rule 2: a body is skipped as it comes; lost bytes inside it are counted off, so the next head is found again.

use super::body::{Framing, Sample};
use super::head::{self, Head, Read};
use super::{login, probe, request, response};
use crate::{Context, Dissector, Probe, Progress, Who};
use std::collections::VecDeque;

/// Most requests that wait for their response; of more, the last are taken for GET.
const WAITING_CAP: usize = 64;
/// Longest line of a chunk's size or of a trailer.
const LINE_CAP: usize = 8192; // bytes

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// A head is next.
    #[default]
    Head,
    /// So many bytes of body are left.
    Body(u64),
    /// A chunk's size is next.
    Size,
    /// So many bytes of a chunk are left.
    Chunk(u64),
    /// The line end after a chunk.
    ChunkEnd,
    /// Trailer lines up to a blank one.
    Trailer,
    /// Body until the connection closes.
    Close,
    /// At an unknown place: wait for bytes that start a message.
    Astray,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Head,
    Connect,
    Other,
}

#[derive(Default)]
struct Side {
    state: State,
    sample: Sample,
    /// Bytes of an unfinished head in which no end was found: they are not read again.
    seen: usize,
}

/// The reader of one connection.
#[derive(Default)]
pub(super) struct Http {
    sides: [Side; 2],
    waiting: VecDeque<Asked>,
}

impl Dissector for Http {
    fn read(&mut self, data: &[u8], cx: &mut Context<'_>) -> Progress {
        let Some(side) = self.sides.get_mut(usize::from(!cx.from_client)) else { return Progress::Done };
        match side.state {
            State::Head => self.read_head(data, cx),
            State::Astray => match probe::starts(data) {
                Probe::Yes(_) => self.read_head(data, cx),
                Probe::More => Progress::Used(0),
                Probe::No => Progress::Used(data.len()),
            },
            State::Close => {
                side.sample.extend(data, cx);
                Progress::Used(data.len())
            }
            State::Body(left) | State::Chunk(left) => side.read_body(left, data, cx),
            State::Size | State::ChunkEnd | State::Trailer => side.read_line(data, cx),
        }
    }

    fn gap(&mut self, from_client: bool, lost: u64) {
        let Some(side) = self.sides.get_mut(usize::from(!from_client)) else { return };
        side.seen = 0;
        side.sample.abandon();
        side.state = match side.state {
            State::Close => State::Close,
            State::Body(left) if lost == left => State::Head,
            State::Body(left) if lost < left => State::Body(left - lost),
            State::Chunk(left) if lost == left => State::ChunkEnd,
            State::Chunk(left) if lost < left => State::Chunk(left - lost),
            _ => State::Astray,
        };
        if side.state == State::Astray {
            // Heads may have been lost, so requests and responses can't be paired any more.
            self.waiting.clear();
        }
    }
}

impl Side {
    fn read_body(&mut self, left: u64, data: &[u8], cx: &mut Context<'_>) -> Progress {
        let count = usize::try_from(left).unwrap_or(usize::MAX).min(data.len());
        self.sample.extend(data.get(..count).unwrap_or(data), cx);
        let left = left.saturating_sub(count as u64);
        self.state = match self.state {
            State::Chunk(_) if left == 0 => State::ChunkEnd,
            State::Chunk(_) => State::Chunk(left),
            _ if left == 0 => {
                self.sample.finish(cx);
                State::Head
            }
            _ => State::Body(left),
        };
        Progress::Used(count)
    }

    /// One line of a chunked body's framing.
    fn read_line(&mut self, data: &[u8], cx: &mut Context<'_>) -> Progress {
        let window = data.get(..LINE_CAP).unwrap_or(data);
        let Some(end) = window.iter().position(|byte| *byte == b'\n') else {
            if window.len() < LINE_CAP {
                return Progress::Used(0);
            }
            return self.stray("chunk", "line longer than 8192 bytes", data, cx);
        };
        let line = window.get(..end).unwrap_or_default().trim_ascii();
        self.state = match self.state {
            State::Size => match chunk_size(line) {
                Some(0) => State::Trailer,
                Some(size) => State::Chunk(size),
                None => return self.stray("chunk", "size not readable", data, cx),
            },
            State::ChunkEnd if line.is_empty() => State::Size,
            State::ChunkEnd => return self.stray("chunk", "longer than its size", data, cx),
            _ if line.is_empty() => {
                self.sample.finish(cx);
                State::Head
            }
            _ => State::Trailer,
        };
        Progress::Used(end + 1)
    }

    fn stray(&mut self, field: &str, reason: &str, data: &[u8], cx: &mut Context<'_>) -> Progress {
        cx.malformed(field, reason);
        self.seen = 0;
        self.sample.abandon();
        self.state = State::Astray;
        Progress::Used(data.len())
    }
}

/// RFC 9112 §7.1: hexadecimal digits, then an extension.
fn chunk_size(line: &[u8]) -> Option<u64> {
    let digits = line.split(|byte| matches!(byte, b';' | b' ' | b'\t')).next()?;
    if digits.is_empty() || digits.len() > 15 {
        return None;
    }
    digits.iter().try_fold(0_u64, |size, byte| Some(size << 4 | u64::from(char::from(*byte).to_digit(16)?)))
}

impl Http {
    fn read_head(&mut self, data: &[u8], cx: &mut Context<'_>) -> Progress {
        let Some(side) = self.sides.get_mut(usize::from(!cx.from_client)) else { return Progress::Done };
        let start = data.iter().position(|byte| !matches!(byte, b'\r' | b'\n')).unwrap_or(data.len());
        let line = data.get(start..).unwrap_or_default();
        let in_start_line = !line.iter().take(LINE_CAP).any(|byte| *byte == b'\n');
        if in_start_line && line.len() >= LINE_CAP {
            return side.stray("start line", "longer than 8192 bytes", data, cx);
        }
        // A head is read again with each new line only, or many small segments would cost the square of their number; a
        // start line with each byte, since what is wrong with it is said as soon as it is known.
        let fresh = data.get(side.seen..).unwrap_or_default();
        if side.seen > 0 && !in_start_line && !fresh.contains(&b'\n') && !cx.snapped {
            side.seen = data.len();
            return Progress::Used(0);
        }
        side.seen = 0;
        match head::read(data) {
            Read::Whole(head, length) => self.take(&head, length, cx),
            Read::Partial if cx.snapped => {
                // The rest will never come: what stands in whole lines is told.
                if let Read::Whole(mut head, _) = head::read(&head::closed(data, true)) {
                    head.cut = head::cut_line(data);
                    self.take(&head, data.len(), cx);
                }
                if let Some(side) = self.sides.get_mut(usize::from(!cx.from_client)) {
                    side.state = State::Astray;
                }
                Progress::Used(data.len())
            }
            Read::Partial => {
                side.seen = data.len();
                Progress::Used(0)
            }
            Read::Fault(field, reason) => {
                let shorter = head::without_blanks(data);
                match shorter.as_ref().map(|(shorter, removed)| (head::read(shorter), removed)) {
                    Some((Read::Whole(head, length), removed)) => self.take(&head, length + removed, cx),
                    Some((Read::Partial, _)) => {
                        side.seen = data.len();
                        Progress::Used(0)
                    }
                    None if head::ends_in_blanks(data) => {
                        side.seen = data.len();
                        Progress::Used(0)
                    }
                    _ => side.stray(field, reason, data, cx),
                }
            }
        }
    }

    /// A whole head of `length` bytes: tell it and see what its body is.
    fn take(&mut self, head: &Head<'_>, length: usize, cx: &mut Context<'_>) -> Progress {
        let framing = if head.is_request() {
            tell_request(head, cx);
            self.ask(head.method);
            framing(head, Framing::None, cx)
        } else {
            tell_response(head, cx);
            let informational = (100..200).contains(&head.status);
            let asked = if informational { None } else { self.waiting.pop_front() };
            match (asked, head.status) {
                (_, 101) | (Some(Asked::Connect), 200..=299) => return Progress::Handover(length),
                (Some(Asked::Head), _) | (_, 100..=199 | 204 | 304) => Framing::None,
                _ => framing(head, Framing::Close, cx),
            }
        };
        let Some(side) = self.sides.get_mut(usize::from(!cx.from_client)) else { return Progress::Done };
        side.sample.begin(head);
        side.state = match framing {
            Framing::None | Framing::Length(0) => State::Head,
            Framing::Length(count) => State::Body(count),
            Framing::Chunked => State::Size,
            Framing::Close => State::Close,
        };
        Progress::Used(length)
    }

    fn ask(&mut self, method: &[u8]) {
        if self.waiting.len() < WAITING_CAP {
            self.waiting.push_back(match method {
                b"HEAD" => Asked::Head,
                b"CONNECT" => Asked::Connect,
                _ => Asked::Other,
            });
        }
    }
}

/// RFC 9112 §6.3, points 3 to 8; `open` where neither a length nor chunks are announced.
fn framing(head: &Head<'_>, open: Framing, cx: &mut Context<'_>) -> Framing {
    match head.content_length {
        _ if head.chunked => Framing::Chunked,
        Some(Ok(length)) => Framing::Length(length),
        Some(Err(())) => {
            cx.malformed("content_length", "not a number, or two that differ");
            open
        }
        None => open,
    }
}

fn tell_request(head: &Head<'_>, cx: &mut Context<'_>) {
    let authorization = head.authorization.map(|value| login::scheme(value).0);
    let wants_detail = cx.wants_detail();
    let fact = cx
        .fact(&request::KIND)
        .text(request::operation, head.method)
        .maybe_text(request::host, head.host)
        .text(request::object, login::path(login::without_authority(head.target)))
        .maybe_text(request::user_agent, head.user_agent)
        .maybe_text(request::content_type, head.content_type)
        .maybe_text(request::authorization, authorization)
        .text(request::version, if head.minor == 0 { "1.0" } else { "1.1" });
    let fact = if wants_detail { fact.text(request::uri, login::redacted(head.target)) } else { fact };
    let cut = head.cut.map(|(name, value)| (name.to_ascii_lowercase(), value));
    let fact = fact.maybe_text(request::cut_name, cut.as_ref().map(|(name, _)| name));
    fact.maybe_text(request::cut_value, cut.as_ref().map(|(_, value)| value)).emit_to(Who::Sender, Who::Receiver);
    for value in [head.authorization, head.proxy_authorization].into_iter().flatten() {
        login::tell(value, cx);
    }
    let query = login::query(head.target);
    if !query.is_empty() {
        login::tell_form("query", query, cx);
    }
}

fn tell_response(head: &Head<'_>, cx: &mut Context<'_>) {
    let wants_detail = cx.wants_detail();
    let location = head.location.map(login::redacted);
    let stable = head.www_authenticate.map(login::stable_challenge);
    let fact = cx
        .fact(&response::KIND)
        .uint(response::status, head.status)
        .maybe_text(response::server, head.server)
        .maybe_text(response::powered_by, head.powered_by)
        .maybe_text(response::content_type, head.content_type)
        .maybe_text(response::www_authenticate, stable)
        .maybe_text(response::location, location.as_deref().map(login::path));
    let fact = if wants_detail {
        fact.maybe_text(response::challenge, head.www_authenticate).maybe_text(response::target, location.as_deref())
    } else {
        fact
    };
    let cut = head.cut.map(|(name, value)| (name.to_ascii_lowercase(), value));
    let fact = fact.maybe_text(response::cut_name, cut.as_ref().map(|(name, _)| name));
    fact.maybe_text(response::cut_value, cut.as_ref().map(|(_, value)| value)).emit(Who::Sender);
}
