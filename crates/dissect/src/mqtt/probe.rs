//! Is it MQTT? A CONNECT says so itself; other packets are believed on the registered ports, or where much agrees.

use super::control::{
    filters, properties, string, topic_like, Head, Header, CONNACK, CONNECT, PUBLISH, SUBSCRIBE, UNSUBSCRIBE,
};
use crate::{Hint, Probe};
use ringfence_wire::Reader;

pub(super) fn probe(data: &[u8], hint: &Hint) -> Probe {
    let on_port = [1883, 1884, 8883].iter().any(|port| [hint.server_port, hint.client_port].contains(port));
    // Off the ports the first byte is a CONNECT's, a PUBLISH's or a SUBSCRIBE's.
    if !on_port && !matches!(data.first(), None | Some(0x10 | 0x30..=0x3D | 0x82 | 0x8A)) {
        return Probe::No;
    }
    let header = match Header::decode(data) {
        Head::Whole(header) => header,
        Head::More => return Probe::More,
        Head::Bad => return Probe::No,
    };
    if !header.flags_fit() {
        return Probe::No;
    }
    match header.packet_type {
        CONNECT => connect(data, &header),
        PUBLISH | SUBSCRIBE if !on_port => match looks_sound(data, &header) {
            // Off the port the packet has to be whole, and bytes after it another packet's.
            Some(true) => whole(data, &header),
            Some(false) => Probe::No,
            None => Probe::More,
        },
        kind if on_port => match every_packet(data) {
            Some(true) => Probe::Yes(if matches!(kind, PUBLISH | SUBSCRIBE | UNSUBSCRIBE) { 75 } else { 60 }),
            Some(false) => Probe::No,
            None => Probe::More,
        },
        _ => Probe::No,
    }
}

/// Do packets that look sound fill all of `data`? Only a publication may go on beyond it, and a fixed header be cut.
///
/// One short packet alone says little: one in eight thousand random bytes looks like an acknowledgement.
fn every_packet(data: &[u8]) -> Option<bool> {
    let mut rest = data;
    while !rest.is_empty() {
        let header = match Header::decode(rest) {
            Head::Whole(header) => header,
            Head::More => return Some(rest.len() < data.len() && may_begin(rest)),
            Head::Bad => return Some(false),
        };
        if !looks_sound(rest, &header)? || !ends_soundly(rest, &header)? {
            return Some(false);
        }
        match rest.get(header.size + header.remaining..) {
            Some(next) => rest = next,
            None => return if header.packet_type == PUBLISH { Some(true) } else { None },
        }
    }
    Some(true)
}

/// May a packet begin with this byte?
fn may_begin(data: &[u8]) -> bool {
    let header = |first: u8| Header { packet_type: first >> 4, flags: first & 15, remaining: 0, size: 1 };
    data.first().is_some_and(|&first| first >> 4 != 0 && header(first).flags_fit())
}

/// Of the packets without a topic: do properties and reason codes end where the packet does?
fn ends_soundly(data: &[u8], header: &Header) -> Option<bool> {
    let (remaining, kind) = (header.remaining, header.packet_type);
    if matches!(kind, CONNECT | PUBLISH | SUBSCRIBE | UNSUBSCRIBE) {
        return Some(true);
    }
    let body = data.get(header.size..)?.get(..remaining)?;
    let fifth = |from: usize| {
        let mut reader = Reader::new(body.get(from..).unwrap_or_default());
        properties(&mut reader).map(|()| reader.rest())
    };
    let granted =
        |codes: &[u8]| !codes.is_empty() && codes.iter().all(|code| matches!(code, 0..=2 | 0x11 | 0x80..=0xA2));
    Some(match (kind, remaining) {
        (CONNACK, 2) | (12 | 13, _) | (4..=7, 2) | (14, 0 | 1) | (15, 1) | (11, 2) => true,
        // A success without properties is sent without its code.
        (4..=7, 3) => matches!(body[2], 0x10 | 0x80 | 0x83 | 0x87 | 0x90..=0x92 | 0x97 | 0x99),
        (CONNACK, _) => fifth(2).is_some_and(<[u8]>::is_empty),
        (4..=7, _) => fifth(3).is_some_and(<[u8]>::is_empty),
        (14 | 15, _) => fifth(1).is_some_and(<[u8]>::is_empty),
        (9 | 11, _) => granted(&body[2..]) || fifth(2).is_some_and(granted),
        _ => false,
    })
}

