//! Print every record of a capture with all its details, one JSON line each.
//!
//! usage: trace FILE [--protocol NAME]      (site key for sealed values: "oracle")

use ringfence_dissect::{walk, Emitted, Secrets, Value};
use ringfence_flow::{run, Domain, Domains, Environment, FlowRow, Observation, Options, Reference, RowSink, TransactionRow};
use ringfence_wire::Place;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;

struct Lines {
    protocol: Option<String>,
    out: std::io::BufWriter<std::io::Stdout>,
}

fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            c if (c as u32) < 0x20 => {
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

fn shown(value: &Value<'_>) -> String {
    match value {
        Value::Uint(v) => v.to_string(),
        Value::Int(v) => v.to_string(),
        Value::Real(v) => quoted(&v.to_string()),
        Value::Bool(v) => v.to_string(),
        Value::Text(v) => quoted(&String::from_utf8_lossy(v)),
        Value::Bytes(v) => quoted(&v.iter().map(|b| format!("{b:02x}")).collect::<String>()),
        Value::Mac(v) => quoted(&Place::Mac(*v).to_string()),
        Value::Ip(v) => match <[u8; 4]>::try_from(*v) {
            Ok(four) => quoted(&Place::V4(four).to_string()),
            Err(_) => quoted(&<[u8; 16]>::try_from(*v).map_or(String::new(), |six| Place::V6(six).to_string())),
        },
    }
}

impl RowSink for Lines {
    fn flow(&mut self, _row: &FlowRow) {}
    fn transaction(&mut self, _row: &TransactionRow<'_>) {}
    fn observation(&mut self, _observation: &Observation) {}

    fn trace(&mut self, emitted: &Emitted<'_>, _domain: Domain, at: &Reference) {
        if self.protocol.as_deref().is_some_and(|wanted| wanted != emitted.kind.protocol()) {
            return;
        }
        let mut fields: BTreeMap<u8, Vec<String>> = BTreeMap::new();
        for side in [emitted.record.key(), emitted.record.detail()] {
            for (field, value) in walk(emitted.kind, side) {
                fields.entry(field).or_default().push(shown(&value));
            }
        }
        let mut line = format!(
            "{{\"frame\":{},\"kind\":\"{}\",\"subject\":\"{}\"",
            at.index, emitted.kind.name, emitted.subject
        );
        if let Some(object) = emitted.object {
            let _ = write!(line, ",\"to\":\"{object}\"");
        }
        line += ",\"value\":{";
        for (at, (field, values)) in fields.iter().enumerate() {
            let row = &emitted.kind.fields[*field as usize];
            let comma = if at == 0 { "" } else { "," };
            let _ = match row.ty.is_list() {
                true => write!(line, "{comma}\"{}\":[{}]", row.name, values.join(",")),
                false => write!(line, "{comma}\"{}\":{}", row.name, values.join(",")),
            };
        }
        let _ = writeln!(self.out, "{line}}}}}");
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
    match run(&[PathBuf::from(path)], &options, &environment, &mut sinks, &|_| true) {
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
