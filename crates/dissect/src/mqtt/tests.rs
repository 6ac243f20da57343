//! Conversations whole, cut, mid-stream and broken.

use super::*;
use crate::testing::Bench;
use crate::{Carrier, Hint, Outcome, Probe};

const PINGREQ: &[u8] = &[0xC0, 0];

fn hint(server_port: u16) -> Hint {
    Hint { carrier: Carrier::Tcp, from_client: true, client_port: 40000, server_port, to_group: false }
}

fn string(text: &str) -> Vec<u8> {
    let mut bytes = (text.len() as u16).to_be_bytes().to_vec();
    bytes.extend(text.as_bytes());
    bytes
}

fn framed(first: u8, parts: &[&[u8]]) -> Vec<u8> {
    let body = parts.concat();
    let mut bytes = vec![first];
    let mut left = body.len();
    loop {
        bytes.push((left & 0x7F) as u8 | if left > 0x7F { 0x80 } else { 0 });
        left >>= 7;
        if left == 0 {
            break;
        }
    }
    bytes.extend(body);
    bytes
}

fn connect_v4() -> Vec<u8> {
    let head = [4, 0b1100_0010, 0, 60];
    framed(0x10, &[&string("MQTT"), &head, &string("pump-7"), &string("admin"), &string("admin")])
}

fn connect_v5() -> Vec<u8> {
    let head = [5, 0b0000_0110, 0, 30, 3, 0x21, 0, 10];
    framed(0x10, &[&string("MQTT"), &head, &string("c5"), &[0], &string("last/will"), &string("gone")])
}

fn publish(topic: &str, payload: usize) -> Vec<u8> {
    framed(0x31, &[&string(topic), &vec![0x20; payload]])
}

#[test]
fn a_client_introduces_itself_and_its_password_is_sealed() {
    let lines = Bench::cut_anywhere(&PROTOCOL, &[(true, &connect_v4()), (false, &[0x20, 2, 0, 5])]);
    assert_eq!(lines[0], "mqtt.packet 10.0.0.1>10.0.0.2 packet_type=1");
    assert!(lines[1].starts_with(
        "mqtt.connect 10.0.0.1>10.0.0.2 protocol_name=MQTT version=4 client_id=pump-7 user=admin secret="
    ));
    assert!(lines[1].ends_with("keep_alive=60 default=true clean=true anonymous=false"), "{}", lines[1]);
    assert_eq!(lines[3], "mqtt.connack 10.0.0.2>10.0.0.1 code=5 version=4");
}

#[test]
fn version_5_passes_over_its_properties() {
    let subscribe = framed(0x82, &[&[0, 1, 2, 0x0B, 1], &string("a/#"), &[1], &string("b/+/c"), &[2]]);
    let unsubscribe = framed(0xA2, &[&[0, 2, 0], &string("a/#")]);
    let publish = framed(0x32, &[&string("t"), &[0, 9, 2, 1, 1], b"xyz"]);
    let lines = Bench::cut_anywhere(
        &PROTOCOL,
        &[(true, &connect_v5()), (false, &[0x20, 3, 0, 0x87, 0]), (true, &[subscribe, unsubscribe, publish].concat())],
    );
    assert!(
        lines[1].ends_with("client_id=c5 keep_alive=30 will_topic=last/will clean=true anonymous=true"),
        "{}",
        lines[1]
    );
    assert_eq!(lines[3], "mqtt.connack 10.0.0.2>10.0.0.1 code=135 version=5");
    assert!(lines[5].contains("operation=subscribe object=a/# qos=1"));
    assert!(lines[6].contains("operation=subscribe object=b/+/c qos=2"));
    assert!(lines[8].contains("operation=unsubscribe object=a/# version=5"));
    assert!(lines[10].ends_with("operation=publish object=t qos=1 retain=false size=3"), "{}", lines[10]);
}

