//! Link layers by LINKTYPE_ number, and what an EtherType names: IEEE 802.3, 802.1Q, 802.2, HSR, Linux cooked captures.

use super::{net, tunnel, Next, Part, Walk};
use crate::Transport;

type Start = for<'p> fn(&mut Walk<'p>, Part<'p>) -> Next<'p>;

/// A link type that is decoded.
pub struct Link {
    /// LINKTYPE_ value.
    pub number: u16,
    /// Its name.
    pub name: &'static str,
    pub(super) start: Start,
}

/// All link types that are decoded; packets of others are only counted.
pub static LINKS: [Link; 10] = [
    Link { number: 1, name: "Ethernet", start: |_, part| Next::Ethernet(part) },
    Link { number: 0, name: "BSD loopback", start: loopback },
    Link { number: 12, name: "raw IP", start: raw },
    Link { number: 14, name: "raw IP (OpenBSD)", start: raw },
    Link { number: 101, name: "raw IP", start: raw },
    Link { number: 108, name: "OpenBSD loopback", start: loopback },
    Link { number: 113, name: "Linux cooked", start: cooked },
    Link { number: 228, name: "raw IPv4", start: raw },
    Link { number: 229, name: "raw IPv6", start: raw },
    Link { number: 276, name: "Linux cooked 2", start: cooked_2 },
];

/// The name of a link type, or None where it is not decoded.
pub fn link_name(number: u16) -> Option<&'static str> {
    LINKS.iter().find(|link| link.number == number).map(|link| link.name)
}

/// The row of [`LINKS`], or its length.
pub(super) fn row(number: u16) -> usize {
    LINKS.iter().position(|link| link.number == number).unwrap_or(LINKS.len())
}

/// DSAP, SSAP and control of SNAP.
const SNAP: [u8; 3] = [0xaa, 0xaa, 3];

pub(super) fn ethernet<'p>(walk: &mut Walk<'p>, part: Part<'p>) -> Next<'p> {
    let Some(head) = part.head::<14>() else { return walk.short(part, 14, "ethernet.header") };
    walk.leave_network();
    walk.packet.dst_mac = Some([head[0], head[1], head[2], head[3], head[4], head[5]]);
    walk.packet.src_mac = Some([head[6], head[7], head[8], head[9], head[10], head[11]]);
    type_or_length(u16::from_be_bytes([head[12], head[13]]), part.after(14))
}

