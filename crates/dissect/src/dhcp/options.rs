//! The option area. RFC 2132 §2, RFC 3396.

use std::borrow::Cow;

/// The four bytes that say that options follow (RFC 2131 §3).
pub(super) const COOKIE: [u8; 4] = [0x63, 0x82, 0x53, 0x63];
/// Most options kept of one message.
const MOST: usize = 128;

/// The options of one message in the order sent.
pub(super) struct Options<'a> {
    kept: [(u8, &'a [u8]); MOST],
    count: usize,
    /// The first thing that was wrong.
    pub fault: Option<&'static str>,
}

impl<'a> Options<'a> {
    pub fn new() -> Self {
        Options { kept: [(0, &[]); MOST], count: 0, fault: None }
    }

    /// Read one area: the bytes after the cookie, or an overloaded `file` or `sname`.
    pub fn area(&mut self, mut bytes: &'a [u8]) {
        loop {
            let Some((&code, rest)) = bytes.split_first() else { return self.blame("no end option") };
            match code {
                0 => bytes = rest,
                255 => return,
                _ => {
                    let Some((&length, rest)) = rest.split_first() else { return self.blame("cut before a length") };
                    // Half an option is not kept: half a name would look like another name.
                    let Some((content, rest)) = rest.split_at_checked(usize::from(length)) else {
                        return self.blame("a length goes beyond the end");
                    };
                    self.keep(code, content);
                    bytes = rest;
                }
            }
        }
    }

    fn keep(&mut self, code: u8, content: &'a [u8]) {
        match self.kept.get_mut(self.count) {
            Some(slot) => {
                *slot = (code, content);
                self.count += 1;
            }
            None => self.blame("more than 128 options"),
        }
    }

    fn blame(&mut self, fault: &'static str) {
        self.fault = self.fault.or(Some(fault));
    }

    fn all(&self) -> &[(u8, &'a [u8])] {
        &self.kept[..self.count]
    }

    /// Codes in the order sent.
    pub fn codes(&self) -> impl Iterator<Item = u8> + '_ {
        self.all().iter().map(|(code, _)| *code)
    }

    /// The content of an option; parts of one that was split are joined.
    pub fn get(&self, code: u8) -> Option<Cow<'a, [u8]>> {
        let mut parts = self.all().iter().filter(|(kept, _)| *kept == code).map(|(_, content)| *content);
        let mut whole = Cow::Borrowed(parts.next()?);
        for part in parts {
            whole.to_mut().extend_from_slice(part);
        }
        Some(whole)
    }

    /// The content of an option that holds exactly `N` bytes; a longer one's first `N`.
    pub fn array<const N: usize>(&self, code: u8) -> Option<[u8; N]> {
        self.get(code)?.first_chunk::<N>().copied()
    }

    /// The content of a text option, without the zero bytes that some clients put at its end; absent where it is empty.
    pub fn text(&self, code: u8) -> Option<Cow<'a, [u8]>> {
        let whole = self.get(code)?;
        let length = ended(&whole).len();
        match whole {
            _ if length == 0 => None,
            Cow::Borrowed(bytes) => bytes.get(..length).map(Cow::Borrowed),
            Cow::Owned(mut bytes) => {
                bytes.truncate(length);
                Some(Cow::Owned(bytes))
            }
        }
    }
}

/// `bytes` up to the zero bytes at their end.
fn ended(bytes: &[u8]) -> &[u8] {
    let length = bytes.iter().rposition(|b| *b != 0).map_or(0, |last| last + 1);
    bytes.get(..length).unwrap_or(bytes)
}

/// Sub-option `wanted` of an option that holds `code, length, content` after one another (82).
pub(super) fn sub_option(mut bytes: &[u8], wanted: u8) -> Option<&[u8]> {
    loop {
        let (&[code, length], rest) = bytes.split_first_chunk::<2>()?;
        let (content, rest) = rest.split_at_checked(usize::from(length))?;
        if code == wanted {
            return Some(content);
        }
        bytes = rest;
    }
}

/// Enterprise numbers of options 124 and 125: `number, length, content` after one another (RFC 3925 §3).
pub(super) fn enterprises(bytes: &[u8]) -> impl Iterator<Item = u32> + '_ {
    let mut left = bytes;
    std::iter::from_fn(move || {
        let (number, rest) = left.split_first_chunk::<4>()?;
        let (&length, rest) = rest.split_first()?;
        left = rest.get(usize::from(length)..).unwrap_or_default();
        Some(u32::from_be_bytes(*number))
    })
}

/// The name in option 81 (RFC 4702 §2): plain text, or labels where the flag E says so.
pub(super) fn fqdn(bytes: &[u8]) -> Option<Cow<'_, [u8]>> {
    let (&[flags, _, _], name) = bytes.split_first_chunk::<3>()?;
    if flags & 0x04 == 0 {
        return Some(Cow::Borrowed(ended(name)));
    }
    Some(Cow::Owned(joined(name, b'.')))
}

/// Option 77 (RFC 3004 §4) is a list of `length, text`; many clients send the bare text instead.
pub(super) fn user_class(bytes: &[u8]) -> Cow<'_, [u8]> {
    let mut left = bytes;
    while let Some((&length, rest)) = left.split_first() {
        match rest.get(usize::from(length)..) {
            Some(rest) if length > 0 => left = rest,
            _ => return Cow::Borrowed(ended(bytes)),
        }
    }
    Cow::Owned(joined(bytes, b','))
}

fn joined(mut bytes: &[u8], separator: u8) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    while let Some((&length, rest)) = bytes.split_first() {
        let (label, rest) = rest.split_at_checked(usize::from(length)).unwrap_or((rest, &[]));
        if label.is_empty() {
            break;
        }
        if !out.is_empty() {
            out.push(separator);
        }
        out.extend_from_slice(label);
        bytes = rest;
    }
    out
}
