//! Wrappings: PPPoE (RFC 2516), MPLS (RFC 3032, RFC 4385, RFC 4448), GRE (RFC 2784, 2890, 2637), ERSPAN I to III,
//! VXLAN (RFC 7348), GENEVE (RFC 8926), EtherIP (RFC 3378).
//!
//! Rule 1: VXLAN and GENEVE are claimed on their content, never on the port alone; else the datagram stays UDP.

use super::{Next, Part, Walk};
use crate::{Transport, TunnelKind};

const VXLAN_PORT: u16 = 4789;
const GENEVE_PORT: u16 = 6081;
const LABEL_CAP: usize = 16;
const ROUTE_CAP: usize = 16;

/// True where a UDP destination port may carry a wrapping.
#[inline]
pub(super) fn is_udp_tunnel(port: u16) -> bool {
    matches!(port, VXLAN_PORT | GENEVE_PORT)
}

/// Go on with `next` inside a wrapping, unless there are too many.
fn inside<'p>(walk: &mut Walk<'p>, kind: TunnelKind, id: u32, next: Next<'p>) -> Next<'p> {
    if walk.wrap(kind, id) {
        next
    } else {
        Next::Done
    }
}

pub(super) fn pppoe<'p>(walk: &mut Walk<'p>, part: Part<'p>) -> Next<'p> {
    walk.packet.ethertype = 0x8864;
    let Some(head) = part.head::<6>() else { return walk.short(part, 6, "pppoe.header") };
    if head[0] != 0x11 || head[1] != 0 {
        return walk.payload(Transport::Frame, part);
    }
    let length = u32::from(u16::from_be_bytes([head[4], head[5]]));
    let rest = part.after(6);
    if length > rest.wire {
        walk.fault("pppoe.length");
    }
    let session = u32::from(u16::from_be_bytes([head[2], head[3]]));
    inside(walk, TunnelKind::Pppoe, session, Next::Ppp(rest.cut(length)))
}

/// RFC 1661 §2 and RFC 1662: the protocol field may be one byte long, address and control may stand before it.
pub(super) fn ppp<'p>(walk: &mut Walk<'p>, part: Part<'p>) -> Next<'p> {
    let frame = if part.bytes.starts_with(&[0xff, 3]) { part.after(2) } else { part };
    let Some(&first) = frame.bytes.first() else { return walk.short(frame, 2, "ppp.protocol") };
    let (protocol, length) = if first & 1 == 1 {
        (u16::from(first), 1)
    } else {
        match frame.u16_at(0) {
            Some(number) => (number, 2),
            None => return walk.short(frame, 2, "ppp.protocol"),
        }
    };
    match protocol {
        0x21 | 0x57 => Next::Ip(frame.after(length)),
        0x281 => mpls(walk, frame.after(length)),
        _ => walk.payload(Transport::Frame, frame),
    }
}

pub(super) fn mpls<'p>(walk: &mut Walk<'p>, part: Part<'p>) -> Next<'p> {
    walk.packet.ethertype = 0x8847;
    let mut rest = part;
    let mut label = None;
    for _ in 0..LABEL_CAP {
        let Some(entry) = rest.head::<4>() else { return walk.short(rest, 4, "mpls.label") };
        label.get_or_insert(u32::from_be_bytes(*entry) >> 12);
        rest = rest.after(4);
        if entry[2] & 1 == 1 {
            return labelled(walk, label.unwrap_or(0), rest);
        }
    }
    walk.fault("mpls.label")
}

/// What follows a label stack is told by guess: IP, or a pseudowire with or without control word.
fn labelled<'p>(walk: &mut Walk<'p>, label: u32, part: Part<'p>) -> Next<'p> {
    let first = part.bytes.first().map_or(0, |first| first >> 4);
    let next = match first {
        4 if is_ipv4(part) => Next::Ip(part),
        6 if is_ipv6(part) => Next::Ip(part),
        0 if is_ethernet(part.after(4)) => Next::Ethernet(part.after(4)),
        _ if is_ethernet(part) => Next::Ethernet(part),
        _ => return walk.payload(Transport::Frame, part),
    };
    inside(walk, TunnelKind::Mpls, label, next)
}

