//! S7comm userdata: system status lists, blocks, clock, cyclic reads, programmer commands, security, and what a
//! controller pushes.
//!
//! Rule 1: an answer in several PDUs is put together before its content is read, within a bound.

use super::item::in_bytes;
use super::pdu::{block, Pdu};
use super::reading::State;
use super::words::{self, group};
use super::{credential, request, response, szl};
use crate::{Context, Who};
use ringfence_wire::Reader;

/// Most bytes of a fragmented answer that are kept.
const FRAGMENTED: usize = 32_768; // bytes
const REQUEST: u8 = 4;
const RESPONSE: u8 = 8;

/// An answer in several PDUs.
#[derive(Default)]
pub(super) struct Fragments {
    bytes: Vec<u8>,
    unit: u8,
}

impl Fragments {
    /// Forget what was collected.
    pub fn clear(&mut self) {
        self.bytes.clear();
    }
}

/// The parameter part.
#[derive(Clone, Copy)]
struct Head {
    kind: u8,
    group: u8,
    sub_function: u8,
    unit: u8,
    is_last: bool,
    error: u16,
}

/// The first four bytes of the data part.
#[derive(Clone, Copy)]
struct DataHead {
    code: u8,
    length: u32,
}

/// Read a userdata PDU.
pub(super) fn read(pdu: &Pdu<'_>, side: usize, state: &mut State, cx: &mut Context<'_>) {
    let Some(head) = head(pdu.parameters) else {
        cx.malformed("parameters", "userdata shorter than 8 bytes");
        return;
    };
    let mut reader = Reader::new(pdu.data);
    let data = match (reader.u8(), reader.u8(), reader.u16()) {
        (Some(code), Some(size), Some(length)) => Some(DataHead { code, length: in_bytes(size, length) }),
        _ => None,
    };
    match head.kind {
        REQUEST => asks(pdu, head, data, reader.rest(), state, cx),
        _ => tells(pdu, head, data, reader.rest(), side, state, cx),
    }
}

fn head(parameters: &[u8]) -> Option<Head> {
    let mut reader = Reader::new(parameters);
    let (_, _length, _method) = (reader.u24()?, reader.u8()?, reader.u8()?);
    let (kind, sub_function, _sequence) = (reader.u8()?, reader.u8()?, reader.u8()?);
    let (unit, is_last, error) = match (reader.u8(), reader.u8(), reader.u16()) {
        (Some(unit), Some(last), Some(error)) => (unit, last == 0, error),
        _ => (0, true, 0),
    };
    Some(Head { kind: kind >> 4, group: kind & 0x0f, sub_function, unit, is_last, error })
}

fn asks(pdu: &Pdu<'_>, head: Head, data: Option<DataHead>, body: &[u8], state: &mut State, cx: &mut Context<'_>) {
    let operation = words::userdata(head.group, head.sub_function);
    let mut status_list = None;
    let mut reader = Reader::new(body);
    match (head.group, head.sub_function) {
        (group::CPU, 1) => {
            status_list = reader.u16().zip(reader.u16());
            if let Some((id, index)) = status_list {
                state.scratch.say(format_args!("SZL 0x{id:04x} index 0x{index:04x}"));
            }
        }
        (group::CYCLIC, 1 | 5) => {
            let count = usize::from(reader.u16().unwrap_or(0)).min(255);
            let _interval = reader.u16();
            if !state.scratch.items(&mut reader, count) {
                cx.malformed("items", operation);
            }
        }
        (group::BLOCK, 2) => {
            if let Some(kind) = body.get(..2).and_then(words::block_type) {
                state.scratch.say_bytes(kind.as_bytes());
            }
        }
        (group::BLOCK, 3) if !body.is_empty() => block(body, &mut state.scratch),
        (group::SECURITY, 1) => password(body, cx),
        _ => {}
    }
    let scratch = &state.scratch;
    let object = Some(&scratch.object).filter(|object| !object.is_empty());
    cx.fact(&request::KIND)
        .text(request::operation, operation)
        .uint(request::group, head.group)
        .uint(request::sub_function, head.sub_function)
        .maybe_text(request::object, object)
        .uint(request::rosctr, pdu.rosctr)
        .uint(request::reference, pdu.reference)
        .uints(request::area, scratch.areas.iter().copied())
        .uints(request::db, scratch.dbs.iter().copied())
        .uints(request::byte_address, scratch.addresses.iter().copied())
        .maybe_uint(request::szl_id, status_list.map(|(id, _)| id))
        .maybe_uint(request::szl_index, status_list.map(|(_, index)| index))
        .maybe_uint(request::return_code, data.map(|data| data.code))
        .maybe_uint(request::data_length, data.map(|data| data.length))
        .emit_to(Who::Sender, Who::Receiver);
    let is_next = data.is_some_and(|data| data.length == 0) && state.memory.find(pdu.reference, true).is_some();
    if !is_next {
        // Asking for the next fragment keeps the object that the first request named.
        state.memory.note(pdu.reference, true, head.sub_function, operation, &state.scratch.object);
    }
}

