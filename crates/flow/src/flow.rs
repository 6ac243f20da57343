//! A live flow: its counters, its TCP state and the reader of its conversation.

use crate::aggregate::{Reference, WINDOW};
use crate::key::{Carried, FlowKey};
use crate::packet::{Packet, Tcp, Transport, Tunnel, Vlans};
use crate::row::{flag, FlowRow, State};
use crate::table::Patience;
use crate::tcp::Side;
use crate::totals::Told;
use ringfence_dissect::registry::BUILTIN;
use ringfence_dissect::{Carrier, Conversation, Endpoint, Hint, Probe, Protocol, Secrets};
use ringfence_wire::Place;

/// How many payloads of a flow are looked at before it counts as unknown.
pub const PROBES: u8 = 8;
/// Nanoseconds within which an equal packet is a duplicate made by the capture, not a retransmission.
const DUPLICATE_WITHIN: u64 = 50_000_000;

/// What all shards share.
pub struct Environment {
    /// Site key and default credentials.
    pub secrets: Secrets,
    /// Emit every record with its details to the row sink.
    pub trace: bool,
    /// Emit transaction rows.
    pub transactions: bool,
    /// A protocol whose only use is to own the engine's own facts.
    pub any: &'static Protocol,
    tcp: Vec<&'static Protocol>,
    udp: Vec<&'static Protocol>,
    frames: Vec<&'static Protocol>,
    registered: Vec<u16>,
}

impl Environment {
    /// Prepare the tables for the built-in protocols.
    pub fn new(secrets: Secrets, trace: bool, transactions: bool) -> Self {
        let mut registered: Vec<u16> = BUILTIN.iter().flat_map(|p| p.ports.iter().copied()).collect();
        registered.sort_unstable();
        registered.dedup();
        Environment {
            secrets,
            trace,
            transactions,
            any: BUILTIN[0],
            tcp: BUILTIN.iter().copied().filter(|p| p.tcp).collect(),
            udp: BUILTIN.iter().copied().filter(|p| p.udp).collect(),
            frames: BUILTIN.iter().copied().filter(|p| !p.ethertypes.is_empty()).collect(),
            registered,
        }
    }

    /// Ask the probes: the surest answer, and whether one wants more bytes.
    pub fn probe(&self, data: &[u8], hint: &Hint, rejected: u32) -> (Option<(&'static Protocol, u8)>, bool) {
        let list = match hint.carrier {
            Carrier::Tcp => &self.tcp,
            Carrier::Udp => &self.udp,
            Carrier::Ethernet(_) => &self.frames,
        };
        let mut best: Option<(&'static Protocol, u8)> = None;
        let mut more = false;
        for (at, protocol) in list.iter().enumerate() {
            if rejected >> at & 1 == 1 {
                continue;
            }
            match (protocol.probe)(data, hint) {
                Probe::No => {}
                Probe::More => more = true,
                Probe::Yes(confidence) => {
                    if best.is_none_or(|(_, so_far)| confidence > so_far) {
                        best = Some((protocol, confidence));
                    }
                    if confidence >= 95 {
                        break;
                    }
                }
            }
        }
        (best, more)
    }

    /// True where the port is registered to a protocol we know, or below 1024.
    fn well_known(&self, port: u16) -> bool {
        port != 0 && (port < 1024 || self.registered.binary_search(&port).is_ok())
    }
}

/// A live flow. Sides: 0 is the key's `low` end, 1 its `high` end.
pub struct Flow {
    /// Key.
    pub key: FlowKey,
    /// Stable id.
    pub id: u64,
    /// Which end opened it.
    pub low_is_client: bool,
    client_sure: bool,
    /// First packet.
    pub start: Reference,
    /// Time of the last packet.
    pub last: i64,
    packets: [u64; 2],
    bytes: [u64; 2],
    macs: [Option<[u8; 6]>; 2],
    introduced: [bool; 2],
    measured: [bool; 2],
    signature: [(u64, i64); 2],
    vlans: Vlans,
    tunnel: Option<Box<Tunnel>>,
    icmp: Option<(u8, u8)>,
    flags: u32,
    /// TCP directions.
    pub sides: Option<Box<[Side; 2]>>,
    syn_at: i64,
    rtt: Option<u32>,
    shaken: u8,
    reset: bool,
    /// The reader, where a protocol is claimed.
    pub conversation: Option<Box<Conversation>>,
    /// True while the reader wants bytes.
    pub reading: bool,
    protocol: Option<&'static Protocol>,
    /// 0 to 100.
    pub confidence: u8,
    /// Payloads still to be looked at.
    pub probes_left: u8,
    /// Probes that were wrong, as bits.
    pub rejected: u32,
    /// First bytes, while no probe can tell.
    held: Option<Box<[Vec<u8>; 2]>>,
    /// Bytes kept for later, as the shard has counted them.
    pub counted: usize,
    /// What a live read has told of it while it goes on.
    pub told: Option<Box<Reported>>,
}

/// What was told of a flow that goes on: to the conversations, and as a row of `flows.v1`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reported {
    /// To the conversations.
    pub told: Option<Told>,
    packets: [u64; 2],
    bytes: [u64; 2],
    retransmissions: [u32; 2],
}

impl Reported {
    /// Packets told to the conversations.
    pub fn packets_told(&self) -> u64 {
        self.told.map_or(0, |told| told.packets())
    }

