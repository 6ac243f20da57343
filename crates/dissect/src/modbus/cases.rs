//! Plays a vector folder and holds its records against what `case.yaml` expects.

use crate::testing::Bench;
use crate::{Carrier, Protocol};
use std::path::PathBuf;

/// Play every folder of `vectors/<protocol>`; streams also cut anywhere.
pub(crate) fn play_all(protocol: &'static Protocol, carrier: Carrier) {
    let room: PathBuf = [env!("CARGO_MANIFEST_DIR"), "..", "..", "vectors", protocol.name].iter().collect();
    let mut played = 0;
    for entry in std::fs::read_dir(room).unwrap() {
        let folder = entry.unwrap().path();
        if !folder.is_dir() {
            continue;
        }
        let input = std::fs::read_to_string(folder.join("input.hex")).unwrap();
        let case = std::fs::read_to_string(folder.join("case.yaml")).unwrap();
        let turns: Vec<(bool, Vec<u8>)> = input.lines().map(turn).collect();
        let lines = match carrier {
            Carrier::Tcp => {
                let turns: Vec<(bool, &[u8])> = turns.iter().map(|(client, bytes)| (*client, &bytes[..])).collect();
                Bench::cut_anywhere(protocol, &turns)
            }
            _ => {
                let mut bench = Bench::new(protocol, carrier);
                for (client, bytes) in &turns {
                    if *client {
                        bench.client(bytes);
                    } else {
                        bench.server(bytes);
                    }
                }
                bench.lines().to_vec()
            }
        };
        expected(&case).for_each(|wanted| judge(&wanted, &lines, &folder.display().to_string()));
        played += 1;
    }
    assert!(played > 0, "no vectors of {}", protocol.name);
}

fn turn(line: &str) -> (bool, Vec<u8>) {
    let (side, digits) = line.split_once(' ').unwrap();
    let bytes = (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect();
    (side == "client", bytes)
}

/// The rows under `expect:`, as pairs.
fn expected(case: &str) -> impl Iterator<Item = Vec<(&str, &str)>> {
    case.lines().filter_map(|line| {
        let row = line.trim().strip_prefix("- {")?.strip_suffix('}')?;
        Some(row.split(", ").filter_map(|pair| pair.split_once(": ")).collect())
    })
}

/// The first `count` of a row is how many records agree with its other pairs.
fn judge(wanted: &[(&str, &str)], lines: &[String], name: &str) {
    let (count, pairs) = wanted.split_first().unwrap();
    assert_eq!(count.0, "count", "{name}");
    let agrees = |line: &&String| {
        pairs.iter().all(|(field, value)| match *field {
            "kind" => line.split(' ').next() == Some(value),
            _ => format!("{line} ").contains(&format!(" {field}={value} ")),
        })
    };
    assert_eq!(lines.iter().filter(agrees).count().to_string(), count.1, "{name}: {wanted:?} in {lines:#?}");
}
