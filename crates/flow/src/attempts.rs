//! Who tried in vain to reach whom: the statistics behind scan and flood findings, per window, by talker and by target.
//!
//! Rule 1: a pair of addresses belongs to one shard, so the shards' counts of destinations and of sources add up exactly.
//! Rule 2: what is remembered of one talker (`TRIED_CAP`) and of all (`PAIR_CAP`) is bounded; beyond it only the number
//! of flows grows and `capped` is set.
//! Rule 3: talkers share their tables, for a flood from forged addresses has a million talkers with one flow each.

use crate::aggregate::{Reference, REFERENCE_CAP, WINDOW};
use crate::key::Carried;
use crate::part::Domain;
use foldhash::quality::RandomState;
use hashbrown::hash_map::Entry;
use hashbrown::{HashMap, HashSet};
use ringfence_wire::Place;

/// Most (destination, port) pairs remembered of one talker in one window and shard.
pub const TRIED_CAP: u32 = 2048;
/// Most pairs remembered of all talkers, and of all targets, in one window and shard.
pub const PAIR_CAP: usize = 8192;
/// Ports named of a talker.
const TOP_PORTS: usize = 8;
/// Most talkers, and targets, remembered in one window and shard.
pub const TALKER_CAP: usize = 4096;
/// Most rows of closed windows kept in one shard; those with the fewest flows go first.
pub const ROW_CAP: usize = 8192;

/// One talker's attempts in one window, mergeable over shards. Of a target: the attempts to reach it.
#[derive(Clone, Debug, Default)]
pub struct Tried {
    /// Unanswered flows.
    pub flows: u64,
    /// Different destinations; of a target, different sources.
    pub others: u64,
    /// Most ports tried on one destination, and which; None of a target.
    pub busiest: Option<(u64, Place)>,
    /// How many others each port was tried on.
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

/// What makes a row: domain, talker or target, transport, window.
pub type TriedKey = (Domain, Place, &'static str, i64);

/// Rows with what makes them.
pub type TriedRows = Vec<(TriedKey, Tried)>;

/// A talker, what it tried, and how many pairs are remembered of it.
type TalkerRow = (Domain, Place, Carried, Tried, u32);

/// Talkers of the open window with what each tried, or targets with who tried it.
#[derive(Default)]
struct Open {
    numbers: HashMap<(Domain, Place, Carried), u32, RandomState>,
    rows: Vec<TalkerRow>,
    pairs: HashSet<(u32, Place, u16), RandomState>,
    per_other: HashMap<(u32, Place), u64, RandomState>,
    per_port: HashMap<(u32, u16), u64, RandomState>,
}

impl Open {
    /// Count one flow; false where there are too many talkers.
    fn add(&mut self, who: (Domain, Place, Carried), other: Place, port: u16, at: &Reference) -> bool {
        let full = self.rows.len() >= TALKER_CAP;
        let number = match self.numbers.entry(who) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(_) if full => return false,
            Entry::Vacant(free) => {
                let fresh = Tried { first: at.time, last: at.time, ..Tried::default() };
                self.rows.push((who.0, who.1, who.2, fresh, 0));
                *free.insert(self.rows.len() as u32 - 1)
            }
        };
        let (.., tried, remembered) = &mut self.rows[number as usize];
        tried.flows += 1;
        tried.first = tried.first.min(at.time);
        tried.last = tried.last.max(at.time);
        if tried.references.len() < REFERENCE_CAP {
            tried.references.reserve_exact(1);
            tried.references.push(*at);
        }
        if *remembered >= TRIED_CAP || self.pairs.len() >= PAIR_CAP {
            tried.capped |= !self.pairs.contains(&(number, other, port));
        } else if self.pairs.insert((number, other, port)) {
            *remembered += 1;
            *self.per_other.entry((number, other)).or_default() += 1;
            *self.per_port.entry((number, port)).or_default() += 1;
        }
        true
    }

    /// The rows of the window, which ends.
    fn close(&mut self, window: i64) -> impl Iterator<Item = (TriedKey, Tried)> {
        self.numbers.clear();
        self.pairs.clear();
        let open = std::mem::take(&mut self.rows);
        let rows = self.summed(open, window);
        self.per_other.clear();
        self.per_port.clear();
        rows
    }

    /// The rows of the window so far.
    fn so_far(&self, window: i64) -> impl Iterator<Item = (TriedKey, Tried)> {
        self.summed(self.rows.clone(), window)
    }

    fn summed(&self, mut rows: Vec<TalkerRow>, window: i64) -> std::vec::IntoIter<(TriedKey, Tried)> {
        for (&(number, other), &count) in &self.per_other {
            let tried = &mut rows[number as usize].3;
            tried.others += 1;
            tried.busiest = tried.busiest.max(Some((count, other)));
        }
        for (&(number, port), &count) in &self.per_port {
            let ports = &mut rows[number as usize].3.ports;
            ports.reserve_exact(usize::from(ports.is_empty()));
            ports.push((port, count));
        }
        let rows = rows.into_iter().map(|(domain, place, carried, mut tried, _)| {
            tried.ports.sort_unstable_by_key(|(port, count)| (std::cmp::Reverse(*count), *port));
            tried.ports.truncate(64);
            ((domain, place, carried.name(), window), tried)
        });
        rows.collect::<Vec<_>>().into_iter()
    }
}

/// The attempts of one shard.
#[derive(Default)]
pub struct Attempts {
    window: i64,
    talkers: Open,
    targets: Open,
    tried: TriedRows,
    targeted: TriedRows,
    changed: bool,
    /// Attempts that met the bound of talkers, of targets or of rows.
    pub overflowed: u64,
}

impl Attempts {
    /// One unanswered flow.
    pub fn add(&mut self, domain: Domain, from: Place, to: Place, port: u16, carried: Carried, at: &Reference) {
        let window = at.time.div_euclid(WINDOW);
        if window != self.window {
            self.close();
            self.window = window;
        }
        self.changed = true;
        let by_talker = self.talkers.add((domain, from, carried), to, port, at);
        let by_target = self.targets.add((domain, to, carried), from, port, at);
        self.overflowed += u64::from(!by_talker && !by_target);
    }