/// IEEE 802.3 §3.2.6: up to 1500 the field is a length, and LLC follows.
fn type_or_length(field: u16, part: Part<'_>) -> Next<'_> {
    if field > 1500 {
        return Next::EtherType(field, part);
    }
    // A length of 0 is seen from offloading senders; a length beyond the frame is no use either.
    let length = u32::from(field);
    Next::Llc(if field == 0 || length > part.wire { part } else { part.cut(length) })
}

pub(super) fn ethertype<'p>(walk: &mut Walk<'p>, kind: u16, part: Part<'p>) -> Next<'p> {
    match kind {
        0x0800 => net::ipv4(walk, part),
        0x86dd => net::ipv6(walk, part),
        // 802.1Q, 802.1ad, and two numbers used for the outer tag before 802.1ad.
        0x8100 | 0x88a8 | 0x9100 | 0x9200 => vlan(walk, part),
        0x8847 | 0x8848 => tunnel::mpls(walk, part),
        0x8864 => tunnel::pppoe(walk, part),
        // HSR (IEC 62439-3 §5.6): path, size and sequence number, then the EtherType.
        0x892f => match part.u16_at(4) {
            Some(field) => type_or_length(field, part.after(6)),
            None => walk.short(part, 6, "hsr.tag"),
        },
        // Provider backbone bridging (802.1ah): four bytes of service id, then the customer's frame.
        0x88e7 if part.bytes.len() > 18 => Next::Ethernet(part.after(4)),
        _ => {
            // ARP belongs to no network layer, not even to that of a tunnel around it.
            if matches!(kind, 0x0806 | 0x8035) {
                walk.leave_network();
            }
            walk.packet.ethertype = kind;
            walk.payload(Transport::Frame, part)
        }
    }
}

fn vlan<'p>(walk: &mut Walk<'p>, part: Part<'p>) -> Next<'p> {
    let Some(tag) = part.head::<4>() else { return walk.short(part, 4, "vlan.tag") };
    let id = u16::from_be_bytes([tag[0], tag[1]]) & 0x0fff;
    if id != 0 {
        walk.packet.vlans.push(id);
    }
    type_or_length(u16::from_be_bytes([tag[2], tag[3]]), part.after(4))
}

/// IEEE 802.2, and SNAP where the organisation is 0, which means an EtherType follows.
pub(super) fn llc<'p>(walk: &mut Walk<'p>, part: Part<'p>) -> Next<'p> {
    if let Some(head) = part.head::<8>() {
        if head[..3] == SNAP && head[3..6] == [0, 0, 0] {
            return Next::EtherType(u16::from_be_bytes([head[6], head[7]]), part.after(8));
        }
        // SAP 6 is IP.
        if head[..3] == [6, 6, 3] {
            return Next::Ip(part.after(3));
        }
    }
    walk.packet.ethertype = 0;
    walk.payload(Transport::Frame, part)
}

/// IP without a link header. Some capture tools hand over ARP bodies among it, which are told by their first six bytes.
fn raw<'p>(_: &mut Walk<'p>, part: Part<'p>) -> Next<'p> {
    if part.bytes.starts_with(&[0, 1, 8, 0, 6, 4]) {
        return Next::EtherType(0x0806, part);
    }
    Next::Ip(part)
}

/// A 4-byte address family in the byte order of the capturing host (or the network's); families differ by system.
fn loopback<'p>(walk: &mut Walk<'p>, part: Part<'p>) -> Next<'p> {
    let Some(head) = part.head::<4>() else { return walk.short(part, 4, "loopback.header") };
    let (little, big) = (u32::from_le_bytes(*head), u32::from_be_bytes(*head));
    let rest = part.after(4);
    match little.min(big) {
        2 | 10 | 24 | 28 | 30 => Next::Ip(rest),
        // Some writers put an EtherType there.
        0x0800 | 0x86dd => Next::Ip(rest),
        _ => walk.payload(Transport::Frame, rest),
    }
}

/// LINKTYPE_LINUX_SLL: packet type, ARPHRD, address length, address, protocol.
fn cooked<'p>(walk: &mut Walk<'p>, part: Part<'p>) -> Next<'p> {
    let Some(head) = part.head::<16>() else { return walk.short(part, 16, "cooked.header") };
    let hardware = u16::from_be_bytes([head[2], head[3]]);
    if head[4..6] == [0, 6] {
        walk.packet.src_mac = Some([head[6], head[7], head[8], head[9], head[10], head[11]]);
    }
    cooked_protocol(walk, hardware, u16::from_be_bytes([head[14], head[15]]), part.after(16))
}

/// LINKTYPE_LINUX_SLL2: protocol, interface index, ARPHRD, packet type, address length, address.
fn cooked_2<'p>(walk: &mut Walk<'p>, part: Part<'p>) -> Next<'p> {
    let Some(head) = part.head::<20>() else { return walk.short(part, 20, "cooked.header") };
    let hardware = u16::from_be_bytes([head[8], head[9]]);
    if head[11] == 6 {
        walk.packet.src_mac = Some([head[12], head[13], head[14], head[15], head[16], head[17]]);
    }
    cooked_protocol(walk, hardware, u16::from_be_bytes([head[0], head[1]]), part.after(20))
}

fn cooked_protocol<'p>(walk: &mut Walk<'p>, hardware: u16, protocol: u16, part: Part<'p>) -> Next<'p> {
    const GRE_TUNNEL: u16 = 778;
    match (hardware, protocol) {
        (GRE_TUNNEL, _) => Next::EtherType(protocol, part),
        // 1 is 802.3 without LLC, 4 is 802.2.
        (_, 4) => Next::Llc(part),
        (_, 0..=1500) => {
            walk.packet.ethertype = protocol;
            walk.payload(Transport::Frame, part)
        }
        _ => Next::EtherType(protocol, part),
    }
}
