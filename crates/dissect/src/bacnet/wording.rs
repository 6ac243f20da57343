//! Objects, properties and values in words.

use super::found::{Found, Target};
use super::names::{self, Words};
use super::tags::{self, number, Class, Tag};
use std::fmt::Write;

/// Most objects named in a key field.
pub(super) const NAMED: usize = 8;
/// Longest text or octet string put in words.
const LONGEST: usize = 128; // bytes

/// The word for `number`, or `what number` where it has none.
pub(super) fn word(out: &mut String, words: &Words, what: &str, number: u64) {
    match words.get(number) {
        Some(word) => out.push_str(word),
        None => {
            let _ = write!(out, "{what} {number}");
        }
    }
}

/// The targets that are named in a key: the first eight that differ, or (summed over instances) that differ by more
/// than their instance.
pub(super) fn named(found: &Found, summed: bool) -> ([Option<Target>; NAMED], bool) {
    let mut named = [None; NAMED];
    let mut count = 0;
    for target in &found.targets {
        let (kind, instance) = target.object;
        let target = match summed {
            true => Target { object: (kind, 0), index: None, ..*target },
            false => Target { object: (kind, instance), ..*target },
        };
        if named.contains(&Some(target)) {
            continue;
        }
        match named.get_mut(count) {
            Some(slot) => *slot = Some(target),
            None => return (named, true),
        }
        count += 1;
    }
    (named, false)
}

/// `analog-value 3 present-value, …`, without instances where they are summed.
pub(super) fn targets(out: &mut String, named: &[Option<Target>], more: bool, summed: bool) {
    for target in named.iter().flatten() {
        if !out.is_empty() {
            out.push_str(", ");
        }
        one(out, target, summed);
    }
    if more {
        out.push_str(", …");
    }
}

/// `analog-value 3 present-value[2]`.
pub(super) fn one(out: &mut String, target: &Target, summed: bool) {
    word(out, &names::OBJECTS, "object-type", u64::from(target.object.0));
    if !summed {
        let _ = write!(out, " {}", target.object.1);
    }
    if let Some(property) = target.property {
        out.push(' ');
        word(out, &names::PROPERTIES, "property", u64::from(property));
    }
    if let Some(index) = target.index {
        let _ = write!(out, "[{index}]");
    }
}

/// A value in words.
pub(super) fn value(tag: &Tag<'_>) -> String {
    let content = tag.content;
    if tag.class != Class::Application {
        return hexadecimal(content);
    }
    let number = |found: Option<String>| found.unwrap_or_else(|| hexadecimal(content));
    match tag.number {
        number::NULL => "null".to_owned(),
        number::BOOLEAN => (tag.low != 0).to_string(),
        number::UNSIGNED | number::ENUMERATED => number(tags::unsigned(content).map(|value| value.to_string())),
        number::SIGNED => number(tags::signed(content).map(|value| value.to_string())),
        number::REAL => number(content.try_into().ok().map(|bytes| f32::from_be_bytes(bytes).to_string())),
        number::DOUBLE => number(content.try_into().ok().map(|bytes| f64::from_be_bytes(bytes).to_string())),
        number::CHARACTERS => {
            let text = tags::characters(content);
            String::from_utf8_lossy(text.get(..LONGEST).unwrap_or(&text)).into_owned()
        }
        number::BITS => bits(content),
        number::DATE => date(content),
        number::TIME => time(content),
        number::OBJECT => {
            let mut out = String::new();
            if let Some(object) = tags::object(content) {
                one(&mut out, &Target { object, property: None, index: None }, false);
            }
            out
        }
        _ => hexadecimal(content),
    }
}

fn hexadecimal(content: &[u8]) -> String {
    let mut out = String::new();
    for byte in content.iter().take(LONGEST) {
        let _ = write!(out, "{byte:02x}");
    }
    out
}

/// Bits, first bit first; the first byte counts those not used in the last.
fn bits(content: &[u8]) -> String {
    let Some((&unused, bytes)) = content.split_first() else { return String::new() };
    let count = (bytes.len() * 8).saturating_sub(usize::from(unused)).min(LONGEST);
    let bit = |at: usize| bytes.get(at / 8).is_some_and(|byte| byte & (0x80 >> (at % 8)) != 0);
    (0..count).map(|at| if bit(at) { '1' } else { '0' }).collect()
}

/// A date; 255 means any (§20.2.12).
pub(super) fn date(content: &[u8]) -> String {
    let &[year, month, day, _] = content else { return hexadecimal(content) };
    let year = if year == 255 { "*".to_owned() } else { (1900 + u16::from(year)).to_string() };
    let part = |part: u8| if part == 255 { "*".to_owned() } else { format!("{part:02}") };
    format!("{year}-{}-{}", part(month), part(day))
}

/// A time of day; 255 means any (§20.2.13).
pub(super) fn time(content: &[u8]) -> String {
    let &[hour, minute, second, hundredths] = content else { return hexadecimal(content) };
    let part = |part: u8| if part == 255 { "*".to_owned() } else { format!("{part:02}") };
    format!("{}:{}:{}.{}", part(hour), part(minute), part(second), part(hundredths))
}
