//! One shard: packets of its address pairs become flows, flows become conversations, conversations become records.
//!
//! Rule 1: a protocol is claimed by what a segment or datagram contains; the first `PROBES` payloads are looked at.
//! Rule 2: nothing here knows how many workers there are: a shard sees the same packets in the same order always.
//! Rule 3: every table is bounded; whatever meets a bound is counted in `Bounds`.

use crate::aggregate::{Aggregate, Observation, Reference, WindowSink};
use crate::attempts::Attempts;
use crate::flow::{Environment, Flow};
use crate::key::{Carried, Ends, FlowKey};
use crate::packet::{Packet, Tcp, Transport};
use crate::part::Domain;
use crate::row::{RowSink, TransactionRow};
use crate::table::{Patience, Table, FLOW_CAP};
use crate::tcp::Piece;
use crate::totals::Totals;
use ringfence_dissect::{walk, Carrier, Context, Conversation, Emitted, Hint, Outcome, Record, Sink, Value};
use ringfence_wire::Place;

const FIN: u8 = 1;
const SYN: u8 = 2;
const RST: u8 = 4;
const ACK: u8 = 16;

/// Bytes that the conversations of one shard may keep for later.
const PENDING_CAP: usize = 8 << 20;
/// First bytes kept while no probe can tell yet.
const HELD_CAP: usize = 2048;

/// What met a bound, by name.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bounds {
    /// Conversations given up because the shard kept too many bytes.
    pub pending: u64,
    /// Fragments that were only counted.
    pub fragments: u64,
    /// Packets that carried no address at all.
    pub addressless: u64,
    /// Packets seen twice.
    pub duplicates: u64,
}

/// One shard.
pub struct Shard {
    table: Table,
    /// Observations.
    pub aggregate: Aggregate,
    /// Conversations and protocol totals.
    pub totals: Totals,
    /// Attempts.
    pub attempts: Attempts,
    /// Bounds met.
    pub bounds: Bounds,
    record: Record,
    pending: usize,
    now: i64,
    /// The window in which things are told, of a live read.
    window: Option<i64>,
}

struct Out<'a> {
    aggregate: &'a mut Aggregate,
    rows: &'a mut dyn RowSink,
    domain: Domain,
    at: Reference,
    flow: u64,
    trace: bool,
    transactions: bool,
}

struct Closing<'a>(&'a mut dyn RowSink);

impl WindowSink for Closing<'_> {
    fn closed(&mut self, observation: &Observation) {
        self.0.observation(observation);
    }
}

impl Out<'_> {
    fn transaction(&mut self, emitted: &Emitted<'_>) {
        let places = emitted.kind.transaction;
        let (mut operation, mut object, mut status) = (None, None, None);
        for (field, value) in walk(emitted.kind, emitted.record.key()) {
            let Value::Text(text) = value else { continue };
            match Some(field) {
                at if at == places.operation => operation = Some(text),
                at if at == places.object => object = Some(text),
                at if at == places.status => status = Some(text),
                _ => {}
            }
        }
        let Some(operation) = operation else { return };
        self.rows.transaction(&TransactionRow {
            time: self.at.time,
            flow: self.flow,
            domain: self.domain,
            kind: emitted.kind.name,
            subject: emitted.subject,
            object_place: emitted.object,
            operation,
            object,
            status,
            length: self.at.length,
        });
    }
}

impl Sink for Out<'_> {
    fn emit(&mut self, emitted: &Emitted<'_>) {
        self.aggregate.add(emitted, self.domain, &self.at, &mut Closing(self.rows));
        if self.transactions && emitted.kind.transaction.operation.is_some() {
            self.transaction(emitted);
        }
        if self.trace {
            self.rows.trace(emitted, self.domain, &self.at);
        }
    }

    fn wants_detail(&self) -> bool {
        self.trace
    }
}

/// What a delivery needs beside the flow.
struct Delivery<'a, 'b> {
    out: &'a mut Out<'b>,
    record: &'a mut Record,
    environment: &'a Environment,
    carrier: Carrier,
    snapped: bool,
    to_group: bool,
}

