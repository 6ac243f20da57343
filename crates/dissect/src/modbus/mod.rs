//! Modbus/TCP. Modbus Application Protocol V1.1b3, Modbus Messaging on TCP/IP V1.0b.

//!
//! Rule 1: who asks is decided by port 502 where only one end has it, else by the form of the PDUs.
//! Rule 2: after bytes that are no header, the next place that looks like one is where reading goes on.

mod emit;
mod reading;
mod text;
mod transactions;

#[cfg(test)]
pub(crate) mod cases;
#[cfg(test)]
mod tests;

use crate::{Hint, Probe, Protocol};
use ringfence_wire::modbus::{request_shape, response_shape, Header, Shape, EXCEPTION, HEADER, SHAPE_BYTES};

kinds! {
    request "modbus.request" "Modbus Application Protocol V1.1b3 §6" "A function asked of a unit." {
        operation: Text Key "" "read_coils, write_single_register, … , function_<n> where it has no public name.";
        function: Uint Key "" "Function code.";
        unit: Uint Key "" "Unit identifier.";
        table: Text Key "" "coil, discrete, input or holding.";
        address: Uint Key "" "First zero-based PDU address.";
        count: Uint Key "" "How many.";
        object: Text Key "" "The object in words: `holding 40 x10`, `file 4 record 1 x2`, or a diagnostics sub-function's name.";
        sub_function: Uint Key "" "Diagnostics sub-function (8) or MEI type (43).";
        write_address: Uint Key "" "First address written (23).";
        write_count: Uint Key "" "How many are written (23).";
        transaction: Uint Detail "" "Transaction identifier.";
        byte_count: Uint Detail "bytes" "Byte count.";
        values: Uints Detail "" "Register values or coil states written; masks (22); data words (8).";
        object_id: Uint Detail "" "First identification object asked for (43/14).";
        record_counts: Uints Detail "" "Registers of each sub-request (20, 21).";
    }
    response "modbus.response" "Modbus Application Protocol V1.1b3 §6, §7" "An answer, about the server." {
        function: Uint Key "" "Function code without the exception bit.";
        unit: Uint Key "" "Unit identifier.";
        exception: Uint Key "" "Exception code.";
        status: Text Key "" "ok or the exception's name.";
        sub_function: Uint Key "" "Diagnostics sub-function (8) or MEI type (43).";
        transaction: Uint Detail "" "Transaction identifier.";
        address: Uint Detail "" "First address, echoed by a write (5, 6, 15, 16, 22) or known from the request.";
        count: Uint Detail "" "How many.";
        byte_count: Uint Detail "bytes" "Byte count.";
        values: Uints Detail "" "Register values or bits read.";
        matched: Bool Detail "" "True where the request was seen.";
        record_counts: Uints Detail "" "Registers of each sub-request (21).";
        record_bytes: Uints Detail "bytes" "Length that each sub-response states (20).";
    }
    identity "modbus.identity" "Modbus Application Protocol V1.1b3 §6.21" "Read Device Identification (43/14), about the server's unit." {
        unit: Uint Key "" "Unit identifier.";
        object_ids: Uints Key "" "Object ids, order kept.";
        values: Texts Key "" "Object values, order kept.";
        vendor_name: Text Key "" "Object 0.";
        product_code: Text Key "" "Object 1.";
        revision: Text Key "" "Object 2.";
        vendor_url: Text Key "" "Object 3.";
        product_name: Text Key "" "Object 4.";
        model_name: Text Key "" "Object 5.";
        application_name: Text Key "" "Object 6.";
    }
    server_id "modbus.server_id" "Modbus Application Protocol V1.1b3 §6.13" "Report Server ID (17), about the server's unit." {
        unit: Uint Key "" "Unit identifier.";
        id: Text Key "" "Server id and additional data, printable part.";
        running: Bool Key "" "Run indicator; absent where none is found.";
    }
}
malformed_kind!("modbus.malformed");

/// The protocol.
pub static PROTOCOL: Protocol = Protocol {
    name: "modbus",
    title: "Modbus/TCP",
    source: "Modbus Application Protocol V1.1b3, Modbus Messaging on TCP/IP V1.0b",
    limits: &[
        "Functions without a public form are named function_<n>; their data is not read.",
        "Of file records (20, 21) the first three sub-requests are named, the others counted.",
        "A device identification that spans several transactions is one record for each.",
        "Off port 502, a conversation is only claimed where its first unit is whole and of a public form, and not by a \
         short answer whose request was not seen.",
        "Modbus over UDP and Modbus RTU over TCP are not read.",
    ],
    kinds: KINDS,
    malformed: &MALFORMED,
    tcp: true,
    udp: false,
    ethertypes: &[],
    ports: &[502],
    buffer: 65_536, // bytes
    probe,
    dissector: || Box::new(reading::Reading::default()),
};

/// Longest PDU of a server's first answer that is too short to be known by its form.
const SMALL_ANSWER: usize = 3; // bytes
/// Longest PDU to unit 0 that is believed on the port though its function's form forbids it.
const MISSHAPEN: usize = 16; // bytes

/// The first unit decides. Where a byte speaks against it the answer is no, however few bytes are there.
fn probe(data: &[u8], hint: &Hint) -> Probe {
    if data.get(2..4.min(data.len())).is_some_and(|protocol| protocol.iter().any(|byte| *byte != 0)) {
        return Probe::No;
    }
    let (Some(header), Some(&function)) = (Header::decode(data), data.get(HEADER)) else {
        return if data.get(4).is_none_or(|high| *high <= 4) { Probe::More } else { Probe::No };
    };
    if header.check(function).is_err() {
        return Probe::No;
    }
    let whole = data.len() >= header.total();
    let pdu = data.get(HEADER..header.total().min(data.len())).unwrap_or_default();
    let length = usize::from(header.length) - 1;
    let shape = request_shape(pdu, length).max(response_shape(pdu, length));
    let on_port = hint.server_port == 502 || hint.client_port == 502;
    let alone = whole && followed(data, header.total()) && function & !EXCEPTION != 0;
    match (shape, on_port) {
        (Shape::Exact, true) => Probe::Yes(95),
        // A few bytes of an answer are alike in too many protocols (DICOM rejects an association with such); they are
        // believed where the port agrees, or where the request before them was.
        (Shape::Exact, false) if !hint.from_client && length <= SMALL_ANSWER => Probe::No,
        // Bytes after the first unit are another one's, or it was no unit.
        (Shape::Exact, false) if alone => Probe::Yes(if length > 2 { 80 } else { 60 }),
        // On its port a sound header that the bytes agree with is believed, whatever the function's data.
        (Shape::Possible, true) if alone => Probe::Yes(70),
        // Likewise a public function of a wrong length, but a long one to all units: so other protocols' heads look.
        (Shape::Never, true) if alone && (header.unit != 0 || length <= MISSHAPEN) => Probe::Yes(50),
        (Shape::Never, false) if pdu.len() >= SHAPE_BYTES => Probe::No,
        _ if whole => Probe::No,
        _ => Probe::More,
    }
}

/// Does a unit begin at `at`, or nothing?
fn followed(data: &[u8], at: usize) -> bool {
    match data.get(at..) {
        None | Some([]) => true,
        Some(rest) => match (Header::decode(rest), rest.get(HEADER)) {
            (Some(header), Some(function)) => header.check(*function).is_ok(),
            _ => rest.get(2..4.min(rest.len())).is_none_or(|protocol| protocol.iter().all(|byte| *byte == 0)),
        },
    }
}
