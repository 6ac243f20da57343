use super::*;
use crate::testing::Bench;

/// A datagram of the link `function` around `rest`.
fn linked(function: u8, rest: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x81, function];
    bytes.extend((rest.len() as u16 + 4).to_be_bytes());
    bytes.extend(rest);
    bytes
}

/// An unrouted APDU in a unicast datagram.
fn unicast(apdu: &[u8]) -> Vec<u8> {
    linked(10, &[&[1, 4][..], apdu].concat())
}

fn lines(bytes: &[u8]) -> Vec<String> {
    let mut bench = Bench::new(&PROTOCOL, Carrier::Udp);
    bench.client(bytes);
    bench.lines().to_vec()
}

fn hint(port: u16) -> Hint {
    Hint { carrier: Carrier::Udp, from_client: true, client_port: 40000, server_port: port, to_group: false }
}

/// WriteProperty: analog-output 101 present-value = 50.0, priority 10.
const WRITE: &[u8] = &[2, 3, 7, 15, 0x0c, 0, 0x40, 0, 0x65, 0x19, 85, 0x3e, 0x44, 0x42, 0x48, 0, 0, 0x3f, 0x49, 10];

#[test]
fn a_write_names_its_object_and_keeps_its_value_out_of_the_key() {
    assert_eq!(
        lines(&unicast(WRITE)),
        ["bacnet.request 10.0.0.1>10.0.0.2 operation=write_property pdu_type=0 service=15 \
          object=analog-output 101 present-value object_type=1 instance=101 property=85 priority=10 invoke_id=7 \
          confirmed_service=15 values=50 all_object_types=1 all_instances=101 all_properties=85 reals=50"]
    );
}

#[test]
fn an_object_made_by_its_type_is_named_by_it() {
    // CreateObject of a trend log named T1.
    let create = [2, 3, 9, 10, 0x0e, 0x09, 20, 0x0f, 0x1e, 0x09, 77, 0x2e, 0x73, 0, b'T', b'1', 0x2f, 0x1f];
    let lines = lines(&unicast(&create));
    assert!(lines[0].contains("operation=create_object"), "{lines:?}");
    assert!(lines[0].contains("object=trend-log"), "{lines:?}");
    assert!(lines[0].contains("object_names=T1"), "{lines:?}");
    assert_eq!(lines.len(), 1, "{lines:?}");
}

#[test]
fn the_error_of_a_multiple_write_names_what_was_not_written() {
    let error = [0x50, 9, 16, 0x0e, 0x91, 2, 0x91, 40, 0x0f, 0x1e, 0x0c, 0, 0x40, 0, 5, 0x19, 85, 0x1f];
    let lines = lines(&unicast(&error));
    assert!(lines[0].contains("status=property: write-access-denied error_class=2 error_code=40"), "{lines:?}");
    assert!(lines[0].contains("object_type=1 instance=5 property=85"), "{lines:?}");
    assert!(!lines[0].contains("vendor_id"), "{lines:?}");
}

#[test]
fn the_error_of_a_private_transfer_names_its_vendor() {
    let error = [0x50, 9, 18, 0x0e, 0x91, 5, 0x91, 0, 0x0f, 0x1a, 1, 4, 0x29, 9];
    let lines = lines(&unicast(&error));
    assert!(lines[0].contains("vendor_id=260"), "{lines:?}");
}

#[test]
fn a_read_is_summed_over_instances() {
    let read = [2, 3, 7, 12, 0x0c, 2, 0, 0, 0x65, 0x19, 85, 0x29, 2];
    assert_eq!(
        lines(&unicast(&read)),
        ["bacnet.request 10.0.0.1>10.0.0.2 operation=read_property pdu_type=0 service=12 \
          object=device present-value object_type=8 property=85 invoke_id=7 confirmed_service=12 \
          all_object_types=8 all_instances=101 all_properties=85"]
    );
}

#[test]
fn an_answer_about_a_device_is_its_identity() {
    let answer = [0x30, 7, 12, 0x0c, 2, 0, 0, 5, 0x19, 70, 0x3e, 0x75, 5, 0, b'A', b'H', b'U', b'1', 0x3f];
    let mut routed = vec![1, 8, 0, 3, 1, 108];
    routed.extend(answer);
    assert_eq!(
        lines(&linked(10, &routed)),
        [
            "bacnet.response 10.0.0.1>10.0.0.2 operation=read_property pdu_type=3 service=12 status=ok invoke_id=7 \
             network=3 address=6c object_type=8 instance=5 property=70 values=AHU1",
            "bacnet.property 10.0.0.1 instance=5 property=model-name value=AHU1 network=3 address=6c",
        ]
    );
}

