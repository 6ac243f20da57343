//! Messages of all versions, whole, broken and cut.

use super::*;
use crate::testing::Bench;
use crate::Carrier;

fn hint(server_port: u16) -> Hint {
    Hint { carrier: Carrier::Udp, from_client: true, client_port: 40000, server_port, to_group: false }
}

/// An element: tag, length in the form it needs, content.
fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let mut bytes = vec![tag];
    match content.len() {
        short @ 0..=0x7F => bytes.push(short as u8),
        long => bytes.extend([0x82, (long >> 8) as u8, long as u8]),
    }
    bytes.extend(content);
    bytes
}

const SYS_DESCR: &[u8] = &[0x06, 8, 0x2B, 6, 1, 2, 1, 1, 1, 0];
const SYS_OBJECT_ID: &[u8] = &[0x06, 8, 0x2B, 6, 1, 2, 1, 1, 2, 0];
const UPTIME: &[u8] = &[0x06, 8, 0x2B, 6, 1, 2, 1, 1, 3, 0];
const NULL: &[u8] = &[5, 0];

fn pdu(kind: u8, status: u8, bindings: &[Vec<u8>]) -> Vec<u8> {
    tlv(0xA0 | kind, &[&[2, 1, 77], &[2, 1, status], &[2, 1, 0], &tlv(0x30, &[&bindings.concat()])])
}

fn bind(name: &[u8], value: &[u8]) -> Vec<u8> {
    tlv(0x30, &[name, value])
}

fn community(version: u8, pdu: &[u8]) -> Vec<u8> {
    tlv(0x30, &[&[2, 1, version], &tlv(4, &[b"public"]), pdu])
}

fn third(flags: u8, data: &[u8]) -> Vec<u8> {
    let header = tlv(0x30, &[&[2, 1, 9], &[2, 2, 5, 0xDC], &[4, 1, flags], &[2, 1, 3]]);
    let usm = tlv(
        0x30,
        &[&tlv(4, &[&[0x80, 0, 0x1F, 0x88]]), &[2, 1, 1], &[2, 1, 2], &tlv(4, &[b"operator"]), &[4, 0], &[4, 0]],
    );
    tlv(0x30, &[&[2, 1, 3], &header, &tlv(4, &[&usm]), data])
}

fn server(bytes: &[u8]) -> Vec<String> {
    let mut bench = Bench::new(&PROTOCOL, Carrier::Udp);
    bench.server(bytes);
    bench.lines().to_vec()
}

#[test]
fn a_get_names_what_it_asks_and_seals_the_community() {
    let mut bench = Bench::new(&PROTOCOL, Carrier::Udp);
    bench.client(&community(1, &pdu(0, 0, &[bind(UPTIME, NULL)])));
    let line = &bench.lines()[0];
    assert!(line.starts_with("snmp.message 10.0.0.1>10.0.0.2 operation=get version=1 community="), "{line}");
    assert!(line.ends_with("default=true error_status=0 pdu_type=0 request_id=77"), "{line}");
    assert!(!line.contains("public"));
    assert_eq!(bench.lines()[1], "snmp.name 10.0.0.1>10.0.0.2 oid=1.3.6.1.2.1.1.3.0");
}

#[test]
fn a_response_describes_the_agent() {
    let entity = |column: u8, text: &[u8]| {
        bind(&[&[0x06, 12, 0x2B, 6, 1, 2, 1, 47, 1, 1, 1, 1, column, 1][..]].concat(), &tlv(4, &[text]))
    };
    let lines = server(&community(
        0,
        &pdu(
            2,
            0,
            &[
                bind(SYS_DESCR, &tlv(4, &[b"Switch X"])),
                bind(SYS_OBJECT_ID, &[0x06, 6, 0x2B, 6, 1, 4, 1, 9]),
                bind(UPTIME, &[0x43, 1, 100]),
                entity(11, b"SN1"),
                entity(13, b"M2"),
            ],
        ),
    ));
    assert_eq!(lines[1], "snmp.variable 10.0.0.2 oid=1.3.6.1.2.1.1.1.0 value_type=octet_string text=5377697463682058");
    assert!(lines[2].ends_with("value_type=object_identifier value_oid=1.3.6.1.4.1.9"));
    assert!(lines[3].ends_with("value_type=time_ticks number=100"));
    assert_eq!(lines[4], "snmp.variable 10.0.0.2 oid=1.3.6.1.2.1.47.1.1.1.1.11.1 value_type=octet_string text=534e31");
    assert!(lines.contains(&"snmp.system 10.0.0.2 sys_descr=Switch X sys_object_id=1.3.6.1.4.1.9".to_string()));
    assert!(lines.contains(&"snmp.system 10.0.0.2 serial=SN1 model=M2 entity=1".to_string()), "{lines:?}");
}

#[test]
fn a_set_tells_its_object_and_is_about_the_agent() {
    let mut bench = Bench::new(&PROTOCOL, Carrier::Udp);
    bench.client(&community(1, &pdu(3, 0, &[bind(SYS_DESCR, &tlv(4, &[b"x"]))])));
    assert!(
        bench.lines()[0].ends_with("object=1.3.6.1.2.1.1.1.0") || bench.lines()[0].contains("object=1.3.6.1.2.1.1.1.0")
    );
    assert!(bench.lines()[1].starts_with("snmp.variable 10.0.0.2 "), "{:?}", bench.lines());
    assert_eq!(bench.lines().len(), 2);
}

#[test]
fn get_bulk_has_no_error_status() {
    let lines = server(&community(1, &pdu(5, 10, &[bind(UPTIME, NULL)])));
    assert!(lines[0].contains("operation=get_bulk") && !lines[0].contains("error_status"), "{}", lines[0]);
}

