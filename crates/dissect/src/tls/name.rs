//! Distinguished names as text. RFC 4514.

use std::fmt::Write;
use x509_parser::der_parser::asn1_rs::{Any, Tag};
use x509_parser::x509::X509Name;

/// Longest text made of one name: what is over would be cut anyway.
const NAME_LIMIT: usize = crate::TEXT_CAP; // bytes

/// Short names of RFC 4514 §3, and of three more that occur often.
const SHORT: &[(&str, &str)] = &[
    ("2.5.4.3", "CN"),
    ("2.5.4.7", "L"),
    ("2.5.4.8", "ST"),
    ("2.5.4.10", "O"),
    ("2.5.4.11", "OU"),
    ("2.5.4.6", "C"),
    ("2.5.4.9", "STREET"),
    ("0.9.2342.19200300.100.1.25", "DC"),
    ("0.9.2342.19200300.100.1.1", "UID"),
    ("2.5.4.5", "serialNumber"),
    ("2.5.4.12", "title"),
    ("1.2.840.113549.1.9.1", "emailAddress"),
];

/// Attributes that are no DirectoryString: countryName, serialNumber, dnQualifier (X.520).
const NOT_DIRECTORY: &[&str] = &["2.5.4.6", "2.5.4.5", "2.5.4.46"];

/// The name in RFC 4514 text: last component first.
pub(super) fn text(name: &X509Name<'_>) -> String {
    let mut out = String::new();
    let rows: Vec<_> = name.iter_rdn().collect();
    for row in rows.iter().rev() {
        for (at, attribute) in row.iter().enumerate() {
            if out.len() > NAME_LIMIT {
                return out;
            }
            if !out.is_empty() {
                out.push(if at == 0 { ',' } else { '+' });
            }
            let dotted = attribute.attr_type().to_id_string();
            let short = SHORT.iter().find(|(id, _)| *id == dotted).map_or(dotted.as_str(), |(_, short)| *short);
            out += short;
            out.push('=');
            escape(&decoded(attribute.attr_value()), &mut out);
        }
    }
    out
}

/// RFC 4514 §2.4.
fn escape(value: &str, out: &mut String) {
    let last = value.chars().count().saturating_sub(1);
    for (at, c) in value.chars().enumerate() {
        match c {
            '"' | '+' | ',' | ';' | '<' | '>' | '\\' => out.extend(['\\', c]),
            ' ' if at == 0 || at == last => out.push_str("\\ "),
            '#' if at == 0 => out.push_str("\\#"),
            c if c.is_control() => {
                for byte in c.to_string().bytes() {
                    let _ = write!(out, "\\{byte:02x}");
                }
            }
            c => out.push(c),
        }
    }
}

/// The characters of a string type; other values as `#` and hexadecimal digits.
pub(super) fn decoded(value: &Any<'_>) -> String {
    match value.tag() {
        Tag::BmpString => {
            let units: Vec<u16> =
                value.data.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect();
            String::from_utf16_lossy(&units)
        }
        Tag::T61String => value.data.iter().map(|&byte| char::from(byte)).collect(),
        Tag::Utf8String | Tag::PrintableString | Tag::Ia5String | Tag::NumericString | Tag::VisibleString => {
            String::from_utf8_lossy(value.data).into_owned()
        }
        _ => value.data.iter().fold("#".to_owned(), |mut out, byte| {
            let _ = write!(out, "{byte:02x}");
            out
        }),
    }
}

/// The bytes of every DirectoryString of `name` that is of the type `tag`.
pub(super) fn directory_strings<'a>(name: &'a X509Name<'a>, tag: Tag) -> impl Iterator<Item = &'a [u8]> + 'a {
    name.iter_attributes()
        .filter(move |attribute| attribute.attr_value().tag() == tag)
        .filter(|attribute| !NOT_DIRECTORY.contains(&attribute.attr_type().to_id_string().as_str()))
        .map(|attribute| attribute.attr_value().data)
}
