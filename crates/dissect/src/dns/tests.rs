use super::*;
use crate::testing::Bench;
use crate::{Carrier, Hint, Probe};

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.chars().filter_map(|c| c.to_digit(16)).map(|digit| digit as u8).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

macro_rules! vector {
    ($name:literal) => {
        bytes(include_str!(concat!("../../../../vectors/", $name, "/input.hex")))
    };
}

fn name(text: &str) -> Vec<u8> {
    let mut out: Vec<u8> = text.split('.').flat_map(|l| [&[l.len() as u8], l.as_bytes()].concat()).collect();
    out.push(0);
    out
}

fn question(flags: u16, text: &str, qtype: u16, class: u16) -> Vec<u8> {
    let mut out = [0x12_34, flags, 1, 0, 0, 0].map(u16::to_be_bytes).concat();
    out.extend(name(text));
    out.extend([qtype, class].map(u16::to_be_bytes).concat());
    out
}

fn framed(message: &[u8]) -> Vec<u8> {
    [&(message.len() as u16).to_be_bytes(), message].concat()
}

fn hint(carrier: Carrier, client_port: u16, server_port: u16, to_group: bool) -> Hint {
    Hint { carrier, from_client: true, client_port, server_port, to_group }
}

fn server_says(message: &[u8]) -> Vec<String> {
    let mut bench = Bench::new(&PROTOCOL, Carrier::Udp);
    bench.server(message);
    bench.lines().to_vec()
}

#[test]
fn a_query_has_its_name_as_key_and_as_sent() {
    let mut bench = Bench::new(&PROTOCOL, Carrier::Udp);
    bench.client(&question(0x0100, "WwW.Example", 28, 1)).client(&question(0x2800, "a", 6, 1));
    assert_eq!(
        bench.lines(),
        [
            "dns.query 10.0.0.1>10.0.0.2 operation=query object=www.example record_type=28 name=WwW.Example",
            "dns.query 10.0.0.1>10.0.0.2 operation=update object=a record_type=6 name=a",
        ]
    );
}

#[test]
fn a_response_gives_status_and_records() {
    assert_eq!(
        server_says(&vector!("dns/response")),
        [
            "dns.response 10.0.0.2 status=0 question=wwW.eXample question_type=1",
            "dns.answer 10.0.0.1 name=www.example record_type=5 target=cn1.example target_sent=CN1.eXample ttl=300",
            "dns.answer 10.0.0.1 name=cn1.example record_type=1 ip=10.0.0.5 ttl=60",
        ]
    );
}

#[test]
fn a_response_without_question_has_a_status() {
    assert_eq!(server_says(&bytes("1234 8185 0000 0000 0000 0000")), ["dns.response 10.0.0.2 status=5"]);
}

#[test]
fn a_compression_loop_is_malformed_and_ends() {
    let lines = server_says(&vector!("dns/compression_loop"));
    assert_eq!(
        lines[1..],
        [
            "dns.answer 10.0.0.1 record_type=1 ip=10.0.0.5 ttl=60",
            "dns.malformed 10.0.0.2>10.0.0.1 field=answer reason=owner name not readable",
        ]
    );
}

#[test]
fn many_names_on_one_chain_of_pointers_end_soon() {
    let mut message = [1, 0x8180, 2000, 0, 0, 0].map(u16::to_be_bytes).concat();
    message.extend(bytes("00 0001 0001"));
    for _ in 0..2000 {
        let before = 0xc000 | (message.len() as u16 - 5).min(0x3fff);
        message.extend([before, 1, 1].map(u16::to_be_bytes).concat());
    }
    assert!(!server_says(&message).is_empty());
}

/// What `domain` makes of the owners and types of a message, where it reads all of it.
fn as_domain_reads(message: &[u8]) -> Option<Vec<(String, u16)>> {
    let message = domain::base::Message::from_slice(message).ok()?;
    let mut rows = Vec::new();
    for record in message.iter() {
        let (record, _) = record.ok()?;
        let labels: Vec<_> =
            record.owner().iter().map(|l| String::from_utf8_lossy(l.as_slice()).to_ascii_lowercase()).collect();
        rows.push((labels.join(".").trim_end_matches('.').to_owned(), record.rtype().to_int()));
    }
    Some(rows)
}

