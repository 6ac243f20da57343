//! From a captured frame to the innermost conversation, with what was around it.
//!
//! Rule 1: no input makes this panic, recurse or grow: layers are walked in a loop of bounded length, and fragments
//! wait in a bounded table.
//! Rule 2: what a header claims beyond the frame is a fault of that packet; what the capture cut off is not.

mod checksum;
mod fragment;
mod link;
mod net;
mod part;
#[cfg(test)]
mod tests;
mod tunnel;

use std::slice::IterMut;

use crate::{Packet, Raw, Transport, Tunnel, TunnelKind, Vlans};
use fragment::FragmentTable;
use part::Part;
use ringfence_wire::Place;

pub use checksum::{network_checksum_good, transport_checksum_good};
pub use link::{link_name, LINKS};

/// Most wrappings (tunnels) around a conversation.
pub const DEPTH_CAP: u8 = 8;
/// Most headers of one packet that are walked.
const STEP_CAP: usize = 64;
/// Most distinct fault names counted; the names are all in this crate, so this is never reached.
const FAULT_CAP: usize = 64;

/// What the decoder met.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Packets in all.
    pub packets: u64,
    /// Packets by row of [`LINKS`]; the last place counts those of other link types.
    pub by_link: [u64; LINKS.len() + 1],
    /// Fragments of IPv4 and IPv6 datagrams.
    pub fragments: u64,
    /// Datagrams made whole again.
    pub reassembled: u64,
    /// Datagrams given up after 30 s of capture time.
    pub expired: u64,
    /// Datagrams given up because the table was full.
    pub overflow: u64,
    /// Fragments that repeat bytes already there exactly in extent; the first stay.
    pub repeated: u64,
    /// Fragments that partly cover bytes already there; the first bytes stay.
    pub overlapping: u64,
    /// Packets whose headers or payload the capture cut short.
    pub snapped: u64,
    /// Packets that were wrapped in a tunnel.
    pub wrapped: u64,
    /// Malformed packets by header field at fault.
    pub faults: Vec<(&'static str, u64)>,
}

impl Counters {
    /// Count a packet that `plain` decoded.
    #[inline]
    pub(crate) fn count_plain(&mut self, packet: &Packet<'_>) {
        self.packets += 1;
        self.by_link[0] += 1;
        self.snapped += u64::from(packet.snapped);
    }

    /// Add plain packets that were counted elsewhere.
    pub(crate) fn add_plain(&mut self, other: &Counters) {
        self.packets += other.packets;
        self.by_link[0] += other.by_link[0];
        self.snapped += other.snapped;
    }

    #[cold]
    fn fault(&mut self, name: &'static str) {
        if let Some((_, count)) = self.faults.iter_mut().find(|(known, _)| *known == name) {
            *count += 1;
        } else if self.faults.len() < FAULT_CAP {
            self.faults.push((name, 1));
        }
    }
}

/// Decodes packets one after another; holds the fragments that wait for others.
pub struct Decoder {
    fragments: FragmentTable,
    whole: [Vec<u8>; 2],
    counters: Counters,
}

impl Default for Decoder {
    fn default() -> Decoder {
        Decoder::new()
    }
}

impl Decoder {
    /// A decoder that has seen nothing.
    pub fn new() -> Decoder {
        Decoder { fragments: FragmentTable::new(), whole: Default::default(), counters: Counters::default() }
    }

    /// What was met so far.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Decode one packet.
    #[inline]
    pub fn decode<'p>(&'p mut self, raw: &Raw<'p>) -> Packet<'p> {
        if let Some(packet) = plain(raw) {
            self.counters.count_plain(&packet);
            return packet;
        }
        self.counters.packets += 1;
        self.walk(raw)
    }

