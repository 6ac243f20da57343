//! A protocol as one declarative value, and the machine that reads one conversation of it.

use crate::context::Context;
use crate::kind::Kind;

/// What carries a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Carrier {
    /// TCP: bytes in order, cut anywhere.
    Tcp,
    /// UDP: whole datagrams.
    Udp,
    /// An Ethernet frame's payload, by EtherType.
    Ethernet(u16),
}

/// How sure a probe is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Probe {
    /// Not this protocol.
    No,
    /// Can't tell from so few bytes (streams only).
    More,
    /// This protocol, with this confidence (1 to 100).
    Yes(u8),
}

/// What a probe may know beside the bytes. Ports only break ties between contents that look alike.
#[derive(Clone, Copy, Debug)]
pub struct Hint {
    /// What carries the conversation.
    pub carrier: Carrier,
    /// True where the bytes come from the client.
    pub from_client: bool,
    /// Client's port, or 0.
    pub client_port: u16,
    /// Server's port, or 0.
    pub server_port: u16,
    /// True where the destination is a multicast or broadcast address.
    pub to_group: bool,
}

/// What a dissector did with the bytes it was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Finished with this many bytes from the front; the rest is given again with what follows (0: needs more).
    /// For datagrams the number is not looked at.
    Used(usize),
    /// Finished with this many bytes; what follows is another protocol (HTTP CONNECT, STARTTLS): probe again.
    Handover(usize),
    /// Nothing more to learn from this conversation; the engine stops handing bytes over.
    Done,
    /// It is not this protocol after all; the claim is taken back.
    Reject,
}

/// The reader of one conversation.
pub trait Dissector: Send {
    /// Read from the front of `data`: contiguous bytes of one direction (TCP), a datagram (UDP) or a frame's payload.
    fn read(&mut self, data: &[u8], cx: &mut Context<'_>) -> Progress;

    /// `lost` bytes of one direction will never come; what follows starts at an unknown place of the stream.
    fn gap(&mut self, _from_client: bool, _lost: u64) {}
}

/// A protocol: one line in `registry::BUILTIN`.
pub struct Protocol {
    /// Name, as in `protocols[].name`; lower case.
    pub name: &'static str,
    /// Title for people.
    pub title: &'static str,
    /// The specification.
    pub source: &'static str,
    /// What it can't do, in sentences.
    pub limits: &'static [&'static str],
    /// Its kinds.
    pub kinds: &'static [&'static Kind],
    /// Its `malformed` kind.
    pub malformed: &'static Kind,
    /// Rides on TCP.
    pub tcp: bool,
    /// Rides on UDP.
    pub udp: bool,
    /// Rides on these EtherTypes (an EtherType is content: it names the protocol).
    pub ethertypes: &'static [u16],
    /// Registered ports: tried first, never believed alone.
    pub ports: &'static [u16],
    /// Most bytes of one direction kept while a message is incomplete; over it, the stream is skipped as a gap.
    pub buffer: usize, // bytes
    /// Look at the first bytes.
    pub probe: fn(&[u8], &Hint) -> Probe,
    /// A reader for a new conversation.
    pub dissector: fn() -> Box<dyn Dissector>,
}
