//! Who tried in vain to reach whom: the statistics behind scan and flood findings, per talker and window.
//!
//! Rule 1: a pair of addresses belongs to one shard, so the shards' counts of destinations add up exactly.
//! Rule 2: a talker's sets are bounded (`TRIED_CAP`); beyond it only the number of flows grows and `capped` is set.

use crate::aggregate::{Reference, REFERENCE_CAP, WINDOW};
use crate::key::Carried;
use crate::part::Domain;
use foldhash::quality::RandomState;
use hashbrown::{HashMap, HashSet};
use ringfence_wire::Place;

/// Most (destination, port) pairs remembered of one talker in one window and shard.
pub const TRIED_CAP: usize = 2048;
/// Ports named of a talker.
const TOP_PORTS: usize = 8;
/// Most talkers remembered in one window and shard.
pub const TALKER_CAP: usize = 4096;

/// One talker's attempts in one window, mergeable over shards.
#[derive(Clone, Debug, Default)]
pub struct Tried {
    /// Unanswered flows.
    pub flows: u64,
    /// Different destinations.
    pub destinations: u64,
    /// Most ports tried on one destination, and which.
    pub busiest: Option<(u64, Place)>,
    /// How many destinations each port was tried on.
    pub ports: Vec<(u16, u64)>,
    /// True where a bound was reached.
    pub capped: bool,
    /// First and last time.
    pub first: i64,
    /// Last time.
    pub last: i64,
    /// First packets.
    pub references: Vec<Reference>,
}

/// What makes a row: domain, talker, transport, window.
pub type TriedKey = (Domain, Place, &'static str, i64);

#[derive(Default)]
struct Talker {
    tried: Tried,
    pairs: HashSet<(Place, u16), RandomState>,
    per_destination: HashMap<Place, u64, RandomState>,
    per_port: HashMap<u16, u64, RandomState>,
}

/// The attempts of one shard.
#[derive(Default)]
pub struct Attempts {
    window: i64,
    talkers: HashMap<(Domain, Place, Carried), Talker, RandomState>,
    done: Vec<(TriedKey, Tried)>,
    /// Attempts that met the bound of talkers.
    pub overflowed: u64,
}

/// Rows with fewer destinations and ports than this in a shard-window are dropped unless the flows are many.
const WORTH_KEEPING: u64 = 1;

impl Attempts {
    /// One unanswered flow.
    pub fn add(&mut self, domain: Domain, from: Place, to: Place, port: u16, carried: Carried, at: &Reference) {
        let window = at.time.div_euclid(WINDOW);
        if window != self.window {
            self.close();
            self.window = window;
        }
        if self.talkers.len() >= TALKER_CAP && !self.talkers.contains_key(&(domain, from, carried)) {
            self.overflowed += 1;
            return;
        }
        let talker = self.talkers.entry((domain, from, carried)).or_default();
        let tried = &mut talker.tried;
        if tried.flows == 0 {
            (tried.first, tried.last) = (at.time, at.time);
        }
        tried.flows += 1;
        tried.first = tried.first.min(at.time);
        tried.last = tried.last.max(at.time);
        if tried.references.len() < REFERENCE_CAP {
            tried.references.push(*at);
        }
        if talker.pairs.len() >= TRIED_CAP {
            tried.capped = true;
            return;
        }
        if talker.pairs.insert((to, port)) {
            *talker.per_destination.entry(to).or_default() += 1;
            *talker.per_port.entry(port).or_default() += 1;
        }
    }

    fn close(&mut self) {
        for ((domain, place, carried), talker) in self.talkers.drain() {
            let mut tried = talker.tried;
            tried.destinations = talker.per_destination.len() as u64;
            if tried.flows < WORTH_KEEPING {
                continue;
            }
            tried.busiest = talker.per_destination.iter().map(|(place, count)| (*count, *place)).max();
            tried.ports = talker.per_port.into_iter().collect();
            tried.ports.sort_unstable_by_key(|(port, count)| (std::cmp::Reverse(*count), *port));
            tried.ports.truncate(64);
            self.done.push(((domain, place, carried.name(), self.window), tried));
        }
    }

    /// Every window's rows.
    pub fn finish(mut self) -> Vec<(TriedKey, Tried)> {
        self.close();
        self.done
    }
}

impl Tried {
    /// The ports tried on most destinations: in whatever order shards were merged, the same.
    pub fn top_ports(&self) -> impl Iterator<Item = u16> {
        let mut ports = self.ports.clone();
        ports.sort_unstable_by_key(|(port, count)| (std::cmp::Reverse(*count), *port));
        ports.into_iter().take(TOP_PORTS).map(|(port, _)| port)
    }

    /// Add another shard's row of the same key.
    pub fn merge(&mut self, other: Tried) {
        self.flows += other.flows;
        self.destinations += other.destinations;
        self.busiest = self.busiest.max(other.busiest);
        for (port, count) in other.ports {
            match self.ports.iter_mut().find(|(known, _)| *known == port) {
                Some(row) => row.1 += count,
                None => self.ports.push((port, count)),
            }
        }
        self.capped |= other.capped;
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
        self.references.extend(other.references);
        self.references.sort_unstable();
        self.references.truncate(REFERENCE_CAP);
    }
}

#[cfg(test)]
mod tests {
    use super::Tried;

    #[test]
    fn the_order_of_merging_changes_nothing() {
        let shard = |ports: &[(u16, u64)]| Tried { flows: 1, ports: ports.to_vec(), ..Tried::default() };
        let shards = [shard(&[(53, 1), (80, 1)]), shard(&[(9, 2)]), shard(&[(443, 1), (80, 2)]), shard(&[(22, 1)])];
        let merged = |order: [usize; 4]| {
            let mut all = shards[order[0]].clone();
            order[1..].iter().for_each(|&at| all.merge(shards[at].clone()));
            all.top_ports().collect::<Vec<_>>()
        };
        assert_eq!(merged([0, 1, 2, 3]), [80, 9, 22, 53, 443]);
        for order in [[3, 2, 1, 0], [1, 0, 3, 2], [2, 3, 0, 1]] {
            assert_eq!(merged(order), merged([0, 1, 2, 3]));
        }
    }
}
