//! Records become observations: equal values of one subject are one entry with count, time range and packet references.
//!
//! Rule 1: at most `DISTINCT_CAP` distinct values per (subject, kind, window) are kept; what is over is counted as
//! `x.overflow` of that kind (contract §2).
//! Rule 2: entries live for the whole run, their window's share is handed out when the window closes.
//! Rule 3: of a live read each window has entries of its own, which are forgotten once it has closed in all shards.
//! Rule 4: at most `ENTRY_CAP` entries and `ARENA_CAP` bytes a shard; beyond it new values are only counted and the
//! bound is reported.

use crate::kinds;
use crate::packet::Raw;
use crate::part::Domain;
use foldhash::quality::RandomState;
use hashbrown::{HashMap, HashTable};
use ringfence_dissect::{Emitted, Kind};
use ringfence_wire::Place;
use std::hash::{BuildHasher, Hasher};
use std::ops::Deref;
use std::sync::Arc;

/// Length of a window: nanoseconds of capture time.
pub const WINDOW: i64 = 300_000_000_000;
/// Most distinct values of one kind about one subject in one window.
pub const DISTINCT_CAP: u32 = 256;
/// Most entries of a shard.
pub const ENTRY_CAP: usize = 32_768;
/// Most bytes of values that a shard keeps.
pub const ARENA_CAP: usize = 8 << 20;
/// Packet references kept of an observation.
pub const REFERENCE_CAP: usize = 4;

/// Where the packet at hand is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference {
    /// Nanoseconds since 1970, UTC.
    pub time: i64,
    /// Which input.
    pub input: u16,
    /// Frame number in the input, from 1.
    pub index: u64,
    /// Interface in the input.
    pub interface: u16,
    /// Bytes on the wire.
    pub length: u32,
}

impl Reference {
    /// The packet `raw`.
    #[inline]
    pub(crate) fn of(raw: &Raw<'_>) -> Reference {
        let Raw { time, input, index, interface, .. } = *raw;
        Reference { time, input, index, interface, length: raw.wire_length }
    }
}

/// Count, time range and references.
#[derive(Clone, Copy, Debug, Default)]
pub struct Seen {
    /// How often.
    pub count: u64,
    /// First time.
    pub first: i64,
    /// Last time.
    pub last: i64,
    references: [Reference; REFERENCE_CAP],
    kept: u8,
}

impl Seen {
    #[inline]
    fn add(&mut self, at: &Reference) {
        if self.count == 0 {
            self.first = at.time;
            self.last = at.time;
        } else {
            self.first = self.first.min(at.time);
            self.last = self.last.max(at.time);
        }
        self.count += 1;
        if (self.kept as usize) < REFERENCE_CAP {
            self.references[self.kept as usize] = *at;
            self.kept += 1;
        }
    }

    /// Seen so often between these times, shown by these packets.
    pub fn of(count: u64, first: i64, last: i64, packets: &[Reference]) -> Self {
        let mut references = [Reference::default(); REFERENCE_CAP];
        let kept = packets.len().min(REFERENCE_CAP);
        references[..kept].copy_from_slice(&packets[..kept]);
        Seen { count, first, last, references, kept: kept as u8 }
    }

    /// The first packets that show it.
    pub fn references(&self) -> &[Reference] {
        &self.references[..self.kept as usize]
    }

    /// Add what another shard saw of the same.
    pub fn merge(&mut self, other: &Seen) {
        self.count += other.count;
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
        let mut all: Vec<Reference> = self.references().iter().chain(other.references()).copied().collect();
        all.sort_unstable();
        all.truncate(REFERENCE_CAP);
        self.kept = all.len() as u8;
        self.references[..all.len()].copy_from_slice(&all);
    }
}

/// The value of an observation: a part of the bytes that its shard kept, in the compact form of `ringfence_dissect::walk`.
#[derive(Clone)]
pub struct Content {
    arena: Arc<Vec<u8>>,
    start: u32,
    length: u32,
}

impl Deref for Content {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        &self.arena[self.start as usize..(self.start + self.length) as usize]
    }
}

impl From<Vec<u8>> for Content {
    fn from(bytes: Vec<u8>) -> Content {
        let length = bytes.len() as u32;
        Content { arena: Arc::new(bytes), start: 0, length }
    }
}

