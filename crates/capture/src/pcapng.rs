//! pcapng as this process writes it (draft-ietf-opsawg-pcapng): one section, one interface, nanoseconds.
//!
//! Rule 1: a VLAN tag that the kernel took out of a frame is put back where it was.

/// Interface statistics: packets that came, and of these what the kernel dropped for want of room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Came (dropped ones included).
    pub received: u64,
    /// Dropped.
    pub dropped: u64,
}

/// A tag that the kernel took out: TPID and TCI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tag {
    /// 0x8100 or 0x88a8.
    pub tpid: u16,
    /// Priority and VLAN id.
    pub tci: u16,
}

/// Blocks that wait to be written.
#[derive(Debug, Default)]
pub struct Blocks {
    /// The bytes.
    pub bytes: Vec<u8>,
}

const SECTION: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const STATISTICS: u32 = 5;
const PACKET: u32 = 6;
/// Where a tag stands: behind both addresses.
const TAG_AT: usize = 12;

impl Blocks {
    fn block(&mut self, kind: u32, length: usize, body: impl FnOnce(&mut Vec<u8>)) {
        let whole = (12 + length.next_multiple_of(4)) as u32;
        self.bytes.extend_from_slice(&kind.to_ne_bytes());
        self.bytes.extend_from_slice(&whole.to_ne_bytes());
        body(&mut self.bytes);
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
        self.bytes.extend_from_slice(&whole.to_ne_bytes());
    }

    /// The section's head and its interface.
    pub fn begin(&mut self, name: &str, link: u16, snap_length: u32) {
        self.block(SECTION, 16, |out| {
            out.extend_from_slice(&0x1a2b_3c4d_u32.to_ne_bytes());
            out.extend_from_slice(&1_u16.to_ne_bytes());
            out.extend_from_slice(&0_u16.to_ne_bytes());
            out.extend_from_slice(&(-1_i64).to_ne_bytes());
        });
        let name = &name.as_bytes()[..name.len().min(64)];
        let options = 4 + name.len().next_multiple_of(4) + 8 + 4;
        self.block(INTERFACE, 8 + options, |out| {
            out.extend_from_slice(&link.to_ne_bytes());
            out.extend_from_slice(&0_u16.to_ne_bytes());
            out.extend_from_slice(&snap_length.to_ne_bytes());
            option(out, 2, name);
            option(out, 9, &[9]); // if_tsresol: nanoseconds
            option(out, 0, &[]);
        });
    }

    /// One packet; `frame` is what was captured, `wire` its length on the wire, both without the `tag`.
    #[inline]
    pub fn packet(&mut self, time: u64, frame: &[u8], wire: u32, tag: Option<Tag>) {
        let tag = tag.filter(|_| frame.len() >= TAG_AT);
        let extra = if tag.is_some() { 4 } else { 0 };
        let captured = frame.len() + extra;
        self.block(PACKET, 20 + captured, |out| {
            out.extend_from_slice(&0_u32.to_ne_bytes());
            stamp(out, time);
            out.extend_from_slice(&(captured as u32).to_ne_bytes());
            out.extend_from_slice(&(wire + extra as u32).to_ne_bytes());
            match tag {
                None => out.extend_from_slice(frame),
                Some(tag) => {
                    out.extend_from_slice(&frame[..TAG_AT]);
                    out.extend_from_slice(&tag.tpid.to_be_bytes());
                    out.extend_from_slice(&tag.tci.to_be_bytes());
                    out.extend_from_slice(&frame[TAG_AT..]);
                }
            }
        });
    }

    /// What was counted so far, and what time it is.
    pub fn statistics(&mut self, time: u64, counts: Counts) {
        self.block(STATISTICS, 12 + 12 + 12 + 4, |out| {
            out.extend_from_slice(&0_u32.to_ne_bytes());
            stamp(out, time);
            option(out, 4, &counts.received.to_ne_bytes());
            option(out, 5, &counts.dropped.to_ne_bytes());
            option(out, 0, &[]);
        });
    }
}

fn stamp(out: &mut Vec<u8>, time: u64) {
    out.extend_from_slice(&((time >> 32) as u32).to_ne_bytes());
    out.extend_from_slice(&(time as u32).to_ne_bytes());
}

fn option(out: &mut Vec<u8>, code: u16, value: &[u8]) {
    out.extend_from_slice(&code.to_ne_bytes());
    out.extend_from_slice(&(value.len() as u16).to_ne_bytes());
    out.extend_from_slice(value);
    out.resize(out.len().next_multiple_of(4), 0);
}

#[cfg(test)]
mod tests {
    use super::{Blocks, Counts, Tag};

    fn number(bytes: &[u8], at: usize) -> usize {
        u32::from_ne_bytes(bytes[at..at + 4].try_into().unwrap()) as usize
    }

    fn blocks(bytes: &[u8]) -> Vec<(usize, &[u8])> {
        let (mut at, mut out) = (0, Vec::new());
        while at < bytes.len() {
            let length = number(bytes, at + 4);
            assert_eq!(number(bytes, at + length - 4), length, "a block ends as it begins");
            out.push((number(bytes, at), &bytes[at + 8..at + length - 4]));
            at += length;
        }
        out
    }

    #[test]
    fn a_tag_is_put_back_behind_the_addresses() {
        let mut out = Blocks::default();
        let frame: Vec<u8> = (0..61).collect();
        out.packet(5, &frame, 61, Some(Tag { tpid: 0x88a8, tci: 0x6123 }));
        let found = blocks(&out.bytes);
        let body = found[0].1;
        assert_eq!((number(body, 12), number(body, 16)), (65, 65));
        let written = &body[20..85];
        assert_eq!(&written[..12], &frame[..12]);
        assert_eq!(&written[12..16], [0x88, 0xa8, 0x61, 0x23]);
        assert_eq!(&written[16..], &frame[12..]);
    }

    #[test]
    fn a_frame_cut_before_its_tag_stays_as_it_is() {
        let mut out = Blocks::default();
        out.packet(5, &[1; 11], 60, Some(Tag { tpid: 0x8100, tci: 1 }));
        let body = blocks(&out.bytes)[0].1;
        assert_eq!((number(body, 12), number(body, 16), &body[20..31]), (11, 60, &[1; 11][..]));
    }

    #[test]
    fn every_length_makes_whole_blocks() {
        for length in 0..70 {
            let mut out = Blocks::default();
            out.begin(&"n".repeat(length), 1, 262_144);
            out.packet(1 << 40, &vec![7; length], 9000, None);
            out.statistics(1 << 41, Counts { received: 3, dropped: 1 });
            let found = blocks(&out.bytes);
            assert_eq!(found.iter().map(|block| block.0).collect::<Vec<_>>(), [0x0a0d_0d0a, 1, 6, 5]);
            assert_eq!(number(found[2].1, 4), 1 << 8);
        }
    }
}
