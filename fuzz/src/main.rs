//! A mutational fuzzer for dissectors, capture readers, decoder and engine, guided by coverage, deterministic by its seed. `README.md` says how to run it.

mod case;
mod coverage;
mod engine;
mod frames;
mod made;
mod mutate;
mod play;
mod random;
mod reader;
mod target;

use case::{Case, Step};
use coverage::Coverage;
use random::Random;
use std::hash::{DefaultHasher, Hasher};
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Mutex;
use std::time::{Duration, Instant};
use target::Target;

/// What the last panic said, and where.
static PANIC: Mutex<String> = Mutex::new(String::new());
/// True while an input is played.
static PLAYING: AtomicBool = AtomicBool::new(false);

/// Longest that one input may take.
const PATIENCE: Duration = Duration::from_secs(2);

struct Options {
    target: String,
    list: bool,
    seconds: f64,
    executions: u64,
    seed: u64,
    vectors: PathBuf,
    replay: Option<PathBuf>,
}

fn options() -> Result<Options, String> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut options = Options {
        target: "all".to_owned(),
        list: false,
        seconds: 60.0,
        executions: u64::MAX,
        seed: 1,
        vectors: here.join("../vectors"),
        replay: None,
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        if name == "--list" {
            options.list = true;
            continue;
        }
        let value = arguments.next().ok_or_else(|| format!("{name} needs a value"))?;
        let wrong = |_| format!("{name}: not a number: {value}");
        match name.as_str() {
            "--target" => options.target = value,
            "--seconds" => options.seconds = value.parse().map_err(|_| format!("{name}: not a number: {value}"))?,
            "--executions" => {
                options.executions = value.parse().map_err(wrong)?;
                options.seconds = f64::INFINITY;
            }
            "--seed" => options.seed = value.parse().map_err(wrong)?,
            "--vectors" => options.vectors = value.into(),
            "--replay" => options.replay = Some(value.into()),
            _ => return Err(format!("unknown option {name}")),
        }
    }
    Ok(options)
}

fn main() -> ExitCode {
    let options = match options() {
        Ok(options) => options,
        Err(wrong) => {
            eprintln!("{wrong}\nusage: ringfence-fuzz [--list] [--target NAME|all] [--seconds N | --executions N] [--seed N] [--vectors DIR] [--replay FILE]");
            return ExitCode::from(2);
        }
    };
    std::panic::set_hook(Box::new(|panic| {
        if let Ok(mut text) = PANIC.lock() {
            *text = panic.to_string();
        }
        // What is wrong with the fuzzer itself is said at once; what an input did is said with the input.
        if !PLAYING.load(Ordering::Relaxed) {
            eprintln!("{panic}");
        }
    }));
    let mut targets = target::all();
    if options.list {
        let mut names: Vec<_> = targets.iter().map(|target| target.selector()).collect();
        names.dedup();
        println!("{}", names.join("\n"));
        return ExitCode::SUCCESS;
    }
    targets.retain(|target| options.target == "all" || options.target == target.selector());
    if targets.is_empty() {
        eprintln!("nothing is called {}; --list names them", options.target);
        return ExitCode::from(2);
    }
    let share = options.seconds / targets.len() as f64;
    let mut failed = false;
    for target in &mut targets {
        failed |= match &options.replay {
            Some(file) => replay(target.as_mut(), file, options.seed),
            None => fuzz(target.as_mut(), &options, share),
        };
    }
    ExitCode::from(u8::from(failed))
}

fn replay(target: &mut dyn Target, file: &Path, seed: u64) -> bool {
    let Some(case) = std::fs::read_to_string(file).ok().and_then(|text| Case::parse(&text)) else {
        eprintln!("{}: not an input", file.display());
        return true;
    };
    // Where it is cut and whether details are wanted is chance, so that each is tried.
    let mut random = Random::new(seed);
    (0..256).any(|_| one(target, &case, &mut random).is_some_and(|wrong| report(target, &case, &wrong)))
}

