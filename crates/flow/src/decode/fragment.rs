//! Fragments of IPv4 (RFC 791 §3.2) and IPv6 (RFC 8200 §4.5) datagrams that wait for the others.
//!
//! Rule 1: where fragments overlap, the bytes that came first stay, and the overlap is counted.
//! Rule 2: at most 1024 datagrams and 16 MiB wait, each for at most 30 s of capture time since its first fragment; the
//! oldest makes room. All of it depends on the packets alone, so it is the same in each run.
//! Rule 3: a fragment that the capture cut short still fills its place; the datagram then ends where bytes are missing.

use std::collections::{HashMap, VecDeque};

use ringfence_wire::Place;

use super::{Counters, Part};
use crate::Vlans;

const DATAGRAM_CAP: usize = 1024;
const BYTE_CAP: usize = 16 << 20;
const DATAGRAM_LIMIT: u32 = 65_535;
const LIFETIME: i64 = 30_000_000_000;
/// Most separate pieces of one datagram.
const PIECE_CAP: usize = 256;

/// What the fragments of one datagram have in common.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct FragmentKey {
    pub src: Place,
    pub dst: Place,
    pub id: u32,
    pub protocol: u8,
    pub vlans: Vlans,
}

/// A fragment's own fields.
#[derive(Clone, Copy)]
pub(crate) struct Fragment {
    /// Offset in bytes.
    pub offset: u32,
    /// True where others follow.
    pub more: bool,
    /// What the datagram carries, if this is its first fragment.
    pub protocol: u8,
}

/// What became of a fragment.
pub(crate) enum Outcome {
    /// Others are missing.
    Waiting,
    /// The datagram in this slot is whole, and must be taken.
    Whole(usize),
    /// A field can't be.
    Malformed(&'static str),
}

#[derive(Default)]
struct Slot {
    key: Option<FragmentKey>,
    /// Tells a slot's datagrams apart, for the queue.
    turn: u64,
    since: i64,
    data: Vec<u8>,
    /// Parts that are there, sorted, not touching.
    pieces: Vec<(u32, u32)>,
    total: Option<u32>,
    protocol: u8,
    /// Where the first byte is missing because the capture cut a fragment.
    captured_to: u32,
}

/// The datagrams that wait.
pub(crate) struct FragmentTable {
    slots: Vec<Slot>,
    free: Vec<usize>,
    places: HashMap<FragmentKey, usize>,
    /// Slots by age, with the turn they had; an entry whose turn has passed is skipped.
    queue: VecDeque<(usize, u64)>,
    turn: u64,
    bytes: usize,
}

impl FragmentTable {
    pub fn new() -> FragmentTable {
        FragmentTable {
            slots: Vec::new(),
            free: Vec::new(),
            places: HashMap::new(),
            queue: VecDeque::new(),
            turn: 0,
            bytes: 0,
        }
    }

    /// Add a fragment.
    pub fn add(
        &mut self,
        key: FragmentKey,
        fragment: Fragment,
        part: Part<'_>,
        time: i64,
        counters: &mut Counters,
    ) -> Outcome {
        counters.fragments += 1;
        self.expire(time, counters);
        let Some(end) = fragment.offset.checked_add(part.wire).filter(|&end| end <= DATAGRAM_LIMIT) else {
            return Outcome::Malformed("ip.fragment_offset");
        };
        if fragment.more && !part.wire.is_multiple_of(8) || part.wire == 0 {
            return Outcome::Malformed("ip.fragment_length");
        }
        let place = match self.places.get(&key) {
            Some(&place) => place,
            None => self.begin(key, time, counters),
        };
        let slot = &mut self.slots[place];
        if slot.total.is_some_and(|total| end > total) {
            return Outcome::Malformed("ip.fragment_length");
        }
        if !fragment.more {
            if slot.total.is_some_and(|total| total != end) || slot.pieces.last().is_some_and(|&(_, last)| last > end) {
                return Outcome::Malformed("ip.fragment_length");
            }
            slot.total = Some(end);
        }
        if fragment.offset == 0 {
            slot.protocol = fragment.protocol;
        }
        let before = slot.data.len();
        let fits = slot.insert(fragment.offset, end, part.bytes, counters);
        self.bytes += slot.data.len() - before;
        let whole = slot.total.is_some_and(|total| slot.pieces == [(0, total)]);
        if !fits {
            counters.overflow += 1;
            self.release(place);
            return Outcome::Waiting;
        }
        while self.bytes > BYTE_CAP && self.evict(Some(place)) {
            counters.overflow += 1;
        }
        if whole {
            counters.reassembled += 1;
            return Outcome::Whole(place);
        }
        Outcome::Waiting
    }

    /// Move a whole datagram to `buffer`; what it carries, and its length on the wire.
    pub fn take(&mut self, place: usize, buffer: &mut Vec<u8>) -> (u8, u32) {
        let Some(slot) = self.slots.get_mut(place) else { return (0, 0) };
        self.bytes -= slot.data.len();
        std::mem::swap(&mut slot.data, buffer);
        slot.data.clear();
        let total = slot.total.unwrap_or(0);
        buffer.truncate(total.min(slot.captured_to) as usize);
        let protocol = slot.protocol;
        self.release(place);
        (protocol, total)
    }

