//! Classic pcap (draft-ietf-opsawg-pcap): microseconds, nanoseconds, both byte orders, and Kuznetzov's longer records.
//!
//! Rule 1: a record that claims more than 256 KiB is taken as corrupt; the reader then looks for two plausible records
//! in a row within the next MiB, and stops where there are none.

use super::block::Window;
use super::{Head, Notes, CAPTURED_LIMIT, RESYNC_SPAN};

const FILE_HEADER: usize = 24;
const MICROSECONDS: u32 = 0xa1b2_c3d4;
const NANOSECONDS: u32 = 0xa1b2_3c4d;
const KUZNETZOV: u32 = 0xa1b2_cd34;
/// Two records in a row may lie this far apart in time to count as plausible: about a year.
const PLAUSIBLE_SECONDS: u64 = 366 * 86_400;

/// Reader state of one classic pcap stream.
pub(crate) struct Pcap {
    swapped: bool,
    nanoseconds_per_tick: i64,
    record_header: usize,
    lengths_may_be_swapped: bool,
    link: u16,
    interface: u16,
    pending: usize,
    seconds: u32,
}

/// True where the first four bytes are those of a classic pcap.
pub(crate) fn recognises(magic: [u8; 4]) -> bool {
    order_of(magic).is_some()
}

fn order_of(magic: [u8; 4]) -> Option<(bool, u32)> {
    let little = u32::from_le_bytes(magic);
    let big = u32::from_be_bytes(magic);
    let known = |number: u32| matches!(number, MICROSECONDS | NANOSECONDS | KUZNETZOV);
    if known(little) {
        Some((false, little))
    } else if known(big) {
        Some((true, big))
    } else {
        None
    }
}

#[inline]
fn number(bytes: &[u8], at: usize, swapped: bool) -> u32 {
    let value = match bytes.get(at..at + 4) {
        Some(four) => u32::from_le_bytes([four[0], four[1], four[2], four[3]]),
        None => 0,
    };
    if swapped {
        value.swap_bytes()
    } else {
        value
    }
}

impl Pcap {
    /// Read the file header; the window stands after it then.
    pub fn open(window: &mut Window, input: u16, notes: &mut Notes) -> Option<Pcap> {
        if !window.ensure(FILE_HEADER) {
            notes.problem(input, 0, "the pcap file header is cut short".into());
            return None;
        }
        let header: Vec<u8> = window.part(0, FILE_HEADER).to_vec();
        let (swapped, magic) = order_of([header[0], header[1], header[2], header[3]])?;
        let version = number(&header, 4, swapped);
        let minor = if swapped { version & 0xffff } else { version >> 16 };
        let snap_length = number(&header, 16, swapped);
        // The upper half of the field tells of an FCS, the lower is the link type.
        let link = (number(&header, 20, swapped) & 0xffff) as u16;
        window.consume(FILE_HEADER);
        notes.interface(input, 0, link, snap_length);
        notes.link_seen(input, 0, 0, link);
        Some(Pcap {
            swapped,
            nanoseconds_per_tick: if magic == NANOSECONDS { 1 } else { 1000 },
            record_header: if magic == KUZNETZOV { 24 } else { 16 },
            lengths_may_be_swapped: minor < 4,
            link,
            interface: 0,
            pending: 0,
            seconds: 0,
        })
    }

    /// The next record's head, or None at the end.
    #[inline]
    pub fn step(&mut self, window: &mut Window, input: u16, notes: &mut Notes) -> Option<Head> {
        window.consume(self.pending);
        self.pending = 0;
        loop {
            if !window.ensure(self.record_header) {
                return self.end(window, input, notes);
            }
            let bytes = window.bytes();
            let seconds = number(bytes, 0, self.swapped);
            let fraction = number(bytes, 4, self.swapped);
            let mut captured = number(bytes, 8, self.swapped);
            let mut wire = number(bytes, 12, self.swapped);
            if self.lengths_may_be_swapped && captured > wire {
                std::mem::swap(&mut captured, &mut wire);
            }
            if captured > CAPTURED_LIMIT {
                if self.resynchronise(window, input, notes, captured) {
                    continue;
                }
                return None;
            }
            let whole = self.record_header + captured as usize;
            if !window.ensure(whole) {
                return self.end(window, input, notes);
            }
            self.seconds = seconds;
            self.pending = whole;
            return Some(Head {
                time: i64::from(seconds) * 1_000_000_000 + i64::from(fraction) * self.nanoseconds_per_tick,
                wire_length: wire.max(captured),
                at: self.record_header,
                length: captured as usize,
                interface: self.interface,
                link: self.link,
                tick: false,
            });
        }
    }

    #[cold]
    fn end(&mut self, window: &mut Window, input: u16, notes: &mut Notes) -> Option<Head> {
        let left = window.bytes().len();
        if let Some(failure) = window.failure() {
            let reason = format!("the input could not be read further: {failure}");
            notes.problem(input, window.offset() + left as u64, reason);
        } else if left > 0 {
            notes.problem(input, window.offset(), format!("the last packet is cut short, {left} bytes are left over"));
        }
        window.consume(left);
        None
    }

    /// Look for the next plausible record; false where there is none.
    #[cold]
    fn resynchronise(&mut self, window: &mut Window, input: u16, notes: &mut Notes, captured: u32) -> bool {
        let from = window.offset();
        // Whether all of the span can be had does not matter: what there is, is searched.
        let _ = window.ensure(RESYNC_SPAN + CAPTURED_LIMIT as usize);
        let bytes = window.bytes();
        let last = bytes.len().min(RESYNC_SPAN);
        let found = (1..last).find(|&at| {
            self.plausible(bytes, at).is_some_and(|next| next == bytes.len() || self.plausible(bytes, next).is_some())
        });
        match found {
            Some(at) => {
                window.consume(at);
                let reason = format!("a record claims {captured} bytes; read on after {at} skipped bytes");
                notes.problem(input, from, reason);
                true
            }
            None => {
                let reason = format!("a record claims {captured} bytes and no later record could be found");
                notes.problem(input, from, reason);
                let left = window.bytes().len();
                window.consume(left);
                false
            }
        }
    }

    /// Where the record at `at` ends, where it looks like one.
    fn plausible(&self, bytes: &[u8], at: usize) -> Option<usize> {
        if at + self.record_header > bytes.len() {
            return None;
        }
        let seconds = number(bytes, at, self.swapped);
        let fraction = number(bytes, at + 4, self.swapped);
        let captured = number(bytes, at + 8, self.swapped);
        let wire = number(bytes, at + 12, self.swapped);
        let ticks = 1_000_000_000 / self.nanoseconds_per_tick;
        let near = self.seconds == 0 || u64::from(seconds.abs_diff(self.seconds)) < PLAUSIBLE_SECONDS;
        let fits = i64::from(fraction) < ticks && captured > 0 && captured <= wire && wire <= CAPTURED_LIMIT;
        (near && fits).then_some(at + self.record_header + captured as usize)
    }
}
