//! JA4, the fingerprint of a ClientHello. FoxIO, "JA4: TLS Client Fingerprinting" (BSD-3-Clause); JA4 only, no JA4+.

use sha2::{Digest, Sha256};
use std::fmt::Write;

/// What JA4 is made of.
pub(super) struct Input<'a> {
    /// legacy_version.
    pub version: u16,
    /// supported_versions.
    pub supported_versions: &'a [u16],
    /// Cipher suites.
    pub ciphers: &'a [u16],
    /// Extension types, in the order sent.
    pub extensions: &'a [u16],
    /// signature_algorithms, in the order sent.
    pub signature_algorithms: &'a [u16],
    /// First ALPN value.
    pub alpn: Option<&'a [u8]>,
}

const SERVER_NAME: u16 = 0;
const ALPN: u16 = 16;

/// GREASE (RFC 8701): both bytes equal, low nibbles 0xa.
pub(super) fn is_grease(value: u16) -> bool {
    value & 0x0f0f == 0x0a0a && value >> 8 == value & 0xff
}

/// The fingerprint of a hello over TCP.
pub(super) fn fingerprint(input: &Input<'_>) -> String {
    let plain = |values: &[u16]| -> Vec<u16> { values.iter().copied().filter(|&value| !is_grease(value)).collect() };
    let mut ciphers = plain(input.ciphers);
    let mut extensions = plain(input.extensions);
    let newest = plain(input.supported_versions).into_iter().max();
    let (first, last) = alpn_ends(input.alpn);
    let mut out = format!(
        "t{}{}{:02}{:02}{first}{last}_",
        version(newest.unwrap_or(input.version)),
        if extensions.contains(&SERVER_NAME) { 'd' } else { 'i' },
        ciphers.len().min(99),
        extensions.len().min(99),
    );
    ciphers.sort_unstable();
    out += &digest(&hexadecimal(&ciphers));
    extensions.retain(|&kind| kind != SERVER_NAME && kind != ALPN);
    extensions.sort_unstable();
    let mut text = hexadecimal(&extensions);
    let algorithms = plain(input.signature_algorithms);
    if !algorithms.is_empty() && !text.is_empty() {
        text.push('_');
        text += &hexadecimal(&algorithms);
    }
    out.push('_');
    out += &digest(&text);
    out
}

fn version(value: u16) -> &'static str {
    match value {
        0x0304 => "13",
        0x0303 => "12",
        0x0302 => "11",
        0x0301 => "10",
        0x0300 => "s3",
        0x0002 => "s2",
        _ => "00",
    }
}

/// First and last character of the first ALPN value; of its hexadecimal text where one of them is not alphanumeric;
/// nines where the first is not ASCII.
fn alpn_ends(alpn: Option<&[u8]>) -> (char, char) {
    let Some((first, last)) = alpn.and_then(|value| value.first().copied().zip(value.last().copied())) else {
        return ('0', '0');
    };
    // The published expected results have "99" here, where the text of the method has the hexadecimal digits.
    if !first.is_ascii() {
        return ('9', '9');
    }
    if first.is_ascii_alphanumeric() && last.is_ascii_alphanumeric() {
        return (char::from(first), char::from(last));
    }
    let nibble = |value: u8| char::from_digit(u32::from(value & 0x0f), 16).unwrap_or('0');
    (nibble(first >> 4), nibble(last))
}

fn hexadecimal(values: &[u16]) -> String {
    let mut text = String::with_capacity(values.len() * 5);
    for (at, value) in values.iter().enumerate() {
        let comma = if at == 0 { "" } else { "," };
        let _ = write!(text, "{comma}{value:04x}");
    }
    text
}

/// The first twelve digits of SHA-256; zeros for nothing.
fn digest(text: &str) -> String {
    if text.is_empty() {
        return "000000000000".to_owned();
    }
    Sha256::digest(text.as_bytes()).iter().take(6).fold(String::with_capacity(12), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_specification_s_example() {
        let ciphers = [
            0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014, 0x009c, 0x009d,
            0x002f, 0x0035, 0x0a0a,
        ];
        let extensions = [
            0x1a1a, 0x001b, 0x0000, 0x0033, 0x0010, 0x4469, 0x0017, 0x002d, 0x000d, 0x0005, 0x0023, 0x0012, 0x002b,
            0xff01, 0x000b, 0x000a, 0x0015,
        ];
        let algorithms = [0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601];
        let input = Input {
            version: 0x0303,
            supported_versions: &[0x2a2a, 0x0304, 0x0303],
            ciphers: &ciphers,
            extensions: &extensions,
            signature_algorithms: &algorithms,
            alpn: Some(b"h2"),
        };
        assert_eq!(fingerprint(&input), "t13d1516h2_8daaf6152771_e5627efa2ab1");
    }

    #[test]
    fn an_empty_hello_and_odd_alpn() {
        let mut input = Input {
            version: 0x0301,
            supported_versions: &[],
            ciphers: &[],
            extensions: &[],
            signature_algorithms: &[],
            alpn: None,
        };
        assert_eq!(fingerprint(&input), "t10i000000_000000000000_000000000000");
        input.alpn = Some(&[0xab]);
        assert!(fingerprint(&input).starts_with("t10i000099_"));
        input.alpn = Some(b" h!");
        assert!(fingerprint(&input).starts_with("t10i000021_"));
        input.alpn = Some(b"h");
        assert!(fingerprint(&input).starts_with("t10i0000hh_"));
        input.alpn = Some(&[0x30, 0xab, 0xcd, 0x31]);
        assert!(fingerprint(&input).starts_with("t10i000001_"));
    }
}