fn is_ipv4(part: Part<'_>) -> bool {
    let Some(head) = part.head::<20>() else { return false };
    let total = u32::from(u16::from_be_bytes([head[2], head[3]]));
    head[0] & 15 >= 5 && total >= 20 && total <= part.wire
}

fn is_ipv6(part: Part<'_>) -> bool {
    let Some(head) = part.head::<40>() else { return false };
    u32::from(u16::from_be_bytes([head[4], head[5]])) <= part.wire.saturating_sub(40)
}

/// True where the bytes look like an Ethernet frame: a known EtherType, or a length that fits.
fn is_ethernet(part: Part<'_>) -> bool {
    match part.u16_at(12) {
        Some(length @ 3..=1500) => u32::from(length) <= part.wire.saturating_sub(14),
        Some(kind) => matches!(
            kind,
            0x0800
                | 0x0806
                | 0x8035
                | 0x8100
                | 0x86dd
                | 0x8808
                | 0x8809
                | 0x8847
                | 0x8848
                | 0x8863
                | 0x8864
                | 0x888e
                | 0x8892
                | 0x88a4
                | 0x88a8
                | 0x88ab
                | 0x88b8
                | 0x88b9
                | 0x88ba
                | 0x88cc
                | 0x88cd
                | 0x88e3
                | 0x88e5
                | 0x88f7
                | 0x8902
                | 0x892f
                | 0x9000
                | 0x9100
        ),
        None => false,
    }
}

/// GRE, and ERSPAN within it.
pub(super) fn gre<'p>(walk: &mut Walk<'p>, part: Part<'p>) -> Next<'p> {
    let Some(head) = part.head::<4>() else { return walk.short(part, 4, "gre.header") };
    let flags = u16::from_be_bytes([head[0], head[1]]);
    let kind = u16::from_be_bytes([head[2], head[3]]);
    match flags & 7 {
        0 => {}
        1 => return gre_point_to_point(walk, flags, part),
        _ => return walk.fault("gre.version"),
    }
    let mut at = 4;
    if flags & 0xc000 != 0 {
        at += 4;
    }
    let mut key = 0;
    if flags & 0x2000 != 0 {
        match (part.u16_at(at), part.u16_at(at + 2)) {
            (Some(high), Some(low)) => key = u32::from(high) << 16 | u32::from(low),
            _ => return walk.short(part, at + 4, "gre.key"),
        }
        at += 4;
    }
    if flags & 0x1000 != 0 {
        at += 4;
    }
    if flags & 0x4000 != 0 {
        match skip_routes(part, at) {
            Some(end) => at = end,
            None => return walk.short(part, at + 4, "gre.routing"),
        }
    }
    if part.bytes.len() < at {
        return walk.short(part, at, "gre.header");
    }
    let rest = part.after(at);
    match kind {
        0x88be if flags & 0x1000 == 0 => inside(walk, TunnelKind::Erspan(1), 0, Next::Ethernet(rest)),
        0x88be => erspan_2(walk, rest),
        0x22eb => erspan_3(walk, rest),
        0x6558 => inside(walk, TunnelKind::Gre, key, Next::Ethernet(rest)),
        0x880b => inside(walk, TunnelKind::Gre, key, Next::Ppp(rest)),
        // A keepalive has no payload type.
        0 if rest.wire == 0 => walk.payload(Transport::Other(47), rest),
        0..=1500 => inside(walk, TunnelKind::Gre, key, Next::Llc(rest)),
        _ => inside(walk, TunnelKind::Gre, key, Next::EtherType(kind, rest)),
    }
}

/// RFC 1701: source route entries up to one that is all zero.
fn skip_routes(part: Part<'_>, mut at: usize) -> Option<usize> {
    for _ in 0..ROUTE_CAP {
        let entry = part.bytes.get(at..at + 4)?;
        at += 4 + usize::from(entry[3]);
        if entry == [0, 0, 0, 0] {
            return Some(at);
        }
    }
    None
}