impl std::fmt::Debug for Content {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        (**self).fmt(f)
    }
}

/// An observation as it leaves a shard.
#[derive(Clone, Debug)]
pub struct Observation {
    /// Which kind.
    pub kind: &'static Kind,
    /// Domain of both parts.
    pub domain: Domain,
    /// Whom it is about.
    pub subject: Place,
    /// To whom it was done.
    pub object: Option<Place>,
    /// The value.
    pub value: Content,
    /// How often, when, which packets.
    pub seen: Seen,
    /// Which window (number of windows since 1970), or None for the whole run.
    pub window: Option<i64>,
}

impl Observation {
    /// What makes two observations the same.
    pub fn key(&self) -> (&'static str, Domain, Place, Option<Place>, &[u8], Option<i64>) {
        (self.kind.name, self.domain, self.subject, self.object, &self.value, self.window)
    }
}

/// Packet references beyond the first: most values are seen once.
type More = [Reference; REFERENCE_CAP - 1];
const NO_MORE: u32 = u32::MAX;

struct Entry {
    hash: u64,
    kind: &'static Kind,
    window: i64,
    count: u64,
    first: i64,
    last: i64,
    reference: Reference,
    more: u32,
    start: u32,
    length: u32,
    domain: Domain,
    kept: u8,
    subject: Place,
    object: Option<Place>,
}

impl Entry {
    #[inline]
    fn add(&mut self, at: &Reference, more: &mut Vec<More>) {
        if self.count == 0 {
            (self.first, self.last, self.reference, self.kept) = (at.time, at.time, *at, 1);
        } else {
            self.first = self.first.min(at.time);
            self.last = self.last.max(at.time);
            if (self.kept as usize) < REFERENCE_CAP {
                if self.more == NO_MORE {
                    self.more = more.len() as u32;
                    more.push(More::default());
                }
                more[self.more as usize][self.kept as usize - 1] = *at;
                self.kept += 1;
            }
        }
        self.count += 1;
    }

    fn seen(&self, more: &[More]) -> Seen {
        let mut references = [self.reference; REFERENCE_CAP];
        if let Some(others) = more.get(self.more as usize) {
            references[1..].copy_from_slice(others);
        }
        Seen::of(self.count, self.first, self.last, &references[..self.kept as usize])
    }
}

/// A kind's address leaves its lowest bits free: they tell the few windows apart that are open at one time.
const TAGS: usize = std::mem::align_of::<Kind>() - 1;
const _: () = assert!(TAGS >= 3, "two windows may be open, and a third as the clock jumps");

fn tag(window: i64) -> usize {
    window as usize & TAGS
}

/// Takes observations of closed windows.
pub trait WindowSink {
    /// One observation of one window.
    fn closed(&mut self, observation: &Observation);
}

/// The aggregation of one shard.
pub struct Aggregate {
    seeds: RandomState,
    table: HashTable<u32>,
    entries: Vec<Entry>,
    more: Vec<More>,
    arena: Vec<u8>,
    /// Distinct values of (kind, subject) in the open window.
    distinct: HashMap<(usize, Domain, Place), u32, RandomState>,
    windowed: bool,
    /// The oldest window that is open, of a live read; what is older counts as of this one.
    open: Option<i64>,
    /// What each entry saw in the open window; empty unless `windowed`.
    current: Vec<Seen>,
    touched: Vec<u32>,
    window: i64,
    /// Records that met the bound of entries or of distinct values.
    pub overflowed: u64,
    /// Records taken.
    pub records: u64,
}

impl Aggregate {
    /// `windowed`: hand out the observations of each window as it closes.
    pub fn new(windowed: bool) -> Self {
        Aggregate {
            seeds: RandomState::default(),
            table: HashTable::new(),
            entries: Vec::new(),
            more: Vec::new(),
            arena: Vec::new(),
            distinct: HashMap::with_hasher(RandomState::default()),
            windowed,
            open: None,
            current: Vec::new(),
            touched: Vec::new(),
            window: i64::MIN,
            overflowed: 0,
            records: 0,
        }
    }

