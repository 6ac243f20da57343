//! IPv4 (RFC 791), IPv6 (RFC 8200), and the headers of TCP (RFC 9293), UDP (RFC 768), ICMP and ICMPv6.

use ringfence_wire::Place;

use super::fragment::{Fragment, FragmentKey, Outcome};
use super::{tunnel, Next, Part, Walk};
use crate::{Tcp, Transport, TunnelKind};

/// Most IPv6 extension headers of one packet, over all its layers.
const EXTENSION_CAP: u8 = 16;

/// IP of the version its first four bits tell.
pub(super) fn ip<'p>(walk: &mut Walk<'p>, part: Part<'p>) -> Next<'p> {
    match part.bytes.first().map(|first| first >> 4) {
        Some(4) => ipv4(walk, part),
        Some(6) => ipv6(walk, part),
        Some(_) => walk.fault("ip.version"),
        None => walk.short(part, 1, "ip.header"),
    }
}

pub(super) fn ipv4<'p>(walk: &mut Walk<'p>, part: Part<'p>) -> Next<'p> {
    walk.packet.ethertype = 0x0800;
    let Some(head) = part.head::<20>() else { return walk.short(part, 20, "ipv4.header") };
    if head[0] >> 4 != 4 {
        return walk.fault("ipv4.version");
    }
    let header = usize::from(head[0] & 15) * 4;
    let total = u32::from(u16::from_be_bytes([head[2], head[3]]));
    let id = u16::from_be_bytes([head[4], head[5]]);
    let packet = &mut walk.packet;
    packet.src = Some(Place::V4([head[12], head[13], head[14], head[15]]));
    packet.dst = Some(Place::V4([head[16], head[17], head[18], head[19]]));
    packet.ttl = head[8];
    packet.protocol = head[9];
    packet.ip_id = id;
    packet.transport = Transport::Other(head[9]);
    packet.network_header = part.bytes.get(..header).unwrap_or(part.bytes);
    if header < 20 {
        return walk.fault("ipv4.header_length");
    }
    // A total length of 0 is what a capture shows before segmentation offload: the frame's length holds then.
    let datagram = if total == 0 { part } else { part.cut(total) };
    if total != 0 && total < header as u32 {
        return walk.fault("ipv4.total_length");
    }
    if total > part.wire {
        walk.fault("ipv4.total_length");
    }
    if datagram.bytes.len() < header {
        return walk.short(datagram, header, "ipv4.header_length");
    }
    let rest = datagram.after(header);
    let field = u16::from_be_bytes([head[6], head[7]]);
    if field & 0x3fff == 0 {
        return Next::Protocol(head[9], rest);
    }
    let fragment = Fragment { offset: u32::from(field & 0x1fff) * 8, more: field & 0x2000 != 0, protocol: head[9] };
    match reassemble(walk, u32::from(id), head[9], fragment, rest) {
        Some((protocol, whole)) => Next::Protocol(protocol, whole),
        None => Next::Done,
    }
}

pub(super) fn ipv6<'p>(walk: &mut Walk<'p>, part: Part<'p>) -> Next<'p> {
    walk.packet.ethertype = 0x86dd;
    let Some(head) = part.head::<40>() else { return walk.short(part, 40, "ipv6.header") };
    if head[0] >> 4 != 6 {
        return walk.fault("ipv6.version");
    }
    let length = u32::from(u16::from_be_bytes([head[4], head[5]]));
    let mut src = [0; 16];
    let mut dst = [0; 16];
    src.copy_from_slice(&head[8..24]);
    dst.copy_from_slice(&head[24..40]);
    let packet = &mut walk.packet;
    packet.src = Some(Place::V6(src));
    packet.dst = Some(Place::V6(dst));
    packet.ttl = head[7];
    packet.protocol = head[6];
    packet.ip_id = 0;
    packet.transport = Transport::Other(head[6]);
    packet.network_header = head;
    let rest = part.after(40);
    if length > rest.wire {
        walk.fault("ipv6.payload_length");
    }
    // A length of 0 is a jumbogram or segmentation offload, unless nothing is meant to follow.
    Next::Extension(head[6], if length == 0 && head[6] != 59 { rest } else { rest.cut(length) })
}

/// RFC 8200 §4: hop-by-hop, routing, destination options, fragment, authentication, mobility, HIP, shim6.
pub(super) fn extension<'p>(walk: &mut Walk<'p>, number: u8, part: Part<'p>) -> Next<'p> {
    if !matches!(number, 0 | 43 | 44 | 51 | 60 | 135 | 139 | 140) {
        return Next::Protocol(number, part);
    }
    walk.packet.protocol = number;
    walk.packet.transport = Transport::Other(number);
    walk.extensions += 1;
    if walk.extensions > EXTENSION_CAP {
        return walk.fault("ipv6.extension");
    }
    let Some(head) = part.head::<8>() else { return walk.short(part, 8, "ipv6.extension") };
    let length = match number {
        44 => 8,
        51 => (usize::from(head[1]) + 2) * 4,
        _ => (usize::from(head[1]) + 1) * 8,
    };
    if part.bytes.len() < length {
        return walk.short(part, length, "ipv6.extension");
    }
    let rest = part.after(length);
    if number != 44 {
        return Next::Extension(head[0], rest);
    }
    let field = u16::from_be_bytes([head[2], head[3]]);
    let fragment = Fragment { offset: u32::from(field & 0xfff8), more: field & 1 != 0, protocol: head[0] };
    if fragment.offset == 0 && !fragment.more {
        return Next::Extension(head[0], rest);
    }
    let id = u32::from_be_bytes([head[4], head[5], head[6], head[7]]);
    // The next header of later fragments may differ (RFC 8200 §4.5), so it is no part of the key.
    match reassemble(walk, id, 0, fragment, rest) {
        Some((protocol, whole)) => Next::Extension(protocol, whole),
        None => Next::Done,
    }
}

