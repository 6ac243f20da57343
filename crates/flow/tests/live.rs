//! All batches of a live read, added up, are what a run finds in the same capture.
//!
//! The demo captures are read always, captures of the corpus where `RINGFENCE_CORPUS` names it.

use ringfence_dissect::{Emitted, Secrets};
use ringfence_flow::source::Inputs;
use ringfence_flow::{
    live, run, Batch, ConversationKey, Discard, Domain, Domains, Environment, FlowRow, LiveOptions, LiveSink,
    Observation, Options, Reference, Report, RowSink, Source, Sums, TransactionRow, WINDOW,
};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Captures of which the sums rightly differ, with the reason.
const DIFFERENT: &[(&str, &str)] = &[(
    "ndpi/fuzz-2006-06-26-2594.pcap",
    "a stream without an answer that ends two windows after it began is in no later row of attempts",
)];

const SECOND: i64 = 1_000_000_000;

fn environment() -> Environment {
    Environment::new(Secrets::new(b"test", Vec::new()), false, true)
}

type Seen = (u64, i64, i64);
/// Kind, domain, subject, object, value.
type ObservationKey = (String, Domain, String, String, Vec<u8>);

#[derive(Default)]
struct Added {
    observations: BTreeMap<ObservationKey, Seen>,
    conversations: BTreeMap<ConversationKey, Sums>,
    protocols: BTreeMap<&'static str, (i64, i64, i64, i64)>,
    flow_packets: BTreeMap<u64, [u64; 2]>,
    open_rows: BTreeMap<u64, [u64; 2]>,
    transactions: u64,
    batches: Vec<(i64, u64, bool, bool, u64, i64)>,
    windows_of_rows: Vec<i64>,
    counters: String,
    /// The capture's clock goes back, and far: flows then end at other places.
    set_back: bool,
}

/// What a window's row of attempts is, whatever was known of it.
fn key_of(observation: &Observation) -> ObservationKey {
    let mut value = observation.value.to_vec();
    if observation.kind.name == "flow.attempts" || observation.kind.name == "flow.targeted" {
        // The window comes first, the transport last: what lies between states sums.
        let transport = value.iter().rposition(|&byte| byte < 32).unwrap_or(0);
        value = [&value[..9], &value[transport..]].concat();
    }
    let object = observation.object.map_or_else(String::new, |object| object.to_string());
    (observation.kind.name.to_owned(), observation.domain, observation.subject.to_string(), object, value)
}

impl Added {
    fn add(&mut self, report: &Report) {
        for observation in &report.observations {
            let seen = &observation.seen;
            let row = (seen.count, seen.first, seen.last);
            let known = self.observations.entry(key_of(observation)).or_insert((0, i64::MAX, i64::MIN));
            let stated = observation.kind.name == "flow.attempts" || observation.kind.name == "flow.targeted";
            *known = if stated { row } else { (known.0 + row.0, known.1.min(row.1), known.2.max(row.2)) };
        }
        for (key, sums) in &report.conversations {
            let known = self.conversations.entry(*key).or_insert(Sums { first: i64::MAX, ..Sums::default() });
            known.flows += sums.flows;
            known.packets += sums.packets;
            known.bytes += sums.bytes;
            known.confidence += sums.confidence;
            known.first = known.first.min(sums.first);
            known.last = known.last.max(sums.last);
        }
        for (name, sums) in &report.protocols {
            let known = self.protocols.entry(name).or_default();
            known.0 += sums.flows;
            known.1 += sums.packets;
            known.2 += sums.bytes;
            known.3 += sums.confidence;
        }
        self.protocols.retain(|_, sums| *sums != (0, 0, 0, 0));
        self.conversations.retain(|_, sums| !sums.is_nothing());
        self.set_back = report.quality.backwards > 0 && report.quality.jumps > 0;
        self.counters = format!("{:?} {:?} {:?}", report.quality, report.flows, report.problem_count);
    }
}

