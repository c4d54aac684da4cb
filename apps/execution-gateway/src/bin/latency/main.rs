//! Measures the accept path: HTTP in to 202, on a real journal, against raw append + fdatasync in
//! the same run (goals of C12, judged under contract K38).

mod load;
mod raw;
mod rig;
mod stub;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use clap::Parser;
use execution_gateway::replay;
use execution_gateway::services::journal::recover::recover;
use execution_gateway::services::journal::storage::FileStorage;
use serde_json::{Value, json};

use load::{Caller, Maker, burst, paced};
use raw::{RawFile, percentile, spin_ratio};
use rig::Rig;

/// Latency and throughput of accepting orders.
#[derive(Debug, Parser)]
struct Arguments {
    /// Folder on the disk to measure; the journal is made in it and removed again.
    #[arg(long, default_value = ".")]
    dir: PathBuf,
    /// Folder without a disk behind it.
    #[arg(long, default_value = "/dev/shm")]
    memory_dir: PathBuf,
    /// Length of each part.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Only these parts: paced, memory, group, kill, recovery, segments.
    #[arg(long, value_delimiter = ',')]
    parts: Vec<String>,
    /// Prints the figures as JSON.
    #[arg(long)]
    json: bool,
}

type Figures = BTreeMap<String, Value>;
type Outcome<T> = Result<T, String>;

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

fn orders(maker: &mut Maker, count: usize) -> Outcome<Vec<Vec<u8>>> {
    (0..count).map(|_| maker.order(true)).collect()
}

fn ms(seconds: f64) -> Value {
    json!((seconds * 1e6).round() / 1e3)
}

/// 50 orders a second, one raw commit of the same size between two of them.
async fn part_paced(base: &Path, seconds: u64, figures: &mut Figures) -> Outcome<()> {
    let rig = Rig::start(base).await?;
    let mut maker = Maker::new()?;
    let record = 1_400;
    let path = base.join("raw-append.bench");
    let mut raw = RawFile::create(&path, record, 0).map_err(text)?;
    let (mut accept, mut disk) = (Vec::new(), Vec::new());
    for _ in 0..seconds {
        let requests = orders(&mut maker, 50)?;
        let every = Duration::from_millis(20);
        let commit = || disk.extend(raw.commit());
        accept.extend(paced(rig.port, requests, every, commit).await?);
    }
    std::fs::remove_file(&path).map_err(text)?;
    rig.finish().await?;
    let (p50, p99) = (percentile(&accept, 50), percentile(&accept, 99));
    let (raw50, raw99) = (percentile(&disk, 50), percentile(&disk, 99));
    let goal50 = 1.25 * raw50 + 0.0003;
    let goal99 = 1.10 * raw99 + 0.002;
    figures.insert(
        "paced_50_per_s".to_owned(),
        json!({
            "samples": accept.len(), "accept_p50_ms": ms(p50), "accept_p99_ms": ms(p99),
            "raw_p50_ms": ms(raw50), "raw_p99_ms": ms(raw99),
            "goal_p50_ms": ms(goal50), "goal_p99_ms": ms(goal99),
            "holds_p50": p50 <= goal50, "holds_p99": p99 <= goal99,
        }),
    );
    Ok(())
}

/// 1,000 orders a second without a disk.
async fn part_memory(base: &Path, seconds: u64, figures: &mut Figures) -> Outcome<()> {
    let rig = Rig::start(base).await?;
    let mut maker = Maker::new()?;
    let mut accept = Vec::new();
    for _ in 0..seconds {
        let requests = orders(&mut maker, 1_000)?;
        accept.extend(paced(rig.port, requests, Duration::from_millis(1), || {}).await?);
    }
    rig.finish().await?;
    let (p50, p99) = (percentile(&accept, 50), percentile(&accept, 99));
    figures.insert(
        "memory_1000_per_s".to_owned(),
        json!({
            "samples": accept.len(), "accept_p50_ms": ms(p50), "accept_p99_ms": ms(p99),
            "goal_p99_ms": 1.0, "holds_p99": p99 <= 0.001,
        }),
    );
    Ok(())
}

