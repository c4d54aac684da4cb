//! `gateway-simulation`: schedules of the simulator, from the command line.
//!
//! Exit code 0: nothing broken; 1: an invariant, a cell of the coverage matrix or a mutant; 2: the
//! command line or the harness itself.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clap::Parser;
use execution_gateway::mutants::Mutant;
use execution_gateway::simulation::campaign::{Failure, Options, Tally, campaign, hunt, shrink};
use execution_gateway::simulation::coverage::{Coverage, Impossible};
use execution_gateway::simulation::faults::Fault;
use execution_gateway::simulation::plan::Plan;
use execution_gateway::simulation::run::run_seed;
use serde::{Deserialize, Serialize};

/// From this many schedules on the coverage matrix is judged.
const JUDGED_FROM: u64 = 5_000;
/// Schedules between two writes of the resume file.
const CHUNK: u64 = 1_000;
const MUTANT_SEEDS: u64 = 2_000;

#[derive(Debug, Parser)]
#[command(about = "Runs the gateway's core through seeded schedules of faults")]
struct Arguments {
    /// How many schedules.
    #[arg(long, default_value_t = 1_000)]
    seeds: u64,
    /// First seed.
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// Runs this one seed only.
    #[arg(long)]
    seed: Option<u64>,
    /// Prints what happens in the schedule of `--seed`.
    #[arg(long, requires = "seed")]
    trace: bool,
    /// Only these faults, such as `F7,F27`.
    #[arg(long, value_delimiter = ',')]
    faults: Vec<String>,
    #[arg(long, default_value_t = 2)]
    jobs: usize,
    /// The summary as JSON on standard output.
    #[arg(long)]
    json: bool,
    /// Keeps the progress in a file and goes on from there.
    #[arg(long)]
    resume: Option<PathBuf>,
    /// Switches one seeded bug on.
    #[arg(long)]
    mutant: Option<String>,
    /// Switches each seeded bug on in turn: every one must be found.
    #[arg(long)]
    mutants: bool,
    /// Prints the coverage matrix.
    #[arg(long)]
    matrix: bool,
}

fn say(line: &str) {
    let mut err = std::io::stderr().lock();
    if writeln!(err, "{line}").is_err() {
        std::process::exit(2);
    }
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            say(&format!("gateway-simulation: {error}"));
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &Arguments) -> Result<bool, String> {
    let impossible = Impossible::reviewed()?;
    let only: Vec<Fault> = arguments
        .faults
        .iter()
        .map(|name| {
            Fault::parse(name).ok_or_else(|| format!("no fault {name}; allowed: F1 to F45"))
        })
        .collect::<Result<_, _>>()?;
    let mutant = match &arguments.mutant {
        None => None,
        Some(name) => Some(Mutant::parse(name).ok_or_else(|| {
            let names: Vec<&str> = Mutant::ALL.iter().map(|mutant| mutant.name()).collect();
            format!("no mutant {name}; allowed: {}", names.join(", "))
        })?),
    };
    if arguments.mutants {
        return hunt_all(arguments, &impossible);
    }
    if let Some(seed) = arguments.seed {
        return one(seed, &only, mutant, arguments.trace, &impossible);
    }
    many(arguments, only, mutant, &impossible)
}

fn one(
    seed: u64,
    only: &[Fault],
    mutant: Option<Mutant>,
    with_trace: bool,
    impossible: &Impossible,
) -> Result<bool, String> {
    execution_gateway::mutants::switch(mutant);
    let outcome = run_seed(seed, only, impossible, with_trace)?;
    let mut out = std::io::stdout().lock();
    for line in &outcome.trace {
        writeln!(out, "{line}").map_err(|error| error.to_string())?;
    }
    for broken in &outcome.broken {
        say(&format!("{}: {}", broken.invariant, broken.detail));
    }
    say(&format!(
        "seed {seed}: trace hash {:016x}, {} events, {} orders, {} faults",
        outcome.hash, outcome.events, outcome.orders, outcome.fired
    ));
    Ok(outcome.broken.is_empty())
}

/// What the resume file holds.
#[derive(Debug, Serialize, Deserialize)]
struct Progress {
    from: u64,
    next: u64,
    version: String,
    sums: [u64; 10],
    cells: Vec<u64>,
    failures: Vec<Failure>,
}

