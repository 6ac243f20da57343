//! TCP: what arrived becomes contiguous bytes, a direction at a time.
//!
//! Rule 1: the first copy of a byte wins; a later copy that differs is flagged, not delivered.
//! Rule 2: a hole is given up (a gap) once the receiver has acknowledged past it, or once `HELD_CAP` bytes or
//! `SEGMENT_CAP` segments wait behind it; a late copy of it then counts as a retransmission.
//! Rule 3: mid-stream is normal: the first segment seen sets the place.

/// Most bytes that wait behind a hole, a direction.
pub const HELD_CAP: usize = 65_536;
/// Most segments that wait behind a hole, a direction.
pub const SEGMENT_CAP: usize = 64;
/// A segment farther ahead than this starts the stream anew.
const FAR: i32 = 1 << 26;

struct Segment {
    seq: u32,
    data: Vec<u8>,
    missing: u32,
}

/// One direction of a TCP flow.
#[derive(Default)]
pub struct Side {
    next: u32,
    known: bool,
    acked: u32,
    acked_known: bool,
    held: Vec<Segment>,
    held_bytes: usize,
    /// Segments seen again.
    pub retransmissions: u32,
    /// Bytes the capture lacks.
    pub lost: u64,
    /// Where the last hole is that `pass` left behind, and how long it is: a late segment fills it.
    hole: (u32, u32),
    /// SYN seen.
    pub syn: bool,
    /// FIN seen.
    pub fin: bool,
}

/// What a segment means for the stream.
pub enum Piece<'a> {
    /// The next bytes.
    Data(&'a [u8]),
    /// So many bytes will never come.
    Gap(u64),
}

impl Side {
    /// The SYN of this direction.
    pub fn synchronise(&mut self, seq: u32) {
        if self.syn && self.next == seq.wrapping_add(1) {
            self.retransmissions += 1;
            return;
        }
        self.syn = true;
        self.known = true;
        self.next = seq.wrapping_add(1);
        self.held.clear();
        self.held_bytes = 0;
    }

    /// True where bytes wait behind a hole.
    pub fn waiting(&self) -> bool {
        !self.held.is_empty()
    }

    /// Bytes that wait behind a hole.
    pub fn held_bytes(&self) -> usize {
        self.held_bytes
    }

    /// Only keep count: no bytes are wanted of this direction.
    #[inline]
    pub fn pass(&mut self, seq: u32, length: u32) {
        if !self.known {
            self.known = true;
            self.next = seq;
        }
        let ahead = seq.wrapping_sub(self.next) as i32;
        if ahead < 0 && (ahead.wrapping_neg() as u32) >= length && length > 1 {
            if seq == self.hole.0 && length <= self.hole.1 {
                self.hole = (seq.wrapping_add(length), self.hole.1 - length);
                self.lost = self.lost.saturating_sub(u64::from(length));
            } else {
                self.retransmissions += 1;
            }
            return;
        }
        if ahead > 0 && ahead < FAR {
            self.lost += ahead as u64;
            self.hole = (self.next, ahead as u32);
        }
        self.next = seq.wrapping_add(length);
    }

