//! Records become observations: equal values of one subject are one entry with count, time range and packet references.
//!
//! Rule 1: at most `DISTINCT_CAP` distinct values per (subject, kind, window) are kept; what is over is counted as
//! `x.overflow` of that kind (contract §2).
//! Rule 2: entries live for the whole run, their window's share is handed out when the window closes.
//! Rule 3: at most `ENTRY_CAP` entries and `ARENA_CAP` bytes a shard; beyond it new values are only counted and the
//! bound is reported.

use crate::kinds;
use crate::part::Domain;
use foldhash::quality::RandomState;
use hashbrown::{HashMap, HashTable};
use ringfence_dissect::{Emitted, Kind};
use ringfence_wire::Place;
use std::hash::{BuildHasher, Hasher};

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
    /// The value, in the compact form of `ringfence_dissect::walk`.
    pub value: Vec<u8>,
    /// How often, when, which packets.
    pub seen: Seen,
    /// Which window (number of windows since 1970), or None for the whole run.
    pub window: Option<i64>,
}

impl Observation {
    /// What orders observations of one kind.
    pub fn place(&self) -> (Domain, Place, Option<Place>, &[u8], Option<i64>) {
        (self.domain, self.subject, self.object, &self.value, self.window)
    }

    /// What makes two observations the same.
    pub fn key(&self) -> (&'static str, Domain, Place, Option<Place>, &[u8], Option<i64>) {
        (self.kind.name, self.domain, self.subject, self.object, &self.value, self.window)
    }
}

struct Entry {
    hash: u64,
    kind: &'static Kind,
    start: usize,
    length: u32,
    domain: Domain,
    subject: Place,
    object: Option<Place>,
    window: i64,
    run: Seen,
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
    arena: Vec<u8>,
    /// Distinct values of (kind, subject) in the open window.
    distinct: HashMap<(usize, Domain, Place), u32, RandomState>,
    windowed: bool,
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
            arena: Vec::new(),
            distinct: HashMap::with_hasher(RandomState::default()),
            windowed,
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
        let window = at.time.div_euclid(WINDOW);
        if window != self.window {
            self.close(out);
            self.distinct.clear();
            self.window = window;
        }
        let address = std::ptr::from_ref(kind) as usize;
        let hash = self.hash(address, domain, &subject, object.as_ref(), value);
        let (entries, arena) = (&self.entries, &self.arena);
        let found = self.table.find(hash, |&at| {
            let e = &entries[at as usize];
            e.hash == hash
                && std::ptr::eq(e.kind, kind)
                && e.subject == subject
                && e.object == object
                && e.domain == domain
                && &arena[e.start..e.start + e.length as usize] == value
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
        entry.run.add(at);
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
        let start = self.arena.len();
        self.arena.extend_from_slice(value);
        self.entries.push(Entry {
            hash,
            kind,
            start,
            length: value.len() as u32,
            domain,
            subject,
            object,
            window: i64::MIN,
            run: Seen::default(),
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
                seen: self.current[index as usize],
                window: Some(entry.window),
                ..self.observation(entry)
            });
        }
    }

    fn observation(&self, entry: &Entry) -> Observation {
        Observation {
            kind: entry.kind,
            domain: entry.domain,
            subject: entry.subject,
            object: entry.object,
            value: self.arena[entry.start..entry.start + entry.length as usize].to_vec(),
            seen: entry.run,
            window: None,
        }
    }

    /// Everything seen in the whole run.
    pub fn finish(mut self) -> Vec<Observation> {
        self.entries.sort_by_key(|entry| std::ptr::from_ref(entry.kind));
        self.entries.iter().map(|entry| self.observation(entry)).collect()
    }
}
