//! One message after another: framing on TCP, sections, records. RFC 1035 §4, RFC 2136, RFC 6762 §18, RFC 7766 §8.
//!
//! Rule 1: records are read one at a time, so those before a fault are told and the fault is said once.
//! Rule 2: compression pointers only lead backwards and at most 255 times a name (`domain` holds this), so a loop is
//! a malformed name and never a hang.
//! Rule 3: on TCP a message is read when its two length bytes and all that they promise are there.

use super::record::{content, strings, Content};
use super::{answer, mdns_answer, mdns_query, name, query, response, update};
use crate::{Carrier, Context, Dissector, Fact, Kind, Progress, Who};
use domain::base::iana::Rtype;
use domain::base::name::ParsedName;
use domain::base::{Message, ParsedRecord};

/// Bytes of the header.
pub(super) const HEADER: usize = 12;

/// Unicast DNS.
#[derive(Default)]
pub(super) struct Dns {
    /// By direction: bytes were lost, so the next ones may start inside a message.
    astray: [bool; 2],
}

/// Multicast DNS.
pub(super) struct Mdns;

impl Dissector for Dns {
    fn read(&mut self, data: &[u8], cx: &mut Context<'_>) -> Progress {
        if cx.carrier != Carrier::Tcp {
            read_message(data, cx, false);
            return Progress::Used(data.len());
        }
        let Some((head, rest)) = data.split_first_chunk::<2>() else { return Progress::Used(0) };
        let length = usize::from(u16::from_be_bytes(*head));
        let astray = &mut self.astray[usize::from(!cx.from_client)];
        if *astray && !super::probe::framed(data, false) {
            return Progress::Used(data.len());
        }
        *astray = false;
        match rest.get(..length) {
            Some([]) => Progress::Used(2),
            Some(message) => {
                read_message(message, cx, false);
                Progress::Used(2 + length)
            }
            None if cx.snapped => {
                read_message(rest, cx, false);
                Progress::Used(data.len())
            }
            None => Progress::Used(0),
        }
    }

    fn gap(&mut self, from_client: bool, _lost: u64) {
        self.astray[usize::from(!from_client)] = true;
    }
}

impl Dissector for Mdns {
    fn read(&mut self, data: &[u8], cx: &mut Context<'_>) -> Progress {
        read_message(data, cx, true);
        Progress::Used(data.len())
    }
}

/// What the header says, as far as records depend on it.
#[derive(Clone, Copy)]
struct Head {
    multicast: bool,
    response: bool,
    opcode: u8,
    status: u8,
}

fn read_message(data: &[u8], cx: &mut Context<'_>, multicast: bool) {
    let Ok(message) = Message::from_slice(data) else {
        cx.malformed("header", "shorter than 12 bytes");
        return;
    };
    let header = message.header();
    let head =
        Head { multicast, response: header.qr(), opcode: header.opcode().to_int(), status: header.rcode().to_int() };
    let mut questions = message.question();
    let mut asked = 0_u32;
    for question in questions.by_ref() {
        let Ok(question) = question else {
            tell_question(head, asked, None, cx);
            cx.malformed("question", "name or length not readable");
            return;
        };
        tell_question(head, asked, Some((question.qname(), question.qtype())), cx);
        asked += 1;
    }
    tell_question(head, asked, None, cx);
    let mut next = questions.answer().map(Some);
    let mut place = 0;
    while let Ok(Some(mut section)) = next {
        for record in section.by_ref() {
            match record {
                Ok(record) => tell_record(head, place, &record, cx),
                Err(_) => cx.malformed(SECTIONS[place], "record not readable"),
            }
        }
        next = section.next_section();
        place = (place + 1).min(SECTIONS.len() - 1);
    }
}

const SECTIONS: [&str; 3] = ["answer", "authority", "additional"];

fn operation(opcode: u8) -> &'static str {
    match opcode {
        0 => "query",
        1 => "inverse_query",
        2 => "status",
        4 => "notify",
        5 => "update",
        _ => "other",
    }
}