#[test]
fn a_payload_is_counted_and_never_kept() {
    let mut bytes = publish("plant/line1", 300);
    bytes.extend(PINGREQ);
    let lines = Bench::cut_anywhere(&PROTOCOL, &[(true, &bytes)]);
    assert_eq!(
        lines,
        [
            "mqtt.packet 10.0.0.1>10.0.0.2 packet_type=3",
            "mqtt.publish 10.0.0.1>10.0.0.2 operation=publish object=plant/line1 qos=0 retain=true size=300",
            "mqtt.packet 10.0.0.1>10.0.0.2 packet_type=12",
        ]
    );
    // Two hundred megabytes, of which a part is lost in the middle.
    let mut bench = Bench::new(&PROTOCOL, Carrier::Tcp);
    bench.client(&[0x30, 0x80, 0x80, 0x80, 0x64, 0, 1, b't']);
    for _ in 0..200 {
        bench.client(&vec![0x55; 1 << 20]);
        if bench.lines().len() > 2 {
            break;
        }
    }
    let left = (100 << 21) - 3 - (200 << 20);
    bench.gap(true, (left - 5) as u64).client(&[0x55; 5]).client(PINGREQ);
    assert_eq!(bench.lines().last().unwrap(), "mqtt.packet 10.0.0.1>10.0.0.2 packet_type=12");
    assert_eq!(bench.lines().len(), 3);
}

#[test]
fn mid_stream_subscriptions_are_read_in_either_version() {
    let fourth = framed(0x82, &[&[0, 1], &string("a/b"), &[1]]);
    let fifth = framed(0x82, &[&[0, 1, 0], &string("a/b"), &[1]]);
    for bytes in [fourth, fifth] {
        let lines = Bench::cut_anywhere(&PROTOCOL, &[(true, &bytes)]);
        assert_eq!(lines[1], "mqtt.subscribe 10.0.0.1>10.0.0.2 operation=subscribe object=a/b qos=1");
    }
}

#[test]
fn what_is_broken_is_named_and_reading_goes_on() {
    let connect = connect_v4();
    let mut endless = connect_v5();
    endless[12] = 0x7F; // Properties longer than the packet.
    for (name, bytes, field) in [
        ("reserved packet type", framed(0x00, &[&[1, 2]]), "packet_type"),
        ("auth before MQTT 5", [connect.clone(), framed(0xF0, &[&[0]])].concat(), "packet_type"),
        ("wrong flags", framed(0x83, &[&[0, 1], &string("a"), &[0]]), "flags"),
        ("reserved qos", framed(0x36, &[&string("a")]), "qos"),
        ("topic longer than its packet", framed(0x30, &[&[0, 9, b'a']]), "topic"),
        ("filter cut", framed(0x82, &[&[0, 1, 0, 9, b'a']]), "topic_filter"),
        ("no filter", framed(0x82, &[&[0, 1]]), "topic_filter"),
        ("no code", framed(0x20, &[&[0]]), "code"),
        ("no packet id", framed(0x40, &[&[0]]), "packet_id"),
        ("ping with a body", framed(0xC0, &[&[0]]), "remaining_length"),
        ("another name", framed(0x10, &[&string("MQTX"), &[4, 2, 0, 1], &string("c")]), "protocol_name"),
        ("another version", framed(0x10, &[&string("MQTT"), &[9, 2, 0, 1], &string("c")]), "version"),
        ("no client id", framed(0x10, &[&string("MQTT"), &[4, 2, 0, 1]]), "client_id"),
        ("excessive property length", endless, "properties"),
        ("trailing bytes", framed(0x10, &[&string("MQTT"), &[4, 2, 0, 1], &string("c"), &[0]]), "length"),
    ] {
        let lines = Bench::cut_anywhere(&PROTOCOL, &[(true, &[&bytes[..], PINGREQ].concat())]);
        let said: Vec<&String> = lines.iter().filter(|line| line.starts_with("mqtt.malformed")).collect();
        assert_eq!(said.len(), 1, "{name} {lines:?}");
        assert!(said[0].contains(&format!("field={field} ")), "{name} {said:?}");
        assert_eq!(lines.last().unwrap(), "mqtt.packet 10.0.0.1>10.0.0.2 packet_type=12", "{name}");
    }
}

#[test]
fn a_remaining_length_of_five_bytes_ends_the_direction_until_a_gap() {
    let bytes = [&[0x10, 0x80, 0x80, 0x80, 0x80, 1][..], PINGREQ].concat();
    let lines = Bench::cut_anywhere(&PROTOCOL, &[(true, &bytes), (false, &[0xD0, 0])]);
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].contains("field=remaining_length"));
    let mut bench = Bench::new(&PROTOCOL, Carrier::Tcp);
    bench.client(&bytes).gap(true, 10).client(PINGREQ);
    assert_eq!(bench.lines().len(), 2);
}