/// Callers in a closed loop, slices of raw single commits between.
async fn part_group(base: &Path, seconds: u64, figures: &mut Figures) -> Outcome<()> {
    let path = base.join("raw-append.bench");
    let mut raw = RawFile::create(&path, 1_400, 0).map_err(text)?;
    for callers in [32, 64] {
        let rig = Rig::start(base).await?;
        let mut maker = Maker::new()?;
        let (mut rates, mut raw_rates, mut refused) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..seconds.div_ceil(2).max(1) {
            let requests = orders(&mut maker, 10_000)?;
            let port = rig.port;
            let run = tokio::task::spawn_blocking(move || burst(port, callers, requests));
            let burst = run.await.map_err(text)??;
            rates.push(burst.accepted as f64 / burst.seconds);
            refused.extend(burst.refused);
            let clock = Instant::now();
            let mut commits = 0;
            while clock.elapsed().as_millis() < 500 {
                raw.commit().map_err(text)?;
                commits += 1;
            }
            raw_rates.push(f64::from(commits) / clock.elapsed().as_secs_f64());
        }
        rig.finish().await?;
        let (rate, single) = (percentile(&rates, 50), percentile(&raw_rates, 50));
        figures.insert(
            format!("group_commit_{callers}"),
            json!({
                "orders_per_s": rate.round(), "best_orders_per_s": percentile(&rates, 100).round(),
                "raw_single_per_s": single.round(), "ratio": (rate / single * 10.0).round() / 10.0,
                "refused": refused.len(), "first_refusal": refused.first(),
                "goal_orders_per_s": 20_000, "goal_ratio": 5, "holds_ratio": rate >= 5.0 * single,
                "holds_orders_per_s": rate >= 20_000.0,
            }),
        );
    }
    std::fs::remove_file(&path).map_err(text)
}

/// From the request of a stop to the last cancel of 200 resting orders.
async fn part_kill(base: &Path, figures: &mut Figures) -> Outcome<()> {
    let rig = Rig::start(base).await?;
    let mut maker = Maker::new()?;
    let mut caller = Caller::connect(rig.port).await.map_err(text)?;
    for _ in 0..200 {
        let request = maker.order(false)?;
        let (status, body) = caller.send(&request).await.map_err(text)?;
        if status != 202 {
            return Err(format!("{status}: {body}"));
        }
    }
    let body = r#"{"level":"cancel_all","reason":"measured"}"#;
    let kill = maker.request("POST", "/v1/kill", body, "")?;
    let before = rig.venue.elapsed_ns();
    let sent = Instant::now();
    let waiting = caller.send(&kill);
    tokio::time::timeout(Duration::from_secs(2), waiting)
        .await
        .ok();
    drop(caller);
    let last = rig.venue.last_cancel.load(Ordering::Relaxed);
    let cancels = rig.venue.cancels.load(Ordering::Relaxed);
    let first_round = Duration::from_nanos(last.saturating_sub(before));
    figures.insert(
        "kill_200_orders".to_owned(),
        json!({
            "cancel_calls": cancels, "last_cancel_ms": ms(first_round.as_secs_f64()),
            "observed_for_ms": ms(sent.elapsed().as_secs_f64()),
            "goal_ms": 250, "holds": cancels > 0 && first_round.as_millis() <= 250,
        }),
    );
    rig.finish().await
}

/// Recovery of a journal with at least 10,000 records.
async fn part_recovery(base: &Path, figures: &mut Figures) -> Outcome<()> {
    let rig = Rig::start(base).await?;
    let mut maker = Maker::new()?;
    let (requests, port) = (orders(&mut maker, 2_500)?, rig.port);
    let run = tokio::task::spawn_blocking(move || burst(port, 32, requests));
    run.await.map_err(text)??;
    let journal = rig.journal.clone();
    let copy = tempfile::tempdir_in(base).map_err(text)?;
    tokio::time::sleep(Duration::from_millis(300)).await;
    for entry in std::fs::read_dir(&journal).map_err(text)? {
        let entry = entry.map_err(text)?;
        std::fs::copy(entry.path(), copy.path().join(entry.file_name())).map_err(text)?;
    }
    rig.finish().await?;
    let clock = Instant::now();
    let recovered = recover(&mut FileStorage::new(copy.path())).map_err(text)?;
    let read = clock.elapsed().as_secs_f64();
    let index = execution_gateway::services::journal::event_index();
    let replayed = replay::replay(&recovered, &index);
    let all = clock.elapsed().as_secs_f64();
    let records = recovered.frames.len();
    figures.insert(
        "recovery".to_owned(),
        json!({
            "records": records, "orders": replayed.book.orders.len(), "damage": replayed.damage,
            "read_s": (read * 1e3).round() / 1e3, "total_s": (all * 1e3).round() / 1e3,
            "records_per_s": (records as f64 / all).round(), "goal_s": 5.0,
            "holds": all <= 5.0 * records as f64 / 10_000.0 && replayed.damage.is_none(),
        }),
    );
    Ok(())
}

