//! EtherNet/IP and CIP against their vectors, cut anywhere, and against what only looks like them.

use super::PROTOCOL;
use crate::testing::Bench;
use crate::{Carrier, Hint, Probe};

macro_rules! vector {
    ($name:literal) => {
        turns(include_str!(concat!("../../../../vectors/", $name, "/input.hex")))
    };
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

fn turns(text: &str) -> Vec<(bool, Vec<u8>)> {
    text.lines().map(|line| line.split_once(' ').unwrap()).map(|(who, hex)| (who == "client", bytes(hex))).collect()
}

fn play(turns: &[(bool, Vec<u8>)]) -> Vec<String> {
    let borrowed: Vec<(bool, &[u8])> = turns.iter().map(|(who, bytes)| (*who, bytes.as_slice())).collect();
    Bench::cut_anywhere(&PROTOCOL, &borrowed)
}

fn has(lines: &[String], wanted: &[&str]) -> bool {
    lines.iter().any(|line| wanted.iter().all(|part| line.contains(part)))
}

fn count(lines: &[String], start: &str) -> usize {
    lines.iter().filter(|line| line.starts_with(start)).count()
}

/// A CIP message as unconnected data.
fn unconnected(from_client: bool, cip: &str) -> (bool, Vec<u8>) {
    let cip = bytes(cip);
    let mut all = vec![0x6f, 0];
    all.extend((cip.len() as u16 + 16).to_le_bytes());
    all.extend([1, 0, 0, 0, 0, 0, 0, 0, 9, 9, 9, 9, 9, 9, 9, 9, 0, 0, 0, 0]);
    all.extend([0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0xb2, 0]);
    all.extend((cip.len() as u16).to_le_bytes());
    all.extend(cip);
    (from_client, all)
}

fn ask(cip: &str) -> Vec<String> {
    play(&[unconnected(true, cip)])
}

fn probe(data: &[u8], carrier: Carrier) -> Probe {
    let hint = Hint { carrier, from_client: true, client_port: 4, server_port: 44818, to_group: false };
    (PROTOCOL.probe)(data, &hint)
}

#[test]
fn list_identity_tells_who_the_device_is() {
    let lines = play(&vector!("enip/list_identity"));
    assert!(has(&lines, &["enip.identity", "vendor_id=1 device_type=12 product_code=58 revision=4.3 status=48"]));
    assert!(has(&lines, &["product_name=1756-ENBT/A state=3 ip="]));
    let mut bench = Bench::new(&PROTOCOL, Carrier::Udp);
    for (from_client, datagram) in vector!("enip/list_identity") {
        assert!(matches!(probe(&datagram, Carrier::Udp), Probe::Yes(_)));
        match from_client {
            true => bench.client(&datagram),
            false => bench.server(&datagram),
        };
    }
    assert_eq!(bench.lines(), lines);
}

#[test]
fn the_identity_of_a_module_is_told_with_the_way_to_it() {
    let lines = play(&vector!("cip/identity_behind_route"));
    assert!(has(&lines, &["cip.request", "operation=unconnected_send service=82 class=6"]));
    assert!(has(&lines, &["cip.request", "operation=get_attribute_all", "object=Identity/1 path=1.0"]));
    assert!(has(&lines, &["cip.identity 10.0.0.2", "vendor_id=1 device_type=14 product_code=54", "path=1.0"]));
    assert!(has(&lines, &["cip.connection 10.0.0.1", "service=forward_open originator_vendor=77"]));
    assert!(has(&lines, &["cip.connection 10.0.0.2", "service=forward_open", "reply=1"]));
}

#[test]
fn connected_data_is_known_by_its_connection() {
    let mut turns = vector!("cip/identity_behind_route");
    let asks = "70001e00000102110000000000000000000000000000000000000000 0000 0200 a1000400 010d7900 b1000a00 0100 0602208e2401 0000";
    turns.push((true, bytes(asks)));
    let lines = play(&turns);
    assert!(
        has(&lines, &["operation=start", "object=Mode/1 path=1.0", "connection_class=2 connection_instance=1"]),
        "{lines:#?}"
    );
}

#[test]
fn stop_and_start_are_called_so() {
    let lines = play(&vector!("cip/stop_and_start"));
    assert!(has(&lines, &["operation=stop service=7 class=142 instance=1 object=Mode/1"]));
    assert!(has(&lines, &["operation=start service=6 class=142 instance=1 object=Mode/1"]));
}

#[test]
fn a_multiple_service_packet_is_read_through_and_answered_in_order() {
    let lines = play(&vector!("cip/multiple_service_packet"));
    assert_eq!(count(&lines, "cip.request"), 12);
    assert_eq!(count(&lines, "cip.response"), 12);
    assert!(has(&lines, &["cip.response", "operation=get_attribute_list status=0", "class=115"]));
}

#[test]
fn pccc_addresses_and_modes_are_told() {
    let lines = play(&vector!("cip/pccc"));
    assert!(has(&lines, &["cip.pccc", "operation=protected_typed_logical_read command=15 function=162 object=N7:0"]));
    assert!(has(&lines, &["cip.pccc", "operation=change_mode command=15 function=128 object=run"]));
    assert!(has(&lines, &["cip.pccc 10.0.0.1>10.0.0.2", "operation=change_mode", "status=16"]));
}

#[test]
fn a_written_tag_is_named_and_its_value_is_not_kept() {
    let lines = play(&vector!("cip/write_tag"));
    assert!(has(&lines, &["cip.request", "operation=write_tag service=77 symbol=Motor[3] object=Motor[3]"]));
    assert!(has(&lines, &["cip.response", "operation=write_tag status=0", "symbol=Motor[3]"]));
}

#[test]
fn resets_and_programming_are_told() {
    assert!(has(&ask("05 02 2001 2401 00"), &["operation=reset service=5", "object=Identity/1"]));
    assert!(has(&ask("05 02 2001 2401 01"), &["operation=factory_reset"]));
    assert!(has(&ask("04 02 208b 2401 0100 0600 00"), &["operation=set_clock", "object=Wall Clock Time/1"]));
    assert!(has(&ask("4c 04 208e 2401 2074 2401"), &["operation=unlock_controller"]));
    assert!(has(&ask("4c 02 2037 2401"), &["operation=initiate_download", "object=File/1"]));
    assert!(has(&ask("10 03 20f5 2401 3005 00"), &["operation=set_attribute_single", "object=TCP/IP Interface/1/5"]));
    assert!(has(
        &ask("4b 02 2067 2401 07 0100 78563412 0f 00 0100 50"),
        &["cip.pccc", "operation=download_all_request"]
    ));
}

#[test]
fn single_attributes_of_identity_are_told() {
    let lines = play(&[unconnected(true, "0e 03 2001 2401 3007"), unconnected(false, "8e 00 00 00 04 50 4c 43 35")]);
    assert!(has(&lines, &["cip.identity 10.0.0.2 product_name=PLC5"]));
}

#[test]
fn attributes_of_standard_objects_are_walked_through() {
    // TCP/IP Interface: status, capability, control, the path to its link, addresses, host name.
    let values =
        "01000000 14000000 00000000 0200 20f6 2401 1400000a 00ffffff 0100000a 00000000 00000000 0000 0400 706c6331";
    let lines = play(&[unconnected(true, "01 02 20f5 2401"), unconnected(false, &format!("81 00 00 00 {values}"))]);
    let wanted: Vec<String> = (1..=6).map(|number| format!("attributes={number}")).collect();
    assert!(has(&lines, &["cip.response", &wanted.join(" ")]), "{lines:?}");
    assert!(has(&lines, &["cip.response", "classes=245 classes=246 instances=1 instances=1"]), "{lines:?}");
    let lines = ask("04 02 20f5 2401 0300 0300 00000000 0600 0400 706c6331 6300 01");
    assert!(has(&lines, &["attributes=3 attributes=6 attributes=99"]), "{lines:?}");
    assert!(!has(&lines, &["plc1"]));
}

#[test]
fn identity_is_told_though_one_attribute_of_a_list_is_refused() {
    let answer = "83 00 0a 00 0200 0100 0000 4d00 6300 1400";
    let lines = play(&[unconnected(true, "03 02 2001 2401 0200 0100 6300"), unconnected(false, answer)]);
    assert!(has(&lines, &["cip.identity 10.0.0.2 vendor_id=77"]), "{lines:?}");
    assert!(has(&lines, &["cip.response", "attributes=1 attributes=99"]), "{lines:?}");
}

#[test]
fn the_names_of_a_tag_are_told_one_by_one_in_the_answer_too() {
    let tag = "9103 414243 00 9102 4445 2803";
    let lines =
        play(&[unconnected(true, &format!("4c 06 {tag} 0100")), unconnected(false, "cc 00 00 00 c400 01000000")]);
    for kind in ["cip.request", "cip.response"] {
        assert!(has(&lines, &[kind, "symbol=ABC.DE[3]", "symbols=ABC symbols=DE"]), "{lines:?}");
    }
}

#[test]
fn an_answer_without_its_request_is_still_told() {
    let lines = play(&[unconnected(false, "cc 00 05 01 1234")]);
    assert!(has(&lines, &["cip.response 10.0.0.2>10.0.0.1 service=76", "status=5 extended_status=13330"]), "{lines:?}");
}

#[test]
fn faults_are_said() {
    assert!(has(&play(&vector!("enip/items_cut_short")), &["enip.malformed", "field=items"]));
    assert!(has(&play(&vector!("enip/header_with_options")), &["enip.malformed", "field=header"]));
    assert!(has(&play(&vector!("cip/offset_outside_packet")), &["enip.malformed", "field=offsets"]));
    assert!(has(&play(&vector!("cip/path_cut_short")), &["enip.malformed", "field=path"]));
}

#[test]
fn packets_inside_packets_end() {
    // A multiple service packet whose only part is itself, as deep as the packet lets it.
    let mut cip = String::from("0e 03 2001 2401 3001");
    for _ in 0..20 {
        cip = format!("0a 02 2002 2401 0100 0400 {cip}");
    }
    assert_eq!(count(&ask(&cip), "cip.request"), 4);
}

#[test]
fn implicit_io_is_claimed_on_its_items_and_counted() {
    let io = bytes("0200 0280 0800 01020304 05000000 b100 0600 0100 01000000");
    assert_eq!(probe(&io, Carrier::Udp), Probe::Yes(95));
    assert_eq!(probe(&io[..io.len() - 1], Carrier::Udp), Probe::No);
    let mut bench = Bench::new(&PROTOCOL, Carrier::Udp);
    bench.client(&io);
    assert_eq!(bench.lines(), ["enip.message 10.0.0.1>10.0.0.2 name=io_data items=32770 items=177"]);
}

#[test]
fn a_message_without_a_body_is_claimed_on_its_port_only() {
    let asks = bytes("6300 0000 00000000 00000000 6a00000000000000 00000000");
    assert_eq!(probe(&asks, Carrier::Tcp), Probe::Yes(95));
    let elsewhere =
        Hint { carrier: Carrier::Tcp, from_client: true, client_port: 46348, server_port: 1076, to_group: false };
    assert_eq!((PROTOCOL.probe)(&asks, &elsewhere), Probe::No);
}

#[test]
fn what_only_looks_like_it_is_not_claimed() {
    assert_eq!(probe(&[0; 64], Carrier::Tcp), Probe::No);
    assert_eq!(probe(b"o\0\0\0 not an encapsulation header here", Carrier::Tcp), Probe::No);
    assert_eq!(probe(b"GET / HTTP/1.1\r\n\r\n", Carrier::Tcp), Probe::No);
    assert_eq!(probe(&[0x65, 0, 4, 0], Carrier::Tcp), Probe::More);
    assert_eq!(probe(&[0x65, 0, 4, 0], Carrier::Udp), Probe::No);
}

#[test]
fn after_lost_bytes_the_next_message_is_found() {
    let (_, whole) = unconnected(true, "05 02 2001 2401 00");
    let mut bench = Bench::new(&PROTOCOL, Carrier::Tcp);
    bench.client(&whole).client(&whole[..30]).gap(true, 20).client(&[0x55; 40]).client(&whole);
    assert_eq!(count(bench.lines(), "cip.request"), 2);
    assert_eq!(count(bench.lines(), "enip.malformed"), 0);
}

#[test]
fn every_prefix_and_every_flipped_byte_is_harmless() {
    for vector in [
        vector!("enip/list_identity"),
        vector!("cip/identity_behind_route"),
        vector!("cip/multiple_service_packet"),
        vector!("cip/pccc"),
        vector!("cip/write_tag"),
    ] {
        for (_, bytes) in &vector {
            for at in 0..bytes.len() {
                probe(&bytes[..at], Carrier::Tcp);
                for value in [0, 0x7f, 0xff] {
                    let mut wrong = bytes.clone();
                    wrong[at] = value;
                    Bench::new(&PROTOCOL, Carrier::Tcp).client(&wrong[..at]).server(&wrong).client(&wrong);
                    Bench::new(&PROTOCOL, Carrier::Udp).client(&wrong[..at]).server(bytes).client(&wrong);
                }
            }
        }
    }
}