/// Add a fragment; the datagram where it is whole now.
fn reassemble<'p>(
    walk: &mut Walk<'p>,
    id: u32,
    key_protocol: u8,
    fragment: Fragment,
    part: Part<'p>,
) -> Option<(u8, Part<'p>)> {
    walk.packet.transport = Transport::Fragment;
    walk.packet.protocol = fragment.protocol;
    let (src, dst) = (walk.packet.src?, walk.packet.dst?);
    let key = FragmentKey { src, dst, id, protocol: key_protocol, vlans: walk.packet.vlans };
    match walk.fragments.add(key, fragment, part, walk.time, walk.counters) {
        Outcome::Waiting => {
            walk.payload(Transport::Fragment, part);
            None
        }
        Outcome::Malformed(name) => {
            walk.payload(Transport::Fragment, part);
            walk.fault(name);
            None
        }
        Outcome::Whole(slot) => {
            let Some(buffer) = walk.spare.next() else {
                walk.payload(Transport::Fragment, part);
                return None;
            };
            let (protocol, wire) = walk.fragments.take(slot, buffer);
            Some((protocol, Part { bytes: buffer, wire }))
        }
    }
}

/// What an IP protocol number names.
pub(super) fn protocol<'p>(walk: &mut Walk<'p>, number: u8, part: Part<'p>) -> Next<'p> {
    walk.packet.protocol = number;
    walk.packet.transport_bytes = part.bytes;
    match number {
        6 => tcp(walk, part),
        17 => udp(walk, part),
        1 | 58 => icmp(walk, part),
        4 | 41 => {
            if walk.wrap(TunnelKind::IpInIp, 0) {
                Next::Ip(part)
            } else {
                Next::Done
            }
        }
        47 => tunnel::gre(walk, part),
        51 => match part.head::<12>() {
            Some(head) => Next::Protocol(head[0], part.after((usize::from(head[1]) + 2) * 4)),
            None => walk.short(part, 12, "ah.header"),
        },
        97 => tunnel::etherip(walk, part),
        // SCTP and DCCP begin with the ports.
        33 | 132 => {
            ports(walk, part);
            walk.payload(Transport::Other(number), part)
        }
        137 => tunnel::mpls(walk, part),
        _ => walk.payload(Transport::Other(number), part),
    }
}

/// Fields of a TCP header, and the length it claims.
#[inline]
pub(super) fn tcp_fields(head: &[u8; 20]) -> (Tcp, usize) {
    let fields = Tcp {
        seq: u32::from_be_bytes([head[4], head[5], head[6], head[7]]),
        ack: u32::from_be_bytes([head[8], head[9], head[10], head[11]]),
        flags: head[13],
        window: u16::from_be_bytes([head[14], head[15]]),
    };
    (fields, usize::from(head[12] >> 4) * 4)
}

fn ports<'p>(walk: &mut Walk<'p>, part: Part<'p>) {
    if let Some(head) = part.head::<4>() {
        walk.packet.src_port = u16::from_be_bytes([head[0], head[1]]);
        walk.packet.dst_port = u16::from_be_bytes([head[2], head[3]]);
    }
}

fn tcp<'p>(walk: &mut Walk<'p>, part: Part<'p>) -> Next<'p> {
    ports(walk, part);
    walk.packet.transport = Transport::Other(6);
    let Some(head) = part.head::<20>() else { return walk.short(part, 20, "tcp.header") };
    let (fields, header) = tcp_fields(head);
    walk.packet.transport = Transport::Tcp(fields);
    if header < 20 || header as u32 > part.wire {
        return walk.fault("tcp.data_offset");
    }
    walk.payload(Transport::Tcp(fields), part.after(header))
}

fn udp<'p>(walk: &mut Walk<'p>, part: Part<'p>) -> Next<'p> {
    ports(walk, part);
    walk.packet.transport = Transport::Other(17);
    let Some(head) = part.head::<8>() else { return walk.short(part, 8, "udp.header") };
    let length = u32::from(u16::from_be_bytes([head[4], head[5]]));
    // A length of 0 is a jumbogram (RFC 2675 §4) or offload; beyond the datagram it is a fault, and what is there counts.
    let whole = match length {
        0 => part,
        1..=7 => {
            walk.fault("udp.length");
            part
        }
        _ if length > part.wire => {
            walk.fault("udp.length");
            part
        }
        _ => part.cut(length),
    };
    walk.packet.transport_bytes = whole.bytes;
    let rest = whole.after(8);
    if tunnel::is_udp_tunnel(walk.packet.dst_port) {
        if let Some(next) = tunnel::udp(walk, rest) {
            return next;
        }
    }
    walk.payload(Transport::Udp, rest)
}

fn icmp<'p>(walk: &mut Walk<'p>, part: Part<'p>) -> Next<'p> {
    let Some(head) = part.head::<4>() else { return walk.short(part, 4, "icmp.header") };
    walk.payload(Transport::Icmp(head[0], head[1]), part.after(4))
}
