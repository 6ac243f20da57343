//! A window over a byte stream: one buffer, refilled in large blocks, from which records are read in place.
//!
//! Rule 1: the buffer grows only to half more than a caller asks for, and callers ask for bounded sizes.
//! Rule 2: a read error ends the stream and is kept as text, so that what came before it is still used.
//! Rule 3: who keeps the buffer (`shared`) keeps what it holds: the window then reads on into another one, and takes the
//! first back once nobody else has it.

use std::io::{ErrorKind, Read};
use std::sync::Arc;

/// Size of the buffer where an input is read alone.
pub(crate) const BLOCK: usize = 1 << 18;
/// So many bytes are moved to the front rather than read on behind them.
const CHEAP: usize = 1 << 15;
/// Most buffers that are waited for.
const SPARE_CAP: usize = 16;

/// The window.
pub(crate) struct Window {
    source: Box<dyn Read + Send>,
    buffer: Arc<Vec<u8>>,
    spare: Vec<Arc<Vec<u8>>>,
    start: usize,
    end: usize,
    offset: u64,
    ended: bool,
    failure: Option<String>,
}

impl Window {
    /// A window of `block` bytes over `source`.
    pub fn new(source: Box<dyn Read + Send>, block: usize) -> Window {
        Window {
            source,
            buffer: Arc::new(vec![0; block.max(64)]),
            spare: Vec::new(),
            start: 0,
            end: 0,
            offset: 0,
            ended: false,
            failure: None,
        }
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

    /// The buffer, and where in it the bytes at hand start.
    #[inline]
    pub fn shared(&self) -> (&Arc<Vec<u8>>, usize) {
        (&self.buffer, self.start)
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
        // Moving what is at hand for each few bytes would cost a hostile file's size times the buffer's.
        let cheap = self.end - self.start <= CHEAP;
        if cheap || self.start + length > self.buffer.len() || Arc::get_mut(&mut self.buffer).is_none() {
            self.move_up(length);
        }
        let length = self.start + length;
        let buffer = Arc::make_mut(&mut self.buffer);
        while self.end < length {
            match self.source.read(&mut buffer[self.end..]) {
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

    /// Bring the bytes at hand to the front of a buffer that nobody else has, with room for `length` bytes.
    fn move_up(&mut self, length: usize) {
        if Arc::get_mut(&mut self.buffer).is_none() {
            let free = self.spare.iter().position(|buffer| Arc::strong_count(buffer) == 1);
            let mut fresh = match free {
                Some(at) => self.spare.swap_remove(at),
                None => Arc::new(vec![0; self.buffer.len()]),
            };
            let bytes = self.bytes();
            let room = Arc::make_mut(&mut fresh);
            if room.len() < bytes.len() {
                room.resize(bytes.len(), 0);
            }
            room[..bytes.len()].copy_from_slice(bytes);
            self.end -= self.start;
            self.start = 0;
            let kept = std::mem::replace(&mut self.buffer, fresh);
            if self.spare.len() < SPARE_CAP {
                self.spare.push(kept);
            }
        }
        let buffer = Arc::make_mut(&mut self.buffer);
        buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        if buffer.len() < length {
            buffer.resize(length + length / 2, 0);
        }
    }
}
