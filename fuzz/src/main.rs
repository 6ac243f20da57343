//! A mutational fuzzer for the dissectors, guided by coverage, deterministic by its seed. `README.md` says how to run it.

mod case;
mod coverage;
mod mutate;
mod play;
mod random;

use case::{Case, Step};
use coverage::Coverage;
use play::Player;
use random::Random;
use ringfence_dissect::{registry, Protocol};
use std::hash::{DefaultHasher, Hasher};
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// What the last panic said, and where.
static PANIC: Mutex<String> = Mutex::new(String::new());

struct Options {
    dissector: String,
    seconds: f64,
    executions: u64,
    seed: u64,
    vectors: PathBuf,
    replay: Option<PathBuf>,
}

fn options() -> Result<Options, String> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut options = Options {
        dissector: "all".to_owned(),
        seconds: 60.0,
        executions: u64::MAX,
        seed: 1,
        vectors: here.join("../vectors"),
        replay: None,
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let value = arguments.next().ok_or_else(|| format!("{name} needs a value"))?;
        let wrong = |_| format!("{name}: not a number: {value}");
        match name.as_str() {
            "--dissector" => options.dissector = value,
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
            eprintln!("{wrong}\nusage: ringfence-fuzz [--dissector NAME|all] [--seconds N | --executions N] [--seed N] [--vectors DIR] [--replay FILE]");
            return ExitCode::from(2);
        }
    };
    std::panic::set_hook(Box::new(|panic| {
        if let Ok(mut text) = PANIC.lock() {
            *text = panic.to_string();
        }
    }));
    let wanted = |protocol: &&&'static Protocol| options.dissector == "all" || options.dissector == protocol.name;
    let mut players: Vec<Player> =
        registry::BUILTIN.iter().filter(wanted).flat_map(|protocol| Player::all(protocol)).collect();
    if players.is_empty() {
        eprintln!("no dissector is called {}", options.dissector);
        return ExitCode::from(2);
    }
    let share = options.seconds / players.len() as f64;
    let mut failed = false;
    for player in &mut players {
        failed |= match &options.replay {
            Some(file) => replay(player, file, options.seed),
            None => fuzz(player, &options, share),
        };
    }
    ExitCode::from(u8::from(failed))
}

fn replay(player: &mut Player, file: &Path, seed: u64) -> bool {
    let Some(case) = std::fs::read_to_string(file).ok().and_then(|text| Case::parse(&text)) else {
        eprintln!("{}: not an input", file.display());
        return true;
    };
    // Where it is cut and whether details are wanted is chance, so that each is tried.
    let mut random = Random::new(seed);
    (0..256).any(|_| one(player, &case, &mut random).is_some_and(|wrong| report(player, &case, &wrong)))
}

/// Fuzz one dissector on one carrier; true where something failed.
fn fuzz(player: &mut Player, options: &Options, seconds: f64) -> bool {
    let mut random = Random::new(options.seed);
    let mut coverage = Coverage::new();
    let mut corpus = case::seeds(&options.vectors.join(player.protocol.name));
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
                let stream = player.protocol.tcp;
                mutate::mutate(&corpus[case], &corpus[other], stream, &mut random)
            }
        };
        coverage.reset();
        let wrong = one(player, &case, &mut random);
        executions += 1;
        if let Some(wrong) = wrong {
            return report(player, &case, &wrong);
        }
        if coverage.anything_new() && at >= seeds.len() {
            corpus.push(case);
        }
    }
    let (reached, edges) = coverage.edges();
    println!(
        "{} over {:?}: {executions} inputs, {:.0} a second, {} kept, {reached} of {edges} edges, nothing found",
        player.protocol.name,
        player.carrier,
        executions as f64 / start.elapsed().as_secs_f64(),
        corpus.len(),
    );
    false
}

/// Play one input; what is wrong, where something is.
fn one(player: &mut Player, case: &Case, random: &mut Random) -> Option<String> {
    match catch_unwind(AssertUnwindSafe(|| player.judge(case, random))) {
        Ok(judged) => judged.err(),
        Err(_) => Some(PANIC.lock().map(|text| text.clone()).unwrap_or_default()),
    }
}

/// Write the input down and say what is wrong.
fn report(player: &Player, case: &Case, wrong: &str) -> bool {
    let text = case.text();
    let mut digest = DefaultHasher::new();
    digest.write(text.as_bytes());
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("found");
    let file = folder.join(format!("{}-{:016x}.hex", player.protocol.name, digest.finish()));
    let written = std::fs::create_dir_all(&folder).and_then(|()| std::fs::write(&file, text));
    let place = written.map_or_else(|fault| fault.to_string(), |()| file.display().to_string());
    println!("{} over {:?}: FAILED: {wrong}\ninput: {place}", player.protocol.name, player.carrier);
    true
}
