//! pcapng (draft-ietf-opsawg-pcapng): sections, interfaces, packets, statistics; all else is skipped.
//!
//! Rule 1: interfaces count through all sections of an input, so that (input, interface) stays one thing.
//! Rule 2: a block whose length is impossible makes the reader look for the next block that closes itself.

use super::block::Window;
use super::{Head, Notes, CAPTURED_LIMIT, RESYNC_SPAN};

const SECTION: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const OBSOLETE_PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const STATISTICS: u32 = 5;
const ENHANCED_PACKET: u32 = 6;
const BYTE_ORDER: u32 = 0x1a2b_3c4d;
/// Most interfaces of one input; a hostile file could name one per 20 bytes.
const INTERFACE_CAP: usize = 4096;
/// Most bytes of a descriptive block that are read; names and filters fit, the rest of the block is skipped.
const DESCRIPTION_CAP: usize = 1 << 16;
/// A packet block holds its packet, its options and not much else.
const PACKET_BLOCK_CAP: u32 = CAPTURED_LIMIT + (1 << 16);
/// A longer block of any kind is taken as corrupt.
const OTHER_BLOCK_CAP: u32 = 1 << 26;
/// What a live reader looks at first for the next block: bytes.
const RESYNC_LIVE: usize = 256;
/// A live reader takes no block of such a type for one of a capture.
const FOREIGN: u32 = 0x100;
/// Link type of a packet whose interface was never described.
const UNKNOWN_LINK: u16 = u16::MAX;

/// Time stamps of one interface to nanoseconds.
#[derive(Clone, Copy)]
enum Resolution {
    /// Ticks times this.
    Times(i64),
    /// Ticks divided by this.
    Over(u64),
    /// Ticks are 2^-n seconds.
    Binary(u32),
}

#[derive(Clone, Copy)]
struct Interface {
    number: u16,
    link: u16,
    snap_length: u32,
    resolution: Resolution,
    offset_seconds: i64,
    link_told: bool,
}

/// Reader state of one pcapng stream.
pub(crate) struct Pcapng {
    swapped: bool,
    interfaces: Vec<Interface>,
    described: usize,
    pending: usize,
    last_time: i64,
    unknown_told: bool,
    /// Tell statistics as a head without a packet: they are the clock of a quiet network.
    ticks: bool,
}

/// True where the first four bytes are those of a section header.
pub(crate) fn recognises(magic: [u8; 4]) -> bool {
    u32::from_le_bytes(magic) == SECTION
}

#[inline]
fn four(bytes: &[u8], at: usize, swapped: bool) -> u32 {
    let value = match bytes.get(at..at + 4) {
        Some(b) => u32::from_le_bytes([b[0], b[1], b[2], b[3]]),
        None => 0,
    };
    if swapped {
        value.swap_bytes()
    } else {
        value
    }
}

#[inline]
fn two(bytes: &[u8], at: usize, swapped: bool) -> u16 {
    let value = match bytes.get(at..at + 2) {
        Some(b) => u16::from_le_bytes([b[0], b[1]]),
        None => 0,
    };
    if swapped {
        value.swap_bytes()
    } else {
        value
    }
}

/// A 64-bit option value, in the section's byte order.
fn eight(bytes: &[u8], swapped: bool) -> Option<u64> {
    let array: [u8; 8] = bytes.get(..8)?.try_into().ok()?;
    Some(if swapped { u64::from_be_bytes(array) } else { u64::from_le_bytes(array) })
}

#[inline]
fn nanoseconds(interface: &Interface, ticks: u64) -> i64 {
    let since = match interface.resolution {
        Resolution::Times(factor) => i64::try_from(ticks).unwrap_or(i64::MAX).saturating_mul(factor),
        Resolution::Over(divisor) => i64::try_from(ticks / divisor.max(1)).unwrap_or(i64::MAX),
        Resolution::Binary(shift) => {
            i64::try_from((u128::from(ticks) * 1_000_000_000) >> shift.min(127)).unwrap_or(i64::MAX)
        }
    };
    since.saturating_add(interface.offset_seconds.saturating_mul(1_000_000_000))
}

