//! CIP messages: requests and answers, also inside each other. CIP Vol. 1 §2-4, Vol. 2 §3-2.

use super::attributes::Told;
use super::memory::{Asked, Key, Memory, Pending, REQUESTS};
use super::path::{self, Path};
use super::{connection, identification, pccc_command, request, response, words};
use crate::{Context, Who};
use ringfence_wire::Reader;
use std::io::Write;

/// Deepest nesting of requests.
const DEPTH: u8 = 4;
const REPLY: u8 = 0x80;
const MULTIPLE: u8 = 0x0a;
const UNCONNECTED_SEND: u8 = 0x52;
/// General status where some attributes of a list could be read and others not.
const ATTRIBUTE_LIST_ERROR: u8 = 0x0a;

/// What carries a message.
#[derive(Clone, Copy)]
pub(super) struct Carried {
    pub key: Key,
    pub connection: Option<u32>,
}

/// What is kept between messages.
#[derive(Default)]
pub(super) struct State {
    pub memory: Memory,
    symbol: Vec<u8>,
    route: Vec<u8>,
    object: Vec<u8>,
}

/// Class and instance that the carrying connection leads to.
type Led = (Option<u32>, Option<u32>);

/// Read one message.
pub(super) fn read(data: &[u8], carried: Carried, state: &mut State, cx: &mut Context<'_>) {
    let Some(&service) = data.first() else { return };
    let known = carried.connection.and_then(|id| state.memory.connection(id));
    let led = known.map_or((None, None), |known| (known.target.classes.last(), known.target.instances.last()));
    state.route.clear();
    if let Some(known) = known {
        state.route.extend_from_slice(&known.route);
    }
    if service & REPLY == 0 {
        let mut pending = state.memory.row();
        pending.key = carried.key;
        Asking { state, pending: &mut pending, led, left: REQUESTS }.request(data, DEPTH, cx);
        pending.route.extend_from_slice(&state.route);
        state.memory.store(pending);
        return;
    }
    let found = state.memory.answered(carried.key, service & !REPLY);
    let nothing = Pending::default();
    let pending = found.as_deref().unwrap_or(&nothing);
    let mut answering = Answering { state, pending, led, next: 0, left: REQUESTS };
    if pending.asked.first().is_some_and(|asked| asked.service != service & !REPLY) {
        // The answer of what an unconnected send carried.
        answering.next = 1;
    }
    answering.answer(data, DEPTH, cx);
    if let Some(found) = found {
        state.memory.done(found);
    }
}

struct Asking<'s> {
    state: &'s mut State,
    pending: &'s mut Pending,
    led: Led,
    left: usize,
}

