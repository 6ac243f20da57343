//! Where a talker is: one address without its domain (contract §1).

use std::cmp::Ordering;
use std::fmt::{self, Write as _};
use std::net::{Ipv4Addr, Ipv6Addr};

/// An address on the wire. The engine adds the domain, so that equal addresses of two domains stay two parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// IEEE 802 MAC address.
    Mac([u8; 6]),
    /// IPv4 address.
    V4([u8; 4]),
    /// IPv6 address.
    V6([u8; 16]),
}

impl Place {
    /// The kind's name in `Address.kind`.
    pub fn kind(&self) -> &'static str {
        match self {
            Place::Mac(_) => "mac",
            Place::V4(_) => "ipv4",
            Place::V6(_) => "ipv6",
        }
    }

    /// The address bytes.
    #[inline]
    pub fn bytes(&self) -> &[u8] {
        match self {
            Place::Mac(b) => b,
            Place::V4(b) => b,
            Place::V6(b) => b,
        }
    }

    /// The address as two words, different for every address of every kind: for hashing.
    #[inline]
    pub fn words(&self) -> (u64, u64) {
        match self {
            Place::V4(b) => (0, u64::from(u32::from_be_bytes(*b)) | 1 << 32),
            Place::Mac(b) => (1, u64::from_be_bytes([0, 0, b[0], b[1], b[2], b[3], b[4], b[5]])),
            Place::V6(b) => {
                let all = u128::from_be_bytes(*b);
                ((all >> 64) as u64, all as u64)
            }
        }
    }

    /// Append the canonical text to `out`: what `Display` writes, without a formatter in the common case.
    pub fn write_to(&self, out: &mut String) {
        let Place::V4(bytes) = self else {
            let _ = write!(out, "{self}");
            return;
        };
        for (at, byte) in bytes.iter().enumerate() {
            if at > 0 {
                out.push('.');
            }
            if *byte >= 100 {
                out.push(char::from(b'0' + byte / 100));
            }
            if *byte >= 10 {
                out.push(char::from(b'0' + byte / 10 % 10));
            }
            out.push(char::from(b'0' + byte % 10));
        }
    }

    /// True for addresses that only mean something inside: RFC 1918, link-local, unique local (RFC 4193).
    #[inline]
    pub fn is_inside(&self) -> bool {
        match self {
            Place::Mac(_) => true,
            Place::V4(b) => matches!(b, [10, ..] | [192, 168, ..] | [169, 254, ..] | [172, 16..=31, ..]),
            Place::V6(b) => b[0] & 0xfe == 0xfc || b[0] == 0xfe && b[1] & 0xc0 == 0x80,
        }
    }

    /// True for multicast and broadcast addresses, which are never devices.
    pub fn is_group(&self) -> bool {
        match self {
            Place::Mac(b) => b[0] & 1 == 1,
            Place::V4(b) => b[0] >= 224 && b[0] < 240 || *b == [255; 4],
            Place::V6(b) => b[0] == 0xff,
        }
    }
}

impl Ord for Place {
    /// MAC, IPv4, IPv6, and within a kind as the bytes stand: compared as numbers, which is what sorting spends its time on.
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        let number = |place: &Place| match place {
            Place::Mac(b) => (0, u128::from(u64::from_be_bytes([0, 0, b[0], b[1], b[2], b[3], b[4], b[5]]))),
            Place::V4(b) => (1, u128::from(u32::from_be_bytes(*b))),
            Place::V6(b) => (2, u128::from_be_bytes(*b)),
        };
        number(self).cmp(&number(other))
    }
}

impl PartialOrd for Place {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Place {
    /// Canonical text: lower-case colon MAC, dotted IPv4, RFC 5952 IPv6.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Mac(b) => write!(f, "{:02x}:{:02x}:{:02x}:{:02x}:{:02x}:{:02x}", b[0], b[1], b[2], b[3], b[4], b[5]),
            Place::V4(b) => write!(f, "{}", Ipv4Addr::from(*b)),
            Place::V6(b) => write!(f, "{}", Ipv6Addr::from(*b)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Place;

    #[test]
    fn text_is_canonical() {
        assert_eq!(Place::Mac([0xaa, 0xbb, 0xcc, 0xd, 0xee, 0xff]).to_string(), "aa:bb:cc:0d:ee:ff");
        assert_eq!(Place::V4([10, 0, 0, 1]).to_string(), "10.0.0.1");
        let mut six = [0; 16];
        six[0] = 0x20;
        six[1] = 0x01;
        six[15] = 1;
        assert_eq!(Place::V6(six).to_string(), "2001::1");
    }

    #[test]
    fn both_ways_of_writing_agree() {
        let mut places = vec![Place::Mac([0, 1, 2, 0xa3, 4, 5]), Place::V6([0xfe; 16])];
        places.extend((0..=255).map(|byte| Place::V4([byte, 0, 255 - byte, 10])));
        for place in places {
            let mut out = String::from("at ");
            place.write_to(&mut out);
            assert_eq!(out, format!("at {place}"));
        }
    }

    #[test]
    fn groups_are_known() {
        assert!(Place::Mac([1, 0, 0x5e, 0, 0, 1]).is_group());
        assert!(Place::V4([239, 255, 255, 250]).is_group());
        assert!(Place::V4([255; 4]).is_group());
        assert!(!Place::V4([192, 168, 0, 255]).is_group());
    }
}
