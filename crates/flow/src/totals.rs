//! Totals over the whole run: who talked to whom by what (conversations), and how much of each protocol.
//!
//! Rule 1: at most `CONVERSATION_CAP` conversations a shard; beyond it flows are only counted in the protocol totals and
//! the bound is reported. Unanswered flows of one pair share one row with port 0, so that a port scan is one row.
//! Rule 2: of conversations that were tried in vain at most `VAIN_CAP` a shard are kept of one address at either end: a
//! scan of a network or a flood from forged addresses leaves a sample; the whole is in `flow.attempts` and `flow.targeted`.

use crate::key::Carried;
use crate::part::Domain;
use crate::row::{flag, FlowRow, State};
use foldhash::quality::RandomState;
use hashbrown::HashMap;
use ringfence_wire::Place;

/// Most conversations of a shard.
pub const CONVERSATION_CAP: usize = 16_384;
/// Most conversations of a shard that one address tried in vain, or that were tried with it.
pub const VAIN_CAP: u16 = 64;
/// Packets of a flow that was tried in vain; more, and it is a stream that needs no answer.
const VAIN_PACKETS: i64 = 4;

/// Packets of a flow that goes on after which its protocol is not waited for.
const PATIENT_PACKETS: u64 = 64;

/// What makes a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConversationKey {
    /// Domain of both.
    pub domain: Domain,
    /// Who opened it.
    pub client: Place,
    /// The other.
    pub server: Place,
    /// Transport.
    pub carried: Carried,
    /// Recognised protocol.
    pub protocol: Option<&'static str>,
    /// The server's port; 0 where nothing answered or there are no ports.
    pub port: u16,
    /// True where the other end was seen to speak.
    pub answered: bool,
}

/// Sums of flows; below zero only in a batch of a live read that takes back what an earlier one told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// Flows.
    pub flows: i64,
    /// Packets both ways.
    pub packets: i64,
    /// Bytes on the wire both ways.
    pub bytes: i64,
    /// First packet.
    pub first: i64,
    /// Last packet.
    pub last: i64,
    /// Sum of the flows' confidences.
    pub confidence: i64,
}

impl Sums {
    fn of(row: &FlowRow) -> Sums {
        Sums {
            flows: 1,
            packets: (row.packets[0] + row.packets[1]) as i64,
            bytes: (row.bytes[0] + row.bytes[1]) as i64,
            first: row.first,
            last: row.last,
            confidence: i64::from(row.confidence),
        }
    }

    /// What came since `told`.
    fn since(&self, told: &Sums) -> Sums {
        Sums {
            flows: self.flows - told.flows,
            packets: self.packets - told.packets,
            bytes: self.bytes - told.bytes,
            first: told.last,
            last: self.last,
            confidence: self.confidence - told.confidence,
        }
    }

    /// True where nothing is in it.
    pub fn is_nothing(&self) -> bool {
        (self.flows, self.packets, self.bytes, self.confidence) == (0, 0, 0, 0)
    }

    /// Add other sums.
    pub fn merge(&mut self, other: &Sums) {
        if self.is_nothing() {
            *self = *other;
            return;
        }
        self.flows += other.flows;
        self.packets += other.packets;
        self.bytes += other.bytes;
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
        self.confidence += other.confidence;
    }
}

/// Counters of one shard's flows.
#[derive(Clone, Copy, Debug, Default)]
pub struct FlowCounters {
    /// Flows in all.
    pub flows: u64,
    /// TCP flows that carried data.
    pub tcp: u64,
    /// TCP flows with data of which one direction is missing.
    pub tcp_one_sided: u64,
    /// TCP flows that began before the capture.
    pub tcp_mid_stream: u64,
    /// TCP flows with missing bytes.
    pub tcp_gaps: u64,
    /// Segments seen again.
    pub retransmissions: u64,
    /// Flows handed out early because of the bound.
    pub evicted: u64,
    /// Flows not in the conversations because of the bound.
    pub conversations_overflowed: u64,
    /// Flows tried in vain that are not in the conversations because of their address's bound.
    pub vain_overflowed: u64,
}

/// Totals of one shard.
#[derive(Default)]
pub struct Totals {
    /// Conversations.
    pub conversations: HashMap<ConversationKey, Sums, RandomState>,
    /// Per protocol name; "unknown" where nothing was recognised.
    pub protocols: HashMap<&'static str, Sums, RandomState>,
    /// Counters.
    pub counters: FlowCounters,
    /// How many conversations in vain were kept, by address and whether it is the client.
    vain: HashMap<(Domain, Place, bool), u16, RandomState>,
}

