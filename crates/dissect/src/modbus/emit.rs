//! Records of requests and responses.

use super::text::Words;
use super::transactions::{Asked, Transactions};
use super::{identity, request, response, server_id};
use crate::{Context, Who};
use ringfence_wire::modbus::{
    diagnostic_name, exception_name, file_contents, file_records, function_name, Adu, Counted, DeviceObjects,
    FileRecord, Request, Response, Table,
};

/// What of a request stands in its record.
#[derive(Default)]
struct Facts<'a> {
    range: Option<(u16, u16)>,
    object: Option<Words>,
    sub_function: Option<u16>,
    written: Option<(u16, u16)>,
    byte_count: Option<u16>,
    object_id: Option<u8>,
    values: Values<'a>,
    /// Sub-requests of a file access.
    records: &'a [u8],
}

/// Sub-requests that are named; more are counted.
const NAMED: usize = 3;

/// Values of a PDU; walked only where details are wanted.
#[derive(Clone, Copy, Default)]
enum Values<'a> {
    #[default]
    None,
    Words([u16; 2], usize),
    Registers(&'a [u8]),
    Bits(&'a [u8], usize),
}

impl<'a> Values<'a> {
    fn each(self) -> impl Iterator<Item = u16> + 'a {
        let (words, registers, bits) = match self {
            Values::None => (([0; 2], 0), &[][..], (&[][..], 0)),
            Values::Words(words, count) => ((words, count), &[][..], (&[][..], 0)),
            Values::Registers(bytes) => (([0; 2], 0), bytes, (&[][..], 0)),
            Values::Bits(bytes, count) => (([0; 2], 0), &[][..], (bytes, count)),
        };
        let registers = Counted { stated: 0, bytes: registers }.registers();
        let bits = Counted { stated: 0, bytes: bits.0 }.bits(bits.1).map(u16::from);
        words.0.into_iter().take(words.1).chain(registers).chain(bits)
    }
}

/// Emit a request's record and remember it.
pub(super) fn request(adu: &Adu<'_>, transactions: &mut Transactions, cx: &mut Context<'_>) {
    let (asked, fault) = Request::decode(adu.pdu);
    let function = adu.function();
    let facts = facts_of(&asked);
    let unnamed;
    let operation = match (&asked, function_name(function)) {
        (Request::DeviceIdentification { .. }, _) => "read_device_identification".as_bytes(),
        (Request::Encapsulated { mei: 13, .. }, _) => "canopen_general_reference".as_bytes(),
        (_, Some(name)) => name.as_bytes(),
        (_, None) => {
            unnamed = Words::new().word("function_").number(u32::from(function));
            unnamed.as_ref()
        }
    };
    let table = facts.range.and(Table::of_function(function));
    let detail = cx.wants_detail();
    let fact = cx
        .fact(&request::KIND)
        .text(request::operation, operation)
        .uint(request::function, function)
        .uint(request::unit, adu.header.unit)
        .maybe_text(request::table, table.map(Table::name))
        .maybe_uint(request::address, facts.range.map(|range| range.0))
        .maybe_uint(request::count, facts.range.map(|range| range.1))
        .maybe_text(request::object, facts.object)
        .maybe_uint(request::sub_function, facts.sub_function)
        .maybe_uint(request::write_address, facts.written.map(|range| range.0))
        .maybe_uint(request::write_count, facts.written.map(|range| range.1));
    if detail {
        fact.uint(request::transaction, adu.header.transaction)
            .maybe_uint(request::byte_count, facts.byte_count)
            .maybe_uint(request::object_id, facts.object_id)
            .uints(request::values, facts.values.each())
            .uints(request::record_counts, file_records(function, facts.records).map(|one| one.length))
            .emit_to(Who::Sender, Who::Receiver);
    } else {
        fact.emit_to(Who::Sender, Who::Receiver);
    }
    if let Some(fault) = fault {
        cx.malformed(fault.field, fault.reason);
    }
    let (transaction, unit) = (adu.header.transaction, adu.header.unit);
    transactions.ask(Asked { transaction, unit, function, range: facts.range });
}

