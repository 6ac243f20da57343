//! Variable bindings: names, values, and what of them describes the agent. RFC 3416 §3, RFC 3418 §2, RFC 6933 §2.

use super::pdu::Fault;
use super::{name, system, variable};
use crate::{Context, Who};
use ringfence_wire::ber::{integer, oid_text, tag, unsigned, BerReader, Element, OID_TEXT};

/// sysDescr.0, sysObjectID.0 and sysName.0 begin so; then the column and 0.
const SYSTEM: &[u8] = &[0x2B, 6, 1, 2, 1, 1];
/// entPhysicalEntry begins so; then the column and the index.
const ENTITY: &[u8] = &[0x2B, 6, 1, 2, 1, 47, 1, 1, 1, 1];

/// Walk the bindings of a PDU. `answers`: values come from the agent, which sent them; `sets`: it receives them.
pub(super) fn each(bindings: &[u8], answers: bool, sets: bool, cx: &mut Context<'_>) -> Result<(), Fault> {
    let mut reader = BerReader::new(bindings);
    let mut described = Described::default();
    let mut room = [0u8; OID_TEXT];
    let mut result = Ok(());
    loop {
        let (oid, value) = match pair(&mut reader) {
            Ok(Some(pair)) => pair,
            Ok(None) => break,
            Err(fault) => {
                result = Err(fault);
                break;
            }
        };
        let Some(text) = oid_text(oid, &mut room) else {
            result = Err(("name", "no object identifier"));
            continue;
        };
        match value.tag {
            tag::NULL if !answers => {
                cx.fact(&name::KIND).text(name::oid, text).emit_to(Who::Sender, Who::Receiver);
            }
            _ => {
                let agent = if sets { Who::Receiver } else { Who::Sender };
                one(text, &value, agent, cx);
                if answers {
                    described.see(oid, &value, cx);
                }
            }
        }
    }
    described.tell(cx);
    result
}

/// The next binding's name and value.
fn pair<'a>(reader: &mut BerReader<'a>) -> Result<Option<(&'a [u8], Element<'a>)>, Fault> {
    let binding = match reader.next() {
        Ok(Some(binding)) if binding.tag == tag::SEQUENCE => binding,
        Ok(Some(_)) => return Err(("binding", "of another type")),
        Ok(None) => return Ok(None),
        Err(fault) => return Err(("binding", fault.reason())),
    };
    let mut inside = binding.inside();
    match (inside.expect(tag::OID), inside.next()) {
        (Ok(Some(oid)), Ok(Some(value))) if !value.cut => Ok(Some((oid.content, value))),
        (Ok(Some(_)), _) => Err(("value", "missing or cut off")),
        _ => Err(("name", "missing")),
    }
}

fn one(oid: &[u8], value: &Element<'_>, agent: Who, cx: &mut Context<'_>) {
    let detail = cx.wants_detail();
    let mut room = [0u8; OID_TEXT];
    let fact = cx.fact(&variable::KIND).text(variable::oid, oid).text(variable::value_type, type_name(value.tag));
    if !detail {
        return fact.emit(agent);
    }
    let fact = match value.tag {
        tag::OCTET_STRING => fact.text(variable::text, value.content),
        tag::OID => fact.maybe_text(variable::value_oid, oid_text(value.content, &mut room)),
        tag::INTEGER => match integer(value.content) {
            Some(number) => fact.int(variable::number, number),
            None => fact,
        },
        0x41..=0x43 | 0x46 | 0x47 => match unsigned(value.content).and_then(|number| i64::try_from(number).ok()) {
            Some(number) => fact.int(variable::number, number),
            None => fact,
        },
        _ => fact,
    };
    fact.emit(agent);
}

fn type_name(tag: u8) -> &'static str {
    match tag {
        tag::INTEGER => "integer",
        tag::OCTET_STRING => "octet_string",
        tag::NULL => "null",
        tag::OID => "object_identifier",
        0x40 => "ip_address",
        0x41 => "counter32",
        0x42 => "gauge32",
        0x43 => "time_ticks",
        0x44 => "opaque",
        0x45 => "nsap_address",
        0x46 => "counter64",
        0x47 => "unsigned32",
        0x80 => "no_such_object",
        0x81 => "no_such_instance",
        0x82 => "end_of_mib_view",
        _ => "other",
    }
}

/// What a run of bindings says about the agent or about one physical entity.
#[derive(Default)]
struct Described<'a> {
    entity: Option<u64>,
    sys_descr: Option<&'a [u8]>,
    sys_object_id: Option<&'a [u8]>,
    sys_name: Option<&'a [u8]>,
    serial: Option<&'a [u8]>,
    model: Option<&'a [u8]>,
    firmware: Option<&'a [u8]>,
    manufacturer: Option<&'a [u8]>,
    any: bool,
}

impl<'a> Described<'a> {
    fn see(&mut self, oid: &'a [u8], value: &Element<'a>, cx: &mut Context<'_>) {
        if let Some([column, 0]) = oid.strip_prefix(SYSTEM) {
            let place = match (column, value.tag) {
                (1, tag::OCTET_STRING) => &mut self.sys_descr,
                (2, tag::OID) => &mut self.sys_object_id,
                (5, tag::OCTET_STRING) => &mut self.sys_name,
                _ => return,
            };
            if self.entity.is_none() {
                *place = Some(value.content);
                self.any = true;
                return;
            }
            self.turn(None, cx);
            self.see(oid, value, cx);
        } else if let Some([column @ 9..=13, index @ ..]) = oid.strip_prefix(ENTITY) {
            let (tag::OCTET_STRING, Some(entity)) = (value.tag, arc(index)) else { return };
            if value.content.is_empty() {
                return;
            }
            if self.entity != Some(entity) {
                self.turn(Some(entity), cx);
            }
            let place = match column {
                9 | 10 => &mut self.firmware,
                11 => &mut self.serial,
                12 => &mut self.manufacturer,
                _ => &mut self.model,
            };
            *place = Some(value.content);
            self.any = true;
        }
    }

    /// Tell what is there and go on with another entity.
    fn turn(&mut self, entity: Option<u64>, cx: &mut Context<'_>) {
        std::mem::take(self).tell(cx);
        self.entity = entity;
    }

    fn tell(self, cx: &mut Context<'_>) {
        if !self.any {
            return;
        }
        let mut room = [0u8; OID_TEXT];
        let object_id = self.sys_object_id.and_then(|oid| oid_text(oid, &mut room));
        cx.fact(&system::KIND)
            .maybe_text(system::sys_descr, self.sys_descr)
            .maybe_text(system::sys_object_id, object_id)
            .maybe_text(system::sys_name, self.sys_name)
            .maybe_text(system::serial, self.serial)
            .maybe_text(system::model, self.model)
            .maybe_text(system::firmware, self.firmware)
            .maybe_text(system::manufacturer, self.manufacturer)
            .maybe_uint(system::entity, self.entity)
            .emit(Who::Sender);
    }
}

/// The one arc that `content` consists of.
fn arc(content: &[u8]) -> Option<u64> {
    let (last, before) = content.split_last()?;
    if content.len() > 5 || last & 0x80 != 0 || before.iter().any(|octet| octet & 0x80 == 0) {
        return None;
    }
    Some(content.iter().fold(0, |value, octet| value << 7 | u64::from(octet & 0x7F)))
}
