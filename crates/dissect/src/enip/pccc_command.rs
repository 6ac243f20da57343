//! PCCC commands carried by CIP. Allen-Bradley publication 1770-6.5.16, chapter 7.

use super::{pccc as fact, words};
use crate::{Context, Who};
use ringfence_wire::Reader;
use std::io::Write;

/// Skip the requestor id: its length counts itself.
fn skip_requestor(reader: &mut Reader<'_>) -> Option<()> {
    let length = usize::from(reader.u8()?);
    reader.skip(length.checked_sub(1)?)
}

/// A command; answers its command and function, to be remembered.
pub(super) fn request(data: &[u8], object: &mut Vec<u8>, cx: &mut Context<'_>) -> Option<(u8, Option<u8>)> {
    let mut reader = Reader::new(data);
    let command = skip_requestor(&mut reader).and_then(|()| reader.u8());
    let (Some(command), Some(())) = (command, reader.skip(3)) else {
        cx.malformed("pccc", "shorter than its header");
        return None;
    };
    let function = match command {
        0x06 | 0x07 | 0x0f => reader.u8(),
        _ => None,
    };
    object.clear();
    if command == 0x0f {
        let _ = say_object(function.unwrap_or(0), reader, object);
    }
    cx.fact(&fact::KIND)
        .text(fact::operation, words::pccc(command, function))
        .uint(fact::command, command)
        .maybe_uint(fact::function, function)
        .maybe_text(fact::object, Some(&*object).filter(|object| !object.is_empty()))
        .emit_to(Who::Sender, Who::Receiver);
    Some((command, function))
}

/// A failure, told about who asked.
pub(super) fn response(sent: (u8, Option<u8>), data: &[u8], cx: &mut Context<'_>) {
    let mut reader = Reader::new(data);
    let command = skip_requestor(&mut reader).and_then(|()| reader.u8());
    let (Some(_), Some(status)) = (command, reader.u8()) else {
        cx.malformed("pccc", "answer shorter than its header");
        return;
    };
    if status == 0 {
        return;
    }
    cx.fact(&fact::KIND)
        .text(fact::operation, words::pccc(sent.0, sent.1))
        .uint(fact::command, sent.0)
        .maybe_uint(fact::function, sent.1)
        .uint(fact::status, status)
        .emit_to(Who::Receiver, Who::Sender);
}

/// One byte, or 0xff and two bytes.
fn number(reader: &mut Reader<'_>) -> Option<u16> {
    match reader.u8()? {
        0xff => reader.u16_le(),
        small => Some(u16::from(small)),
    }
}

/// The data file address (`N7:0`, `T4:2.1`) or the mode.
fn say_object(function: u8, mut reader: Reader<'_>, object: &mut Vec<u8>) -> Option<()> {
    match function {
        0x80 | 0x3a => {
            let mode = reader.u8()?;
            object.extend_from_slice(mode_name(function, mode).as_bytes());
        }
        0xa1 | 0xa2 | 0xa9..=0xab => {
            let _bytes = reader.u8()?;
            let (file, kind, element) = (number(&mut reader)?, number(&mut reader)?, number(&mut reader)?);
            let letters = words::file_type(kind).unwrap_or("?");
            write!(object, "{letters}{file}:{element}").ok()?;
            if function != 0xa1 && function != 0xa9 {
                let sub = number(&mut reader)?;
                if sub != 0 {
                    write!(object, ".{sub}").ok()?;
                }
            }
        }
        _ => {}
    }
    Some(())
}

fn mode_name(function: u8, mode: u8) -> &'static str {
    match (function, mode) {
        (0x3a, 1) | (0x80, 0 | 1) => "program",
        (0x3a, 2) | (0x80, 6) => "run",
        (0x80, 3 | 7..=9) => "test",
        _ => "other",
    }
}
