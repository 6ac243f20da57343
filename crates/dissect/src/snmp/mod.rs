//! SNMP. RFC 3416, RFC 1157, RFC 3412.

use crate::{Context, Dissector, Hint, Probe, Progress, Protocol};

kinds! {
    message "snmp.message" "RFC 3416 §3" "A PDU." {
        operation: Text Key "" "get, get_next, response, set, trap_v1, get_bulk, inform, trap, report.";
        version: Uint Key "" "0 SNMPv1, 1 SNMPv2c, 3 SNMPv3.";
        community: Bytes Key "" "HMAC of the community.";
        default: Bool Key "" "True where the community is on a default list.";
        user: Text Key "" "msgUserName (SNMPv3).";
        engine_id: Bytes Key "" "msgAuthoritativeEngineID.";
        security_level: Text Key "" "noAuthNoPriv, authNoPriv, authPriv (SNMPv3).";
        enterprise: Text Key "" "Enterprise OID of an SNMPv1 trap.";
        error_status: Uint Key "" "error-status.";
        pdu_type: Uint Detail "" "PDU tag number (0 get … 8 report).";
        request_id: Int Detail "" "request-id.";
        object: Text Key "" "First OID of a set.";
    }
    variable "snmp.variable" "RFC 3416 §3" "A variable binding with a value, about the agent." {
        oid: Text Key "" "Object name, dotted.";
        value_type: Text Key "" "Type of the value.";
        text: Bytes Detail "" "OCTET STRING.";
        value_oid: Text Detail "" "OBJECT IDENTIFIER value, dotted.";
        number: Int Detail "" "Number.";
    }
    name "snmp.name" "RFC 3416 §3" "A variable asked for." {
        oid: Text Key "" "Object name, dotted.";
    }
    system "snmp.system" "RFC 3418 §2" "The agent's own description (system and entity groups), about the agent." {
        sys_descr: Text Key "" "sysDescr.";
        sys_object_id: Text Key "" "sysObjectID.";
        sys_name: Text Key "" "sysName.";
        serial: Text Key "" "entPhysicalSerialNum.";
        model: Text Key "" "entPhysicalModelName.";
        firmware: Text Key "" "entPhysicalSoftwareRev or entPhysicalFirmwareRev.";
        manufacturer: Text Key "" "entPhysicalMfgName.";
    }
}
malformed_kind!("snmp.malformed");

/// The protocol.
pub static PROTOCOL: Protocol = Protocol {
    name: "snmp",
    title: "SNMP",
    source: "RFC 3416, RFC 1157, RFC 3412",
    limits: &["Not dissected yet."],
    kinds: KINDS,
    malformed: &MALFORMED,
    tcp: false,
    udp: true,
    ethertypes: &[],
    ports: &[161, 162],
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
