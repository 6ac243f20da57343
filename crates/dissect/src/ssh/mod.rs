//! SSH: who speaks which software and which algorithms, up to the point where the rest is encrypted. RFC 4253.
//!
//! Rule 1: after NEWKEYS of one side nothing of that side is read; after both, nothing at all.
//! Rule 2: a flow that is seen from its middle is claimed by its KEXINIT packet alone.

mod reading;
#[cfg(test)]
mod tests;

use crate::{Hint, Probe, Protocol};
use reading::Reading;

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
    limits: &[
        "Everything after NEWKEYS is encrypted and not looked at.",
        "Of SSH 1.x only the identification string is read.",
        "A name list longer than the text cap (1024 bytes) is cut.",
    ],
    kinds: KINDS,
    malformed: &MALFORMED,
    tcp: true,
    udp: false,
    ethertypes: &[],
    ports: &[22, 2222],
    buffer: 65_536, // bytes
    probe,
    dissector: || Box::new(Reading::default()),
};

/// Most bytes of lines before the identification string that a probe looks through (RFC 4253 §4.2 sets no bound).
const PREFACE_LIMIT: usize = 1024; // bytes

fn probe(data: &[u8], hint: &Hint) -> Probe {
    match data.first() {
        Some(b'S') => probe_identification(data),
        Some(0) => probe_packet(data),
        Some(b' '..=b'~') if !hint.from_client => probe_preface(data),
        _ => Probe::No,
    }
}

fn probe_identification(data: &[u8]) -> Probe {
    if data.len() < 6 {
        return if b"SSH-".starts_with(&data[..data.len().min(4)]) { Probe::More } else { Probe::No };
    }
    match data {
        [b'S', b'S', b'H', b'-', b'1'..=b'2', b'.', ..] => Probe::Yes(99),
        _ => Probe::No,
    }
}

/// Lines that a server may send before its identification string.
fn probe_preface(data: &[u8]) -> Probe {
    let looked = &data[..data.len().min(PREFACE_LIMIT)];
    match looked.windows(7).any(|w| w.starts_with(b"\nSSH-") && matches!(w[5], b'1'..=b'2') && w[6] == b'.') {
        true => Probe::Yes(90),
        false => Probe::No,
    }
}

/// A KEXINIT packet, for flows whose identification strings were not seen.
fn probe_packet(data: &[u8]) -> Probe {
    if data.len() < reading::KEXINIT_HEAD
        && data.iter().take(2).all(|&b| b == 0)
        && data.get(5).is_none_or(|&t| t == 20)
    {
        return Probe::More;
    }
    match reading::looks_like_kexinit(data) {
        true => Probe::Yes(90),
        false => Probe::No,
    }
}
