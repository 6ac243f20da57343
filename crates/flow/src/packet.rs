//! A packet as the reader hands it over (`Raw`) and as the decoder understands it (`Packet`).

use ringfence_wire::Place;

/// One captured packet, still undecoded.
#[derive(Clone, Copy, Debug)]
pub struct Raw<'a> {
    /// Which input (position in the list of inputs).
    pub input: u16,
    /// Interface within the input.
    pub interface: u16,
    /// LINKTYPE_ value.
    pub link: u16,
    /// Position of the packet in its input, from 1 (as Wireshark numbers frames).
    pub index: u64,
    /// Nanoseconds since 1970, UTC.
    pub time: i64,
    /// Length on the wire.
    pub wire_length: u32,
    /// The bytes captured.
    pub data: &'a [u8],
}

/// What could not be read of an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Which input.
    pub input: u16,
    /// Byte offset in the (decompressed) input.
    pub offset: u64,
    /// What is wrong, in words.
    pub reason: String,
}

/// Most VLAN tags kept of a packet.
pub const VLAN_CAP: usize = 4;

/// VLAN ids, outermost first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Vlans {
    ids: [u16; VLAN_CAP],
    count: u8,
}

impl Vlans {
    /// Add a tag inside the others; beyond the cap it is dropped.
    #[inline]
    pub fn push(&mut self, id: u16) {
        if (self.count as usize) < VLAN_CAP {
            self.ids[self.count as usize] = id;
            self.count += 1;
        }
    }

    /// The ids, outermost first.
    #[inline]
    pub fn ids(&self) -> &[u16] {
        &self.ids[..self.count as usize]
    }
}

/// What a packet was wrapped in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TunnelKind {
    /// PPPoE session.
    Pppoe,
    /// MPLS label stack.
    Mpls,
    /// GRE without a known payload tag.
    Gre,
    /// ERSPAN type I, II or III.
    Erspan(u8),
    /// VXLAN.
    Vxlan,
    /// GENEVE.
    Geneve,
    /// IP in IP, 6in4, 4in6.
    IpInIp,
}

/// The outermost wrapping, kept as the packet's origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Tunnel {
    /// Which.
    pub kind: TunnelKind,
    /// Label, VNI, session or span id; 0 where there is none.
    pub id: u32,
    /// Outer source, where there is one.
    pub src: Option<Place>,
    /// Outer destination.
    pub dst: Option<Place>,
    /// How many wrappings in all.
    pub depth: u8,
}

/// TCP header fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tcp {
    /// Sequence number.
    pub seq: u32,
    /// Acknowledgement number.
    pub ack: u32,
    /// Flags: FIN 1, SYN 2, RST 4, PSH 8, ACK 16, URG 32.
    pub flags: u8,
    /// Window as sent.
    pub window: u16,
}

/// What carries the payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// No IP: the payload follows the EtherType.
    Frame,
    /// TCP.
    Tcp(Tcp),
    /// UDP.
    Udp,
    /// ICMP or ICMPv6: type and code.
    Icmp(u8, u8),
    /// Another IP protocol.
    Other(u8),
    /// A fragment whose datagram is not whole yet.
    Fragment,
    /// Nothing could be decoded: the packet is counted only.
    Nothing,
}

/// A decoded packet: the innermost conversation, with what was around it.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    /// Link source, innermost Ethernet header.
    pub src_mac: Option<[u8; 6]>,
    /// Link destination.
    pub dst_mac: Option<[u8; 6]>,
    /// VLAN tags, outermost first (tags of an outer and an inner frame follow one another). Id 0 is a priority, no VLAN,
    /// and is left out.
    pub vlans: Vlans,
    /// The outermost wrapping.
    pub tunnel: Option<Tunnel>,
    /// Innermost EtherType (0 where the frame carries a length: LLC).
    pub ethertype: u16,
    /// Innermost IP source, or None.
    pub src: Option<Place>,
    /// Innermost IP destination, or None.
    pub dst: Option<Place>,
    /// IP TTL or hop limit (0 without IP).
    pub ttl: u8,
    /// IP protocol number (0 without IP).
    pub protocol: u8,
    /// IPv4 identification, or 0.
    pub ip_id: u16,
    /// What carries the payload.
    pub transport: Transport,
    /// TCP or UDP source port, else 0.
    pub src_port: u16,
    /// TCP or UDP destination port, else 0.
    pub dst_port: u16,
    /// The innermost IP header, as far as it was captured (IPv6: the fixed part); empty without IP.
    pub network_header: &'a [u8],
    /// The transport header and its payload, padding left out; empty without IP or in a fragment.
    pub transport_bytes: &'a [u8],
    /// The payload that was captured (padding left out). Of ICMP: what follows type, code and checksum.
    /// Of a frame without IP: what follows the EtherType or, where it carries a length, the LLC header and all.
    pub payload: &'a [u8],
    /// The payload's length on the wire, from the headers.
    pub payload_length: u32,
    /// True where the capture cut the payload or a header short.
    pub snapped: bool,
    /// Header field at fault, where one was malformed.
    pub fault: Option<&'static str>,
}
