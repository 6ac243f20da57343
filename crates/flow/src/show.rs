//! Records and observations as JSON text: for the observations file and for traces.

use crate::aggregate::Seen;
use ringfence_dissect::{walk, Kind, Value};
use ringfence_wire::Place;
use std::fmt::Write as _;

/// Append `text` as a JSON string. Control characters and the separators U+2028 and U+2029 are escaped.
pub fn string(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if (c as u32) < 0x20 || c as u32 == 0x7f || c == '\u{2028}' || c == '\u{2029}' => {
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

/// The address in `bytes`: 4 or 16 of them; anything else is empty.
pub fn ip(bytes: &[u8]) -> String {
    if let Ok(four) = <[u8; 4]>::try_from(bytes) {
        return Place::V4(four).to_string();
    }
    <[u8; 16]>::try_from(bytes).map_or(String::new(), |six| Place::V6(six).to_string())
}

/// Lower-case hexadecimal.
pub fn hexadecimal(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        let _ = write!(out, "{byte:02x}");
    }
    out
}

fn value(out: &mut String, value: &Value<'_>) {
    let _ = match value {
        Value::Uint(number) => write!(out, "{number}"),
        Value::Int(number) => write!(out, "{number}"),
        Value::Real(number) if number.is_finite() => write!(out, "{number:?}"),
        Value::Real(_) => write!(out, "null"),
        Value::Bool(truth) => write!(out, "{truth}"),
        Value::Text(text) => {
            string(out, &String::from_utf8_lossy(text));
            Ok(())
        }
        Value::Bytes(bytes) => write!(out, "\"{}\"", hexadecimal(bytes)),
        Value::Mac(mac) => write!(out, "\"{}\"", Place::Mac(*mac)),
        Value::Ip(bytes) => write!(out, "\"{}\"", ip(bytes)),
    };
}

/// Append the fields in `sides` (a record's key, its detail) as one JSON object.
pub fn fields(out: &mut String, kind: &'static Kind, sides: &[&[u8]]) {
    out.push('{');
    let mut open: Option<u8> = None;
    let mut first = true;
    for (field, content) in sides.iter().flat_map(|side| walk(kind, side)) {
        let row = &kind.fields[field as usize];
        if open == Some(field) && row.ty.is_list() {
            out.push(',');
        } else {
            if open.is_some_and(|before| kind.fields[before as usize].ty.is_list()) {
                out.push(']');
            }
            if !first {
                out.push(',');
            }
            let _ = write!(out, "\"{}\":", row.name);
            if row.ty.is_list() {
                out.push('[');
            }
        }
        first = false;
        open = Some(field);
        value(out, &content);
    }
    if open.is_some_and(|before| kind.fields[before as usize].ty.is_list()) {
        out.push(']');
    }
    out.push('}');
}

/// Append `count`, `first`, `last` and `packets` of a sighting.
pub fn seen(out: &mut String, seen: &Seen) {
    let _ = write!(out, "\"count\":{},\"first\":{},\"last\":{},\"packets\":[", seen.count, seen.first, seen.last);
    for (at, packet) in seen.references().iter().enumerate() {
        let comma = if at == 0 { "" } else { "," };
        let _ = write!(
            out,
            "{comma}{{\"input\":{},\"index\":{},\"time\":{},\"interface\":{},\"length\":{}}}",
            packet.input, packet.index, packet.time, packet.interface, packet.length
        );
    }
    out.push(']');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_and_single_fields_follow_one_another() {
        use crate::kinds::attempts as kind;
        let mut bytes = Vec::new();
        for (field, number) in [(kind::flows, 3u64), (kind::top_ports, 80), (kind::top_ports, 443), (kind::capped, 1)] {
            bytes.push(field);
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        let mut out = String::new();
        fields(&mut out, &kind::KIND, &[&bytes]);
        assert_eq!(out, r#"{"flows":3,"top_ports":[80,443],"capped":true}"#);
    }

    #[test]
    fn control_characters_are_escaped() {
        let mut out = String::new();
        string(&mut out, "a\"\\\u{1b}\u{2028}");
        assert_eq!(out, "\"a\\\"\\\\\\u001b\\u2028\"");
    }
}
