//! Conversations whole, cut, one-sided and broken.

use super::*;
use crate::testing::Bench;
use crate::Carrier;

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

fn hint(server_port: u16) -> Hint {
    Hint { carrier: Carrier::Tcp, from_client: true, client_port: 40000, server_port, to_group: false }
}

fn play(turns: &[(bool, &str)]) -> Vec<String> {
    let turns: Vec<(bool, Vec<u8>)> = turns.iter().map(|(client, text)| (*client, hex(text))).collect();
    let turns: Vec<(bool, &[u8])> = turns.iter().map(|(client, bytes)| (*client, &bytes[..])).collect();
    Bench::cut_anywhere(&PROTOCOL, &turns)
}

#[test]
fn a_read_is_matched_with_its_answer() {
    let lines = play(&[(true, "0001000000060a0300050002"), (false, "0001000000070a030400090018")]);
    assert_eq!(
        lines,
        [
            "modbus.request 10.0.0.1>10.0.0.2 operation=read_holding_registers function=3 unit=10 table=holding \
             address=5 count=2 object=holding 5 x2 transaction=1",
            "modbus.response 10.0.0.2>10.0.0.1 function=3 unit=10 status=ok transaction=1 address=5 count=2 \
             byte_count=4 values=9 values=24 matched=true",
        ]
    );
}

#[test]
fn coils_are_written_and_bits_read() {
    let lines = play(&[
        (true, "000d00000008070f000100040109000100000006040100010004"),
        (false, "000d00000006070f00010004000100000004040101f9"),
    ]);
    assert!(lines[0].ends_with(
        "function=15 unit=7 table=coil address=1 count=4 object=coil 1 x4 transaction=13 byte_count=1 values=1 \
         values=0 values=0 values=1"
    ));
    assert!(lines[2].ends_with("address=1 count=4 matched=true"), "{}", lines[2]);
    assert!(
        lines[3].ends_with("count=4 byte_count=1 values=1 values=0 values=0 values=1 matched=true"),
        "{}",
        lines[3]
    );
}

#[test]
fn exceptions_name_themselves() {
    let lines = play(&[(true, "0000000000060a0800040000"), (false, "0000000000030a880b")]);
    assert!(lines[0].contains("operation=diagnostics function=8 unit=10 object=force_listen_only_mode sub_function=4"));
    assert_eq!(
        lines[1],
        "modbus.response 10.0.0.2>10.0.0.1 function=8 unit=10 exception=11 \
         status=gateway_target_device_failed_to_respond transaction=0 matched=true"
    );
}

#[test]
fn identification_tells_vendor_product_and_revision() {
    let lines = play(&[
        (true, "00170000000501 2b0e0100".replace(' ', "").as_str()),
        (false, "001700000017012b0e018300000300034142430102503102 0456312e32".replace(' ', "").as_str()),
    ]);
    assert!(lines[0].contains("operation=read_device_identification function=43"), "{}", lines[0]);
    assert!(lines[0].ends_with("object_id=0"), "{}", lines[0]);
    assert_eq!(
        lines[2],
        "modbus.identity 10.0.0.2 unit=1 object_ids=0 object_ids=1 object_ids=2 values=ABC values=P1 values=V1.2 \
         vendor_name=ABC product_code=P1 revision=V1.2"
    );
}

#[test]
fn the_server_id_and_its_run_indicator_are_found() {
    let lines = play(&[(false, "0000000000150a111200ff57696e6770617468204c696d69746564")]);
    assert_eq!(lines[1], "modbus.server_id 10.0.0.2 unit=10 id=Wingpath Limited running=true");
    let lines = play(&[(false, "000f000000090211065a65656b20ff")]);
    assert_eq!(lines[1], "modbus.server_id 10.0.0.2 unit=2 id=Zeek  running=true");
    let lines = play(&[(false, "000f0000000602110341424 3".replace(' ', "").as_str())]);
    assert_eq!(lines[1], "modbus.server_id 10.0.0.2 unit=2 id=ABC");
}