impl RowSink for Added {
    fn flow(&mut self, row: &FlowRow) {
        let sum = self.flow_packets.entry(row.id).or_default();
        sum[0] += row.packets[0] + row.packets[1];
        sum[1] += row.bytes[0] + row.bytes[1];
        *self.open_rows.entry(row.id).or_default() = row.packets;
        self.windows_of_rows.push(row.window);
    }
    fn transaction(&mut self, _row: &TransactionRow<'_>) {
        self.transactions += 1;
    }
    fn observation(&mut self, _observation: &Observation) {}
    fn trace(&mut self, _emitted: &Emitted<'_>, _domain: Domain, _at: &Reference) {}
}

impl LiveSink for Added {
    fn seal(&mut self) {}
    fn batch(&mut self, batch: Batch) -> bool {
        self.add(&batch.report);
        self.batches.push((batch.window, batch.part, batch.closed, batch.last, batch.packets, batch.now));
        true
    }
    fn goes_on(&mut self) -> bool {
        true
    }
}

fn whole(path: &Path) -> Added {
    let options = Options { workers: 1, domains: Domains::Joined, windowed: false, progress_every: 1 << 40 };
    let mut sinks = [Added::default()];
    let report = run(Inputs::open(&[path.into()]).unwrap(), &options, &environment(), &mut sinks, &|_| true);
    let [mut added] = sinks;
    added.add(&report);
    added
}

fn replay(path: &Path, every: i64) -> Added {
    let options = LiveOptions { domains: Domains::Joined, every: every * SECOND, grace: 10 * SECOND };
    let mut added = Added::default();
    live(vec![Source::File(path.into())], &options, &environment(), &mut added).unwrap();
    added
}

/// What differs between the sums of a run and of a live read, in words.
fn differences(run: &Added, live: &Added) -> Vec<String> {
    let mut out = Vec::new();
    let mut tell = |what: &str, one: &dyn std::fmt::Debug, other: &dyn std::fmt::Debug| {
        out.push(format!("{what}: a run says {one:?}, batches say {other:?}"));
    };
    for (key, row) in &run.observations {
        if live.observations.get(key) != Some(row) {
            tell(&format!("{} of {}", key.0, key.2), row, &live.observations.get(key));
        }
    }
    for (key, row) in live.observations.iter().filter(|(key, _)| !run.observations.contains_key(*key)) {
        tell(&format!("{} of {}", key.0, key.2), &"nothing", row);
    }
    for (key, row) in &run.conversations {
        if live.conversations.get(key) != Some(row) {
            tell(&format!("conversation {key:?}"), row, &live.conversations.get(key));
        }
    }
    for (key, row) in live.conversations.iter().filter(|(key, _)| !run.conversations.contains_key(*key)) {
        tell(&format!("conversation {key:?}"), &"nothing", row);
    }
    if run.protocols != live.protocols {
        tell("protocols", &run.protocols, &live.protocols);
    }
    if run.flow_packets != live.flow_packets {
        tell("flow rows", &run.flow_packets.len(), &live.flow_packets.len());
    }
    if run.transactions != live.transactions {
        tell("transactions", &run.transactions, &live.transactions);
    }
    if run.counters != live.counters {
        tell("counters", &run.counters, &live.counters);
    }
    out
}

fn captures() -> Vec<PathBuf> {
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../vectors/demo");
    let mut all: Vec<PathBuf> = std::fs::read_dir(demo)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "pcap" || end == "pcapng"))
        .collect();
    assert!(all.len() >= 20, "the demo captures are there");
    all.sort();
    if let Some(root) = std::env::var_os("RINGFENCE_CORPUS").map(PathBuf::from) {
        let index = std::fs::read_to_string(root.join("captures/index.tsv")).unwrap_or_default();
        let rows = index.lines().skip(1).filter_map(|line| {
            let (path, rest) = line.split_once('\t')?;
            let packets: u64 = rest.split('\t').next()?.parse().ok()?;
            let capture = [".pcap", ".pcapng", ".cap"].iter().any(|end| path.ends_with(end));
            (capture && (20..400_000).contains(&packets)).then(|| root.join("captures").join(path))
        });
        all.extend(rows);
    }
    all
}

