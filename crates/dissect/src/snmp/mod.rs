//! SNMP. RFC 3416, RFC 1157, RFC 3412.

//!
//! It is read here over `wire::ber` and not through a crate: a message that is broken, cut or encrypted still tells its
//! version, user and engine, and thousands of bindings a second are walked in place without an allocation each.
//!
//! Rule 1: a community is only ever sealed. Values are details: they may hold what is nobody's business.

mod binding;
mod pdu;
mod reading;

#[cfg(test)]
mod tests;

use crate::{Hint, Probe, Protocol};
use ringfence_wire::ber::{integer, tag, BerReader};

kinds! {
    message "snmp.message" "RFC 3416 §3" "A PDU." {
        operation: Text Key "" "get, get_next, response, set, trap_v1, get_bulk, inform, trap, report; encrypted where it can't be seen.";
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
        agent_address: Ip Key "" "Agent address of an SNMPv1 trap.";
        generic_trap: Int Key "" "generic-trap of an SNMPv1 trap.";
        specific_trap: Int Key "" "specific-trap of an SNMPv1 trap.";
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
        entity: Uint Key "" "entPhysicalIndex of the physical entity that the facts are about; absent for the agent itself.";
    }
}
malformed_kind!("snmp.malformed");

/// The protocol.
pub static PROTOCOL: Protocol = Protocol {
    name: "snmp",
    title: "SNMP",
    source: "RFC 3416, RFC 1157, RFC 3412",
    limits: &[
        "Encrypted scoped PDUs are not decrypted; user, engine and security level are still told.",
        "Security models other than USM tell their security level only.",
        "SNMP over TCP, DTLS or SSH is not read.",
        "Object names are dotted numbers; no MIB is consulted but for the system and entity groups.",
    ],
    kinds: KINDS,
    malformed: &MALFORMED,
    tcp: false,
    udp: true,
    ethertypes: &[],
    ports: &[161, 162],
    buffer: 65_536, // bytes
    probe,
    dissector: || Box::new(reading::Reading::default()),
};

/// A SEQUENCE that fills the datagram and begins with a version; then a community and a PDU, or the header of version 3.
fn probe(data: &[u8], hint: &Hint) -> Probe {
    if data.first() != Some(&tag::SEQUENCE) {
        return Probe::No;
    }
    let on_port = [161, 162].iter().any(|port| [hint.server_port, hint.client_port].contains(port));
    let mut outer = BerReader::new(data);
    let Ok(Some(message)) = outer.next() else { return Probe::No };
    if (message.cut || !outer.is_empty()) && !on_port {
        return Probe::No;
    }
    let mut inner = message.inside();
    let Ok(Some(version)) = inner.expect(tag::INTEGER) else { return Probe::No };
    let wanted = match integer(version.content) {
        Some(0 | 1) => tag::OCTET_STRING,
        Some(3) => tag::SEQUENCE,
        _ => return Probe::No,
    };
    let Ok(Some(second)) = inner.expect(wanted) else { return Probe::No };
    let fits = match inner.peek() {
        Some(next) if wanted == tag::OCTET_STRING => matches!(next, 0xA0..=0xA8),
        Some(next) => next == tag::OCTET_STRING && second.inside().peek() == Some(tag::INTEGER),
        None => false,
    };
    match (fits, on_port) {
        (true, true) => Probe::Yes(97),
        (true, false) => Probe::Yes(85),
        (false, true) => Probe::Yes(60),
        (false, false) => Probe::No,
    }
}
