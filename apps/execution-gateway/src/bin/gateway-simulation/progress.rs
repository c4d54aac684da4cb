//! The resume file of a long run.

use std::path::Path;

use execution_gateway::simulation::campaign::{Failure, Tally};
use execution_gateway::simulation::coverage::Coverage;
use serde::{Deserialize, Serialize};

/// What the resume file holds.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Progress {
    from: u64,
    next: u64,
    version: String,
    sums: [u64; 10],
    cells: Vec<u64>,
    failures: Vec<Failure>,
}

pub(crate) fn sums(tally: &Tally) -> [u64; 10] {
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

pub(crate) fn load(path: &Path, from: u64) -> Result<(u64, Tally), String> {
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

pub(crate) fn save(path: &Path, from: u64, next: u64, tally: &Tally) -> Result<(), String> {
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
