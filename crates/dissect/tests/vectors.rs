//! Plays `vectors/<protocol>/<case>/input.hex` and demands what its `case.yaml` expects.
//!
//! Rule 1: a line of `expect` is met where exactly `count` records of that kind hold all its fields; lists by any item.
//! Rule 2: the first payload of a case is one that the protocol's probe claims, but for cases named in `UNCLAIMED`.

use ringfence_dissect::{
    registry, walk, Carrier, Context, Conversation, Emitted, Endpoint, Hint, Probe, Protocol, Record, Secrets, Sink,
    Value,
};
use ringfence_wire::Place;
use std::fs;
use std::path::{Path, PathBuf};

/// Folders whose cases are played here; the carriers are datagrams and frames.
const PLAYED: [&str; 3] = ["arp", "bacnet", "dhcp"];
/// Cases that begin with bytes no probe should claim.
const UNCLAIMED: [&str; 1] = ["network_version_not_1"];

/// One record as (field, text) pairs, its kind first.
type Shown = Vec<(String, String)>;

#[derive(Default)]
struct Records(Vec<Shown>);

impl Sink for Records {
    fn emit(&mut self, emitted: &Emitted<'_>) {
        let mut shown = vec![("kind".to_owned(), emitted.kind.name.to_owned())];
        for part in [emitted.record.key(), emitted.record.detail()] {
            for (field, value) in walk(emitted.kind, part) {
                shown.push((emitted.kind.fields[usize::from(field)].name.to_owned(), show(&value)));
            }
        }
        self.0.push(shown);
    }

    fn wants_detail(&self) -> bool {
        true
    }
}

fn show(value: &Value<'_>) -> String {
    match value {
        Value::Uint(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Real(value) => value.to_string(),
        Value::Bool(value) => value.to_string(),
        Value::Text(value) => String::from_utf8_lossy(value).into_owned(),
        Value::Bytes(value) => value.iter().map(|byte| format!("{byte:02x}")).collect(),
        Value::Mac(value) => Place::Mac(*value).to_string(),
        Value::Ip(value) => match <[u8; 4]>::try_from(*value) {
            Ok(four) => Place::V4(four).to_string(),
            Err(_) => Place::V6((*value).try_into().expect("an address has 4 or 16 bytes")).to_string(),
        },
    }
}

fn carrier(protocol: &Protocol) -> Carrier {
    match protocol.udp {
        true => Carrier::Udp,
        false => Carrier::Ethernet(protocol.ethertypes[0]),
    }
}

fn hexadecimal(text: &str) -> Vec<u8> {
    let digits = text.trim().as_bytes();
    assert_eq!(digits.len() % 2, 0, "an odd number of digits");
    let digit = |byte: u8| char::from(byte).to_digit(16).expect("a hexadecimal digit") as u8;
    digits.chunks_exact(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
}

fn play(protocol: &'static Protocol, case: &Path) -> Records {
    let input = fs::read_to_string(case.join("input.hex")).expect("an input");
    let secrets = Secrets::new(b"test key", []);
    let end = |host, port| Endpoint { place: Place::V4([10, 0, 0, host]), mac: Some([2, 0, 0, 0, 0, host]), port };
    let port = protocol.ports.first().copied().unwrap_or(0);
    let (mut record, mut records) = (Record::default(), Records::default());
    let mut conversation = Conversation::new(protocol);
    for (at, line) in input.lines().enumerate() {
        let (side, bytes) = line.split_once(' ').expect("a side and bytes");
        let (bytes, from_client) = (hexadecimal(bytes), side == "client");
        let carrier = carrier(protocol);
        if at == 0 {
            let hint = Hint { carrier, from_client, client_port: 40000, server_port: port, to_group: false };
            let claimed = matches!((protocol.probe)(&bytes, &hint), Probe::Yes(_));
            let name = case.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            assert_eq!(claimed, !UNCLAIMED.contains(&name), "the probe, {}", case.display());
        }
        let (client, server) = (end(1, 40000), end(2, port));
        let mut cx = Context::new(
            0,
            carrier,
            from_client,
            client,
            server,
            false,
            50,
            protocol.malformed,
            &secrets,
            &mut record,
            &mut records,
        );
        conversation.datagram(&bytes, &mut cx);
    }
    records
}

/// A line `  - {count: 1, kind: arp.packet, operation: reply}`.
fn expectation(line: &str) -> Option<(usize, Shown)> {
    let inside = line.trim().strip_prefix("- {")?.strip_suffix('}')?;
    let mut wanted: Shown = inside
        .split(", ")
        .filter_map(|pair| pair.split_once(": "))
        .map(|(name, value)| (name.to_owned(), value.trim_matches('\'').to_owned()))
        .collect();
    let count = wanted.iter().position(|(name, _)| name == "count").map(|at| wanted.remove(at).1);
    Some((count.map_or(1, |count| count.parse().expect("a count")), wanted))
}

fn cases(folder: &Path) -> Vec<PathBuf> {
    let mut cases: Vec<PathBuf> = fs::read_dir(folder)
        .expect("a folder of vectors")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.is_dir())
        .collect();
    cases.sort();
    cases
}

#[test]
fn every_case_is_met() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../vectors");
    for name in PLAYED {
        let protocol = registry::BUILTIN.iter().find(|protocol| protocol.name == name).expect("a protocol");
        let cases = cases(&root.join(name));
        assert!(cases.len() >= 4, "{name} has too few vectors");
        for case in cases {
            let records = play(protocol, &case);
            let text = fs::read_to_string(case.join("case.yaml")).expect("a case");
            let expected: Vec<_> = text.lines().filter_map(expectation).collect();
            assert!(!expected.is_empty(), "{} expects nothing", case.display());
            for (count, wanted) in expected {
                let met = records.0.iter().filter(|shown| wanted.iter().all(|pair| shown.contains(pair))).count();
                assert_eq!(met, count, "{}: {wanted:?} in {:#?}", case.display(), records.0);
            }
        }
    }
}
