//! S7comm. S7 communication over RFC 1006; no public specification: facts from public dissectors.

use crate::{Context, Dissector, Hint, Probe, Progress, Protocol};

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
    }
}
malformed_kind!("s7comm.malformed");

/// The protocol.
pub static PROTOCOL: Protocol = Protocol {
    name: "s7comm",
    title: "S7comm",
    source: "S7 communication over RFC 1006; no public specification: facts from public dissectors",
    limits: &["Not dissected yet."],
    kinds: KINDS,
    malformed: &MALFORMED,
    tcp: true,
    udp: false,
    ethertypes: &[],
    ports: &[102],
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
