//! S7comm PDUs: header, jobs and their acknowledgements.

use super::reading::State;
use super::{request, response, userdata, words};
use crate::{Context, Who};
use ringfence_wire::Reader;

const JOB: u8 = 1;
const ACK: u8 = 2;
const ACK_DATA: u8 = 3;
const USERDATA: u8 = 7;

/// A PDU taken apart.
#[derive(Clone, Copy)]
pub(super) struct Pdu<'a> {
    pub rosctr: u8,
    pub reference: u16,
    pub error: u16,
    pub parameters: &'a [u8],
    pub data: &'a [u8],
}

/// Read one PDU.
pub(super) fn read(tsdu: &[u8], side: usize, state: &mut State, cx: &mut Context<'_>) {
    state.scratch.clear();
    let Some(pdu) = take_apart(tsdu, cx) else { return };
    match pdu.rosctr {
        JOB => job(&pdu, state, cx),
        ACK | ACK_DATA => acknowledgement(&pdu, state, cx),
        USERDATA => userdata::read(&pdu, side, state, cx),
        _ => cx.malformed("rosctr", "unknown"),
    }
}

fn take_apart<'a>(tsdu: &'a [u8], cx: &mut Context<'_>) -> Option<Pdu<'a>> {
    let mut reader = Reader::new(tsdu);
    // The one little-endian number of the header.
    let (Some(_), Some(rosctr), Some(_), Some(reference), Some(parameters), Some(data)) =
        (reader.u8(), reader.u8(), reader.u16(), reader.u16_le(), reader.u16(), reader.u16())
    else {
        cx.malformed("header", "shorter than 10 bytes");
        return None;
    };
    let error = match rosctr {
        ACK | ACK_DATA => reader.u16(),
        _ => Some(0),
    };
    let Some(error) = error else {
        cx.malformed("header", "shorter than 12 bytes");
        return None;
    };
    let parameters = part(&mut reader, parameters, "parameter_length", cx);
    let data = part(&mut reader, data, "data_length", cx);
    Some(Pdu { rosctr, reference, error, parameters, data })
}

/// The stated part, or what there is of it.
fn part<'a>(reader: &mut Reader<'a>, length: u16, field: &str, cx: &mut Context<'_>) -> &'a [u8] {
    match reader.take(usize::from(length)) {
        Some(bytes) => bytes,
        None => {
            cx.malformed(field, "longer than the PDU");
            let left = reader.left();
            reader.take(left).unwrap_or_default()
        }
    }
}

fn job(pdu: &Pdu<'_>, state: &mut State, cx: &mut Context<'_>) {
    let mut reader = Reader::new(pdu.parameters);
    let Some(function) = reader.u8() else {
        cx.malformed("function", "job without parameters");
        return;
    };
    let mut operation = words::job(function);
    let scratch = &mut state.scratch;
    let mut pdu_length = None;
    let readable = match function {
        0x04 | 0x05 => {
            let count = usize::from(reader.u8().unwrap_or(0));
            let named = scratch.items(&mut reader, count);
            named && (function == 0x04 || scratch.data(&mut Reader::new(pdu.data), count))
        }
        0x1a..=0x1d => file_name(reader, scratch),
        0x28 => {
            operation = pi_service(reader, scratch);
            true
        }
        0xf0 => {
            pdu_length = reader.skip(5).and_then(|()| reader.u16());
            pdu_length.is_some()
        }
        _ => true,
    };
    if !readable {
        cx.malformed("parameters", operation);
    }
    let scratch = &state.scratch;
    let object = Some(&scratch.object).filter(|object| !object.is_empty());
    cx.fact(&request::KIND)
        .text(request::operation, operation)
        .uint(request::function, function)
        .maybe_text(request::object, object)
        .uint(request::rosctr, pdu.rosctr)
        .uint(request::reference, pdu.reference)
        .maybe_uint(request::pdu_length, pdu_length)
        .uints(request::area, scratch.areas.iter().copied())
        .uints(request::db, scratch.dbs.iter().copied())
        .uints(request::byte_address, scratch.addresses.iter().copied())
        .uints(request::item_return_codes, scratch.codes.iter().copied())
        .uints(request::item_lengths, scratch.lengths.iter().copied())
        .emit_to(Who::Sender, Who::Receiver);
    state.memory.note(pdu.reference, false, function, operation, &state.scratch.object);
}

