//! A run: each worker takes the packets of its own shards; at the end the shards' results are merged.
//!
//! Rule 1: one worker reads and decodes packet by packet; several share what is read (`feed`).
//! Rule 2: the result does not depend on the number of workers: shards see the same packets in the same order, and all
//! merges are by key and sorted.

use crate::aggregate::{Observation, Reference};
use crate::attempts::{Tried, TriedKey};
use crate::decode::{plain, transport_checksum_good, Counters, Decoder};
use crate::feed::Feed;
use crate::flow::Environment;
use crate::key::{Ends, SHARDS};
use crate::merge::{attempts_observation, gather, sorted, targeted_observation, Counted, WORTH_SAYING};
use crate::packet::{Packet, Problem, Raw};
use crate::part::Domain;
use crate::quality::Quality;
use crate::row::{Discard, RowSink};
use crate::source::{InputInfo, Inputs, InterfaceInfo};
use crate::totals::{ConversationKey, FlowCounters, Sums};
use crate::track::Shard;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

/// How inputs make domains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Domains {
    /// All inputs see one network.
    Joined,
    /// Each input is a network of its own.
    PerInput,
}

/// What a run is asked to do.
pub struct Options {
    /// Threads; 1 to 64.
    pub workers: usize,
    /// How inputs make domains.
    pub domains: Domains,
    /// Hand observations to the row sink window by window.
    pub windowed: bool,
    /// How often progress is told: packets.
    pub progress_every: u64,
}

/// How far a run is.
#[derive(Clone, Copy, Debug, Default)]
pub struct Progress {
    /// Packets read.
    pub packets: u64,
    /// Bytes of the inputs read.
    pub position: u64,
    /// Bytes of the inputs in all; 0 where unknown.
    pub total: u64,
}

