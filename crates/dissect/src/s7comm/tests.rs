//! S7comm against its vectors, cut anywhere, and against what only looks like it.

use super::PROTOCOL;
use crate::testing::Bench;
use crate::{Carrier, Hint, Outcome, Probe};

macro_rules! vector {
    ($name:literal) => {
        turns(include_str!(concat!("../../../../vectors/s7comm/", $name, "/input.hex")))
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

fn one(hex: &str) -> Vec<String> {
    play(&[(true, bytes(hex))])
}

/// A DT with `pdu` in it.
fn dt(pdu: &str) -> String {
    let pdu = bytes(pdu);
    let hex: String = pdu.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("0300{:04x}02f080{hex}", pdu.len() + 7)
}

fn has(lines: &[String], wanted: &[&str]) -> bool {
    lines.iter().any(|line| wanted.iter().all(|part| line.contains(part)))
}

fn probe(data: &[u8]) -> Probe {
    let hint = Hint { carrier: Carrier::Tcp, from_client: true, client_port: 4, server_port: 102, to_group: false };
    (PROTOCOL.probe)(data, &hint)
}

#[test]
fn system_status_lists_tell_who_the_controller_is() {
    let lines = play(&vector!("identity"));
    assert!(has(
        &lines,
        &["s7comm.identity 10.0.0.2", "order_number=6ES7 315-2EH14-0AB0", "hardware_version=4", "firmware=V3.2.6"]
    ));
    assert!(has(
        &lines,
        &["station_name=SNAP7-SERVER module_name=CPU 315-2 PN/DP", "serial=S C-C2UR28922012", "memory_card_serial=MMC"]
    ));
    assert!(has(&lines, &["cotp.connect 10.0.0.1>10.0.0.2 operation=connect_request", "rack=0 slot=1"]));
    assert!(has(&lines, &["s7comm.request", "operation=read_szl", "object=SZL 0x001c index 0x0000", "szl_id=28"]));
    assert!(has(&lines, &["s7comm.response 10.0.0.2>10.0.0.1 operation=setup_communication", "pdu_length=480"]));
}

#[test]
fn a_stop_is_called_stop_and_the_mode_that_follows_is_told() {
    let lines = play(&vector!("stop"));
    assert!(lines[0].starts_with("s7comm.request 10.0.0.1>10.0.0.2 operation=stop function=41"));
    assert!(has(&lines, &["operation=mode_change group=0", "object=stop"]));
}

#[test]
fn an_acknowledgement_without_parameters_is_understood_from_its_request() {
    let lines = play(&vector!("upload_refused"));
    assert!(has(&lines, &["s7comm.request", "operation=upload_start", "object=SDB0"]));
    assert!(has(&lines, &["s7comm.response", "operation=upload_start", "status=protection_level", "object=SDB0"]));
}

#[test]
fn plus_is_seen() {
    let lines = play(&vector!("plus"));
    assert!(has(&lines, &["s7comm.plus 10.0.0.2", "operation=notification version=3 opcode=51"]));
    assert!(has(&lines, &["s7comm.plus 10.0.0.1", "operation=set_variable version=3 opcode=49 function=1266"]));
}

#[test]
fn faults_are_said() {
    assert!(has(&play(&vector!("parameter_longer_than_pdu")), &["s7comm.malformed", "field=parameter_length"]));
    assert!(has(&play(&vector!("header_cut_short")), &["s7comm.malformed", "field=header"]));
    assert!(has(&play(&vector!("cotp_header_longer_than_tpkt")), &["s7comm.malformed", "field=tpkt"]));
}

#[test]
fn starts_are_warm_or_cold() {
    let warm = dt("32010000000100140000 28000000000000fd0000 09505f50524f4752414d");
    assert!(has(&one(&warm), &["operation=start function=40 object=warm"]));
    let cold = dt("32010000000100160000 28000000000000fd0002 4320 09505f50524f4752414d");
    assert!(has(&one(&cold), &["operation=start function=40 object=cold"]));
}

#[test]
fn blocks_are_named_when_deleted_or_downloaded() {
    let delete = dt("320100000001001a0000 28000000000000fd000a 0100 3041303030303142 055f44454c45");
    assert!(has(&one(&delete), &["operation=delete_block", "object=DB1"]));
    let download = dt("32010000000100200000 1a00010000000000 09 5f30383030303031 50 0d 31303030323038303030313130");
    assert!(has(&one(&download), &["operation=download_start", "object=OB1"]));
}

#[test]
fn written_addresses_are_named_and_values_are_not_kept() {
    let write =
        dt("3201000000070026 000e 0503 120a10020004000184000008 120a10010001000083 00000b 120a100400010000830000 50
                    0004 0020 deadbeef 0003 0001 01 00");
    let lines = one(&write);
    assert!(has(
        &lines,
        &["operation=write_var function=5 object=DB1.DBB1 x4, M1.3, MW10", "area=132 area=131 area=131"]
    ));
    assert!(has(&lines, &["db=1 db=0 db=0 byte_address=1 byte_address=1 byte_address=10", "item_lengths=4"]));
    assert!(!lines.join(" ").contains("deadbeef"));
}

#[test]
fn a_password_is_only_kept_sealed() {
    // "admin   " as the programming tools encode it.
    let mut coded: Vec<u8> = Vec::new();
    for (at, letter) in b"admin   ".iter().enumerate() {
        let before = if at < 2 { 0 } else { coded[at - 2] };
        coded.push(letter ^ 0x55 ^ before);
    }
    let coded: String = coded.iter().map(|byte| format!("{byte:02x}")).collect();
    let lines = one(&dt(&format!("3207000001000008000c 0001120411450100 ff090008{coded}")));
    assert!(has(&lines, &["s7comm.credential 10.0.0.1>10.0.0.2 secret=", "default=false"]));
    assert!(has(&lines, &["s7comm.request", "operation=password group=5 sub_function=1"]));
    assert!(!lines.join(" ").contains("admin") && !lines.join(" ").contains(&coded));
}

#[test]
fn set_clock_and_forced_values_are_told() {
    assert!(has(&one(&dt("32070000010000080004 0001120411470200 0a000000")), &["operation=set_clock group=7"]));
    assert!(has(&one(&dt("32070000010000080004 0001120411410900 0a000000")), &["operation=force group=1"]));
    assert!(has(&one(&dt("32070000010000080004 0001120411410c00 0a000000")), &["operation=memory_reset group=1"]));
}

#[test]
fn a_list_in_two_answers_is_put_together() {
    let record = "0001 3645533720333135 2d324548 31342d304142 3020 00c0 0004 0001";
    let whole = format!("0011 0000 001c 0001 {record}");
    let (first, second) = {
        let all = bytes(&whole);
        let hex = |part: &[u8]| part.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        (hex(&all[..20]), hex(&all[20..]))
    };
    let head = |last: u8, length: usize| {
        format!("320700000005000c{:04x} 0001120812840101 01{last:02x}0000 ff09{length:04x}", length + 4)
    };
    let mut stream = bytes(&dt(&(head(1, 20) + &first)));
    stream.extend(bytes(&dt(&(head(0, 16) + &second))));
    let lines = play(&[(false, stream)]);
    assert!(has(&lines, &["s7comm.identity 10.0.0.2 order_number=6ES7 315-2EH14-0AB0", "versions=4"]), "{lines:#?}");
    assert!(has(&lines, &["s7comm.response", "szl_id=17"]));
}

#[test]
fn a_message_in_two_transport_units_is_put_together() {
    let mut stream = bytes("0300000c02f000 3201000000");
    stream.extend(bytes("0300001402f080 010008 0000 f00000010001 01e0"));
    assert!(has(&play(&[(true, stream)]), &["operation=setup_communication", "pdu_length=480"]));
}

#[test]
fn after_lost_bytes_the_next_message_is_found() {
    let stop = bytes(&dt("32010000000100100000 290000000000 09505f50524f4752414d"));
    let mut bench = Bench::new(&PROTOCOL, Carrier::Tcp);
    bench.client(&stop).client(&stop[..9]).gap(true, 100);
    let mut rest = vec![0x55; 31];
    rest.extend(&stop);
    bench.client(&rest);
    assert_eq!(bench.lines().len(), 2, "{:?}", bench.lines());
}

#[test]
fn other_users_of_tpkt_are_not_claimed() {
    // RDP with a cookie, RDP negotiation, MMS (session connect), H.225 set-up.
    let rdp = bytes("0300002c27e00000000000436f6f6b69653a206d737473686173683d656c746f6e730d0a01000800 00000000");
    assert!(!matches!(probe(&rdp), Probe::Yes(_)));
    assert!(!matches!(probe(&bytes("030000130ee000000000000100080000000000")), Probe::Yes(_)));
    assert_eq!(probe(&bytes("0300001002f080 0d b2 05 06 13 01 00 16 01")), Probe::No);
    assert_eq!(probe(&bytes("030000100802 0fb805 04 0388c0a5 7d00")), Probe::No);
    // MMS: TSAP 0001.
    let mms = bytes("0300001611e00000000100c1020000c2020001c0010a");
    assert_eq!(probe(&mms), Probe::More);
    assert_eq!(probe(b"\x16\x03\x01\x02\x00\x01"), Probe::No);
}

#[test]
fn a_claim_on_tsaps_alone_is_taken_back() {
    let connect = bytes("0300001611e00000000100c0010ac1020100c2020102");
    assert_eq!(probe(&connect), Probe::Yes(55));
    let mut bench = Bench::new(&PROTOCOL, Carrier::Tcp);
    bench.client(&connect).client(&bytes("0300001002f080 0d b2 05 06 13 01 00 16 01"));
    assert_eq!(bench.outcome, Outcome::Rejected);
}

#[test]
fn every_prefix_and_every_flipped_byte_is_harmless() {
    for vector in [vector!("identity"), vector!("upload_refused"), vector!("stop"), vector!("plus")] {
        for (_, bytes) in &vector {
            for at in 0..bytes.len() {
                probe(&bytes[..at]);
                for value in [0, 0x7f, 0xff] {
                    let mut wrong = bytes.clone();
                    wrong[at] = value;
                    let mut bench = Bench::new(&PROTOCOL, Carrier::Tcp);
                    bench.client(&wrong[..at]).server(&wrong).client(&wrong);
                }
            }
        }
    }
}
