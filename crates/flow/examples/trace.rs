//! Print every record of a capture with all its details, one JSON line each.
//!
//! usage: trace FILE [--protocol NAME]      (site key for sealed values: "oracle")

use ringfence_dissect::{Emitted, Secrets};
use ringfence_flow::source::Inputs;
use ringfence_flow::{
    run, show, Domain, Domains, Environment, FlowRow, Observation, Options, Reference, RowSink, TransactionRow,
};
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;

struct Lines {
    protocol: Option<String>,
    out: std::io::BufWriter<std::io::Stdout>,
}

impl RowSink for Lines {
    fn flow(&mut self, _row: &FlowRow) {}
    fn transaction(&mut self, _row: &TransactionRow<'_>) {}
    fn observation(&mut self, _observation: &Observation) {}

    fn trace(&mut self, emitted: &Emitted<'_>, _domain: Domain, at: &Reference) {
        if self.protocol.as_deref().is_some_and(|wanted| wanted != emitted.kind.protocol()) {
            return;
        }
        let mut line =
            format!("{{\"frame\":{},\"kind\":\"{}\",\"subject\":\"{}\"", at.index, emitted.kind.name, emitted.subject);
        if let Some(object) = emitted.object {
            let _ = write!(line, ",\"to\":\"{object}\"");
        }
        line += ",\"value\":";
        show::fields(&mut line, emitted.kind, &[emitted.record.key(), emitted.record.detail()]);
        let _ = writeln!(self.out, "{line}}}");
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some(path) = arguments.first() else {
        eprintln!("usage: trace FILE [--protocol NAME]");
        std::process::exit(2);
    };
    let protocol = arguments.iter().position(|a| a == "--protocol").and_then(|at| arguments.get(at + 1).cloned());
    let environment = Environment::new(Secrets::new(b"oracle", []), true, false);
    let mut sinks = [Lines { protocol, out: std::io::BufWriter::new(std::io::stdout()) }];
    let options = Options { workers: 1, domains: Domains::Joined, windowed: false, progress_every: 1 << 20 };
    let inputs = Inputs::open(&[PathBuf::from(path)]);
    match inputs.map(|inputs| run(inputs, &options, &environment, &mut sinks, &|_| true)) {
        Ok(report) => eprintln!(
            "{} packets, {} flows, {} records, {} observations, {} problems",
            report.quality.packets,
            report.flows.flows,
            report.records,
            report.observations.len(),
            report.problem_count
        ),
        Err(error) => {
            eprintln!("{error}");
            std::process::exit(2);
        }
    }
}