impl Delivery<'_, '_> {
    fn context<'c>(
        &'c mut self,
        flow: &Flow,
        from_client: bool,
        protocol: &'static ringfence_dissect::Protocol,
    ) -> Context<'c> {
        let (client, server) = flow.endpoints();
        Context::new(
            self.out.at.time,
            self.carrier,
            from_client,
            client,
            server,
            self.snapped,
            flow.confidence,
            protocol.malformed,
            &self.environment.secrets,
            self.record,
            self.out,
        )
    }

    /// Hand `data` to the flow's reader, or look for one.
    fn data(&mut self, flow: &mut Flow, data: &[u8], from_low: bool) {
        let from_client = from_low == flow.low_is_client;
        match flow.conversation.take() {
            Some(mut conversation) => {
                self.read(flow, &mut conversation, data, from_client, from_low);
                if flow.reading {
                    flow.conversation = Some(conversation);
                }
            }
            None if flow.probes_left > 0 => self.claim(flow, data, from_client, from_low),
            None => {}
        }
    }

    fn read(
        &mut self,
        flow: &mut Flow,
        conversation: &mut Conversation,
        data: &[u8],
        from_client: bool,
        from_low: bool,
    ) {
        let mut rest = Vec::new();
        let carrier = self.carrier;
        let mut cx = self.context(flow, from_client, conversation.protocol());
        let outcome = match carrier {
            Carrier::Tcp => conversation.stream(data, &mut cx, &mut rest),
            _ => conversation.datagram(data, &mut cx),
        };
        flow.confidence = cx.confidence;
        match outcome {
            Outcome::Open => {}
            Outcome::Done => flow.stop(),
            Outcome::Rejected => {
                flow.reject();
                if flow.probes_left > 0 && carrier != Carrier::Tcp {
                    self.claim(flow, data, from_client, from_low);
                }
            }
            Outcome::Handover => {
                flow.hand_over();
                if !rest.is_empty() {
                    self.claim(flow, &rest, from_client, from_low);
                }
            }
        }
    }

    /// Ask the probes whose bytes these are.
    fn claim(&mut self, flow: &mut Flow, data: &[u8], from_client: bool, from_low: bool) {
        let side = usize::from(!from_low);
        let mut held = flow.take_held(side);
        if !held.is_empty() {
            held.extend_from_slice(data);
        }
        let bytes: &[u8] = if held.is_empty() { data } else { &held };
        let (client, server) = flow.endpoints();
        let hint = Hint {
            carrier: self.carrier,
            from_client,
            client_port: client.port,
            server_port: server.port,
            to_group: self.to_group,
        };
        let (best, more) = self.environment.probe(bytes, &hint, flow.rejected);
        match best {
            Some((protocol, confidence)) => {
                flow.claimed(protocol, confidence);
                let mut conversation = Box::new(Conversation::new(protocol));
                flow.reading = true;
                self.read(flow, &mut conversation, bytes, from_client, from_low);
                if flow.reading {
                    flow.conversation = Some(conversation);
                }
            }
            None if more && bytes.len() < HELD_CAP => {
                if held.is_empty() {
                    held.extend_from_slice(data);
                }
                flow.hold(side, held);
            }
            None => flow.probes_left -= 1,
        }
    }
}

impl Shard {
    /// `seed` keeps attackers from choosing collisions; `windowed`: hand out observations window by window.
    pub fn new(seed: u64, windowed: bool) -> Self {
        Shard {
            table: Table::new(seed),
            aggregate: Aggregate::new(windowed),
            totals: Totals::default(),
            attempts: Attempts::default(),
            bounds: Bounds::default(),
            record: Record::default(),
            pending: 0,
            now: i64::MIN,
            window: None,
        }
    }

    /// Take one packet between `ends`.
    pub fn packet(
        &mut self,
        packet: &Packet<'_>,
        ends: &Ends,
        domain: Domain,
        at: &Reference,
        environment: &Environment,
        rows: &mut dyn RowSink,
    ) {
        if packet.transport == Transport::Fragment {
            self.bounds.fragments += 1;
            return;
        }
        self.now = self.now.max(at.time);
        // First, or a flow that was silent too long would go on with the packet that comes after all.
        while let Some(old) = self.table.expired(self.now) {
            self.end(old, false, environment, rows);
        }
        let (key, from_low) = FlowKey::of(packet, ends, domain);
        let slot = self.slot(&key, from_low, packet, at, environment, rows);
        let flow = self.table.flow(slot);
        let side = usize::from(!from_low);
        flow.count(side, packet, at);
        if flow.duplicate(side, packet, at.time) {
            self.bounds.duplicates += 1;
        }
        let new_side = flow.introduce(side, packet);
        let measured = flow.measures(side, ends.dst.is_group());
        let before = flow.counted;
        let may_keep = before > 0 || (!packet.payload.is_empty() && flow.wants_bytes());
        let mut out = Out {
            aggregate: &mut self.aggregate,
            rows,
            domain,
            at: *at,
            flow: flow.id,
            trace: environment.trace,
            transactions: environment.transactions,
        };
        let mut delivery = Delivery {
            out: &mut out,
            record: &mut self.record,
            environment,
            carrier: carrier_of(key.carried),
            snapped: packet.snapped,
            to_group: ends.dst.is_group(),
        };
        if new_side || measured {
            link_facts(flow, packet, ends.src, from_low, (new_side, measured), &mut delivery);
        }
        match packet.transport {
            Transport::Tcp(tcp) => stream(flow, &tcp, packet, from_low, &mut delivery),
            Transport::Udp | Transport::Frame if !packet.payload.is_empty() => {
                delivery.data(flow, packet.payload, from_low);
            }
            _ => {}
        }
        if may_keep {
            let after = flow.pending();
            flow.counted = after;
            self.pending = self.pending + after - before;
            if self.pending > PENDING_CAP && after > 0 {
                self.pending -= after;
                self.bounds.pending += 1;
                flow.stop();
                flow.counted = 0;
            }
        }
        let class = flow.patience();
        self.table.touch(slot, class);
    }