/// Tell the question that is number `asked`, or, with `None`, that a message without any has none.
fn tell_question(head: Head, asked: u32, question: Option<(&ParsedName<&[u8]>, Rtype)>, cx: &mut Context<'_>) {
    match question {
        Some((asked_name, rtype)) if head.multicast => {
            let fact = cx
                .fact(&mdns_query::KIND)
                .text(mdns_query::name, name::service(asked_name))
                .uint(mdns_query::record_type, rtype.to_int())
                .boolean(mdns_query::repeated, head.response);
            fact.text(mdns_query::sent, name::sent(asked_name)).emit(Who::Sender);
        }
        Some((asked_name, rtype)) if !head.response => cx
            .fact(&query::KIND)
            .text(query::operation, operation(head.opcode))
            .text(query::object, name::key(asked_name))
            .uint(query::record_type, rtype.to_int())
            .text(query::name, name::sent(asked_name))
            .emit_to(Who::Sender, Who::Receiver),
        Some((asked_name, rtype)) if asked == 0 => cx
            .fact(&response::KIND)
            .uint(response::status, head.status)
            .text(response::question, name::sent(asked_name))
            .uint(response::question_type, rtype.to_int())
            .emit(Who::Sender),
        None if head.response && !head.multicast && asked == 0 => {
            cx.fact(&response::KIND).uint(response::status, head.status).emit(Who::Sender);
        }
        _ => {}
    }
}

fn tell_record(head: Head, place: usize, record: &ParsedRecord<'_, [u8]>, cx: &mut Context<'_>) {
    if record.rtype() == Rtype::OPT {
        return;
    }
    let content = content(record);
    if head.multicast {
        let fact = cx.fact(&mdns_answer::KIND).text(mdns_answer::name, name::service(&record.owner()));
        let fact = fact.uint(mdns_answer::record_type, record.rtype().to_int());
        tell_multicast_content(fact, &content)
            .boolean(mdns_answer::question, !head.response)
            .uint(mdns_answer::ttl, record.ttl().as_secs())
            .emit(Who::Sender);
    } else {
        let (kind, who): (&'static Kind, _) =
            if head.response { (&answer::KIND, Who::Receiver) } else { (&update::KIND, Who::Sender) };
        let fact = cx.fact(kind).text(answer::name, name::key(&record.owner()));
        let fact = fact.uint(answer::record_type, record.rtype().to_int());
        tell_content(fact, &content).uint(answer::ttl, record.ttl().as_secs()).emit(who);
    }
    if matches!(content, Content::Faulty) {
        cx.malformed(SECTIONS[place], "record data not readable");
    }
}

/// The fields of `dns.answer` and `dns.update`, which have the same numbers.
fn tell_content<'c, 'a>(fact: Fact<'c, 'a>, content: &Content<'_>) -> Fact<'c, 'a> {
    match content {
        Content::Nothing | Content::Faulty => fact,
        Content::V4(ip) => fact.ip(answer::ip, ip),
        Content::V6(ip) => fact.ip(answer::ip, ip),
        Content::Target(target) | Content::Service(target, _) => {
            fact.text(answer::target, name::key(target)).text(answer::target_sent, name::sent(target))
        }
        Content::Strings(data) => fact.texts(answer::texts, strings(data)),
    }
}

fn tell_multicast_content<'c, 'a>(fact: Fact<'c, 'a>, content: &Content<'_>) -> Fact<'c, 'a> {
    match content {
        Content::Nothing | Content::Faulty => fact,
        Content::V4(ip) => fact.ip(mdns_answer::ip, ip),
        Content::V6(ip) => fact.ip(mdns_answer::ip, ip),
        Content::Target(target) => fact.text(mdns_answer::target, name::sent(target)),
        Content::Service(target, port) => {
            fact.text(mdns_answer::target, name::sent(target)).uint(mdns_answer::port, *port)
        }
        Content::Strings(data) => fact.texts(mdns_answer::texts, strings(data)),
    }
}
