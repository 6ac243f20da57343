use super::*;
use crate::testing::Bench;
use crate::{Carrier, Outcome};

fn hint() -> Hint {
    Hint { carrier: Carrier::Tcp, from_client: true, client_port: 40000, server_port: 502, to_group: false }
}

/// A record of TLS 1.2.
fn record(content: u8, body: &[u8]) -> Vec<u8> {
    [&[content, 3, 3][..], &(body.len() as u16).to_be_bytes(), body].concat()
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind][..], &(body.len() as u32).to_be_bytes()[1..], body].concat()
}

fn extension(kind: u16, body: &[u8]) -> Vec<u8> {
    [&kind.to_be_bytes()[..], &(body.len() as u16).to_be_bytes(), body].concat()
}

fn client_hello() -> Vec<u8> {
    let extensions = [
        extension(0x3a3a, &[]),
        extension(16, &[0, 12, 2, b'h', b'2', 8, b'h', b't', b't', b'p', b'/', b'1', b'.', b'1']),
        extension(0, &[0, 8, 0, 0, 5, b'p', b'l', b'c', b'.', b'x']),
        extension(10, &[0, 4, 0x2a, 0x2a, 0, 29]),
        extension(13, &[0, 2, 4, 3]),
        extension(43, &[6, 0x1a, 0x1a, 3, 4, 3, 3]),
    ]
    .concat();
    let mut body = vec![3, 3];
    body.extend([9; 32]);
    body.extend([0, 0, 6, 0x4a, 0x4a, 0x13, 1, 0xc0, 0x2b, 1, 0]);
    body.extend((extensions.len() as u16).to_be_bytes());
    body.extend(extensions);
    message(1, &body)
}

const CLIENT: &str = "tls.client_hello 10.0.0.1>10.0.0.2 version=771 server_name=plc.x alpn=h2 alpn=http/1.1 \
    supported_versions=2570 supported_versions=772 supported_versions=771 ciphers=2570 ciphers=4865 ciphers=49195 \
    extensions=0 extensions=10 extensions=13 extensions=16 extensions=43 extensions=2570";

fn server_hello(random: u8) -> Vec<u8> {
    let mut body = vec![3, 3];
    body.extend([random; 32]);
    body.extend([0, 0xc0, 0x2b, 0, 0, 9, 0, 16, 0, 5, 0, 3, 2, b'h', b'2']);
    message(2, &body)
}

const SERVER: &str = "tls.server_hello 10.0.0.2>10.0.0.1 version=771 legacy_version=771 cipher=49195 alpn=h2 \
    extensions=16 retry=false";

/// A certificate made for this test with OpenSSL: CN=plc.x, O="Acme, Inc", an IP and two DNS names.
const CERTIFICATE: &[u8] = include_bytes!("../../../../vectors/tls/certificate/input.der");

fn certificates() -> Vec<u8> {
    let length = |count: usize| (count as u32).to_be_bytes()[1..].to_vec();
    let list = [length(CERTIFICATE.len()), CERTIFICATE.to_vec()].concat();
    message(11, &[length(list.len()), list].concat())
}

#[test]
fn a_handshake_of_tls_1_2_whole_and_cut_anywhere() {
    let client = record(22, &client_hello());
    let server = [record(22, &server_hello(7)), record(22, &certificates()), record(22, &message(14, &[]))].concat();
    let last = [record(22, &message(16, &[1; 40])), record(20, &[1]), record(22, &[0x5a; 40])].concat();
    let lines =
        Bench::cut_anywhere(&PROTOCOL, &[(true, &client), (false, &server), (true, &last), (false, &last[45 + 4..])]);
    assert_eq!(lines.len(), 3, "{lines:#?}");
    assert!(lines[0].starts_with(CLIENT), "{}", lines[0]);
    assert!(lines[0].contains(" ja4=t13d0205h2_"), "{}", lines[0]);
    assert!(lines[0].contains(" offered_ciphers=19018 offered_ciphers=4865"), "{}", lines[0]);
    assert_eq!(lines[1], SERVER);
    for part in [
        "tls.certificate 10.0.0.2 position=0 subject=CN=plc.x,O=Acme\\, Inc,C=DE issuer=CN=plc.x,O=Acme\\, Inc,C=DE",
        "common_name=plc.x organization=Acme, Inc issuer_common_name=plc.x",
        "dns_names=plc.x dns_names=*.plc.x ip_names=10.0.0.2",
        "key_type=ec key_bits=256 signature=ecdsa-with-SHA256 self_signed=true",
        "utf8_strings=Acme, Inc utf8_strings=plc.x",
    ] {
        assert!(lines[2].contains(part), "{part}\n{}", lines[2]);
    }
}