fn resolution_of(value: u8) -> Resolution {
    let exponent = u32::from(value & 0x7f);
    if value & 0x80 != 0 {
        return Resolution::Binary(exponent);
    }
    match exponent {
        0..=9 => Resolution::Times(10_i64.pow(9 - exponent)),
        10..=27 => Resolution::Over(10_u64.pow(exponent - 9)),
        _ => Resolution::Over(u64::MAX),
    }
}

/// Walk over the options in `bytes`, calling `each` with code and value.
fn options(bytes: &[u8], swapped: bool, mut each: impl FnMut(u16, &[u8])) {
    let mut at = 0;
    while at + 4 <= bytes.len() {
        let code = two(bytes, at, swapped);
        let length = usize::from(two(bytes, at + 2, swapped));
        let Some(value) = bytes.get(at + 4..at + 4 + length) else { return };
        if code == 0 {
            return;
        }
        each(code, value);
        at += 4 + length.next_multiple_of(4);
    }
}

fn text(value: &[u8]) -> String {
    let cut = value.iter().position(|&b| b == 0).unwrap_or(value.len()).min(256);
    String::from_utf8_lossy(&value[..cut]).into_owned()
}

impl Pcapng {
    /// A reader that stands before the first section header.
    pub fn new(ticks: bool) -> Pcapng {
        let (swapped, described) = (false, 0);
        Pcapng { swapped, interfaces: Vec::new(), described, pending: 0, last_time: 0, unknown_told: false, ticks }
    }

    /// The next packet's head, or None at the end.
    #[inline]
    pub fn step(&mut self, window: &mut Window, input: u16, notes: &mut Notes) -> Option<Head> {
        window.consume(self.pending);
        self.pending = 0;
        loop {
            if !window.ensure(12) {
                return end(window, input, notes);
            }
            let bytes = window.bytes();
            let kind = four(bytes, 0, self.swapped);
            if kind == SECTION && !self.section(bytes) {
                notes.problem(input, window.offset(), "a section header has no byte-order mark".into());
                if self.resynchronise(window, input, notes) {
                    continue;
                }
                return None;
            }
            let length = four(window.bytes(), 4, self.swapped);
            let packet = matches!(kind, ENHANCED_PACKET | SIMPLE_PACKET | OBSOLETE_PACKET);
            let foreign = self.ticks && kind >= FOREIGN && !matches!(kind, SECTION | 0xbad | 0x4000_0bad);
            if length < 12 || foreign || length > if packet { PACKET_BLOCK_CAP } else { OTHER_BLOCK_CAP } {
                let reason = format!("a block of type {kind} claims {length} bytes");
                notes.problem(input, window.offset(), reason);
                if self.resynchronise(window, input, notes) {
                    continue;
                }
                return None;
            }
            // Some writers do not count the padding.
            let padded = (length as usize).next_multiple_of(4);
            if !packet {
                match self.other(window, input, notes, kind, padded) {
                    None => return end(window, input, notes),
                    Some(Some(time)) if self.ticks => return Some(Head { time, tick: true, ..Head::default() }),
                    Some(_) => continue,
                }
            }
            if !window.ensure(padded) {
                return end(window, input, notes);
            }
            // Where a writer died inside a block, the next one's section lies in it.
            if self.ticks && four(window.bytes(), padded - 4, self.swapped) != length {
                notes.problem(input, window.offset(), "a packet block does not end as it began".into());
                if self.resynchronise(window, input, notes) {
                    continue;
                }
                return None;
            }
            match self.packet(window, input, notes, kind, padded) {
                Some(head) => {
                    self.pending = padded;
                    return Some(head);
                }
                None => window.consume(padded),
            }
        }
    }