    /// Take one record seen in the packet `at`.
    #[inline]
    pub fn add(&mut self, emitted: &Emitted<'_>, domain: Domain, at: &Reference, out: &mut dyn WindowSink) {
        self.take(emitted.kind, emitted.subject, emitted.object, emitted.record.key(), domain, at, out);
    }

    #[allow(clippy::too_many_arguments)] // The parts of a key, already taken apart by the caller.
    fn take(
        &mut self,
        kind: &'static Kind,
        subject: Place,
        object: Option<Place>,
        value: &[u8],
        domain: Domain,
        at: &Reference,
        out: &mut dyn WindowSink,
    ) {
        self.records += 1;
        let mut window = at.time.div_euclid(WINDOW);
        let mut address = std::ptr::from_ref(kind) as usize;
        let live = self.open.is_some();
        if let Some(open) = self.open {
            window = window.max(open);
            address |= tag(window);
        } else if window != self.window {
            self.close(out);
            self.distinct.clear();
            self.window = window;
        }
        let hash = self.hash(address, domain, &subject, object.as_ref(), value);
        let (entries, arena) = (&self.entries, &self.arena);
        let found = self.table.find(hash, |&at| {
            let e = &entries[at as usize];
            e.hash == hash
                && std::ptr::eq(e.kind, kind)
                && e.subject == subject
                && e.object == object
                && e.domain == domain
                && (!live || e.window == window)
                && arena[e.start as usize..(e.start + e.length) as usize] == *value
        });
        let index = match found {
            Some(&index) if self.entries[index as usize].window == window => index,
            Some(&index) => {
                if !self.admit(address, domain, subject) {
                    return self.over(kind, subject, domain, at, out);
                }
                index
            }
            None => {
                let full = self.entries.len() >= ENTRY_CAP || self.arena.len() + value.len() > ARENA_CAP;
                if full || !self.admit(address, domain, subject) {
                    return self.over(kind, subject, domain, at, out);
                }
                self.insert(hash, kind, subject, object, value, domain)
            }
        };
        let entry = &mut self.entries[index as usize];
        entry.add(at, &mut self.more);
        if self.windowed {
            let current = &mut self.current[index as usize];
            if entry.window != window {
                *current = Seen::default();
                self.touched.push(index);
            }
            current.add(at);
        }
        entry.window = window;
    }

    #[inline]
    fn hash(&self, kind: usize, domain: Domain, subject: &Place, object: Option<&Place>, value: &[u8]) -> u64 {
        let mut hasher = self.seeds.build_hasher();
        let (high, low) = subject.words();
        hasher.write_u64(kind as u64 ^ u64::from(domain) << 48);
        hasher.write_u64(high);
        hasher.write_u64(low);
        if let Some(object) = object {
            let (high, low) = object.words();
            hasher.write_u64(high);
            hasher.write_u64(low);
        }
        hasher.write(value);
        hasher.finish()
    }

    fn insert(
        &mut self,
        hash: u64,
        kind: &'static Kind,
        subject: Place,
        object: Option<Place>,
        value: &[u8],
        domain: Domain,
    ) -> u32 {
        let index = self.entries.len() as u32;
        let start = self.arena.len() as u32;
        self.arena.extend_from_slice(value);
        self.entries.push(Entry {
            hash,
            kind,
            window: i64::MIN,
            count: 0,
            first: 0,
            last: 0,
            reference: Reference::default(),
            more: NO_MORE,
            start,
            length: value.len() as u32,
            domain,
            kept: 0,
            subject,
            object,
        });
        if self.windowed {
            self.current.push(Seen::default());
        }
        let entries = &self.entries;
        self.table.insert_unique(hash, index, |&at| entries[at as usize].hash);
        index
    }

    /// Count one more distinct value of this kind about this subject in this window, unless that is one too many.
    fn admit(&mut self, kind: usize, domain: Domain, subject: Place) -> bool {
        if self.distinct.len() >= 2 * ENTRY_CAP && !self.distinct.contains_key(&(kind, domain, subject)) {
            return false;
        }
        let count = self.distinct.entry((kind, domain, subject)).or_insert(0);
        *count += 1;
        *count <= DISTINCT_CAP
    }