#[test]
fn what_is_forwarded_is_about_the_origin() {
    let i_am = [0x10, 0, 0xc4, 2, 0, 0, 9, 0x22, 5, 0xc4, 0x91, 3, 0x21, 42];
    let bytes = linked(4, &[&[192, 168, 1, 7, 0xba, 0xc0, 1, 0][..], &i_am].concat());
    assert_eq!(lines(&bytes)[1], "bacnet.i_am 192.168.1.7 instance=9 vendor_id=42 max_apdu=1476 segmentation=3");
    assert!(lines(&bytes)[0].starts_with("bacnet.request 192.168.1.7>10.0.0.2 operation=i_am"));
}

#[test]
fn a_password_is_sealed() {
    let restart = [2, 3, 9, 20, 0x09, 0, 0x1d, 6, 0, b'c', b'l', b'e', b'a', b'r'];
    let line = lines(&unicast(&restart)).join("\n");
    assert!(line.contains("operation=reinitialize_device") && line.contains("object=coldstart"), "{line}");
    assert!(line.contains(" secret=") && line.contains("default=false") && !line.contains("clear"), "{line}");
    let muted = [2, 3, 9, 17, 0x09, 5, 0x19, 1, 0x2d, 7, 0, b'p', b'u', b'b', b'l', b'i', b'c'];
    let line = lines(&unicast(&muted)).join("\n");
    assert!(line.contains("object=disable") && line.contains("minutes=5") && line.contains("default=true"), "{line}");
}

#[test]
fn errors_rejects_and_aborts_say_why() {
    assert_eq!(
        lines(&unicast(&[0x50, 7, 20, 0x91, 5, 0x91, 26])),
        ["bacnet.response 10.0.0.1>10.0.0.2 operation=reinitialize_device pdu_type=5 service=20 \
          status=services: password-failure error_class=5 error_code=26 invoke_id=7 error_classes=5 error_codes=26"]
    );
    assert!(lines(&unicast(&[0x60, 7, 9]))[0].contains("status=reject: unrecognized-service"));
    assert!(lines(&unicast(&[0x71, 7, 4]))[0].contains("status=abort: segmentation-not-supported"));
    let partly = [0x30, 1, 14, 0x0c, 0, 0, 0, 1, 0x1e, 0x29, 85, 0x5e, 0x91, 1, 0x91, 31, 0x5f, 0x1f];
    assert!(lines(&unicast(&partly))[0].ends_with("property=85 error_classes=1 error_codes=31"));
}

#[test]
fn segments_are_joined() {
    let whole = [0x0c, 2, 0, 0, 5, 0x19, 77, 0x3e, 0x75, 4, 0, b'R', b'T', b'U', 0x3f];
    let mut bench = Bench::new(&PROTOCOL, Carrier::Udp);
    let part =
        |more: u8, sequence: u8, bytes: &[u8]| unicast(&[&[0x38 | more, 7, sequence, 4, 12][..], bytes].concat());
    bench.server(&part(4, 0, &whole[..6])).server(&part(4, 0, &whole[..6])).server(&part(4, 1, &whole[6..9]));
    assert_eq!(bench.lines().len(), 3);
    assert!(bench.lines().iter().all(|line| line.starts_with("bacnet.segment")), "{:?}", bench.lines());
    bench.server(&part(0, 2, &whole[9..]));
    assert!(bench.lines()[3].contains("object_names=RTU"), "{:?}", bench.lines());
    assert!(bench.lines()[4].ends_with("property=object-name value=RTU"), "{:?}", bench.lines());
    // A lost one ends the message.
    bench.server(&part(4, 0, &whole[..6])).server(&part(4, 2, &[])).server(&part(0, 1, &whole[6..]));
    assert!(bench.lines()[5..].iter().all(|line| line.starts_with("bacnet.segment")), "{:?}", bench.lines());
}

