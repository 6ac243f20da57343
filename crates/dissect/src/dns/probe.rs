//! Is it DNS? Asked of every UDP flow, so the header's fixed bits are looked at first.
//!
//! Rule 1: away from port 53 everything must fit: flags, counts, a question that parses and, in a query, an end where
//! the message ends. On port 53 a sane header and the readable start of a question are enough, since captures cut
//! packets short.
//! Rule 2: LLMNR and NetBIOS name service have DNS's format and are other protocols: ports 5355 and 137, and names of
//! 32 letters from A to P, are left alone.

use super::sections::{name_is, Header, Question, Row, HEADER};
use crate::{Carrier, Hint, Probe};

const DNS_PORT: u16 = 53;
const MDNS_PORT: u16 = 5353;
const OTHERS_PORTS: [u16; 2] = [137, 5355];

fn on_port(hint: &Hint, port: u16) -> bool {
    hint.client_port == port || hint.server_port == port
}

pub(super) fn dns(data: &[u8], hint: &Hint) -> Probe {
    let usual = on_port(hint, DNS_PORT);
    if !usual && OTHERS_PORTS.iter().chain([&MDNS_PORT]).any(|port| on_port(hint, *port)) {
        return Probe::No;
    }
    match hint.carrier {
        Carrier::Tcp => stream(data, usual),
        // What is sent to a group is multicast DNS, but for hosts that look for a server by broadcast.
        _ if hint.to_group && !usual => Probe::No,
        _ => claim(datagram(data, usual, false), usual),
    }
}

pub(super) fn mdns(data: &[u8], hint: &Hint) -> Probe {
    let usual = on_port(hint, MDNS_PORT);
    let others = on_port(hint, DNS_PORT) || OTHERS_PORTS.iter().any(|port| on_port(hint, *port));
    if hint.carrier != Carrier::Udp || others || !(usual || hint.to_group) {
        return Probe::No;
    }
    claim(datagram(data, usual, true), usual)
}

fn claim(yes: bool, usual: bool) -> Probe {
    match (yes, usual) {
        (false, _) => Probe::No,
        (true, true) => Probe::Yes(95),
        (true, false) => Probe::Yes(80),
    }
}

fn stream(data: &[u8], usual: bool) -> Probe {
    let Some((head, rest)) = data.split_first_chunk::<2>() else { return Probe::More };
    let length = usize::from(u16::from_be_bytes(*head));
    if length < HEADER || rest.len() >= 4 && !flags_are_sane(rest, usual) {
        return Probe::No;
    }
    if rest.len() < HEADER {
        return if usual || length < 4096 { Probe::More } else { Probe::No };
    }
    claim(framed(data, usual), usual)
}

/// True where `data` starts with a message behind its two length bytes; a part of one will do where the port is usual.
pub(super) fn framed(data: &[u8], usual: bool) -> bool {
    let Some((head, rest)) = data.split_first_chunk::<2>() else { return false };
    let length = usize::from(u16::from_be_bytes(*head));
    match rest.get(..length) {
        Some(message) => datagram(message, usual, false),
        None => usual && length >= HEADER && datagram(rest, true, false),
    }
}

/// Opcode known, the reserved bit clear; some resolvers set that bit, which only port 53 excuses.
fn flags_are_sane(data: &[u8], usual: bool) -> bool {
    let Some([high, low]) = data.get(2..4) else { return false };
    matches!(high >> 3 & 15, 0 | 1 | 2 | 4 | 5) && (low & 0x40 == 0 || usual)
}

fn datagram(data: &[u8], usual: bool, multicast: bool) -> bool {
    if !flags_are_sane(data, usual) {
        return false;
    }
    let Some(header) = Header::read(data) else { return false };
    let [questions, records @ ..] = header.counts;
    if usual {
        return questions <= 255 && records.iter().all(|count| *count <= 1000) && readable_start(data, header);
    }
    let shortest = HEADER + usize::from(questions) * 5 + records.iter().map(|c| usize::from(*c) * 11).sum::<usize>();
    if shortest > data.len() || !multicast && (questions != 1 || header.opcode() != 0) {
        return false;
    }
    let asks = !header.is_response() && !multicast;
    if asks && (header.has_responder_bits() || header.status() != 0 || records[0] != 0 || records[1] != 0) {
        return false;
    }
    reads_through(data, header, asks && records[2] == 0)
}

/// The first question has a believable name, or what there is of one does.
fn readable_start(data: &[u8], header: Header) -> bool {
    let [questions, answers, ..] = header.counts;
    if questions == 0 {
        return header.is_response() || answers > 0;
    }
    match Question::read(data, HEADER) {
        Some(question) => class_is_known(&question) && !is_netbios(data),
        None => name_is_cut_short(data),
    }
}

/// The labels after the header run over the end of the bytes, as in a packet that was cut short.
fn name_is_cut_short(data: &[u8]) -> bool {
    let mut at = HEADER;
    while let Some(length) = data.get(at) {
        match length {
            0 => return at + 5 > data.len(),
            1..=63 => at += 1 + usize::from(*length),
            _ => return false,
        }
    }
    true
}

/// All questions and the first record parse, names are made of characters that print, and types are known.
fn reads_through(data: &[u8], header: Header, ends_exactly: bool) -> bool {
    let [questions, records @ ..] = header.counts;
    let mut at = HEADER;
    for _ in 0..questions {
        let Some(question) = Question::read(data, at) else { return false };
        let known = type_is_known(question.rtype) && class_is_known(&question);
        if !known || is_netbios(data) || !name_is(data, at, prints) {
            return false;
        }
        at = question.end;
    }
    if ends_exactly {
        return at == data.len();
    }
    if records == [0; 3] {
        return questions > 0;
    }
    match Row::read(data, at) {
        Some(row) => type_is_known(row.rtype) && row.end <= data.len() && name_is(data, at, prints),
        None => false,
    }
}

fn type_is_known(rtype: u16) -> bool {
    matches!(rtype, 1..=65 | 99..=110 | 249..=261 | 32_768 | 32_769)
}

/// IN, CH, HS, NONE, ANY; the top bit asks for a unicast answer in multicast DNS.
fn class_is_known(question: &Question) -> bool {
    matches!(question.class & 0x7fff, 1 | 3 | 4 | 254 | 255)
}

fn prints(label: &[u8]) -> bool {
    label.iter().all(|byte| *byte >= 0x20 && *byte != 0x7f)
}

/// First-level encoding of NetBIOS names in the first question, RFC 1001 §14.1.
fn is_netbios(data: &[u8]) -> bool {
    match data.get(HEADER..HEADER + 33) {
        Some([32, letters @ ..]) => letters.iter().all(|byte| (b'A'..=b'P').contains(byte)),
        _ => false,
    }
}