    /// Packets told in rows.
    pub fn packets_in_rows(&self) -> u64 {
        self.packets[0] + self.packets[1]
    }

    /// Take from `row` what earlier rows held; false where nothing came since. `client` is the client's side of the key:
    /// a handshake seen late may change it, so what was told is kept by side.
    pub fn leave_rest(&mut self, row: &mut FlowRow, client: usize) -> bool {
        let by_side = |pair: [u64; 2]| [pair[client], pair[1 - client]];
        let again = row.retransmissions;
        let whole = Reported {
            told: self.told,
            packets: by_side(row.packets),
            bytes: by_side(row.bytes),
            retransmissions: [again[client], again[1 - client]],
        };
        for end in 0..2 {
            let side = if end == 0 { client } else { 1 - client };
            row.packets[end] = row.packets[end].saturating_sub(self.packets[side]);
            row.bytes[end] = row.bytes[end].saturating_sub(self.bytes[side]);
            row.retransmissions[end] = row.retransmissions[end].saturating_sub(self.retransmissions[side]);
        }
        *self = whole;
        row.packets != [0; 2]
    }
}

const SYN_SEEN: u8 = 1;
const SYN_ACK_SEEN: u8 = 2;
const ACK_SEEN: u8 = 4;

impl Flow {
    /// A flow that starts with `packet`.
    pub fn new(key: FlowKey, from_low: bool, packet: &Packet<'_>, at: &Reference, environment: &Environment) -> Self {
        let forward = opener(packet, environment);
        Flow {
            key,
            id: key.hash(0x52_69_6e_67_66_65_6e_63).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ at.time as u64,
            low_is_client: from_low == forward,
            client_sure: false,
            start: *at,
            last: at.time,
            packets: [0; 2],
            bytes: [0; 2],
            macs: [None; 2],
            introduced: [false; 2],
            measured: [false; 2],
            signature: [(0, 0); 2],
            vlans: packet.vlans,
            tunnel: packet.tunnel.map(Box::new),
            icmp: match packet.transport {
                Transport::Icmp(kind, code) => Some((kind, code)),
                _ => None,
            },
            flags: 0,
            sides: None,
            syn_at: 0,
            rtt: None,
            shaken: 0,
            reset: false,
            conversation: None,
            reading: false,
            protocol: None,
            confidence: 0,
            probes_left: PROBES,
            rejected: 0,
            held: None,
            counted: 0,
            told: None,
        }
    }

    /// The first bytes of a side that were held; nothing is held then.
    #[inline]
    pub fn take_held(&mut self, side: usize) -> Vec<u8> {
        self.held.as_mut().map_or_else(Vec::new, |held| std::mem::take(&mut held[side]))
    }

    /// Hold the first bytes of a side.
    pub fn hold(&mut self, side: usize, bytes: Vec<u8>) {
        self.held.get_or_insert_default()[side] = bytes;
    }

    /// Count one packet.
    #[inline]
    pub fn count(&mut self, side: usize, packet: &Packet<'_>, at: &Reference) {
        self.last = self.last.max(at.time);
        self.packets[side] += 1;
        self.bytes[side] += u64::from(at.length);
        if packet.snapped {
            self.flags |= flag::SNAPPED;
        }
        if let Transport::Tcp(tcp) = packet.transport {
            self.reset |= tcp.flags & 4 != 0;
        }
    }

    /// True where this packet was captured twice.
    #[inline]
    pub fn duplicate(&mut self, side: usize, packet: &Packet<'_>, time: i64) -> bool {
        if packet.ip_id == 0 {
            return false;
        }
        let mut signature = u64::from(packet.ip_id) << 32 | u64::from(packet.payload_length);
        if let Transport::Tcp(tcp) = packet.transport {
            signature ^= u64::from(tcp.seq) << 16 ^ u64::from(tcp.ack) ^ u64::from(tcp.flags) << 56;
        }
        let (before, when) = std::mem::replace(&mut self.signature[side], (signature, time));
        let duplicate = before == signature && time.abs_diff(when) < DUPLICATE_WITHIN;
        if duplicate {
            self.flags |= flag::DUPLICATES;
        }
        duplicate
    }