#[test]
fn file_records_are_named_and_counted() {
    let lines = play(&[
        (true, "000100000011071 40e0600040001000206000300090002".replace(' ', "").as_str()),
        (false, "00010000000f07140c05060dfe002005 0633cd0040".replace(' ', "").as_str()),
    ]);
    assert!(lines[0].contains("object=file 4 record 1 x2, file 3 record 9 x2"), "{}", lines[0]);
    assert!(lines[0].ends_with("byte_count=14 record_counts=2 record_counts=2"), "{}", lines[0]);
    assert!(lines[1].ends_with("record_bytes=5 record_bytes=5"), "{}", lines[1]);
    let four = "06000100000001aaaa".repeat(4);
    let lines = play(&[(true, &format!("00020000002707 1524{four}").replace(' ', ""))]);
    assert!(lines[0].contains("object=file 1 record 0, file 1 record 0, file 1 record 0, 1 more"), "{}", lines[0]);
}

#[test]
fn a_write_whose_values_are_missing_is_still_told() {
    let lines = play(&[(true, "000100000006011000010001")]);
    assert!(lines[0].contains("operation=write_multiple_registers"), "{}", lines[0]);
    assert!(lines[0].contains("address=1 count=1"), "{}", lines[0]);
    assert!(lines[1].starts_with("modbus.malformed"), "{}", lines[1]);
}

#[test]
fn every_function_code_has_a_name() {
    for function in 1..=127u8 {
        let bytes = [0, 0, 0, 0, 0, 6, 1, function, 0, 0, 0, 1];
        let mut bench = Bench::new(&PROTOCOL, Carrier::Tcp);
        bench.client(&bytes);
        assert!(bench.lines()[0].contains(&format!(" function={function} unit=1")), "{:?}", bench.lines());
        assert!(!bench.lines()[0].contains("operation= "));
    }
    let lines = play(&[(true, "0000000000065a410000000a")]);
    assert!(lines[0].contains("operation=function_65 function=65 unit=90"));
}

#[test]
fn an_invalid_coil_value_is_said_and_reading_goes_on() {
    let lines = play(&[(true, "0001000000060105000112340002000000060103000a0001")]);
    assert!(lines[0].contains("operation=write_single_coil"));
    assert_eq!(
        lines[1],
        "modbus.malformed 10.0.0.1>10.0.0.2 field=value reason=a coil's value that is neither 0x0000 nor 0xFF00"
    );
    assert!(lines[2].contains("operation=read_holding_registers"));
}

#[test]
fn broken_headers_are_said_once_and_the_next_unit_is_found() {
    for (bad, field) in [
        ("000100010006010300010001", "protocol_id"),
        ("000100000000", "length"),
        ("000100000001", "length"),
        ("0001000000ff0103", "length"),
        ("0001ffffffffffffffff", "protocol_id"),
        ("00010000ffff01030001", "length"),
    ] {
        let lines = play(&[(true, &format!("0001000000060103000a0001{bad}0002000000060103000b0002"))]);
        assert_eq!(lines.len(), 3, "{bad} {lines:?}");
        assert!(lines[1].starts_with("modbus.malformed") && lines[1].contains(&format!("field={field}")), "{lines:?}");
        assert!(lines[2].contains("address=11 count=2"), "{bad} {lines:?}");
    }
}

#[test]
fn stray_bytes_after_a_unit_are_passed_over() {
    // A unit that states fewer bytes than its packet holds, as a scanner sends it.
    let lines = play(&[(true, "000000000004012100000000000000000006012300000000")]);
    assert!(lines[0].contains("operation=function_33"));
    assert!(lines.last().unwrap().contains("operation=function_35"), "{lines:?}");
}

#[test]
fn after_a_gap_the_next_head_is_found_and_nothing_is_called_malformed() {
    let mut bench = Bench::new(&PROTOCOL, Carrier::Tcp);
    bench.client(&hex("0001000000060a03")).gap(true, 100).client(&hex("aabbcc0002000000060a0300050002"));
    assert_eq!(bench.lines().len(), 1, "{:?}", bench.lines());
    assert!(bench.lines()[0].contains("transaction=2"));
    let mut bench = Bench::new(&PROTOCOL, Carrier::Tcp);
    bench.gap(false, 7).server(&[0xAA; 300]);
    assert!(bench.lines().is_empty());
}