impl Asking<'_> {
    fn request(&mut self, data: &[u8], depth: u8, cx: &mut Context<'_>) {
        if self.left == 0 || depth == 0 {
            return;
        }
        self.left -= 1;
        let mut reader = Reader::new(data);
        let (Some(service), Some(words)) = (reader.u8(), reader.u8()) else {
            cx.malformed("request", "shorter than 2 bytes");
            return;
        };
        let State { symbol, route, .. } = &mut *self.state;
        symbol.clear();
        let inside = route.len();
        let path = reader.take(usize::from(words) * 2).and_then(|path| path::read(path, symbol, route));
        let Some(path) = path else {
            cx.malformed("path", "cut short or of unknown segments");
            return;
        };
        let data = reader.rest();
        let operation = operation(service, &path, data);
        self.emit(service, operation, &path, data, depth, cx);
        let mut asked = Asked { service, operation, target: path.target, ..Asked::default() };
        let class = path.target.classes.last();
        if class == Some(words::PCCC) && operation == "pccc_execute" && service == 0x4b {
            asked.pccc = pccc_command::request(data, &mut self.state.object, cx);
        }
        if !self.pending.note(asked, &self.state.symbol, &path.symbols) {
            return;
        }
        match (service, class) {
            (MULTIPLE, _) => self.multiple(data, depth, cx),
            (UNCONNECTED_SEND, Some(words::CONNECTION_MANAGER)) => self.routed(data, depth, cx),
            (_, Some(words::CONNECTION_MANAGER)) => {
                connection::request(operation, data, &self.state.memory, self.pending, cx);
            }
            _ => {}
        }
        // A route inside one request says nothing of the next, but an unconnected send's stays for its answer.
        if service != UNCONNECTED_SEND {
            self.state.route.truncate(inside.max(self.pending.route.len()));
        }
    }

    fn multiple(&mut self, data: &[u8], depth: u8, cx: &mut Context<'_>) {
        for part in parts(data) {
            match part {
                Some(part) => self.request(part, depth - 1, cx),
                None => {
                    cx.malformed("offsets", "point outside the packet");
                    return;
                }
            }
        }
    }

    fn routed(&mut self, data: &[u8], depth: u8, cx: &mut Context<'_>) {
        let mut reader = Reader::new(data);
        let message = reader.skip(2).and_then(|()| reader.u16_le()).and_then(|size| reader.take(usize::from(size)));
        let Some(message) = message else {
            cx.malformed("unconnected_send", "cut short");
            return;
        };
        if message.len() % 2 == 1 {
            let _ = reader.skip(1);
        }
        let words = reader.u8().zip(reader.u8()).map_or(0, |(words, _)| words);
        let State { symbol, route, .. } = &mut *self.state;
        symbol.clear();
        if let Some(way) = reader.take(usize::from(words) * 2) {
            let _ = path::read(way, symbol, route);
        }
        connection::routed(&self.state.route, cx);
        self.request(message, depth - 1, cx);
    }

    fn emit(
        &mut self,
        service: u8,
        operation: &'static str,
        path: &Path<'_>,
        data: &[u8],
        depth: u8,
        cx: &mut Context<'_>,
    ) {
        let State { symbol, route, object, .. } = &mut *self.state;
        say_object(path.target.classes.last(), path, symbol, object);
        let target = &path.target;
        let (class, instance) = if depth == DEPTH { self.led } else { (None, None) };
        let detail = cx.wants_detail();
        let fact = cx
            .fact(&request::KIND)
            .text(request::operation, operation)
            .uint(request::service, service)
            .maybe_uint(request::class, target.classes.last())
            .maybe_uint(request::instance, target.instances.last())
            .maybe_uint(request::attribute, target.attributes.last())
            .maybe_text(request::symbol, Some(&*symbol).filter(|symbol| !symbol.is_empty()))
            .maybe_text(request::object, Some(&*object).filter(|object| !object.is_empty()))
            .maybe_text(request::path, Some(&*route).filter(|route| !route.is_empty()));
        if !detail {
            fact.emit_to(Who::Sender, Who::Receiver);
            return;
        }
        let told = Told::asked(service, target, data);
        let leads_to = &told.leads_to;
        fact.uint(request::code, service)
            .uint(request::reply, 0_u8)
            .uints(request::classes, target.classes.all().iter().chain(leads_to.classes.all()).copied())
            .uints(request::instances, target.instances.all().iter().chain(leads_to.instances.all()).copied())
            .uints(request::attributes, target.attributes.all().iter().chain(&told.attributes).copied())
            .texts(request::symbols, path.symbols.iter().flatten())
            .maybe_uint(request::connection_class, class)
            .maybe_uint(request::connection_instance, instance)
            .emit_to(Who::Sender, Who::Receiver);
    }
}

fn operation(service: u8, path: &Path<'_>, data: &[u8]) -> &'static str {
    match (service, path.target.classes.last(), data.first()) {
        (0x05, Some(words::IDENTITY), Some(1 | 2)) => "factory_reset",
        (0x02 | 0x04 | 0x10, Some(words::WALL_CLOCK), _) => "set_clock",
        // The lock stands in a class of its own below the mode.
        (0x4c, _, _) if path.target.classes.all().contains(&words::MODE) => "unlock_controller",
        (service, class, _) => words::service(service, class),
    }
}

/// `Tag.Member[3]`, or class / instance / attribute.
fn say_object(class: Option<u32>, path: &Path<'_>, symbol: &[u8], object: &mut Vec<u8>) {
    object.clear();
    if !symbol.is_empty() {
        object.extend_from_slice(symbol);
        return;
    }
    let Some(class) = class else { return };
    // Writing to a vector cannot fail.
    let _ = match words::class(class) {
        Some(name) => write!(object, "{name}"),
        None => write!(object, "class 0x{class:02x}"),
    };
    let (instance, attribute) = (path.target.instances.last(), path.target.attributes.last());
    for number in [instance, attribute].into_iter().flatten() {
        let _ = write!(object, "/{number}");
    }
}

/// The parts of a multiple service packet, by their offsets; `None` where an offset points outside.
fn parts(data: &[u8]) -> impl Iterator<Item = Option<&[u8]>> {
    let mut reader = Reader::new(data);
    let count = usize::from(reader.u16_le().unwrap_or(0)).min(REQUESTS);
    (0..count).map(move |at| {
        let start = usize::from(reader.u16_le()?);
        let end = match at + 1 < count {
            true => usize::from(Reader::new(reader.rest()).u16_le()?),
            false => data.len(),
        };
        data.get(start..end)
    })
}

struct Answering<'s> {
    state: &'s mut State,
    pending: &'s Pending,
    led: Led,
    next: usize,
    left: usize,
}

