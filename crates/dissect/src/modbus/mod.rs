//! Modbus/TCP. Modbus Application Protocol V1.1b3, Modbus Messaging on TCP/IP V1.0b.

use crate::{Context, Dissector, Hint, Probe, Progress, Protocol};

kinds! {
    request "modbus.request" "Modbus Application Protocol V1.1b3 §6" "A function asked of a unit." {
        operation: Text Key "" "read_coils, write_single_register, … , function_<n> where it has no public name.";
        function: Uint Key "" "Function code.";
        unit: Uint Key "" "Unit identifier.";
        table: Text Key "" "coil, discrete, input or holding.";
        address: Uint Key "" "First zero-based PDU address.";
        count: Uint Key "" "How many.";
        object: Text Key "" "The object in words: `holding 40 x10`.";
        sub_function: Uint Key "" "Diagnostics sub-function (8) or MEI type (43).";
        write_address: Uint Key "" "First address written (23).";
        write_count: Uint Key "" "How many are written (23).";
        transaction: Uint Detail "" "Transaction identifier.";
        byte_count: Uint Detail "bytes" "Byte count.";
        values: Uints Detail "" "Register values or coil states written.";
    }
    response "modbus.response" "Modbus Application Protocol V1.1b3 §6, §7" "An answer, about the server." {
        function: Uint Key "" "Function code without the exception bit.";
        unit: Uint Key "" "Unit identifier.";
        exception: Uint Key "" "Exception code.";
        status: Text Key "" "ok or the exception's name.";
        sub_function: Uint Key "" "Diagnostics sub-function (8) or MEI type (43).";
        transaction: Uint Detail "" "Transaction identifier.";
        address: Uint Detail "" "First address, echoed by a write or known from the request.";
        count: Uint Detail "" "How many.";
        byte_count: Uint Detail "bytes" "Byte count.";
        values: Uints Detail "" "Register values read.";
        matched: Bool Detail "" "True where the request was seen.";
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
        id: Text Key "" "Server id, printable part.";
        running: Bool Key "" "Run indicator.";
    }
}
malformed_kind!("modbus.malformed");

/// The protocol.
pub static PROTOCOL: Protocol = Protocol {
    name: "modbus",
    title: "Modbus/TCP",
    source: "Modbus Application Protocol V1.1b3, Modbus Messaging on TCP/IP V1.0b",
    limits: &["Not dissected yet."],
    kinds: KINDS,
    malformed: &MALFORMED,
    tcp: true,
    udp: false,
    ethertypes: &[],
    ports: &[502],
    buffer: 65_536, // bytes
    probe,
    dissector: || Box::new(Reading),
};

fn probe(_data: &[u8], _hint: &Hint) -> Probe {
    Probe::No
}

struct Reading;

impl Dissector for Reading {
    fn read(&mut self, data: &[u8], _cx: &mut Context<'_>) -> Progress {
        Progress::Used(data.len())
    }
}
