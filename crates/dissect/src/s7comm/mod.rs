//! S7comm. S7 communication over RFC 1006; no public specification: facts from public dissectors.
//!
//! Rule 1: TPKT and COTP carry many protocols (RDP, MMS, H.323). Only a TSDU that begins with 0x32 or 0x72 is S7; a
//! claim made on the TSAPs of a connection request is taken back when the first TSDU says otherwise.
//! Rule 2: an acknowledgement without parameters is understood from its request, remembered by its PDU reference.
//! Rule 3: process values are never kept; what is kept of a read or write is the address.
//!
//! Words in `operation` that rules look at (what stops, starts, resets or programs a controller):
//!
//! | operation | when |
//! |---|---|
//! | `stop` | function 0x29 |
//! | `start` | PI service P_PROGRAM; `object` is `warm` or `cold` |
//! | `memory_reset`, `exit_hold`, `breakpoint` | programmer commands 0x0c, 0x0b, 0x0a |
//! | `force`, `modify_variable` | programmer commands 0x09, 0x08 |
//! | `write_var` | function 0x05 |
//! | `download_start`, `download_block`, `download_end` | functions 0x1a to 0x1c; `object` is the block |
//! | `insert_block` | PI services _INSE, _INS2: a downloaded block is made active |
//! | `delete_block`, `compress_memory`, `copy_ram_to_rom` | PI services _DELE, _GARB, _MODU |
//! | `upload_start`, `upload`, `upload_end` | functions 0x1d to 0x1f: the program is read out |
//! | `set_clock` | time functions 2 and 4 |
//! | `password`, `clear_password` | security functions 1 and 2 |
//! | `pi_service` | any other PI service; `object` is its name |
//! | `mode_change` | pushed by the controller: its mode has changed; `object` is the mode |
//! | S7comm-plus (`s7comm.plus`) | `set_variable`, `set_multi_variables`, `create_object`, `delete_object`, `invoke` … |

mod cotp;
mod item;
mod pdu;
mod plus;
mod reading;
mod szl;
#[cfg(test)]
mod tests;
mod userdata;
mod words;

use crate::Protocol;

kinds! {
    connect "cotp.connect" "RFC 1006, ISO 8073 §13.3" "A COTP connection request or confirm." {
        operation: Text Key "" "connect_request or connect_confirm.";
        source_tsap: Bytes Key "" "Calling TSAP.";
        destination_tsap: Bytes Key "" "Called TSAP.";
        rack: Uint Key "" "Rack asked for, from the called TSAP.";
        slot: Uint Key "" "Slot asked for, from the called TSAP.";
    }
    request "s7comm.request" "S7comm job" "A job or userdata request: subject asked object." {
        operation: Text Key "" "setup_communication, read_var, write_var, start, stop, download_start, download_block, download_end, upload_start, upload, upload_end, pi_service, read_szl, list_blocks, block_info, set_clock, read_clock, … ";
        function: Uint Key "" "Function code of a job.";
        group: Uint Key "" "Function group of userdata.";
        sub_function: Uint Key "" "Sub-function of userdata.";
        object: Text Key "" "DB1.DBX0.0 x2, the block name, the PI service, or the SZL id and index.";
        rosctr: Uint Detail "" "ROSCTR.";
        reference: Uint Detail "" "PDU reference.";
        pdu_length: Uint Detail "bytes" "Negotiated or offered PDU length.";
        area: Uints Detail "" "Area code of each item.";
        db: Uints Detail "" "DB number of each item.";
        byte_address: Uints Detail "" "Byte address of each item.";
        szl_id: Uint Detail "" "SZL id.";
        szl_index: Uint Detail "" "SZL index.";
        return_code: Uint Detail "" "Return code of the data part.";
        data_length: Uint Detail "bytes" "Length of the data part as stated.";
        item_return_codes: Uints Detail "" "Return code field of each item written.";
        item_lengths: Uints Detail "bytes" "Length of each item written.";
    }
    response "s7comm.response" "S7comm ack_data" "An answer, about the server." {
        operation: Text Key "" "As in s7comm.request.";
        function: Uint Key "" "Function code of a job.";
        group: Uint Key "" "Function group of userdata.";
        sub_function: Uint Key "" "Sub-function of userdata.";
        error_class: Uint Key "" "Error class.";
        error_code: Uint Key "" "Error code.";
        status: Text Key "" "ok or the error in words.";
        rosctr: Uint Detail "" "ROSCTR.";
        reference: Uint Detail "" "PDU reference.";
        pdu_length: Uint Detail "bytes" "Negotiated PDU length.";
        szl_id: Uint Detail "" "SZL id.";
        szl_index: Uint Detail "" "SZL index.";
        return_code: Uints Detail "" "Return code of each data item.";
        data_length: Uints Detail "bytes" "Length of each data item as stated.";
        object: Text Detail "" "Object of the request it answers, where that was seen; of a push, what it tells.";
        parameter_error: Uint Key "" "Error code of a userdata answer.";
    }
    identity "s7comm.identity" "SZL 0x0011, 0x001c" "Identity from system status lists, about the server." {
        order_number: Text Key "" "Order number (MLFB) of the module.";
        hardware_order_number: Text Key "" "Order number of the hardware.";
        hardware_version: Text Key "" "Version of the hardware.";
        firmware: Text Key "" "Firmware version.";
        station_name: Text Key "" "SZL 0x001c index 1.";
        module_name: Text Key "" "SZL 0x001c index 2.";
        plant: Text Key "" "SZL 0x001c index 3.";
        copyright: Text Key "" "SZL 0x001c index 4.";
        serial: Text Key "" "SZL 0x001c index 5.";
        module_type: Text Key "" "SZL 0x001c index 7.";
        memory_card_serial: Text Key "" "SZL 0x001c index 8.";
        versions: Uints Detail "" "Ausbg fields of SZL 0x0011 records.";
        location: Text Key "" "SZL 0x001c index 11: location designation.";
    }
    credential "s7comm.credential" "S7comm userdata, security" "A password given to a controller, sealed." {
        secret: Bytes Key "" "HMAC of the password.";
        default: Bool Key "" "True where the password is on a default list.";
    }
    plus_message "s7comm.plus" "S7comm-plus" "An S7comm-plus message, as far as it is in clear." {
        operation: Text Key "" "Of a request explore, create_object, set_multi_variables, invoke …, else response, notification or other.";
        version: Uint Key "" "Protocol version.";
        opcode: Uint Key "" "0x31 request, 0x32 response, 0x33 notification.";
        function: Uint Key "" "Function code of a request or response.";
    }
}
malformed_kind!("s7comm.malformed");

/// The protocol.
pub static PROTOCOL: Protocol = Protocol {
    name: "s7comm",
    title: "S7comm",
    source: "S7 communication over RFC 1006; no public specification: facts from public dissectors",
    limits: &[
        "Of S7comm-plus (protocol id 0x72) only version, opcode and function are read; from version 3 on parts may be \
         encrypted.",
        "Of symbolic (TIA), NCK and drive addresses only the syntax and the raw address are shown.",
        "Fragmented system status lists are read up to 32 KiB.",
    ],
    kinds: KINDS,
    malformed: &MALFORMED,
    tcp: true,
    udp: false,
    ethertypes: &[],
    ports: &[102],
    buffer: 65_536, // bytes
    probe: cotp::probe,
    dissector: || Box::new(reading::Reading::default()),
};
