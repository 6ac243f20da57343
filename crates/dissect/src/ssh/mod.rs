//! SSH. RFC 4253.

use crate::{Context, Dissector, Hint, Probe, Progress, Protocol};

kinds! {
    banner "ssh.banner" "RFC 4253 §4.2" "The identification string." {
        protocol: Text Key "" "The whole line, without its end.";
        version: Text Key "" "Protocol version (2.0, 1.99 …).";
        software: Text Key "" "softwareversion.";
        comments: Text Key "" "comments.";
    }
    kex "ssh.kex" "RFC 4253 §7.1" "Algorithms offered." {
        kex_algorithms: Text Key "" "Name list as sent.";
        host_key_algorithms: Text Key "" "Name list as sent.";
        encryption_client_to_server: Text Key "" "Name list as sent.";
        encryption_server_to_client: Text Key "" "Name list as sent.";
        mac_client_to_server: Text Key "" "Name list as sent.";
        mac_server_to_client: Text Key "" "Name list as sent.";
        compression_client_to_server: Text Key "" "Name list as sent.";
        compression_server_to_client: Text Key "" "Name list as sent.";
    }
}
malformed_kind!("ssh.malformed");

/// The protocol.
pub static PROTOCOL: Protocol = Protocol {
    name: "ssh",
    title: "SSH",
    source: "RFC 4253",
    limits: &["Not dissected yet."],
    kinds: KINDS,
    malformed: &MALFORMED,
    tcp: true,
    udp: false,
    ethertypes: &[],
    ports: &[22, 2222],
    buffer: 65_536, // bytes
    probe,
    dissector: || Box::new(Reading),
};

fn probe(_data: &[u8], _hint: &Hint) -> Probe {
    Probe::No
}

struct Reading;

impl Dissector for Reading {
    fn read(&mut self, data: &[u8], _cx: &mut Context<'_>) -> Progress {
        Progress::Used(data.len())
    }
}