    #[inline]
    fn packet(&mut self, window: &Window, input: u16, notes: &mut Notes, kind: u32, size: usize) -> Option<Head> {
        let swapped = self.swapped;
        let block = window.part(0, size);
        let header = if kind == SIMPLE_PACKET { 12 } else { 28 };
        if size < header + 4 {
            notes.problem(input, window.offset(), format!("a packet block of {size} bytes is too short"));
            return None;
        }
        let room = size - header - 4;
        let (which, ticks, captured, wire) = match kind {
            SIMPLE_PACKET => {
                let wire = four(block, 8, swapped);
                let snap = self.interfaces.first().map_or(0, |i| i.snap_length);
                let captured = if snap == 0 { wire } else { wire.min(snap) };
                (0, None, captured.min(room as u32), wire)
            }
            _ => {
                let which =
                    if kind == ENHANCED_PACKET { four(block, 8, swapped) } else { u32::from(two(block, 8, swapped)) };
                let ticks = u64::from(four(block, 12, swapped)) << 32 | u64::from(four(block, 16, swapped));
                (which as usize, Some(ticks), four(block, 20, swapped), four(block, 24, swapped))
            }
        };
        if captured as usize > room || captured > CAPTURED_LIMIT {
            let reason = format!("a packet claims {captured} bytes in a block with room for {room}");
            notes.problem(input, window.offset(), reason);
            return None;
        }
        let (interface, link) = match self.interfaces.get_mut(which) {
            Some(interface) => {
                if let Some(ticks) = ticks {
                    self.last_time = nanoseconds(interface, ticks);
                }
                if !interface.link_told {
                    interface.link_told = true;
                    notes.link_seen(input, interface.number, window.offset(), interface.link);
                }
                (interface.number, interface.link)
            }
            None => {
                if !self.unknown_told {
                    self.unknown_told = true;
                    let reason = format!("packets of interface {which}, which is described nowhere, are only counted");
                    notes.problem(input, window.offset(), reason);
                }
                (u16::MAX, UNKNOWN_LINK)
            }
        };
        if kind == ENHANCED_PACKET && room > (captured as usize).next_multiple_of(4) {
            let after = header + (captured as usize).next_multiple_of(4);
            options(block.get(after..size - 4).unwrap_or(&[]), swapped, |code, value| {
                // epb_dropcount: packets lost since the one before.
                if code == 4 {
                    notes.dropped_before(input, interface, eight(value, swapped).unwrap_or(0));
                }
            });
        } else if kind == OBSOLETE_PACKET {
            let drops = two(block, 10, swapped);
            if drops != u16::MAX && drops != 0 {
                notes.dropped_before(input, interface, u64::from(drops));
            }
        }
        let wire_length = wire.max(captured);
        let (time, length) = (self.last_time, captured as usize);
        Some(Head { time, wire_length, at: header, length, interface, link, tick: false })
    }

    /// Take the byte order of a section header; false where it has none.
    fn section(&mut self, bytes: &[u8]) -> bool {
        let little = four(bytes, 8, false);
        if little != BYTE_ORDER && little != BYTE_ORDER.swap_bytes() {
            return false;
        }
        self.swapped = little != BYTE_ORDER;
        self.interfaces.clear();
        true
    }

    /// A block that is no packet: read what describes, skip the rest; the time of statistics, None where the stream ended.
    #[cold]
    fn other(
        &mut self,
        window: &mut Window,
        input: u16,
        notes: &mut Notes,
        kind: u32,
        size: usize,
    ) -> Option<Option<i64>> {
        let mut time = None;
        if matches!(kind, INTERFACE | STATISTICS) {
            let wanted = size.min(DESCRIPTION_CAP);
            if !window.ensure(wanted) {
                return None;
            }
            let body = window.part(8, wanted.saturating_sub(if wanted == size { 12 } else { 8 })).to_vec();
            match kind {
                INTERFACE => self.describe(&body, input, notes, window.offset()),
                _ => time = self.statistics(&body, input, notes),
            }
        }
        let offset = window.offset();
        let whole = window.skip(size as u64);
        if !whole && window.failure().is_none() {
            notes.problem(input, offset, format!("the last block, of type {kind}, is cut short"));
        }
        whole.then_some(time)
    }