    fn close(&mut self) {
        self.tried.extend(self.talkers.close(self.window));
        self.targeted.extend(self.targets.close(self.window));
        self.overflowed += bounded(&mut self.tried) + bounded(&mut self.targeted);
    }

    /// Every window's rows so far, by talker and by target.
    pub fn so_far(&self) -> (TriedRows, TriedRows) {
        let tried = self.tried.iter().cloned().chain(self.talkers.so_far(self.window)).collect();
        let targeted = self.targeted.iter().cloned().chain(self.targets.so_far(self.window)).collect();
        (tried, targeted)
    }

    /// True where a flow came since the last time this was asked.
    pub fn has_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    /// Forget the rows of windows up to `window`.
    pub fn forget(&mut self, window: i64) {
        if self.window <= window {
            self.close();
        }
        self.tried.retain(|(key, _)| key.3 > window);
        self.targeted.retain(|(key, _)| key.3 > window);
    }

    /// Every window's rows, by talker and by target.
    pub fn finish(mut self) -> (TriedRows, TriedRows) {
        self.close();
        (self.tried, self.targeted)
    }
}

/// Keep the rows with the most flows; answers how many flows were in the others.
///
/// A hostile clock may open a window with each packet: half of the rows go at a time, so that few of them pay for sorting.
fn bounded(rows: &mut TriedRows) -> u64 {
    if rows.len() <= ROW_CAP {
        return 0;
    }
    rows.sort_unstable_by(|(a, one), (b, other)| other.flows.cmp(&one.flows).then_with(|| a.cmp(b)));
    rows.drain(ROW_CAP / 2..).map(|(_, row)| row.flows).sum()
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
        self.others += other.others;
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
