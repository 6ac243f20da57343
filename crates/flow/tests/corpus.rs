//! Every capture of the corpus is read to its end and decoded; the packet counts are those of its index.
//!
//! The corpus lies where `RINGFENCE_CORPUS` says (a folder with `captures/index.tsv`, or the captures themselves). Without
//! it the tests say so and pass.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use ringfence_flow::decode::Decoder;
use ringfence_flow::source::Inputs;
use ringfence_flow::Transport;

/// Files whose count rightly differs from the index, with the reason.
const DIFFERENT: &[(&str, &str)] = &[
    (
        "ot/icsnpp/icsnpp-opcua-binary/open62541_client-server_mainloop.pcap",
        "tshark lists 149 frames; the index says 154",
    ),
    (
        "suricata-verify/bug-1450-04/tls_DER-incomplete-header.pcap",
        "read on after a corrupt record, where tshark stops",
    ),
    (
        "suricata-verify/bug-1450-05/tls_DER-incomplete-content.pcap",
        "read on after a corrupt record, where tshark stops",
    ),
    ("wireless/fixtures/test_dt_read.dcf", "a text format of Daintree, not read"),
    ("wireless/sample/802154_encr_sample.dcf", "a text format of Daintree, not read"),
    ("wireless/sample/zigbee-network-key-ota.dcf", "a text format of Daintree, not read"),
];

fn corpus() -> Option<PathBuf> {
    let root = PathBuf::from(std::env::var_os("RINGFENCE_CORPUS")?);
    let inner = root.join("captures");
    Some(if inner.join("index.tsv").is_file() { inner } else { root })
}

/// Path and packet count of each capture in the index.
fn index(root: &Path) -> Vec<(String, u64)> {
    let text = std::fs::read_to_string(root.join("index.tsv")).expect("the corpus has an index");
    let rows = text.lines().skip(1).map(|line| {
        let mut columns = line.split('\t');
        let path = columns.next().unwrap_or_default().to_owned();
        (path, columns.next().and_then(|count| count.parse().ok()).unwrap_or(0))
    });
    rows.collect()
}

#[test]
fn every_capture_has_the_packets_of_the_index() {
    let Some(root) = corpus() else {
        eprintln!("skipped: RINGFENCE_CORPUS names no folder of captures");
        return;
    };
    let mut wrong = Vec::new();
    let mut faults: BTreeMap<&'static str, u64> = BTreeMap::new();
    let mut problems = 0;
    let mut undecoded = 0;
    for (path, expected) in index(&root) {
        let mut decoder = Decoder::new();
        let mut count = 0;
        match Inputs::open(&[root.join(&path)]) {
            Ok(mut inputs) => {
                while let Some(raw) = inputs.next() {
                    count += 1;
                    undecoded += u64::from(decoder.decode(&raw).transport == Transport::Nothing);
                }
                problems += inputs.problem_count();
                for problem in inputs.problems() {
                    println!("{path}: {} at {}", problem.reason, problem.offset);
                }
            }
            Err(error) => println!("{error}"),
        }
        for (name, number) in &decoder.counters().faults {
            *faults.entry(name).or_default() += number;
        }
        if count != expected && !DIFFERENT.iter().any(|(name, _)| *name == path) {
            wrong.push(format!("{path}: {count} packets, the index has {expected}"));
        }
    }
    println!("{problems} problems, {undecoded} packets not decoded, faults {faults:?}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Prints what a walk and a decode cost; run by hand with `RINGFENCE_SPEED` naming a long capture.
#[test]
#[ignore = "a measurement, not a test"]
fn speed() {
    let Some(path) = std::env::var_os("RINGFENCE_SPEED").map(PathBuf::from) else { return };
    for _ in 0..3 {
        let started = Instant::now();
        let mut inputs = Inputs::open(std::slice::from_ref(&path)).expect("the capture opens");
        let (mut count, mut bytes) = (0_u64, 0_u64);
        while let Some(raw) = inputs.next() {
            count += 1;
            bytes += raw.data.len() as u64;
        }
        let walk = started.elapsed().as_nanos() as f64 / count as f64;
        let started = Instant::now();
        let mut inputs = Inputs::open(std::slice::from_ref(&path)).expect("the capture opens");
        let mut decoder = Decoder::new();
        let mut sum = 0_u64;
        while let Some(raw) = inputs.next() {
            let packet = decoder.decode(&raw);
            sum += u64::from(packet.payload_length) + u64::from(packet.src_port);
        }
        let both = started.elapsed().as_nanos() as f64 / count as f64;
        println!("{count} packets, {bytes} bytes: walk {walk:.1} ns, walk and decode {both:.1} ns a packet ({sum})");
        println!("{:?}", decoder.counters());
    }
}