#[test]
fn another_reader_finds_the_same_records() {
    let mut compared = 0;
    for vector in [vector!("dns/response"), vector!("mdns/service_announced"), vector!("dns/address_of_five_bytes")] {
        for at in 2..vector.len() {
            for change in [0, 1, 2, 4, 0x20, 0x80, 0xff] {
                let mut changed = vector.clone();
                changed[at] ^= change;
                changed[2] |= 0x80;
                let Some(rows) = as_domain_reads(&changed) else { continue };
                let prints = |name: &str| name.bytes().all(|b| b == b'.' || b.is_ascii_alphanumeric() || b == b'-');
                if rows.iter().any(|(name, _)| name.is_empty() || !prints(name)) {
                    continue;
                }
                let ours: Vec<String> =
                    server_says(&changed).into_iter().filter(|line| line.starts_with("dns.answer")).collect();
                let expected: Vec<_> = rows.iter().filter(|(_, rtype)| *rtype != 41).collect();
                assert_eq!(ours.len(), expected.len(), "{ours:?} {rows:?}");
                for (line, (name, rtype)) in ours.iter().zip(expected) {
                    assert!(line.contains(&format!("name={name} record_type={rtype} ")), "{line} {name} {rtype}");
                }
                compared += 1;
            }
        }
    }
    assert!(compared > 300, "{compared}");
}

#[test]
fn records_before_and_after_a_fault_are_told() {
    let lines = server_says(&vector!("dns/record_length_over_end"));
    assert!(lines[1].contains("ip=10.0.0.5"), "{lines:?}");
    assert!(lines[2].starts_with("dns.malformed") && lines.len() == 3, "{lines:?}");
    let lines = server_says(&vector!("dns/address_of_five_bytes"));
    assert!(lines[2].ends_with("name=www.example record_type=1 ttl=60"), "{lines:?}");
    assert!(lines[3].ends_with("field=answer reason=record data not readable"), "{lines:?}");
    assert!(lines[4].contains("ip=10.0.0.7"), "{lines:?}");
}

#[test]
fn names_that_do_not_print_are_escaped_in_keys() {
    let mut message = question(0x0100, "a", 1, 1);
    message.splice(12..15, *b"\x04a.\x01\xff\x00");
    let mut bench = Bench::new(&PROTOCOL, Carrier::Udp);
    bench.client(&message).client(&bytes("1234 0100 0001 0000 0000 0000 00 0002 0001"));
    assert!(bench.lines()[0].contains("object=a\\.\\001\\255 "), "{:?}", bench.lines());
    assert!(bench.lines()[1].contains("object=. record_type=2 name=."), "{:?}", bench.lines());
}

#[test]
fn cutting_a_stream_anywhere_changes_nothing() {
    let query = [framed(&question(0x0100, "www.example", 1, 1)), framed(&question(0x0100, "b", 28, 1))].concat();
    let answer = framed(&vector!("dns/response"));
    let lines = Bench::cut_anywhere(&PROTOCOL, &[(true, &query), (false, &answer)]);
    assert_eq!(lines.len(), 5, "{lines:?}");
}

#[test]
fn after_a_gap_a_whole_message_is_found_again() {
    let query = framed(&question(0x0100, "www.example", 1, 1));
    let mut bench = Bench::new(&PROTOCOL, Carrier::Tcp);
    bench.client(&query[..20]).gap(true, 100).client(&[0x55; 60]).client(&query);
    assert_eq!(bench.lines().len(), 1, "{:?}", bench.lines());
    assert!(bench.lines()[0].starts_with("dns.query"));
}

#[test]
fn every_prefix_and_every_changed_byte_is_harmless() {
    for vector in [vector!("dns/response"), vector!("mdns/service_announced"), vector!("dns/compression_loop")] {
        for end in 0..vector.len() {
            for (protocol, carrier) in [(&PROTOCOL, Carrier::Udp), (&PROTOCOL, Carrier::Tcp), (&MDNS, Carrier::Udp)] {
                Bench::new(protocol, carrier).server(&vector[..end]);
                let mut changed = vector.clone();
                changed[end] ^= 0xc1;
                Bench::new(protocol, carrier).server(&changed).client(&framed(&changed));
            }
        }
    }
}

#[test]
fn a_short_header_is_malformed() {
    assert!(server_says(&[0; 11])[0].ends_with("field=header reason=shorter than 12 bytes"));
}

#[test]
fn a_service_announced_by_multicast_is_told_as_sent() {
    let mut bench = Bench::new(&MDNS, Carrier::Udp);
    bench.client(&vector!("mdns/service_announced"));
    assert_eq!(
        bench.lines(),
        [
            "mdns.answer 10.0.0.1 name=_hap._tcp.local record_type=12 target=Bridge v1.2._HAP._tcp.local question=false \
             ttl=4500",
            "mdns.answer 10.0.0.1 name=Bridge v1.2._hap._tcp.local record_type=33 target=Bridge-1.local port=8080 \
             question=false ttl=120",
            "mdns.answer 10.0.0.1 name=Bridge v1.2._hap._tcp.local record_type=16 texts=md=B texts=sf=1 question=false \
             ttl=4500",
            "mdns.answer 10.0.0.1 name=Bridge-1.local record_type=1 ip=10.0.0.9 question=false ttl=120",
        ]
    );
}

