//! One TLS conversation: the record layer (RFC 8446 §5, RFC 5246 §6) and handshake messages put together from it.

use super::{alert, hello, stapled, x509};
use crate::{Context, Dissector, Probe, Progress, Who};

/// Content type, version and length.
pub(super) const HEAD: usize = 5; // bytes
/// Longest record: 2^14 and what old versions may add (RFC 5246 §6.2.3).
const RECORD_LIMIT: usize = 16_384 + 2048; // bytes
/// Longest handshake message that is put together.
const MESSAGE_LIMIT: usize = 131_072; // bytes
/// Handshake type and length.
const MESSAGE_HEAD: usize = 4; // bytes

pub(super) const CHANGE_CIPHER_SPEC: u8 = 20;
pub(super) const ALERT: u8 = 21;
pub(super) const HANDSHAKE: u8 = 22;
pub(super) const APPLICATION_DATA: u8 = 23;

const CLIENT_HELLO: u8 = 1;
const SERVER_HELLO: u8 = 2;
const HELLO_RETRY_REQUEST: u8 = 6; // Drafts of TLS 1.3 only.
const CERTIFICATE: u8 = 11;
const CERTIFICATE_REQUEST: u8 = 13;
const CERTIFICATE_STATUS: u8 = 22;

/// A record's head.
pub(super) struct Head {
    /// Content type.
    pub content: u8,
    /// Minor version: 0 for SSL 3.0, 1 for TLS 1.0 …
    pub minor: u8,
    /// Bytes of the body.
    pub length: usize, // bytes
}

impl Head {
    /// A head, or `None` where these bytes are none.
    pub(super) fn read(bytes: &[u8; HEAD]) -> Option<Head> {
        let [content, major, minor, high, low] = *bytes;
        let length = usize::from(u16::from_be_bytes([high, low]));
        let valid = (20..=24).contains(&content) && major == 3 && minor <= 4 && length <= RECORD_LIMIT;
        valid.then_some(Head { content, minor, length })
    }
}

/// True for handshake types that exist (RFC 8446 §4, RFC 5246 §7.4 and the registry).
pub(super) fn is_handshake(kind: u8) -> bool {
    matches!(kind, 0..=6 | 8 | 11..=16 | 20..=26 | 67)
}

/// One direction.
#[derive(Default)]
struct Side {
    /// Bytes of a record's body that are still to be skipped.
    skip: usize, // bytes
    /// Bytes of a handshake message that are still to be skipped.
    skip_message: usize, // bytes
    /// The beginning of a handshake message that goes on in the next record.
    message: Vec<u8>,
    /// A record was read.
    started: bool,
    /// The place in the stream is unknown.
    lost: bool,
    /// ChangeCipherSpec was seen: handshake records are encrypted, except the hello after a HelloRetryRequest.
    changed: bool,
    /// An encrypted record was seen: no handshake follows in clear.
    sealed: bool,
}

enum Step {
    Used(usize),
    More,
    Reject,
}

/// The reader of one conversation.
#[derive(Default)]
pub(super) struct Reading {
    sides: [Side; 2],
}

impl Dissector for Reading {
    fn read(&mut self, data: &[u8], cx: &mut Context<'_>) -> Progress {
        let index = usize::from(!cx.from_client);
        let known = self.sides[1 - index].started;
        let side = &mut self.sides[index];
        let mut used = 0;
        while used < data.len() {
            match side.step(&data[used..], known, cx) {
                Step::Used(count) => used += count,
                Step::More => break,
                Step::Reject => return Progress::Reject,
            }
        }
        match self.sides.iter().all(|side| side.sealed) {
            true => Progress::Done,
            false => Progress::Used(used),
        }
    }

    fn gap(&mut self, from_client: bool, lost: u64) {
        let side = &mut self.sides[usize::from(!from_client)];
        side.message.clear();
        side.skip_message = 0;
        // Where the loss lies within the body of a record that is skipped anyway, the place stays known.
        match usize::try_from(lost) {
            Ok(lost) if lost <= side.skip && side.skip > 0 => side.skip -= lost,
            _ => (side.skip, side.lost) = (0, true),
        }
    }
}

impl Side {
    fn step(&mut self, data: &[u8], known: bool, cx: &mut Context<'_>) -> Step {
        if self.skip > 0 {
            let used = self.skip.min(data.len());
            self.skip -= used;
            return Step::Used(used);
        }
        if self.lost {
            match super::claim(data) {
                Probe::Yes(_) => self.lost = false,
                Probe::More if !cx.snapped => return Step::More,
                _ => return Step::Used(data.len()),
            }
        }
        let Some((bytes, body)) = data.split_first_chunk::<HEAD>() else {
            return Step::More;
        };
        match Head::read(bytes) {
            Some(head) => {
                self.started = true;
                self.record(&head, body, cx)
            }
            None => self.stray(data, known, cx),
        }
    }

    /// Bytes that are no record: an SSL 2.0 shaped hello, or a place that is not known (any more).
    fn stray(&mut self, data: &[u8], known: bool, cx: &mut Context<'_>) -> Step {
        if !self.started && cx.from_client {
            if data.len() < hello::SSL2_HEAD && matches!(data, [0x80..=0xff, _, 1, ..]) {
                return Step::More;
            }
            if let Some(length) = hello::ssl2_length(data) {
                if data.len() < length {
                    return Step::More;
                }
                self.started = true;
                hello::ssl2_client(&data[..length], cx);
                return Step::Used(length);
            }
        }
        if !self.started && !known {
            return Step::Reject;
        }
        cx.malformed("record", "no record begins where one must");
        self.lost = true;
        self.message.clear();
        Step::Used(data.len())
    }