/// RFC 2637 §4.1: PPTP's GRE, whose key is payload length and call id.
fn gre_point_to_point<'p>(walk: &mut Walk<'p>, flags: u16, part: Part<'p>) -> Next<'p> {
    let Some(head) = part.head::<8>() else { return walk.short(part, 8, "gre.header") };
    let length = u32::from(u16::from_be_bytes([head[4], head[5]]));
    let call = u32::from(u16::from_be_bytes([head[6], head[7]]));
    let at = 8 + if flags & 0x1000 != 0 { 4 } else { 0 } + if flags & 0x80 != 0 { 4 } else { 0 };
    let rest = part.after(at);
    if head[2..4] != [0x88, 0x0b] || length == 0 || flags & 0x1000 == 0 {
        return walk.payload(Transport::Other(47), rest);
    }
    inside(walk, TunnelKind::Gre, call, Next::Ppp(if length < rest.wire { rest.cut(length) } else { rest }))
}

fn erspan_2<'p>(walk: &mut Walk<'p>, part: Part<'p>) -> Next<'p> {
    let Some(head) = part.head::<8>() else { return walk.short(part, 8, "erspan.header") };
    let session = u32::from(u16::from_be_bytes([head[2], head[3]]) & 0x03ff);
    inside(walk, TunnelKind::Erspan(2), session, Next::Ethernet(part.after(8)))
}

fn erspan_3<'p>(walk: &mut Walk<'p>, part: Part<'p>) -> Next<'p> {
    let Some(head) = part.head::<12>() else { return walk.short(part, 12, "erspan.header") };
    let session = u32::from(u16::from_be_bytes([head[2], head[3]]) & 0x03ff);
    let field = u16::from_be_bytes([head[10], head[11]]);
    // The last bit tells of eight more bytes, five bits before tell Ethernet (0) from IP (2).
    let rest = part.after(if field & 1 == 1 { 20 } else { 12 });
    let next = match (field >> 10) & 0x1f {
        2 => Next::Ip(rest),
        _ => Next::Ethernet(rest),
    };
    inside(walk, TunnelKind::Erspan(3), session, next)
}

/// VXLAN or GENEVE, where the content is theirs.
pub(super) fn udp<'p>(walk: &mut Walk<'p>, part: Part<'p>) -> Option<Next<'p>> {
    match walk.packet.dst_port {
        VXLAN_PORT => vxlan(walk, part),
        GENEVE_PORT => geneve(walk, part),
        _ => None,
    }
}

fn vxlan<'p>(walk: &mut Walk<'p>, part: Part<'p>) -> Option<Next<'p>> {
    let head = part.head::<8>()?;
    let inner = part.after(8);
    // Bit 3 says that the network id is valid; the others are reserved but for the group policy draft's first. A
    // receiver ignores what is reserved (RFC 7348 §5), so that the frame inside has to convince where it is used.
    let reserved_is_zero = head[0] & 0x7f == 8 && head[7] == 0;
    let plausible = head[0] & 8 != 0 && inner.bytes.len() >= 14;
    if !plausible || !reserved_is_zero && !is_ethernet(inner) {
        return None;
    }
    let network = u32::from_be_bytes([0, head[4], head[5], head[6]]);
    Some(inside(walk, TunnelKind::Vxlan, network, Next::Ethernet(inner)))
}

fn geneve<'p>(walk: &mut Walk<'p>, part: Part<'p>) -> Option<Next<'p>> {
    let head = part.head::<8>()?;
    if head[0] >> 6 != 0 || head[1] & 0x3f != 0 || head[7] != 0 {
        return None;
    }
    let inner = part.after(8 + usize::from(head[0] & 0x3f) * 4);
    if inner.bytes.is_empty() {
        return None;
    }
    let next = match u16::from_be_bytes([head[2], head[3]]) {
        0x6558 => Next::Ethernet(inner),
        0x0800 | 0x86dd => Next::Ip(inner),
        _ => return None,
    };
    let network = u32::from_be_bytes([0, head[4], head[5], head[6]]);
    Some(inside(walk, TunnelKind::Geneve, network, next))
}

pub(super) fn etherip<'p>(walk: &mut Walk<'p>, part: Part<'p>) -> Next<'p> {
    match part.head::<2>() {
        Some([0x30, 0]) => inside(walk, TunnelKind::IpInIp, 0, Next::Ethernet(part.after(2))),
        Some(_) => walk.payload(Transport::Other(97), part),
        None => walk.short(part, 2, "etherip.header"),
    }
}
