//! S7comm-plus (protocol id 0x72): version, opcode and function. No public specification: facts from public dissectors.
//!
//! Rule 1: a message ends with a trailer `72 version 00 00`; a PDU after one without a trailer goes on with it.

use super::reading::State;
use super::{plus_message, words};
use crate::{Context, Who};
use ringfence_wire::Reader;

/// Read one TSDU.
pub(super) fn read(tsdu: &[u8], side: usize, state: &mut State, cx: &mut Context<'_>) {
    let mut reader = Reader::new(tsdu);
    let (Some(_), Some(version), Some(length)) = (reader.u8(), reader.u8(), reader.u16()) else {
        cx.malformed("plus", "header shorter than 4 bytes");
        return;
    };
    if version == 0xff || length == 0 {
        // Keep-alives carry no opcode.
        return;
    }
    let Some(mut body) = reader.sub(usize::from(length)) else {
        cx.malformed("plus", "length larger than the TSDU");
        return;
    };
    let goes_on = state.plus_open[side];
    state.plus_open[side] = !matches!(reader.rest(), [0x72, _, 0, 0]);
    if goes_on {
        return;
    }
    if version == 3 && body.peek(0) == Some(32) {
        // A digest stands before the message.
        let _ = body.skip(33);
    }
    let Some(opcode) = body.u8() else {
        cx.malformed("plus", "no opcode");
        return;
    };
    let function = match opcode {
        0x31 | 0x32 => body.skip(2).and_then(|()| body.u16()),
        _ => None,
    };
    let operation = match (opcode, function) {
        (0x33, _) => "notification",
        // An answer is no command: its function is told, but not as an operation.
        (0x32, _) => "response",
        (_, Some(function)) => words::plus(function),
        _ => "other",
    };
    cx.fact(&plus_message::KIND)
        .text(plus_message::operation, operation)
        .uint(plus_message::version, version)
        .uint(plus_message::opcode, opcode)
        .maybe_uint(plus_message::function, function)
        .emit_to(Who::Sender, Who::Receiver);
}