#[test]
fn messages_may_share_records_and_span_them() {
    let bytes = [server_hello(7), certificates(), message(14, &[])].concat();
    let shared = Bench::cut_anywhere(&PROTOCOL, &[(false, &record(22, &bytes))]);
    assert_eq!(shared.len(), 2);
    for size in [1, 3, 50, 333] {
        let spread: Vec<u8> = bytes.chunks(size).flat_map(|chunk| record(22, chunk)).collect();
        let mut bench = Bench::new(&PROTOCOL, Carrier::Tcp);
        bench.server(&spread);
        assert_eq!(bench.lines(), shared, "{size} bytes a record");
    }
}

#[test]
fn a_hello_after_a_retry_is_read_and_encrypted_records_end_the_reading() {
    let mut retry = server_hello(7);
    let random = [
        0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2,
        0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
    ];
    retry[6..38].copy_from_slice(&random);
    let mut bench = Bench::new(&PROTOCOL, Carrier::Tcp);
    bench.client(&record(22, &client_hello())).server(&record(22, &retry)).server(&record(20, &[1]));
    bench.client(&record(20, &[1])).client(&record(22, &client_hello())).server(&record(22, &server_hello(1)));
    assert_eq!(bench.outcome, Outcome::Open);
    bench.server(&record(23, &[1; 100])).client(&record(23, &[1; 100]));
    assert_eq!(bench.outcome, Outcome::Done);
    assert_eq!(bench.lines().len(), 4);
    assert!(bench.lines()[1].contains("retry=true"));
}

#[test]
fn application_data_is_counted_off_without_being_kept() {
    let mut bench = Bench::new(&PROTOCOL, Carrier::Tcp);
    bench.client(&[23, 3, 3, 0x40, 0]).client(&[22; 16_000]).gap(true, 384).client(&record(21, &[2, 40]));
    assert_eq!(bench.lines(), ["tls.alert 10.0.0.1>10.0.0.2 level=2 description=40"]);
}

#[test]
fn a_hello_in_the_shape_of_ssl_2() {
    let mut bytes = vec![0x80, 9 + 6 + 16, 1, 3, 1, 0, 6, 0, 0, 0, 16, 0, 0, 0x2f, 1, 0, 0x80];
    bytes.extend([5; 16]);
    assert_eq!(probe(&bytes, &hint()), Probe::Yes(90));
    let lines = Bench::cut_anywhere(&PROTOCOL, &[(true, &bytes)]);
    assert_eq!(lines, ["tls.client_hello 10.0.0.1>10.0.0.2 version=769 ciphers=47 ciphers=65664"]);
}

#[test]
fn extensions_length_past_the_end_is_said_and_the_rest_kept() {
    let mut hello = client_hello();
    let at = hello.len() - 7;
    hello[at] = 0xff;
    let mut bench = Bench::new(&PROTOCOL, Carrier::Tcp);
    bench.client(&record(22, &hello));
    assert!(bench.lines()[0].contains("server_name=plc.x"));
    assert!(!bench.lines()[0].contains("ja4="));
    assert!(bench.lines()[1].starts_with("tls.malformed 10.0.0.1>10.0.0.2 field=extensions"));
}

#[test]
fn certificate_not_in_der_is_said_and_the_next_one_read() {
    let length = |count: usize| (count as u32).to_be_bytes()[1..].to_vec();
    let list = [length(3), vec![1, 2, 3], length(CERTIFICATE.len()), CERTIFICATE.to_vec()].concat();
    let mut bench = Bench::new(&PROTOCOL, Carrier::Tcp);
    bench.server(&record(22, &message(11, &[length(list.len()), list].concat())));
    assert!(bench.lines()[0].contains("field=certificate "));
    assert!(bench.lines()[1].contains("position=1 subject=CN=plc.x"));
}

