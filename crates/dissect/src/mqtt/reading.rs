//! The reader of one conversation.

use super::control::{
    filters, string, variable, Connect, Filter, Head, Header, Length, CONNACK, CONNECT, PUBLISH, SUBSCRIBE, UNSUBSCRIBE,
};
use super::probe::looks_sound;
use super::{connack, connect, packet, publish, subscribe};
use crate::{Context, Dissector, Progress, Who};
use ringfence_wire::Reader;

/// Longest packet, publications apart, that is waited for whole; what is longer is said and passed over.
const LONGEST: usize = 65_536; // bytes

/// A fixed header that can't be read leaves no place to go on from: the specification has the connection closed, so the
/// direction is passed over until a gap shows that what follows starts anew.
const FOR_EVER: u64 = u64::MAX;

#[derive(Default)]
pub(super) struct Reading {
    sides: [Side; 2],
    /// 3, 4 or 5 once a CONNECT or the length of a CONNACK told; 0 before.
    version: u8,
    /// Packets read, as far as it matters.
    packets: u8,
}

#[derive(Clone, Copy, Default)]
struct Side {
    /// Bytes of a packet still to be passed over.
    skip: u64,
    /// True where the place of the next packet is unknown.
    lost: bool,
}

impl Dissector for Reading {
    fn read(&mut self, data: &[u8], cx: &mut Context<'_>) -> Progress {
        let at = usize::from(!cx.from_client);
        let side = &mut self.sides[at];
        if side.skip > 0 {
            let count = data.len().min(usize::try_from(side.skip).unwrap_or(usize::MAX));
            side.skip -= count as u64;
            return Progress::Used(count);
        }
        let header = match Header::decode(data) {
            Head::Whole(header) => header,
            Head::More => return Progress::Used(0),
            Head::Bad if side.lost => return Progress::Used(data.len()),
            Head::Bad => {
                cx.malformed("remaining_length", "longer than four bytes");
                side.skip = FOR_EVER;
                return Progress::Used(data.len());
            }
        };
        if side.lost {
            match looks_sound(data, &header) {
                Some(true) => side.lost = false,
                Some(false) => return Progress::Used(data.len()),
                None if header.remaining > LONGEST && header.packet_type != PUBLISH => {
                    return Progress::Used(data.len());
                }
                None => return Progress::Used(0),
            }
        }
        if header.packet_type == PUBLISH {
            return self.publish(data, &header, cx);
        }
        if header.remaining > LONGEST {
            self.announce(&header, cx);
            cx.malformed("remaining_length", "longer than a packet of its type is");
            return self.pass(data, header.size + header.remaining, cx);
        }
        let Some(body) = data.get(header.size..header.size + header.remaining) else { return Progress::Used(0) };
        self.announce(&header, cx);
        self.body(&header, body, cx);
        Progress::Used(header.size + header.remaining)
    }

    fn gap(&mut self, from_client: bool, lost: u64) {
        let side = &mut self.sides[usize::from(!from_client)];
        if side.skip != FOR_EVER && lost <= side.skip {
            side.skip -= lost;
        } else {
            *side = Side { skip: 0, lost: true };
        }
    }
}

impl Reading {
    /// Finish with `count` bytes, of which some are still to come.
    fn pass(&mut self, data: &[u8], count: usize, cx: &Context<'_>) -> Progress {
        let here = count.min(data.len());
        self.sides[usize::from(!cx.from_client)].skip = (count - here) as u64;
        Progress::Used(here)
    }

    /// The record that every packet has, and what its fixed header does wrong.
    fn announce(&mut self, header: &Header, cx: &mut Context<'_>) {
        self.packets = self.packets.saturating_add(1);
        let qos = (self.version == 3 && matches!(header.packet_type, 6 | SUBSCRIBE | UNSUBSCRIBE))
            .then_some(header.flags >> 1 & 3);
        cx.fact(&packet::KIND)
            .uint(packet::packet_type, header.packet_type)
            .maybe_uint(packet::qos, qos)
            .emit_to(Who::Sender, Who::Receiver);
        if header.packet_type == 0 || header.packet_type == 15 && matches!(self.version, 3 | 4) {
            cx.malformed("packet_type", "reserved");
        } else if !header.flags_fit() {
            cx.malformed("flags", "not what the packet type demands");
        }
    }

