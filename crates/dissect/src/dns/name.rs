//! A domain name as text. RFC 1035 §3.1, RFC 4343 §2.1.
//!
//! Rule 1: two texts are made of a name: as sent (labels joined by dots, bytes untouched) and a key that is equal
//! for equal names. The root is `.`.

use domain::base::ParsedName;

/// A name as sent fits: at most 255 bytes on the wire, the first length byte making room for the dots.
const SENT_CAP: usize = 256; // bytes
/// Each byte of a key grows to four at most.
const KEY_CAP: usize = 1024; // bytes

/// Text built in place: what is over the capacity is dropped, which names of legal length never reach.
pub(super) struct Line<const N: usize> {
    bytes: [u8; N],
    length: usize,
}

impl<const N: usize> Line<N> {
    fn new() -> Self {
        Line { bytes: [0; N], length: 0 }
    }

    #[inline]
    fn push(&mut self, byte: u8) {
        if let Some(slot) = self.bytes.get_mut(self.length) {
            *slot = byte;
            self.length += 1;
        }
    }

    /// The text.
    #[inline]
    pub(super) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    fn or_root(mut self) -> Self {
        if self.length == 0 {
            self.push(b'.');
        }
        self
    }
}

impl<const N: usize> AsRef<[u8]> for Line<N> {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

/// The name with its labels as sent.
pub(super) fn sent(name: &ParsedName<&[u8]>) -> Line<SENT_CAP> {
    let mut line = Line::new();
    for label in name.iter().filter(|label| !label.is_root()) {
        if line.length > 0 {
            line.push(b'.');
        }
        label.as_slice().iter().for_each(|byte| line.push(*byte));
    }
    line.or_root()
}

/// The name in lower case; dots and backslashes in labels as `\.` and `\\`, bytes that don't print as `\DDD`.
pub(super) fn key(name: &ParsedName<&[u8]>) -> Line<KEY_CAP> {
    let mut line = Line::new();
    for label in name.iter().filter(|label| !label.is_root()) {
        if line.length > 0 {
            line.push(b'.');
        }
        for byte in label.as_slice() {
            match byte {
                b'.' | b'\\' => {
                    line.push(b'\\');
                    line.push(*byte);
                }
                0x21..=0x7e => line.push(byte.to_ascii_lowercase()),
                _ => {
                    line.push(b'\\');
                    [byte / 100, byte / 10 % 10, byte % 10].iter().for_each(|digit| line.push(b'0' + digit));
                }
            }
        }
    }
    line.or_root()
}

/// The name as sent, but from the first label that starts with an underscore on in lower case: people choose the
/// spelling of instances and hosts, and it is shown to people; a service type is one whatever its case.
pub(super) fn service(name: &ParsedName<&[u8]>) -> Line<SENT_CAP> {
    let mut line = Line::new();
    let mut lower = false;
    for label in name.iter().filter(|label| !label.is_root()) {
        if line.length > 0 {
            line.push(b'.');
        }
        lower |= label.as_slice().first() == Some(&b'_');
        for byte in label.as_slice() {
            line.push(if lower { byte.to_ascii_lowercase() } else { *byte });
        }
    }
    line.or_root()
}
