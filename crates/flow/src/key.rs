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

/// The ends of a packet with their words, which are what is hashed and compared.
#[derive(Clone, Copy, Debug)]
pub struct Ends {
    /// Sender.
    pub src: Place,
    /// Receiver.
    pub dst: Place,
    src_words: (u64, u64),
    dst_words: (u64, u64),
}

impl Ends {
    /// IP addresses, or MAC addresses where there is no IP.
    #[inline]
    pub fn of(packet: &Packet<'_>) -> Option<Ends> {
        let (src, dst) = match (packet.src, packet.dst) {
            (Some(src), Some(dst)) => (src, dst),
            // A cooked capture names the sender only; the address of nobody stands for the receiver.
            _ => (Place::Mac(packet.src_mac?), Place::Mac(packet.dst_mac.unwrap_or_default())),
        };
        Some(Ends::between(src, dst))
    }

    /// These two.
    #[inline]
    pub fn between(src: Place, dst: Place) -> Ends {
        Ends { src, dst, src_words: src.words(), dst_words: dst.words() }
    }

    /// The shard of the unordered pair: fixed for all time and all workers, so not seeded; bounds limit what a skew can
    /// cost.
    #[inline]
    pub fn shard(&self, domain: Domain) -> usize {
        let one = mix(self.src_words.0 ^ mix(self.src_words.1));
        let other = mix(self.dst_words.0 ^ mix(self.dst_words.1));
        (mix(one.wrapping_add(other).wrapping_add(u64::from(domain))) >> 58) as usize
    }
}

/// splitmix64's finaliser: spreads every input bit over the word.
#[inline]
fn mix(mut word: u64) -> u64 {
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

/// The key of a flow: `low` and `high` are its ends in a fixed order.
#[derive(Clone, Copy, Debug)]
pub struct FlowKey {
    /// The smaller end.
    pub low: (Place, u16),
    /// The larger end.
    pub high: (Place, u16),
    /// Transport.
    pub carried: Carried,
    /// Domain.
    pub domain: Domain,
    /// All of the above as words, different for different keys.
    words: [u64; 6],
}

impl PartialEq for FlowKey {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        self.words == other.words
    }
}

impl Eq for FlowKey {}

impl FlowKey {
    /// The key of a packet between `ends`, and whether its sender is the `low` end.
    #[inline]
    pub fn of(packet: &Packet<'_>, ends: &Ends, domain: Domain) -> (FlowKey, bool) {
        let carried = match packet.transport {
            Transport::Tcp(_) => Carried::Tcp,
            Transport::Udp => Carried::Udp,
            Transport::Icmp(..) => Carried::Icmp,
            Transport::Other(number) => Carried::Ip(number),
            Transport::Fragment => Carried::Ip(packet.protocol),
            Transport::Frame | Transport::Nothing if packet.src.is_some() => Carried::Ip(packet.protocol),
            Transport::Frame | Transport::Nothing => Carried::Frame(packet.ethertype),
        };
        let (tag, detail) = match carried {
            Carried::Tcp => (1, 0),
            Carried::Udp => (2, 0),
            Carried::Icmp => (3, 0),
            Carried::Ip(number) => (4, u64::from(number)),
            Carried::Frame(ethertype) => (5, u64::from(ethertype)),
        };
        let (from, to) = ((ends.src_words, packet.src_port), (ends.dst_words, packet.dst_port));
        let forward = from <= to;
        let (low, high) = if forward { (from, to) } else { (to, from) };
        let (low_place, high_place) = if forward { (ends.src, ends.dst) } else { (ends.dst, ends.src) };
        let ports = u64::from(low.1) << 48 | u64::from(high.1) << 32 | u64::from(domain) << 16 | detail;
        let words = [low.0 .0, low.0 .1, high.0 .0, high.0 .1, ports, tag];
        let key = FlowKey { low: (low_place, low.1), high: (high_place, high.1), carried, domain, words };
        (key, forward)
    }

    /// A hash of the key under `seed`.
    #[inline]
    pub fn hash(&self, seed: u64) -> u64 {
        let [low_high, low_low, high_high, high_low, ports, tag] = self.words;
        let mut word = mix(seed ^ low_low);
        word = mix(word ^ high_low.rotate_left(17) ^ ports);
        word ^= tag;
        if low_high | high_high > 1 {
            word = mix(word ^ low_high ^ high_high.rotate_left(31));
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
        assert_eq!(Ends::between(a, b).shard(3), Ends::between(b, a).shard(3));
    }

    #[test]
    fn shards_are_used_evenly() {
        let mut used = [0u32; SHARDS];
        for host in 0..6400u32 {
            let [_, _, c, d] = host.to_be_bytes();
            used[Ends::between(Place::V4([10, 0, c, d]), Place::V4([10, 9, 9, 9])).shard(0)] += 1;
        }
        assert!(used.iter().all(|&n| n > 50 && n < 170), "{used:?}");
    }
}
