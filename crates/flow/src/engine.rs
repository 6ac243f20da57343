//! A run: every worker walks all packets and keeps those of its own shards; at the end the shards' results are merged.
//!
//! Rule 1: reading and decoding are done by each worker, so that no packet crosses threads; that costs a few per cent of
//! a packet's work and needs no queue.
//! Rule 2: the result does not depend on the number of workers: shards see the same packets in the same order, and all
//! merges are by key and sorted.

use crate::aggregate::{Observation, Reference, Seen, WINDOW};
use crate::attempts::{Tried, TriedKey};
use crate::decode::{Counters, Decoder};
use crate::flow::Environment;
use crate::key::{Ends, SHARDS};
use crate::kinds::{attempts, targeted};
use crate::packet::Problem;
use crate::part::Domain;
use crate::quality::Quality;
use crate::row::RowSink;
use crate::source::{InputInfo, Inputs, InterfaceInfo, OpenError};
use crate::totals::{ConversationKey, FlowCounters, Sums};
use crate::track::{Bounds, Shard};
use ringfence_dissect::Kind;
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

struct Part {
    inputs: Inputs,
    quality: Quality,
    decoder: Counters,
    shards: Vec<Shard>,
}

/// Run over `inputs` with one row sink per worker; an input that can't be opened again (a pipe) has one worker.
///
/// `progress` is called by the first worker; answering false stops the run at the next packet.
///
/// # Errors
/// Where an input can't be opened once more for another worker.
pub fn run<S: RowSink>(
    inputs: Inputs,
    options: &Options,
    environment: &Environment,
    sinks: &mut [S],
    progress: &(dyn Fn(Progress) -> bool + Sync),
) -> Result<Report, OpenError> {
    let workers = options.workers.clamp(1, SHARDS).min(sinks.len().max(1));
    let workers = if inputs.infos().iter().all(|info| info.path.is_file()) { workers } else { 1 };
    let infos = inputs.infos().to_vec();
    let again = (1..workers).map(|_| Inputs::open_again(&infos));
    let inputs: Vec<Inputs> = std::iter::once(Ok(inputs)).chain(again).collect::<Result<_, _>>()?;
    let stop = AtomicBool::new(false);
    let parts: Vec<Part> = std::thread::scope(|scope| {
        let stop = &stop;
        let threads: Vec<_> = inputs
            .into_iter()
            .zip(sinks.iter_mut())
            .enumerate()
            .map(|(worker, (inputs, sink))| {
                scope.spawn(move || work(worker, workers, inputs, options, environment, sink, progress, stop))
            })
            .collect();
        threads.into_iter().map(|t| t.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    });
    Ok(merge(parts, options, stop.load(Ordering::Relaxed)))
}

#[allow(clippy::too_many_arguments)]
fn work(
    worker: usize,
    workers: usize,
    mut inputs: Inputs,
    options: &Options,
    environment: &Environment,
    rows: &mut dyn RowSink,
    progress: &(dyn Fn(Progress) -> bool + Sync),
    stop: &AtomicBool,
) -> Part {
    let seed = std::hash::BuildHasher::hash_one(&foldhash::quality::RandomState::default(), worker);
    let mut shards: Vec<Shard> =
        (0..SHARDS).filter(|shard| shard % workers == worker).map(|_| Shard::new(seed, options.windowed)).collect();
    let mut decoder = Decoder::new();
    let mut quality = Quality::default();
    let mut until_told = options.progress_every;
    loop {
        if worker == 0 {
            until_told -= 1;
            if until_told == 0 {
                until_told = options.progress_every;
                let (position, total) = inputs.position();
                if !progress(Progress { packets: quality.packets, position, total }) {
                    stop.store(true, Ordering::Relaxed);
                }
            }
        }
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let Some(raw) = inputs.next() else { break };
        let packet = decoder.decode(&raw);
        if worker == 0 {
            quality.add(&raw, &packet);
            if quality.samples() {
                if let Some(good) = crate::decode::transport_checksum_good(&packet) {
                    quality.checksums += 1;
                    quality.checksums_bad += u64::from(!good);
                }
            }
        }
        let Some(ends) = Ends::of(&packet) else {
            if worker == 0 {
                shards[0].bounds.addressless += 1;
            }
            continue;
        };
        let domain = match options.domains {
            Domains::Joined => 0,
            Domains::PerInput => raw.input,
        };
        let shard = ends.shard(domain);
        if shard % workers != worker {
            continue;
        }
        let at = Reference {
            time: raw.time,
            input: raw.input,
            index: raw.index,
            interface: raw.interface,
            length: raw.wire_length,
        };
        shards[shard / workers].packet(&packet, &ends, domain, &at, environment, rows);
    }
    for shard in &mut shards {
        shard.finish(environment, rows);
    }
    Part { decoder: decoder.counters().clone(), inputs, quality, shards }
}

fn merge(mut parts: Vec<Part>, options: &Options, stopped: bool) -> Report {
    let mut conversations: BTreeMap<ConversationKey, Sums> = BTreeMap::new();
    let mut protocols: BTreeMap<&'static str, Sums> = BTreeMap::new();
    let mut tried: BTreeMap<TriedKey, Tried> = BTreeMap::new();
    let mut targeted: BTreeMap<TriedKey, Tried> = BTreeMap::new();
    let mut flows = FlowCounters::default();
    let mut bounds = Bounds::default();
    let mut observations = Vec::new();
    let (mut overflowed, mut attempts_overflowed, mut records) = (0, 0, 0);
    for shard in parts.iter_mut().flat_map(|part| part.shards.drain(..)) {
        overflowed += shard.aggregate.overflowed;
        records += shard.aggregate.records;
        attempts_overflowed += shard.attempts.overflowed;
        add_bounds(&mut bounds, &shard.bounds);
        add_counters(&mut flows, &shard.totals.counters);
        for (key, sums) in shard.totals.conversations {
            conversations.entry(key).or_default().merge(&sums);
        }
        for (name, sums) in shard.totals.protocols {
            protocols.entry(name).or_default().merge(&sums);
        }
        let (by_talker, by_target) = shard.attempts.finish();
        gather(&mut tried, by_talker);
        gather(&mut targeted, by_target);
        observations.extend(shard.aggregate.finish());
    }
    let first = parts.swap_remove(0);
    let kept = tried.into_iter().filter(|(_, row)| row.flows >= WORTH_SAYING);
    observations.extend(kept.map(|(key, row)| attempts_observation(key, row)));
    let kept = targeted.into_iter().filter(|(_, row)| row.others >= WORTH_SAYING);
    observations.extend(kept.map(|(key, row)| targeted_observation(key, row)));
    let domains = match options.domains {
        Domains::Joined => vec!["default".to_owned()],
        Domains::PerInput => first.inputs.infos().iter().enumerate().map(|(at, _)| format!("input-{at}")).collect(),
    };
    let met = [
        ("flows", flows.evicted),
        ("conversations", flows.conversations_overflowed),
        ("unanswered_conversations", flows.vain_overflowed),
        ("distinct_values", overflowed),
        ("pending_bytes", bounds.pending),
        ("attempts", attempts_overflowed),
    ];
    Report {
        inputs: first.inputs.infos().to_vec(),
        interfaces: first.inputs.interfaces().to_vec(),
        problems: first.inputs.problems().to_vec(),
        problem_count: first.inputs.problem_count(),
        domains,
        quality: first.quality,
        decoder: first.decoder,
        observations: sorted(observations),
        conversations: conversations.into_iter().collect(),
        protocols: protocols.into_iter().collect(),
        flows,
        bounds: met.into_iter().filter(|(_, count)| *count > 0).collect(),
        duplicates: bounds.duplicates,
        records,
        stopped,
    }
}

fn gather(all: &mut BTreeMap<TriedKey, Tried>, rows: Vec<(TriedKey, Tried)>) {
    for (key, row) in rows {
        match all.entry(key) {
            std::collections::btree_map::Entry::Occupied(mut old) => old.get_mut().merge(row),
            std::collections::btree_map::Entry::Vacant(free) => {
                free.insert(row);
            }
        }
    }
}

/// Fewer unanswered flows of a talker, or talkers in vain to a target, are everyday life in a window.
const WORTH_SAYING: u64 = 10;

fn add_bounds(sum: &mut Bounds, more: &Bounds) {
    sum.pending += more.pending;
    sum.fragments += more.fragments;
    sum.addressless += more.addressless;
    sum.duplicates += more.duplicates;
}

fn add_counters(sum: &mut FlowCounters, more: &FlowCounters) {
    sum.flows += more.flows;
    sum.tcp += more.tcp;
    sum.tcp_one_sided += more.tcp_one_sided;
    sum.tcp_mid_stream += more.tcp_mid_stream;
    sum.tcp_gaps += more.tcp_gaps;
    sum.retransmissions += more.retransmissions;
    sum.evicted += more.evicted;
    sum.conversations_overflowed += more.conversations_overflowed;
    sum.vain_overflowed += more.vain_overflowed;
}

/// Sort by key and merge what several shards saw of the same. Kind by kind, so that few texts are compared.
fn sorted(all: Vec<Observation>) -> Vec<Observation> {
    let mut out: Vec<Observation> = Vec::with_capacity(all.len());
    let mut kinds: BTreeMap<&'static str, Vec<Observation>> = BTreeMap::new();
    let mut open: Option<(*const Kind, Vec<Observation>)> = None;
    for observation in all {
        let kind = std::ptr::from_ref(observation.kind);
        match &mut open {
            Some((same, rows)) if *same == kind => rows.push(observation),
            _ => {
                let rows = kinds.remove(observation.kind.name).unwrap_or_default();
                if let Some((_, rows)) = open.replace((kind, rows)) {
                    kinds.insert(rows[0].kind.name, rows);
                }
                open.as_mut().expect("it was just put there").1.push(observation);
            }
        }
    }
    if let Some((_, rows)) = open {
        kinds.insert(rows[0].kind.name, rows);
    }
    for mut rows in kinds.into_values() {
        rows.sort_unstable_by(|a, b| a.place().cmp(&b.place()));
        for observation in rows {
            match out.last_mut() {
                Some(last) if last.key() == observation.key() => last.seen.merge(&observation.seen),
                _ => out.push(observation),
            }
        }
    }
    out
}

/// Writes a value in the compact form of `ringfence_dissect::walk`.
struct Value(Vec<u8>);

impl Value {
    fn word(&mut self, field: u8, number: u64) {
        self.0.push(field);
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    fn text(&mut self, field: u8, bytes: &[u8]) {
        self.0.push(field);
        self.0.extend_from_slice(&(bytes.len() as u16).to_le_bytes());
        self.0.extend_from_slice(bytes);
    }
}

fn attempts_observation(key: TriedKey, row: Tried) -> Observation {
    let mut value = Value(Vec::new());
    value.word(attempts::window, key.3.saturating_mul(WINDOW) as u64);
    value.word(attempts::flows, row.flows);
    value.word(attempts::destinations, row.others);
    value.word(attempts::ports, row.busiest.map_or(0, |(ports, _)| ports));
    for (port, _) in row.ports.iter().take(8) {
        value.word(attempts::top_ports, u64::from(*port));
    }
    value.word(attempts::capped, u64::from(row.capped));
    if let Some((_, place)) = row.busiest {
        value.text(attempts::busiest, place.bytes());
    }
    value.text(attempts::transport, key.2.as_bytes());
    of_window(&attempts::KIND, key, row, value)
}

fn targeted_observation(key: TriedKey, row: Tried) -> Observation {
    let mut value = Value(Vec::new());
    value.word(targeted::window, key.3.saturating_mul(WINDOW) as u64);
    value.word(targeted::flows, row.flows);
    value.word(targeted::sources, row.others);
    for (port, _) in row.ports.iter().take(8) {
        value.word(targeted::top_ports, u64::from(*port));
    }
    value.word(targeted::capped, u64::from(row.capped));
    value.text(targeted::transport, key.2.as_bytes());
    of_window(&targeted::KIND, key, row, value)
}

fn of_window(kind: &'static Kind, (domain, subject, ..): TriedKey, row: Tried, value: Value) -> Observation {
    let seen = Seen::of(row.flows, row.first, row.last, &row.references);
    Observation { kind, domain, subject, object: None, value: value.0, seen, window: None }
}
