//! A window over a byte stream: one buffer, refilled in large blocks, from which records are read in place.
//!
//! Rule 1: the buffer grows only to the size a caller asks for, and callers ask for bounded sizes.
//! Rule 2: a read error ends the stream and is kept as text, so that what came before it is still used.

use std::io::{ErrorKind, Read};

/// Size of the buffer where an input is read alone.
pub(crate) const BLOCK: usize = 1 << 18;

/// The window.
pub(crate) struct Window {
    source: Box<dyn Read + Send>,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    offset: u64,
    ended: bool,
    failure: Option<String>,
}

impl Window {
    /// A window of `block` bytes over `source`.
    pub fn new(source: Box<dyn Read + Send>, block: usize) -> Window {
        Window { source, buffer: vec![0; block.max(64)], start: 0, end: 0, offset: 0, ended: false, failure: None }
    }

    /// The bytes at hand.
    #[inline]
    pub fn bytes(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or(&[])
    }

    /// `length` bytes from `at`, counted from the start of the bytes at hand.
    #[inline]
    pub fn part(&self, at: usize, length: usize) -> &[u8] {
        let from = self.start + at;
        self.buffer.get(from..from + length).unwrap_or(&[])
    }

    /// Where the bytes at hand start in the stream.
    #[inline]
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Why the stream ended early, where it did.
    pub fn failure(&self) -> Option<&str> {
        self.failure.as_deref()
    }

    /// True when at least `length` bytes are at hand, after reading more where needed.
    #[inline]
    pub fn ensure(&mut self, length: usize) -> bool {
        self.end - self.start >= length || self.fill(length)
    }

    /// Drop `length` bytes that are at hand.
    #[inline]
    pub fn consume(&mut self, length: usize) {
        let length = length.min(self.end - self.start);
        self.start += length;
        self.offset += length as u64;
    }

    /// Drop `length` bytes, reading on where they are not at hand; false where the stream ended before.
    pub fn skip(&mut self, mut length: u64) -> bool {
        loop {
            let here = ((self.end - self.start) as u64).min(length);
            self.consume(here as usize);
            length -= here;
            if length == 0 {
                return true;
            }
            if !self.fill(1) {
                return false;
            }
        }
    }

    #[cold]
    #[inline(never)]
    fn fill(&mut self, length: usize) -> bool {
        if self.ended {
            return false;
        }
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        if self.buffer.len() < length {
            self.buffer.resize(length, 0);
        }
        while self.end < length {
            match self.source.read(&mut self.buffer[self.end..]) {
                Ok(0) => self.ended = true,
                Ok(count) => self.end += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    self.failure = Some(error.to_string());
                    self.ended = true;
                }
            }
            if self.ended {
                return self.end >= length;
            }
        }
        true
    }
}
