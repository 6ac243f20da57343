//! The application layer: requests, answers, errors. ASHRAE 135 clause 20.1.

use super::found::{Found, Identity};
use super::route::Route;
use super::segments::{Name, Segment};
use super::shapes;
use super::tags::{self, number};
use super::{i_am, names, property, request, response, segment, wording, Bacnet};
use crate::{Context, Fact, Who};
use ringfence_wire::Reader;
use std::borrow::Cow;

/// The fixed part of an APDU.
#[derive(Clone, Copy)]
struct Head {
    pdu_type: u8,
    invoke_id: Option<u8>,
    service: Option<u8>,
    /// Sequence number and "more follows", where the message is segmented.
    segment: Option<(u8, bool)>,
}

impl Head {
    fn read(r: &mut Reader<'_>) -> Option<Self> {
        let first = r.u8()?;
        let pdu_type = first >> 4;
        if pdu_type == 0 {
            r.u8()?;
        }
        let invoke_id = if pdu_type == 1 { None } else { Some(r.u8()?) };
        let segment = match (pdu_type, first & 8 != 0) {
            (0 | 3, true) => {
                let [sequence, _window] = r.array()?;
                Some((sequence, first & 4 != 0))
            }
            _ => None,
        };
        let service = if matches!(pdu_type, 0..=3 | 5) { Some(r.u8()?) } else { None };
        Some(Head { pdu_type, invoke_id, service, segment })
    }

    fn operation(&self) -> Option<&'static str> {
        let words = if self.pdu_type == 1 { &names::UNCONFIRMED } else { &names::CONFIRMED };
        self.service.map(|service| words.get(u64::from(service)).unwrap_or("other"))
    }
}

/// Read an APDU.
pub(super) fn read(bacnet: &mut Bacnet, data: &[u8], route: &Route<'_>, cx: &mut Context<'_>) {
    let mut r = Reader::new(data);
    let Some(head) = Head::read(&mut r) else { return cx.malformed("apdu-header", "cut short") };
    if head.pdu_type > 7 {
        return cx.malformed("apdu-type", "over 7");
    }
    let Some((sequence, more)) = head.segment else { return whole(bacnet, head, r.rest(), route, cx) };
    let part = Segment { name: name(head, route, cx), sequence, more, content: r.rest() };
    match bacnet.segments.take(&part) {
        Some(joined) => whole(bacnet, head, &joined, route, cx),
        None => cx
            .fact(&segment::KIND)
            .uint(segment::pdu_type, head.pdu_type)
            .maybe_uint(segment::service, head.service)
            .maybe_uint(segment::invoke_id, head.invoke_id)
            .uint(segment::sequence, sequence)
            .boolean(segment::more, more)
            .emit_to(route.source, Who::Receiver),
    }
}

fn name(head: Head, route: &Route<'_>, cx: &Context<'_>) -> Name {
    let mut address = [0; 7];
    for (kept, byte) in address.iter_mut().zip(route.from.map_or(&[][..], |(_, address)| address)) {
        *kept = *byte;
    }
    Name {
        from_client: cx.from_client,
        pdu_type: head.pdu_type,
        invoke_id: head.invoke_id.unwrap_or(0),
        service: head.service.unwrap_or(0),
        network: route.from.map(|(network, _)| network),
        address,
    }
}

fn whole(bacnet: &mut Bacnet, head: Head, data: &[u8], route: &Route<'_>, cx: &mut Context<'_>) {
    let service = head.service.unwrap_or(0);
    let shape = match head.pdu_type {
        0 => shapes::confirmed(service),
        1 => shapes::unconfirmed(service),
        3 => shapes::answer(service),
        5 => shapes::error(service),
        _ => return answered(bacnet, head, data, route, cx),
    };
    let fault = bacnet.found.read(shape, data, cx.wants_detail()).err();
    match head.pdu_type {
        0 | 1 => asked(bacnet, head, data, route, cx),
        _ => answered(bacnet, head, data, route, cx),
    }
    if let Some(fault) = fault {
        cx.malformed("parameters", fault);
    }
}

// ---- requests ----

