//! TLS. RFC 8446, RFC 5246.

use crate::{Context, Dissector, Hint, Probe, Progress, Protocol};

kinds! {
    client_hello "tls.client_hello" "RFC 8446 §4.1.2" "What a client offers." {
        version: Uint Key "" "legacy_version.";
        server_name: Text Key "" "SNI.";
        alpn: Texts Key "" "ALPN, order kept.";
        supported_versions: Uints Key "" "supported_versions, order kept.";
        ciphers: Uints Key "" "Cipher suites, order kept.";
        extensions: Uints Key "" "Extension types, order kept.";
        groups: Uints Key "" "supported_groups.";
        signature_algorithms: Uints Key "" "signature_algorithms.";
        ja4: Text Key "" "JA4 (BSD-3-Clause method; no JA4+).";
    }
    server_hello "tls.server_hello" "RFC 8446 §4.1.3" "What the server chose." {
        version: Uint Key "" "Negotiated version: supported_versions if given, else legacy_version.";
        legacy_version: Uint Key "" "legacy_version.";
        cipher: Uint Key "" "Cipher suite.";
        alpn: Text Key "" "ALPN chosen, where it is in clear.";
        extensions: Uints Key "" "Extension types, order kept.";
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
        utf8_strings: Texts Detail "" "UTF8String values of both names.";
        printable_strings: Texts Detail "" "PrintableString values of both names.";
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
    limits: &["Not dissected yet."],
    kinds: KINDS,
    malformed: &MALFORMED,
    tcp: true,
    udp: false,
    ethertypes: &[],
    ports: &[443, 8443, 8883, 993, 995, 465, 636, 5061, 853],
    buffer: 65_536, // bytes
    probe,
    dissector: || Box::new(Reading),
};

fn probe(_data: &[u8], _hint: &Hint) -> Probe {
    Probe::No
}

struct Reading;

impl Dissector for Reading {
    fn read(&mut self, data: &[u8], _cx: &mut Context<'_>) -> Progress {
        Progress::Used(data.len())
    }
}
