//! What a dissector is given beside the bytes, and how it speaks: `cx.fact(&KIND).uint(..).text(..).emit(..)`.

use crate::kind::{Kind, MALFORMED_FIELDS};
use crate::protocol::Carrier;
use crate::record::{Record, LIST_CAP};
use crate::secret::{Sealed, Secrets};
use ringfence_wire::Place;

/// One end of a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Network address, or the MAC where there is none.
    pub place: Place,
    /// Link address as seen at the sensor.
    pub mac: Option<[u8; 6]>,
    /// TCP or UDP port; 0 elsewhere.
    pub port: u16,
}

/// Whom a record is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// Who sent these bytes.
    Sender,
    /// Who received these bytes.
    Receiver,
    /// Who opened the conversation (or, for datagrams, sent first).
    Client,
    /// The other one.
    Server,
    /// An address that stands in the bytes (ARP, DHCP …).
    At(Place),
}

/// A finished record on its way to the sink.
pub struct Emitted<'a> {
    /// Which kind.
    pub kind: &'static Kind,
    /// Whom it is about.
    pub subject: Place,
    /// To whom it was done.
    pub object: Option<Place>,
    /// Its fields.
    pub record: &'a Record,
}

/// Takes records.
pub trait Sink {
    /// Take one record.
    fn emit(&mut self, emitted: &Emitted<'_>);
    /// True where per-packet details are wanted (`explain`, transactions); else detail fields may be left out.
    fn wants_detail(&self) -> bool;
}

/// Everything a dissector may know beside the bytes.
pub struct Context<'a> {
    /// Capture time of the packet that completed these bytes: nanoseconds since 1970, UTC.
    pub time: i64,
    /// What carries the conversation.
    pub carrier: Carrier,
    /// Who sent these bytes: true for the client.
    pub from_client: bool,
    /// Who opened the conversation.
    pub client: Endpoint,
    /// The other one.
    pub server: Endpoint,
    /// True where the capture cut this packet short, so that an early end is the capture's fault, not the peer's.
    pub snapped: bool,
    /// Set by the dissector to raise or lower the confidence of its claim (0 to 100).
    pub confidence: u8,
    malformed: &'static Kind,
    secrets: &'a Secrets,
    record: &'a mut Record,
    sink: &'a mut dyn Sink,
}

impl<'a> Context<'a> {
    /// Made by the engine for each delivery.
    #[allow(clippy::too_many_arguments)] // Made in two places; a builder would cost on each delivery.
    pub fn new(
        time: i64,
        carrier: Carrier,
        from_client: bool,
        client: Endpoint,
        server: Endpoint,
        snapped: bool,
        confidence: u8,
        malformed: &'static Kind,
        secrets: &'a Secrets,
        record: &'a mut Record,
        sink: &'a mut dyn Sink,
    ) -> Self {
        Context { time, carrier, from_client, client, server, snapped, confidence, malformed, secrets, record, sink }
    }

    /// The sender's end.
    #[inline]
    pub fn sender(&self) -> Endpoint {
        if self.from_client {
            self.client
        } else {
            self.server
        }
    }

    /// The receiver's end.
    #[inline]
    pub fn receiver(&self) -> Endpoint {
        if self.from_client {
            self.server
        } else {
            self.client
        }
    }

    /// Begin a record.
    #[inline]
    pub fn fact<'c>(&'c mut self, kind: &'static Kind) -> Fact<'c, 'a> {
        self.record.clear();
        Fact { cx: self, kind }
    }

    /// True where detail fields are wanted; dissectors skip costly ones otherwise.
    #[inline]
    pub fn wants_detail(&self) -> bool {
        self.sink.wants_detail()
    }

    /// Say that `field` could not be read. The dissector goes on.
    ///
    /// Where the capture cut the packet short nothing is said: that is the capture's fault and is counted by the engine.
    pub fn malformed(&mut self, field: &str, reason: &str) {
        if self.snapped {
            return;
        }
        debug_assert_eq!(self.malformed.fields.len(), MALFORMED_FIELDS.len());
        let kind = self.malformed;
        self.fact(kind).text(0, field.as_bytes()).text(1, reason.as_bytes()).emit_to(Who::Sender, Who::Receiver);
    }

    /// Seal a secret: default-list match and HMAC; the clear text must not be put in any field.
    pub fn secret(&self, user: &[u8], secret: &[u8]) -> Sealed {
        self.secrets.seal(user, secret)
    }

    #[inline]
    fn place(&self, who: Who) -> Place {
        match who {
            Who::Sender => self.sender().place,
            Who::Receiver => self.receiver().place,
            Who::Client => self.client.place,
            Who::Server => self.server.place,
            Who::At(place) => place,
        }
    }
}

