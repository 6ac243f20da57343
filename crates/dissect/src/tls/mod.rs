//! TLS and SSL: what both sides offer, choose and present before the rest is encrypted. RFC 8446, RFC 5246, RFC 6101.
//!
//! Rule 1: a direction is read up to its first encrypted record; from there records are counted off, never kept.
//! Rule 2: GREASE values (RFC 8701) change from hello to hello, so the key fields show each of them as 0x0a0a and
//! extension types in ascending order; what was really sent, in the order sent, stands in the `offered_` details.
//! Rule 3: what `tls-parser` refuses is said and then read as far as it goes.

mod hello;
mod ja4;
mod name;
mod reading;
mod stapled;
#[cfg(test)]
mod tests;
mod x509;

use crate::{Hint, Probe, Protocol};
use reading::Reading;

kinds! {
    client_hello "tls.client_hello" "RFC 8446 §4.1.2" "What a client offers." {
        version: Uint Key "" "legacy_version.";
        server_name: Text Key "" "SNI.";
        alpn: Texts Key "" "ALPN, order kept.";
        supported_versions: Uints Key "" "supported_versions, order kept, GREASE as 0x0a0a.";
        ciphers: Uints Key "" "Cipher suites, order kept, GREASE as 0x0a0a; kinds of an SSL 2.0 hello have 24 bits.";
        extensions: Uints Key "" "Extension types, ascending (some clients shuffle them), GREASE as 0x0a0a.";
        groups: Uints Key "" "supported_groups, order kept, GREASE as 0x0a0a.";
        signature_algorithms: Uints Key "" "signature_algorithms, order kept, GREASE as 0x0a0a.";
        ja4: Text Key "" "JA4 (BSD-3-Clause method; no JA4+); absent where the hello was cut short.";
        offered_versions: Uints Detail "" "supported_versions as sent.";
        offered_ciphers: Uints Detail "" "Cipher suites as sent.";
        offered_extensions: Uints Detail "" "Extension types as sent.";
        offered_groups: Uints Detail "" "supported_groups as sent.";
    }
    server_hello "tls.server_hello" "RFC 8446 §4.1.3" "What the server chose." {
        version: Uint Key "" "Negotiated version: supported_versions if given, else legacy_version.";
        legacy_version: Uint Key "" "legacy_version.";
        cipher: Uint Key "" "Cipher suite.";
        alpn: Text Key "" "ALPN chosen, where it is in clear.";
        extensions: Uints Key "" "Extension types, order kept.";
        retry: Bool Key "" "True for a HelloRetryRequest.";
        selected_version: Uint Detail "" "supported_versions as sent.";
        groups: Uints Detail "" "supported_groups as sent.";
    }
    certificate "tls.certificate" "RFC 5280" "A certificate sent in clear (TLS 1.2 and older), about its sender." {
        position: Uint Key "" "0 for the leaf.";
        subject: Text Key "" "RFC 4514 text.";
        issuer: Text Key "" "RFC 4514 text.";
        common_name: Text Key "" "Subject CN.";
        organization: Text Key "" "Subject O.";
        issuer_common_name: Text Key "" "Issuer CN.";
        serial: Bytes Key "" "Serial number.";
        not_before: Time Key "" "Start of validity.";
        not_after: Time Key "" "End of validity.";
        dns_names: Texts Key "" "subjectAltName dNSName.";
        ip_names: Ips Key "" "subjectAltName iPAddress.";
        key_type: Text Key "" "rsa, ec, ed25519, dsa …";
        key_bits: Uint Key "bits" "Key size.";
        signature: Text Key "" "Signature algorithm, dotted OID or its common name.";
        self_signed: Bool Key "" "Subject equals issuer.";
        sha256: Bytes Key "" "Fingerprint of the DER.";
        utf8_strings: Texts Detail "" "UTF8String values of the DirectoryString attributes of all its names.";
        printable_strings: Texts Detail "" "PrintableString values of the DirectoryString attributes of all its names.";
        utc_times: Texts Detail "" "Validity times sent as UTCTime, as `YYYY-MM-DD HH:MM:SS (UTC)`.";
    }
    stapled_response "tls.stapled_response" "RFC 6066 §8, RFC 6960" "Who signed a stapled OCSP response, where that is said by name." {
        responder: Text Key "" "RFC 4514 text.";
        utf8_strings: Texts Detail "" "UTF8String values of the DirectoryString attributes of the name.";
        printable_strings: Texts Detail "" "PrintableString values of the DirectoryString attributes of the name.";
    }
    stapled_certificate "tls.stapled_certificate" "RFC 6066 §8, RFC 6960" "A certificate of the OCSP responder, inside a stapled response: not of the server." {
        subject: Text Key "" "RFC 4514 text.";
        issuer: Text Key "" "RFC 4514 text.";
        serial: Bytes Key "" "Serial number.";
        not_before: Time Key "" "Start of validity.";
        not_after: Time Key "" "End of validity.";
        sha256: Bytes Key "" "Fingerprint of the DER.";
        utf8_strings: Texts Detail "" "UTF8String values of the DirectoryString attributes of its names.";
        printable_strings: Texts Detail "" "PrintableString values of the DirectoryString attributes of its names.";
        utc_times: Texts Detail "" "Validity times sent as UTCTime, as `YYYY-MM-DD HH:MM:SS (UTC)`.";
    }
    certificate_request "tls.certificate_request" "RFC 5246 §7.4.4" "Whose certificates a server takes (TLS 1.2 and older)." {
        authorities: Texts Key "" "Names of certificate authorities, RFC 4514 text; the first 64.";
        utf8_strings: Texts Detail "" "UTF8String values of the DirectoryString attributes of these names.";
        printable_strings: Texts Detail "" "PrintableString values of the DirectoryString attributes of these names.";
    }
    alert "tls.alert" "RFC 8446 §6" "An alert in clear." {
        level: Uint Key "" "1 warning, 2 fatal.";
        description: Uint Key "" "Alert description.";
    }
}
malformed_kind!("tls.malformed");