fn file_name(mut reader: Reader<'_>, scratch: &mut super::item::Scratch) -> bool {
    let name = reader.skip(7).and_then(|()| reader.u8()).and_then(|length| reader.take(usize::from(length)));
    match name {
        Some([b'_' | b'$', name @ ..]) => {
            block(name, scratch);
            true
        }
        Some(name) => {
            // Numerical controls transfer files with a path.
            scratch.say_bytes(name);
            true
        }
        None => false,
    }
}

/// Say a block's name, `0A00001P`: type, number, file system.
pub(super) fn block(name: &[u8], scratch: &mut super::item::Scratch) {
    let kind = name.get(..2).and_then(words::block_type);
    let number = name.get(2..7).and_then(|digits| std::str::from_utf8(digits).ok()?.parse::<u32>().ok());
    match (kind, number) {
        (Some(kind), Some(number)) => scratch.say(format_args!("{kind}{number}")),
        _ => scratch.say_bytes(name),
    }
}

fn pi_service(mut reader: Reader<'_>, scratch: &mut super::item::Scratch) -> &'static str {
    let (Some(()), Some(length)) = (reader.skip(7), reader.u16()) else { return "pi_service" };
    let Some(argument) = reader.take(usize::from(length)) else { return "pi_service" };
    let Some(name) = reader.u8().and_then(|length| reader.take(usize::from(length))) else { return "pi_service" };
    let operation = words::pi_service(name);
    match operation {
        "start" => scratch.say_bytes(if argument.first() == Some(&b'C') { b"cold" } else { b"warm" }),
        "insert_block" | "delete_block" => {
            for (at, name) in argument.get(2..).unwrap_or_default().chunks_exact(8).enumerate() {
                if at > 0 {
                    scratch.say(format_args!(", "));
                }
                block(name, scratch);
            }
        }
        "pi_service" => scratch.say_bytes(name),
        _ => {}
    }
    operation
}

fn acknowledgement(pdu: &Pdu<'_>, state: &mut State, cx: &mut Context<'_>) {
    let asked = state.memory.find(pdu.reference, false);
    let mut reader = Reader::new(pdu.parameters);
    let stated = reader.u8();
    let asked = asked.filter(|asked| stated.is_none_or(|function| function == asked.function));
    let operation = match (asked, stated) {
        (Some(asked), _) => asked.operation,
        (None, Some(function)) => words::job(function),
        (None, None) => "other",
    };
    let scratch = &mut state.scratch;
    let mut pdu_length = None;
    let mut data = Reader::new(pdu.data);
    let readable = match stated {
        Some(0x04) => {
            let count = usize::from(reader.u8().unwrap_or(0));
            data.is_empty() || scratch.data(&mut data, count)
        }
        Some(0x05) => {
            let count = usize::from(reader.u8().unwrap_or(0));
            scratch.codes.extend(data.rest().iter().take(count));
            true
        }
        Some(0x1b | 0x1e) if !data.is_empty() => {
            scratch.lengths.extend(data.u16().map(u32::from));
            !scratch.lengths.is_empty()
        }
        Some(0xf0) => {
            pdu_length = reader.skip(5).and_then(|()| reader.u16());
            pdu_length.is_some() || pdu.error != 0
        }
        _ => true,
    };
    if !readable {
        cx.malformed("data", operation);
    }
    let status = match (pdu.error, state.scratch.failure()) {
        (0, Some(failure)) => failure,
        (error, _) => words::error(error),
    };
    let object = asked.map(|asked| &asked.object).filter(|object| !object.is_empty());
    cx.fact(&response::KIND)
        .text(response::operation, operation)
        .maybe_uint(response::function, stated)
        .uint(response::error_class, pdu.error >> 8)
        .uint(response::error_code, pdu.error & 0xff)
        .text(response::status, status)
        .uint(response::rosctr, pdu.rosctr)
        .uint(response::reference, pdu.reference)
        .maybe_uint(response::pdu_length, pdu_length)
        .uints(response::return_code, state.scratch.codes.iter().copied())
        .uints(response::data_length, state.scratch.lengths.iter().copied())
        .maybe_text(response::object, object)
        .emit_to(Who::Sender, Who::Receiver);
}