#[test]
fn a_stapled_response_names_its_responder() {
    let der = |tag: u8, parts: &[&[u8]]| {
        let content = parts.concat();
        [&[tag, 0x82][..], &(content.len() as u16).to_be_bytes(), &content].concat()
    };
    let name = der(0x30, &[&der(0x31, &[&der(0x30, &[&[6, 3, 0x55, 4, 3], &[0x13, 2, b'R', b'3']])])]);
    let signed = der(0x30, &[&der(0xa1, &[&name])]);
    let basic = der(0x30, &[&signed, &[0x30, 0], &[3, 1, 0], &der(0xa0, &[&der(0x30, &[CERTIFICATE])])]);
    let typed = der(0x30, &[&[6, 1, 0x2a], &der(4, &[&basic])]);
    let response = der(0x30, &[&[10, 1, 0], &der(0xa0, &[&typed])]);
    let body = [&[1][..], &(response.len() as u32).to_be_bytes()[1..], &response].concat();
    let mut bench = Bench::new(&PROTOCOL, Carrier::Tcp);
    bench.server(&record(22, &message(22, &body)));
    assert_eq!(bench.lines()[0], "tls.stapled_response 10.0.0.2 responder=CN=R3 printable_strings=R3");
    assert!(bench.lines()[1].starts_with("tls.stapled_certificate 10.0.0.2 subject=CN=plc.x"));
    for at in 0..body.len() {
        let mut bent = body.clone();
        bent[at] ^= 0xff;
        Bench::new(&PROTOCOL, Carrier::Tcp).server(&record(22, &message(22, &bent)));
    }
}

#[test]
fn record_missing_is_said_once_and_a_hello_found_again() {
    let mut bench = Bench::new(&PROTOCOL, Carrier::Tcp);
    bench.client(&record(22, &client_hello())).client(b"garbage").client(b"more garbage");
    bench.client(&record(22, &client_hello()));
    assert_eq!(bench.lines().len(), 3);
    assert!(bench.lines()[1].contains("field=record"));
    bench.gap(true, 9).client(b"lost").client(&record(22, &client_hello()));
    assert_eq!(bench.lines().len(), 4);
}

#[test]
fn handshake_length_of_megabytes_costs_no_memory() {
    let mut bench = Bench::new(&PROTOCOL, Carrier::Tcp);
    bench.client(&record(22, &[11, 0x7f, 0xff, 0xff])).client(&record(22, &[0; 16_000]));
    assert_eq!(bench.lines(), ["tls.malformed 10.0.0.1>10.0.0.2 field=handshake_length reason=over 128 KiB"]);
}

#[test]
fn probes_go_by_content() {
    let hello = record(22, &client_hello());
    assert_eq!(probe(&hello, &hint()), Probe::Yes(99));
    for end in 1..10 {
        assert_eq!(probe(&hello[..end], &hint()), Probe::More, "{end}");
    }
    let torn = [record(22, &hello[5..6]), record(22, &hello[6..])].concat();
    assert_eq!(probe(&torn, &hint()), Probe::Yes(80), "a hello of which the first record holds one byte");
    assert_eq!(probe(&torn[..8], &hint()), Probe::More);
    assert_eq!(probe(&[&torn[..6], &[1, 2, 3]].concat(), &hint()), Probe::No);
    assert_eq!(probe(&[22, 3, 1, 0x7f, 0xff, 1, 0, 0, 0, 3, 3], &hint()), Probe::No);
    assert_eq!(probe(&[22, 3, 3, 0, 40, 0x5a, 0x77], &hint()), Probe::No);
    assert_eq!(probe(&record(23, &[1; 64]), &hint()), Probe::Yes(60));
    assert_eq!(probe(&[record(23, &[1; 64]), vec![1, 2, 3]].concat(), &hint()), Probe::No);
    // A TPKT head and a Modbus head.
    assert_eq!(probe(&[3, 0, 0, 22, 17, 0xe0], &hint()), Probe::No);
    assert_eq!(probe(&[0, 1, 0, 0, 0, 6, 1, 3, 0, 0, 0, 1], &hint()), Probe::No);
}

#[test]
fn no_prefix_and_no_altered_byte_is_harmful() {
    let bytes = [record(22, &client_hello()), record(22, &server_hello(1)), record(22, &certificates())].concat();
    for at in 0..bytes.len() {
        Bench::new(&PROTOCOL, Carrier::Tcp).client(&bytes[..at]).gap(true, 1).client(&bytes[at..]);
        for value in [0, 0xff, bytes[at] ^ 1] {
            let mut bent = bytes.clone();
            bent[at] = value;
            Bench::new(&PROTOCOL, Carrier::Tcp).server(&bent).client(&bent);
            let _ = probe(&bent[at..], &hint());
        }
    }
}