impl Answering<'_> {
    fn answer(&mut self, data: &[u8], depth: u8, cx: &mut Context<'_>) {
        if self.left == 0 || depth == 0 {
            return;
        }
        self.left -= 1;
        let mut reader = Reader::new(data);
        let (Some(code), Some(_), Some(status), Some(words)) = (reader.u8(), reader.u8(), reader.u8(), reader.u8())
        else {
            cx.malformed("response", "shorter than 4 bytes");
            return;
        };
        let Some(additional) = reader.take(usize::from(words) * 2) else {
            cx.malformed("status", "additional status cut short");
            return;
        };
        let data = reader.rest();
        let service = code & !REPLY;
        let pending = self.pending;
        let asked = pending.asked.get(self.next).filter(|asked| asked.service == service);
        // Where the order is lost, what follows is answered without its request.
        self.next = if asked.is_some() { self.next + 1 } else { usize::MAX };
        self.emit(code, status, Reader::new(additional).u16_le(), asked, data, depth, cx);
        if service == MULTIPLE && matches!(status, 0 | 0x1e) {
            for part in parts(data).flatten() {
                self.answer(part, depth - 1, cx);
            }
        }
        let Some(asked) = asked else { return };
        let class = asked.target.classes.last();
        if class == Some(words::IDENTITY) && (status == 0 || (service, status) == (0x03, ATTRIBUTE_LIST_ERROR)) {
            let route = if pending.route.is_empty() { &self.state.route } else { &pending.route };
            identification::answered(service, &asked.target, data, route, cx);
        } else if class == Some(words::CONNECTION_MANAGER) {
            connection::response(asked.operation, status, data, pending, &mut self.state.memory, cx);
        } else if let Some(sent) = asked.pccc {
            pccc_command::response(sent, data, cx);
        }
    }

    #[allow(clippy::too_many_arguments)] // One record's worth of facts, used once.
    fn emit(
        &mut self,
        code: u8,
        status: u8,
        additional: Option<u16>,
        asked: Option<&Asked>,
        data: &[u8],
        depth: u8,
        cx: &mut Context<'_>,
    ) {
        let pending = self.pending;
        let service = code & !REPLY;
        let nothing = Asked::default();
        let found = asked.unwrap_or(&nothing);
        let target = &found.target;
        // What an unconnected send carried is answered alone: the way there is part of what was asked.
        let outer = pending.asked.first().filter(|_| depth == DEPTH && self.next == 2 && asked.is_some());
        let outer = outer.map(|outer| outer.target).unwrap_or_default();
        let symbol = pending.symbol(found);
        let object = &mut self.state.object;
        let operation = match asked {
            Some(asked) => asked.operation,
            None => words::answer(service),
        };
        let detail = cx.wants_detail();
        if detail {
            let path = Path { target: *target, ..Path::default() };
            say_object(target.classes.last(), &path, symbol, object);
        }
        let (class, instance) = if depth == DEPTH { self.led } else { (None, None) };
        let fact = cx
            .fact(&response::KIND)
            .uint(response::service, service)
            .text(response::operation, operation)
            .uint(response::status, status)
            .maybe_uint(response::extended_status, additional);
        if !detail {
            fact.emit_to(Who::Sender, Who::Receiver);
            return;
        }
        let told = Told::answered(service, target, status, data);
        let leads_to = &told.leads_to;
        let classes = outer.classes.all().iter().chain(target.classes.all()).chain(leads_to.classes.all());
        let instances = outer.instances.all().iter().chain(target.instances.all()).chain(leads_to.instances.all());
        fact.maybe_uint(response::class, target.classes.last())
            .maybe_uint(response::instance, target.instances.last())
            .maybe_uint(response::attribute, target.attributes.last())
            .maybe_text(response::symbol, Some(symbol).filter(|symbol| !symbol.is_empty()))
            .maybe_text(response::object, Some(&*object).filter(|object| !object.is_empty()))
            .uint(response::code, code)
            .uint(response::reply, 1_u8)
            .uints(response::classes, classes.copied())
            .uints(response::instances, instances.copied())
            .uints(response::attributes, target.attributes.all().iter().chain(&told.attributes).copied())
            .texts(response::symbols, pending.names(found))
            .maybe_uint(response::connection_class, class)
            .maybe_uint(response::connection_instance, instance)
            .emit_to(Who::Sender, Who::Receiver);
    }
}
