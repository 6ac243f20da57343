//! One message after another: framing on TCP, questions, records. RFC 1035 §4, RFC 2136, RFC 6762 §18, RFC 7766 §8.
//!
//! Rule 1: what comes before a fault is told, and a fault is said once for each section.
//! Rule 2: a record whose data can't be read still has an owner, a type and a time to live.
//! Rule 3: on TCP a message is read when its two length bytes and all that they promise are there.

use super::name::{Name, Read, Style};
use super::sections::{Header, Question, Row, HEADER};
use super::{answer, mdns_answer, mdns_query, query, response, update};
use crate::{Carrier, Context, Dissector, Fact, Kind, Progress, Who};
use ringfence_wire::Reader;

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
            Message::read(data, cx, false);
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
                Message::read(message, cx, false);
                Progress::Used(2 + length)
            }
            None if cx.snapped => {
                Message::read(rest, cx, false);
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
        Message::read(data, cx, true);
        Progress::Used(data.len())
    }
}

const SECTIONS: [&str; 3] = ["answer", "authority", "additional"];

const A: u16 = 1;
const NS: u16 = 2;
const CNAME: u16 = 5;
const SOA: u16 = 6;
const PTR: u16 = 12;
const HINFO: u16 = 13;
const MX: u16 = 15;
const TXT: u16 = 16;
const AAAA: u16 = 28;
const SRV: u16 = 33;
const DNAME: u16 = 39;
const OPT: u16 = 41;
const SPF: u16 = 99;

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

/// A message being read; the name is one buffer for all names of it.
struct Message<'a> {
    bytes: &'a [u8],
    header: Header,
    multicast: bool,
    style: Style,
    name: Name,
}

impl<'a> Message<'a> {
    fn read(bytes: &'a [u8], cx: &mut Context<'_>, multicast: bool) {
        let Some(header) = Header::read(bytes) else {
            cx.malformed("header", "shorter than 12 bytes");
            return;
        };
        let style = if multicast { Style::Service } else { Style::Folded };
        let mut message = Message { bytes, header, multicast, style, name: Name::new() };
        if let Some(at) = message.questions(cx) {
            message.records(at, cx);
        }
    }

    /// Tell the questions; where the records start, unless a fault hides that.
    fn questions(&mut self, cx: &mut Context<'_>) -> Option<usize> {
        let mut at = HEADER;
        let mut faulty = false;
        for asked in 0..self.header.counts[0] {
            let Some(question) = Question::read(self.bytes, at) else {
                self.tell_lack_of_question(asked, cx);
                cx.malformed("question", "not readable");
                return None;
            };
            at = question.end;
            if !self.tell_question(asked, &question, cx) && !faulty {
                faulty = true;
                cx.malformed("question", "name not readable");
            }
        }
        self.tell_lack_of_question(self.header.counts[0], cx);
        Some(at)
    }

    /// Tell a question; false where its name can't be read.
    fn tell_question(&mut self, asked: u16, question: &Question, cx: &mut Context<'_>) -> bool {
        let detail = cx.wants_detail();
        let response = self.header.is_response();
        if response && !self.multicast {
            if asked > 0 {
                return true;
            }
            let fact = cx.fact(&response::KIND).uint(response::status, self.header.status());
            let (fact, readable) = self.tell_name(fact, response::question, question.name_at, Style::Sent, detail);
            fact.uint(response::question_type, question.rtype).emit(Who::Sender);
            return readable;
        }
        let (kind, object, sent): (&'static Kind, _, _) = if self.multicast {
            (&mdns_query::KIND, mdns_query::name, mdns_query::sent)
        } else {
            (&query::KIND, query::object, query::name)
        };
        let mut fact = cx.fact(kind);
        if !self.multicast {
            fact = fact.text(query::operation, operation(self.header.opcode()));
        }
        let (mut fact, readable) = self.tell_name(fact, object, question.name_at, self.style, true);
        if self.multicast {
            fact = fact.uint(mdns_query::record_type, question.rtype).boolean(mdns_query::repeated, response);
        } else {
            fact = fact.uint(query::record_type, question.rtype);
        }
        let (fact, _) = self.tell_name(fact, sent, question.name_at, Style::Sent, detail);
        if self.multicast {
            fact.emit(Who::Sender);
        } else {
            fact.emit_to(Who::Sender, Who::Receiver);
        }
        readable
    }

    /// The name at `at` as `field`, where it is `wanted` and can be read; false where it can't.
    fn tell_name<'c, 'x>(
        &mut self,
        fact: Fact<'c, 'x>,
        field: u8,
        at: usize,
        style: Style,
        wanted: bool,
    ) -> (Fact<'c, 'x>, bool) {
        if !wanted {
            return (fact, true);
        }
        match self.name.read(self.bytes, at, style) {
            Read::Whole(_) => (fact.text(field, self.name.text()), true),
            _ => (fact, false),
        }
    }

    /// A response that repeats no question has a status all the same.
    fn tell_lack_of_question(&self, asked: u16, cx: &mut Context<'_>) {
        if asked == 0 && self.header.is_response() && !self.multicast {
            cx.fact(&response::KIND).uint(response::status, self.header.status()).emit(Who::Sender);
        }
    }

