//! TPKT and COTP class 0. RFC 1006 §6, ISO 8073 §13.
//!
//! Rule 1: an empty DT is an acknowledgement that S7 stations exchange, not a fragment.

use crate::{Hint, Probe};
use ringfence_wire::Reader;

/// Bytes of TPKT header.
pub(super) const TPKT: usize = 4; // bytes
const LIKELY: u8 = 55; // S7-shaped TSAPs only
const SURE: u8 = 98;

/// What stands at the front of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Head {
    /// Too few bytes to tell.
    Short,
    /// No TPKT.
    Bad,
    /// A TPKT of this many bytes.
    Whole(usize),
}

/// Look for a TPKT at the front of `data`.
pub(super) fn head(data: &[u8]) -> Head {
    let Some(&[3, 0, high, low, li, kind]) = data.first_chunk::<6>() else {
        return if [3, 0].starts_with(&data[..data.len().min(2)]) && data.len() < 6 { Head::Short } else { Head::Bad };
    };
    let length = usize::from(u16::from_be_bytes([high, low]));
    let known = matches!(kind & 0xf0, 0x10 | 0x20 | 0x50 | 0x60 | 0x70 | 0x80 | 0xc0 | 0xd0 | 0xe0 | 0xf0);
    if length < TPKT + 2 || li == 0 || TPKT + 1 + usize::from(li) > length || !known {
        return Head::Bad;
    }
    Head::Whole(length)
}

/// One transport PDU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tpdu<'a> {
    /// CR or CC with the TSAPs it names.
    Connect { confirm: bool, calling: Option<&'a [u8]>, called: Option<&'a [u8]> },
    /// DT: true where the TSDU ends with it.
    Data { end: bool, payload: &'a [u8] },
    /// Disconnect, error, expedited data …
    Other,
    /// The header contradicts itself.
    Bad(&'static str),
}

/// Read the TPDU inside a whole TPKT.
pub(super) fn tpdu(packet: &[u8]) -> Tpdu<'_> {
    let mut reader = Reader::new(packet);
    let (Some(_), Some(li)) = (reader.skip(TPKT), reader.u8()) else {
        return Tpdu::Bad("shorter than a TPKT header");
    };
    let Some(mut header) = reader.sub(usize::from(li)) else {
        return Tpdu::Bad("header longer than the TPKT");
    };
    match header.u8().map(|kind| kind & 0xf0) {
        Some(0xf0) => match header.rest().last() {
            Some(number) => Tpdu::Data { end: number & 0x80 != 0, payload: reader.rest() },
            None => Tpdu::Bad("DT without a TPDU number"),
        },
        Some(kind @ (0xe0 | 0xd0)) => connect(header, kind == 0xd0),
        Some(_) => Tpdu::Other,
        None => Tpdu::Bad("empty header"),
    }
}

fn connect(mut header: Reader<'_>, confirm: bool) -> Tpdu<'_> {
    let (mut calling, mut called) = (None, None);
    if header.skip(5).is_none() {
        return Tpdu::Bad("connect shorter than 6 bytes");
    }
    while !header.is_empty() {
        let (Some(code), Some(length)) = (header.u8(), header.u8()) else {
            return Tpdu::Bad("parameter cut short");
        };
        let Some(value) = header.take(usize::from(length)) else {
            return Tpdu::Bad("parameter longer than the header");
        };
        match code {
            0xc1 => calling = Some(value),
            0xc2 => called = Some(value),
            _ => {}
        }
    }
    Tpdu::Connect { confirm, calling, called }
}

/// Rack and slot that a called TSAP of S7 shape (`kind, rack << 5 | slot`) asks for.
pub(super) fn rack_and_slot(called: &[u8]) -> Option<(u8, u8)> {
    match called {
        [1..=3 | 0x10..=0xdf, place] => Some((place >> 5, place & 0x1f)),
        _ => None,
    }
}

fn is_s7_shaped(calling: &[u8], called: &[u8]) -> bool {
    let simatic = called.starts_with(b"SIMATIC-ROOT");
    simatic || calling.len() == 2 && matches!(called, [1..=3, _])
}

/// Claim S7 on the first TSDU's protocol id, or with less confidence on the TSAPs of a connect.
pub(super) fn probe(data: &[u8], _hint: &Hint) -> Probe {
    if data.first() != Some(&3) {
        return Probe::No;
    }
    let mut rest = data;
    let mut connected = false;
    // A connect and a few empty DTs may stand before the first TSDU.
    for _ in 0..8 {
        let length = match head(rest) {
            Head::Whole(length) => length,
            Head::Bad => return Probe::No,
            Head::Short => break,
        };
        let packet = &rest[..length.min(rest.len())];
        match tpdu(packet) {
            Tpdu::Data { payload, .. } if !payload.is_empty() => return first_tsdu(payload),
            Tpdu::Data { .. } | Tpdu::Other => {}
            Tpdu::Connect { calling, called, .. } => {
                connected |= is_s7_shaped(calling.unwrap_or_default(), called.unwrap_or_default());
            }
            Tpdu::Bad(_) if packet.len() < length => break,
            Tpdu::Bad(_) => return Probe::No,
        }
        rest = &rest[packet.len()..];
    }
    match connected {
        true => Probe::Yes(LIKELY),
        false => Probe::More,
    }
}

fn first_tsdu(payload: &[u8]) -> Probe {
    match payload {
        [0x32, 1 | 2 | 3 | 7, ..] => Probe::Yes(SURE),
        [0x72, 1..=3 | 0xfe | 0xff, ..] => Probe::Yes(SURE),
        [0x32] | [0x72] => Probe::More,
        _ => Probe::No,
    }
}
