//! Header, questions and records of a message, one after another. RFC 1035 §4.1.
//!
//! Rule 1: nothing is read ahead: what comes before a fault has been handed out when the fault is met.

use super::name::{labels, Read};
use ringfence_wire::Reader;

/// Bytes of the header.
pub(super) const HEADER: usize = 12;

/// The header's flags and counts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    flags: u16,
    /// Questions, answers, authority records, additional records.
    pub(super) counts: [u16; 4],
}

impl Header {
    pub(super) fn read(message: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(message);
        reader.skip(2)?;
        let flags = reader.u16()?;
        Some(Header { flags, counts: [reader.u16()?, reader.u16()?, reader.u16()?, reader.u16()?] })
    }

    pub(super) fn is_response(self) -> bool {
        self.flags & 0x8000 != 0
    }

    pub(super) fn opcode(self) -> u8 {
        (self.flags >> 11) as u8 & 15
    }

    pub(super) fn status(self) -> u8 {
        self.flags as u8 & 15
    }

    /// Authoritative answer or recursion available: a responder's bits.
    pub(super) fn has_responder_bits(self) -> bool {
        self.flags & 0x0480 != 0
    }
}

/// A question. Its name is read where it is told, from the place where it starts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Question {
    pub(super) name_at: usize,
    pub(super) rtype: u16,
    pub(super) class: u16,
    pub(super) end: usize,
}

impl Question {
    /// The question at byte `at`, whose name ends as `name` says.
    pub(super) fn read(message: &[u8], at: usize) -> Option<Self> {
        let after = name_end(message, at)?;
        let mut reader = Reader::new(message.get(after..)?);
        Some(Question { name_at: at, rtype: reader.u16()?, class: reader.u16()?, end: after + 4 })
    }
}

/// A record's fixed part.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    pub(super) name_at: usize,
    pub(super) rtype: u16,
    pub(super) ttl: u32,
    /// Where its data starts.
    pub(super) data_at: usize,
    /// Where its data says to end, which may be past the message's end.
    pub(super) end: usize,
}

impl Row {
    /// The record at byte `at`.
    pub(super) fn read(message: &[u8], at: usize) -> Option<Self> {
        let after = name_end(message, at)?;
        let mut reader = Reader::new(message.get(after..)?);
        let rtype = reader.u16()?;
        reader.skip(2)?;
        let ttl = reader.u32()?;
        let length = usize::from(reader.u16()?);
        let data_at = after + 10;
        Some(Row { name_at: at, rtype, ttl, data_at, end: data_at + length })
    }

    /// Its data, where all of it is there.
    pub(super) fn data(self, message: &[u8]) -> Option<&[u8]> {
        message.get(self.data_at..self.end)
    }
}

/// Where what follows the name at `at` starts: the name itself need not be readable.
fn name_end(message: &[u8], at: usize) -> Option<usize> {
    let mut at = at;
    loop {
        match *message.get(at)? {
            0 => return Some(at + 1),
            length @ 1..=0x3f => at += 1 + usize::from(length),
            0xc0.. => return Some(at + 2),
            _ => return None,
        }
    }
}

/// True where the name at `at` can be read and `accept` takes each of its labels.
pub(super) fn name_is(message: &[u8], at: usize, accept: impl Fn(&[u8]) -> bool) -> bool {
    let mut accepted = true;
    matches!(labels(message, at, |label| accepted &= accept(label)), Read::Whole(_)) && accepted
}