    /// Remember the link address of a side; true where it is new.
    #[inline]
    pub fn introduce(&mut self, side: usize, packet: &Packet<'_>) -> bool {
        let new = !self.introduced[side] || self.macs[side] != packet.src_mac;
        self.introduced[side] = true;
        self.macs[side] = packet.src_mac;
        if self.macs[1 - side].is_none() && !self.introduced[1 - side] {
            self.macs[1 - side] = packet.dst_mac;
        }
        new
    }

    /// True once a side, as soon as the other was heard: an address that nobody answers may be forged.
    #[inline]
    pub fn measures(&mut self, side: usize, to_group: bool) -> bool {
        let due = !self.measured[side] && (to_group || self.packets[1 - side] > 0);
        self.measured[side] |= due;
        due
    }

    /// Client and server.
    #[inline]
    pub fn endpoints(&self) -> (Endpoint, Endpoint) {
        let low = Endpoint { place: self.key.low.0, mac: self.macs[0], port: self.key.low.1 };
        let high = Endpoint { place: self.key.high.0, mac: self.macs[1], port: self.key.high.1 };
        if self.low_is_client {
            (low, high)
        } else {
            (high, low)
        }
    }

    /// True where a SYN opens a new flow on the ports of an ended one.
    pub fn starts_anew(&self, tcp: &Tcp) -> bool {
        let ended = self.reset || self.sides.as_ref().is_some_and(|s| s[0].fin && s[1].fin);
        tcp.flags & 0x12 == 2 && (ended || (self.sides.is_some() && self.shaken & ACK_SEEN != 0))
    }

    /// A SYN was seen.
    pub fn synchronised(&mut self, from_low: bool, answer: bool, time: i64) {
        if !self.client_sure {
            self.low_is_client = from_low != answer;
            self.client_sure = true;
        }
        if !answer {
            self.shaken |= SYN_SEEN;
            self.syn_at = time;
        } else {
            self.shaken |= SYN_ACK_SEEN;
        }
    }

    /// An ACK was seen: the handshake may be complete.
    #[inline]
    pub fn acknowledged(&mut self, from_low: bool, time: i64) {
        if self.shaken == SYN_SEEN | SYN_ACK_SEEN && from_low == self.low_is_client {
            self.shaken |= ACK_SEEN;
            self.rtt = u32::try_from(time.saturating_sub(self.syn_at) / 1000).ok();
        }
    }

    /// True while bytes are of use.
    #[inline]
    pub fn wants_bytes(&self) -> bool {
        self.reading || (self.protocol.is_none() && self.probes_left > 0)
    }

    /// A probe said yes.
    pub fn claimed(&mut self, protocol: &'static Protocol, confidence: u8) {
        self.protocol = Some(protocol);
        self.confidence = confidence;
    }

    /// Nothing more to read.
    pub fn stop(&mut self) {
        self.reading = false;
        self.conversation = None;
        self.held = None;
        self.probes_left = 0;
    }

    /// The claim was wrong.
    pub fn reject(&mut self) {
        if let Some(protocol) = self.protocol.take() {
            self.rejected |= rejected_bit(protocol, self.key.carried);
        }
        self.reading = false;
        self.conversation = None;
        self.confidence = 0;
        self.probes_left = self.probes_left.saturating_sub(1);
    }

    /// What follows is another protocol.
    pub fn hand_over(&mut self) {
        self.reading = false;
        self.conversation = None;
        self.protocol = None;
        self.probes_left = PROBES;
    }

    /// Bytes kept for later.
    pub fn pending(&self) -> usize {
        self.conversation.as_ref().map_or(0, |conversation| conversation.pending_bytes())
            + self.held.as_ref().map_or(0, |held| held[0].len() + held[1].len())
            + self.sides.as_ref().map_or(0, |s| s[0].held_bytes() + s[1].held_bytes())
    }

    /// How long it may be silent.
    #[inline]
    pub fn patience(&self) -> Patience {
        let both = self.packets[0] > 0 && self.packets[1] > 0;
        match self.key.carried {
            Carried::Tcp if self.reset || self.sides.as_ref().is_some_and(|s| s[0].fin && s[1].fin) => Patience::Short,
            Carried::Tcp if both || self.reading => Patience::Long,
            Carried::Tcp => Patience::Short,
            _ => Patience::Medium,
        }
    }