    fn begin(&mut self, key: FragmentKey, time: i64, counters: &mut Counters) -> usize {
        if self.places.len() >= DATAGRAM_CAP && self.evict(None) {
            counters.overflow += 1;
        }
        let place = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot::default());
            self.slots.len() - 1
        });
        self.turn += 1;
        let slot = &mut self.slots[place];
        slot.key = Some(key);
        slot.turn = self.turn;
        slot.since = time;
        slot.total = None;
        slot.protocol = key.protocol;
        slot.captured_to = DATAGRAM_LIMIT;
        self.places.insert(key, place);
        self.queue.push_back((place, self.turn));
        // Datagrams that became whole leave their entries behind while an older one waits.
        if self.queue.len() > 4 * DATAGRAM_CAP {
            let slots = &self.slots;
            self.queue.retain(|&(place, turn)| slots[place].turn == turn && slots[place].key.is_some());
        }
        place
    }

    fn expire(&mut self, time: i64, counters: &mut Counters) {
        while let Some(&(place, turn)) = self.queue.front() {
            let slot = &self.slots[place];
            let waits = slot.turn == turn && slot.key.is_some();
            if waits && time.saturating_sub(slot.since) <= LIFETIME {
                return;
            }
            self.queue.pop_front();
            if waits {
                counters.expired += 1;
                self.release(place);
            }
        }
    }

    /// Give up the oldest datagram but `spared`; false where there is none.
    fn evict(&mut self, spared: Option<usize>) -> bool {
        while let Some((place, turn)) = self.queue.pop_front() {
            let slot = &self.slots[place];
            if slot.turn != turn || slot.key.is_none() {
                continue;
            }
            if Some(place) == spared {
                self.queue.push_front((place, turn));
                return false;
            }
            self.release(place);
            return true;
        }
        false
    }

    fn release(&mut self, place: usize) {
        let slot = &mut self.slots[place];
        if let Some(key) = slot.key.take() {
            self.places.remove(&key);
            self.bytes -= slot.data.len();
            // The memory is kept for the next datagram only where it is small, so that 1024 slots stay small too.
            slot.data.clear();
            slot.data.shrink_to(4096);
            slot.pieces.clear();
            self.free.push(place);
        }
    }
}

impl Slot {
    /// Put the bytes of `start..end` where none are yet; false where there are too many pieces.
    fn insert(&mut self, start: u32, end: u32, bytes: &[u8], counters: &mut Counters) -> bool {
        if self.data.len() < end as usize {
            self.data.resize(end as usize, 0);
        }
        let missing = start + u32::try_from(bytes.len()).unwrap_or(u32::MAX).min(end - start);
        let mut at = start;
        let mut filled = false;
        // The gaps between the pieces that are there are what this fragment may fill.
        for index in 0..=self.pieces.len() {
            let (from, to) = self.pieces.get(index).copied().unwrap_or((u32::MAX, u32::MAX));
            if at < from && at < end {
                filled |= self.fill(at, end.min(from), start, missing, bytes);
            }
            at = at.max(to.min(end));
            if at >= end {
                break;
            }
        }
        let covered = self.covered(start, end);
        if covered == end - start {
            counters.repeated += 1;
        } else if covered > 0 {
            counters.overlapping += 1;
        }
        if filled {
            self.join(start, end);
        }
        self.pieces.len() <= PIECE_CAP
    }

    fn fill(&mut self, from: u32, to: u32, start: u32, missing: u32, bytes: &[u8]) -> bool {
        if missing < to {
            self.captured_to = self.captured_to.min(missing.max(from));
        }
        let copied_to = to.min(missing);
        if copied_to > from {
            let source = bytes.get((from - start) as usize..(copied_to - start) as usize);
            let target = self.data.get_mut(from as usize..copied_to as usize);
            if let (Some(source), Some(target)) = (source, target) {
                target.copy_from_slice(source);
            }
        }
        true
    }

    /// How much of `start..end` is there already.
    fn covered(&self, start: u32, end: u32) -> u32 {
        self.pieces.iter().map(|&(from, to)| to.min(end).saturating_sub(from.max(start))).sum()
    }

    /// Add `start..end` to the pieces, joining those it touches.
    fn join(&mut self, start: u32, end: u32) {
        let first = self.pieces.partition_point(|&(_, to)| to < start);
        let last = self.pieces.partition_point(|&(from, _)| from <= end);
        let low = self.pieces.get(first).map_or(start, |&(from, _)| from.min(start));
        let high = last.checked_sub(1).and_then(|i| self.pieces.get(i)).map_or(end, |&(_, to)| to.max(end));
        let (low, high) = if first < last { (low, high) } else { (start, end) };
        self.pieces.splice(first..last, [(low, high)]);
    }
}