/// A record being filled. Nothing happens until `emit` or `emit_to`.
pub struct Fact<'c, 'a> {
    cx: &'c mut Context<'a>,
    kind: &'static Kind,
}

impl Fact<'_, '_> {
    /// `Uint` field.
    #[inline]
    pub fn uint(self, field: u8, value: impl Into<u64>) -> Self {
        self.cx.record.word(self.kind, field, value.into());
        self
    }

    /// `Int` field.
    #[inline]
    pub fn int(self, field: u8, value: i64) -> Self {
        self.cx.record.word(self.kind, field, value as u64);
        self
    }

    /// `Time` field, nanoseconds since 1970.
    #[inline]
    pub fn time(self, field: u8, value: i64) -> Self {
        self.int(field, value)
    }

    /// `Real` field.
    #[inline]
    pub fn real(self, field: u8, value: f64) -> Self {
        self.cx.record.word(self.kind, field, value.to_bits());
        self
    }

    /// `Bool` field.
    #[inline]
    pub fn boolean(self, field: u8, value: bool) -> Self {
        self.cx.record.word(self.kind, field, u64::from(value));
        self
    }

    /// `Text` or `Bytes` field.
    #[inline]
    pub fn text(self, field: u8, value: impl AsRef<[u8]>) -> Self {
        self.cx.record.string(self.kind, field, value.as_ref());
        self
    }

    /// `Text` or `Bytes` field that may be absent.
    #[inline]
    pub fn maybe_text(self, field: u8, value: Option<impl AsRef<[u8]>>) -> Self {
        match value {
            Some(value) => self.text(field, value),
            None => self,
        }
    }

    /// `Uint` field that may be absent.
    #[inline]
    pub fn maybe_uint(self, field: u8, value: Option<impl Into<u64>>) -> Self {
        match value {
            Some(value) => self.uint(field, value),
            None => self,
        }
    }

    /// `Mac` field.
    #[inline]
    pub fn mac(self, field: u8, value: [u8; 6]) -> Self {
        self.text(field, value)
    }

    /// `Ip` field, or one item of `Ips`: 4 or 16 bytes.
    #[inline]
    pub fn ip(self, field: u8, value: impl AsRef<[u8]>) -> Self {
        self.text(field, value)
    }

    /// Items of a `Uints` field, in order.
    pub fn uints(self, field: u8, values: impl IntoIterator<Item = impl Into<u64>>) -> Self {
        for value in values.into_iter().take(LIST_CAP) {
            self.cx.record.word(self.kind, field, value.into());
        }
        self
    }

    /// Items of a `Texts` or `Ips` field, in order.
    pub fn texts(self, field: u8, values: impl IntoIterator<Item = impl AsRef<[u8]>>) -> Self {
        for value in values.into_iter().take(LIST_CAP) {
            self.cx.record.string(self.kind, field, value.as_ref());
        }
        self
    }

    /// Emit about `subject` alone.
    #[inline]
    pub fn emit(self, subject: Who) {
        let emitted =
            Emitted { kind: self.kind, subject: self.cx.place(subject), object: None, record: self.cx.record };
        self.cx.sink.emit(&emitted);
    }

    /// Emit: `subject` did this to `object`.
    #[inline]
    pub fn emit_to(self, subject: Who, object: Who) {
        let emitted = Emitted {
            kind: self.kind,
            subject: self.cx.place(subject),
            object: Some(self.cx.place(object)),
            record: self.cx.record,
        };
        self.cx.sink.emit(&emitted);
    }
}