fn facts_of<'a>(asked: &Request<'a>) -> Facts<'a> {
    let mut facts = Facts::default();
    match *asked {
        Request::Read { address, count, .. } => facts.range = Some((address, count)),
        Request::WriteOne { function, address, value } => {
            facts.range = Some((address, 1));
            let state = if function == 5 && value == 0xFF00 { 1 } else { value };
            facts.values = Values::Words([state, 0], 1);
        }
        Request::Diagnostics { sub_function, data } => {
            facts.sub_function = Some(sub_function);
            facts.object = diagnostic_name(sub_function).map(|name| Words::new().word(name));
            facts.values = Values::Registers(data);
        }
        Request::WriteMany { function, address, count, values } => {
            facts.range = Some((address, count));
            facts.byte_count = Some(values.stated).filter(|stated| *stated > 0);
            facts.values = match function {
                15 => Values::Bits(values.bytes, usize::from(count)),
                _ => Values::Registers(values.bytes),
            };
        }
        Request::File { function, records } => {
            facts.byte_count = Some(records.stated);
            facts.object = file_object(function, records.bytes);
            facts.records = records.bytes;
        }
        Request::MaskWrite { address, and, or } => {
            facts.range = Some((address, 1));
            facts.values = Values::Words([and, or], 2);
        }
        Request::ReadWrite { read_address, read_count, write_address, write_count, values } => {
            facts.range = Some((read_address, read_count));
            facts.written = Some((write_address, write_count));
            facts.byte_count = Some(values.stated);
            facts.values = Values::Registers(values.bytes);
        }
        Request::ReadFifo { address } => facts.range = Some((address, 1)),
        Request::DeviceIdentification { object, .. } => {
            facts.sub_function = Some(14);
            facts.object_id = Some(object);
        }
        Request::Encapsulated { mei, .. } => facts.sub_function = Some(u16::from(mei)),
        Request::Bare { .. } | Request::Other { .. } => {}
    }
    if let (Some((address, count)), Some(table)) = (facts.range, Table::of_function(asked.function())) {
        facts.object = Some(Words::new().range(table.name(), address, count));
    }
    facts
}

/// `file 4 record 1 x2, file 3 record 9`, and how many more.
fn file_object(function: u8, records: &[u8]) -> Option<Words> {
    let mut words = None;
    for one in file_records(function, records).take(NAMED) {
        let before = words.map_or_else(Words::new, |words: Words| words.word(", "));
        words = Some(before.word("file ").number(u32::from(one.file)).range(" record", one.record, one.length));
    }
    match file_records(function, records).skip(NAMED).count() {
        0 => words,
        more => words.map(|words| words.word(", ").number(more as u32).word(" more")),
    }
}

/// What of a response stands in its record.
#[derive(Default)]
struct Answer<'a> {
    exception: Option<u8>,
    sub_function: Option<u16>,
    range: Option<(u16, u16)>,
    byte_count: Option<u16>,
    values: Values<'a>,
    /// Sub-responses of a file access, with the function.
    records: (u8, &'a [u8]),
}

/// Emit a response's record, and what it says about the server.
pub(super) fn response(adu: &Adu<'_>, transactions: &mut Transactions, cx: &mut Context<'_>) {
    let (answer, fault) = Response::decode(adu.pdu);
    let (transaction, unit, function) = (adu.header.transaction, adu.header.unit, adu.function());
    let asked = transactions.answer(transaction, unit, function);
    let facts = answer_of(&answer, asked.and_then(|asked| asked.range));
    let detail = cx.wants_detail();
    let fact = cx
        .fact(&response::KIND)
        .uint(response::function, function)
        .uint(response::unit, unit)
        .maybe_uint(response::exception, facts.exception)
        .text(response::status, facts.exception.map_or("ok", exception_name))
        .maybe_uint(response::sub_function, facts.sub_function);
    if detail {
        fact.uint(response::transaction, transaction)
            .maybe_uint(response::address, facts.range.map(|range| range.0))
            .maybe_uint(response::count, facts.range.map(|range| range.1))
            .maybe_uint(response::byte_count, facts.byte_count)
            .uints(response::values, facts.values.each())
            .boolean(response::matched, asked.is_some())
            .uints(response::record_counts, written(facts.records).map(|one| one.length))
            .uints(response::record_bytes, contents(facts.records).map(|one| one.0))
            .emit_to(Who::Sender, Who::Receiver);
    } else {
        fact.emit_to(Who::Sender, Who::Receiver);
    }
    match answer {
        Response::DeviceIdentification { objects, .. } => identification(unit, objects, cx),
        Response::Values { function: 17, values } => identifier(unit, values.bytes, cx),
        _ => {}
    }
    if let Some(fault) = fault {
        cx.malformed(fault.field, fault.reason);
    }
}