    /// A publication is read up to its payload, which need not be there.
    fn publish(&mut self, data: &[u8], header: &Header, cx: &mut Context<'_>) -> Progress {
        let total = header.size + header.remaining;
        let mut r = Reader::new(data.get(header.size..total.min(data.len())).unwrap_or_default());
        let whole = data.len() >= total;
        let qos = header.flags >> 1 & 3;
        let parts = string(&mut r).and_then(|topic| {
            if matches!(qos, 1 | 2) {
                r.skip(2)?;
            }
            match (self.version, variable(r.rest())) {
                (5, Length::More) => None,
                // Properties too long for the packet are seen below: nothing is left for a payload then.
                (5, Length::Whole { value, size }) => Some((topic, r.position() + size + value)),
                _ => Some((topic, r.position())),
            }
        });
        let stated = data.get(header.size..header.size + 2).map(|two| usize::from(two[0]) << 8 | usize::from(two[1]));
        if parts.is_none() && !whole && stated.is_none_or(|length| length + 2 <= header.remaining) {
            return Progress::Used(0);
        }
        self.announce(header, cx);
        match parts {
            Some((topic, before)) => {
                cx.fact(&publish::KIND)
                    .text(publish::operation, "publish")
                    .text(publish::object, topic)
                    .uint(publish::qos, qos)
                    .boolean(publish::retain, header.flags & 1 != 0)
                    .uint(publish::size, header.remaining.saturating_sub(before) as u64)
                    .emit_to(Who::Sender, Who::Receiver);
                if qos == 3 {
                    cx.malformed("qos", "3 is reserved");
                }
                if before > header.remaining {
                    cx.malformed("properties", "longer than the packet");
                }
            }
            None => cx.malformed("topic", "longer than the packet"),
        }
        self.pass(data, total, cx)
    }

    fn body(&mut self, header: &Header, body: &[u8], cx: &mut Context<'_>) {
        match header.packet_type {
            CONNECT => self.connect(body, cx),
            CONNACK => self.connack(body, cx),
            SUBSCRIBE | UNSUBSCRIBE => self.filters(header.packet_type == SUBSCRIBE, body, cx),
            4..=7 | 9 | 11 if body.len() < 2 => cx.malformed("packet_id", "missing"),
            12 | 13 if !body.is_empty() => cx.malformed("remaining_length", "not zero"),
            _ => {}
        }
    }

    fn connect(&mut self, body: &[u8], cx: &mut Context<'_>) {
        let (read, result) = Connect::decode(body);
        if let Some(version @ 3..=5) = read.version {
            self.version = version;
        }
        let sealed = read.password.map(|password| cx.secret(read.user.unwrap_or_default(), password));
        let flags = read.flags.unwrap_or(0);
        let fact = cx
            .fact(&connect::KIND)
            .text(connect::protocol_name, read.protocol_name)
            .maybe_uint(connect::version, read.version)
            .maybe_text(connect::client_id, read.client_id)
            .maybe_text(connect::user, read.user)
            .maybe_text(connect::secret, sealed.map(|sealed| sealed.hmac))
            .maybe_uint(connect::keep_alive, read.keep_alive)
            .maybe_text(connect::will_topic, read.will_topic);
        let fact = match sealed {
            Some(sealed) => fact.boolean(connect::default, sealed.default),
            None => fact,
        };
        match read.flags {
            Some(_) => fact
                .boolean(connect::clean, flags & 2 != 0)
                .boolean(connect::anonymous, flags & 0xC0 == 0)
                .emit_to(Who::Sender, Who::Receiver),
            None => fact.emit_to(Who::Sender, Who::Receiver),
        }
        if let Err(field) = result {
            cx.malformed(field, "can't be read");
        } else if read.version.is_none_or(|version| !(3..=5).contains(&version)) {
            cx.malformed("version", "not 3, 4 or 5");
        } else if flags & 1 != 0 || flags & 0x18 == 0x18 {
            cx.malformed("flags", "reserved bits");
        }
    }

    fn connack(&mut self, body: &[u8], cx: &mut Context<'_>) {
        let Some(&code) = body.get(1) else {
            cx.malformed("code", "missing");
            return;
        };
        if self.version == 0 && body.len() > 2 {
            self.version = 5;
        }
        let version = (self.version != 0).then_some(self.version);
        cx.fact(&connack::KIND)
            .uint(connack::code, code)
            .maybe_uint(connack::version, version)
            .emit_to(Who::Sender, Who::Receiver);
    }

    fn filters(&mut self, subscribes: bool, body: &[u8], cx: &mut Context<'_>) {
        // Mid-stream, the reading without properties is tried first: it only fits by accident where there are some.
        let fifth = match self.version {
            0 => !filters(body, subscribes, false, |_| {}) && filters(body, subscribes, true, |_| {}),
            version => version == 5,
        };
        let version = (self.version != 0).then_some(self.version);
        let operation = if subscribes { "subscribe" } else { "unsubscribe" };
        let whole = filters(body, subscribes, fifth, |(topic, qos): Filter<'_>| {
            cx.fact(&subscribe::KIND)
                .text(subscribe::operation, operation)
                .text(subscribe::object, topic)
                .maybe_uint(subscribe::qos, qos)
                .maybe_uint(subscribe::version, version)
                .emit_to(Who::Sender, Who::Receiver);
        });
        if !whole {
            cx.malformed("topic_filter", "can't be read");
        }
    }
}
