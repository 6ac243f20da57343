//! The ring that the kernel fills (TPACKET_V3): blocks of frames, each handed back once it was read.
//!
//! Rule 1: lengths and offsets in a block are the kernel's, and are checked all the same: nothing outside it is read.

use crate::pcapng::Tag;
use crate::socket::{OpenError, Socket};
use libc::{tpacket3_hdr, tpacket_block_desc, tpacket_hdr_v1};
use std::io;
use std::mem::{offset_of, size_of};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering};

/// Bytes of a block.
const BLOCK: usize = 1 << 20;
/// A block that is not full is handed over after so many milliseconds.
const HAND_OVER: u32 = 50;
const STATUS_AT: usize = offset_of!(tpacket_block_desc, hdr) + offset_of!(tpacket_hdr_v1, block_status);
const COUNT_AT: usize = offset_of!(tpacket_block_desc, hdr) + offset_of!(tpacket_hdr_v1, num_pkts);
const FIRST_AT: usize = offset_of!(tpacket_block_desc, hdr) + offset_of!(tpacket_hdr_v1, offset_to_first_pkt);

/// One frame.
pub struct Frame<'a> {
    /// Nanoseconds since 1970, UTC.
    pub time: u64,
    /// What was captured.
    pub bytes: &'a [u8],
    /// Length on the wire.
    pub wire: u32,
    /// The tag that the kernel took out.
    pub tag: Option<Tag>,
}

/// The ring.
pub struct Ring {
    memory: NonNull<u8>,
    blocks: usize,
    next: usize,
}

impl Ring {
    /// A ring of so many MiB for `socket`.
    ///
    /// # Errors
    /// Where the kernel has no such room.
    pub fn new(socket: &Socket, mebibytes: usize) -> Result<Ring, OpenError> {
        let blocks = mebibytes.clamp(2, 4096);
        let version = libc::tpacket_versions::TPACKET_V3 as libc::c_int;
        socket.set(libc::PACKET_VERSION, &version, "choose the ring's version")?;
        let frame = 1 << 11;
        let wish = libc::tpacket_req3 {
            tp_block_size: BLOCK as u32,
            tp_block_nr: blocks as u32,
            tp_frame_size: frame as u32,
            tp_frame_nr: (blocks * BLOCK / frame) as u32,
            tp_retire_blk_tov: HAND_OVER,
            tp_sizeof_priv: 0,
            tp_feature_req_word: 0,
        };
        socket.set(libc::PACKET_RX_RING, &wish, "make room for the ring")?;
        let (protection, flags) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED);
        // SAFETY: a new mapping is asked for, of the size that the ring has just been given.
        let memory = unsafe { libc::mmap(std::ptr::null_mut(), blocks * BLOCK, protection, flags, socket.number(), 0) };
        match NonNull::new(memory.cast::<u8>()) {
            Some(memory) if memory.as_ptr().cast() != libc::MAP_FAILED => Ok(Ring { memory, blocks, next: 0 }),
            _ => Err(OpenError::Kernel("map the ring", io::Error::last_os_error())),
        }
    }

    fn status(&self) -> &AtomicU32 {
        // SAFETY: the place lies in block `next` of the mapping, is aligned to 4 bytes (a block is to a page), and the
        // kernel and we touch it as a whole word only.
        unsafe { AtomicU32::from_ptr(self.memory.as_ptr().add(self.next * BLOCK + STATUS_AT).cast()) }
    }

    /// True where the next block is ours to read.
    pub fn is_ready(&self) -> bool {
        self.status().load(Ordering::Acquire) & libc::TP_STATUS_USER != 0
    }

    /// Call `each` with every frame of the next block and hand it back; false where it is still the kernel's.
    pub fn read(&mut self, mut each: impl FnMut(&Frame<'_>)) -> bool {
        if !self.is_ready() {
            return false;
        }
        // SAFETY: the block lies in the mapping, and while its status is the user's the kernel does not write to it.
        let block = unsafe { std::slice::from_raw_parts(self.memory.as_ptr().add(self.next * BLOCK), BLOCK) };
        walk(block, &mut each);
        self.status().store(libc::TP_STATUS_KERNEL, Ordering::Release);
        self.next = (self.next + 1) % self.blocks;
        true
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours, of this size, and nothing refers to it any more.
        unsafe { libc::munmap(self.memory.as_ptr().cast(), self.blocks * BLOCK) };
    }
}

