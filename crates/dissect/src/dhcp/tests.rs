use super::*;
use crate::testing::Bench;
use crate::Carrier;

/// A message of `op` with `options` after the cookie.
fn message_with(op: u8, options: &[u8]) -> Vec<u8> {
    let mut bytes = vec![op, 1, 6, 0, 0, 0, 0, 7, 0, 3, 0x80, 0];
    bytes.resize(28, 0);
    bytes.extend([2, 0, 0, 0, 0, 9]);
    bytes.resize(FIXED, 0);
    bytes.extend(options::COOKIE);
    bytes.extend(options);
    bytes
}

fn lines(bytes: &[u8]) -> Vec<String> {
    let mut bench = Bench::new(&PROTOCOL, Carrier::Udp);
    bench.client(bytes);
    bench.lines().to_vec()
}

fn hint(server_port: u16) -> Hint {
    Hint { carrier: Carrier::Udp, from_client: true, client_port: 68, server_port, to_group: true }
}

#[test]
fn a_request_is_about_the_hardware_address() {
    let mut options = vec![53, 1, 3, 61, 7, 1, 2, 0, 0, 0, 0, 9, 50, 4, 10, 0, 0, 7, 12, 3];
    options.extend(b"plc");
    options.extend([60, 5]);
    options.extend(b"udhcp");
    options.extend([55, 3, 1, 3, 161, 161, 11]);
    options.extend(b"https://a/b");
    options.push(255);
    assert_eq!(
        lines(&message_with(1, &options)),
        ["dhcp.message 02:00:00:00:00:09 operation=request message_type=3 client_mac=02:00:00:00:00:09 your_ip=0.0.0.0 \
          hostname=plc vendor_class=udhcp client_id=01020000000009 requested_ip=10.0.0.7 parameter_requests=1 \
          parameter_requests=3 parameter_requests=161 option_order=53 option_order=61 option_order=50 option_order=12 \
          option_order=60 option_order=55 option_order=161 mud_url=https://a/b transaction=7 seconds=3 \
          client_id_mac=02:00:00:00:00:09 broadcast=true"]
    );
}

#[test]
fn an_ack_says_what_the_server_hands_out() {
    let mut bytes =
        message_with(2, &[53, 1, 5, 54, 4, 10, 0, 0, 1, 51, 4, 0, 0, 14, 16, 3, 8, 10, 0, 0, 1, 10, 0, 0, 2]);
    bytes.extend([82, 8, 1, 2, 0, 5, 2, 2, 0xab, 0xcd, 93, 2, 0, 7, 125, 6, 0, 0, 0, 9, 1, 0, 255]);
    bytes[16..20].copy_from_slice(&[10, 0, 0, 7]);
    assert_eq!(
        lines(&bytes),
        ["dhcp.message 10.0.0.1>02:00:00:00:00:09 operation=ack message_type=5 client_mac=02:00:00:00:00:09 \
          your_ip=10.0.0.7 server_id=10.0.0.1 option_order=53 option_order=54 option_order=51 option_order=3 \
          option_order=82 option_order=93 option_order=125 enterprises=9 lease=3600 routers=10.0.0.1 routers=10.0.0.2 \
          architecture=7 circuit_id=0005 remote_id=abcd transaction=7 seconds=3 broadcast=true"]
    );
}

#[test]
fn options_in_file_and_sname_are_read_and_split_ones_joined() {
    let mut bytes = message_with(1, &[53, 1, 1, 52, 1, 3, 12, 2, b'a', b'b', 255]);
    bytes[108..114].copy_from_slice(&[12, 2, b'c', b'd', 255, 0]);
    bytes[44..50].copy_from_slice(&[60, 2, b'e', b'f', 255, 0]);
    let line = &lines(&bytes)[0];
    assert!(line.contains(" hostname=abcd ") && line.contains(" vendor_class=ef "), "{line}");
    assert!(!line.contains("boot_file") && !line.contains("server_name"), "{line}");
}

#[test]
fn names_in_labels_and_lists_are_joined() {
    assert_eq!(options::fqdn(b"\x04\0\0\x03plc\x04line\0").unwrap().as_ref(), b"plc.line");
    assert_eq!(options::fqdn(b"\x01\0\0plc.line").unwrap().as_ref(), b"plc.line");
    assert_eq!(options::user_class(b"\x03abc\x02de").as_ref(), b"abc,de");
    assert_eq!(options::user_class(b"iPXE").as_ref(), b"iPXE");
}

#[test]
fn what_is_wrong_is_said_and_the_rest_is_kept() {
    for (options, reason) in [
        (&[53, 1, 1][..], "no end option"),
        (&[53, 1, 1, 12], "cut before a length"),
        (&[53, 1, 1, 12, 9, b'a'], "a length goes beyond the end"),
    ] {
        let lines = lines(&message_with(1, options));
        assert!(lines[0].contains("operation=discover"), "{lines:?}");
        assert_eq!(lines[1], format!("dhcp.malformed 10.0.0.1>10.0.0.2 field=options reason={reason}"));
    }
    let many = message_with(1, &[12, 0].repeat(200));
    assert!(lines(&many)[1].ends_with("reason=more than 128 options"));
}

#[test]
fn bootp_has_no_options() {
    let mut bytes = message_with(2, &[]);
    bytes.truncate(FIXED);
    bytes[108..112].copy_from_slice(b"boot");
    assert_eq!(probe(&bytes, &hint(67)), Probe::Yes(70));
    assert_eq!(
        lines(&bytes),
        ["dhcp.message 10.0.0.1>02:00:00:00:00:09 operation=bootp_reply client_mac=02:00:00:00:00:09 your_ip=0.0.0.0 \
          boot_file=boot transaction=7 seconds=3 broadcast=true"]
    );
}

#[test]
fn the_cookie_claims_on_any_port_and_nothing_else_does() {
    let bytes = message_with(1, &[53, 1, 1, 255]);
    let elsewhere = Hint { client_port: 4011, ..hint(4011) };
    assert_eq!(probe(&bytes, &elsewhere), Probe::Yes(90));
    assert_eq!(probe(&bytes, &hint(67)), Probe::Yes(99));
    assert_eq!(probe(&bytes[..FIXED], &elsewhere), Probe::No);
    assert_eq!(probe(&[0x17; 300], &hint(67)), Probe::No);
    assert_eq!(probe(&[], &hint(67)), Probe::No);
}

#[test]
fn every_cut_and_every_flipped_byte_is_harmless() {
    let mut bytes = message_with(1, &[53, 1, 1, 52, 1, 3, 55, 2, 1, 3, 81, 5, 4, 0, 0, 1, b'a', 77, 2, 1, b'a']);
    bytes.extend([124, 6, 0, 0, 0, 9, 1, 0, 82, 4, 1, 2, 0, 5, 255]);
    for end in 0..bytes.len() {
        lines(&bytes[..end]);
    }
    for at in 0..bytes.len() {
        for value in [0, 1, 0x7f, 0xff] {
            let mut changed = bytes.clone();
            changed[at] = value;
            lines(&changed);
        }
    }
}
