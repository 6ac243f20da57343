//! `flows.v1` and `transactions.v1` as Arrow record batches (contract §3).

use crate::ids::Ids;
use crate::words::{Words, WORD_CAP};
use arrow_array::builder::{
    FixedSizeBinaryBuilder, ListBuilder, StringBuilder, TimestampNanosecondBuilder, UInt16Builder, UInt32Builder,
    UInt64Builder, UInt8Builder,
};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use ringfence_flow::{Carried, FlowRow, TransactionRow, TunnelKind, PART_ID_LENGTH, WINDOW};
use sha1::{Digest, Sha1};
use std::sync::Arc;

/// Rows of a batch.
pub const BATCH_ROWS: usize = 32_768;

const _: () = assert!(BATCH_ROWS <= WORD_CAP, "a batch may have as many words as rows");

fn time(name: &str) -> Field {
    Field::new(name, DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into())), false)
}

fn word(name: &str, nullable: bool) -> Field {
    Field::new(name, DataType::Dictionary(Box::new(DataType::Int16), Box::new(DataType::Utf8)), nullable)
}

fn part(name: &str, nullable: bool) -> Field {
    Field::new(name, DataType::FixedSizeBinary(PART_ID_LENGTH as i32), nullable)
}

/// The schema of `flows.v1`: names, types and, in the field metadata, units.
pub fn flows_schema() -> SchemaRef {
    let number = |name: &str, ty: DataType| Field::new(name, ty, false);
    Arc::new(Schema::new_with_metadata(
        vec![
            number("flow_id", DataType::UInt64),
            word("sensor", false),
            word("epoch", false),
            time("window"),
            part("src_part", false),
            part("dst_part", false),
            Field::new("src_address", DataType::Utf8, false),
            Field::new("dst_address", DataType::Utf8, false),
            number("src_port", DataType::UInt16),
            number("dst_port", DataType::UInt16),
            word("transport", false),
            word("protocol", true),
            number("confidence", DataType::UInt8),
            time("start"),
            time("end"),
            number("src_packets", DataType::UInt64),
            number("dst_packets", DataType::UInt64),
            number("src_bytes", DataType::UInt64),
            number("dst_bytes", DataType::UInt64),
            word("state", false),
            number("src_retransmissions", DataType::UInt32),
            number("dst_retransmissions", DataType::UInt32),
            Field::new("rtt_us", DataType::UInt32, true),
            Field::new("vlans", DataType::List(Arc::new(Field::new("item", DataType::UInt16, true))), false),
            Field::new("tunnel", DataType::Utf8, true),
            Field::new("community_id", DataType::Utf8, true),
            number("flags", DataType::UInt32),
        ],
        std::collections::HashMap::from([("schema".to_owned(), "flows.v1".to_owned())]),
    ))
}

/// The schema of `transactions.v1`.
pub fn transactions_schema() -> SchemaRef {
    Arc::new(Schema::new_with_metadata(
        vec![
            time("time"),
            Field::new("flow_id", DataType::UInt64, false),
            word("protocol", false),
            word("kind", false),
            part("src_part", false),
            part("dst_part", true),
            word("operation", false),
            Field::new("object", DataType::Utf8, true),
            word("status", true),
            Field::new("length", DataType::UInt32, false),
        ],
        std::collections::HashMap::from([("schema".to_owned(), "transactions.v1".to_owned())]),
    ))
}

/// Builds batches of flows.
pub struct Flows {
    rows: usize,
    name: String,
    id: UInt64Builder,
    sensor: Words,
    epoch: Words,
    window: TimestampNanosecondBuilder,
    parts: [FixedSizeBinaryBuilder; 2],
    addresses: [StringBuilder; 2],
    ports: [UInt16Builder; 2],
    transport: Words,
    protocol: Words,
    confidence: UInt8Builder,
    times: [TimestampNanosecondBuilder; 2],
    packets: [UInt64Builder; 2],
    bytes: [UInt64Builder; 2],
    state: Words,
    retransmissions: [UInt32Builder; 2],
    rtt: UInt32Builder,
    vlans: ListBuilder<UInt16Builder>,
    tunnel: StringBuilder,
    community: StringBuilder,
    flags: UInt32Builder,
    scratch: String,
}

fn utc() -> TimestampNanosecondBuilder {
    TimestampNanosecondBuilder::new().with_timezone("UTC")
}

fn part_builder() -> FixedSizeBinaryBuilder {
    FixedSizeBinaryBuilder::new(PART_ID_LENGTH as i32)
}

impl Flows {
    /// An empty builder of what `sensor` saw.
    pub fn new(sensor: &str) -> Self {
        Flows {
            rows: 0,
            name: sensor.to_owned(),
            id: UInt64Builder::new(),
            sensor: Words::new(),
            epoch: Words::new(),
            window: utc(),
            parts: [part_builder(), part_builder()],
            addresses: [StringBuilder::new(), StringBuilder::new()],
            ports: [UInt16Builder::new(), UInt16Builder::new()],
            transport: Words::new(),
            protocol: Words::new(),
            confidence: UInt8Builder::new(),
            times: [utc(), utc()],
            packets: [UInt64Builder::new(), UInt64Builder::new()],
            bytes: [UInt64Builder::new(), UInt64Builder::new()],
            state: Words::new(),
            retransmissions: [UInt32Builder::new(), UInt32Builder::new()],
            rtt: UInt32Builder::new(),
            vlans: ListBuilder::new(UInt16Builder::new()),
            tunnel: StringBuilder::new(),
            community: StringBuilder::new(),
            flags: UInt32Builder::new(),
            scratch: String::new(),
        }
    }

