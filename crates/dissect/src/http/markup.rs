//! What is read out of bodies: the title of a page, a UPnP device description. HTML §4.2.2, UPnP DA 2.0 §2.3.
//!
//! Rule 1: no document is built: tags are found one after another in at most 32 KiB, each byte looked at a fixed
//! number of times, so nesting, broken markup and entity bombs cost nothing.
//! Rule 2: entities are decoded once and only those of XML and numbers; nothing is ever expanded or loaded.

use super::{description, page};
use crate::{Context, Who};

/// Longest text kept of an element.
const TEXT_CAP: usize = 512; // bytes

/// Tell the title of the HTML in `body`; false where it has none.
pub(super) fn tell_title(body: &[u8], cx: &mut Context<'_>) -> bool {
    for (name, after) in (Tags { rest: body }) {
        if name.eq_ignore_ascii_case(b"title") {
            let title = words(text(after));
            if !title.is_empty() {
                cx.fact(&page::KIND).text(page::title, title).emit(Who::Sender);
            }
            return true;
        }
    }
    false
}

/// Elements of the root device, in the order of the kind's fields.
const ELEMENTS: [(&[u8], u8); 8] = [
    (b"deviceType", description::device_type),
    (b"friendlyName", description::friendly_name),
    (b"manufacturer", description::manufacturer),
    (b"modelName", description::model_name),
    (b"modelNumber", description::model_number),
    (b"modelDescription", description::model_description),
    (b"serialNumber", description::serial_number),
    (b"UDN", description::udn),
];

/// Tell the root device of the description in `body`; false where it is none.
pub(super) fn tell_description(body: &[u8], cx: &mut Context<'_>) -> bool {
    let mut found: [Vec<u8>; ELEMENTS.len()] = Default::default();
    let mut in_root = false;
    let mut in_device = false;
    for (name, after) in (Tags { rest: body }) {
        match local(name) {
            b"root" => in_root = true,
            b"device" if in_root => in_device = true,
            // What follows belongs to embedded devices.
            b"deviceList" | b"/device" if in_device => break,
            name if in_device => {
                let row = ELEMENTS.iter().position(|(element, _)| *element == name);
                if let Some(slot) = row.and_then(|row| found.get_mut(row)).filter(|slot| slot.is_empty()) {
                    *slot = words(text(after));
                }
            }
            _ => {}
        }
    }
    // A device type or unique name is demanded of every description; other XML that has a root has neither.
    if [found.first(), found.last()].iter().flatten().all(|text| text.is_empty()) {
        return false;
    }
    let mut fact = cx.fact(&description::KIND);
    for ((_, field), value) in ELEMENTS.iter().zip(&found).filter(|(_, value)| !value.is_empty()) {
        fact = fact.text(*field, value);
    }
    fact.emit(Who::Sender);
    true
}

/// Tags in the order of the text: the name, with its slash where it closes, and what follows the tag.
struct Tags<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Tags<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let open = self.rest.iter().position(|byte| *byte == b'<')?;
            let inside = self.rest.get(open + 1..)?;
            if let Some(comment) = inside.strip_prefix(b"!--") {
                let end = comment.windows(3).position(|window| window == b"-->")?;
                self.rest = comment.get(end + 3..)?;
                continue;
            }
            let end = inside.iter().position(|byte| *byte == b'>')?;
            let (tag, after) = inside.split_at_checked(end)?;
            self.rest = after.get(1..)?;
            let name_end = tag.iter().position(|byte| byte.is_ascii_whitespace()).unwrap_or(tag.len());
            return Some((tag.get(..name_end)?, self.rest));
        }
    }
}

/// The name without its prefix.
fn local(name: &[u8]) -> &[u8] {
    name.iter().position(|byte| *byte == b':').and_then(|colon| name.get(colon + 1..)).unwrap_or(name)
}

/// The text up to the next tag, or of the CDATA section that follows.
fn text(after: &[u8]) -> &[u8] {
    let trimmed = after.trim_ascii_start();
    let (from, end): (&[u8], &[u8]) = match trimmed.strip_prefix(b"<![CDATA[") {
        Some(data) => (data, b"]]>"),
        None => (after, b"<"),
    };
    let window = from.get(..TEXT_CAP).unwrap_or(from);
    let stop = window.windows(end.len()).position(|part| part == end).unwrap_or(window.len());
    window.get(..stop).unwrap_or_default()
}

/// Entities decoded, runs of white space made one blank, none at the ends.
fn words(text: &[u8]) -> Vec<u8> {
    let mut out: Vec<u8> = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((byte, tail)) = rest.split_first() {
        rest = tail;
        if byte.is_ascii_whitespace() {
            if out.last().is_some_and(|last| *last != b' ') {
                out.push(b' ');
            }
        } else if let Some((character, after)) = (*byte == b'&').then(|| entity(tail)).flatten() {
            out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            rest = after;
        } else {
            out.push(*byte);
        }
    }
    if out.last() == Some(&b' ') {
        out.pop();
    }
    out
}

/// The character of `name;` and what follows.
fn entity(after: &[u8]) -> Option<(char, &[u8])> {
    let end = after.iter().take(10).position(|byte| *byte == b';')?;
    let (name, rest) = after.split_at_checked(end)?;
    let character = match name {
        b"amp" => '&',
        b"lt" => '<',
        b"gt" => '>',
        b"quot" => '"',
        b"apos" => '\'',
        b"nbsp" => ' ',
        [b'#', b'x' | b'X', digits @ ..] => {
            char::from_u32(u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?)?
        }
        [b'#', digits @ ..] => char::from_u32(std::str::from_utf8(digits).ok()?.parse().ok()?)?,
        _ => return None,
    };
    Some((character, rest.get(1..)?))
}
