//! Packets for several workers: read once, handed out in chunks that every worker walks.
//!
//! Rule 1: whoever needs the next chunk first reads it; no thread only reads, and no packet is copied.
//! Rule 2: a plain packet's shard is told with it, so that a worker touches the bytes of its own packets only. Every
//! other packet (fragments, tunnels, other links …) is decoded by all workers, each of which keeps its own fragments.
//! Rule 3: at most `AHEAD` chunks wait for the slowest worker, and a worker that is gone is not waited for.

use crate::decode::{plain, transport_checksum_good, Counters};
use crate::engine::{Domains, Progress};
use crate::key::Ends;
use crate::packet::Raw;
use crate::quality::Quality;
use crate::source::Inputs;
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// Most packets of a chunk.
const CHUNK_PACKETS: usize = 1024;
/// A chunk ends once it holds so many captured bytes: those that wait are to stay in the processor's cache.
const CHUNK_BYTES: usize = 128 << 10;
/// Most chunks that wait.
const AHEAD: usize = 8;
/// Chunks that one worker reads at a turn.
const AT_A_TURN: usize = 4;
/// In place of a shard: every worker decodes the packet.
const EVERY: u8 = u8::MAX;

/// A packet of a chunk.
#[derive(Clone, Copy)]
pub(crate) struct Item {
    index: u64,
    time: i64,
    wire_length: u32,
    at: u32,
    length: u32,
    input: u16,
    interface: u16,
    link: u16,
    buffer: u16,
    shard: u8,
    /// True where the packet's checksum is to be computed by who decodes it.
    pub sampled: bool,
}

/// Packets that follow one another.
pub(crate) struct Chunk {
    buffers: Vec<Arc<Vec<u8>>>,
    /// The packets of each worker; what all of them decode is in every list.
    lanes: Vec<Vec<Item>>,
    packets: usize,
    /// How far the run is after them.
    pub progress: Progress,
}

impl Chunk {
    /// What `worker` has to take.
    #[inline]
    pub fn items(&self, worker: usize) -> &[Item] {
        self.lanes.get(worker).map_or(&[], Vec::as_slice)
    }

    /// Fetch the first bytes of some packets side by side.
    ///
    /// Another worker may have read them, so that they lie in its processor's cache: one by one each would be waited for.
    #[inline]
    pub fn touch(&self, items: &[Item]) {
        let bytes = items.iter().map(|item| {
            let data = self.raw(item).data;
            let line = |at: usize| data.get(at).copied().unwrap_or(0);
            line(0) ^ line(64) ^ line(128)
        });
        std::hint::black_box(bytes.fold(0, |all, byte| all ^ byte));
    }

    /// The packet's bytes and what the reader knows of it.
    #[inline]
    pub fn raw(&self, item: &Item) -> Raw<'_> {
        let at = item.at as usize;
        let buffer = self.buffers.get(usize::from(item.buffer));
        Raw {
            input: item.input,
            interface: item.interface,
            link: item.link,
            index: item.index,
            time: item.time,
            wire_length: item.wire_length,
            data: buffer.and_then(|bytes| bytes.get(at..at + item.length as usize)).unwrap_or_default(),
        }
    }
}

impl Item {
    /// True where the packet was decoded to know its shard.
    #[inline]
    pub fn is_plain(&self) -> bool {
        self.shard != EVERY
    }
}

/// The reading side, with what is counted once for all workers.
pub(crate) struct Reading {
    /// Where packets come from.
    pub inputs: Inputs,
    /// Everything that is known without decoding, and the checksums of plain packets.
    pub quality: Quality,
    /// The plain packets.
    pub plain: Counters,
    domains: Domains,
    workers: usize,
}

struct Ring {
    chunks: VecDeque<Arc<Chunk>>,
    made: u64,
    /// Which chunk each worker wants next; `u64::MAX` where it is gone.
    wanted: Vec<u64>,
    ended: bool,
}