    /// Add a row; answers a batch when one is full.
    pub fn add(&mut self, row: &FlowRow, ids: &mut Ids) -> Option<RecordBatch> {
        self.rows += 1;
        self.id.append_value(row.id);
        self.sensor.append(&self.name);
        self.epoch.append(ids.epoch(row.input));
        self.window.append_value(row.window.saturating_mul(WINDOW));
        for (at, end) in [row.client, row.server].into_iter().enumerate() {
            let _ = self.parts[at].append_value(ids.part(row.domain, &end.place));
            self.scratch.clear();
            end.place.write_to(&mut self.scratch);
            self.addresses[at].append_value(&self.scratch);
            self.ports[at].append_value(end.port);
            self.packets[at].append_value(row.packets[at]);
            self.bytes[at].append_value(row.bytes[at]);
            self.retransmissions[at].append_value(row.retransmissions[at]);
        }
        self.transport.append(row.carried.name());
        self.protocol.append_option(row.protocol.map(str::as_bytes));
        self.confidence.append_value(row.confidence);
        self.times[0].append_value(row.first);
        self.times[1].append_value(row.last);
        self.state.append(row.state.name());
        self.rtt.append_option(row.rtt);
        for vlan in row.vlans.ids() {
            self.vlans.values().append_value(*vlan);
        }
        self.vlans.append(true);
        self.tunnel.append_option(row.tunnel.map(|tunnel| format!("{}:{}", tunnel_name(tunnel.kind), tunnel.id)));
        self.scratch.clear();
        let community = community_id(row, &mut self.scratch);
        self.community.append_option(community.then_some(&self.scratch));
        self.flags.append_value(row.flags);
        (self.rows >= BATCH_ROWS).then(|| self.finish())
    }

    /// What is left, where there is any.
    pub fn rest(&mut self) -> Option<RecordBatch> {
        (self.rows > 0).then(|| self.finish())
    }

    fn finish(&mut self) -> RecordBatch {
        self.rows = 0;
        let [src_part, dst_part] = &mut self.parts;
        let [src, dst] = &mut self.addresses;
        let [src_port, dst_port] = &mut self.ports;
        let [start, end] = &mut self.times;
        let [src_packets, dst_packets] = &mut self.packets;
        let [src_bytes, dst_bytes] = &mut self.bytes;
        let [src_again, dst_again] = &mut self.retransmissions;
        let columns: Vec<ArrayRef> = vec![
            Arc::new(self.id.finish()),
            Arc::new(self.sensor.finish()),
            Arc::new(self.epoch.finish()),
            Arc::new(self.window.finish()),
            Arc::new(src_part.finish()),
            Arc::new(dst_part.finish()),
            Arc::new(src.finish()),
            Arc::new(dst.finish()),
            Arc::new(src_port.finish()),
            Arc::new(dst_port.finish()),
            Arc::new(self.transport.finish()),
            Arc::new(self.protocol.finish()),
            Arc::new(self.confidence.finish()),
            Arc::new(start.finish()),
            Arc::new(end.finish()),
            Arc::new(src_packets.finish()),
            Arc::new(dst_packets.finish()),
            Arc::new(src_bytes.finish()),
            Arc::new(dst_bytes.finish()),
            Arc::new(self.state.finish()),
            Arc::new(src_again.finish()),
            Arc::new(dst_again.finish()),
            Arc::new(self.rtt.finish()),
            Arc::new(self.vlans.finish()),
            Arc::new(self.tunnel.finish()),
            Arc::new(self.community.finish()),
            Arc::new(self.flags.finish()),
        ];
        RecordBatch::try_new(flows_schema(), columns).expect("columns follow the schema above")
    }
}

/// Builds batches of transactions.
pub struct Transactions {
    rows: usize,
    time: TimestampNanosecondBuilder,
    flow: UInt64Builder,
    protocol: Words,
    kind: Words,
    parts: [FixedSizeBinaryBuilder; 2],
    operation: Words,
    object: StringBuilder,
    status: Words,
    length: UInt32Builder,
}

impl Transactions {
    /// An empty builder.
    pub fn new() -> Self {
        Transactions {
            rows: 0,
            time: utc(),
            flow: UInt64Builder::new(),
            protocol: Words::new(),
            kind: Words::new(),
            parts: [part_builder(), part_builder()],
            operation: Words::new(),
            object: StringBuilder::new(),
            status: Words::new(),
            length: UInt32Builder::new(),
        }
    }

