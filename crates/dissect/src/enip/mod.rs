//! EtherNet/IP and CIP. ODVA CIP Vol. 1 and 2.

use crate::{Context, Dissector, Hint, Probe, Progress, Protocol};

kinds! {
    message "enip.message" "CIP Vol. 2 §2-3" "An encapsulation message." {
        command: Uint Key "" "Command.";
        name: Text Key "" "list_identity, register_session, send_rr_data, send_unit_data …";
        status: Uint Key "" "Status.";
        session: Uint Detail "" "Session handle.";
        items: Uints Key "" "Type ids of the common packet format items.";
    }
    identity "enip.identity" "CIP Vol. 2 §2-4.2" "List Identity answer, about the device." {
        vendor_id: Uint Key "" "Vendor id (name in knowledge data).";
        device_type: Uint Key "" "Device type.";
        product_code: Uint Key "" "Product code.";
        revision: Text Key "" "major.minor.";
        status: Uint Key "" "Status word.";
        serial: Uint Key "" "Serial number.";
        product_name: Text Key "" "Product name.";
        state: Uint Key "" "State.";
        ip: Ip Key "" "Address that the device states.";
    }
    request "cip.request" "CIP Vol. 1 §2-4" "A service asked of an object." {
        operation: Text Key "" "get_attribute_all, set_attribute_single, reset, start, stop, read_tag, write_tag, pccc_…, forward_open, multiple_service_packet …";
        service: Uint Key "" "Service code.";
        class: Uint Key "" "Class.";
        instance: Uint Key "" "Instance.";
        attribute: Uint Key "" "Attribute.";
        symbol: Text Key "" "Symbolic segment (tag name).";
        object: Text Key "" "The object in words: tag, or class/instance/attribute.";
        path: Text Key "" "Route through a chassis (port.link …), where one was given.";
    }
    response "cip.response" "CIP Vol. 1 §2-4" "An answer, about the server." {
        service: Uint Key "" "Service code without the reply bit.";
        operation: Text Key "" "As in cip.request.";
        status: Uint Key "" "General status.";
        class: Uint Detail "" "Class of the request it answers.";
        instance: Uint Detail "" "Instance of the request it answers.";
        attribute: Uint Detail "" "Attribute of the request it answers.";
        symbol: Text Detail "" "Symbol of the request it answers.";
    }
    cip_identity "cip.identity" "CIP Vol. 1 §5A-2" "The Identity object read, about the server (or the module behind `path`)." {
        vendor_id: Uint Key "" "Vendor id.";
        device_type: Uint Key "" "Device type.";
        product_code: Uint Key "" "Product code.";
        revision: Text Key "" "major.minor.";
        status: Uint Key "" "Status word.";
        serial: Uint Key "" "Serial number.";
        product_name: Text Key "" "Product name.";
        path: Text Key "" "Route to the module, where it is not the addressed device itself.";
    }
    pccc "cip.pccc" "Allen-Bradley pub. 1770-6.5.16" "A PCCC command executed through CIP." {
        operation: Text Key "" "protected_typed_logical_read, …, change_mode, download …";
        command: Uint Key "" "Command.";
        function: Uint Key "" "Function.";
        object: Text Key "" "Data file address where it is known.";
        status: Uint Key "" "Status.";
    }
}
malformed_kind!("enip.malformed");

/// The protocol.
pub static PROTOCOL: Protocol = Protocol {
    name: "enip",
    title: "EtherNet/IP and CIP",
    source: "ODVA CIP Vol. 1 and 2",
    limits: &["Not dissected yet."],
    kinds: KINDS,
    malformed: &MALFORMED,
    tcp: true,
    udp: true,
    ethertypes: &[],
    ports: &[44818, 2222],
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