/// The password is 8 bytes, each mixed with 0x55 and the coded byte two before it.
fn password(body: &[u8], cx: &mut Context<'_>) {
    let Some(coded) = body.first_chunk::<8>() else {
        cx.malformed("password", "shorter than 8 bytes");
        return;
    };
    let mut clear = [0; 8];
    for (at, byte) in clear.iter_mut().enumerate() {
        let before = at.checked_sub(2).and_then(|at| coded.get(at)).copied().unwrap_or(0);
        *byte = coded.get(at).copied().unwrap_or(0) ^ 0x55 ^ before;
    }
    let sealed = cx.secret(b"", clear.trim_ascii_end());
    cx.fact(&credential::KIND)
        .text(credential::secret, sealed.hmac)
        .boolean(credential::default, sealed.default)
        .emit_to(Who::Sender, Who::Receiver);
}

fn tells(
    pdu: &Pdu<'_>,
    head: Head,
    data: Option<DataHead>,
    body: &[u8],
    side: usize,
    state: &mut State,
    cx: &mut Context<'_>,
) {
    let mut collected = std::mem::take(&mut state.fragments[side]);
    let whole = collect(head, body, &mut collected);
    state.scratch.codes.extend(data.map(|data| data.code));
    state.scratch.lengths.extend(data.map(|data| data.length));
    let mut status_list = None;
    if let Some(whole) = whole {
        status_list = content(head, whole, state, cx);
    }
    state.fragments[side] = collected;
    emit_told(pdu, head, status_list, state, cx);
}

/// The whole answer where this PDU completes it.
fn collect<'a>(head: Head, body: &'a [u8], collected: &'a mut Fragments) -> Option<&'a [u8]> {
    if head.is_last && (collected.bytes.is_empty() || head.unit == 0 || collected.unit != head.unit) {
        collected.clear();
        return Some(body);
    }
    if collected.unit != head.unit {
        collected.clear();
        collected.unit = head.unit;
    }
    let room = FRAGMENTED.saturating_sub(collected.bytes.len());
    collected.bytes.extend_from_slice(&body[..body.len().min(room)]);
    if !head.is_last {
        return None;
    }
    // A unit of 0 is no unit: the next answer starts anew.
    collected.unit = 0;
    Some(&collected.bytes)
}

fn content(head: Head, body: &[u8], state: &mut State, cx: &mut Context<'_>) -> Option<(u16, u16)> {
    let mut reader = Reader::new(body);
    match (head.group, head.sub_function) {
        (group::CPU, 1) if head.kind == RESPONSE => return szl::read(body, cx),
        (group::CYCLIC, 1 | 5) => {
            let count = usize::from(reader.u16().unwrap_or(0)).min(255);
            let _ = state.scratch.data(&mut reader, count);
        }
        (group::PROGRAMMER, 2) if head.kind != RESPONSE => {
            // Watched variables: parameters, then items as in an answer to a read.
            let parameters = usize::from(reader.u16().unwrap_or(0));
            let _size = reader.u16();
            let count = reader.skip(parameters).and_then(|()| reader.u16()).unwrap_or(0);
            let _ = state.scratch.data(&mut reader, usize::from(count).min(255));
        }
        _ => {}
    }
    None
}

fn emit_told(pdu: &Pdu<'_>, head: Head, status_list: Option<(u16, u16)>, state: &State, cx: &mut Context<'_>) {
    let operation = words::userdata(head.group, head.sub_function);
    let asked = match head.kind {
        RESPONSE => state.memory.find(pdu.reference, true).filter(|asked| asked.operation == operation),
        _ => None,
    };
    let is_mode = head.group == group::MODE;
    let object = match is_mode {
        true => Some(words::mode(head.sub_function).as_bytes()),
        false => asked.map(|asked| asked.object.as_slice()).filter(|object| !object.is_empty()),
    };
    let status = match (head.error, state.scratch.failure()) {
        (0, Some(failure)) => failure,
        (error, _) => words::error(error),
    };
    cx.fact(&response::KIND)
        .text(response::operation, operation)
        .uint(response::group, head.group)
        .maybe_uint(response::sub_function, Some(head.sub_function).filter(|_| !is_mode))
        .text(response::status, status)
        .uint(response::rosctr, pdu.rosctr)
        .uint(response::reference, pdu.reference)
        .maybe_uint(response::szl_id, status_list.map(|(id, _)| id))
        .maybe_uint(response::szl_index, status_list.map(|(_, index)| index))
        .uints(response::return_code, state.scratch.codes.iter().copied())
        .uints(response::data_length, state.scratch.lengths.iter().copied())
        .maybe_text(response::object, object)
        .maybe_uint(response::parameter_error, Some(head.error).filter(|&error| error != 0))
        .emit_to(Who::Sender, Who::Receiver);
}