    /// Add a row; answers a batch when one is full.
    pub fn add(&mut self, row: &TransactionRow<'_>, ids: &mut Ids) -> Option<RecordBatch> {
        self.rows += 1;
        self.time.append_value(row.time);
        self.flow.append_value(row.flow);
        self.protocol.append(row.kind.split('.').next().unwrap_or(row.kind));
        self.kind.append(row.kind);
        let _ = self.parts[0].append_value(ids.part(row.domain, &row.subject));
        match row.object_place {
            Some(place) => {
                let _ = self.parts[1].append_value(ids.part(row.domain, &place));
            }
            None => self.parts[1].append_null(),
        }
        self.operation.append_bytes(row.operation);
        self.object.append_option(row.object.map(String::from_utf8_lossy));
        self.status.append_option(row.status);
        self.length.append_value(row.length);
        (self.rows >= BATCH_ROWS).then(|| self.finish())
    }

    /// What is left, where there is any.
    pub fn rest(&mut self) -> Option<RecordBatch> {
        (self.rows > 0).then(|| self.finish())
    }

    fn finish(&mut self) -> RecordBatch {
        self.rows = 0;
        let [src, dst] = &mut self.parts;
        let columns: Vec<ArrayRef> = vec![
            Arc::new(self.time.finish()),
            Arc::new(self.flow.finish()),
            Arc::new(self.protocol.finish()),
            Arc::new(self.kind.finish()),
            Arc::new(src.finish()),
            Arc::new(dst.finish()),
            Arc::new(self.operation.finish()),
            Arc::new(self.object.finish()),
            Arc::new(self.status.finish()),
            Arc::new(self.length.finish()),
        ];
        RecordBatch::try_new(transactions_schema(), columns).expect("columns follow the schema above")
    }
}

fn tunnel_name(kind: TunnelKind) -> &'static str {
    match kind {
        TunnelKind::Pppoe => "pppoe",
        TunnelKind::Mpls => "mpls",
        TunnelKind::Gre => "gre",
        TunnelKind::Erspan(1) => "erspan1",
        TunnelKind::Erspan(2) => "erspan2",
        TunnelKind::Erspan(_) => "erspan3",
        TunnelKind::Vxlan => "vxlan",
        TunnelKind::Geneve => "geneve",
        TunnelKind::IpInIp => "ip_in_ip",
    }
}

/// Append the Community ID 1, seed 0, to `out`; false without IP.
fn community_id(row: &FlowRow, out: &mut String) -> bool {
    let (mut src, mut dst) = ((row.client.place, row.client.port), (row.server.place, row.server.port));
    if matches!(row.carried, Carried::Frame(_)) {
        return false;
    }
    let mut number = row.carried.number();
    let mut ports = matches!(row.carried, Carried::Tcp | Carried::Udp | Carried::Ip(132));
    let mut one_way = false;
    if let (Carried::Icmp, Some((kind, code))) = (row.carried, row.icmp) {
        let six = src.0.bytes().len() == 16;
        number = if six { 58 } else { 1 };
        ports = true;
        let answer = if six { icmp6_pair(kind) } else { icmp4_pair(kind) };
        one_way = answer.is_none();
        src.1 = u16::from(kind);
        dst.1 = u16::from(answer.unwrap_or(code));
    }
    if !one_way && dst < src {
        std::mem::swap(&mut src, &mut dst);
    }
    let mut hash = Sha1::new();
    hash.update([0, 0]);
    hash.update(src.0.bytes());
    hash.update(dst.0.bytes());
    hash.update([number, 0]);
    if ports {
        hash.update(src.1.to_be_bytes());
        hash.update(dst.1.to_be_bytes());
    }
    out.push_str("1:");
    base64(&hash.finalize(), out);
    true
}

fn icmp4_pair(kind: u8) -> Option<u8> {
    [(8, 0), (13, 14), (15, 16), (10, 9), (17, 18)]
        .into_iter()
        .find_map(|(a, b)| (kind == a).then_some(b).or((kind == b).then_some(a)))
}

fn icmp6_pair(kind: u8) -> Option<u8> {
    [(128, 129), (133, 134), (135, 136), (130, 131), (144, 145), (139, 140)]
        .into_iter()
        .find_map(|(a, b)| (kind == a).then_some(b).or((kind == b).then_some(a)))
}

/// Append RFC 4648 §4 of `bytes` to `out`.
fn base64(bytes: &[u8], out: &mut String) {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for chunk in bytes.chunks(3) {
        let word = u32::from(chunk[0]) << 16
            | u32::from(chunk.get(1).copied().unwrap_or(0)) << 8
            | u32::from(chunk.get(2).copied().unwrap_or(0));
        for step in 0..4 {
            if step <= chunk.len() {
                out.push(char::from(ALPHABET[(word >> (18 - 6 * step)) as usize & 63]));
            } else {
                out.push('=');
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::base64;

    #[test]
    fn base64_is_that_of_the_rfc() {
        for (bytes, text) in [(&b"foobar"[..], "Zm9vYmFy"), (b"fooba", "Zm9vYmE="), (b"foob", "Zm9vYg==")] {
            let mut out = String::new();
            base64(bytes, &mut out);
            assert_eq!(out, text);
        }
    }
}