fn connect(data: &[u8], header: &Header) -> Probe {
    let body = data.get(header.size..).unwrap_or_default();
    for name in [&b"\0\x04MQTT"[..], b"\0\x06MQIsdp"] {
        let there = body.len().min(name.len());
        if body[..there] == name[..there] {
            let enough = header.remaining >= name.len() + 4;
            return match (there == name.len(), enough) {
                (true, true) => Probe::Yes(99),
                (false, true) => Probe::More,
                (_, false) => Probe::No,
            };
        }
    }
    Probe::No
}

fn whole(data: &[u8], header: &Header) -> Probe {
    match data.get(header.size + header.remaining..) {
        None => Probe::More,
        Some([]) => Probe::Yes(55),
        Some(rest) => match Header::decode(rest) {
            Head::Whole(next) if next.flags_fit() && looks_sound(rest, &next) != Some(false) => Probe::Yes(60),
            Head::More => Probe::Yes(55),
            _ => Probe::No,
        },
    }
}

/// Does the packet at the front of `data` look like one? `None` where bytes are missing to tell. The answer depends on
/// the packet's own bytes alone.
pub(super) fn looks_sound(data: &[u8], header: &Header) -> Option<bool> {
    if !header.flags_fit() {
        return Some(false);
    }
    let remaining = header.remaining;
    let body = data.get(header.size..)?;
    let whole = body.get(..remaining);
    Some(match header.packet_type {
        CONNECT => {
            let start = body.get(..8.min(remaining))?;
            remaining >= 12 && (start.starts_with(b"\0\x04MQTT") || start == b"\0\x06MQIsdp")
        }
        CONNACK => (2..4096).contains(&remaining) && *body.first()? <= 1 && connack_code_fits(*body.get(1)?, remaining),
        PUBLISH => {
            if header.flags & 6 == 6 || remaining < 3 {
                return Some(false);
            }
            let length = usize::from(body.first_chunk::<2>().map(|length| u16::from_be_bytes(*length))?);
            if length + 2 > remaining {
                return Some(false);
            }
            let topic = string(&mut Reader::new(body))?;
            topic_like(topic) && !topic.iter().any(|byte| matches!(byte, b'#' | b'+'))
        }
        SUBSCRIBE | UNSUBSCRIBE if remaining > 16_384 => false,
        SUBSCRIBE | UNSUBSCRIBE => {
            let body = whole?;
            let subscribe = header.packet_type == SUBSCRIBE;
            [false, true].into_iter().any(|fifth| {
                let mut sound = true;
                filters(body, subscribe, fifth, |(topic, _)| sound &= topic_like(topic)) && sound
            })
        }
        4..=7 => remaining == 2 || (3..1024).contains(&remaining) && *body.get(2)? <= 0xA2,
        9 | 11 => (2..4096).contains(&remaining),
        12 | 13 => remaining == 0,
        14 => remaining == 0 || remaining < 1024 && *body.first()? <= 0xA2,
        15 => (1..4096).contains(&remaining) && matches!(*body.first()?, 0 | 0x18 | 0x19),
        _ => false,
    })
}

fn connack_code_fits(code: u8, remaining: usize) -> bool {
    if remaining == 2 {
        code <= 5
    } else {
        code == 0 || (0x80..=0x9F).contains(&code)
    }
}