fn asked(bacnet: &mut Bacnet, head: Head, data: &[u8], route: &Route<'_>, cx: &mut Context<'_>) {
    let service = head.service.unwrap_or(0);
    let confirmed = head.pdu_type == 0;
    let summed = !shapes::changes(confirmed, service);
    let Bacnet { found, words, .. } = bacnet;
    let (named, more) = wording::named(found, summed);
    words.clear();
    wording::targets(words, &named, more, summed);
    parameters(words, found, confirmed, service);
    let sealed = found.password.clone().and_then(|at| data.get(at)).map(|at| cx.secret(b"", &tags::characters(at)));
    let mut fact = cx
        .fact(&request::KIND)
        .maybe_text(request::operation, head.operation())
        .uint(request::pdu_type, head.pdu_type)
        .uint(request::service, service)
        .maybe_text(request::object, (!words.is_empty()).then_some(&words));
    for target in named.iter().flatten() {
        fact = fact.uint(request::object_type, target.object.0);
        if !summed {
            fact = fact.uint(request::instance, target.object.1);
        }
        fact = fact.maybe_uint(request::property, target.property);
    }
    let to = route.to.filter(|_| !summed);
    fact = fact
        .maybe_uint(request::priority, found.priority)
        .maybe_uint(request::network, route.to.map(|(network, _)| network))
        .maybe_text(request::address, to.map(|(_, address)| address).filter(|address| !address.is_empty()))
        .maybe_uint(request::vendor_id, found.vendor)
        .maybe_text(request::secret, sealed.map(|sealed| sealed.hmac));
    if let Some(sealed) = sealed {
        fact = fact.boolean(request::default, sealed.default);
    }
    request_details(fact, head, found, data).emit_to(route.source, Who::Receiver);
    if !confirmed && service == 0 {
        introduced(data, route, cx);
    }
}

/// What is not an object: states, vendors' services.
fn parameters(words: &mut String, found: &Found, confirmed: bool, service: u8) {
    match (confirmed, service, found.state) {
        (true, 10, Some(kind)) => wording::word(words, &names::OBJECTS, "object-type", kind),
        (true, 17, Some(state)) => wording::word(words, &names::COMMUNICATION, "state", state),
        (true, 20, Some(state)) => wording::word(words, &names::REINITIALIZE, "state", state),
        _ => {}
    }
    if let (Some(vendor), Some(number)) = (found.vendor, found.number) {
        wording::word(words, &names::NONE, "vendor", vendor);
        words.push(' ');
        wording::word(words, &names::NONE, "service", number);
    }
}

fn request_details<'c, 'a>(mut fact: Fact<'c, 'a>, head: Head, found: &Found, data: &[u8]) -> Fact<'c, 'a> {
    fact = fact.maybe_uint(request::invoke_id, head.invoke_id);
    fact = match head.pdu_type {
        0 => fact.maybe_uint(request::confirmed_service, head.service),
        _ => fact.maybe_uint(request::unconfirmed_service, head.service),
    };
    fact = fact
        .maybe_uint(request::state, found.state)
        .maybe_uint(request::minutes, found.minutes)
        .maybe_uint(request::range_low, found.low)
        .maybe_uint(request::range_high, found.high)
        .texts(request::values, &found.values);
    for (kind, instance) in &found.objects {
        fact = fact.uint(request::all_object_types, *kind).uint(request::all_instances, *instance);
    }
    for property in &found.properties {
        fact = fact.uint(request::all_properties, *property);
    }
    for real in &found.reals {
        fact = fact.text(request::reals, real.to_string());
    }
    for name in texts(&found.names, data) {
        fact = fact.text(request::object_names, name);
    }
    fact
}

fn texts<'d>(ranges: &'d [std::ops::Range<usize>], data: &'d [u8]) -> impl Iterator<Item = Cow<'d, [u8]>> + use<'d> {
    ranges.iter().filter_map(move |at| data.get(at.clone())).map(tags::characters)
}

/// I-Am: object, largest APDU, segmentation, vendor (§16.10.1).
fn introduced(data: &[u8], route: &Route<'_>, cx: &mut Context<'_>) {
    let mut r = Reader::new(data);
    let mut one = |wanted| match tags::next(&mut r) {
        Ok(Some(tag)) if tag.class == tags::Class::Application && tag.number == wanted => Some(tag.content),
        _ => None,
    };
    let device = one(number::OBJECT).and_then(tags::object);
    let (apdu, segmentation, vendor) = (one(number::UNSIGNED), one(number::ENUMERATED), one(number::UNSIGNED));
    let Some((8, instance)) = device else { return cx.malformed("i-am", "no device object") };
    cx.fact(&i_am::KIND)
        .uint(i_am::instance, instance)
        .maybe_uint(i_am::vendor_id, vendor.and_then(tags::unsigned))
        .maybe_uint(i_am::max_apdu, apdu.and_then(tags::unsigned))
        .maybe_uint(i_am::segmentation, segmentation.and_then(tags::unsigned))
        .maybe_uint(i_am::network, route.from.map(|(network, _)| network))
        .maybe_text(i_am::address, route.from.map(|(_, address)| address))
        .emit(route.source);
}

