//! Rows of the batches `flows.v1` and `transactions.v1` (contract §3), and who takes them.

use crate::key::Carried;
use crate::packet::{Tunnel, Vlans};
use crate::part::Domain;
use ringfence_dissect::Endpoint;
use ringfence_wire::Place;

/// How a flow stood when it ended or was handed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Not TCP, both ends spoke.
    Answered,
    /// Only one end was seen to speak.
    Unanswered,
    /// TCP: a SYN and nothing back.
    Attempt,
    /// TCP: a SYN answered by a reset.
    Rejected,
    /// TCP: shaken hands, still open.
    Established,
    /// TCP: ended by FIN of both.
    Closed,
    /// TCP: ended by a reset.
    Reset,
    /// TCP: its beginning was not seen.
    MidStream,
}

impl State {
    /// Name as in `flows.v1`.
    pub fn name(self) -> &'static str {
        match self {
            State::Answered => "answered",
            State::Unanswered => "unanswered",
            State::Attempt => "attempt",
            State::Rejected => "rejected",
            State::Established => "established",
            State::Closed => "closed",
            State::Reset => "reset",
            State::MidStream => "mid_stream",
        }
    }
}

/// Bits of `FlowRow::flags`.
pub mod flag {
    /// Only one direction was seen.
    pub const ONE_SIDED: u32 = 1;
    /// Bytes of the stream are missing in the capture.
    pub const GAP: u32 = 2;
    /// Some packets were cut short by the capture.
    pub const SNAPPED: u32 = 4;
    /// Packets were seen twice.
    pub const DUPLICATES: u32 = 8;
    /// Handed out because a bound was reached, not because it ended.
    pub const EVICTED: u32 = 16;
    /// Bytes of a retransmission differed from the first.
    pub const OVERLAP: u32 = 32;
}

/// One flow.
#[derive(Clone, Debug)]
pub struct FlowRow {
    /// Stable id: a digest of key and start.
    pub id: u64,
    /// Domain of both parts.
    pub domain: Domain,
    /// Input of the first packet.
    pub input: u16,
    /// Number of the window: that of the first packet, or of a live read the one in which these packets came.
    pub window: i64,
    /// Who opened it.
    pub client: Endpoint,
    /// The other.
    pub server: Endpoint,
    /// Transport.
    pub carried: Carried,
    /// Name of the protocol, or None where nothing was recognised.
    pub protocol: Option<&'static str>,
    /// 0 to 100.
    pub confidence: u8,
    /// First packet.
    pub first: i64,
    /// Last packet.
    pub last: i64,
    /// Packets: from the client, from the server.
    pub packets: [u64; 2],
    /// Bytes on the wire: from the client, from the server.
    pub bytes: [u64; 2],
    /// State.
    pub state: State,
    /// TCP segments seen again: from the client, from the server.
    pub retransmissions: [u32; 2],
    /// Time of the TCP handshake in microseconds.
    pub rtt: Option<u32>,
    /// VLAN ids of the first packet.
    pub vlans: Vlans,
    /// Outermost wrapping of the first packet.
    pub tunnel: Option<Tunnel>,
    /// ICMP type and code of the first packet.
    pub icmp: Option<(u8, u8)>,
    /// See `flag`.
    pub flags: u32,
}

/// One transaction: `operation` on `object`.
#[derive(Clone, Debug)]
pub struct TransactionRow<'a> {
    /// When.
    pub time: i64,
    /// Its flow.
    pub flow: u64,
    /// Domain of both parts.
    pub domain: Domain,
    /// The kind of the record.
    pub kind: &'static str,
    /// Who did it.
    pub subject: Place,
    /// To whom.
    pub object_place: Option<Place>,
    /// What.
    pub operation: &'a [u8],
    /// On what.
    pub object: Option<&'a [u8]>,
    /// Outcome in words, where it is known.
    pub status: Option<&'a [u8]>,
    /// Bytes of the packet on the wire.
    pub length: u32,
}

/// Takes rows as they become known. One per worker.
pub trait RowSink: Send {
    /// A flow ended, timed out or was evicted.
    fn flow(&mut self, row: &FlowRow);
    /// A transaction was seen.
    fn transaction(&mut self, row: &TransactionRow<'_>);
    /// An observation of a closed window (only where windows were asked for).
    fn observation(&mut self, observation: &crate::aggregate::Observation);
    /// A record with all details (only where a trace was asked for).
    fn trace(&mut self, emitted: &ringfence_dissect::Emitted<'_>, domain: Domain, at: &crate::aggregate::Reference);
}

/// Drops everything.
pub struct Discard;

impl RowSink for Discard {
    fn flow(&mut self, _row: &FlowRow) {}
    fn transaction(&mut self, _row: &TransactionRow<'_>) {}
    fn observation(&mut self, _observation: &crate::aggregate::Observation) {}
    fn trace(&mut self, _emitted: &ringfence_dissect::Emitted<'_>, _domain: Domain, _at: &crate::aggregate::Reference) {
    }
}
