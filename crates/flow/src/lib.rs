//! Capture reading, decoding, reassembly, tracking, aggregation.
//!
//! The line a packet takes: `source` (files to packets) → `decode` (packets to conversations' ends and payload) →
//! `track` (flows, reassembly, dissectors) → `aggregate` (records to observations) → `engine` (workers and merging).

mod aggregate;
mod attempts;
mod engine;
mod feed;
mod flow;
mod key;
pub mod kinds;
mod live;
mod merge;
mod packet;
mod part;
mod quality;
mod row;
mod supply;
mod table;
mod tcp;
mod totals;
mod track;

pub mod decode;
pub mod show;
pub mod source;

pub use aggregate::{Observation, Reference, Seen, WINDOW};
pub use engine::{run, Domains, Options, Progress, Report};
pub use flow::Environment;
pub use key::{Carried, FlowKey, SHARDS};
pub use live::{live, Batch, LiveOptions, LiveSink};
pub use packet::{Packet, Problem, Raw, Tcp, Transport, Tunnel, TunnelKind, Vlans, VLAN_CAP};
pub use part::{part_id, Domain, PART_ID_LENGTH};
pub use quality::Quality;
pub use row::{flag, Discard, FlowRow, RowSink, State, TransactionRow};
pub use supply::Source;
pub use totals::{ConversationKey, FlowCounters, Sums};
