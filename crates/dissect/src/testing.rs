//! A bench for dissectors: plays a conversation and shows the records as lines of text.
//!
//! `Bench::cut_anywhere` plays the same stream cut at every byte and demands the same records each time.

use crate::{walk, Carrier, Context, Conversation, Emitted, Endpoint, Outcome, Protocol, Record, Secrets, Sink, Value};
use ringfence_wire::Place;
use std::net::{Ipv4Addr, Ipv6Addr};

/// One protocol's conversation between 10.0.0.1:40000 (client) and 10.0.0.2 (server, the protocol's first port).
pub struct Bench {
    conversation: Conversation,
    carrier: Carrier,
    secrets: Secrets,
    record: Record,
    sink: Lines,
    /// What the last delivery answered.
    pub outcome: Outcome,
    /// Bytes after a handover.
    pub rest: Vec<u8>,
    confidence: u8,
}

#[derive(Default)]
struct Lines(Vec<String>);

impl Sink for Lines {
    fn emit(&mut self, emitted: &Emitted<'_>) {
        let mut line = format!("{} {}", emitted.kind.name, emitted.subject);
        if let Some(object) = emitted.object {
            line += &format!(">{object}");
        }
        for part in [emitted.record.key(), emitted.record.detail()] {
            for (field, value) in walk(emitted.kind, part) {
                line += &format!(" {}={}", emitted.kind.fields[field as usize].name, show(&value));
            }
        }
        self.0.push(line);
    }

    fn wants_detail(&self) -> bool {
        true
    }
}

fn show(value: &Value<'_>) -> String {
    match value {
        Value::Uint(v) => v.to_string(),
        Value::Int(v) => v.to_string(),
        Value::Real(v) => v.to_string(),
        Value::Bool(v) => v.to_string(),
        Value::Text(v) => String::from_utf8_lossy(v).into_owned(),
        Value::Bytes(v) => v.iter().map(|b| format!("{b:02x}")).collect(),
        Value::Mac(v) => Place::Mac(*v).to_string(),
        Value::Ip(v) => match v.len() {
            4 => Ipv4Addr::from(<[u8; 4]>::try_from(*v).unwrap()).to_string(),
            _ => Ipv6Addr::from(<[u8; 16]>::try_from(*v).unwrap()).to_string(),
        },
    }
}

#[allow(dead_code)] // Not every protocol plays every turn.
impl Bench {
    pub fn new(protocol: &'static Protocol, carrier: Carrier) -> Self {
        Bench {
            conversation: Conversation::new(protocol),
            carrier,
            secrets: Secrets::new(b"test key", [(b"admin".to_vec(), b"admin".to_vec()), (vec![], b"public".to_vec())]),
            record: Record::default(),
            sink: Lines::default(),
            outcome: Outcome::Open,
            rest: Vec::new(),
            confidence: 50,
        }
    }

    /// Bytes (TCP), a datagram or a frame payload from the client.
    pub fn client(&mut self, data: &[u8]) -> &mut Self {
        self.deliver(data, true)
    }

    /// The same from the server.
    pub fn server(&mut self, data: &[u8]) -> &mut Self {
        self.deliver(data, false)
    }

    /// Bytes lost.
    pub fn gap(&mut self, from_client: bool, lost: u64) -> &mut Self {
        self.conversation.gap(from_client, lost);
        self
    }

    /// The records so far, as `kind subject[>object] field=value …`.
    pub fn lines(&self) -> &[String] {
        &self.sink.0
    }

    fn deliver(&mut self, data: &[u8], from_client: bool) -> &mut Self {
        let protocol = self.conversation.protocol();
        let end = |host, port| Endpoint { place: Place::V4([10, 0, 0, host]), mac: Some([2, 0, 0, 0, 0, host]), port };
        let mut cx = Context::new(
            1_700_000_000_000_000_000,
            self.carrier,
            from_client,
            end(1, 40000),
            end(2, protocol.ports.first().copied().unwrap_or(0)),
            false,
            self.confidence,
            protocol.malformed,
            &self.secrets,
            &mut self.record,
            &mut self.sink,
        );
        self.outcome = match self.carrier {
            Carrier::Tcp => self.conversation.stream(data, &mut cx, &mut self.rest),
            _ => self.conversation.datagram(data, &mut cx),
        };
        self.confidence = cx.confidence;
        self
    }

    /// Play `turns` ((from client, bytes) …) whole, then with each turn cut at every byte: the records must be equal.
    pub fn cut_anywhere(protocol: &'static Protocol, turns: &[(bool, &[u8])]) -> Vec<String> {
        let mut whole = Bench::new(protocol, Carrier::Tcp);
        for (from_client, bytes) in turns {
            whole.deliver(bytes, *from_client);
        }
        for (turn, (_, bytes)) in turns.iter().enumerate() {
            for cut in 0..=bytes.len() {
                let mut parts = Bench::new(protocol, Carrier::Tcp);
                for (at, (from_client, bytes)) in turns.iter().enumerate() {
                    if at == turn {
                        parts.deliver(&bytes[..cut], *from_client).deliver(&bytes[cut..], *from_client);
                    } else {
                        parts.deliver(bytes, *from_client);
                    }
                }
                assert_eq!(parts.lines(), whole.lines(), "turn {turn} cut at byte {cut}");
            }
        }
        whole.sink.0
    }
}