    #[inline(never)]
    fn walk<'p>(&'p mut self, raw: &Raw<'p>) -> Packet<'p> {
        let row = link::row(raw.link);
        if let Some(count) = self.counters.by_link.get_mut(row) {
            *count += 1;
        }
        let mut walk = Walk {
            packet: nothing(),
            fragments: &mut self.fragments,
            spare: self.whole.iter_mut(),
            counters: &mut self.counters,
            time: raw.time,
            extensions: 0,
        };
        if let Some(link) = LINKS.get(row) {
            let next = (link.start)(&mut walk, Part { bytes: raw.data, wire: raw.wire_length });
            walk.run(next);
        }
        let Walk { packet, counters, .. } = walk;
        counters.snapped += u64::from(packet.snapped);
        counters.wrapped += u64::from(packet.tunnel.is_some());
        packet
    }
}

/// What follows in a packet.
#[derive(Clone, Copy)]
pub(crate) enum Next<'p> {
    /// An Ethernet header.
    Ethernet(Part<'p>),
    /// What an EtherType names.
    EtherType(u16, Part<'p>),
    /// An LLC header.
    Llc(Part<'p>),
    /// A PPP protocol field.
    Ppp(Part<'p>),
    /// An IP header of either version, told by its first four bits.
    Ip(Part<'p>),
    /// An IPv6 extension header or what an IPv6 next-header number names.
    Extension(u8, Part<'p>),
    /// What an IP protocol number names.
    Protocol(u8, Part<'p>),
    /// Nothing: the packet is decoded.
    Done,
}

/// One packet's way through its headers.
pub(crate) struct Walk<'p> {
    pub packet: Packet<'p>,
    pub fragments: &'p mut FragmentTable,
    pub spare: IterMut<'p, Vec<u8>>,
    pub counters: &'p mut Counters,
    pub time: i64,
    pub extensions: u8,
}

impl<'p> Walk<'p> {
    fn run(&mut self, mut next: Next<'p>) {
        for _ in 0..STEP_CAP {
            next = match next {
                Next::Ethernet(part) => link::ethernet(self, part),
                Next::EtherType(kind, part) => link::ethertype(self, kind, part),
                Next::Llc(part) => link::llc(self, part),
                Next::Ppp(part) => tunnel::ppp(self, part),
                Next::Ip(part) => net::ip(self, part),
                Next::Extension(protocol, part) => net::extension(self, protocol, part),
                Next::Protocol(protocol, part) => net::protocol(self, protocol, part),
                Next::Done => return,
            };
        }
        self.fault("frame.headers");
    }

    /// Note a malformed header field; the first of a packet stays.
    #[cold]
    pub fn fault(&mut self, name: &'static str) -> Next<'p> {
        if self.packet.fault.is_none() {
            self.packet.fault = Some(name);
            self.counters.fault(name);
        }
        Next::Done
    }

    /// A header of `need` bytes is not there: the capture's doing, or a fault called `name`.
    #[cold]
    pub fn short(&mut self, part: Part<'p>, need: usize, name: &'static str) -> Next<'p> {
        if part.wire as usize >= need {
            self.packet.snapped = true;
            return Next::Done;
        }
        self.fault(name)
    }

    /// Note a wrapping; false where there are too many.
    pub fn wrap(&mut self, kind: TunnelKind, id: u32) -> bool {
        let packet = &mut self.packet;
        match &mut packet.tunnel {
            Some(tunnel) if tunnel.depth >= DEPTH_CAP => {
                self.fault("tunnel.depth");
                false
            }
            Some(tunnel) => {
                tunnel.depth += 1;
                true
            }
            None => {
                let src = packet.src.or(packet.src_mac.map(Place::Mac));
                let dst = packet.dst.or(packet.dst_mac.map(Place::Mac));
                packet.tunnel = Some(Tunnel { kind, id, src, dst, depth: 1 });
                true
            }
        }
    }

    /// Forget the network layer that wraps an Ethernet frame: its addresses are the tunnel's, not the inner talkers'.
    pub fn leave_network(&mut self) {
        let packet = &mut self.packet;
        if packet.src.is_some() {
            (packet.src, packet.dst) = (None, None);
            (packet.ttl, packet.protocol, packet.ip_id) = (0, 0, 0);
            (packet.network_header, packet.transport_bytes) = (&[], &[]);
        }
    }

    /// End with a payload and what carries it.
    pub fn payload(&mut self, transport: Transport, part: Part<'p>) -> Next<'p> {
        self.packet.transport = transport;
        self.packet.payload = part.bytes;
        self.packet.payload_length = part.wire;
        self.packet.snapped |= part.is_cut();
        Next::Done
    }
}

/// A packet of which nothing is known.
fn nothing<'p>() -> Packet<'p> {
    Packet {
        src_mac: None,
        dst_mac: None,
        vlans: Vlans::default(),
        tunnel: None,
        ethertype: 0,
        src: None,
        dst: None,
        ttl: 0,
        protocol: 0,
        ip_id: 0,
        transport: Transport::Nothing,
        src_port: 0,
        dst_port: 0,
        network_header: &[],
        transport_bytes: &[],
        payload: &[],
        payload_length: 0,
        snapped: false,
        fault: None,
    }
}

/// The common case in one piece: Ethernet, IPv4 without options or fragments, TCP or UDP, nothing malformed or wrapped.
///
/// None sends the packet the long way, which knows all cases and gives the same answer for this one.
#[inline]
pub(crate) fn plain<'p>(raw: &Raw<'p>) -> Option<Packet<'p>> {
    if raw.link != 1 {
        return None;
    }
    let head = raw.data.first_chunk::<34>()?;
    let fragment = (head[20] & 0x3f) | head[21];
    if head[12] != 8 || head[13] != 0 || head[14] != 0x45 || fragment != 0 {
        return None;
    }
    let total = usize::from(u16::from_be_bytes([head[16], head[17]]));
    if total < 20 || 14 + total > raw.wire_length as usize {
        return None;
    }
    let transport_bytes = raw.data.get(34..raw.data.len().min(14 + total))?;
    let (transport, header, src_port, dst_port) = match head[23] {
        6 => {
            let tcp = transport_bytes.first_chunk::<20>()?;
            let (fields, header) = net::tcp_fields(tcp);
            (Transport::Tcp(fields), header, [tcp[0], tcp[1]], [tcp[2], tcp[3]])
        }
        17 => {
            let udp = transport_bytes.first_chunk::<8>()?;
            if usize::from(u16::from_be_bytes([udp[4], udp[5]])) + 20 != total {
                return None;
            }
            (Transport::Udp, 8, [udp[0], udp[1]], [udp[2], udp[3]])
        }
        _ => return None,
    };
    let dst_port = u16::from_be_bytes(dst_port);
    if header < 8 || (head[23] == 6 && header < 20) || (head[23] == 17 && tunnel::is_udp_tunnel(dst_port)) {
        return None;
    }
    let payload = transport_bytes.get(header..)?;
    let payload_length = (total - 20).checked_sub(header)?;
    Some(Packet {
        src_mac: Some([head[6], head[7], head[8], head[9], head[10], head[11]]),
        dst_mac: Some([head[0], head[1], head[2], head[3], head[4], head[5]]),
        vlans: Vlans::default(),
        tunnel: None,
        ethertype: 0x0800,
        src: Some(Place::V4([head[26], head[27], head[28], head[29]])),
        dst: Some(Place::V4([head[30], head[31], head[32], head[33]])),
        ttl: head[22],
        protocol: head[23],
        ip_id: u16::from_be_bytes([head[18], head[19]]),
        transport,
        src_port: u16::from_be_bytes(src_port),
        dst_port,
        network_header: raw.data.get(14..34)?,
        transport_bytes,
        payload,
        payload_length: payload_length as u32,
        snapped: payload.len() < payload_length,
        fault: None,
    })
}
