//! A message as far as it can be read. RFC 1157 §4, RFC 3416 §3, RFC 3412 §6, RFC 3414 §2.4.

use ringfence_wire::ber::{integer, tag, BerFault, BerReader, Element};

/// What can't be read: the field and why.
pub(super) type Fault = (&'static str, &'static str);

/// The parts of a message that were found.
#[derive(Debug, Default)]
pub(super) struct Message<'a> {
    pub(super) version: Option<i64>,
    pub(super) community: Option<&'a [u8]>,
    pub(super) flags: Option<u8>,
    pub(super) engine_id: Option<&'a [u8]>,
    pub(super) user: Option<&'a [u8]>,
    pub(super) encrypted: bool,
    /// PDU tag number.
    pub(super) pdu_type: Option<u8>,
    pub(super) request_id: Option<i64>,
    pub(super) error_status: Option<i64>,
    pub(super) enterprise: Option<&'a [u8]>,
    pub(super) agent_address: Option<&'a [u8]>,
    pub(super) generic_trap: Option<i64>,
    pub(super) specific_trap: Option<i64>,
    /// Content of the list of variable bindings.
    pub(super) bindings: Option<&'a [u8]>,
}

impl<'a> Message<'a> {
    /// Read a datagram: what is there, and the first thing that can't be read.
    pub(super) fn decode(data: &'a [u8]) -> (Message<'a>, Result<(), Fault>) {
        let mut message = Message::default();
        let result = message.fill(data);
        (message, result)
    }

    fn fill(&mut self, data: &'a [u8]) -> Result<(), Fault> {
        let mut outer = BerReader::new(data);
        let whole = demand(&mut outer, tag::SEQUENCE, "message")?;
        let mut r = whole.inside();
        let version = number(&mut r, "version")?;
        self.version = Some(version);
        match version {
            0 | 1 => {
                self.community = Some(demand(&mut r, tag::OCTET_STRING, "community")?.content);
                self.pdu(&mut r)?;
            }
            3 => {
                self.header(&mut r)?;
                self.security(&mut r)?;
                self.scoped(&mut r)?;
            }
            _ => return Err(("version", "not 0, 1 or 3")),
        }
        if whole.cut {
            return Err(("message", "longer than the datagram"));
        }
        if !outer.is_empty() {
            return Err(("message", "shorter than the datagram"));
        }
        Ok(())
    }

    /// HeaderData of version 3.
    fn header(&mut self, r: &mut BerReader<'a>) -> Result<(), Fault> {
        let mut header = demand(r, tag::SEQUENCE, "msg_global_data")?.inside();
        number(&mut header, "msg_id")?;
        number(&mut header, "msg_max_size")?;
        self.flags = demand(&mut header, tag::OCTET_STRING, "msg_flags")?.content.first().copied();
        match number(&mut header, "msg_security_model")? {
            3 => Ok(()),
            _ => Err(("msg_security_model", "not USM")),
        }
    }

    /// UsmSecurityParameters.
    fn security(&mut self, r: &mut BerReader<'a>) -> Result<(), Fault> {
        let mut wrapped = demand(r, tag::OCTET_STRING, "msg_security_parameters")?.inside();
        let mut usm = demand(&mut wrapped, tag::SEQUENCE, "msg_security_parameters")?.inside();
        self.engine_id = Some(demand(&mut usm, tag::OCTET_STRING, "msg_authoritative_engine_id")?.content);
        number(&mut usm, "msg_authoritative_engine_boots")?;
        number(&mut usm, "msg_authoritative_engine_time")?;
        self.user = Some(demand(&mut usm, tag::OCTET_STRING, "msg_user_name")?.content);
        demand(&mut usm, tag::OCTET_STRING, "msg_authentication_parameters")?;
        demand(&mut usm, tag::OCTET_STRING, "msg_privacy_parameters")?;
        Ok(())
    }

    fn scoped(&mut self, r: &mut BerReader<'a>) -> Result<(), Fault> {
        if r.peek() == Some(tag::OCTET_STRING) {
            self.encrypted = true;
            return Ok(());
        }
        let mut scoped = demand(r, tag::SEQUENCE, "scoped_pdu")?.inside();
        demand(&mut scoped, tag::OCTET_STRING, "context_engine_id")?;
        demand(&mut scoped, tag::OCTET_STRING, "context_name")?;
        self.pdu(&mut scoped)
    }

    fn pdu(&mut self, r: &mut BerReader<'a>) -> Result<(), Fault> {
        let element = match r.next() {
            Ok(Some(element)) => element,
            Ok(None) => return Err(("pdu", "missing")),
            Err(fault) => return Err(("pdu", fault.reason())),
        };
        // A number in the long form is odd, but means the same.
        let kind = match (element.tag & 0xE0, u8::try_from(element.number)) {
            (0xA0, Ok(kind @ 0..=8)) => kind,
            _ => return Err(("pdu", "no PDU of SNMP")),
        };
        self.pdu_type = Some(kind);
        let mut pdu = element.inside();
        if kind == 4 {
            self.trap(&mut pdu)?;
        } else {
            self.request_id = Some(number(&mut pdu, "request_id")?);
            let status = number(&mut pdu, "error_status")?;
            // GetBulk has other numbers in these places.
            self.error_status = (kind != 5).then_some(status);
            number(&mut pdu, "error_index")?;
        }
        self.bindings = Some(demand(&mut pdu, tag::SEQUENCE, "variable_bindings")?.content);
        Ok(())
    }

    /// Trap-PDU of version 1.
    fn trap(&mut self, pdu: &mut BerReader<'a>) -> Result<(), Fault> {
        self.enterprise = Some(demand(pdu, tag::OID, "enterprise")?.content);
        self.agent_address = Some(demand(pdu, 0x40, "agent_addr")?.content);
        self.generic_trap = Some(number(pdu, "generic_trap")?);
        self.specific_trap = Some(number(pdu, "specific_trap")?);
        demand(pdu, 0x43, "time_stamp")?;
        Ok(())
    }
}

fn demand<'a>(r: &mut BerReader<'a>, tag: u8, field: &'static str) -> Result<Element<'a>, Fault> {
    match r.expect(tag) {
        Ok(Some(element)) => Ok(element),
        Ok(None) if r.is_empty() => Err((field, "missing")),
        Ok(None) => Err((field, "of another type")),
        Err(fault) => Err((field, BerFault::reason(fault))),
    }
}

fn number(r: &mut BerReader<'_>, field: &'static str) -> Result<i64, Fault> {
    integer(demand(r, tag::INTEGER, field)?.content).ok_or((field, "no number of 64 bits"))
}