/// Growing against prepared segments, commit by commit in turn (ADR 0013).
fn part_segments(base: &Path, seconds: u64, figures: &mut Figures) -> Outcome<()> {
    for (name, size) in [("single", 1_400), ("group_of_64", 64 * 1_400)] {
        let paths = [base.join("grow.bench"), base.join("prepared.bench")];
        let mut growing = RawFile::create(&paths[0], size, 0).map_err(text)?;
        let mut prepared = RawFile::create(&paths[1], size, 256 << 20).map_err(text)?;
        let (mut grow, mut fill) = (Vec::new(), Vec::new());
        let clock = Instant::now();
        while clock.elapsed().as_secs() < seconds && grow.len() < 2_500 {
            grow.push(growing.commit().map_err(text)?);
            fill.push(prepared.commit().map_err(text)?);
        }
        for path in &paths {
            std::fs::remove_file(path).map_err(text)?;
        }
        figures.insert(
            format!("segments_{name}"),
            json!({
                "commits_each": grow.len(),
                "growing_p50_ms": ms(percentile(&grow, 50)),
                "growing_p99_ms": ms(percentile(&grow, 99)),
                "prepared_p50_ms": ms(percentile(&fill, 50)),
                "prepared_p99_ms": ms(percentile(&fill, 99)),
            }),
        );
    }
    Ok(())
}

/// Whether absolute figures may be judged on this machine now (K38).
fn calibrate(base: &Path, figures: &mut Figures) -> Outcome<()> {
    let ratio = spin_ratio();
    let path = base.join("calibration.bench");
    let mut raw = RawFile::create(&path, 512, 0).map_err(text)?;
    let samples: Result<Vec<f64>, _> = (0..200).map(|_| raw.commit()).collect();
    let p50 = percentile(&samples.map_err(text)?, 50);
    std::fs::remove_file(&path).map_err(text)?;
    figures.insert(
        "calibration".to_owned(),
        json!({
            "spin_ratio": (ratio * 100.0).round() / 100.0, "sync_p50_ms": ms(p50),
            "absolute_figures": if ratio >= 1.8 && p50 <= 0.0005 { "judged" } else { "not judged" },
        }),
    );
    let model = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = model
        .lines()
        .find_map(|line| line.strip_prefix("model name"));
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    figures.insert(
        "machine".to_owned(),
        json!({
            "processor": model.map(|m| m.trim_start_matches([' ', '\t', ':'])), "cores": cores,
            "build": if cfg!(debug_assertions) { "debug: figures mean nothing" } else { "release" },
        }),
    );
    Ok(())
}

async fn measure(arguments: &Arguments) -> Outcome<Figures> {
    let mut figures = Figures::new();
    let wants =
        |name: &str| arguments.parts.is_empty() || arguments.parts.iter().any(|part| part == name);
    let (disk, seconds) = (arguments.dir.as_path(), arguments.seconds);
    calibrate(disk, &mut figures)?;
    if wants("segments") {
        part_segments(disk, seconds, &mut figures)?;
    }
    if wants("paced") {
        part_paced(disk, seconds, &mut figures).await?;
    }
    if wants("memory") {
        part_memory(&arguments.memory_dir, seconds.min(5), &mut figures).await?;
    }
    if wants("group") {
        part_group(disk, seconds, &mut figures).await?;
    }
    if wants("kill") {
        part_kill(disk, &mut figures).await?;
    }
    if wants("recovery") {
        part_recovery(disk, &mut figures).await?;
    }
    Ok(figures)
}

fn print(figures: &Figures, as_json: bool) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    if as_json {
        return writeln!(out, "{}", json!(figures));
    }
    for (name, figure) in figures {
        writeln!(out, "{name}")?;
        for (key, value) in figure.as_object().into_iter().flatten() {
            writeln!(out, "  {key:24} {value}")?;
        }
    }
    Ok(())
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    let ended = match runtime {
        Ok(runtime) => runtime.block_on(measure(&arguments)),
        Err(error) => Err(text(error)),
    };
    let printed = ended.and_then(|figures| print(&figures, arguments.json).map_err(text));
    match printed {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            writeln!(std::io::stderr(), "gateway-latency: {error}").ok();
            ExitCode::FAILURE
        }
    }
}
