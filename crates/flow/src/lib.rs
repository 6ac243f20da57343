//! Capture reading, decoding, reassembly, tracking, aggregation.

mod packet;

pub use packet::{Packet, Problem, Raw, Tcp, Transport, Tunnel, TunnelKind, Vlans, VLAN_CAP};