/// The sub-requests that an answer to function 21 echoes.
fn written((function, records): (u8, &[u8])) -> impl Iterator<Item = FileRecord<'_>> {
    file_records(function, if function == 21 { records } else { &[] })
}

/// The sub-responses of function 20.
fn contents((function, records): (u8, &[u8])) -> impl Iterator<Item = (u8, &[u8])> {
    file_contents(if function == 20 { records } else { &[] })
}

fn answer_of<'a>(answer: &Response<'a>, asked: Option<(u16, u16)>) -> Answer<'a> {
    let mut facts = Answer { range: asked, ..Answer::default() };
    match *answer {
        Response::Exception { code, .. } => facts.exception = Some(code),
        Response::Values { function, values } => {
            facts.byte_count = Some(values.stated);
            if matches!(function, 20 | 21) {
                facts.records = (function, values.bytes);
            }
            facts.values = match function {
                1 | 2 => Values::Bits(values.bytes, asked.map_or(values.bytes.len() * 8, |range| usize::from(range.1))),
                3 | 4 | 23 => Values::Registers(values.bytes),
                _ => Values::None,
            };
        }
        Response::Written { function, address, word } => {
            facts.range = Some((address, if function < 15 { 1 } else { word }));
            facts.values = match (function, word) {
                (5, 0xFF00) => Values::Words([1, 0], 1),
                (5 | 6, _) => Values::Words([word, 0], 1),
                _ => Values::None,
            };
        }
        Response::ExceptionStatus { outputs } => facts.values = Values::Words([u16::from(outputs), 0], 1),
        Response::Diagnostics { sub_function, data } => {
            facts.sub_function = Some(sub_function);
            facts.values = Values::Registers(data);
        }
        Response::EventCounter { status, count } => facts.values = Values::Words([status, count], 2),
        Response::MaskWritten { address, and, or } => {
            facts.range = Some((address, 1));
            facts.values = Values::Words([and, or], 2);
        }
        Response::Fifo { count, values } => {
            facts.range = asked.map(|range| (range.0, count));
            facts.byte_count = Some(values.stated);
            facts.values = Values::Registers(values.bytes);
        }
        Response::DeviceIdentification { .. } => facts.sub_function = Some(14),
        Response::Encapsulated { mei, .. } => facts.sub_function = Some(u16::from(mei)),
        Response::Other { .. } => {}
    }
    facts
}

fn identification(unit: u8, objects: DeviceObjects<'_>, cx: &mut Context<'_>) {
    let mut fact = cx
        .fact(&identity::KIND)
        .uint(identity::unit, unit)
        .uints(identity::object_ids, objects.map(|object| object.0))
        .texts(identity::values, objects.map(|object| object.1));
    let named = [
        identity::vendor_name,
        identity::product_code,
        identity::revision,
        identity::vendor_url,
        identity::product_name,
        identity::model_name,
        identity::application_name,
    ];
    for (id, field) in (0u8..).zip(named) {
        fact = fact.maybe_text(field, objects.into_iter().find(|object| object.0 == id).map(|object| object.1));
    }
    fact.emit(Who::Sender);
}

/// Report Server ID: an identifier of the maker's length, a run indicator (0x00 or 0xFF), additional data. V1.1b3 §6.13.
fn identifier(unit: u8, bytes: &[u8], cx: &mut Context<'_>) {
    let at = bytes.iter().skip(1).position(|byte| matches!(byte, 0 | 0xFF)).map(|at| at + 1);
    let (id, rest) = bytes.split_at(at.unwrap_or(bytes.len()));
    let mut printable = [0u8; 256];
    let mut length = 0;
    // A single byte is a number, not text.
    let id = if id.len() > 1 || at.is_none() { id } else { &[] };
    for (place, byte) in printable.iter_mut().zip(id.iter().chain(rest).filter(|byte| (0x20..0x7F).contains(*byte))) {
        *place = *byte;
        length += 1;
    }
    let running = rest.first().map(|indicator| *indicator == 0xFF);
    let fact = cx.fact(&server_id::KIND).uint(server_id::unit, unit).text(server_id::id, &printable[..length]);
    match running {
        Some(running) => fact.boolean(server_id::running, running).emit(Who::Sender),
        None => fact.emit(Who::Sender),
    }
}
