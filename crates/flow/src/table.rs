//! Live flows of one shard: a slab with a hash index and one recency list per time-out class.
//!
//! Rule 1: a list is ordered by last packet, so expiry looks at its head only and costs nothing while nothing expires.
//! Rule 2: at most `FLOW_CAP` live flows a shard; the least recent of the shortest-lived class goes first.

use crate::flow::Flow;
use crate::key::FlowKey;
use hashbrown::HashTable;

/// Most live flows of a shard.
pub const FLOW_CAP: usize = 16_384;

const NONE: u32 = u32::MAX;

/// How long a silent flow is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Patience {
    /// Nothing came back yet, or it has ended: 30 s.
    Short = 0,
    /// UDP, ICMP, frames: 120 s.
    Medium = 1,
    /// TCP with both ends heard: 600 s.
    Long = 2,
}

const SECOND: i64 = 1_000_000_000;
const PATIENCE: [i64; 3] = [30 * SECOND, 120 * SECOND, 600 * SECOND];

struct Slot {
    flow: Option<Flow>,
    hash: u64,
    class: Patience,
    before: u32,
    after: u32,
}

#[derive(Clone, Copy)]
struct List {
    head: u32,
    tail: u32,
}

/// The table.
pub struct Table {
    seed: u64,
    index: HashTable<u32>,
    slots: Vec<Slot>,
    free: Vec<u32>,
    lists: [List; 3],
    /// Until then no list's head has been silent too long.
    due: i64,
}

impl Table {
    /// `seed` keeps attackers from choosing collisions.
    pub fn new(seed: u64) -> Self {
        Table {
            seed,
            index: HashTable::new(),
            slots: Vec::new(),
            free: Vec::new(),
            lists: [List { head: NONE, tail: NONE }; 3],
            due: i64::MAX,
        }
    }

    /// Live flows.
    pub fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// The slot of `key`.
    #[inline]
    pub fn find(&self, key: &FlowKey) -> Option<u32> {
        let hash = key.hash(self.seed);
        let slots = &self.slots;
        self.index
            .find(hash, |&at| {
                let slot = &slots[at as usize];
                slot.hash == hash && slot.flow.as_ref().is_some_and(|flow| flow.key == *key)
            })
            .copied()
    }

    /// Add a flow; its key must not be in the table.
    pub fn insert(&mut self, flow: Flow, class: Patience) -> u32 {
        let hash = flow.key.hash(self.seed);
        let slot = Slot { flow: Some(flow), hash, class, before: NONE, after: NONE };
        let at = match self.free.pop() {
            Some(at) => {
                self.slots[at as usize] = slot;
                at
            }
            None => {
                self.slots.push(slot);
                (self.slots.len() - 1) as u32
            }
        };
        self.append(at, class);
        let slots = &self.slots;
        self.index.insert_unique(hash, at, |&at| slots[at as usize].hash);
        at
    }

    /// The flow in a slot that is in use.
    #[inline]
    pub fn flow(&mut self, at: u32) -> &mut Flow {
        self.slots[at as usize].flow.as_mut().expect("the slot is in use: its number came from find or insert")
    }

    /// Every live flow.
    pub fn flows(&mut self) -> impl Iterator<Item = &mut Flow> {
        self.slots.iter_mut().filter_map(|slot| slot.flow.as_mut())
    }

    /// Mark the flow as just heard.
    #[inline]
    pub fn touch(&mut self, at: u32, class: Patience) {
        let old = self.slots[at as usize].class;
        if old == class && self.lists[class as usize].tail == at {
            return;
        }
        self.unlink(at);
        self.append(at, class);
    }

    fn unlink(&mut self, at: u32) {
        let (before, after, class) = {
            let slot = &self.slots[at as usize];
            (slot.before, slot.after, slot.class)
        };
        match before {
            NONE => {
                self.lists[class as usize].head = after;
                self.heads(class);
            }
            _ => self.slots[before as usize].after = after,
        }
        match after {
            NONE => self.lists[class as usize].tail = before,
            _ => self.slots[after as usize].before = before,
        }
    }

    fn append(&mut self, at: u32, class: Patience) {
        let list = &mut self.lists[class as usize];
        let tail = list.tail;
        list.tail = at;
        if tail == NONE {
            list.head = at;
        } else {
            self.slots[tail as usize].after = at;
        }
        let slot = &mut self.slots[at as usize];
        slot.class = class;
        slot.before = tail;
        slot.after = NONE;
        if tail == NONE {
            self.heads(class);
        }
    }

    /// Another flow heads the list of `class`.
    fn heads(&mut self, class: Patience) {
        let head = self.lists[class as usize].head;
        if head != NONE {
            self.due = self.due.min(self.patient_until(head, class as usize));
        }
    }

    #[inline]
    fn patient_until(&self, at: u32, class: usize) -> i64 {
        self.slots[at as usize].flow.as_ref().map_or(i64::MIN, |flow| flow.last.saturating_add(PATIENCE[class]))
    }

    /// Take a flow out.
    pub fn remove(&mut self, at: u32) -> Flow {
        self.unlink(at);
        let hash = self.slots[at as usize].hash;
        if let Ok(entry) = self.index.find_entry(hash, |&other| other == at) {
            entry.remove();
        }
        self.free.push(at);
        self.slots[at as usize].flow.take().expect("only slots in use are linked")
    }

    /// The next flow that was silent too long at `now`.
    #[inline]
    pub fn expired(&mut self, now: i64) -> Option<u32> {
        // A flow's last packet only moves on, so what was computed of a head stays a lower bound.
        if now <= self.due {
            return None;
        }
        let mut due = i64::MAX;
        for class in 0..PATIENCE.len() {
            let head = self.lists[class].head;
            if head != NONE {
                let until = self.patient_until(head, class);
                if now > until {
                    return Some(head);
                }
                due = due.min(until);
            }
        }
        self.due = due;
        None
    }

    /// Whom to hand out early when the table is full.
    pub fn least_recent(&self) -> Option<u32> {
        self.lists.iter().map(|list| list.head).find(|&head| head != NONE)
    }

    /// Any live flow, the least recent first: for the end of a run.
    pub fn any(&self) -> Option<u32> {
        self.least_recent()
    }
}
