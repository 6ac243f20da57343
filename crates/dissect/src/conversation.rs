//! One conversation being read: keeps what a dissector has not finished with, within the protocol's bound.
//!
//! Rule 1: a dissector sees contiguous bytes only; what it leaves over is kept and given again with what follows.
//! Rule 2: no more than `Protocol::buffer` bytes are kept a direction; beyond it they are given up as a gap and said so.

use crate::context::Context;
use crate::protocol::{Dissector, Progress, Protocol};

/// What became of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Go on delivering.
    Open,
    /// Nothing more to learn.
    Done,
    /// Not this protocol after all.
    Rejected,
    /// The bytes from here on are another protocol's: probe the rest again.
    Handover,
}

/// A claimed conversation.
pub struct Conversation {
    protocol: &'static Protocol,
    dissector: Box<dyn Dissector>,
    pending: [Vec<u8>; 2],
}

impl Conversation {
    /// Start reading as `protocol`.
    pub fn new(protocol: &'static Protocol) -> Self {
        Conversation { protocol, dissector: (protocol.dissector)(), pending: [Vec::new(), Vec::new()] }
    }

    /// The protocol.
    pub fn protocol(&self) -> &'static Protocol {
        self.protocol
    }

    /// Bytes kept for later, both directions.
    pub fn pending_bytes(&self) -> usize {
        self.pending[0].len() + self.pending[1].len()
    }

    /// A whole datagram or frame payload.
    pub fn datagram(&mut self, data: &[u8], cx: &mut Context<'_>) -> Outcome {
        match self.dissector.read(data, cx) {
            Progress::Used(_) => Outcome::Open,
            Progress::Handover(_) => Outcome::Handover,
            Progress::Done => Outcome::Done,
            Progress::Reject => Outcome::Rejected,
        }
    }

    /// The next bytes of one direction. After `Handover`, `rest` holds what was not read.
    pub fn stream(&mut self, data: &[u8], cx: &mut Context<'_>, rest: &mut Vec<u8>) -> Outcome {
        let side = usize::from(!cx.from_client);
        let mut pending = std::mem::take(&mut self.pending[side]);
        let joined = !pending.is_empty();
        if joined {
            pending.extend_from_slice(data);
        }
        let all: &[u8] = if joined { &pending } else { data };
        let mut used = 0;
        let outcome = loop {
            let left = &all[used..];
            if left.is_empty() {
                break Outcome::Open;
            }
            match self.dissector.read(left, cx) {
                Progress::Used(0) => break Outcome::Open,
                Progress::Used(count) => used += count.min(left.len()),
                Progress::Handover(count) => {
                    rest.extend_from_slice(&left[count.min(left.len())..]);
                    break Outcome::Handover;
                }
                Progress::Done => break Outcome::Done,
                Progress::Reject => break Outcome::Rejected,
            }
        };
        let left = all.len() - used;
        if outcome != Outcome::Open {
            pending.clear();
        } else if left > self.protocol.buffer {
            cx.malformed("length", "message larger than the protocol's budget");
            self.dissector.gap(cx.from_client, left as u64);
            pending.clear();
        } else if joined {
            pending.drain(..used);
        } else if left > 0 {
            pending.extend_from_slice(&data[used..]);
        }
        self.pending[side] = pending;
        outcome
    }

    /// `lost` bytes of one direction will never come.
    pub fn gap(&mut self, from_client: bool, lost: u64) {
        let side = usize::from(!from_client);
        let lost = lost + self.pending[side].len() as u64;
        self.pending[side].clear();
        self.dissector.gap(from_client, lost);
    }
}
