//! What several shards found becomes one: counters are added, observations are merged by key and sorted, attempts are told.

use crate::aggregate::{Observation, Seen, WINDOW};
use crate::attempts::{Tried, TriedKey};
use crate::decode::Counters;
use crate::kinds::{attempts, targeted};
use crate::part::Domain;
use crate::totals::FlowCounters;
use crate::track::{Bounds, Shard};
use ringfence_dissect::Kind;
use ringfence_wire::Place;
use std::collections::{BTreeMap, BTreeSet};

/// What the shards counted, added up.
#[derive(Default)]
pub(crate) struct Counted {
    overflowed: u64,
    attempts_overflowed: u64,
    /// Records that dissectors emitted.
    pub records: u64,
    /// Flow counters.
    pub flows: FlowCounters,
    /// Bounds of the shards.
    pub bounds: Bounds,
}

impl Counted {
    /// Add one shard.
    pub fn add(&mut self, shard: &Shard) {
        self.overflowed += shard.aggregate.overflowed;
        self.records += shard.aggregate.records;
        self.attempts_overflowed += shard.attempts.overflowed;
        add_bounds(&mut self.bounds, &shard.bounds);
        add_counters(&mut self.flows, &shard.totals.counters);
    }

    /// Bounds met, by name.
    pub fn met(&self, decoder: &Counters) -> Vec<(&'static str, u64)> {
        let met = [
            ("fragments", decoder.overflow),
            ("flows", self.flows.evicted),
            ("conversations", self.flows.conversations_overflowed),
            ("unanswered_conversations", self.flows.vain_overflowed),
            ("distinct_values", self.overflowed),
            ("pending_bytes", self.bounds.pending),
            ("attempts", self.attempts_overflowed),
        ];
        met.into_iter().filter(|(_, count)| *count > 0).collect()
    }
}

/// Merge `rows` into `all`.
pub(crate) fn gather(all: &mut BTreeMap<TriedKey, Tried>, rows: Vec<(TriedKey, Tried)>) {
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
pub(crate) const WORTH_SAYING: u64 = 10;

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

/// Sort by key and merge what several shards saw of the same.
///
/// Small rows of numbers are sorted, not the observations: these are large, and few comparisons need their values.
pub(crate) fn sorted(all: Vec<Observation>) -> Vec<Observation> {
    let names: BTreeSet<&'static str> = all.iter().map(|observation| observation.kind.name).collect();
    let ranks: BTreeMap<&'static str, u16> = names.into_iter().zip(0..).collect();
    let mut open: (Option<*const Kind>, u16) = (None, 0);
    let mut order: Vec<(u16, Domain, Place, Option<Place>, u32)> = all
        .iter()
        .zip(0..)
        .map(|(observation, at)| {
            if open.0 != Some(std::ptr::from_ref(observation.kind)) {
                open = (Some(std::ptr::from_ref(observation.kind)), ranks[observation.kind.name]);
            }
            (open.1, observation.domain, observation.subject, observation.object, at)
        })
        .collect();
    // The stable sort finds the runs that the workers have sorted already.
    order.sort_by(|a, b| {
        let numbers = (a.0, a.1, a.2, a.3).cmp(&(b.0, b.1, b.2, b.3));
        numbers.then_with(|| {
            let (one, other) = (&all[a.4 as usize], &all[b.4 as usize]);
            (&*one.value, one.window).cmp(&(&*other.value, other.window))
        })
    });
    let mut all: Vec<Option<Observation>> = all.into_iter().map(Some).collect();
    let mut out: Vec<Observation> = Vec::with_capacity(all.len());
    for (.., at) in order {
        let Some(observation) = all[at as usize].take() else { continue };
        match out.last_mut() {
            Some(last) if last.key() == observation.key() => last.seen.merge(&observation.seen),
            _ => out.push(observation),
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

/// The observation of what a talker tried.
pub(crate) fn attempts_observation(key: TriedKey, row: Tried) -> Observation {
    let mut value = Value(Vec::new());
    value.word(attempts::window, key.3.saturating_mul(WINDOW) as u64);
    value.word(attempts::flows, row.flows);
    value.word(attempts::destinations, row.others);
    value.word(attempts::ports, row.busiest.map_or(0, |(ports, _)| ports));
    for port in row.top_ports() {
        value.word(attempts::top_ports, u64::from(port));
    }
    value.word(attempts::capped, u64::from(row.capped));
    if let Some((_, place)) = row.busiest {
        value.text(attempts::busiest, place.bytes());
    }
    value.text(attempts::transport, key.2.as_bytes());
    of_window(&attempts::KIND, key, row, value)
}

/// The observation of who tried to reach a target.
pub(crate) fn targeted_observation(key: TriedKey, row: Tried) -> Observation {
    let mut value = Value(Vec::new());
    value.word(targeted::window, key.3.saturating_mul(WINDOW) as u64);
    value.word(targeted::flows, row.flows);
    value.word(targeted::sources, row.others);
    for port in row.top_ports() {
        value.word(targeted::top_ports, u64::from(port));
    }
    value.word(targeted::capped, u64::from(row.capped));
    value.text(targeted::transport, key.2.as_bytes());
    of_window(&targeted::KIND, key, row, value)
}

fn of_window(kind: &'static Kind, (domain, subject, ..): TriedKey, row: Tried, value: Value) -> Observation {
    let seen = Seen::of(row.flows, row.first, row.last, &row.references);
    Observation { kind, domain, subject, object: None, value: value.0.into(), seen, window: None }
}
