//! Names of functions, services and errors of S7comm.

/// Operation of a job's function code.
pub(super) fn job(function: u8) -> &'static str {
    match function {
        0x00 => "cpu_service",
        0x04 => "read_var",
        0x05 => "write_var",
        0x1a => "download_start",
        0x1b => "download_block",
        0x1c => "download_end",
        0x1d => "upload_start",
        0x1e => "upload",
        0x1f => "upload_end",
        0x28 => "pi_service",
        0x29 => "stop",
        0xf0 => "setup_communication",
        _ => "other",
    }
}

/// Operation of a PI service; its name is the object where the table has none.
pub(super) fn pi_service(name: &[u8]) -> &'static str {
    match name {
        b"P_PROGRAM" => "start",
        b"_INSE" | b"_INS2" => "insert_block",
        b"_DELE" => "delete_block",
        b"_GARB" => "compress_memory",
        b"_MODU" => "copy_ram_to_rom",
        _ => "pi_service",
    }
}

/// Function groups of userdata.
pub(super) mod group {
    pub const MODE: u8 = 0;
    pub const PROGRAMMER: u8 = 1;
    pub const CYCLIC: u8 = 2;
    pub const BLOCK: u8 = 3;
    pub const CPU: u8 = 4;
    pub const SECURITY: u8 = 5;
    pub const PBC: u8 = 6;
    pub const TIME: u8 = 7;
    pub const NC: u8 = 15;
}

/// Operation of a userdata function.
pub(super) fn userdata(group: u8, sub_function: u8) -> &'static str {
    match group {
        group::MODE => "mode_change",
        group::PROGRAMMER => programmer(sub_function),
        group::CYCLIC => match sub_function {
            1 => "cyclic_read",
            4 => "cyclic_unsubscribe",
            5 => "cyclic_read_on_change",
            _ => "cyclic_other",
        },
        group::BLOCK => match sub_function {
            1 => "list_blocks",
            2 => "list_blocks_of_type",
            3 => "block_info",
            _ => "block_other",
        },
        group::CPU => cpu(sub_function),
        group::SECURITY => match sub_function {
            1 => "password",
            2 => "clear_password",
            _ => "security_other",
        },
        group::PBC => "block_send",
        group::TIME => match sub_function {
            1 | 3 => "read_clock",
            2 | 4 => "set_clock",
            _ => "time_other",
        },
        group::NC => "nc_program",
        _ => "other",
    }
}

fn programmer(sub_function: u8) -> &'static str {
    match sub_function {
        0x01 | 0x13 => "block_status",
        0x02 => "variable_status",
        0x03..=0x05 => "output_stack",
        0x06 => "time_measurement",
        0x07 => "force_selection",
        0x08 => "modify_variable",
        0x09 => "force",
        0x0a => "breakpoint",
        0x0b => "exit_hold",
        0x0c => "memory_reset",
        0x0d => "disable_job",
        0x0e => "enable_job",
        0x0f => "delete_job",
        0x10 => "read_job_list",
        0x11 => "read_job",
        0x12 => "replace_job",
        0x16 => "flash_led",
        _ => "programmer_other",
    }
}

fn cpu(sub_function: u8) -> &'static str {
    match sub_function {
        0x01 => "read_szl",
        0x02 => "message_service",
        0x03 => "diagnostic_message",
        0x05 | 0x11 | 0x12 => "alarm",
        0x06 | 0x16 => "notify",
        0x07 => "alarm_lock",
        0x08 => "alarm_unlock",
        0x09 => "scan",
        0x0b => "alarm_acknowledge",
        0x0c => "alarm_acknowledged",
        0x0d => "alarm_locked",
        0x0e => "alarm_unlocked",
        0x13 => "alarm_query",
        _ => "cpu_other",
    }
}

/// Mode that a controller says it has changed to.
pub(super) fn mode(code: u8) -> &'static str {
    match code {
        0x00 => "stop",
        0x01 => "warm_restart",
        0x02 => "run",
        0x03 => "hot_restart",
        0x04 => "hold",
        0x06 => "cold_restart",
        0x09 => "run_redundant",
        0x0b => "link_up",
        0x0c => "update",
        _ => "other",
    }
}

/// An error in words: of the header (class and code together) or of a userdata answer.
pub(super) fn error(code: u16) -> &'static str {
    match code {
        0x0000 => "ok",
        0x8104 => "not_available",
        0x8304 | 0xd409 => "no_resources",
        0x8404 | 0x8500 => "wrong_pdu_size",
        0x8702 => "invalid_address",
        0xd201..=0xd203 => "wrong_block_name",
        0xd206 | 0xd208 => "block_too_large",
        0xd209 => "block_not_found",
        0xd20e => "block_exists",
        0xd240 => "coordination_broken",
        0xd241 => "protection_level",
        0xd401 => "unknown_szl",
        0xd402 => "unknown_szl_index",
        0xd602 | 0xd605 => "wrong_password",
        0xd604 => "already_logged_in",
        _ => match code >> 8 {
            0x81 => "application_error",
            0x82 => "object_error",
            0x83 => "resource_error",
            0x84 => "service_error",
            0x85 => "supplies_error",
            0x87 => "access_error",
            0xd2 => "block_error",
            0xd6 => "security_error",
            _ => "error",
        },
    }
}

/// A return code of one data item, where it tells a failure.
pub(super) fn return_code(code: u8) -> Option<&'static str> {
    match code {
        0x00 | 0xff => None,
        0x01 => Some("hardware_error"),
        0x03 => Some("access_denied"),
        0x05 => Some("invalid_address"),
        0x06 => Some("type_not_supported"),
        0x07 => Some("type_inconsistent"),
        0x0a => Some("does_not_exist"),
        _ => Some("item_error"),
    }
}

/// Letters of a block type, as the two ASCII digits in a file name say.
pub(super) fn block_type(code: &[u8]) -> Option<&'static str> {
    match code {
        b"00" => Some("DIR"),
        b"01" => Some("ROM"),
        b"08" => Some("OB"),
        b"09" => Some("CMOD"),
        b"0A" => Some("DB"),
        b"0B" => Some("SDB"),
        b"0C" => Some("FC"),
        b"0D" => Some("SFC"),
        b"0E" => Some("FB"),
        b"0F" => Some("SFB"),
        _ => None,
    }
}

/// Operation of an S7comm-plus function.
pub(super) fn plus(function: u16) -> &'static str {
    match function {
        0x04bb => "explore",
        0x04ca => "create_object",
        0x04d4 => "delete_object",
        0x04f2 => "set_variable",
        0x04fc => "get_variable",
        0x0506 => "add_link",
        0x051a => "remove_link",
        0x0524 => "get_link",
        0x0542 => "set_multi_variables",
        0x054c => "get_multi_variables",
        0x0556 => "begin_sequence",
        0x0560 => "end_sequence",
        0x056b => "invoke",
        0x057c => "set_var_sub_streamed",
        0x0586 => "get_var_sub_streamed",
        0x0590 => "get_variables_address",
        0x059a => "abort",
        0x05a9 => "error",
        0x05b3 => "init_ssl",
        _ => "other",
    }
}