/// The protocol.
pub static PROTOCOL: Protocol = Protocol {
    name: "tls",
    title: "TLS",
    source: "RFC 8446, RFC 5246",
    limits: &[
        "Nothing is decrypted: certificates of TLS 1.3 and alerts after the handshake are not seen.",
        "The TLS handshake inside QUIC, EAP and DTLS is not read.",
        "Handshake messages over 128 KiB are skipped.",
        "An encrypted ClientHello shows its outer name only.",
        "Of a stapled OCSP response only the responder's name and certificates are read.",
        "SSL 2.0 is read only as the ClientHello that newer clients send in its shape.",
    ],
    kinds: KINDS,
    malformed: &MALFORMED,
    tcp: true,
    udp: false,
    ethertypes: &[],
    ports: &[443, 8443, 8883, 993, 995, 465, 636, 5061, 853],
    buffer: 65_536, // bytes
    probe,
    dissector: || Box::new(Reading::default()),
};

fn probe(data: &[u8], _hint: &Hint) -> Probe {
    claim(data)
}

/// Is this the beginning of a record, or of a hello in the shape of SSL 2.0?
fn claim(data: &[u8]) -> Probe {
    match data {
        [20..=24, 3, ..] => probe_record(data),
        [20..=24] => Probe::More,
        [0x80..=0xff, _, 1, ..] if hello::ssl2_length(data).is_some() => Probe::Yes(90),
        [0x80..=0xff, _, 1, 0 | 3, ..] if data.len() < hello::SSL2_HEAD => Probe::More,
        _ => Probe::No,
    }
}

fn probe_record(data: &[u8]) -> Probe {
    let Some((head, body)) = data.split_first_chunk::<{ reading::HEAD }>() else {
        return if data.get(2).is_none_or(|&minor| minor <= 4) { Probe::More } else { Probe::No };
    };
    let Some(record) = reading::Head::read(head) else {
        return Probe::No;
    };
    match (record.content, body) {
        // A hello torn into records that are too short to tell: the next one must look like this one.
        (reading::HANDSHAKE, [1 | 2, rest @ ..])
            if (1..6).contains(&record.length) && rest.len() >= record.length - 1 =>
        {
            match &rest[record.length - 1..] {
                [22, 3, minor, ..] if *minor == record.minor => Probe::Yes(80),
                [] | [22] | [22, 3] => Probe::More,
                _ => Probe::No,
            }
        }
        (reading::HANDSHAKE, [1 | 2, rest @ ..]) => probe_hello(&record, rest),
        (reading::HANDSHAKE, [kind, high, ..]) if reading::is_handshake(*kind) && *high == 0 => Probe::Yes(80),
        (reading::HANDSHAKE, [_, _, ..]) => Probe::No,
        (reading::CHANGE_CIPHER_SPEC, [1, ..]) if record.length == 1 => Probe::Yes(90),
        (reading::ALERT, [1 | 2, 0..=120, ..]) if record.length == 2 => Probe::Yes(90),
        (reading::APPLICATION_DATA, [_, ..]) if (1..=3).contains(&record.minor) && record.length > 15 => {
            // A record that ends within these bytes must be followed by another one.
            match body.get(record.length..) {
                Some([20..=23, 3, minor, ..]) if *minor == record.minor => Probe::Yes(80),
                Some([]) | None => Probe::Yes(60),
                Some([20..=23]) | Some([20..=23, 3]) => Probe::Yes(60),
                Some(_) => Probe::No,
            }
        }
        (_, [] | [_]) if record.content != reading::APPLICATION_DATA => Probe::More,
        (_, []) => Probe::More,
        _ => Probe::No,
    }
}

/// `rest`: what follows the handshake type of a ClientHello or ServerHello: three bytes of length, then the version.
fn probe_hello(record: &reading::Head, rest: &[u8]) -> Probe {
    match rest {
        [0..=1, _, _, 3, 0..=4, ..] | [0..=1, _, _, 0x7f, ..] if record.length >= 4 => Probe::Yes(99),
        [_, _, _, _, _, ..] => Probe::No,
        _ if rest.first().is_none_or(|&high| high <= 1) => Probe::More,
        _ => Probe::No,
    }
}