/// What a run found.
pub struct Report {
    /// Inputs.
    pub inputs: Vec<InputInfo>,
    /// Interfaces.
    pub interfaces: Vec<InterfaceInfo>,
    /// What could not be read.
    pub problems: Vec<Problem>,
    /// How many problems there were in all.
    pub problem_count: u64,
    /// Domain names, by number.
    pub domains: Vec<String>,
    /// Capture quality.
    pub quality: Quality,
    /// The decoder's counters.
    pub decoder: Counters,
    /// Observations of the whole run, sorted by key.
    pub observations: Vec<Observation>,
    /// Conversations, sorted by key.
    pub conversations: Vec<(ConversationKey, Sums)>,
    /// Totals per protocol, sorted by name.
    pub protocols: Vec<(&'static str, Sums)>,
    /// Flow counters.
    pub flows: FlowCounters,
    /// Bounds met, by name, only those above zero.
    pub bounds: Vec<(&'static str, u64)>,
    /// Packets seen twice.
    pub duplicates: u64,
    /// Records that dissectors emitted.
    pub records: u64,
    /// Most flows alive at one time, over all shards (each shard's own peak).
    pub stopped: bool,
}

impl Domains {
    /// The domain of a packet.
    #[inline]
    pub(crate) fn of(self, raw: &Raw<'_>) -> Domain {
        match self {
            Domains::Joined => 0,
            Domains::PerInput => raw.input,
        }
    }

    /// The names of the domains of so many inputs.
    pub fn names(self, inputs: usize) -> Vec<String> {
        match self {
            Domains::Joined => vec!["default".to_owned()],
            Domains::PerInput => (0..inputs).map(|at| format!("input-{at}")).collect(),
        }
    }
}

struct Part {
    quality: Quality,
    decoder: Counters,
    shards: Vec<Shard>,
    /// What the shards observed; sorted where other workers have more.
    observations: Vec<Observation>,
}

/// Run over `inputs` with one row sink per worker.
///
/// `progress` is called by the first worker; answering false stops the run soon.
pub fn run<S: RowSink>(
    inputs: Inputs,
    options: &Options,
    environment: &Environment,
    sinks: &mut [S],
    progress: &(dyn Fn(Progress) -> bool + Sync),
) -> Report {
    let workers = options.workers.clamp(1, SHARDS).min(sinks.len());
    if workers <= 1 {
        let mut nobody = Discard;
        let rows: &mut dyn RowSink = sinks.first_mut().map_or(&mut nobody, |sink| sink);
        return alone(inputs, options, environment, rows, progress);
    }
    let feed = Feed::new(inputs, options.domains, workers);
    let stop = AtomicBool::new(false);
    let mut parts: Vec<Part> = std::thread::scope(|scope| {
        let (feed, stop) = (&feed, &stop);
        let threads: Vec<_> = sinks
            .iter_mut()
            .take(workers)
            .enumerate()
            .map(|(worker, sink)| {
                let lane = Lane::new(worker, workers, options, environment, sink);
                scope.spawn(move || fed(lane, feed, options, progress, stop))
            })
            .collect();
        threads.into_iter().map(|t| t.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    });
    let mut reading = feed.into_reading();
    // All workers decode what is not plain and see the same of it; the first one's counts stand.
    reading.quality.add_decoded(&parts[0].quality);
    parts[0].quality = reading.quality;
    parts[0].decoder.add_plain(&reading.plain);
    merge(parts, &reading.inputs, options, stop.load(Ordering::Relaxed))
}

/// One worker's shards and where its rows go.
struct Lane<'a> {
    worker: usize,
    workers: usize,
    shards: Vec<Shard>,
    options: &'a Options,
    environment: &'a Environment,
    rows: &'a mut dyn RowSink,
}

impl<'a> Lane<'a> {
    fn new(
        worker: usize,
        workers: usize,
        options: &'a Options,
        environment: &'a Environment,
        rows: &'a mut dyn RowSink,
    ) -> Self {
        let seed = std::hash::BuildHasher::hash_one(&foldhash::quality::RandomState::default(), worker);
        let own = (0..SHARDS).filter(|shard| shard % workers == worker);
        let shards = own.map(|_| Shard::new(seed, options.windowed)).collect();
        Lane { worker, workers, shards, options, environment, rows }
    }

    /// Take a packet, where it belongs to one of these shards.
    #[inline]
    fn take(&mut self, raw: &Raw<'_>, packet: &Packet<'_>) {
        let Some(ends) = Ends::of(packet) else {
            if self.worker == 0 {
                self.shards[0].bounds.addressless += 1;
            }
            return;
        };
        let domain = self.options.domains.of(raw);
        let shard = ends.shard(domain);
        if self.workers > 1 && shard % self.workers != self.worker {
            return;
        }
        let at = Reference::of(raw);
        self.shards[shard / self.workers].packet(packet, &ends, domain, &at, self.environment, self.rows);
    }

    fn finish(mut self, quality: Quality, decoder: &Decoder) -> Part {
        let distinct = self.shards.iter().map(|shard| shard.aggregate.len()).sum();
        let mut observations = Vec::with_capacity(distinct);
        for shard in &mut self.shards {
            shard.finish(self.environment, self.rows);
            shard.aggregate.give(&mut observations);
        }
        if self.workers > 1 {
            // Here, where the workers do it side by side: sorted runs are merged in one pass.
            observations = sorted(observations);
        }
        Part { quality, decoder: decoder.counters().clone(), shards: self.shards, observations }
    }
}

fn alone(
    mut inputs: Inputs,
    options: &Options,
    environment: &Environment,
    rows: &mut dyn RowSink,
    progress: &(dyn Fn(Progress) -> bool + Sync),
) -> Report {
    let mut lane = Lane::new(0, 1, options, environment, rows);
    let mut decoder = Decoder::new();
    let mut quality = Quality::default();
    let mut until_told = options.progress_every;
    let mut stopped = false;
    loop {
        until_told -= 1;
        if until_told == 0 {
            until_told = options.progress_every;
            let (position, total) = inputs.position();
            stopped = !progress(Progress { packets: quality.packets, position, total });
        }
        if stopped {
            break;
        }
        let Some(raw) = inputs.next() else { break };
        let packet = decoder.decode(&raw);
        quality.read(&raw);
        quality.decoded(&packet);
        if quality.samples() {
            quality.checksum(transport_checksum_good(&packet));
        }
        lane.take(&raw, &packet);
    }
    merge(vec![lane.finish(quality, &decoder)], &inputs, options, stopped)
}

/// Packets whose first bytes are fetched together.
const TOUCHED: usize = 16;

/// A worker among several.
fn fed(
    mut lane: Lane<'_>,
    feed: &Feed,
    options: &Options,
    progress: &(dyn Fn(Progress) -> bool + Sync),
    stop: &AtomicBool,
) -> Part {
    let leaving = Leaving(feed, lane.worker);
    let mut decoder = Decoder::new();
    let mut quality = Quality::default();
    let mut told = 0;
    while !stop.load(Ordering::Relaxed) {
        let Some(chunk) = feed.next(lane.worker) else { break };
        if lane.worker == 0 && chunk.progress.packets - told >= options.progress_every {
            told = chunk.progress.packets;
            if !progress(chunk.progress) {
                stop.store(true, Ordering::Relaxed);
            }
        }
        for group in chunk.items(lane.worker).chunks(TOUCHED) {
            chunk.touch(group);
            for item in group {
                let raw = chunk.raw(item);
                if item.is_plain() {
                    if let Some(packet) = plain(&raw) {
                        lane.take(&raw, &packet);
                    }
                    continue;
                }
                let packet = decoder.decode(&raw);
                quality.decoded(&packet);
                if item.sampled {
                    quality.checksum(transport_checksum_good(&packet));
                }
                lane.take(&raw, &packet);
            }
        }
    }
    drop(leaving);
    lane.finish(quality, &decoder)
}

/// Tells the feed when a worker ends, in whatever way.
struct Leaving<'a>(&'a Feed, usize);

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        self.0.leave(self.1);
    }
}