#[test]
fn the_oldest_of_many_outstanding_requests_is_forgotten() {
    let mut bench = Bench::new(&PROTOCOL, Carrier::Tcp);
    for transaction in 0..65u8 {
        bench.client(&[0, transaction, 0, 0, 0, 6, 1, 3, 0, transaction, 0, 1]);
    }
    bench.server(&hex("0000000000050103020001")).server(&hex("0001000000050103020001"));
    assert!(bench.lines()[65].ends_with("values=1 matched=false"));
    assert!(bench.lines()[66].ends_with("address=1 count=1 byte_count=2 values=1 matched=true"));
}

#[test]
fn prefixes_and_single_bit_flips_never_panic() {
    let whole = hex("001700000017012b0e01830000030003414243010250310204 56312e32".replace(' ', "").as_str());
    for end in 0..=whole.len() {
        Bench::new(&PROTOCOL, Carrier::Tcp).server(&whole[..end]).client(&whole[..end]);
        probe(&whole[..end], &hint(502));
    }
    for bit in 0..whole.len() * 8 {
        let mut flipped = whole.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        Bench::new(&PROTOCOL, Carrier::Tcp).server(&flipped).client(&flipped);
        probe(&flipped, &hint(40));
    }
}

#[test]
fn the_probe_takes_modbus_on_any_port_from_either_side() {
    for text in ["0001000000060a0300050002", "0001000000070a030400090018", "0001000000030a8302"] {
        assert!(matches!(probe(&hex(text), &hint(502)), Probe::Yes(95)), "{text}");
        assert!(matches!(probe(&hex(text), &hint(8000)), Probe::Yes(_)), "{text}");
    }
    // A function without a public form is only believed on the port.
    assert_eq!(probe(&hex("000000000006014100000000"), &hint(502)), Probe::Yes(70));
    assert_eq!(probe(&hex("000000000006014100000000"), &hint(8000)), Probe::No);
    assert_eq!(probe(&hex("00010000"), &hint(502)), Probe::More);
}

#[test]
fn the_probe_leaves_others_alone_even_on_port_502() {
    for text in [
        "16030100c8010000c40303",                  // TLS
        "474554202f20485454502f312e310d0a",        // HTTP
        "0300001611e00000000100c0010ac1020100",    // TPKT
        "01000000 00cd00010000414243444546474849", // DICOM association
        "050000000004000000000000",                // DICOM release
        "0000002cfe534d42",                        // SMB
        "000000000000000000000000",                // zeros
        "5353482d322e30",                          // SSH
        "6300000000000000",                        // ENIP
        "000100010006010300010001",                // another protocol identifier
        "000100000006010300010001ffffffffffffff",  // a unit and then something else, off port only
    ] {
        let bytes = hex(&text.replace(' ', ""));
        assert_eq!(probe(&bytes, &hint(443)), Probe::No, "{text}");
        if !text.starts_with("0001000000060103") {
            assert!(!matches!(probe(&bytes, &hint(502)), Probe::Yes(_)), "{text}");
        }
    }
}

#[test]
fn a_few_bytes_from_a_server_are_no_claim_off_the_port() {
    // What DICOM rejects an association with has the form of an answer to Read Coils.
    let from_server = Hint { from_client: false, ..hint(104) };
    assert_eq!(probe(&hex("03000000000400010107"), &from_server), Probe::No);
    assert!(matches!(probe(&hex("0001000000070a030400090018"), &from_server), Probe::Yes(_)));
    // A DICOM association: far from the form of function 1.
    let association = hex(&format!("0100000000cd00010000{}", "20".repeat(201)));
    assert_eq!(probe(&association, &hint(502)), Probe::No);
    assert_eq!(probe(&association, &hint(104)), Probe::No);
}

#[test]
fn the_vectors_give_what_their_cases_expect() {
    crate::modbus::cases::play_all(&PROTOCOL, Carrier::Tcp);
}

/// Streams with bytes altered by a fixed sequence of numbers: wherever they are cut, the records are the same.
#[test]
fn altered_streams_cut_anywhere_give_the_same() {
    let whole = hex("0001000000060103000a00010002000000080105000300ff000000030000000c0210000100020412345678");
    let mut state = 7u32;
    for _ in 0..400 {
        let mut altered = whole.clone();
        for _ in 0..3 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let at = state as usize >> 8 & 63;
            if let Some(byte) = altered.get_mut(at) {
                *byte = if state & 1 == 0 { 0 } else { (state >> 20) as u8 };
            }
        }
        Bench::cut_anywhere(&PROTOCOL, &[(true, &altered)]);
    }
}
