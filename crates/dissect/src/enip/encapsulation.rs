//! The encapsulation header and the common packet format. CIP Vol. 2 §2-3 to §2-6.

use super::cip::{self, Carried, State};
use super::memory::Key;
use super::{identification, message, words};
use crate::{Carrier, Context, Dissector, Hint, Probe, Progress, Who};
use ringfence_wire::Reader;

const HEADER: usize = 24; // bytes
/// The port of explicit messages.
const PORT: u16 = 44818;
/// Most items read of one packet.
const ITEMS: usize = 16;

/// An encapsulation header.
#[derive(Clone, Copy)]
struct Header {
    command: u16,
    name: &'static str,
    length: usize,
    session: u32,
    status: u32,
    context: [u8; 8],
}

fn header(data: &[u8]) -> Option<Header> {
    let mut reader = Reader::new(data);
    let command = reader.u16_le()?;
    let name = words::command(command)?;
    let length = usize::from(reader.u16_le()?);
    let (session, status, context, options) =
        (reader.u32_le()?, reader.u32_le()?, reader.array::<8>()?, reader.u32_le()?);
    let known = matches!(status, 0..=3 | 0x64 | 0x65 | 0x69 | 0x6a);
    (known && options == 0).then_some(Header { command, name, length, session, status, context })
}

/// Claim on the header, and on what must stand behind it.
pub(super) fn probe(data: &[u8], hint: &Hint) -> Probe {
    let whole = hint.carrier == Carrier::Udp;
    match data {
        [2, 0, 0x02, 0x80, ..] if whole => return probe_io(data),
        [0x04 | 0x63..=0x66 | 0x6f | 0x70, 0, ..] => {}
        [_] if !whole && matches!(data, [0x04 | 0x63..=0x66 | 0x6f | 0x70]) => return Probe::More,
        _ => return Probe::No,
    }
    if data.len() < HEADER {
        // Zeros in the places that are nearly always zero, as far as they are here.
        let plausible = !whole && data.iter().skip(9).take(3).all(|&byte| byte == 0);
        return if plausible { Probe::More } else { Probe::No };
    }
    let Some(header) = header(data) else { return Probe::No };
    let body = data.get(HEADER..).unwrap_or_default();
    if whole && body.len() != header.length {
        return Probe::No;
    }
    // A message without a body is little but zeros, which other protocols send too: then the port has to agree.
    if header.length == 0 && hint.client_port != PORT && hint.server_port != PORT {
        return Probe::No;
    }
    probe_body(&header, body, whole)
}

fn probe_body(header: &Header, body: &[u8], whole: bool) -> Probe {
    let good = match header.command {
        0x65 => header.length == 4 && [1, 0, 0, 0].starts_with(&body[..body.len().min(4)]),
        0x66 => header.length == 0,
        0x6f | 0x70 if header.length == 0 => header.status != 0,
        0x6f | 0x70 => {
            let Some(start) = body.first_chunk::<10>() else {
                return if whole || header.length < 10 { Probe::No } else { Probe::More };
            };
            let [0, 0, 0, 0, _, _, 1..=16, 0, low, high] = *start else { return Probe::No };
            matches!(u16::from_le_bytes([low, high]), 0x00 | 0xa1 | 0x8002)
        }
        _ if header.length == 0 => true,
        _ => {
            let Some(start) = body.first_chunk::<4>() else {
                return if whole || header.length < 4 { Probe::No } else { Probe::More };
            };
            matches!(start, [1..=16, 0, 0x0c, 0] | [1..=16, 0, 0x00, 1]) || header.command == 0x64
        }
    };
    match good {
        true => Probe::Yes(95),
        false => Probe::No,
    }
}

/// Implicit I/O: two items, sequenced address and connected data, that fill the datagram.
fn probe_io(data: &[u8]) -> Probe {
    let fills = |length: u16| usize::from(length) + 18 == data.len();
    match data {
        [2, 0, 2, 0x80, 8, 0, _, _, _, _, _, _, _, _, 0xb1, 0, low, high, ..]
            if fills(u16::from_le_bytes([*low, *high])) =>
        {
            Probe::Yes(95)
        }
        _ => Probe::No,
    }
}

/// The reader of one conversation.
#[derive(Default)]
pub(super) struct Reading {
    state: State,
    /// True after bytes were lost, until a header is found, one a direction.
    lost: [bool; 2],
}