fn sums(tally: &Tally) -> [u64; 10] {
    [
        tally.schedules,
        tally.violations,
        tally.duplicates,
        tally.lost_fills,
        tally.unresolved_unknowns,
        tally.events,
        tally.orders,
        tally.faults,
        tally.fewest_faults,
        tally.fewest_orders,
    ]
}

fn load(path: &Path, from: u64) -> Result<(u64, Tally), String> {
    if !path.exists() {
        return Ok((from, Tally::default()));
    }
    let name = path.display();
    let text = std::fs::read_to_string(path).map_err(|error| format!("{name}: {error}"))?;
    let read: Progress = serde_json::from_str(&text).map_err(|error| format!("{name}: {error}"))?;
    if read.from != from || read.version != env!("CARGO_PKG_VERSION") {
        return Err(format!(
            "{name} belongs to --from {} of version {}; remove it or use the same",
            read.from, read.version
        ));
    }
    let coverage = Coverage::from_list(&read.cells);
    let coverage = coverage.ok_or_else(|| format!("{name} has another matrix"))?;
    let [
        schedules,
        violations,
        duplicates,
        lost_fills,
        unresolved,
        events,
        orders,
        faults,
        ff,
        fo,
    ] = read.sums;
    let tally = Tally {
        schedules,
        violations,
        duplicates,
        lost_fills,
        unresolved_unknowns: unresolved,
        events,
        orders,
        faults,
        fewest_faults: ff,
        fewest_orders: fo,
        coverage,
        failures: read.failures,
    };
    Ok((read.next, tally))
}

fn save(path: &Path, from: u64, next: u64, tally: &Tally) -> Result<(), String> {
    let progress = Progress {
        from,
        next,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        sums: sums(tally),
        cells: tally.coverage.to_list(),
        failures: tally.failures.clone(),
    };
    let text = serde_json::to_string(&progress).map_err(|error| error.to_string())?;
    let beside = path.with_extension("new");
    std::fs::write(&beside, text)
        .and_then(|()| std::fs::rename(&beside, path))
        .map_err(|error| format!("{}: {error}", path.display()))
}

fn many(
    arguments: &Arguments,
    only: Vec<Fault>,
    mutant: Option<Mutant>,
    impossible: &Impossible,
) -> Result<bool, String> {
    let end = arguments.from + arguments.seeds;
    let (mut next, mut tally) = match &arguments.resume {
        Some(path) => load(path, arguments.from)?,
        None => (arguments.from, Tally::default()),
    };
    let started = Instant::now();
    let progress = AtomicU64::new(next - arguments.from);
    let is_done = AtomicBool::new(false);
    let ran: Result<(), String> = std::thread::scope(|scope| {
        scope.spawn(|| show(&progress, arguments.seeds, &is_done));
        let worked = (|| {
            while next < end {
                let seeds = if arguments.resume.is_some() {
                    CHUNK.min(end - next)
                } else {
                    end - next
                };
                let options = Options {
                    from: next,
                    seeds,
                    jobs: arguments.jobs,
                    only: only.clone(),
                    mutant,
                    stops_at_first: mutant.is_some(),
                };
                tally.merge(&campaign(&options, impossible, &progress)?);
                next += seeds;
                if let Some(path) = &arguments.resume {
                    save(path, arguments.from, next, &tally)?;
                }
            }
            Ok(())
        })();
        is_done.store(true, Ordering::Relaxed);
        worked
    });
    ran?;
    let is_whole = only.is_empty() && mutant.is_none();
    let cells = match is_whole && tally.schedules >= JUDGED_FROM {
        true => tally.coverage.faulty_cells(impossible, tally.schedules),
        false => Vec::new(),
    };
    summarize(arguments, &tally, impossible, started.elapsed())?;
    for cell in &cells {
        say(&format!("coverage: {cell}"));
    }
    for failure in &tally.failures {
        say(&format!(
            "seed {} breaks {}: {}",
            failure.seed, failure.invariant, failure.detail
        ));
    }
    if let Some(failure) = tally.failures.first() {
        explain(failure, &only, mutant, impossible)?;
    }
    Ok(tally.violations == 0 && cells.is_empty())
}

