//! Which input is next: a k-way merge by time that keeps each input's own order.
//!
//! Rule 1: of equal times the input named first comes first, so the order is the same each time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// The inputs that wait, each with the time of its next packet.
#[derive(Default)]
pub(crate) struct Merge {
    waiting: BinaryHeap<Reverse<(i64, u16)>>,
}

impl Merge {
    /// Let `input` wait with a packet of `time`.
    pub fn wait(&mut self, time: i64, input: u16) {
        self.waiting.push(Reverse((time, input)));
    }

    /// The input whose packet is the earliest, no longer waiting.
    pub fn earliest(&mut self) -> Option<u16> {
        self.waiting.pop().map(|Reverse((_, input))| input)
    }

    /// True where a packet of `time` from `input` comes before all that wait.
    #[inline]
    pub fn is_first(&self, time: i64, input: u16) -> bool {
        self.waiting.peek().is_none_or(|Reverse(next)| (time, input) <= *next)
    }
}

#[cfg(test)]
mod tests {
    use super::Merge;

    #[test]
    fn equal_times_go_by_position() {
        let mut merge = Merge::default();
        for (time, input) in [(5, 2), (5, 1), (4, 3)] {
            merge.wait(time, input);
        }
        assert!(merge.is_first(4, 0));
        assert!(!merge.is_first(5, 0));
        let order: Vec<u16> = std::iter::from_fn(|| merge.earliest()).collect();
        assert_eq!(order, [3, 1, 2]);
    }
}