impl Dissector for Reading {
    fn read(&mut self, data: &[u8], cx: &mut Context<'_>) -> Progress {
        if cx.carrier == Carrier::Udp {
            self.datagram(data, cx);
            return Progress::Used(data.len());
        }
        let side = usize::from(!cx.from_client);
        if data.len() < HEADER {
            return Progress::Used(0);
        }
        // A NOP is all zeros, so it says nothing where bytes were lost.
        let resumes = |data: &[u8]| header(data).is_some_and(|header| header.command != 0);
        let header = match header(data) {
            Some(header) if header.command != 0 || !self.lost[side] => header,
            _ => {
                if !self.lost[side] {
                    cx.malformed("header", "not an encapsulation header");
                    self.lost[side] = true;
                }
                // The last bytes may be the front of a header, however the stream was cut.
                let last = data.len() - HEADER;
                return Progress::Used((1..=last).find(|&at| resumes(&data[at..])).unwrap_or(last + 1));
            }
        };
        let Some(body) = data.get(HEADER..HEADER + header.length) else { return Progress::Used(0) };
        self.lost[side] = false;
        self.packet(&header, body, cx);
        Progress::Used(HEADER + header.length)
    }

    fn gap(&mut self, from_client: bool, _lost: u64) {
        self.lost[usize::from(!from_client)] = true;
    }
}

impl Reading {
    fn datagram(&mut self, data: &[u8], cx: &mut Context<'_>) {
        if let [2, 0, 2, 0x80, ..] = data {
            // The hot path: implicit I/O comes many times a second and is only counted.
            cx.fact(&message::KIND)
                .text(message::name, "io_data")
                .uints(message::items, [0x8002_u16, 0x00b1])
                .emit_to(Who::Sender, Who::Receiver);
            return;
        }
        let Some(header) = header(data) else {
            cx.malformed("header", "not an encapsulation header");
            return;
        };
        let body = data.get(HEADER..).unwrap_or_default();
        if body.len() < header.length {
            cx.malformed("length", "longer than the datagram");
        }
        self.packet(&header, &body[..body.len().min(header.length)], cx);
    }

    fn packet(&mut self, header: &Header, body: &[u8], cx: &mut Context<'_>) {
        let mut reader = Reader::new(body);
        if matches!(header.command, 0x6f | 0x70) {
            // Interface handle and time-out.
            let _ = reader.skip(6);
        }
        let has_items = matches!(header.command, 0x04 | 0x63 | 0x64 | 0x6f | 0x70) && !body.is_empty();
        let mut items = Items::default();
        if has_items && !items.read(reader) {
            cx.malformed("items", "cut short");
        }
        cx.fact(&message::KIND)
            .uint(message::command, header.command)
            .text(message::name, header.name)
            .uint(message::status, header.status)
            .uint(message::session, header.session)
            .uints(message::items, items.all().map(|(kind, _)| kind))
            .emit_to(Who::Sender, Who::Receiver);
        self.content(header, &items, cx);
    }

    fn content(&mut self, header: &Header, items: &Items<'_>, cx: &mut Context<'_>) {
        let mut connection = None;
        for (kind, data) in items.all() {
            match kind {
                0x000c if header.command == 0x63 => identification::listed(data, cx),
                0x00a1 => connection = Reader::new(data).u32_le(),
                0x00b1 => {
                    let mut reader = Reader::new(data);
                    let Some(sequence) = reader.u16_le() else {
                        cx.malformed("connected_data", "shorter than 2 bytes");
                        continue;
                    };
                    let carried = Carried { key: Key::Sequence(sequence), connection };
                    cip::read(reader.rest(), carried, &mut self.state, cx);
                }
                0x00b2 => {
                    let carried = Carried { key: Key::Context(header.context), connection: None };
                    cip::read(data, carried, &mut self.state, cx);
                }
                _ => {}
            }
        }
    }
}

/// Items of the common packet format.
#[derive(Default)]
struct Items<'a> {
    items: [(u16, &'a [u8]); ITEMS],
    count: usize,
}

impl<'a> Items<'a> {
    fn read(&mut self, mut reader: Reader<'a>) -> bool {
        let Some(count) = reader.u16_le() else { return false };
        for _ in 0..count {
            let (Some(kind), Some(length)) = (reader.u16_le(), reader.u16_le()) else { return false };
            let (data, whole) = match reader.take(usize::from(length)) {
                Some(data) => (data, true),
                None => (reader.rest(), false),
            };
            let Some(slot) = self.items.get_mut(self.count) else { return true };
            *slot = (kind, data);
            self.count += 1;
            if !whole {
                return false;
            }
        }
        true
    }

    fn all(&self) -> impl Iterator<Item = (u16, &'a [u8])> + '_ {
        self.items.iter().copied().take(self.count)
    }
}