#[test]
fn a_known_answer_is_no_announcement() {
    let mut message = question(0, "_hap._tcp.local", 12, 0x8001);
    message[7] = 1;
    message.extend(bytes("c00c 000c 0001 00001194 0004 0158 c00c"));
    let mut bench = Bench::new(&MDNS, Carrier::Udp);
    bench.client(&message);
    assert!(bench.lines()[0].ends_with("record_type=12 repeated=false sent=_hap._tcp.local"), "{:?}", bench.lines());
    assert!(bench.lines()[1].contains("target=X._hap._tcp.local question=true"), "{:?}", bench.lines());
}

#[test]
fn dns_is_claimed_on_any_port_by_content() {
    let query = question(0x0100, "www.example", 1, 1);
    for port in [53, 54, 40_001] {
        assert!(matches!((PROTOCOL.probe)(&query, &hint(Carrier::Udp, 40_000, port, false)), Probe::Yes(_)), "{port}");
        let stream = framed(&query);
        assert!(matches!((PROTOCOL.probe)(&stream, &hint(Carrier::Tcp, 40_000, port, false)), Probe::Yes(_)), "{port}");
        assert_eq!((PROTOCOL.probe)(&stream[..6], &hint(Carrier::Tcp, 40_000, port, false)), Probe::More);
    }
    let response = vector!("dns/response");
    assert!(matches!((PROTOCOL.probe)(&response, &hint(Carrier::Udp, 40_000, 5300, false)), Probe::Yes(_)));
    let cut = hint(Carrier::Udp, 40_000, 53, false);
    assert!(matches!((PROTOCOL.probe)(&query[..18], &cut), Probe::Yes(_)), "cut short by the capture");
}

#[test]
fn multicast_and_unicast_are_told_apart_by_port() {
    let query = question(0, "_hap._tcp.local", 12, 1);
    let multicast = hint(Carrier::Udp, 5353, 5353, true);
    assert!(matches!((MDNS.probe)(&query, &multicast), Probe::Yes(_)));
    assert_eq!((PROTOCOL.probe)(&query, &multicast), Probe::No);
    let unicast = hint(Carrier::Udp, 5353, 53, false);
    assert_eq!((MDNS.probe)(&query, &unicast), Probe::No);
    assert!(matches!((PROTOCOL.probe)(&query, &unicast), Probe::Yes(_)));
}

#[test]
fn port_53_excuses_a_broadcast_and_the_reserved_bit() {
    for (query, to_group) in [(question(0x0100, "plc.local.net", 1, 1), true), (question(0x0360, "a.b", 44, 1), false)]
    {
        assert!(matches!((PROTOCOL.probe)(&query, &hint(Carrier::Udp, 40_000, 53, to_group)), Probe::Yes(_)));
        assert_eq!((PROTOCOL.probe)(&query, &hint(Carrier::Udp, 40_000, 5300, to_group)), Probe::No);
        assert_eq!((MDNS.probe)(&query, &hint(Carrier::Udp, 40_000, 53, to_group)), Probe::No);
    }
}

#[test]
fn what_only_looks_like_dns_is_left_alone() {
    let any = hint(Carrier::Udp, 40_000, 9999, false);
    let query = question(0x0100, "www.example", 1, 1);
    assert_eq!((PROTOCOL.probe)(&query, &hint(Carrier::Udp, 40_000, 5355, false)), Probe::No, "LLMNR");
    assert_eq!((MDNS.probe)(&query, &hint(Carrier::Udp, 40_000, 5355, true)), Probe::No, "LLMNR");
    let netbios = question(0x0110, "EKEDEFEIEDEPFCFEEGFCEEFGEJFDCACA", 32, 1);
    assert_eq!((PROTOCOL.probe)(&netbios, &any), Probe::No, "NetBIOS");
    let mut longer = query.clone();
    longer.push(0);
    assert_eq!((PROTOCOL.probe)(&longer, &any), Probe::No, "bytes after the end");
    let hello = bytes("16030100c8010000c40303 00000000000000000000000000000000");
    for port in [53, 9999] {
        assert_eq!((PROTOCOL.probe)(&hello, &hint(Carrier::Tcp, 40_000, port, false)), Probe::No, "TLS on {port}");
    }
    let mut random = 1_u32;
    for length in 0..2000_usize {
        let noise: Vec<u8> = (0..length % 300)
            .map(|_| {
                random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (random >> 24) as u8
            })
            .collect();
        assert_eq!((PROTOCOL.probe)(&noise, &any), Probe::No);
        assert_eq!((MDNS.probe)(&noise, &hint(Carrier::Udp, 9999, 9999, true)), Probe::No);
    }
}
