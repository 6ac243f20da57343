//! Run the core over captures without Python and without batches, and print what it took: for profilers.
//!
//! usage: walk FILE... [--workers N]

use ringfence_dissect::Secrets;
use ringfence_flow::source::Inputs;
use ringfence_flow::{run, Discard, Domains, Environment, Options};
use std::path::PathBuf;

fn main() {
    let mut workers = 1;
    let mut paths = Vec::new();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--workers" => workers = arguments.next().and_then(|n| n.parse().ok()).unwrap_or(1),
            path => paths.push(PathBuf::from(path)),
        }
    }
    let environment = Environment::new(Secrets::new(b"walk", []), false, true);
    let options = Options { workers, domains: Domains::Joined, windowed: false, progress_every: 1 << 20 };
    let mut sinks: Vec<Discard> = (0..workers).map(|_| Discard).collect();
    let start = std::time::Instant::now();
    match Inputs::open(&paths).map(|inputs| run(inputs, &options, &environment, &mut sinks, &|_| true)) {
        Ok(report) => println!(
            "{} packets, {} flows, {} records, {} observations, {:?} bounds, {:.3} s",
            report.quality.packets,
            report.flows.flows,
            report.records,
            report.observations.len(),
            report.bounds,
            start.elapsed().as_secs_f64()
        ),
        Err(error) => eprintln!("{error}"),
    }
}