/// A bar on a terminal; nothing elsewhere.
fn show(progress: &AtomicU64, total: u64, is_done: &AtomicBool) {
    if !std::io::stderr().is_terminal() {
        return;
    }
    while !is_done.load(Ordering::Relaxed) {
        let done = progress.load(Ordering::Relaxed);
        let filled = usize::try_from(done * 40 / total.max(1))
            .unwrap_or(40)
            .min(40);
        let bar = format!("{}{}", "#".repeat(filled), ".".repeat(40 - filled));
        let mut err = std::io::stderr().lock();
        if write!(err, "\r[{bar}] {done}/{total}")
            .and_then(|()| err.flush())
            .is_err()
        {
            return;
        }
        drop(err);
        std::thread::sleep(Duration::from_millis(200));
    }
    say("");
}

fn summarize(
    arguments: &Arguments,
    tally: &Tally,
    impossible: &Impossible,
    took: Duration,
) -> Result<(), String> {
    let seed = tally.failures.first().map(|failure| failure.seed);
    let summary = serde_json::json!({
        "schedules": tally.schedules,
        "faults_covered": tally.coverage.faults(),
        "violations": tally.violations,
        "duplicates": tally.duplicates,
        "lost_fills": tally.lost_fills,
        "unresolved_unknowns": tally.unresolved_unknowns,
        "seed": seed,
    });
    let mut out = std::io::stdout().lock();
    if arguments.matrix {
        writeln!(out, "{}", tally.coverage.table(impossible)).map_err(|e| e.to_string())?;
    }
    if arguments.json {
        return writeln!(out, "{summary}").map_err(|error| error.to_string());
    }
    let text = format!(
        "{} schedules in {:.1} s: {} violations, {} with duplicates, {} with lost fills, {} with \
         unresolved unknowns; {} faults covered, at least {} faults and {} orders in a schedule, \
         {} events",
        tally.schedules,
        took.as_secs_f64(),
        tally.violations,
        tally.duplicates,
        tally.lost_fills,
        tally.unresolved_unknowns,
        tally.coverage.faults(),
        tally.fewest_faults,
        tally.fewest_orders,
        tally.events,
    );
    writeln!(out, "{text}").map_err(|error| error.to_string())
}

/// Seed, commit and the smallest trace of the first failing schedule.
fn explain(
    failure: &Failure,
    only: &[Fault],
    mutant: Option<Mutant>,
    impossible: &Impossible,
) -> Result<(), String> {
    let plan = Plan::of(failure.seed, only, impossible);
    let (small, outcome) = shrink(&plan, mutant)?;
    for line in &outcome.trace {
        say(line);
    }
    say(&format!(
        "seed {} breaks {}: {}\ncommit {}; replay: gateway-simulation --seed {} --trace\n\
         the trace above is cut down to {} operations and {} faults",
        failure.seed,
        failure.invariant,
        failure.detail,
        commit(),
        failure.seed,
        small.operations.len(),
        small.faults.len(),
    ));
    Ok(())
}

fn commit() -> String {
    let words = ["rev-parse", "--short=12", "HEAD"];
    let output = std::process::Command::new("git").args(words).output();
    output
        .ok()
        .filter(|output| output.status.success())
        .and_then(|output| String::from_utf8(output.stdout).ok())
        .map_or_else(|| "unknown".to_owned(), |text| text.trim().to_owned())
}

fn hunt_all(arguments: &Arguments, impossible: &Impossible) -> Result<bool, String> {
    let mut survivors = 0;
    let mut out = std::io::stdout().lock();
    for mutant in Mutant::ALL {
        let started = Instant::now();
        let kill = hunt(*mutant, MUTANT_SEEDS, arguments.jobs, impossible)?;
        let seconds = started.elapsed().as_secs_f64();
        let line = match &kill.failure {
            Some(failure) => format!(
                "{:<26} killed by seed {} ({}) after {} schedules, {seconds:.1} s",
                mutant.name(),
                failure.seed,
                failure.invariant,
                kill.schedules
            ),
            None => {
                survivors += 1;
                format!(
                    "{:<26} SURVIVED {} schedules: {}",
                    mutant.name(),
                    kill.schedules,
                    mutant.about()
                )
            }
        };
        writeln!(out, "{line}").map_err(|error| error.to_string())?;
    }
    let count = Mutant::ALL.len();
    writeln!(out, "{} of {count} mutants killed", count - survivors).map_err(|e| e.to_string())?;
    Ok(survivors == 0)
}
