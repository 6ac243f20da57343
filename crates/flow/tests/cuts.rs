//! Captures cut anywhere go through the whole line (reader, decoder, engine) without harm.
//!
//! Rule 1: of 200 captures up to 16 KiB every byte prefix is run; of larger ones, cuts at packet boundaries and a byte to
//! either side. The choice is fixed: every n-th of the sorted list. `RINGFENCE_SOAK` multiplies the cuts of larger ones.
//! Rule 2: a cut at a boundary is a shorter capture and no problem; a cut elsewhere is one problem and loses one packet.
//! Rule 3: the small captures of the repository's vectors are always run; the corpus where `RINGFENCE_CORPUS` names it.

use ringfence_dissect::Secrets;
use ringfence_flow::source::Inputs;
use ringfence_flow::{run, Discard, Domains, Environment, Options, Report};
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Mutex;

const SMALL: u64 = 16_384; // bytes
const SMALL_FILES: usize = 200;
const LARGE: u64 = 2 << 20; // bytes
const LARGE_FILES: usize = 100;
const CUTS_EACH: usize = 24;
/// More than this at any time would be growth: the largest capture here is 2 MiB.
const MEMORY_LIMIT: u64 = 1 << 20; // KiB

fn environment() -> Environment {
    Environment::new(Secrets::new(b"cuts", []), false, true)
}

/// Run over `bytes`; None where they are refused as no capture.
fn analysed(bytes: &[u8], environment: &Environment) -> Option<Report> {
    let inputs = Inputs::from_reader("cut", Box::new(Cursor::new(bytes.to_vec()))).ok()?;
    let options = Options { workers: 1, domains: Domains::Joined, windowed: true, progress_every: 1 << 20 };
    Some(run(inputs, &options, environment, &mut [Discard], &|_| true))
}

/// Every capture below `folder`.
fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            walk(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "pcap" || ending == "pcapng") {
            found.push(path);
        }
    }
}