fn four(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).map_or(0, |four| u32::from_ne_bytes([four[0], four[1], four[2], four[3]]))
}

fn two(bytes: &[u8], at: usize) -> u16 {
    bytes.get(at..at + 2).map_or(0, |two| u16::from_ne_bytes([two[0], two[1]]))
}

/// Every frame of a block.
fn walk(block: &[u8], each: &mut impl FnMut(&Frame<'_>)) {
    const VARIANT: usize = offset_of!(tpacket3_hdr, hv1);
    let mut at = four(block, FIRST_AT) as usize;
    for _ in 0..four(block, COUNT_AT) {
        let Some(head) = block.get(at..at + size_of::<tpacket3_hdr>()) else { return };
        let status = four(head, offset_of!(tpacket3_hdr, tp_status));
        let start = at + usize::from(two(head, offset_of!(tpacket3_hdr, tp_mac)));
        let length = four(head, offset_of!(tpacket3_hdr, tp_snaplen)) as usize;
        let Some(bytes) = block.get(start..start.saturating_add(length)) else { return };
        let tag = (status & libc::TP_STATUS_VLAN_VALID != 0).then(|| Tag {
            tpid: match status & libc::TP_STATUS_VLAN_TPID_VALID {
                0 => 0x8100,
                _ => two(head, VARIANT + offset_of!(libc::tpacket_hdr_variant1, tp_vlan_tpid)),
            },
            tci: four(head, VARIANT + offset_of!(libc::tpacket_hdr_variant1, tp_vlan_tci)) as u16,
        });
        let seconds = u64::from(four(head, offset_of!(tpacket3_hdr, tp_sec)));
        let time = seconds * 1_000_000_000 + u64::from(four(head, offset_of!(tpacket3_hdr, tp_nsec)));
        each(&Frame { time, bytes, wire: four(head, offset_of!(tpacket3_hdr, tp_len)), tag });
        match four(head, offset_of!(tpacket3_hdr, tp_next_offset)) {
            0 => return,
            step => at += step as usize,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{offset_of, size_of, tpacket3_hdr, walk, COUNT_AT, FIRST_AT};

    /// A block with two frames, the second one tagged.
    fn block() -> Vec<u8> {
        let head = size_of::<tpacket3_hdr>();
        let mut out = vec![0; 1024];
        let put = |out: &mut Vec<u8>, at: usize, value: u32| out[at..at + 4].copy_from_slice(&value.to_ne_bytes());
        put(&mut out, COUNT_AT, 2);
        put(&mut out, FIRST_AT, 64);
        for (at, next, status, fill) in [(64, 256, 1_u32, 0xaa_u8), (320, 0, 1 | 1 << 4, 0xbb)] {
            put(&mut out, at, next);
            put(&mut out, at + offset_of!(tpacket3_hdr, tp_sec), 3);
            put(&mut out, at + offset_of!(tpacket3_hdr, tp_nsec), 7);
            put(&mut out, at + offset_of!(tpacket3_hdr, tp_snaplen), 60);
            put(&mut out, at + offset_of!(tpacket3_hdr, tp_len), 90);
            put(&mut out, at + offset_of!(tpacket3_hdr, tp_status), status);
            put(&mut out, at + offset_of!(tpacket3_hdr, tp_mac), head as u32);
            put(&mut out, at + offset_of!(tpacket3_hdr, hv1) + 4, 42);
            out[at + head..at + head + 60].fill(fill);
        }
        out
    }

    #[test]
    fn frames_come_with_their_tags() {
        let mut found = Vec::new();
        walk(&block(), &mut |frame| {
            found.push((frame.time, frame.bytes.to_vec(), frame.wire, frame.tag.map(|tag| (tag.tpid, tag.tci))));
        });
        let time = 3_000_000_007;
        assert_eq!(found, [(time, vec![0xaa; 60], 90, None), (time, vec![0xbb; 60], 90, Some((0x8100, 42)))]);
    }

    #[test]
    fn no_length_or_offset_leads_out_of_the_block() {
        let whole = block();
        for at in 0..400 {
            for value in [0_u8, 1, 0x7f, 0xff] {
                let mut block = whole.clone();
                block[at] = value;
                let mut frames = 0;
                walk(&block, &mut |_| frames += 1);
                assert!(frames <= 400);
            }
        }
        for cut in 0..whole.len() {
            walk(&whole[..cut], &mut |_| {});
        }
    }
}