    fn records(&mut self, mut at: usize, cx: &mut Context<'_>) {
        let [_, counts @ ..] = self.header.counts;
        for (section, count) in SECTIONS.iter().zip(counts) {
            let mut said = false;
            for _ in 0..count {
                let Some(row) = Row::read(self.bytes, at) else {
                    cx.malformed(section, "record not readable");
                    return;
                };
                let Some(data) = row.data(self.bytes) else {
                    cx.malformed(section, "record longer than the message");
                    return;
                };
                let fault = self.tell_record(&row, data, cx);
                if let Some(reason) = fault.filter(|_| !std::mem::replace(&mut said, true)) {
                    cx.malformed(section, reason);
                }
                at = row.end;
            }
        }
    }

    /// Tell a record; what of it can't be read, if anything.
    fn tell_record(&mut self, row: &Row, data: &[u8], cx: &mut Context<'_>) -> Option<&'static str> {
        if row.rtype == OPT {
            return None;
        }
        let detail = cx.wants_detail();
        let response = self.header.is_response();
        let (kind, who): (&'static Kind, _) = match (self.multicast, response) {
            (true, _) => (&mdns_answer::KIND, Who::Sender),
            (false, true) => (&answer::KIND, Who::Receiver),
            (false, false) => (&update::KIND, Who::Sender),
        };
        // The first fields of the three kinds have the same numbers, and so have all of answer and update.
        let (fact, named) = self.tell_name(cx.fact(kind), answer::name, row.name_at, self.style, true);
        let fact = fact.uint(answer::record_type, row.rtype);
        let (fact, understood) = self.tell_data(fact, row, data, detail);
        if self.multicast {
            fact.boolean(mdns_answer::question, !response).uint(mdns_answer::ttl, row.ttl).emit(who);
        } else {
            fact.uint(answer::ttl, row.ttl).emit(who);
        }
        match (named, understood) {
            (true, true) => None,
            (false, _) => Some("owner name not readable"),
            (true, false) => Some("record data not readable"),
        }
    }

    /// The fields that depend on the type; false where the data can't be read. No data at all is a deletion.
    fn tell_data<'c, 'x>(&mut self, fact: Fact<'c, 'x>, row: &Row, data: &[u8], detail: bool) -> (Fact<'c, 'x>, bool) {
        match (row.rtype, data) {
            (_, []) => (fact, true),
            (A, &[a, b, c, d]) => (fact.ip(answer::ip, [a, b, c, d]), true),
            (AAAA, _) if data.len() == 16 => (fact.ip(answer::ip, data), true),
            (A | AAAA, _) => (fact, false),
            (CNAME | DNAME | PTR | NS | SOA, _) => self.tell_target(fact, row, 0, detail),
            (MX, _) => self.tell_target(fact, row, 2, detail),
            (SRV, &[_, _, _, _, high, low, ..]) => {
                let (fact, understood) = self.tell_target(fact, row, 6, detail);
                let port = u16::from_be_bytes([high, low]);
                (if self.multicast { fact.uint(mdns_answer::port, port) } else { fact }, understood)
            }
            (SRV, _) => (fact, false),
            (TXT | SPF | HINFO, _) => {
                let field = if self.multicast { mdns_answer::texts } else { answer::texts };
                (fact.texts(field, strings(data)), true)
            }
            _ => (fact, true),
        }
    }

    /// The name that starts `offset` bytes into the data.
    fn tell_target<'c, 'x>(
        &mut self,
        fact: Fact<'c, 'x>,
        row: &Row,
        offset: usize,
        detail: bool,
    ) -> (Fact<'c, 'x>, bool) {
        let at = row.data_at + offset;
        let style = if self.multicast { Style::Sent } else { self.style };
        match self.name.read(self.bytes, at, style) {
            Read::Whole(end) if end <= row.end => {}
            _ => return (fact, false),
        }
        if self.multicast {
            return (fact.text(mdns_answer::target, self.name.text()), true);
        }
        let fact = fact.text(answer::target, self.name.text());
        self.tell_name(fact, answer::target_sent, at, Style::Sent, detail)
    }
}

// The fields that `tell_record` and `tell_data` write through `answer` have these numbers in the other kinds too.
const _: () = assert!(answer::name == mdns_answer::name && answer::record_type == mdns_answer::record_type);
const _: () = assert!(answer::ip == mdns_answer::ip && answer::ip == update::ip && answer::name == update::name);
const _: () = assert!(answer::record_type == update::record_type && answer::target == update::target);
const _: () = assert!(answer::texts == update::texts && answer::ttl == update::ttl);
const _: () = assert!(answer::target_sent == update::target_sent);

/// The strings of `data`, empty ones left out (RFC 6763 §6.4); ends at the first whose length is wrong.
fn strings(data: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut reader = Reader::new(data);
    std::iter::from_fn(move || {
        let length = reader.u8()?;
        reader.take(usize::from(length))
    })
    .filter(|text| !text.is_empty())
}
