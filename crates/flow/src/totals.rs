//! Totals over the whole run: who talked to whom by what (conversations), and how much of each protocol.
//!
//! Rule 1: at most `CONVERSATION_CAP` conversations a shard; beyond it flows are only counted in the protocol totals and
//! the bound is reported. Unanswered flows of one pair share one row with port 0, so that a port scan is one row.

use crate::key::Carried;
use crate::part::Domain;
use crate::row::{flag, FlowRow, State};
use foldhash::quality::RandomState;
use hashbrown::HashMap;
use ringfence_wire::Place;

/// Most conversations of a shard.
pub const CONVERSATION_CAP: usize = 16_384;

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

/// Sums of flows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// Flows.
    pub flows: u64,
    /// Packets both ways.
    pub packets: u64,
    /// Bytes on the wire both ways.
    pub bytes: u64,
    /// First packet.
    pub first: i64,
    /// Last packet.
    pub last: i64,
    /// Sum of the flows' confidences.
    pub confidence: u64,
}

impl Sums {
    /// Add other sums.
    pub fn merge(&mut self, other: &Sums) {
        if self.flows == 0 {
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
}

impl Totals {
    /// A flow has ended.
    pub fn add(&mut self, row: &FlowRow) {
        let answered = row.packets[1] > 0 && !matches!(row.state, State::Attempt | State::Rejected);
        let sums = Sums {
            flows: 1,
            packets: row.packets[0] + row.packets[1],
            bytes: row.bytes[0] + row.bytes[1],
            first: row.first,
            last: row.last,
            confidence: u64::from(row.confidence),
        };
        let key = ConversationKey {
            domain: row.domain,
            client: row.client.place,
            server: row.server.place,
            carried: row.carried,
            protocol: row.protocol,
            port: if answered || row.protocol.is_some() { row.server.port } else { 0 },
            answered,
        };
        if self.conversations.len() < CONVERSATION_CAP || self.conversations.contains_key(&key) {
            self.conversations.entry(key).or_default().merge(&sums);
        } else {
            self.counters.conversations_overflowed += 1;
        }
        self.protocols.entry(row.protocol.unwrap_or("unknown")).or_default().merge(&sums);
        self.count(row);
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