    fn record(&mut self, head: &Head, body: &[u8], cx: &mut Context<'_>) -> Step {
        match head.content {
            HANDSHAKE if !self.sealed => self.handshake(head, body, cx),
            ALERT if head.length == 2 => match *body {
                [level @ 1..=2, description, ..] => {
                    cx.fact(&alert::KIND)
                        .uint(alert::level, level)
                        .uint(alert::description, description)
                        .emit_to(Who::Sender, Who::Receiver);
                    Step::Used(HEAD + 2)
                }
                [_, _, ..] => self.pass(head),
                _ => Step::More,
            },
            APPLICATION_DATA => {
                self.seal();
                self.pass(head)
            }
            CHANGE_CIPHER_SPEC => {
                self.changed = true;
                self.pass(head)
            }
            ALERT if self.changed => {
                self.seal();
                self.pass(head)
            }
            _ => self.pass(head),
        }
    }

    fn seal(&mut self) {
        self.sealed = true;
        self.message = Vec::new();
    }

    fn pass(&mut self, head: &Head) -> Step {
        self.skip = head.length;
        Step::Used(HEAD)
    }

    fn handshake(&mut self, head: &Head, body: &[u8], cx: &mut Context<'_>) -> Step {
        if self.changed && self.message.is_empty() {
            match body.get(..MESSAGE_HEAD + 2) {
                None if body.len() < head.length && !cx.snapped => return Step::More,
                Some([1 | 2, a, b, c, 3, _]) if fits(*a, *b, *c, head.length) => {}
                _ => {
                    self.seal();
                    return self.pass(head);
                }
            }
        }
        let Some(whole) = body.get(..head.length) else {
            if !cx.snapped {
                return Step::More;
            }
            self.cut_short(body, cx);
            self.lost = true;
            return Step::Used(HEAD + body.len());
        };
        self.fragment(whole, cx);
        Step::Used(HEAD + head.length)
    }

    /// The body of a handshake record: ends, wholes and beginnings of messages.
    fn fragment(&mut self, mut body: &[u8], cx: &mut Context<'_>) {
        while !body.is_empty() && !self.sealed {
            if self.skip_message > 0 {
                let count = self.skip_message.min(body.len());
                self.skip_message -= count;
                body = &body[count..];
                continue;
            }
            if self.message.is_empty() {
                if let Some((kind, content, rest)) = whole_message(body) {
                    if !is_handshake(kind) {
                        return self.seal();
                    }
                    message(kind, content, true, cx);
                    body = rest;
                    continue;
                }
            }
            body = self.collect(body, cx);
        }
    }

    /// Take what the message begun still lacks, and read it when it is whole.
    fn collect<'a>(&mut self, body: &'a [u8], cx: &mut Context<'_>) -> &'a [u8] {
        let wanted = message_length(&self.message).unwrap_or(MESSAGE_HEAD);
        let count = wanted.saturating_sub(self.message.len()).min(body.len());
        let (taken, rest) = body.split_at(count);
        self.message.extend_from_slice(taken);
        let Some(total) = message_length(&self.message) else {
            return rest;
        };
        if self.message.len() == MESSAGE_HEAD {
            if !self.message.first().is_some_and(|&kind| is_handshake(kind)) {
                self.seal();
                return &[];
            }
            if total > MESSAGE_LIMIT {
                cx.malformed("handshake_length", "over 128 KiB");
                self.skip_message = total - MESSAGE_HEAD;
                self.message.clear();
                return rest;
            }
        }
        if self.message.len() >= total {
            let mut bytes = std::mem::take(&mut self.message);
            if let Some((kind, content, _)) = whole_message(&bytes) {
                message(kind, content, true, cx);
            }
            bytes.clear();
            self.message = bytes;
        }
        rest
    }

    /// A handshake record of which the capture kept only the beginning.
    fn cut_short(&mut self, body: &[u8], cx: &mut Context<'_>) {
        if let ([kind, _, _, _, content @ ..], true) = (body, self.message.is_empty()) {
            match whole_message(body) {
                Some(_) => self.fragment(body, cx),
                None => message(*kind, content, false, cx),
            }
        }
        self.message.clear();
    }
}

/// True where a message of this length lies within the record.
fn fits(a: u8, b: u8, c: u8, record: usize) -> bool {
    let length = u32::from_be_bytes([0, a, b, c]) as usize;
    length + MESSAGE_HEAD <= record
}

/// Bytes of the message that begins here, head included.
fn message_length(bytes: &[u8]) -> Option<usize> {
    match *bytes {
        [_, a, b, c, ..] => Some(u32::from_be_bytes([0, a, b, c]) as usize + MESSAGE_HEAD),
        _ => None,
    }
}

/// Type and content of the message that begins here, and what follows it.
fn whole_message(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (message, rest) = bytes.split_at_checked(message_length(bytes)?)?;
    Some((*message.first()?, message.get(MESSAGE_HEAD..)?, rest))
}

/// One handshake message; `whole` is false where the capture cut it short.
fn message(kind: u8, content: &[u8], whole: bool, cx: &mut Context<'_>) {
    match kind {
        CLIENT_HELLO => hello::client(content, whole, cx),
        SERVER_HELLO => hello::server(content, cx),
        HELLO_RETRY_REQUEST => hello::draft_retry(content, cx),
        CERTIFICATE => x509::chain(content, cx),
        CERTIFICATE_REQUEST => x509::request(content, cx),
        CERTIFICATE_STATUS => stapled::status(content, cx),
        _ => {}
    }
}