#[test]
fn the_link_and_the_routers_speak_too() {
    assert_eq!(
        lines(&linked(5, &[0, 60])),
        ["bacnet.link 10.0.0.1>10.0.0.2 operation=register_foreign_device function=5 lifetime=60"]
    );
    let table = [10, 0, 0, 9, 0xba, 0xc0, 255, 255, 255, 255];
    assert!(lines(&linked(3, &table))[0].ends_with("operation=read_broadcast_table_ack function=3 peers=10.0.0.9"));
    assert_eq!(
        lines(&linked(11, &[1, 0x80, 1, 0, 5, 0, 6])),
        ["bacnet.network 10.0.0.1>10.0.0.2 operation=i_am_router_to_network message=1 networks=5 networks=6"]
    );
}

#[test]
fn over_ethernet_and_over_ipv6() {
    let who_is = [1, 0x20, 0xff, 0xff, 0, 255, 0x10, 8];
    let mut bench = Bench::new(&PROTOCOL, Carrier::Ethernet(LLC));
    let frame = [&LLC_HEADER[..], &who_is].concat();
    assert_eq!(probe(&frame, &Hint { carrier: Carrier::Ethernet(LLC), ..hint(0) }), Probe::Yes(95));
    bench.client(&[0x42, 0x42, 3, 0, 0]).client(&frame);
    assert!(bench.lines()[0].contains("operation=who_is"), "{:?}", bench.lines());
    let six = [&[0x82, 2, 0, 15, 1, 2, 3][..], &who_is].concat();
    assert_eq!(probe(&six, &hint(47808)), Probe::Yes(95));
    assert!(lines(&six)[0].contains("operation=who_is pdu_type=1 service=8 network=65535"));
}

#[test]
fn what_is_wrong_is_said_and_the_rest_is_kept() {
    for (apdu, reason) in [
        (&WRITE[..15], "a length beyond the end"),
        (&WRITE[..17], "a list is not closed"),
        (&[2, 3, 7, 15, 0x0d][..], "cut inside a tag"),
        (&[2, 3, 7, 15, 0x3f], "a list is closed that is not the last one opened"),
        (&[2, 3, 7, 15, 0x26], "an application tag that opens or closes a list"),
    ] {
        let lines = lines(&unicast(apdu));
        assert!(lines[0].contains("operation=write_property"), "{lines:?}");
        assert!(lines[1].ends_with(&format!("field=parameters reason={reason}")), "{lines:?}");
    }
    let deep = [&[2, 3, 7, 15][..], &[0x3e; 40]].concat();
    assert!(lines(&unicast(&deep))[1].ends_with("reason=nested too deep"));
}

#[test]
fn many_objects_make_a_short_key() {
    let mut write = vec![2, 3, 7, 16];
    for instance in 0..20 {
        write.extend([0x0c, 0, 0x80, 0, instance, 0x1e, 0x09, 85, 0x2e, 0x21, 1, 0x2f, 0x1f]);
    }
    let line = lines(&unicast(&write)).join("\n");
    assert_eq!(line.matches(" instance=").count(), 8, "{line}");
    assert_eq!(line.matches(" all_instances=").count(), 20, "{line}");
    assert!(line.contains("analog-value 7 present-value, … object_type=2"), "{line}");
}

#[test]
fn only_the_content_claims() {
    let write = unicast(WRITE);
    assert_eq!(probe(&write, &hint(47808)), Probe::Yes(95));
    assert_eq!(probe(&write, &hint(9)), Probe::Yes(95));
    assert_eq!(probe(&write[..20], &hint(9)), Probe::No);
    assert_eq!(probe(&[0x81; 40], &hint(47808)), Probe::No);
    assert_eq!(probe(&[0x16, 3, 1, 0, 0], &hint(47808)), Probe::No);
    assert_eq!(probe(&linked(2, &[]), &hint(9)), Probe::Yes(40));
    for end in 0..write.len() {
        probe(&write[..end], &hint(47808));
    }
}

#[test]
fn every_cut_and_every_flipped_byte_is_harmless() {
    let routed = linked(10, &[&[1, 0x28, 0, 5, 1, 9, 0, 3, 1, 108, 255][..], WRITE].concat());
    for whole in [unicast(WRITE), routed, linked(1, &[9; 30]), linked(4, &[1; 20])] {
        for end in 0..whole.len() {
            lines(&whole[..end]);
        }
        for at in 0..whole.len() {
            for value in 0..=255 {
                let mut changed = whole.clone();
                changed[at] = value;
                lines(&changed);
            }
        }
    }
}