fn vectors() -> Vec<PathBuf> {
    let mut found = Vec::new();
    walk(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../vectors"), &mut found);
    found.sort();
    found
}

/// The captures of the corpus by its index, sorted; empty without a corpus.
fn corpus() -> Vec<PathBuf> {
    let Some(root) = std::env::var_os("RINGFENCE_CORPUS").map(PathBuf::from) else { return Vec::new() };
    let inner = root.join("captures");
    let root = if inner.join("index.tsv").is_file() { inner } else { root };
    let text = std::fs::read_to_string(root.join("index.tsv")).unwrap_or_default();
    let mut paths: Vec<PathBuf> =
        text.lines().skip(1).filter_map(|line| line.split('\t').next()).map(|path| root.join(path)).collect();
    paths.sort();
    paths
}

fn sized(paths: Vec<PathBuf>, sizes: std::ops::RangeInclusive<u64>) -> Vec<PathBuf> {
    let fits = |path: &PathBuf| std::fs::metadata(path).is_ok_and(|meta| sizes.contains(&meta.len()));
    paths.into_iter().filter(fits).collect()
}

/// `count` of them, evenly spread.
fn spread(paths: &[PathBuf], count: usize) -> Vec<PathBuf> {
    if paths.len() <= count {
        return paths.to_vec();
    }
    (0..count).map(|at| paths[at * paths.len() / count].clone()).collect()
}

/// Do `work` on each file, on all processors; what it says is wrong is collected.
fn each(paths: &[PathBuf], work: impl Fn(&Path, &[u8], &Environment) -> Result<usize, String> + Sync) {
    let next = AtomicUsize::new(0);
    let cuts = AtomicUsize::new(0);
    let wrong = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                let environment = environment();
                while let Some(path) = paths.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let bytes = std::fs::read(path).expect("the file was there a moment ago");
                    match work(path, &bytes, &environment) {
                        Ok(count) => _ = cuts.fetch_add(count, Ordering::Relaxed),
                        Err(text) => {
                            wrong.lock().expect("no panic holds it").push(format!("{}: {text}", path.display()))
                        }
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().expect("no panic held it");
    println!("{} captures, {} cuts", paths.len(), cuts.into_inner());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(peak_memory() < MEMORY_LIMIT, "{} KiB at the most", peak_memory());
}

/// Most memory that this process ever had, in KiB; 0 where the system does not say.
fn peak_memory() -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|rest| rest.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}

/// Where packets end: offset, and how many packets lie before it. Only of plain, whole captures; else empty.
fn boundaries(bytes: &[u8]) -> Vec<(usize, u64)> {
    let four = |at: usize, big: bool| -> Option<u32> {
        let four: [u8; 4] = bytes.get(at..at + 4)?.try_into().ok()?;
        Some(if big { u32::from_be_bytes(four) } else { u32::from_le_bytes(four) })
    };
    let mut found = Vec::new();
    let mut packets = 0;
    match bytes.get(..4) {
        Some(
            [0xd4, 0xc3, 0xb2, 0xa1] | [0x4d, 0x3c, 0xb2, 0xa1] | [0xa1, 0xb2, 0xc3, 0xd4] | [0xa1, 0xb2, 0x3c, 0x4d],
        ) => {
            let big = bytes[0] == 0xa1;
            let mut at = 24;
            while let Some(length) = four(at + 8, big) {
                at += 16 + length as usize;
                packets += 1;
                found.push((at, packets));
            }
        }
        Some([0x0a, 0x0d, 0x0d, 0x0a]) => {
            let (mut at, mut big) = (0, false);
            while let (Some(kind), true) = (four(at, big), at + 12 <= bytes.len()) {
                if kind == 0x0a0d_0d0a {
                    big = four(at + 8, false) == Some(0x4d3c_2b1a);
                }
                let Some(length) = four(at + 4, big).filter(|&length| length >= 12) else { return Vec::new() };
                packets += u64::from(matches!(kind, 2 | 3 | 6));
                at += (length as usize).next_multiple_of(4);
                found.push((at, packets));
            }
        }
        _ => {}
    }
    if found.last().is_some_and(|&(end, _)| end == bytes.len()) {
        found
    } else {
        Vec::new()
    }
}

fn every_prefix(_path: &Path, bytes: &[u8], environment: &Environment) -> Result<usize, String> {
    let Some(whole) = analysed(bytes, environment) else { return Ok(0) };
    let packed = whole.inputs[0].format.contains('+');
    let sound = whole.problem_count == 0 && !packed;
    let ends = boundaries(bytes);
    let mut so_far = 0;
    for length in 0..bytes.len() {
        let Some(report) = analysed(&bytes[..length], environment) else {
            if length >= 24 && !packed {
                return Err(format!("{length} bytes are refused"));
            }
            continue;
        };
        let packets = report.quality.packets;
        if sound {
            if packets < so_far || packets > whole.quality.packets {
                return Err(format!("{packets} packets in {length} bytes, after {so_far}"));
            }
            let clean = ends.is_empty() || length == 24 || ends.iter().any(|&(end, _)| end == length);
            if !clean && report.problem_count != 1 && length > 24 {
                return Err(format!("{} problems in {length} bytes", report.problem_count));
            }
            if let Some((_, expected)) = ends.iter().find(|&&(end, _)| end == length) {
                if packets != *expected {
                    return Err(format!("{packets} packets in {length} bytes, not {expected}"));
                }
            }
        }
        so_far = packets;
    }
    Ok(bytes.len())
}

fn cuts_at_boundaries(_path: &Path, bytes: &[u8], environment: &Environment) -> Result<usize, String> {
    let ends = boundaries(bytes);
    let count = if std::env::var_os("RINGFENCE_SOAK").is_some() { CUTS_EACH * 40 } else { CUTS_EACH };
    let step = (ends.len() / count).max(1);
    let whole = analysed(bytes, environment).map_or(0, |report| report.problem_count);
    let mut cuts = 0;
    for &(end, expected) in ends.iter().step_by(step) {
        for length in [end - 1, end, (end + 1).min(bytes.len())] {
            let Some(report) = analysed(&bytes[..length], environment) else {
                return Err(format!("{length} is refused"));
            };
            cuts += 1;
            if whole > 0 {
                continue;
            }
            let packets = report.quality.packets;
            if length == end && (packets != expected || report.problem_count != 0) {
                return Err(format!("{packets} packets, {} problems at {end}, not {expected}", report.problem_count));
            }
            if length < end && report.problem_count != 1 {
                return Err(format!("{} problems a byte before {end}", report.problem_count));
            }
        }
    }
    Ok(cuts)
}

#[test]
fn every_prefix_of_the_small_vectors() {
    each(&sized(vectors(), 0..=4096), every_prefix);
}

#[test]
fn every_prefix_of_two_hundred_captures() {
    let small = sized(corpus(), 24..=SMALL);
    if small.is_empty() {
        eprintln!("skipped: RINGFENCE_CORPUS names no folder of captures");
        return;
    }
    assert!(small.len() >= SMALL_FILES, "only {} small captures", small.len());
    each(&spread(&small, SMALL_FILES), every_prefix);
}

#[test]
fn larger_captures_cut_between_packets() {
    let large = sized(corpus(), SMALL + 1..=LARGE);
    let chosen = if large.is_empty() { sized(vectors(), SMALL + 1..=LARGE) } else { spread(&large, LARGE_FILES) };
    each(&chosen, cuts_at_boundaries);
}
