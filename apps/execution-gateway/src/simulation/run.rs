//! One schedule from a seed, and its result.

use super::coverage::{Coverage, Impossible};
use super::faults::Fault;
use super::history::Broken;
use super::plan::Plan;
use super::world::World;

/// What came of a schedule.
#[derive(Debug, Clone)]
pub struct Outcome {
    pub seed: u64,
    pub hash: u64,
    pub broken: Vec<Broken>,
    pub fired: usize,
    pub orders: usize,
    pub events: u64,
    pub coverage: Coverage,
    pub trace: Vec<String>,
}

/// Runs a plan.
///
/// # Errors
/// When the model venue or the configuration is not valid (a mistake in this harness).
pub fn run_plan(plan: Plan, with_trace: bool) -> Result<Outcome, String> {
    let seed = plan.seed;
    let mut world = World::new(plan, with_trace)?;
    world.run();
    Ok(Outcome {
        seed,
        hash: world.hash.0,
        broken: world.broken,
        fired: world.fired.len(),
        orders: world.caller.submissions.len(),
        events: world.events_done,
        coverage: world.coverage,
        trace: world.trace.unwrap_or_default(),
    })
}

/// Runs the schedule of a seed.
///
/// # Errors
/// As `run_plan`.
pub fn run_seed(
    seed: u64,
    only: &[Fault],
    impossible: &Impossible,
    with_trace: bool,
) -> Result<Outcome, String> {
    run_plan(Plan::of(seed, only, impossible), with_trace)
}
