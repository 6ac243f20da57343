//! The encoding of values: tag, length, content. ASHRAE 135 §20.2.

use ringfence_wire::Reader;
use std::borrow::Cow;

/// What a tag opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// A value whose type the number says.
    Application,
    /// A value whose meaning the service says.
    Context,
    /// The begin of a nested list.
    Opening,
    /// Its end.
    Closing,
}

/// Application tag numbers (§20.2.1.4).
pub(super) mod number {
    pub const NULL: u8 = 0;
    pub const BOOLEAN: u8 = 1;
    pub const UNSIGNED: u8 = 2;
    pub const SIGNED: u8 = 3;
    pub const REAL: u8 = 4;
    pub const DOUBLE: u8 = 5;
    pub const CHARACTERS: u8 = 7;
    pub const BITS: u8 = 8;
    pub const ENUMERATED: u8 = 9;
    pub const DATE: u8 = 10;
    pub const TIME: u8 = 11;
    pub const OBJECT: u8 = 12;
}

/// One tag with its content.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tag<'a> {
    pub number: u8,
    pub class: Class,
    /// The low three bits of the first byte: the value of an application Boolean.
    pub low: u8,
    pub content: &'a [u8],
}

/// Read the next tag. `Ok(None)` at the end, `Err` with the reason where the bytes make no tag.
pub(super) fn next<'a>(r: &mut Reader<'a>) -> Result<Option<Tag<'a>>, &'static str> {
    const CUT: &str = "cut inside a tag";
    let Some(first) = r.u8() else { return Ok(None) };
    let number = match first >> 4 {
        15 => r.u8().ok_or(CUT)?,
        number => number,
    };
    let low = first & 7;
    let context = first & 8 != 0;
    let class = match (context, low) {
        (true, 6) => Class::Opening,
        (true, 7) => Class::Closing,
        (true, _) => Class::Context,
        (false, 6 | 7) => return Err("an application tag that opens or closes a list"),
        (false, _) => Class::Application,
    };
    let length = match (class, low) {
        (Class::Opening | Class::Closing, _) => 0,
        (Class::Application, _) if number == number::BOOLEAN => 0,
        (_, 5) => match r.u8().ok_or(CUT)? {
            254 => u32::from(r.u16().ok_or(CUT)?),
            255 => r.u32().ok_or(CUT)?,
            length => u32::from(length),
        },
        (_, length) => u32::from(length),
    };
    let content = usize::try_from(length).ok().and_then(|length| r.take(length)).ok_or("a length beyond the end")?;
    Ok(Some(Tag { number, class, low, content }))
}

/// An unsigned or enumerated value of one to eight bytes.
pub(super) fn unsigned(content: &[u8]) -> Option<u64> {
    matches!(content.len(), 1..=8).then(|| content.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
}

/// A signed value of one to eight bytes.
pub(super) fn signed(content: &[u8]) -> Option<i64> {
    let shift = 64_u32.checked_sub(8 * u32::try_from(content.len()).ok()?)?;
    Some(((unsigned(content)? << shift) as i64) >> shift)
}

/// An object identifier: type (10 bits) and instance (22 bits).
pub(super) fn object(content: &[u8]) -> Option<(u16, u32)> {
    let word = u32::from_be_bytes(content.try_into().ok()?);
    Some(((word >> 22) as u16, word & 0x3f_ffff))
}

/// A character string as UTF-8 where its character set can be turned into it (§20.2.9), else its bytes.
pub(super) fn characters(content: &[u8]) -> Cow<'_, [u8]> {
    let Some((&set, bytes)) = content.split_first() else { return Cow::Borrowed(content) };
    let spelled = |text: String| Cow::Owned(text.into_bytes());
    match set {
        1 => Cow::Borrowed(bytes.get(2..).unwrap_or_default()),
        3 => spelled(
            bytes
                .chunks_exact(4)
                .filter_map(|unit| unit.try_into().ok())
                .map(|unit| char::from_u32(u32::from_be_bytes(unit)).unwrap_or(char::REPLACEMENT_CHARACTER))
                .collect(),
        ),
        4 => {
            let units = bytes.chunks_exact(2).filter_map(|unit| unit.try_into().ok()).map(u16::from_be_bytes);
            spelled(char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect())
        }
        5 if !bytes.is_ascii() => spelled(bytes.iter().map(|byte| char::from(*byte)).collect()),
        _ => Cow::Borrowed(bytes),
    }
}