    fn slot(
        &mut self,
        key: &FlowKey,
        from_low: bool,
        packet: &Packet<'_>,
        at: &Reference,
        environment: &Environment,
        rows: &mut dyn RowSink,
    ) -> u32 {
        if let Some(slot) = self.table.find(key) {
            let flow = self.table.flow(slot);
            let again = matches!(packet.transport, Transport::Tcp(tcp) if flow.starts_anew(&tcp));
            if !again {
                return slot;
            }
            self.end(slot, false, environment, rows);
        }
        if self.table.len() >= FLOW_CAP {
            if let Some(oldest) = self.table.least_recent() {
                self.end(oldest, true, environment, rows);
            }
        }
        let flow = Flow::new(*key, from_low, packet, at, environment);
        self.table.insert(flow, Patience::Short)
    }

    fn end(&mut self, slot: u32, evicted: bool, environment: &Environment, rows: &mut dyn RowSink) {
        let mut flow = self.table.remove(slot);
        self.pending -= flow.counted;
        self.last_words(&mut flow, environment, rows);
        let mut row = flow.row(evicted);
        if let Some((from, to, port)) = flow.attempt(&row) {
            self.attempts.add(row.domain, from, to, port, row.carried, &flow.start);
        }
        let (client, mut reported) = (flow.client(), flow.told.take());
        self.totals.add(&row, reported.as_ref().and_then(|reported| reported.told.as_ref()));
        row.window = self.window.unwrap_or(row.window);
        if reported.as_mut().is_none_or(|reported| reported.leave_rest(&mut row, client)) {
            rows.flow(&row);
        }
    }

    /// Make this a shard of a live read: what ends from now on is told in `window`.
    pub fn open_window(&mut self, window: i64) {
        self.window = Some(window);
    }

    /// Set the clock back, where that of the capture was.
    pub fn set_back(&mut self, now: i64, window: i64) {
        self.now = now;
        self.window = Some(window);
        self.aggregate.open_from(window);
    }

    /// End the flows that were silent too long at `now`: a quiet shard has no packet that tells the time.
    pub fn quiet(&mut self, now: i64, environment: &Environment, rows: &mut dyn RowSink) {
        self.now = self.now.max(now);
        while let Some(old) = self.table.expired(self.now) {
            self.end(old, false, environment, rows);
        }
    }

    /// Tell what came of the flows that go on; as rows too, where the window `closes`.
    pub fn report(&mut self, closes: bool, rows: &mut dyn RowSink) {
        let window = self.window;
        for flow in self.table.flows() {
            let before = flow.told.as_ref().map_or(0, |reported| reported.packets_told());
            let rows_before = flow.told.as_ref().map_or(0, |reported| reported.packets_in_rows());
            let now = flow.packets();
            if now == before && (!closes || now == rows_before) {
                continue;
            }
            let mut row = flow.row(false);
            if flow.told.is_none() && !Totals::is_settled(&row, flow.probes_left == 0) {
                continue;
            }
            let mut reported = flow.told.take().unwrap_or_default();
            if now != before {
                reported.told = Some(self.totals.tell(&row, reported.told.as_ref()));
            }
            row.window = window.unwrap_or(row.window);
            if closes && reported.leave_rest(&mut row, flow.client()) {
                rows.flow(&row);
            }
            flow.told = Some(reported);
        }
    }

