//! What makes a flow: the unordered pair of ends, the transport and the domain; and the shard it belongs to.

use crate::packet::{Packet, Transport};
use crate::part::Domain;
use ringfence_wire::Place;

/// How many shards there are, whatever the number of workers (contract §4).
pub const SHARDS: usize = 64;

/// Transport of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Carried {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// ICMP or ICMPv6.
    Icmp,
    /// Another IP protocol, or fragments of which only the first tells more.
    Ip(u8),
    /// No IP: an EtherType.
    Frame(u16),
}

impl Carried {
    /// Name as in `flows.v1`.
    pub fn name(self) -> &'static str {
        match self {
            Carried::Tcp => "tcp",
            Carried::Udp => "udp",
            Carried::Icmp => "icmp",
            Carried::Ip(_) => "ip",
            Carried::Frame(_) => "ethernet",
        }
    }

    /// IP protocol number, 0 without IP.
    pub fn number(self) -> u8 {
        match self {
            Carried::Tcp => 6,
            Carried::Udp => 17,
            Carried::Icmp => 1,
            Carried::Ip(number) => number,
            Carried::Frame(_) => 0,
        }
    }
}

/// The key of a flow: `low` and `high` are its ends in canonical order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlowKey {
    /// The smaller end.
    pub low: (Place, u16),
    /// The larger end.
    pub high: (Place, u16),
    /// Transport.
    pub carried: Carried,
    /// Domain.
    pub domain: Domain,
}

/// splitmix64's finaliser: spreads every input bit over the word.
#[inline]
fn mix(mut word: u64) -> u64 {
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

/// The ends of a packet: IP addresses, or MAC addresses where there is no IP.
#[inline]
pub fn ends(packet: &Packet<'_>) -> Option<(Place, Place)> {
    match (packet.src, packet.dst) {
        (Some(src), Some(dst)) => Some((src, dst)),
        _ => Some((Place::Mac(packet.src_mac?), Place::Mac(packet.dst_mac?))),
    }
}

/// The shard of an unordered pair: fixed for all time and all workers, so not seeded; bounds limit what a skew can cost.
#[inline]
pub fn shard_of(one: &Place, other: &Place, domain: Domain) -> usize {
    let (a, b) = (one.words(), other.words());
    let sum = mix(a.0 ^ mix(a.1)).wrapping_add(mix(b.0 ^ mix(b.1))).wrapping_add(u64::from(domain));
    (mix(sum) >> 58) as usize
}

impl FlowKey {
    /// The key of a packet between `src` and `dst`, and whether its sender is the `low` end.
    #[inline]
    pub fn of(packet: &Packet<'_>, src: Place, dst: Place, domain: Domain) -> (FlowKey, bool) {
        let carried = match packet.transport {
            Transport::Tcp(_) => Carried::Tcp,
            Transport::Udp => Carried::Udp,
            Transport::Icmp(..) => Carried::Icmp,
            Transport::Other(number) => Carried::Ip(number),
            Transport::Fragment => Carried::Ip(packet.protocol),
            Transport::Frame | Transport::Nothing if packet.src.is_some() => Carried::Ip(packet.protocol),
            Transport::Frame | Transport::Nothing => Carried::Frame(packet.ethertype),
        };
        let (from, to) = ((src, packet.src_port), (dst, packet.dst_port));
        if from <= to {
            (FlowKey { low: from, high: to, carried, domain }, true)
        } else {
            (FlowKey { low: to, high: from, carried, domain }, false)
        }
    }

    /// A hash of the key under `seed`.
    #[inline]
    pub fn hash(&self, seed: u64) -> u64 {
        let (a, b) = (self.low.0.words(), self.high.0.words());
        let ports = u64::from(self.low.1) << 48
            | u64::from(self.high.1) << 32
            | u64::from(self.domain) << 16
            | u64::from(self.carried.number()) << 8
            | match self.carried {
                Carried::Frame(ethertype) => u64::from(ethertype & 0xff),
                _ => 0,
            };
        let mut word = mix(seed ^ a.1);
        word = mix(word ^ b.1.rotate_left(17) ^ ports);
        if a.0 | b.0 > 1 {
            word = mix(word ^ a.0 ^ b.0.rotate_left(31));
        }
        word
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_directions_share_a_shard() {
        let (a, b) = (Place::V4([10, 0, 0, 1]), Place::V6([7; 16]));
        assert_eq!(shard_of(&a, &b, 3), shard_of(&b, &a, 3));
    }

    #[test]
    fn shards_are_used_evenly() {
        let mut used = [0u32; SHARDS];
        for host in 0..6400u32 {
            let [_, _, c, d] = host.to_be_bytes();
            used[shard_of(&Place::V4([10, 0, c, d]), &Place::V4([10, 9, 9, 9]), 0)] += 1;
        }
        assert!(used.iter().all(|&n| n > 50 && n < 170), "{used:?}");
    }
}
