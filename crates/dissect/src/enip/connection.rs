//! Connection Manager: connections opened and closed, requests routed. CIP Vol. 1 §3-5.5.

use super::cip_connection as fact;
use super::memory::{Connection, Memory, Pending};
use super::path::{self, Target};
use crate::{Context, Who};
use ringfence_wire::Reader;

/// Connection serial, originator's vendor and serial.
type Triad = (u16, u16, u32);

fn triad(reader: &mut Reader<'_>) -> Option<Triad> {
    Some((reader.u16_le()?, reader.u16_le()?, reader.u32_le()?))
}

fn way(mut reader: Reader<'_>, words: u8, connection: &mut Connection) -> Option<()> {
    let path = reader.take(usize::from(words) * 2)?;
    let mut symbol = Vec::new();
    connection.target = path::read(path, &mut symbol, &mut connection.route)?.target;
    Some(())
}

fn opening(data: &[u8], is_large: bool) -> Option<Connection> {
    let mut reader = Reader::new(data);
    reader.skip(2)?;
    let mut connection =
        Connection { to_target: reader.u32_le()?, to_originator: reader.u32_le()?, ..Connection::default() };
    connection.triad = triad(&mut reader)?;
    // Time-out multiplier, reserved, and for each direction interval and parameters; then the trigger.
    reader.skip(4 + 2 * (4 + if is_large { 4 } else { 2 }) + 1)?;
    let words = reader.u8()?;
    way(reader, words, &mut connection)?;
    Some(connection)
}

fn closing(data: &[u8]) -> Option<Connection> {
    let mut reader = Reader::new(data);
    reader.skip(2)?;
    let mut connection = Connection { triad: triad(&mut reader)?, ..Connection::default() };
    let words = reader.u8()?;
    reader.skip(1)?;
    // The path of a close may be left out.
    let _ = way(reader, words, &mut connection);
    Some(connection)
}

/// A request to the Connection Manager, other than an unconnected send.
pub(super) fn request(
    operation: &'static str,
    data: &[u8],
    memory: &Memory,
    pending: &mut Pending,
    cx: &mut Context<'_>,
) {
    let read = match operation {
        "forward_open" => opening(data, false),
        "large_forward_open" => opening(data, true),
        "forward_close" => closing(data),
        _ => return,
    };
    let Some(connection) = read else {
        cx.malformed("connection", operation);
        return;
    };
    let known = memory.by_triad(connection.triad).filter(|_| operation == "forward_close");
    emit(operation, &connection, known.map(|known| known.target), 0, cx);
    pending.opening = Some(connection);
}

/// A request routed by an unconnected send.
pub(super) fn routed(route: &[u8], cx: &mut Context<'_>) {
    cx.fact(&fact::KIND)
        .text(fact::service, "unconnected_send")
        .maybe_text(fact::path, Some(route).filter(|route| !route.is_empty()))
        .uint(fact::reply, 0_u8)
        .emit_to(Who::Sender, Who::Receiver);
}

/// An answer of the Connection Manager.
pub(super) fn response(
    operation: &'static str,
    status: u8,
    data: &[u8],
    pending: &Pending,
    memory: &mut Memory,
    cx: &mut Context<'_>,
) {
    let Some(asked) = &pending.opening else { return };
    emit(operation, asked, None, 1, cx);
    if status != 0 {
        return;
    }
    let mut reader = Reader::new(data);
    if operation == "forward_close" {
        memory.close(asked.triad);
        return;
    }
    if let (Some(to_target), Some(to_originator)) = (reader.u32_le(), reader.u32_le()) {
        memory.open(Connection { to_target, to_originator, ..asked.clone() });
    }
}

fn emit(operation: &'static str, connection: &Connection, known: Option<Target>, reply: u8, cx: &mut Context<'_>) {
    let known = known.unwrap_or_default();
    let (_, vendor, serial) = connection.triad;
    cx.fact(&fact::KIND)
        .text(fact::service, operation)
        .uint(fact::originator_vendor, vendor)
        .uint(fact::originator_serial, serial)
        .maybe_text(fact::path, Some(&connection.route).filter(|route| !route.is_empty()))
        .uint(fact::reply, reply)
        .uint(fact::connection_serial, connection.triad.0)
        .uints(fact::classes, connection.target.classes.all().iter().chain(known.classes.all()).copied())
        .uints(fact::instances, connection.target.instances.all().iter().chain(known.instances.all()).copied())
        .emit_to(Who::Sender, Who::Receiver);
}
