//! Which PDUs can be a request, which a response: for telling directions apart and for finding a unit's start again.

use super::EXCEPTION;

/// How well a PDU's length and first bytes agree with a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shape {
    /// It can't be.
    Never,
    /// Nothing speaks against it (functions without a public form, values out of range).
    Possible,
    /// Length and content agree with the function's form.
    Exact,
}

/// Bytes of a PDU that the judgement of its shape looks at, at most.
pub const SHAPE_BYTES: usize = 10; // bytes

fn byte(pdu: &[u8], at: usize) -> usize {
    pdu.get(at).map_or(0, |byte| usize::from(*byte))
}

fn word(pdu: &[u8], at: usize) -> usize {
    byte(pdu, at) << 8 | byte(pdu, at + 1)
}

fn exact(length: usize, wanted: usize) -> Shape {
    if length == wanted {
        Shape::Exact
    } else {
        Shape::Never
    }
}

fn within(shape: Shape, sound: bool) -> Shape {
    if sound {
        shape
    } else {
        shape.min(Shape::Possible)
    }
}

/// Can a PDU of `length` bytes that begins with `pdu` (its first ten bytes suffice) be a request?
#[inline]
pub fn request_shape(pdu: &[u8], length: usize) -> Shape {
    match pdu.first().copied().unwrap_or(0) {
        1 | 2 => within(exact(length, 5), (1..=2000).contains(&word(pdu, 3))),
        3 | 4 => within(exact(length, 5), (1..=125).contains(&word(pdu, 3))),
        5 => within(exact(length, 5), matches!(word(pdu, 3), 0 | 0xFF00)),
        6 => exact(length, 5),
        7 | 11 | 12 | 17 => exact(length, 1),
        8 => within(if length >= 3 { Shape::Exact } else { Shape::Never }, length % 2 == 1 && word(pdu, 1) <= 20),
        15 => within(exact(length, 6 + byte(pdu, 5)), word(pdu, 3).div_ceil(8) == byte(pdu, 5)),
        16 => within(exact(length, 6 + byte(pdu, 5)), word(pdu, 3) * 2 == byte(pdu, 5)),
        20 => within(exact(length, 2 + byte(pdu, 1)), byte(pdu, 1).is_multiple_of(7)),
        21 => exact(length, 2 + byte(pdu, 1)),
        22 => exact(length, 7),
        23 => within(exact(length, 10 + byte(pdu, 9)), word(pdu, 7) * 2 == byte(pdu, 9)),
        24 => exact(length, 3),
        43 if byte(pdu, 1) == 14 => within(exact(length, 4), (1..=4).contains(&byte(pdu, 2))),
        0 | EXCEPTION.. => Shape::Never,
        _ => Shape::Possible,
    }
}

/// Can a PDU of `length` bytes that begins with `pdu` (its first ten bytes suffice) be a response?
#[inline]
pub fn response_shape(pdu: &[u8], length: usize) -> Shape {
    match pdu.first().copied().unwrap_or(0) {
        1 | 2 => within(exact(length, 2 + byte(pdu, 1)), byte(pdu, 1) != 0),
        3 | 4 | 23 => within(exact(length, 2 + byte(pdu, 1)), byte(pdu, 1) != 0 && byte(pdu, 1).is_multiple_of(2)),
        12 | 17 | 20 | 21 => exact(length, 2 + byte(pdu, 1)),
        5 => within(exact(length, 5), matches!(word(pdu, 3), 0 | 0xFF00)),
        6 | 11 | 15 | 16 => exact(length, 5),
        7 => exact(length, 2),
        8 => within(if length >= 3 { Shape::Exact } else { Shape::Never }, length % 2 == 1 && word(pdu, 1) <= 20),
        22 => exact(length, 7),
        24 => exact(length, 3 + word(pdu, 1)),
        43 if byte(pdu, 1) == 14 => {
            within(if length >= 7 { Shape::Exact } else { Shape::Never }, (1..=4).contains(&byte(pdu, 2)))
        }
        0 | EXCEPTION => Shape::Never,
        EXCEPTION.. => within(exact(length, 2), (1..=11).contains(&byte(pdu, 1))),
        _ => Shape::Possible,
    }
}
