//! Names of commands, services, classes and PCCC functions.

/// Identity object.
pub(super) const IDENTITY: u32 = 0x01;
/// Message Router object.
pub(super) const MESSAGE_ROUTER: u32 = 0x02;
/// Connection Manager object.
pub(super) const CONNECTION_MANAGER: u32 = 0x06;
/// File object.
pub(super) const FILE: u32 = 0x37;
/// Device Level Ring object.
pub(super) const RING: u32 = 0x47;
/// Port object.
pub(super) const PORT: u32 = 0xf4;
/// TCP/IP Interface object.
pub(super) const TCP_IP: u32 = 0xf5;
/// Ethernet Link object.
pub(super) const ETHERNET_LINK: u32 = 0xf6;
/// PCCC object.
pub(super) const PCCC: u32 = 0x67;
/// Template object of Logix controllers.
const TEMPLATE: u32 = 0x6c;
/// Mode object of Logix controllers.
pub(super) const MODE: u32 = 0x8e;
/// Wall clock of Logix controllers.
pub(super) const WALL_CLOCK: u32 = 0x8b;

/// Name of an encapsulation command; `None` where it is not one.
pub(super) fn command(code: u16) -> Option<&'static str> {
    Some(match code {
        0x00 => "nop",
        0x04 => "list_services",
        0x63 => "list_identity",
        0x64 => "list_interfaces",
        0x65 => "register_session",
        0x66 => "unregister_session",
        0x6f => "send_rr_data",
        0x70 => "send_unit_data",
        0x72 => "indicate_status",
        0x73 => "cancel",
        0xc8 => "start_dtls",
        _ => return None,
    })
}

/// Operation of a service of a class (`None`: the path names a tag, or nothing).
pub(super) fn service(code: u8, class: Option<u32>) -> &'static str {
    match code {
        0x01 => "get_attribute_all",
        0x02 => "set_attribute_all",
        0x03 => "get_attribute_list",
        0x04 => "set_attribute_list",
        0x05 => "reset",
        0x06 => "start",
        0x07 => "stop",
        0x08 => "create",
        0x09 => "delete",
        0x0a => "multiple_service_packet",
        0x0d => "apply_attributes",
        0x0e => "get_attribute_single",
        0x10 => "set_attribute_single",
        0x11 => "find_next_object_instance",
        0x15 => "restore",
        0x16 => "save",
        0x17 => "no_operation",
        0x18 => "get_member",
        0x19 => "set_member",
        0x1a => "insert_member",
        0x1b => "remove_member",
        0x1c => "group_sync",
        0x00..=0x31 => "other",
        _ => object_service(code, class),
    }
}

/// Operation of an answer whose request was not seen: only common services are the same for all classes.
pub(super) fn answer(code: u8) -> &'static str {
    match code {
        0x00..=0x31 => service(code, None),
        0x54 => "forward_open",
        0x5b => "large_forward_open",
        _ => "unknown",
    }
}

fn object_service(code: u8, class: Option<u32>) -> &'static str {
    match (class, code) {
        (Some(CONNECTION_MANAGER), _) => match code {
            0x4e => "forward_close",
            0x52 => "unconnected_send",
            0x54 => "forward_open",
            0x56 => "get_connection_data",
            0x57 => "search_connection_data",
            0x5a => "get_connection_owner",
            0x5b => "large_forward_open",
            _ => "other",
        },
        (Some(FILE), _) => match code {
            0x4b => "initiate_upload",
            0x4c => "initiate_download",
            0x4d => "initiate_partial_read",
            0x4e => "initiate_partial_write",
            0x4f => "upload_transfer",
            0x50 => "download_transfer",
            0x51 => "clear_file",
            _ => "other",
        },
        (Some(PCCC), 0x4b..=0x4d) => "pccc_execute",
        (Some(TEMPLATE), 0x4c) => "read_template",
        // Standard objects (below 0x64, and from 0xf0 on) have services of their own under these codes.
        (Some(0x00..=0x63 | 0xf0..=0x2ff), _) => "object_service",
        (_, 0x4c) => "read_tag",
        (_, 0x4d) => "write_tag",
        (_, 0x4e) => "read_modify_write_tag",
        (_, 0x52) => "read_tag_fragmented",
        (_, 0x53) => "write_tag_fragmented",
        (_, 0x55) => "get_instance_attribute_list",
        _ => "vendor_service",
    }
}

