//! Plays an input through one dissector and judges what must hold.

use crate::case::{self, Case, Step};
use crate::random::Random;
use crate::target::Target;
use ringfence_dissect::{
    Carrier, Context, Conversation, Emitted, Endpoint, Hint, Outcome, Probe, Protocol, Record, Secrets, Sink,
};
use ringfence_wire::Place;
use std::hash::{DefaultHasher, Hasher};
use std::path::Path;

/// Kinds that count deliveries, and so rightly differ where a stream is cut otherwise.
const DELIVERIES: [&str; 1] = ["telnet.data"];

/// Digests of the records of one run.
struct Digests {
    records: Vec<(&'static str, u64)>,
    detail: bool,
}

impl Sink for Digests {
    fn emit(&mut self, emitted: &Emitted<'_>) {
        let mut digest = DefaultHasher::new();
        digest.write(emitted.kind.name.as_bytes());
        digest.write(emitted.record.key());
        digest.write(emitted.record.detail());
        self.records.push((emitted.kind.name, digest.finish()));
    }

    fn wants_detail(&self) -> bool {
        self.detail
    }
}

/// One dissector on one carrier.
pub struct Player {
    /// The protocol.
    pub protocol: &'static Protocol,
    /// What carries it.
    pub carrier: Carrier,
    secrets: Secrets,
    record: Record,
}

impl Player {
    /// One player for each carrier of `protocol`.
    pub fn all(protocol: &'static Protocol) -> Vec<Player> {
        let frames = protocol.ethertypes.first().map(|kind| Carrier::Ethernet(*kind));
        let carriers = [protocol.tcp.then_some(Carrier::Tcp), protocol.udp.then_some(Carrier::Udp), frames];
        let player = |carrier| {
            let secrets = Secrets::new(b"fuzz", [(b"admin".to_vec(), b"admin".to_vec())]);
            Player { protocol, carrier, secrets, record: Record::default() }
        };
        carriers.into_iter().flatten().map(player).collect()
    }

    fn probe(&self, case: &Case) {
        let port = self.protocol.ports.first().copied().unwrap_or(0);
        if let Some(Step::Data(from_client, bytes)) = case.0.first() {
            for server_port in [port, 1] {
                let hint = Hint {
                    carrier: self.carrier,
                    from_client: *from_client,
                    client_port: 40_000,
                    server_port,
                    to_group: false,
                };
                let _: Probe = (self.protocol.probe)(bytes, &hint);
            }
        }
    }

    fn play(&mut self, case: &Case, detail: bool) -> Result<Vec<(&'static str, u64)>, String> {
        let mut sink = Digests { records: Vec::new(), detail };
        let mut conversation = Conversation::new(self.protocol);
        let mut rest = Vec::new();
        let port = self.protocol.ports.first().copied().unwrap_or(0);
        let end = |host, port| Endpoint { place: Place::V4([10, 0, 0, host]), mac: Some([2, 0, 0, 0, 0, host]), port };
        for (at, step) in case.0.iter().enumerate() {
            let (from_client, bytes) = match step {
                Step::Gap(from_client, lost) => {
                    conversation.gap(*from_client, *lost);
                    continue;
                }
                Step::Data(from_client, bytes) => (*from_client, bytes),
            };
            let mut cx = Context::new(
                at as i64,
                self.carrier,
                from_client,
                end(1, 40_000),
                end(2, port),
                false,
                50,
                self.protocol.malformed,
                &self.secrets,
                &mut self.record,
                &mut sink,
            );
            let outcome = match self.carrier {
                Carrier::Tcp => conversation.stream(bytes, &mut cx, &mut rest),
                _ => conversation.datagram(bytes, &mut cx),
            };
            if outcome != Outcome::Open {
                break;
            }
            if conversation.pending_bytes() > 2 * self.protocol.buffer {
                return Err(format!("{} bytes kept", conversation.pending_bytes()));
            }
        }
        Ok(sink.records)
    }
}

impl Target for Player {
    fn selector(&self) -> &'static str {
        self.protocol.name
    }

    fn title(&self) -> String {
        format!("{} over {:?}", self.protocol.name, self.carrier)
    }

    fn stream(&self) -> bool {
        self.protocol.tcp
    }

    fn seeds(&self, vectors: &Path) -> Vec<Case> {
        case::seeds(&vectors.join(self.protocol.name))
    }

    fn judge(&mut self, case: &Case, random: &mut Random) -> Result<(), String> {
        self.probe(case);
        let detail = !random.once_in(8);
        let mut whole = self.play(case, detail)?;
        let lossless = !case.0.iter().any(|step| matches!(step, Step::Gap(..)));
        if self.carrier == Carrier::Tcp && lossless && random.once_in(4) {
            let cut = recut(case, random);
            let mut other = self.play(&cut, detail)?;
            whole.retain(|(name, _)| !DELIVERIES.contains(name));
            other.retain(|(name, _)| !DELIVERIES.contains(name));
            if other != whole {
                let at = other.iter().zip(&whole).take_while(|(one, two)| one == two).count();
                let (one, two) = (whole.get(at), other.get(at));
                return Err(format!("record {at} is {two:?}, not {one:?}, when it is cut otherwise:\n{}", cut.text()));
            }
        }
        Ok(())
    }
}

/// The same bytes of each turn, cut at random places.
fn recut(case: &Case, random: &mut Random) -> Case {
    let mut steps = Vec::new();
    for step in &case.0 {
        match step {
            Step::Data(from_client, bytes) => {
                let mut left = bytes.as_slice();
                while !left.is_empty() {
                    let (head, tail) = left.split_at(1 + random.below(left.len()));
                    steps.push(Step::Data(*from_client, head.to_vec()));
                    left = tail;
                }
            }
            gap => steps.push(gap.clone()),
        }
    }
    Case(steps)
}