    /// The side of the key that is the client's.
    pub fn client(&self) -> usize {
        usize::from(!self.low_is_client)
    }

    /// Packets so far, both ways.
    pub fn packets(&self) -> u64 {
        self.packets[0] + self.packets[1]
    }

    fn state(&self) -> State {
        let both = self.packets[0] > 0 && self.packets[1] > 0;
        if self.key.carried != Carried::Tcp {
            return if both { State::Answered } else { State::Unanswered };
        }
        let closed = self.sides.as_ref().is_some_and(|s| s[0].fin && s[1].fin);
        let payload = self.sides.is_some() && self.protocol.is_some();
        match self.shaken {
            SYN_SEEN if self.reset && !payload => State::Rejected,
            // Data behind a SYN without an answer: the other direction was not captured.
            SYN_SEEN if !both && self.protocol.is_none() && self.probes_left == PROBES => State::Attempt,
            0 => State::MidStream,
            _ if self.reset => State::Reset,
            _ if closed => State::Closed,
            _ => State::Established,
        }
    }

    /// The row of this flow.
    pub fn row(&self, evicted: bool) -> FlowRow {
        let (client, server) = self.endpoints();
        let (c, s) = if self.low_is_client { (0, 1) } else { (1, 0) };
        let mut flags = self.flags | if evicted { flag::EVICTED } else { 0 };
        let mut retransmissions = [0; 2];
        if let Some(sides) = &self.sides {
            retransmissions = [sides[c].retransmissions, sides[s].retransmissions];
            if sides[0].lost + sides[1].lost > 0 {
                flags |= flag::GAP;
            }
        }
        if self.packets[0] == 0 || self.packets[1] == 0 {
            flags |= flag::ONE_SIDED;
        }
        FlowRow {
            id: self.id,
            domain: self.key.domain,
            input: self.start.input,
            window: self.start.time.div_euclid(WINDOW),
            client,
            server,
            carried: self.key.carried,
            protocol: self.protocol.map(|p| p.name),
            confidence: self.confidence,
            first: self.start.time,
            last: self.last,
            packets: [self.packets[c], self.packets[s]],
            bytes: [self.bytes[c], self.bytes[s]],
            state: self.state(),
            retransmissions,
            rtt: self.rtt,
            vlans: self.vlans,
            tunnel: self.tunnel.as_deref().copied(),
            icmp: self.icmp,
            flags,
        }
    }

    /// Whom this flow tried in vain to reach, if that is what it was.
    pub fn attempt(&self, row: &FlowRow) -> Option<(Place, Place, u16)> {
        let vain = match row.carried {
            Carried::Tcp => matches!(row.state, State::Attempt | State::Rejected) || self.is_lone_probe(row),
            Carried::Udp | Carried::Icmp => row.state == State::Unanswered && !row.server.place.is_group(),
            _ => false,
        };
        vain.then_some((row.client.place, row.server.place, row.server.port))
    }

    /// A TCP packet or two without SYN, payload or answer other than a reset: a FIN, NULL, XMAS or ACK probe.
    fn is_lone_probe(&self, row: &FlowRow) -> bool {
        row.state == State::MidStream
            && self.protocol.is_none()
            && row.packets[0] <= 2
            && row.packets[1] <= 1
            && self.probes_left == PROBES
            && (row.packets[1] == 0 || self.reset)
    }
}

fn rejected_bit(protocol: &'static Protocol, carried: Carried) -> u32 {
    let fits = |p: &&&'static Protocol| match carried {
        Carried::Tcp => p.tcp,
        Carried::Frame(_) => !p.ethertypes.is_empty(),
        _ => p.udp,
    };
    BUILTIN.iter().filter(fits).position(|p| std::ptr::eq(*p, protocol)).map_or(0, |at| 1 << at)
}

/// Whether the sender of the first packet seen is the one who opened the flow.
fn opener(packet: &Packet<'_>, environment: &Environment) -> bool {
    if let Transport::Tcp(tcp) = packet.transport {
        match tcp.flags & 0x12 {
            0x02 => return true,
            0x12 => return false,
            _ => {}
        }
    }
    let (from, to) = (environment.well_known(packet.src_port), environment.well_known(packet.dst_port));
    match (from, to) {
        (true, false) => false,
        (false, true) => true,
        // Mid-stream between two high ports: the smaller one is more likely the server's.
        (false, false) if matches!(packet.transport, Transport::Tcp(_)) => packet.src_port >= packet.dst_port,
        _ => true,
    }
}
