//! Capture reading, decoding, reassembly, tracking, aggregation.

mod packet;

pub mod decode;
pub mod source;

pub use packet::{Packet, Problem, Raw, Tcp, Transport, Tunnel, TunnelKind, Vlans, VLAN_CAP};
