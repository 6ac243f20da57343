//! The Internet checksum (RFC 1071) of a decoded packet, for a sample that tells whether the sender left it to its card.

use ringfence_wire::Place;

use crate::{Packet, Transport};

/// Whether the IPv4 header's checksum is right; None where there is none or the header was cut.
pub fn network_checksum_good(packet: &Packet<'_>) -> Option<bool> {
    let header = packet.network_header;
    let first = *header.first()?;
    let complete = first >> 4 == 4 && header.len() >= 20 && header.len() == usize::from(first & 15) * 4;
    complete.then(|| folded(sum(header)) == 0xffff)
}

/// Whether the TCP, UDP, ICMP or ICMPv6 checksum is right; None where it can't be told: fragments, packets cut short,
/// UDP without checksum.
pub fn transport_checksum_good(packet: &Packet<'_>) -> Option<bool> {
    let bytes = packet.transport_bytes;
    if packet.snapped || packet.fault.is_some() || bytes.is_empty() {
        return None;
    }
    let protocol = match packet.transport {
        Transport::Tcp(_) => 6,
        Transport::Udp if bytes.get(6..8)? == [0, 0] => return None,
        Transport::Udp => 17,
        Transport::Icmp(..) => packet.protocol,
        _ => return None,
    };
    let pseudo = match (packet.src?, packet.dst?) {
        (Place::V4(_), Place::V4(_)) if protocol == 1 => 0,
        (Place::V4(src), Place::V4(dst)) => sum(&src) + sum(&dst),
        (Place::V6(src), Place::V6(dst)) => sum(&src) + sum(&dst),
        _ => return None,
    };
    let tail = if protocol == 1 { 0 } else { protocol_and_length(protocol, bytes.len()) };
    Some(folded(pseudo + tail + sum(bytes)) == 0xffff)
}

fn protocol_and_length(protocol: u8, length: usize) -> u64 {
    u64::from(protocol) + (length as u64 >> 16) + (length as u64 & 0xffff)
}

/// Sum of 16-bit words; an odd last byte counts as the upper half of one.
fn sum(bytes: &[u8]) -> u64 {
    let words = bytes.chunks_exact(4);
    let rest = words.remainder();
    let mut total: u64 = words.map(|four| u64::from(u32::from_be_bytes([four[0], four[1], four[2], four[3]]))).sum();
    for pair in rest.chunks(2) {
        total += u64::from(u16::from_be_bytes([pair[0], pair.get(1).copied().unwrap_or(0)]));
    }
    total
}

fn folded(mut total: u64) -> u16 {
    while total > 0xffff {
        total = (total >> 16) + (total & 0xffff);
    }
    total as u16
}