/// Hands chunks to workers.
pub(crate) struct Feed {
    reading: Mutex<Reading>,
    ring: Mutex<Ring>,
    changed: Condvar,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Feed {
    /// A feed for so many workers.
    pub fn new(inputs: Inputs, domains: Domains, workers: usize) -> Feed {
        let reading = Reading { inputs, quality: Quality::default(), plain: Counters::default(), domains, workers };
        let ring = Ring { chunks: VecDeque::new(), made: 0, wanted: vec![0; workers], ended: false };
        Feed { reading: Mutex::new(reading), ring: Mutex::new(ring), changed: Condvar::new() }
    }

    /// What was read and counted.
    pub fn into_reading(self) -> Reading {
        self.reading.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next chunk of `worker`; None at the end.
    pub fn next(&self, worker: usize) -> Option<Arc<Chunk>> {
        loop {
            let mut ring = lock(&self.ring);
            if let Some(chunk) = ring.take(worker) {
                self.changed.notify_all();
                return Some(chunk);
            }
            if ring.ended {
                return None;
            }
            if ring.chunks.len() >= AHEAD {
                drop(self.changed.wait(ring).unwrap_or_else(PoisonError::into_inner));
                continue;
            }
            drop(ring);
            self.read_on(worker);
        }
    }

    /// Read some chunks, unless another worker has done so meanwhile.
    ///
    /// Several at a turn: with one, all workers would reach its end together, and all but one would wait for the next.
    fn read_on(&self, worker: usize) {
        let mut reading = lock(&self.reading);
        for turn in 0..AT_A_TURN {
            {
                let ring = lock(&self.ring);
                let served = turn == 0 && ring.wanted[worker] < ring.made;
                if ring.ended || served || ring.chunks.len() >= AHEAD {
                    return;
                }
            }
            let chunk = reading.chunk();
            let mut ring = lock(&self.ring);
            if chunk.packets == 0 {
                ring.ended = true;
            } else {
                ring.made += 1;
                ring.chunks.push_back(Arc::new(chunk));
            }
            self.changed.notify_all();
        }
    }

    /// `worker` takes no more chunks.
    pub fn leave(&self, worker: usize) {
        let mut ring = lock(&self.ring);
        ring.wanted[worker] = u64::MAX;
        ring.forget();
        self.changed.notify_all();
    }
}

impl Ring {
    fn take(&mut self, worker: usize) -> Option<Arc<Chunk>> {
        let wanted = self.wanted[worker];
        let oldest = self.made - self.chunks.len() as u64;
        let chunk = self.chunks.get(usize::try_from(wanted.checked_sub(oldest)?).ok()?)?;
        let chunk = Arc::clone(chunk);
        self.wanted[worker] += 1;
        self.forget();
        Some(chunk)
    }

    /// Drop what every worker has taken.
    fn forget(&mut self) {
        let slowest = self.wanted.iter().copied().min().unwrap_or(u64::MAX);
        while !self.chunks.is_empty() && self.made - (self.chunks.len() as u64) < slowest {
            self.chunks.pop_front();
        }
    }
}

impl Reading {
    fn chunk(&mut self) -> Chunk {
        let lanes = (0..self.workers).map(|_| Vec::with_capacity(CHUNK_PACKETS / self.workers)).collect();
        let mut chunk = Chunk { buffers: Vec::new(), lanes, packets: 0, progress: Progress::default() };
        let mut bytes = 0;
        while chunk.packets < CHUNK_PACKETS && bytes < CHUNK_BYTES {
            let Some(raw) = self.inputs.next() else { break };
            self.quality.read(&raw);
            let sampled = self.quality.samples();
            let mut shard = EVERY;
            if let Some((packet, ends)) = plain(&raw).and_then(|packet| Some((packet, Ends::of(&packet)?))) {
                shard = ends.shard(self.domains.of(&raw)) as u8;
                self.plain.count_plain(&packet);
                if sampled {
                    self.quality.checksum(transport_checksum_good(&packet));
                }
            }
            bytes += raw.data.len();
            let mut item = Item {
                index: raw.index,
                time: raw.time,
                wire_length: raw.wire_length,
                at: 0,
                length: raw.data.len() as u32,
                input: raw.input,
                interface: raw.interface,
                link: raw.link,
                buffer: 0,
                shard,
                sampled,
            };
            let Some((buffer, at)) = self.inputs.place() else { break };
            if !chunk.buffers.last().is_some_and(|last| Arc::ptr_eq(last, buffer)) {
                chunk.buffers.push(Arc::clone(buffer));
            }
            item.at = at as u32;
            item.buffer = (chunk.buffers.len() - 1) as u16;
            chunk.packets += 1;
            if item.is_plain() {
                chunk.lanes[usize::from(shard) % self.workers].push(item);
            } else {
                chunk.lanes.iter_mut().for_each(|lane| lane.push(item));
            }
        }
        let (position, total) = self.inputs.position();
        chunk.progress = Progress { packets: self.quality.packets, position, total };
        chunk
    }
}