    #[cold]
    fn over(&mut self, kind: &'static Kind, subject: Place, domain: Domain, at: &Reference, out: &mut dyn WindowSink) {
        self.overflowed += 1;
        if std::ptr::eq(kind, &kinds::overflow::KIND) || self.entries.len() >= ENTRY_CAP {
            return;
        }
        let mut value = vec![kinds::overflow::of];
        value.extend_from_slice(&(kind.name.len() as u16).to_le_bytes());
        value.extend_from_slice(kind.name.as_bytes());
        self.records -= 1;
        self.take(&kinds::overflow::KIND, subject, None, &value, domain, at, out);
    }

    /// Hand out what the open window holds.
    pub fn close(&mut self, out: &mut dyn WindowSink) {
        for index in std::mem::take(&mut self.touched) {
            let entry = &self.entries[index as usize];
            out.closed(&Observation {
                kind: entry.kind,
                domain: entry.domain,
                subject: entry.subject,
                object: entry.object,
                value: self.arena[entry.start as usize..(entry.start + entry.length) as usize].to_vec().into(),
                seen: self.current[index as usize],
                window: Some(entry.window),
            });
        }
    }

    /// Make this the aggregate of a live read, whose oldest open window is `window`.
    pub fn open_from(&mut self, window: i64) {
        self.open = Some(window);
    }

    /// Add to `out` what was seen in `window` since the last time; where it closes, in all older ones too, and forget it.
    pub fn hand_out(&mut self, window: i64, closes: bool, out: &mut Vec<Observation>) {
        let due = |entry: &Entry| entry.count > 0 && (entry.window == window || (closes && entry.window < window));
        let mut arena = Vec::new();
        let before = out.len();
        for entry in self.entries.iter_mut().filter(|entry| due(entry)) {
            let start = arena.len() as u32;
            arena.extend_from_slice(&self.arena[entry.start as usize..(entry.start + entry.length) as usize]);
            out.push(Observation {
                kind: entry.kind,
                domain: entry.domain,
                subject: entry.subject,
                object: entry.object,
                value: Content { arena: Arc::default(), start, length: entry.length },
                seen: entry.seen(&self.more),
                window: None,
            });
            (entry.count, entry.kept) = (0, 0);
        }
        let arena = Arc::new(arena);
        out[before..].iter_mut().for_each(|observation| observation.value.arena = Arc::clone(&arena));
        if closes {
            self.forget(window);
        }
    }

    /// Forget what is not newer than `window`; the memory is made anew, for the next window may be a quiet one.
    fn forget(&mut self, window: i64) {
        let old = (std::mem::take(&mut self.entries), std::mem::take(&mut self.arena), std::mem::take(&mut self.more));
        let (entries, arena, more) = old;
        for mut entry in entries.into_iter().filter(|entry| entry.window > window) {
            let start = self.arena.len() as u32;
            self.arena.extend_from_slice(&arena[entry.start as usize..(entry.start + entry.length) as usize]);
            entry.start = start;
            if let Some(others) = more.get(entry.more as usize) {
                entry.more = self.more.len() as u32;
                self.more.push(*others);
            }
            self.entries.push(entry);
        }
        self.table = HashTable::with_capacity(self.entries.len());
        let entries = &self.entries;
        for (entry, index) in entries.iter().zip(0..) {
            self.table.insert_unique(entry.hash, index, |&at: &u32| entries[at as usize].hash);
        }
        let newer = self.entries.iter().fold(0_u32, |bits, entry| bits | 1 << tag(entry.window));
        self.distinct.retain(|(kind, ..), _| newer >> (kind & TAGS) & 1 == 1);
        self.distinct.shrink_to_fit();
        self.open = Some(window + 1);
    }

    /// Distinct values kept.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Add everything seen in the whole run to `out`; nothing is left here.
    pub fn give(&mut self, out: &mut Vec<Observation>) {
        let arena = Arc::new(std::mem::take(&mut self.arena));
        out.extend(std::mem::take(&mut self.entries).iter().map(|entry| Observation {
            kind: entry.kind,
            domain: entry.domain,
            subject: entry.subject,
            object: entry.object,
            value: Content { arena: Arc::clone(&arena), start: entry.start, length: entry.length },
            seen: entry.seen(&self.more),
            window: None,
        }));
        self.table.clear();
        self.more.clear();
    }
}
