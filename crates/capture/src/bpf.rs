//! Classic BPF programs: what a packet socket keeps, and what a sealed process may call.

use libc::sock_filter;

/// An instruction: code, jump if true, jump if false, operand.
pub type Instruction = (u16, u8, u8, u32);

pub(crate) const LOAD_WORD: u16 = 0x20;
pub(crate) const JUMP_EQUAL: u16 = 0x15;
pub(crate) const JUMP_GREATER_OR_EQUAL: u16 = 0x35;
pub(crate) const JUMP_ANY_BIT: u16 = 0x45;
pub(crate) const RETURN: u16 = 0x06;
/// `SKF_AD_OFF + SKF_AD_PKTTYPE`: whence the kernel tells whether the frame is our own.
const PACKET_TYPE: u32 = 0xffff_f000 + 4;
const OUTGOING: u32 = 4;

/// Keep `snap_length` bytes of each frame but of those that this host sends.
pub fn not_our_own(snap_length: u32) -> Vec<Instruction> {
    vec![(LOAD_WORD, 0, 0, PACKET_TYPE), (JUMP_EQUAL, 0, 1, OUTGOING), (RETURN, 0, 0, 0), (RETURN, 0, 0, snap_length)]
}

/// Keep `snap_length` bytes of each frame.
pub fn everything(snap_length: u32) -> Vec<Instruction> {
    vec![(RETURN, 0, 0, snap_length)]
}

/// The kernel's form.
pub(crate) fn kernel_form(program: &[Instruction]) -> Vec<sock_filter> {
    program.iter().map(|&(code, jt, jf, k)| sock_filter { code, jt, jf, k }).collect()
}