#[test]
fn after_a_gap_only_what_looks_like_a_packet_is_read() {
    let mut bench = Bench::new(&PROTOCOL, Carrier::Tcp);
    bench.client(&connect_v4()).gap(true, 10).client(b"\x00\xFF\xFFrest of a packet").client(&publish("a/b", 3));
    assert_eq!(bench.lines().len(), 4, "{:?}", bench.lines());
    assert!(bench.lines()[3].contains("object=a/b"));
}

#[test]
fn the_first_version_has_a_qos_in_the_header_of_a_subscription() {
    let connect = framed(0x10, &[&string("MQIsdp"), &[3, 2, 0, 1], &string("c")]);
    let subscribe = framed(0x82, &[&[0, 1], &string("a"), &[2]]);
    let lines = Bench::cut_anywhere(&PROTOCOL, &[(true, &[connect, subscribe].concat())]);
    assert_eq!(lines[2], "mqtt.packet 10.0.0.1>10.0.0.2 packet_type=8 qos=1");
    assert_eq!(lines[3], "mqtt.subscribe 10.0.0.1>10.0.0.2 operation=subscribe object=a qos=2 version=3");
}

#[test]
fn a_large_packet_that_is_no_publication_is_said_and_passed_over() {
    let large = framed(0x82, &[&vec![0; 70_000]]);
    let mut bench = Bench::new(&PROTOCOL, Carrier::Tcp);
    bench.client(&large).client(PINGREQ);
    assert!(bench.lines()[1].contains("field=remaining_length"));
    assert_eq!(bench.lines().len(), 3);
    assert_eq!(bench.outcome, Outcome::Open);
}

#[test]
fn prefixes_and_single_bit_flips_never_panic() {
    let whole = [connect_v5(), publish("t/u", 5), framed(0x82, &[&[0, 1, 0], &string("a"), &[1]])].concat();
    for end in 0..=whole.len() {
        Bench::new(&PROTOCOL, Carrier::Tcp).client(&whole[..end]).gap(true, 1).client(&whole[..end]);
        probe::probe(&whole[..end], &hint(1883));
    }
    for bit in 0..whole.len() * 8 {
        let mut flipped = whole.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        Bench::new(&PROTOCOL, Carrier::Tcp).client(&flipped).gap(true, 1).client(&flipped);
        probe::probe(&flipped, &hint(40));
    }
}

#[test]
fn the_probe_takes_mqtt_on_any_port_and_mid_stream() {
    assert_eq!(probe::probe(&connect_v4(), &hint(8000)), Probe::Yes(99));
    for end in 0..8 {
        assert_eq!(probe::probe(&connect_v4()[..end], &hint(8000)), Probe::More, "{end}");
    }
    assert_eq!(
        probe::probe(&framed(0x10, &[&string("MQIsdp"), &[3, 2, 0, 1], &string("c")]), &hint(1)),
        Probe::Yes(99)
    );
    for bytes in [&[0x20, 2, 0, 0][..], &[0x20, 3, 0, 0, 0], PINGREQ, &[0xD0, 0], &[0x40, 2, 0, 1], &[0x90, 3, 0, 1, 0]]
    {
        assert_eq!(probe::probe(bytes, &hint(1883)), Probe::Yes(60), "{bytes:?}");
        assert_eq!(probe::probe(bytes, &hint(8000)), Probe::No, "{bytes:?}");
    }
    assert_eq!(probe::probe(&publish("a/b", 400)[..20], &hint(1883)), Probe::Yes(75));
    assert_eq!(probe::probe(&publish("a/b", 4), &hint(8000)), Probe::Yes(55));
}

#[test]
fn the_probe_leaves_others_alone_even_on_the_port() {
    for bytes in [
        &b"GET / HTTP/1.1\r\n\r\n"[..],
        b"\x16\x03\x01\x00\xc8\x01\x00\x00\xc4\x03\x03",
        b"SSH-2.0-x\r\n",
        b"\x00\x01\x00\x00\x00\x06\x01\x03\x00\x00\x00\x01",
        b"0123456789abcdefghijklmnopqrstuvwxyz",
        b"\x30\x26\x02\x01\x01\x04\x06public\xa0\x19\x02\x04\x01\x02\x03\x04",
        b"\x10\xff\xff\xff\xff\x01",
        b"\x10\x0c\x00\x04MQTX\x04\x02\x00\x3c\x00\x00",
    ] {
        for port in [1883, 8000] {
            assert!(!matches!(probe::probe(bytes, &hint(port)), Probe::Yes(_)), "{bytes:?}");
        }
    }
}
