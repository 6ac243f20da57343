//! Units decode, say what is wrong with them, and encode to the same bytes.

use super::*;

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

const REQUESTS: &[&str] = &[
    "0100010008",
    "0200010001",
    "03000a007d",
    "0400000001",
    "050001ff00",
    "0600010007",
    "07",
    "0800020000",
    "0b",
    "0c",
    "0f00010004010d",
    "1000010002040001ffff",
    "11",
    "140706000100020003",
    "15090600010002000100ff",
    "16000affff0000",
    "17000100040002000306000100020003",
    "180000",
    "2b0e0100",
    "2b0d0102",
    "5a0002",
];

const RESPONSES: &[&str] = &[
    "010197",
    "020134",
    "030400090018",
    "040200aa",
    "050001ff00",
    "0600010007",
    "0700",
    "0800020000",
    "0b0000001b",
    "0c080000010801210020",
    "0f00010004",
    "1000010002",
    "11050aff414243",
    "140605060dfe0020",
    "15090600010002000100ff",
    "16000affff0000",
    "170400010002",
    "180006000201b81284",
    "2b0e01830000020003414243010131",
    "2b0d0102",
    "5a00fe",
    "8302",
];

#[test]
fn every_form_reads_without_fault_and_encodes_to_the_same_bytes() {
    let mut out = [0; 300];
    for text in REQUESTS {
        let pdu = hex(text);
        let (request, fault) = Request::decode(&pdu);
        assert_eq!(fault, None, "{text}");
        assert_eq!(request.function(), pdu[0], "{text}");
        let length = request.encode(&mut out).unwrap();
        assert_eq!(&out[..length], pdu, "{text}");
        assert!(request_shape(&pdu, pdu.len()) >= Shape::Possible, "{text}");
    }
    for text in RESPONSES {
        let pdu = hex(text);
        let (response, fault) = Response::decode(&pdu);
        assert_eq!(fault, None, "{text}");
        assert_eq!(response.function(), pdu[0] & 0x7F, "{text}");
        let length = response.encode(&mut out).unwrap();
        assert_eq!(&out[..length], pdu, "{text}");
        assert!(response_shape(&pdu, pdu.len()) >= Shape::Possible, "{text}");
    }
}

#[test]
fn every_cut_is_a_fault_or_another_form_and_never_a_panic() {
    let mut out = [0; 300];
    for text in REQUESTS.iter().chain(RESPONSES) {
        let pdu = hex(text);
        for end in 0..pdu.len() {
            for room in 0..3 {
                Request::decode(&pdu[..end]).0.encode(&mut out[..room]);
                Response::decode(&pdu[..end]).0.encode(&mut out[..room]);
            }
            request_shape(&pdu[..end], pdu.len());
            response_shape(&pdu[..end], pdu.len());
        }
    }
    assert_eq!(Request::decode(&[]).1.unwrap().field, "pdu");
    assert_eq!(Request::decode(&hex("0300")).1.unwrap().reason, "shorter than its function needs");
}

#[test]
fn odd_values_are_named_and_still_read() {
    for (text, field) in [
        ("0500011234", "value"),
        ("0300010000", "count"),
        ("0f00010009010d", "count"),
        ("0f00010004020d", "byte_count"),
        ("10000100020300010a", "count"),
        ("17000100040002000304000100020003", "byte_count"),
        ("2b0e0500", "read_device_id_code"),
        ("030001000100", "pdu"),
        ("00", "function"),
        ("8302", "function"),
    ] {
        let pdu = hex(text);
        let (request, fault) = Request::decode(&pdu);
        assert_eq!(fault.map(|fault| fault.field), Some(field), "{text}");
        assert_eq!(request.function(), pdu[0]);
    }
    for (text, field) in [
        ("030300090018", "byte_count"),
        ("0303000900", "byte_count"),
        ("2b0e01830000020003414243", "objects"),
        ("2b0e0183000001000341424301", "objects"),
        ("1800010002", "byte_count"),
        ("0701aa", "pdu"),
    ] {
        assert_eq!(Response::decode(&hex(text)).1.map(|fault| fault.field), Some(field), "{text}");
    }
}

#[test]
fn the_header_is_judged_before_its_bytes_are_waited_for() {
    let whole = hex("0001000000060a0300050002");
    for end in 0..whole.len() {
        assert_eq!(Adu::decode(&whole[..end]), Ok(None));
    }
    let adu = Adu::decode(&whole).unwrap().unwrap();
    assert_eq!((adu.header.transaction, adu.header.unit, adu.function()), (1, 10, 3));
    let mut out = [0; 12];
    assert_eq!(Adu::new(1, 10, adu.pdu).unwrap().encode(&mut out), Some(12));
    assert_eq!(out[..], whole);
    for (text, field) in [
        ("00010001000601", "protocol_id"),
        ("00010000000001", "length"),
        ("00010000000101", "length"),
        ("0001000000ff0103", "length"),
        ("0001000010000a", "length"),
    ] {
        assert_eq!(Adu::decode(&hex(text)).unwrap_err().field, field, "{text}");
    }
    assert_eq!(Adu::decode(&hex("0001000001f4005a")), Ok(None));
}

#[test]
fn bits_come_least_significant_first() {
    let bits: Vec<u8> = Counted::new(&[0b0000_1101, 1]).unwrap().bits(9).collect();
    assert_eq!(bits, [1, 0, 1, 1, 0, 0, 0, 0, 1]);
}