/// What was told of a flow that goes on.
#[derive(Clone, Copy, Debug)]
pub struct Told {
    key: ConversationKey,
    sums: Sums,
}

impl Told {
    /// Packets told.
    pub fn packets(&self) -> u64 {
        self.sums.packets as u64
    }
}

impl ConversationKey {
    fn of(row: &FlowRow) -> ConversationKey {
        let answered = row.packets[1] > 0 && !matches!(row.state, State::Attempt | State::Rejected);
        ConversationKey {
            domain: row.domain,
            client: row.client.place,
            server: row.server.place,
            carried: row.carried,
            protocol: row.protocol,
            port: if answered || row.protocol.is_some() { row.server.port } else { 0 },
            answered,
        }
    }
}

impl Totals {
    /// A flow has ended; of a live read, `told` is what was told of it before.
    pub fn add(&mut self, row: &FlowRow, told: Option<&Told>) {
        self.tell(row, told);
        self.count(row);
    }

    /// True where what is to be said of a flow that goes on will hardly change: it was answered or is a stream that
    /// needs no answer, and its protocol is known or cannot be (`asked`), or has long been waited for.
    pub fn is_settled(row: &FlowRow, asked: bool) -> bool {
        let packets = row.packets[0] + row.packets[1];
        let stream = row.carried != Carried::Tcp && packets > VAIN_PACKETS as u64;
        let known = asked || row.protocol.is_some() || packets > PATIENT_PACKETS;
        known && (stream || ConversationKey::of(row).answered)
    }

    /// Take what came of a flow since `told`; answers what is told now.
    pub fn tell(&mut self, row: &FlowRow, told: Option<&Told>) -> Told {
        let (key, sums) = (ConversationKey::of(row), Sums::of(row));
        match told {
            None => self.enter(&key, sums),
            Some(told) if told.key == key => self.enter(&key, sums.since(&told.sums)),
            Some(told) => {
                let back = Sums::default().since(&told.sums);
                self.enter(&told.key, Sums { first: told.sums.first, last: told.sums.last, ..back });
                self.enter(&key, sums);
            }
        }
        Told { key, sums }
    }

    /// What came since the last time; where the window `closes`, its conversations are forgotten.
    pub fn hand_out(
        &mut self,
        closes: bool,
        conversations: &mut Vec<(ConversationKey, Sums)>,
        mut protocol: impl FnMut(&'static str, &Sums),
    ) {
        conversations.extend(self.conversations.iter().filter(|row| !row.1.is_nothing()).map(|row| (*row.0, *row.1)));
        self.protocols.iter().filter(|row| !row.1.is_nothing()).for_each(|(name, sums)| protocol(name, sums));
        self.protocols.clear();
        if closes {
            self.conversations = HashMap::default();
            self.vain = HashMap::default();
        } else {
            self.conversations.values_mut().for_each(|sums| *sums = Sums::default());
        }
    }

    fn enter(&mut self, key: &ConversationKey, sums: Sums) {
        let (key, answered) = (*key, key.answered);
        if let Some(known) = self.conversations.get_mut(&key) {
            known.merge(&sums);
        } else if self.conversations.len() >= CONVERSATION_CAP {
            self.counters.conversations_overflowed += 1;
        } else if !answered && (0..=VAIN_PACKETS).contains(&sums.packets) && !key.server.is_group() && !self.admit(&key)
        {
            self.counters.vain_overflowed += 1;
        } else {
            self.conversations.insert(key, sums);
        }
        self.protocols.entry(key.protocol.unwrap_or("unknown")).or_default().merge(&sums);
    }

    /// True where one more conversation in vain is kept of both its ends.
    fn admit(&mut self, key: &ConversationKey) -> bool {
        let ends = [(key.domain, key.client, true), (key.domain, key.server, false)];
        let full = ends.iter().any(|end| self.vain.get(end).is_some_and(|&kept| kept >= VAIN_CAP));
        if !full {
            ends.into_iter().for_each(|end| *self.vain.entry(end).or_default() += 1);
        }
        !full
    }

    fn count(&mut self, row: &FlowRow) {
        let counters = &mut self.counters;
        counters.flows += 1;
        counters.retransmissions += row.retransmissions.iter().map(|&n| u64::from(n)).sum::<u64>();
        counters.evicted += u64::from(row.flags & flag::EVICTED != 0);
        if row.carried == Carried::Tcp && !matches!(row.state, State::Attempt | State::Rejected) {
            counters.tcp += 1;
            counters.tcp_one_sided += u64::from(row.flags & flag::ONE_SIDED != 0);
            counters.tcp_mid_stream += u64::from(row.state == State::MidStream);
            counters.tcp_gaps += u64::from(row.flags & flag::GAP != 0);
        }
    }
}