#[test]
fn the_batches_of_a_replay_add_up_to_what_a_run_finds() {
    let (mut wrong, mut windows, mut count, mut excused_count) = (Vec::new(), 0, 0, 0);
    let captures = captures();
    for path in &captures {
        let path = path.as_path();
        let expected = whole(path);
        for every in [300, 10] {
            let found = replay(path, every);
            windows += found.batches.iter().filter(|batch| batch.2).count();
            count += found.batches.len();
            let differing = differences(&expected, &found);
            let excused = expected.set_back || DIFFERENT.iter().any(|(known, _)| path.ends_with(known));
            excused_count += usize::from(excused && !differing.is_empty());
            if !differing.is_empty() && !excused {
                wrong.push(format!("{} every {every}:\n  {}", path.display(), differing.join("\n  ")));
            }
            assert_eq!(found.batches.iter().filter(|batch| batch.3).count(), 1, "one last batch");
            assert!(found.batches.iter().zip(0..).all(|(batch, at)| batch.1 == at), "parts are numbered");
        }
    }
    eprintln!("{} captures, {windows} windows, {count} batches, {excused_count} differ", captures.len());
    assert!(excused_count <= captures.len() / 100, "{excused_count} of {} differ", captures.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A pcapng section with one Ethernet interface in nanoseconds.
fn section() -> Vec<u8> {
    let mut out = Vec::new();
    block(&mut out, 0x0a0d_0d0a, &[&0x1a2b_3c4d_u32.to_le_bytes()[..], &[1, 0, 0, 0], &[0xff; 8]].concat());
    block(&mut out, 1, &[1, 0, 0, 0, 0, 0, 4, 0, 9, 0, 1, 0, 9, 0, 0, 0, 0, 0, 0, 0]);
    out
}

fn block(out: &mut Vec<u8>, kind: u32, body: &[u8]) {
    let length = (12 + body.len().next_multiple_of(4)) as u32;
    out.extend_from_slice(&kind.to_le_bytes());
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(body);
    out.resize(out.len().next_multiple_of(4), 0);
    out.extend_from_slice(&length.to_le_bytes());
}

fn stamp(time: i64) -> Vec<u8> {
    [((time >> 32) as u32).to_le_bytes(), (time as u32).to_le_bytes()].concat()
}

/// A UDP datagram from `10.0.0.client` to a server's port 9000 or back.
fn datagram(out: &mut Vec<u8>, time: i64, client: u8, back: bool) {
    let (from, to) = if back { (200, client) } else { (client, 200) };
    let mut frame = vec![2, 0, 0, 0, 0, to, 2, 0, 0, 0, 0, from, 8, 0];
    frame.extend_from_slice(&[0x45, 0, 0, 32, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, from, 10, 0, 0, to]);
    let (source, target) = if back { (9000_u16, 40_000_u16) } else { (40_000, 9000) };
    frame.extend_from_slice(&[source.to_be_bytes(), target.to_be_bytes(), [0, 12], [0, 0]].concat());
    frame.extend_from_slice(&[0xfe; 4]);
    let length = (frame.len() as u32).to_le_bytes();
    block(out, 6, &[&[0; 4][..], &stamp(time), &length, &length, &frame].concat());
}

fn statistics(out: &mut Vec<u8>, time: i64) {
    block(out, 5, &[&[0; 4][..], &stamp(time)].concat());
}

const START: i64 = 5_000_000 * WINDOW;

fn piped(bytes: Vec<u8>, every: i64, pause: bool) -> Added {
    let (read, mut write) = std::io::pipe().unwrap();
    let writer = std::thread::spawn(move || {
        for part in bytes.chunks(if pause { 7 } else { 65_536 }) {
            write.write_all(part).unwrap();
        }
    });
    let options = LiveOptions { domains: Domains::Joined, every: every * SECOND, grace: 10 * SECOND };
    let mut added = Added::default();
    live(vec![Source::Descriptor("pipe".into(), read.into())], &options, &environment(), &mut added).unwrap();
    writer.join().unwrap();
    added
}

#[test]
fn a_window_closes_though_the_network_is_quiet() {
    let mut bytes = section();
    datagram(&mut bytes, START + SECOND, 1, false);
    datagram(&mut bytes, START + SECOND, 1, true);
    for second in 2..700 {
        statistics(&mut bytes, START + second * SECOND);
    }
    let found = piped(bytes, 300, true);
    let first = START / WINDOW;
    let rows: Vec<_> = found.batches.iter().map(|b| (b.0 - first, b.2, b.3, b.4, (b.5 - START) / SECOND)).collect();
    assert_eq!(
        rows,
        [(0, true, false, 2, 310), (1, true, false, 0, 610), (2, true, true, 0, 699)],
        "each window closes ten seconds after its end"
    );
}

#[test]
fn a_flow_that_goes_on_is_told_in_each_window_once() {
    let mut bytes = section();
    for second in 0..900 {
        datagram(&mut bytes, START + second * SECOND, 1, second % 2 == 1);
    }
    let found = piped(bytes, 10, false);
    let first = START / WINDOW;
    assert_eq!(found.flow_packets.values().collect::<Vec<_>>(), [&[900, 900 * 46]]);
    let windows: Vec<i64> = found.windows_of_rows.iter().map(|window| window - first).collect();
    assert_eq!(windows, [0, 1, 2]);
    let sums: Vec<&Sums> = found.conversations.values().collect();
    assert_eq!(sums.len(), 1);
    assert_eq!((sums[0].flows, sums[0].packets, sums[0].first, sums[0].last), (1, 900, START, START + 899 * SECOND));
    assert!(found.batches.len() > 85, "{} batches", found.batches.len());
}

#[test]
fn a_late_packet_counts_in_its_window_and_a_later_one_in_the_open_window() {
    let mut bytes = section();
    datagram(&mut bytes, START + 299 * SECOND, 1, false);
    datagram(&mut bytes, START + 301 * SECOND, 1, true);
    datagram(&mut bytes, START + 298 * SECOND, 2, false);
    datagram(&mut bytes, START + 299 * SECOND, 2, true);
    datagram(&mut bytes, START + 311 * SECOND, 1, false);
    datagram(&mut bytes, START + 297 * SECOND, 3, false);
    datagram(&mut bytes, START + 297 * SECOND, 3, true);
    let found = piped(bytes, 300, false);
    assert_eq!(found.batches.len(), 2);
    assert_eq!(found.batches.iter().map(|batch| batch.4).sum::<u64>(), 7);
    assert_eq!(found.conversations.values().map(|sums| sums.packets).sum::<i64>(), 7);
}

#[test]
fn a_clock_that_is_set_back_is_followed_but_not_for_ever() {
    let mut bytes = section();
    for round in 0..200 {
        datagram(&mut bytes, START + round * SECOND, 1, false);
        datagram(&mut bytes, START + 500_000 * SECOND, 1, false);
    }
    let found = piped(bytes, 300, false);
    assert!(found.batches.len() < 60, "{} batches", found.batches.len());
    let mut keys: Vec<_> = found.batches.iter().map(|batch| (batch.0, batch.1)).collect();
    keys.dedup();
    assert_eq!(keys.len(), found.batches.len());
    assert_eq!(found.conversations.values().map(|sums| sums.packets).sum::<i64>(), 400);
}

#[test]
fn a_writer_that_died_in_a_block_does_not_stop_the_one_after_it() {
    let mut bytes = section();
    datagram(&mut bytes, START, 1, false);
    bytes.truncate(bytes.len() - 30);
    bytes.extend(section());
    for second in 1..100 {
        datagram(&mut bytes, START + second * SECOND, 2, second % 2 == 1);
    }
    let found = piped(bytes, 300, true);
    let packets: i64 = found.conversations.values().map(|sums| sums.packets).sum();
    assert!(packets >= 95, "{packets} packets");
}

#[test]
fn what_is_no_capture_is_told_once() {
    let (read, mut write) = std::io::pipe().unwrap();
    write.write_all(b"no capture at all, whatever it is").unwrap();
    drop(write);
    let options = LiveOptions { domains: Domains::Joined, every: WINDOW, grace: SECOND };
    let mut sink = Added::default();
    let sources = vec![Source::Descriptor("pipe".into(), read.into())];
    let error = live(sources, &options, &environment(), &mut sink).unwrap_err();
    assert!(error.to_string().starts_with("pipe: it is no capture"), "{error}");
    assert!(sink.batches.is_empty());
    let _ = Discard;
}
