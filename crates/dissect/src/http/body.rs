//! Where a body ends, and the first bytes of those that are looked into. RFC 9112 §6, §7.1.
//!
//! Rule 1: a body is counted, not kept; only the start of a page, a description or a log-in form is copied.

use super::head::Head;
use super::{login, markup};
use crate::Context;

/// Most bytes of an HTML page or a form that are looked into.
const PAGE_CAP: usize = 8 * 1024; // bytes
/// Most bytes of an XML document that are looked into.
const XML_CAP: usize = 32 * 1024; // bytes

/// Most ends of a document that are believed to be one before the body ends.
const ATTEMPTS_CAP: u8 = 4;

/// How a body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// There is none.
    None,
    /// After so many bytes.
    Length(u64),
    /// With the chunk of size 0.
    Chunked,
    /// With the connection.
    Close,
}

/// What a body is looked into for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Want {
    #[default]
    Nothing,
    Html,
    Xml,
    Form,
}

/// The start of one body.
#[derive(Default)]
pub(super) struct Sample {
    want: Want,
    bytes: Vec<u8>,
    /// How often an end was found in this body.
    attempts: u8,
}

impl Sample {
    /// Begin with the body that follows `head`.
    pub(super) fn begin(&mut self, head: &Head<'_>) {
        self.bytes.clear();
        self.attempts = 0;
        let content_type = head.content_type.unwrap_or_default();
        let starts = |prefix: &[u8]| content_type.get(..prefix.len()).is_some_and(|t| t.eq_ignore_ascii_case(prefix));
        self.want = match () {
            () if head.encoded => Want::Nothing,
            () if head.status == 0 && starts(b"application/x-www-form-urlencoded") => Want::Form,
            () if head.status == 0 => Want::Nothing,
            () if starts(b"text/html") || starts(b"application/xhtml") => Want::Html,
            // Small devices forget the type or call a description plain text.
            () if content_type.is_empty() || starts(b"text/plain") => Want::Xml,
            () if starts(b"text/xml") || starts(b"application/xml") => Want::Xml,
            () => Want::Nothing,
        };
    }

    /// The next bytes of the body.
    pub(super) fn extend(&mut self, body: &[u8], cx: &mut Context<'_>) {
        let (cap, end): (usize, &[u8]) = match self.want {
            Want::Nothing => return,
            Want::Html => (PAGE_CAP, b"</title"),
            Want::Form => (PAGE_CAP, b""),
            Want::Xml => (XML_CAP, b"</root>"),
        };
        let known = self.bytes.len();
        let part = body.get(..cap.saturating_sub(known)).unwrap_or(body);
        self.bytes.extend_from_slice(part);
        let mut from = (known + 1).saturating_sub(end.len());
        while let Some(at) = self.find(end, from) {
            from = at + end.len();
            if self.tell_early(from, cx) {
                return;
            }
        }
        if self.bytes.len() >= cap {
            self.finish(cx);
        }
    }

    /// Where `end` starts, at or after `from`; nowhere once it was found often enough.
    fn find(&self, end: &[u8], from: usize) -> Option<usize> {
        if end.is_empty() || self.attempts >= ATTEMPTS_CAP {
            return None;
        }
        let fresh = self.bytes.get(from..)?;
        fresh.windows(end.len()).position(|window| window.eq_ignore_ascii_case(end)).map(|at| from + at)
    }

    /// The first `length` bytes look complete: tell what they say, so that a connection that stays open or breaks off
    /// keeps nothing back. False where it was no end after all (in a comment) and reading goes on.
    fn tell_early(&mut self, length: usize, cx: &mut Context<'_>) -> bool {
        self.attempts += 1;
        let head = self.bytes.get(..length).unwrap_or_default();
        let told = match self.want {
            Want::Xml => markup::tell_description(head, cx),
            _ => markup::tell_title(head, cx),
        };
        if told {
            *self = Sample::default();
        }
        told
    }

    /// The body is over, or enough of it is known: tell what it says.
    pub(super) fn finish(&mut self, cx: &mut Context<'_>) {
        match std::mem::take(&mut self.want) {
            Want::Nothing => return,
            Want::Html => {
                markup::tell_title(&self.bytes, cx);
            }
            Want::Form => login::tell_form("form", &self.bytes, cx),
            Want::Xml => {
                let _ = markup::tell_description(&self.bytes, cx) || markup::tell_title(&self.bytes, cx);
            }
        }
        self.bytes = Vec::new();
    }

    /// Bytes of the body were lost: what is known of it no longer hangs together.
    pub(super) fn abandon(&mut self) {
        *self = Sample::default();
    }
}