fn merge(mut parts: Vec<Part>, inputs: &Inputs, options: &Options, stopped: bool) -> Report {
    let mut conversations: Vec<(ConversationKey, Sums)> = Vec::new();
    let mut protocols: BTreeMap<&'static str, Sums> = BTreeMap::new();
    let mut tried: BTreeMap<TriedKey, Tried> = BTreeMap::new();
    let mut targeted: BTreeMap<TriedKey, Tried> = BTreeMap::new();
    let mut counted = Counted::default();
    let mut observations = std::mem::take(&mut parts[0].observations);
    parts[1..].iter_mut().for_each(|part| observations.append(&mut part.observations));
    for shard in parts.iter_mut().flat_map(|part| part.shards.drain(..)) {
        counted.add(&shard);
        conversations.extend(shard.totals.conversations);
        for (name, sums) in shard.totals.protocols {
            protocols.entry(name).or_default().merge(&sums);
        }
        let (by_talker, by_target) = shard.attempts.finish();
        gather(&mut tried, by_talker);
        gather(&mut targeted, by_target);
    }
    // A conversation is between two addresses, and these belong to one shard: no key comes twice.
    conversations.sort_unstable_by_key(|row| row.0);
    let first = parts.swap_remove(0);
    let bounds = counted.met(&first.decoder);
    let kept = tried.into_iter().filter(|(_, row)| row.flows >= WORTH_SAYING);
    observations.extend(kept.map(|(key, row)| attempts_observation(key, row)));
    let kept = targeted.into_iter().filter(|(_, row)| row.others >= WORTH_SAYING);
    observations.extend(kept.map(|(key, row)| targeted_observation(key, row)));
    Report {
        inputs: inputs.infos().to_vec(),
        interfaces: inputs.interfaces().to_vec(),
        problems: inputs.problems().to_vec(),
        problem_count: inputs.problem_count(),
        domains: options.domains.names(inputs.infos().len()),
        quality: first.quality,
        decoder: first.decoder,
        observations: sorted(observations),
        conversations,
        protocols: protocols.into_iter().collect(),
        flows: counted.flows,
        bounds,
        duplicates: counted.bounds.duplicates,
        records: counted.records,
        stopped,
    }
}