/// Name of a class that has a public one.
pub(super) fn class(code: u32) -> Option<&'static str> {
    Some(match code {
        0x01 => "Identity",
        0x02 => "Message Router",
        0x03 => "DeviceNet",
        0x04 => "Assembly",
        0x05 => "Connection",
        0x06 => "Connection Manager",
        0x07 => "Register",
        0x0f => "Parameter",
        0x37 => "File",
        0x43 => "Time Sync",
        0x47 => "Device Level Ring",
        0x48 => "QoS",
        0x5d => "CIP Security",
        0x5e => "EtherNet/IP Security",
        0x5f => "Certificate Management",
        0x67 => "PCCC",
        0x68 => "Program",
        0x6b => "Symbol",
        0x6c => "Template",
        0x6d => "Program Name",
        0x8b => "Wall Clock Time",
        0x8e => "Mode",
        0xac => "Change Detection",
        0xf4 => "Port",
        0xf5 => "TCP/IP Interface",
        0xf6 => "Ethernet Link",
        _ => return None,
    })
}

/// Operation of a PCCC command and function.
pub(super) fn pccc(command: u8, function: Option<u8>) -> &'static str {
    match (command, function) {
        (0x00, _) => "protected_write",
        (0x01, _) => "unprotected_read",
        (0x02, _) => "protected_bit_write",
        (0x04, _) => "physical_read",
        (0x05, _) => "unprotected_bit_write",
        (0x07, _) => "physical_write",
        (0x08, _) => "unprotected_write",
        (0x06, Some(function)) => pccc_diagnostic(function),
        (0x0f, Some(function)) => pccc_typed(function),
        _ => "other",
    }
}

fn pccc_diagnostic(function: u8) -> &'static str {
    match function {
        0x00 => "echo",
        0x01 => "read_diagnostic_counters",
        0x02 => "set_variables",
        0x03 => "diagnostic_status",
        0x04 => "set_timeout",
        0x05 => "set_naks",
        0x06 => "set_enqs",
        0x07 => "reset_diagnostic_counters",
        0x09 => "read_link_parameters",
        0x0a => "set_link_parameters",
        _ => "diagnostic_other",
    }
}

fn pccc_typed(function: u8) -> &'static str {
    match function {
        0x00 => "word_range_write",
        0x01 => "word_range_read",
        0x02 => "bit_write",
        0x11 => "get_edit_resource",
        0x12 => "return_edit_resource",
        0x17 => "read_bytes_physical",
        0x18 => "write_bytes_physical",
        0x26 => "read_modify_write",
        0x29 => "read_section_size",
        0x3a | 0x80 => "change_mode",
        0x41 => "disable_forces",
        0x50 => "download_all_request",
        0x52 => "download_completed",
        0x53 => "upload_all_request",
        0x55 => "upload_completed",
        0x57 => "initialize_memory",
        0x5e => "modify_plc2_compatibility_file",
        0x67 => "typed_write",
        0x68 => "typed_read",
        0x79 => "read_modify_write_n",
        0x81 => "open_file",
        0x82 => "close_file",
        0x88 => "execute_multiple_commands",
        0x8f => "apply_port_configuration",
        0xa1 | 0xa2 => "protected_typed_logical_read",
        0xa7 => "protected_typed_file_read",
        0xa9..=0xab => "protected_typed_logical_write",
        0xaf => "protected_typed_file_write",
        _ => "typed_other",
    }
}

/// Letters of a data file type.
pub(super) fn file_type(code: u16) -> Option<&'static str> {
    Some(match code {
        0x82 | 0x8b => "O",
        0x83 | 0x8c => "I",
        0x84 => "S",
        0x85 => "B",
        0x86 => "T",
        0x87 => "C",
        0x88 => "R",
        0x89 => "N",
        0x8a => "F",
        0x8d => "ST",
        0x8e => "A",
        0x8f => "D",
        0x91 => "L",
        0x92 => "MG",
        0x93 => "PD",
        _ => return None,
    })
}
