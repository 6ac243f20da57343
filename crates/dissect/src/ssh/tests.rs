use super::*;
use crate::testing::Bench;
use crate::{Carrier, Outcome};

/// A packet in clear: length, padding length, payload, padding.
fn packet(payload: &[u8]) -> Vec<u8> {
    let padding = 4 + (8 - (5 + payload.len() + 4) % 8) % 8;
    let mut bytes = ((payload.len() + padding + 1) as u32).to_be_bytes().to_vec();
    bytes.push(padding as u8);
    bytes.extend(payload);
    bytes.extend(vec![0; padding]);
    bytes
}

fn kexinit() -> Vec<u8> {
    let mut payload = vec![20];
    payload.extend([7; 16]);
    for list in
        ["curve25519-sha256", "ssh-ed25519", "aes128-ctr", "aes256-ctr", "hmac-sha2-256", "hmac-sha1", "none", "zlib"]
    {
        payload.extend((list.len() as u32).to_be_bytes());
        payload.extend(list.as_bytes());
    }
    payload.extend([0; 13]);
    packet(&payload)
}

const OFFER: &str = "kex_algorithms=curve25519-sha256 host_key_algorithms=ssh-ed25519 \
    encryption_client_to_server=aes128-ctr encryption_server_to_client=aes256-ctr \
    mac_client_to_server=hmac-sha2-256 mac_server_to_client=hmac-sha1 \
    compression_client_to_server=none compression_server_to_client=zlib";

fn hint(from_client: bool) -> Hint {
    Hint { carrier: Carrier::Tcp, from_client, client_port: 40000, server_port: 8022, to_group: false }
}

#[test]
fn both_sides_speak_and_then_the_reader_is_done() {
    let client = [b"SSH-2.0-OpenSSH_9.6 Debian-1\r\n".to_vec(), kexinit(), packet(&[30, 1, 2]), packet(&[21])].concat();
    let server = [b"hello\r\nSSH-1.99-dropbear\n".to_vec(), kexinit(), packet(&[21]), vec![0xaa; 40]].concat();
    let lines = Bench::cut_anywhere(&PROTOCOL, &[(false, &server), (true, &client)]);
    assert_eq!(
        lines,
        [
            "ssh.banner 10.0.0.2 protocol=SSH-1.99-dropbear version=1.99 software=dropbear".to_owned(),
            format!("ssh.kex 10.0.0.2 {OFFER}"),
            "ssh.banner 10.0.0.1 protocol=SSH-2.0-OpenSSH_9.6 Debian-1 version=2.0 software=OpenSSH_9.6 \
             comments=Debian-1"
                .to_owned(),
            format!("ssh.kex 10.0.0.1 {OFFER}"),
        ]
    );
    let mut bench = Bench::new(&PROTOCOL, Carrier::Tcp);
    assert_eq!(bench.server(&server).client(&client).outcome, Outcome::Done);
}

#[test]
fn a_flow_seen_from_its_middle_is_claimed_by_its_kexinit() {
    let bytes = kexinit();
    assert_eq!(probe(&bytes, &hint(true)), Probe::Yes(90));
    assert_eq!(probe(&bytes[..10], &hint(true)), Probe::More);
    let mut bench = Bench::new(&PROTOCOL, Carrier::Tcp);
    bench.client(&bytes);
    assert_eq!(bench.lines(), [format!("ssh.kex 10.0.0.1 {OFFER}")]);
}

#[test]
fn probes_go_by_content() {
    assert_eq!(probe(b"SSH-2.0-x\r\n", &hint(true)), Probe::Yes(99));
    assert_eq!(probe(b"SS", &hint(true)), Probe::More);
    assert_eq!(probe(b"SSTP", &hint(true)), Probe::No);
    assert_eq!(probe(b"Welcome\r\nSSH-2.0-x\r\n", &hint(false)), Probe::Yes(90));
    assert_eq!(probe(b"Welcome\r\nSSH-2.0-x\r\n", &hint(true)), Probe::No);
    assert_eq!(probe(&[0; 40], &hint(true)), Probe::No);
    assert_eq!(probe(b"GET / HTTP/1.1\r\n\r\n", &hint(true)), Probe::No);
}

#[test]
fn ssh_1_is_read_up_to_its_banner() {
    let mut bench = Bench::new(&PROTOCOL, Carrier::Tcp);
    bench.server(b"SSH-1.5-Cisco-1.25\n").client(b"SSH-1.5-PuTTY\n\0\0\0\x05junk");
    assert_eq!(bench.outcome, Outcome::Done);
    assert_eq!(bench.lines()[0], "ssh.banner 10.0.0.2 protocol=SSH-1.5-Cisco-1.25 version=1.5 software=Cisco-1.25");
}

#[test]
fn name_list_past_the_packet_is_said_and_the_rest_kept() {
    let mut bytes = kexinit();
    let at = bytes.windows(4).position(|w| w == b"zlib").unwrap();
    bytes[at - 2] = 0xff;
    let mut bench = Bench::new(&PROTOCOL, Carrier::Tcp);
    bench.client(&bytes);
    assert!(bench.lines()[0].starts_with("ssh.kex 10.0.0.1 kex_algorithms=curve25519-sha256"));
    assert!(!bench.lines()[0].contains("compression_server_to_client"));
    assert!(bench.lines()[1].starts_with("ssh.malformed"));
}

#[test]
fn length_impossible_in_clear_ends_a_side() {
    let mut bench = Bench::new(&PROTOCOL, Carrier::Tcp);
    bench.client(b"SSH-2.0-x\r\n\xff\xff\xff\xff\x04\x14").client(&kexinit());
    assert_eq!(bench.lines().len(), 2);
    assert!(bench.lines()[1].contains("packet_length"));
}

#[test]
fn after_a_gap_only_a_sure_head_is_read() {
    let mut bench = Bench::new(&PROTOCOL, Carrier::Tcp);
    bench.client(b"SSH-2.0-x\r\n").gap(true, 100).client(b"middle of something").client(&kexinit());
    assert_eq!(bench.lines().len(), 2);
    assert!(bench.lines()[1].starts_with("ssh.kex"));
}

#[test]
fn no_prefix_and_no_altered_byte_is_harmful() {
    let bytes = [b"SSH-2.0-x y\r\n".to_vec(), kexinit(), packet(&[21])].concat();
    for end in 0..bytes.len() {
        Bench::new(&PROTOCOL, Carrier::Tcp).client(&bytes[..end]).gap(true, 1).client(&bytes);
        for bit in [0x01, 0x80, 0xff] {
            let mut bent = bytes.clone();
            bent[end] ^= bit;
            Bench::new(&PROTOCOL, Carrier::Tcp).client(&bent);
            let _ = probe(&bent, &hint(false));
        }
    }
}
