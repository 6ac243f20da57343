//! The reader of one conversation: a datagram is a message.

use super::pdu::Message;
use super::{binding, message};
use crate::{Context, Dissector, Progress, Sealed, Who};
use ringfence_wire::ber::{oid_text, tag, BerReader, OID_TEXT};
use std::hash::{BuildHasher, RandomState};

/// Sealing costs two hashes; one conversation has one community, so the last one's seal is kept under a keyed digest of
/// it. The community itself is not kept.
#[derive(Default)]
pub(super) struct Reading {
    key: RandomState,
    last: Option<(u64, Sealed)>,
}

impl Dissector for Reading {
    fn read(&mut self, data: &[u8], cx: &mut Context<'_>) -> Progress {
        let (read, mut result) = Message::decode(data);
        if read.version.is_some() {
            self.emit(&read, cx);
        }
        if let Some(bindings) = read.bindings {
            let answers = matches!(read.pdu_type, Some(2 | 4 | 6 | 7 | 8));
            let walked = binding::each(bindings, answers, read.pdu_type == Some(3), cx);
            result = result.and(walked);
        }
        if let Err((field, reason)) = result {
            cx.malformed(field, reason);
        }
        Progress::Used(data.len())
    }
}

impl Reading {
    fn seal(&mut self, community: &[u8], cx: &Context<'_>) -> Sealed {
        let digest = self.key.hash_one(community);
        match self.last {
            Some((last, sealed)) if last == digest => sealed,
            _ => {
                let sealed = cx.secret(b"", community);
                self.last = Some((digest, sealed));
                sealed
            }
        }
    }

    fn emit(&mut self, read: &Message<'_>, cx: &mut Context<'_>) {
        let sealed = read.community.map(|community| self.seal(community, cx));
        let mut room = [0u8; OID_TEXT];
        let fact = cx
            .fact(&message::KIND)
            .maybe_text(message::operation, operation(read))
            .maybe_uint(message::version, read.version.and_then(unsigned))
            .maybe_text(message::community, sealed.map(|sealed| sealed.hmac))
            .maybe_uint(message::default, sealed.map(|sealed| sealed.default))
            .maybe_text(message::user, read.user)
            .maybe_text(message::engine_id, read.engine_id)
            .maybe_text(message::security_level, read.flags.map(level))
            .maybe_uint(message::error_status, read.error_status.and_then(unsigned))
            .maybe_uint(message::pdu_type, read.pdu_type);
        let fact = match read.request_id {
            Some(request_id) => fact.int(message::request_id, request_id),
            None => fact,
        };
        match (read.pdu_type, read.enterprise) {
            (Some(3), _) => {
                let name = read.bindings.and_then(first_name).and_then(|oid| oid_text(oid, &mut room));
                fact.maybe_text(message::object, name).emit_to(Who::Sender, Who::Receiver);
            }
            (_, Some(enterprise)) => {
                let fact = fact.maybe_text(message::enterprise, oid_text(enterprise, &mut room));
                let address = read.agent_address.filter(|address| address.len() == 4);
                let fact = match address {
                    Some(address) => fact.ip(message::agent_address, address),
                    None => fact,
                };
                let fact = match (read.generic_trap, read.specific_trap) {
                    (Some(generic), Some(specific)) => {
                        fact.int(message::generic_trap, generic).int(message::specific_trap, specific)
                    }
                    _ => fact,
                };
                fact.emit_to(Who::Sender, Who::Receiver);
            }
            _ => fact.emit_to(Who::Sender, Who::Receiver),
        }
    }
}

fn unsigned(number: i64) -> Option<u64> {
    u64::try_from(number).ok()
}

fn operation(read: &Message<'_>) -> Option<&'static str> {
    Some(match read.pdu_type {
        Some(0) => "get",
        Some(1) => "get_next",
        Some(2) => "response",
        Some(3) => "set",
        Some(4) => "trap_v1",
        Some(5) => "get_bulk",
        Some(6) => "inform",
        Some(7) => "trap",
        Some(_) => "report",
        None if read.encrypted => "encrypted",
        None => return None,
    })
}

fn level(flags: u8) -> &'static str {
    match flags & 3 {
        0 => "noAuthNoPriv",
        1 => "authNoPriv",
        3 => "authPriv",
        _ => "reserved",
    }
}

/// The first binding's object identifier.
fn first_name(bindings: &[u8]) -> Option<&[u8]> {
    let binding = BerReader::new(bindings).next().ok()??;
    Some(binding.inside().expect(tag::OID).ok()??.content)
}