/// Fuzz one target; true where something failed.
fn fuzz(target: &mut dyn Target, options: &Options, seconds: f64) -> bool {
    let mut random = Random::new(options.seed);
    let mut coverage = Coverage::new();
    let mut corpus = target.seeds(&options.vectors);
    corpus.extend(regressions(target.selector()));
    corpus.push(Case(vec![Step::Data(true, (0..64).map(|_| random.next() as u8).collect())]));
    let seeds = corpus.clone();
    let (start, mut executions) = (Instant::now(), 0);
    let end = if seconds.is_finite() { Duration::from_secs_f64(seconds) } else { Duration::MAX };
    while executions < options.executions && start.elapsed() < end {
        let at = usize::try_from(executions).unwrap_or(usize::MAX);
        let case = match seeds.get(at) {
            Some(seed) => seed.clone(),
            None => {
                let (case, other) = (random.below(corpus.len()), random.below(corpus.len()));
                mutate::mutate(&corpus[case], &corpus[other], target.stream(), &mut random)
            }
        };
        coverage.reset();
        let wrong = one(target, &case, &mut random);
        executions += 1;
        if let Some(wrong) = wrong {
            return report(target, &case, &wrong);
        }
        if coverage.anything_new() && at >= seeds.len() {
            corpus.push(case);
        }
    }
    let (reached, edges) = coverage.edges();
    println!(
        "{}: {executions} inputs, {:.0} a second, {} kept, {reached} of {edges} edges, nothing found",
        target.title(),
        executions as f64 / start.elapsed().as_secs_f64(),
        corpus.len(),
    );
    false
}

/// What was found before: each run begins with it.
fn regressions(selector: &str) -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("regressions");
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    let ours = |path: &PathBuf| {
        path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with(&format!("{selector}-")))
    };
    let read = |path: PathBuf| std::fs::read_to_string(path).ok().and_then(|text| Case::parse(&text));
    paths.into_iter().filter(ours).filter_map(read).collect()
}

/// Play one input; what is wrong, where something is.
fn one(target: &mut dyn Target, case: &Case, random: &mut Random) -> Option<String> {
    let start = Instant::now();
    let judged = judged(target, case, random);
    if start.elapsed() < PATIENCE {
        return judged;
    }
    // A busy machine is no fault of the input: it is played again and the processor's seconds count.
    let before = processor_seconds();
    let judged = self::judged(target, case, random);
    let taken = processor_seconds() - before;
    judged.or_else(|| (taken > PATIENCE.as_secs_f64()).then(|| format!("took {taken} s")))
}

/// Processor seconds of this process so far; 0 where the system does not say.
fn processor_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = text.rsplit(") ").next().unwrap_or_default().split(' ').collect();
    // Fields 14 and 15 of the line, in hundredths of a second.
    let seconds = |at: usize| fields.get(at).and_then(|count| count.parse::<f64>().ok()).unwrap_or(0.0) / 100.0;
    seconds(11) + seconds(12)
}

fn judged(target: &mut dyn Target, case: &Case, random: &mut Random) -> Option<String> {
    PLAYING.store(true, Ordering::Relaxed);
    let judged = catch_unwind(AssertUnwindSafe(|| target.judge(case, random)));
    PLAYING.store(false, Ordering::Relaxed);
    match judged {
        Ok(judged) => judged.err(),
        Err(_) => Some(PANIC.lock().map(|text| text.clone()).unwrap_or_default()),
    }
}

/// Write the input down and say what is wrong.
fn report(target: &dyn Target, case: &Case, wrong: &str) -> bool {
    let text = case.text();
    let mut digest = DefaultHasher::new();
    digest.write(text.as_bytes());
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("found");
    let file = folder.join(format!("{}-{:016x}.hex", target.selector(), digest.finish()));
    let written = std::fs::create_dir_all(&folder).and_then(|()| std::fs::write(&file, text));
    let place = written.map_or_else(|fault| fault.to_string(), |()| file.display().to_string());
    println!("{}: FAILED: {wrong}\ninput: {place}", target.title());
    true
}
