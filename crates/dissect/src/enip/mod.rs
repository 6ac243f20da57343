//! EtherNet/IP and CIP. ODVA CIP Vol. 1 and 2; PCCC: Allen-Bradley publication 1770-6.5.16.
//!
//! Rule 1: an answer does not say what was asked; the request is remembered by sender context or sequence count.
//! Rule 2: requests inside requests (unconnected send, multiple service packet) are read within a depth and a count.
//! Rule 3: values of tags and attributes are never kept, but for the Identity object.
//!
//! Words in `operation` that rules look at (what stops, starts, resets or programs a controller):
//!
//! | kind | operation | when |
//! |---|---|---|
//! | cip.request | `reset`, `factory_reset` | service 0x05 (the latter: Identity, type 1 or 2) |
//! | cip.request | `start`, `stop` | services 0x06, 0x07 |
//! | cip.request | `create`, `delete`, `restore`, `save`, `apply_attributes` | services 0x08, 0x09, 0x15, 0x16, 0x0d |
//! | cip.request | `set_attribute_all`, `set_attribute_list`, `set_attribute_single`, `set_member` | services 0x02, 0x04, 0x10, 0x19 |
//! | cip.request | `write_tag`, `write_tag_fragmented`, `read_modify_write_tag` | services 0x4d, 0x53, 0x4e of a tag |
//! | cip.request | `initiate_download`, `initiate_partial_write`, `download_transfer`, `clear_file` | File object (0x37) |
//! | cip.request | `initiate_upload`, `initiate_partial_read`, `upload_transfer` | File object (0x37) |
//! | cip.request | `forward_open`, `large_forward_open`, `forward_close`, `unconnected_send` | Connection Manager (0x06) |
//! | cip.request | `set_clock` | services 0x02, 0x04, 0x10 of the wall clock (class 0x8b) |
//! | cip.request | `unlock_controller` | service 0x4c of a class below the mode (class 0x8e) |
//! | cip.request | `pccc_execute` | service 0x4b of class 0x67; then also `cip.pccc` |
//! | cip.pccc | `change_mode` | functions 0x80, 0x3a; `object` is program, run or test |
//! | cip.pccc | `download_all_request`, `download_completed`, `download_…` | functions 0x50, 0x52 |
//! | cip.pccc | `upload_all_request`, `upload_completed` | functions 0x53, 0x55 |
//! | cip.pccc | `initialize_memory`, `disable_forces`, `shutdown`, `write_bytes_physical`, `…_write` | functions of command 0x0f |

mod attributes;
mod cip;
mod connection;
mod encapsulation;
mod identification;
mod memory;
mod path;
mod pccc_command;
#[cfg(test)]
mod tests;
mod words;

use crate::Protocol;

kinds! {
    message "enip.message" "CIP Vol. 2 §2-3" "An encapsulation message." {
        command: Uint Key "" "Command; absent for implicit I/O data.";
        name: Text Key "" "list_identity, register_session, send_rr_data, send_unit_data …; io_data for implicit I/O.";
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
        code: Uint Detail "" "Service byte as on the wire.";
        reply: Uint Detail "" "0: the reply bit.";
        classes: Uints Detail "" "Every class segment of the path.";
        instances: Uints Detail "" "Every instance segment of the path.";
        attributes: Uints Detail "" "Every attribute segment of the path, or listed in the request.";
        symbols: Texts Detail "" "Every symbolic segment of the path.";
        connection_class: Uint Detail "" "Class that the connection leads to, where its opening was seen.";
        connection_instance: Uint Detail "" "Instance that the connection leads to.";
    }
    response "cip.response" "CIP Vol. 1 §2-4" "An answer, about the server." {
        service: Uint Key "" "Service code without the reply bit.";
        operation: Text Key "" "As in cip.request.";
        status: Uint Key "" "General status.";
        class: Uint Detail "" "Class of the request it answers.";
        instance: Uint Detail "" "Instance of the request it answers.";
        attribute: Uint Detail "" "Attribute of the request it answers.";
        symbol: Text Detail "" "Symbol of the request it answers.";
        extended_status: Uint Key "" "First word of the additional status.";
        object: Text Detail "" "Object of the request it answers, in words.";
        code: Uint Detail "" "Service byte as on the wire.";
        reply: Uint Detail "" "1: the reply bit.";
        classes: Uints Detail "" "Every class segment of the request it answers; first those of an unconnected send.";
        instances: Uints Detail "" "Every instance segment of the request it answers.";
        attributes: Uints Detail "" "Every attribute segment of the request it answers, or listed in the answer.";
        symbols: Texts Detail "" "Every symbolic segment of the request it answers.";
        connection_class: Uint Detail "" "Class that the connection leads to, where its opening was seen.";
        connection_instance: Uint Detail "" "Instance that the connection leads to.";
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
        status: Uint Key "" "Status; only in the record of an answer that tells a failure.";
    }
    cip_connection "cip.connection" "CIP Vol. 1 §3-5.5" "A Connection Manager service: a connection opened, closed, or a request routed." {
        service: Text Key "" "forward_open, large_forward_open, forward_close, unconnected_send.";
        originator_vendor: Uint Key "" "Vendor id of the originator.";
        originator_serial: Uint Key "" "Serial number of the originator.";
        path: Text Key "" "Route (port.link …), where one was given.";
        reply: Uint Detail "" "The reply bit: 1 in an answer.";
        connection_serial: Uint Detail "" "Connection serial number.";
        classes: Uints Detail "" "Class segments of the connection path.";
        instances: Uints Detail "" "Instance segments of the connection path.";
    }
}
malformed_kind!("enip.malformed");

/// The protocol.
pub static PROTOCOL: Protocol = Protocol {
    name: "enip",
    title: "EtherNet/IP and CIP",
    source: "ODVA CIP Vol. 1 and 2",
    limits: &[
        "Implicit I/O is counted; its data is not read.",
        "Off port 44818, a conversation is not claimed by a message without a body (List Identity and the like).",
        "Of objects other than Identity, attribute values are not kept.",
        "CIP Safety, CIP Motion and CIP Security payloads are not read.",
        "Requests nested deeper than 4, or more than 256 in one packet, are left out.",
    ],
    kinds: KINDS,
    malformed: &MALFORMED,
    tcp: true,
    udp: true,
    ethertypes: &[],
    ports: &[44818, 2222],
    buffer: 65_536, // bytes
    probe: encapsulation::probe,
    dissector: || Box::new(encapsulation::Reading::default()),
};