    /// A segment of `length` bytes at `seq` of which `data` was captured. Hands contiguous pieces to `deliver`.
    #[inline]
    pub fn segment(&mut self, seq: u32, data: &[u8], length: u32, deliver: &mut dyn FnMut(Piece<'_>)) {
        if !self.known {
            self.known = true;
            self.next = seq;
        }
        let ahead = seq.wrapping_sub(self.next) as i32;
        if ahead == 0 && self.held.is_empty() {
            self.accept(data, length, deliver);
        } else {
            self.out_of_order(seq, ahead, data, length, deliver);
        }
    }

    #[inline]
    fn accept(&mut self, data: &[u8], length: u32, deliver: &mut dyn FnMut(Piece<'_>)) {
        let captured = data.len().min(length as usize);
        if captured > 0 {
            deliver(Piece::Data(&data[..captured]));
        }
        let missing = length - captured as u32;
        if missing > 0 {
            self.lost += u64::from(missing);
            deliver(Piece::Gap(u64::from(missing)));
        }
        self.next = self.next.wrapping_add(length);
    }

    fn out_of_order(&mut self, seq: u32, ahead: i32, data: &[u8], length: u32, deliver: &mut dyn FnMut(Piece<'_>)) {
        if ahead.unsigned_abs() > FAR as u32 {
            self.release(deliver);
            deliver(Piece::Gap(0));
            self.next = seq;
            return self.accept(data, length, deliver);
        }
        if ahead <= 0 {
            let again = ahead.unsigned_abs();
            if again >= length {
                // One byte before the end is a keep-alive, not a retransmission.
                if length > 1 {
                    self.retransmissions += 1;
                }
                return;
            }
            let skip = (again as usize).min(data.len());
            self.accept(&data[skip..], length - again, deliver);
            return self.drain(deliver);
        }
        let receiver_has_it = self.acked_known && (self.acked.wrapping_sub(seq) as i32) >= 0;
        if receiver_has_it && self.held.is_empty() {
            self.skip_to(seq, deliver);
            return self.accept(data, length, deliver);
        }
        self.hold(seq, data, length);
        if self.held_bytes > HELD_CAP || self.held.len() > SEGMENT_CAP {
            self.release(deliver);
        }
    }

    fn hold(&mut self, seq: u32, data: &[u8], length: u32) {
        let origin = self.next;
        let place = self.held.partition_point(|s| (s.seq.wrapping_sub(origin)) < seq.wrapping_sub(origin));
        if self.held.get(place).is_some_and(|s| s.seq == seq && s.data.len() >= data.len()) {
            self.retransmissions += 1;
            return;
        }
        let captured = data.len().min(length as usize);
        self.held_bytes += captured;
        self.held.insert(place, Segment { seq, data: data[..captured].to_vec(), missing: length - captured as u32 });
    }

    /// The receiver says it has everything before `ack`.
    #[inline]
    pub fn acknowledge(&mut self, ack: u32, deliver: &mut dyn FnMut(Piece<'_>)) {
        if !self.acked_known || (ack.wrapping_sub(self.acked) as i32) > 0 {
            self.acked = ack;
            self.acked_known = true;
        }
        if let Some(first) = self.held.first() {
            if (self.acked.wrapping_sub(first.seq) as i32) >= 0 {
                let seq = first.seq;
                self.skip_to(seq, deliver);
                self.drain(deliver);
            }
        }
    }

    fn skip_to(&mut self, seq: u32, deliver: &mut dyn FnMut(Piece<'_>)) {
        let hole = seq.wrapping_sub(self.next) as i32;
        if hole > 0 {
            self.lost += hole as u64;
            deliver(Piece::Gap(hole as u64));
            self.next = seq;
        }
    }

    /// Deliver what is contiguous now.
    fn drain(&mut self, deliver: &mut dyn FnMut(Piece<'_>)) {
        while let Some(first) = self.held.first() {
            let ahead = first.seq.wrapping_sub(self.next) as i32;
            if ahead > 0 {
                break;
            }
            let segment = self.held.remove(0);
            self.held_bytes -= segment.data.len();
            let length = segment.data.len() as u32 + segment.missing;
            let again = ahead.unsigned_abs();
            if again >= length {
                continue;
            }
            let skip = (again as usize).min(segment.data.len());
            self.accept(&segment.data[skip..], length - again, deliver);
        }
    }

    /// Give up every hole and deliver all that waits.
    pub fn release(&mut self, deliver: &mut dyn FnMut(Piece<'_>)) {
        while let Some(first) = self.held.first() {
            let seq = first.seq;
            self.skip_to(seq, deliver);
            self.drain(deliver);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn play(segments: &[(u32, &[u8])]) -> (Vec<u8>, u64, Side) {
        let mut side = Side::default();
        side.synchronise(99);
        let (mut got, mut lost) = (Vec::new(), 0);
        let mut deliver = |piece: Piece<'_>| match piece {
            Piece::Data(data) => got.extend_from_slice(data),
            Piece::Gap(count) => lost += count,
        };
        for (seq, data) in segments {
            side.segment(*seq, data, data.len() as u32, &mut deliver);
        }
        side.release(&mut deliver);
        (got, lost, side)
    }

    #[test]
    fn order_is_restored() {
        assert_eq!(play(&[(103, b"def"), (106, b"gh"), (100, b"abc")]).0, b"abcdefgh");
    }

    #[test]
    fn the_first_copy_wins_and_overlap_is_cut() {
        let (got, lost, side) = play(&[(100, b"abcd"), (102, b"XXef"), (100, b"abcd")]);
        assert_eq!((got.as_slice(), lost, side.retransmissions), (b"abcdef".as_slice(), 0, 1));
    }

    #[test]
    fn a_hole_that_is_never_filled_is_a_gap() {
        let (got, lost, _) = play(&[(100, b"ab"), (105, b"fg")]);
        assert_eq!((got.as_slice(), lost), (b"abfg".as_slice(), 3));
    }

    #[test]
    fn an_acknowledged_hole_is_given_up_at_once() {
        let mut side = Side::default();
        side.synchronise(99);
        let (mut got, mut lost) = (Vec::new(), 0);
        let mut deliver = |piece: Piece<'_>| match piece {
            Piece::Data(data) => got.extend_from_slice(data),
            Piece::Gap(count) => lost += count,
        };
        side.segment(105, b"fg", 2, &mut deliver);
        side.acknowledge(107, &mut deliver);
        assert_eq!((got.as_slice(), lost), (b"fg".as_slice(), 5));
    }

    #[test]
    fn sequence_numbers_wrap() {
        let mut side = Side::default();
        side.synchronise(u32::MAX - 1);
        let mut got = Vec::new();
        let mut deliver = |piece: Piece<'_>| {
            if let Piece::Data(data) = piece {
                got.extend_from_slice(data);
            }
        };
        side.segment(1, b"cd", 2, &mut deliver);
        side.segment(u32::MAX, b"ab", 2, &mut deliver);
        assert_eq!(got, b"abcd");
    }

    #[test]
    fn what_waits_is_bounded() {
        let mut side = Side::default();
        side.synchronise(0);
        let mut nothing = |_: Piece<'_>| {};
        for step in 0..10_000u32 {
            side.segment(10 + step * 2000, &[0; 1000], 1000, &mut nothing);
            assert!(side.held_bytes() <= HELD_CAP + 1000 && side.held.len() <= SEGMENT_CAP + 1);
        }
    }
}
