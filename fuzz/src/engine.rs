//! Fuzzes the whole line: packets to flows, reassembly, claims, observations.
//!
//! What must hold: a second run gives the same rows and observations (hash maps are seeded anew in each), and the totals
//! are those of the packets. Read live, through a pipe, the batches hold every packet once.

use crate::case::{Case, Step};
use crate::made;
use crate::random::Random;
use crate::target::Target;
use ringfence_dissect::{Emitted, Secrets};
use ringfence_flow::source::Inputs;
use ringfence_flow::{
    live, run, Batch, Domain, Domains, Environment, FlowRow, LiveOptions, LiveSink, Observation, Options, Reference,
    RowSink, Source,
};
use std::hash::{DefaultHasher, Hasher};
use std::io::{Cursor, Write};
use std::path::Path;

/// Rows and windows' observations, in digests that do not depend on their order.
#[derive(Default)]
struct Sums {
    flows: u64,
    packets: u64,
    digest: u64,
    told: u64,
    in_protocols: i64,
    counted: (u64, u64),
}

impl Sums {
    fn add(&mut self, text: &str) {
        let mut digest = DefaultHasher::new();
        digest.write(text.as_bytes());
        self.digest = self.digest.wrapping_add(digest.finish());
    }
}

impl RowSink for Sums {
    fn flow(&mut self, row: &FlowRow) {
        self.flows += 1;
        self.packets += row.packets[0] + row.packets[1];
        self.add(&format!("{row:?}"));
    }

    fn transaction(&mut self, row: &ringfence_flow::TransactionRow<'_>) {
        self.add(&format!("{row:?}"));
    }

    fn observation(&mut self, observation: &Observation) {
        self.add(&format!("{:?} {:?}", observation.key(), observation.seen));
    }

    fn trace(&mut self, _emitted: &Emitted<'_>, _domain: Domain, _at: &Reference) {}
}

/// One run; what it found, as one text.
fn once(environment: &Environment, bytes: Vec<u8>) -> Result<Option<String>, String> {
    let Ok(inputs) = Inputs::from_reader("fuzz", Box::new(Cursor::new(bytes))) else { return Ok(None) };
    let options = Options { workers: 1, domains: Domains::Joined, windowed: true, progress_every: 1 << 20 };
    let mut sinks = [Sums::default()];
    let report = run(inputs, &options, environment, &mut sinks, &|_| true);
    let [sums] = sinks;
    if sums.flows != report.flows.flows {
        return Err(format!("{} rows of {} flows", sums.flows, report.flows.flows));
    }
    if sums.packets > report.quality.packets {
        return Err(format!("{} packets in flows of {} packets", sums.packets, report.quality.packets));
    }
    let observations: Vec<String> =
        report.observations.iter().map(|seen| format!("{:?} {:?}", seen.key(), seen.seen)).collect();
    let rest = (&report.conversations, &report.protocols, &report.flows, &report.bounds, report.problem_count);
    Ok(Some(format!("{} {} {observations:?} {rest:?}", sums.flows, sums.digest)))
}

impl LiveSink for Sums {
    fn seal(&mut self) {}

    fn batch(&mut self, batch: Batch) -> bool {
        self.told += batch.packets;
        self.in_protocols += batch.report.protocols.iter().map(|(_, sums)| sums.packets).sum::<i64>();
        self.counted = (batch.report.quality.packets, batch.report.flows.flows);
        true
    }

    fn goes_on(&mut self) -> bool {
        true
    }
}

/// The same bytes through a pipe, as they would come from a capture process.
fn piped(environment: &Environment, bytes: &[u8]) -> Result<(), String> {
    let (read, mut write) = std::io::pipe().map_err(|error| error.to_string())?;
    let options = LiveOptions { domains: Domains::Joined, every: 10_000_000_000, grace: 10_000_000_000 };
    let mut sums = Sums::default();
    std::thread::scope(|scope| {
        // The reader may stop early: then nobody takes the rest.
        scope.spawn(move || write.write_all(bytes).is_ok());
        let sources = vec![Source::Descriptor("fuzz".into(), read.into())];
        let _ = live(sources, &options, environment, &mut sums);
    });
    if sums.told != sums.counted.0 {
        return Err(format!("batches hold {} of {} packets", sums.told, sums.counted.0));
    }
    if sums.in_protocols != sums.packets as i64 {
        return Err(format!("protocols hold {} packets, rows {}", sums.in_protocols, sums.packets));
    }
    Ok(())
}

fn judge(environment: &Environment, bytes: &[u8], random: &mut Random) -> Result<(), String> {
    let first = once(environment, bytes.to_vec())?;
    if random.once_in(8) && once(environment, bytes.to_vec())? != first {
        return Err("a second run found something else".to_owned());
    }
    if random.once_in(16) {
        piped(environment, bytes)?;
    }
    Ok(())
}

fn environment() -> Environment {
    Environment::new(Secrets::new(b"fuzz", [(b"admin".to_vec(), b"admin".to_vec())]), false, true)
}

/// Reassembly: each step is a segment of one TCP conversation.
pub struct Segments(Environment);

impl Segments {
    /// Ready to run.
    pub fn new() -> Segments {
        Segments(environment())
    }
}

impl Target for Segments {
    fn selector(&self) -> &'static str {
        "tcp"
    }

    fn title(&self) -> String {
        "TCP reassembly".to_owned()
    }

    fn stream(&self) -> bool {
        true
    }

    /// The conversations of the dissectors, each step a segment in order.
    fn seeds(&self, vectors: &Path) -> Vec<Case> {
        let mut all = crate::case::seeds(vectors);
        all.retain(|case| case.size() < 4000);
        let segment = |step: Step| match step {
            Step::Data(from_client, bytes) => Step::Data(from_client, [&[0x18, 0, 0, 0][..], &bytes].concat()),
            gap => gap,
        };
        all.into_iter().map(|case| Case(case.0.into_iter().map(segment).collect())).collect()
    }

    fn judge(&mut self, case: &Case, random: &mut Random) -> Result<(), String> {
        judge(&self.0, &made::segments(case), random)
    }
}

/// Whole captures.
pub struct Captures(Environment);

impl Captures {
    /// Ready to run.
    pub fn new() -> Captures {
        Captures(environment())
    }
}

impl Target for Captures {
    fn selector(&self) -> &'static str {
        "engine"
    }

    fn title(&self) -> String {
        "whole captures".to_owned()
    }

    fn stream(&self) -> bool {
        false
    }

    fn seeds(&self, vectors: &Path) -> Vec<Case> {
        let files = made::captures(vectors).into_iter().chain(made::pcaps()).chain(made::pcapngs());
        files.map(|bytes| Case(vec![Step::Data(true, bytes)])).collect()
    }

    fn judge(&mut self, case: &Case, random: &mut Random) -> Result<(), String> {
        judge(&self.0, &case.bytes(), random)
    }
}
