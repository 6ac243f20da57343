//! Is it DNS? Asked of every UDP flow, so the header's fixed bits are looked at first.
//!
//! Rule 1: away from port 53 everything must fit: flags, counts, a question that parses and, in a query, an end where
//! the message ends. On port 53 a sane header and the readable start of a question are enough, since captures cut
//! packets short.
//! Rule 2: LLMNR and NetBIOS name service have DNS's format and are other protocols: ports 5355 and 137, and names of
//! 32 letters from A to P, are left alone.

use super::message::HEADER;
use crate::{Carrier, Hint, Probe};
use domain::base::name::{Label, ParsedName};
use domain::base::{Message, Question};

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
        _ if hint.to_group => Probe::No,
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
    if length < HEADER || rest.len() >= 4 && !flags_are_sane(rest) {
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

/// Opcode known, the reserved bit clear.
fn flags_are_sane(data: &[u8]) -> bool {
    matches!(data.get(2..4), Some([high, low]) if matches!(high >> 3 & 15, 0 | 1 | 2 | 4 | 5) && low & 0x40 == 0)
}

fn datagram(data: &[u8], usual: bool, multicast: bool) -> bool {
    if data.len() < HEADER || !flags_are_sane(data) {
        return false;
    }
    let Ok(message) = Message::from_slice(data) else { return false };
    let counts = message.header_counts();
    let records = [counts.ancount(), counts.nscount(), counts.arcount()];
    if usual {
        return counts.qdcount() <= 255 && records.iter().all(|count| *count <= 1000) && readable_start(message);
    }
    let header = message.header();
    let floor =
        HEADER + usize::from(counts.qdcount()) * 5 + records.iter().map(|c| usize::from(*c) * 11).sum::<usize>();
    if floor > data.len() || !multicast && (counts.qdcount() != 1 || header.opcode().to_int() != 0) {
        return false;
    }
    if !header.qr() && !multicast {
        let clean = !header.aa() && !header.ra() && header.rcode().to_int() == 0;
        if !clean || counts.ancount() != 0 || counts.nscount() != 0 || counts.arcount() > 2 {
            return false;
        }
    }
    reads_through(message, !header.qr() && counts.arcount() == 0 && !multicast)
}

/// The first question or record has a believable name, or what there is of one does.
fn readable_start(message: &Message<[u8]>) -> bool {
    let counts = message.header_counts();
    if counts.qdcount() == 0 {
        return message.header().qr() || counts.ancount() > 0;
    }
    match message.question().next() {
        Some(Ok(question)) => class_is_known(&question) && !is_netbios(question.qname()),
        _ => name_is_cut_short(message.as_slice()),
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

/// All questions and records parse, the first name is made of characters that print, and types are known.
fn reads_through(message: &Message<[u8]>, ends_exactly: bool) -> bool {
    let mut questions = message.question();
    for (place, question) in questions.by_ref().enumerate() {
        let Ok(question) = question else { return false };
        let known = type_is_known(question.qtype().to_int()) && class_is_known(&question);
        if !known || is_netbios(question.qname()) || place == 0 && !prints(question.qname()) {
            return false;
        }
    }
    if ends_exactly {
        return questions.pos() == message.as_slice().len();
    }
    let Ok(mut answers) = questions.answer() else { return false };
    match answers.next() {
        Some(Ok(record)) => type_is_known(record.rtype().to_int()) && prints(&record.owner()),
        Some(Err(_)) => false,
        None => message.header_counts().qdcount() > 0 || message.header_counts().nscount() > 0,
    }
}

fn type_is_known(rtype: u16) -> bool {
    matches!(rtype, 1..=65 | 99..=110 | 249..=261 | 32_768 | 32_769)
}

/// IN, CH, HS, NONE, ANY; the top bit asks for a unicast answer in multicast DNS.
fn class_is_known(question: &Question<ParsedName<&[u8]>>) -> bool {
    matches!(question.qclass().to_int() & 0x7fff, 1 | 3 | 4 | 254 | 255)
}

fn prints(name: &ParsedName<&[u8]>) -> bool {
    name.iter().flat_map(Label::as_slice).all(|byte| *byte >= 0x20 && *byte != 0x7f)
}

/// First-level encoding of NetBIOS names, RFC 1001 §14.1.
fn is_netbios(name: &ParsedName<&[u8]>) -> bool {
    let first = name.first().as_slice();
    first.len() == 32 && first.iter().all(|byte| (b'A'..=b'P').contains(byte))
}