// ---- answers ----

fn answered(bacnet: &mut Bacnet, head: Head, data: &[u8], route: &Route<'_>, cx: &mut Context<'_>) {
    let Bacnet { found, words, segments } = bacnet;
    if matches!(head.pdu_type, 2 | 4 | 6 | 7) {
        found.clear();
    }
    let reason = match head.pdu_type {
        6 | 7 => data.first().map(|reason| u64::from(*reason)),
        _ => None,
    };
    if head.pdu_type == 7 {
        segments.abort(head.invoke_id.unwrap_or(0));
    }
    let class = found.error_classes.first().copied().filter(|_| head.pdu_type == 5);
    let code = found.error_codes.first().copied().filter(|_| head.pdu_type == 5).or(reason);
    words.clear();
    status(words, head.pdu_type, class, code);
    let mut fact = cx
        .fact(&response::KIND)
        .maybe_text(response::operation, head.operation())
        .uint(response::pdu_type, head.pdu_type)
        .maybe_uint(response::service, head.service)
        .maybe_text(response::status, (!words.is_empty()).then_some(&words))
        .maybe_uint(response::error_class, class)
        .maybe_uint(response::error_code, code)
        .maybe_uint(response::invoke_id, head.invoke_id)
        .maybe_uint(response::network, route.from.map(|(network, _)| network))
        .maybe_text(response::address, route.from.map(|(_, address)| address))
        .maybe_uint(response::vendor_id, found.vendor);
    fact = response_details(fact, found, data);
    fact.emit_to(route.source, Who::Receiver);
    for identity in &found.identity {
        identified(identity, data, route, cx);
    }
}

fn status(words: &mut String, pdu_type: u8, class: Option<u64>, code: Option<u64>) {
    let code = code.unwrap_or(0);
    match pdu_type {
        2 | 3 => words.push_str("ok"),
        5 => {
            if let Some(class) = class {
                wording::word(words, &names::ERROR_CLASSES, "class", class);
                words.push_str(": ");
            }
            wording::word(words, &names::ERROR_CODES, "error", code);
        }
        6 => {
            words.push_str("reject: ");
            wording::word(words, &names::REJECTS, "reason", code);
        }
        7 => {
            words.push_str("abort: ");
            wording::word(words, &names::ABORTS, "reason", code);
        }
        _ => {}
    }
}

fn response_details<'c, 'a>(mut fact: Fact<'c, 'a>, found: &Found, data: &[u8]) -> Fact<'c, 'a> {
    for (kind, instance) in &found.objects {
        fact = fact.uint(response::object_type, *kind).uint(response::instance, *instance);
    }
    for property in &found.properties {
        fact = fact.uint(response::property, *property);
    }
    for real in &found.reals {
        fact = fact.text(response::reals, real.to_string());
    }
    for name in texts(&found.names, data) {
        fact = fact.text(response::object_names, name);
    }
    for class in &found.error_classes {
        fact = fact.uint(response::error_classes, *class);
    }
    for code in &found.error_codes {
        fact = fact.uint(response::error_codes, *code);
    }
    fact.texts(response::values, &found.values)
}

/// An identity property of the device object.
fn identified(identity: &Identity, data: &[u8], route: &Route<'_>, cx: &mut Context<'_>) {
    let Some(content) = data.get(identity.content.clone()) else { return };
    let value = match identity.number {
        number::CHARACTERS => tags::characters(content),
        number::UNSIGNED => match tags::unsigned(content) {
            Some(value) => Cow::Owned(value.to_string().into_bytes()),
            None => return,
        },
        _ => return,
    };
    let Some(name) = names::PROPERTIES.get(u64::from(identity.property)) else { return };
    cx.fact(&property::KIND)
        .uint(property::instance, identity.instance)
        .text(property::property, name)
        .text(property::value, value)
        .maybe_uint(property::network, route.from.map(|(network, _)| network))
        .maybe_text(property::address, route.from.map(|(_, address)| address))
        .emit(route.source);
}