#[test]
fn a_first_version_trap_tells_enterprise_and_agent() {
    let trap = tlv(
        0xA4,
        &[
            &[0x06, 6, 0x2B, 6, 1, 4, 1, 9],
            &[0x40, 4, 10, 0, 0, 9],
            &[2, 1, 6],
            &[2, 1, 42],
            &[0x43, 1, 5],
            &tlv(0x30, &[&bind(UPTIME, &[0x43, 1, 5])]),
        ],
    );
    // The tag in the long form means the same.
    let long = [&[0xBF, 4], &trap[1..]].concat();
    assert_eq!(server(&community(0, &long)), server(&community(0, &trap)));
    let lines = server(&community(0, &trap));
    assert!(lines[0].contains("operation=trap_v1") && lines[0].contains("enterprise=1.3.6.1.4.1.9"), "{}", lines[0]);
    assert!(lines[0].contains("agent_address=10.0.0.9 generic_trap=6 specific_trap=42"), "{}", lines[0]);
    assert_eq!(lines.len(), 2);
}

#[test]
fn version_3_tells_user_and_engine_even_where_it_is_encrypted() {
    let lines = server(&third(3, &tlv(4, &[&[1, 2, 3, 4]])));
    assert_eq!(
        lines,
        ["snmp.message 10.0.0.2>10.0.0.1 operation=encrypted version=3 user=operator engine_id=80001f88 \
          security_level=authPriv"]
    );
    let scoped = tlv(0x30, &[&[4, 0], &[4, 0], &pdu(8, 0, &[bind(UPTIME, &[0x41, 1, 5])])]);
    let lines = server(&third(0, &scoped));
    assert!(lines[0].contains("operation=report version=3 user=operator"), "{}", lines[0]);
    assert!(lines[1].contains("value_type=counter32 number=5"));
}

#[test]
fn what_is_broken_is_named_and_the_rest_is_told() {
    let good = bind(UPTIME, NULL);
    for (name, bytes, field, first) in [
        ("no pdu", community(0, &[]), "pdu", "snmp.message"),
        ("unknown pdu", community(0, &[0xA9, 0]), "pdu", "snmp.message"),
        ("unknown version", community(2, &[]), "version", "snmp.message"),
        ("no request id", community(0, &[0xA0, 2, 4, 0]), "request_id", "snmp.message"),
        ("oid cut", community(0, &pdu(0, 0, &[bind(&[6, 2, 0x2B, 0x81], NULL), good.clone()])), "name", "snmp.message"),
        ("no value", community(0, &pdu(0, 0, &[good.clone(), tlv(0x30, &[UPTIME])])), "value", "snmp.message"),
        ("binding of another type", community(0, &pdu(0, 0, &[vec![4, 0]])), "binding", "snmp.message"),
        (
            "trailing bytes",
            [community(0, &pdu(0, 0, std::slice::from_ref(&good))), vec![0]].concat(),
            "message",
            "snmp.message",
        ),
        ("length of nine octets", vec![0x30, 0x89, 1, 1, 1, 1, 1, 1, 1, 1, 1], "message", "snmp.malformed"),
        ("not a sequence", vec![0x31, 0], "message", "snmp.malformed"),
    ] {
        let lines = server(&bytes);
        assert!(lines[0].starts_with(first), "{name} {lines:?}");
        let last = lines.last().unwrap();
        assert!(last.starts_with("snmp.malformed") && last.contains(&format!("field={field} ")), "{name} {lines:?}");
    }
}

#[test]
fn a_datagram_longer_than_its_capture_tells_what_is_there() {
    let whole = community(1, &pdu(2, 0, &[bind(UPTIME, &[0x43, 1, 5]), bind(SYS_DESCR, &tlv(4, &[&[b'x'; 90]]))]));
    let lines = server(&whole[..whole.len() - 40]);
    assert!(lines[1].contains("number=5"), "{lines:?}");
    assert!(lines.last().unwrap().starts_with("snmp.malformed"));
}

#[test]
fn prefixes_and_single_bit_flips_never_panic() {
    let scoped = tlv(0x30, &[&[4, 0], &[4, 0], &pdu(8, 0, &[bind(UPTIME, &[0x41, 1, 5])])]);
    for whole in [third(0, &scoped), community(0, &pdu(2, 0, &[bind(SYS_DESCR, &tlv(4, &[b"abc"]))]))] {
        for end in 0..=whole.len() {
            server(&whole[..end]);
            probe(&whole[..end], &hint(161));
        }
        for bit in 0..whole.len() * 8 {
            let mut flipped = whole.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            server(&flipped);
            probe(&flipped, &hint(9));
        }
    }
}

#[test]
fn the_probe_takes_snmp_on_any_port_and_leaves_others_alone() {
    for bytes in [community(1, &pdu(0, 0, &[])), third(0, &[4, 0]), community(0, &[0xA4, 0])] {
        assert_eq!(probe(&bytes, &hint(161)), Probe::Yes(97));
        assert_eq!(probe(&bytes, &hint(9)), Probe::Yes(85));
    }
    for bytes in [
        &b""[..],
        b"\x30",
        b"\x30\x00",
        b"0123456789",
        b"\x30\x84\x00\x00\x00\x2d\x02\x01\x01\x63\x84\x00\x00\x00\x24\x04\x00", // LDAP over UDP
        b"\x30\x0c\x02\x01\x07\x04\x06public\xa0",
    ] {
        for port in [161, 9] {
            assert_eq!(probe(bytes, &hint(port)), Probe::No, "{bytes:?}");
        }
    }
}