    /// Deliver what still waits behind holes.
    fn last_words(&mut self, flow: &mut Flow, environment: &Environment, rows: &mut dyn RowSink) {
        let Some(mut sides) = flow.sides.take() else { return };
        if sides.iter().any(|side| side.waiting()) && flow.wants_bytes() {
            let mut out = Out {
                aggregate: &mut self.aggregate,
                rows,
                domain: flow.key.domain,
                at: Reference { time: flow.last, ..flow.start },
                flow: flow.id,
                trace: environment.trace,
                transactions: environment.transactions,
            };
            let mut delivery = Delivery {
                out: &mut out,
                record: &mut self.record,
                environment,
                carrier: Carrier::Tcp,
                snapped: true,
                to_group: false,
            };
            for (at, side) in sides.iter_mut().enumerate() {
                side.release(&mut |piece| piece_of(flow, piece, at == 0, &mut delivery));
            }
        }
        flow.sides = Some(sides);
    }

    /// End every flow.
    pub fn finish(&mut self, environment: &Environment, rows: &mut dyn RowSink) {
        while let Some(slot) = self.table.any() {
            self.end(slot, false, environment, rows);
        }
        self.aggregate.close(&mut Closing(rows));
    }
}

fn carrier_of(carried: Carried) -> Carrier {
    match carried {
        Carried::Tcp => Carrier::Tcp,
        Carried::Frame(ethertype) => Carrier::Ethernet(ethertype),
        _ => Carrier::Udp,
    }
}

fn piece_of(flow: &mut Flow, piece: Piece<'_>, from_low: bool, delivery: &mut Delivery<'_, '_>) {
    match piece {
        Piece::Data(data) => delivery.data(flow, data, from_low),
        Piece::Gap(lost) => {
            drop(flow.take_held(usize::from(!from_low)));
            let from_client = from_low == flow.low_is_client;
            if let Some(conversation) = flow.conversation.as_mut() {
                conversation.gap(from_client, lost);
            }
        }
    }
}

/// A TCP segment: state, then bytes.
fn stream(flow: &mut Flow, tcp: &Tcp, packet: &Packet<'_>, from_low: bool, delivery: &mut Delivery<'_, '_>) {
    let mut sides = flow.sides.take().unwrap_or_default();
    let (here, there) = if from_low { (0, 1) } else { (1, 0) };
    let mut seq = tcp.seq;
    if tcp.flags & SYN != 0 {
        flow.synchronised(from_low, tcp.flags & ACK != 0, delivery.out.at.time);
        sides[here].synchronise(seq);
        seq = seq.wrapping_add(1);
    }
    if tcp.flags & ACK != 0 {
        flow.acknowledged(from_low, delivery.out.at.time);
    }
    if packet.payload_length > 0 && tcp.flags & RST == 0 {
        if flow.wants_bytes() {
            let length = packet.payload_length;
            sides[here].segment(seq, packet.payload, length, &mut |piece| piece_of(flow, piece, from_low, delivery));
        } else {
            sides[here].pass(seq, packet.payload_length);
        }
    }
    if tcp.flags & ACK != 0 {
        sides[there].acknowledge(tcp.ack, &mut |piece| piece_of(flow, piece, !from_low, delivery));
    }
    sides[here].fin |= tcp.flags & FIN != 0;
    flow.sides = Some(sides);
}

/// Who carries which address, and from how far away.
fn link_facts(
    flow: &Flow,
    packet: &Packet<'_>,
    src: Place,
    from_low: bool,
    (new_side, measured): (bool, bool),
    delivery: &mut Delivery<'_, '_>,
) {
    use crate::kinds::{address, ttl};
    use ringfence_dissect::Who;
    if src.is_group() || matches!(src, Place::Mac(_)) {
        return;
    }
    let from_client = from_low == flow.low_is_client;
    let any = delivery.environment.any;
    let mut cx = delivery.context(flow, from_client, any);
    if let Some(mac) = packet.src_mac.filter(|mac| new_side && mac[0] & 1 == 0 && *mac != [0; 6]) {
        let vlan = packet.vlans.ids().last().copied();
        cx.fact(&address::KIND)
            .ip(address::ip, src.bytes())
            .maybe_uint(address::vlan, vlan)
            .emit(Who::At(Place::Mac(mac)));
    }
    if measured && packet.ttl > 1 && src.is_inside() {
        let initial = [32u8, 64, 128, 255].into_iter().find(|&guess| packet.ttl <= guess).unwrap_or(255);
        cx.fact(&ttl::KIND).uint(ttl::initial, initial).uint(ttl::hops, initial - packet.ttl).emit(Who::At(src));
    }
}