    fn describe(&mut self, body: &[u8], input: u16, notes: &mut Notes, offset: u64) {
        if self.described >= INTERFACE_CAP {
            if self.described == INTERFACE_CAP {
                notes.problem(input, offset, format!("more than {INTERFACE_CAP} interfaces; the others are not read"));
                self.described += 1;
            }
            return;
        }
        let link = two(body, 0, self.swapped);
        let snap_length = four(body, 4, self.swapped);
        let number = self.described as u16;
        self.described += 1;
        let mut interface = Interface {
            number,
            link,
            snap_length,
            resolution: Resolution::Times(1000),
            offset_seconds: 0,
            link_told: false,
        };
        let swapped = self.swapped;
        let info = notes.interface(input, number, link, snap_length);
        options(body.get(8..).unwrap_or(&[]), swapped, |code, value| match code {
            2 => info.name = text(value),
            3 => info.description = Some(text(value)),
            // The first byte of if_filter tells text (0) from byte code.
            11 if value.first() == Some(&0) => info.filter = Some(text(&value[1..])),
            12 => info.os = Some(text(value)),
            15 => info.hardware = Some(text(value)),
            9 => interface.resolution = resolution_of(value.first().copied().unwrap_or(6)),
            14 => interface.offset_seconds = eight(value, swapped).unwrap_or(0) as i64,
            _ => {}
        });
        self.interfaces.push(interface);
    }

    fn statistics(&mut self, body: &[u8], input: u16, notes: &mut Notes) -> Option<i64> {
        let swapped = self.swapped;
        let interface = self.interfaces.get(four(body, 0, swapped) as usize)?;
        let ticks = u64::from(four(body, 4, swapped)) << 32 | u64::from(four(body, 8, swapped));
        let time = (body.len() >= 12 && ticks > 0).then(|| nanoseconds(interface, ticks));
        let mut dropped: Option<u64> = None;
        options(body.get(12..).unwrap_or(&[]), swapped, |code, value| {
            // isb_ifdrop and isb_osdrop.
            if matches!(code, 5 | 7) {
                dropped = Some(dropped.unwrap_or(0).saturating_add(eight(value, swapped).unwrap_or(0)));
            }
        });
        if let Some(count) = dropped {
            notes.dropped_in_all(input, interface.number, count);
        }
        time
    }

    /// Look for the next block that closes itself; false where there is none.
    #[cold]
    fn resynchronise(&mut self, window: &mut Window, input: u16, notes: &mut Notes) -> bool {
        let from = window.offset();
        let most = RESYNC_SPAN + PACKET_BLOCK_CAP as usize;
        // A live source is not made to wait for more than twice what the next block takes.
        let mut wanted = if self.ticks { window.bytes().len().max(RESYNC_LIVE).min(most) } else { most };
        let found = loop {
            let more = window.ensure(wanted);
            let bytes = window.bytes();
            let found = (4..bytes.len().min(RESYNC_SPAN)).find(|&at| self.plausible(bytes, at));
            if found.is_some() || !more || wanted == most {
                break found;
            }
            wanted = (2 * wanted).min(most);
        };
        let bytes = window.bytes();
        let length = found.unwrap_or(bytes.len());
        window.consume(length);
        let reason = match found {
            Some(_) => format!("read on after {length} skipped bytes"),
            None => "no later block could be found".to_owned(),
        };
        notes.problem(input, from, reason);
        found.is_some()
    }

    fn plausible(&self, bytes: &[u8], at: usize) -> bool {
        let kind = four(bytes, at, self.swapped);
        let mut swapped = self.swapped;
        match kind {
            SECTION => match four(bytes, at + 8, false) {
                BYTE_ORDER => swapped = false,
                mark if mark == BYTE_ORDER.swap_bytes() => swapped = true,
                _ => return false,
            },
            INTERFACE | SIMPLE_PACKET | OBSOLETE_PACKET | STATISTICS | ENHANCED_PACKET => {}
            _ => return false,
        }
        let length = four(bytes, at + 4, swapped);
        if !(16..=PACKET_BLOCK_CAP).contains(&length) || !length.is_multiple_of(4) {
            return false;
        }
        let close = at + length as usize - 4;
        close + 4 <= bytes.len() && four(bytes, close, swapped) == length
    }
}

#[cold]
fn end(window: &mut Window, input: u16, notes: &mut Notes) -> Option<Head> {
    let left = window.bytes().len();
    if let Some(failure) = window.failure() {
        let reason = format!("the input could not be read further: {failure}");
        notes.problem(input, window.offset() + left as u64, reason);
    } else if left > 0 {
        notes.problem(input, window.offset(), format!("the last block is cut short, {left} bytes are left over"));
    }
    window.consume(left);
    None
}
