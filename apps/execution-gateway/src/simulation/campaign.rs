//! Many schedules on several threads, and the smallest schedule that still fails.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

use super::coverage::{Coverage, Impossible};
use super::faults::Fault;
use super::history::Kind;
use super::plan::Plan;
use super::run::{Outcome, run_plan, run_seed};
use crate::mutants::{Mutant, switch};

/// Which schedules to run.
#[derive(Debug, Clone)]
pub struct Options {
    pub from: u64,
    pub seeds: u64,
    pub jobs: usize,
    pub only: Vec<Fault>,
    pub mutant: Option<Mutant>,
    /// Enough to see that something breaks.
    pub stops_at_first: bool,
}

/// A failing schedule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    pub seed: u64,
    pub invariant: String,
    pub detail: String,
}

/// Sums over schedules.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tally {
    pub schedules: u64,
    pub violations: u64,
    pub duplicates: u64,
    pub lost_fills: u64,
    pub unresolved_unknowns: u64,
    pub events: u64,
    pub orders: u64,
    pub faults: u64,
    pub fewest_faults: u64,
    pub fewest_orders: u64,
    pub coverage: Coverage,
    /// The first few failing schedules, by seed.
    pub failures: Vec<Failure>,
}

const FAILURES_KEPT: usize = 20;

impl Tally {
    fn add(&mut self, outcome: &Outcome) {
        let (fired, orders) = (outcome.fired as u64, outcome.orders as u64);
        let is_first = self.schedules == 0;
        self.schedules += 1;
        self.events += outcome.events;
        self.orders += orders;
        self.faults += fired;
        // A broken schedule ends early and says nothing about the length of the others.
        if outcome.broken.is_empty() {
            self.fewest_faults = if is_first {
                fired
            } else {
                self.fewest_faults.min(fired)
            };
            self.fewest_orders = if is_first {
                orders
            } else {
                self.fewest_orders.min(orders)
            };
        }
        self.coverage.add(&outcome.coverage);
        let count = |kind| u64::from(outcome.broken.iter().any(|broken| broken.kind == kind));
        self.violations += u64::from(!outcome.broken.is_empty());
        self.duplicates += count(Kind::Duplicate);
        self.lost_fills += count(Kind::LostFill);
        self.unresolved_unknowns += count(Kind::UnresolvedUnknown);
        if let Some(broken) = outcome.broken.first() {
            self.failures.push(Failure {
                seed: outcome.seed,
                invariant: broken.invariant.to_owned(),
                detail: broken.detail.clone(),
            });
            self.failures.sort_by_key(|failure| failure.seed);
            self.failures.truncate(FAILURES_KEPT);
        }
    }

    pub fn merge(&mut self, other: &Self) {
        let is_first = self.schedules == 0;
        self.schedules += other.schedules;
        self.violations += other.violations;
        self.duplicates += other.duplicates;
        self.lost_fills += other.lost_fills;
        self.unresolved_unknowns += other.unresolved_unknowns;
        self.events += other.events;
        self.orders += other.orders;
        self.faults += other.faults;
        if is_first {
            (self.fewest_faults, self.fewest_orders) = (other.fewest_faults, other.fewest_orders);
        } else if other.schedules > 0 {
            self.fewest_faults = self.fewest_faults.min(other.fewest_faults);
            self.fewest_orders = self.fewest_orders.min(other.fewest_orders);
        }
        self.coverage.add(&other.coverage);
        self.failures.extend(other.failures.iter().cloned());
        self.failures.sort_by_key(|failure| failure.seed);
        self.failures.truncate(FAILURES_KEPT);
    }
}

/// Runs schedules; `progress` counts those that are done.
///
/// # Errors
/// A mistake in the harness itself.
pub fn campaign(
    options: &Options,
    impossible: &Impossible,
    progress: &AtomicU64,
) -> Result<Tally, String> {
    let next = AtomicU64::new(options.from);
    let stop = AtomicBool::new(false);
    let total: Mutex<Result<Tally, String>> = Mutex::new(Ok(Tally::default()));
    std::thread::scope(|scope| {
        for _ in 0..options.jobs.max(1) {
            scope.spawn(|| {
                let done = work(options, impossible, &next, &stop, progress);
                let mut total = total.lock().unwrap_or_else(PoisonError::into_inner);
                match (total.as_mut(), done) {
                    (Ok(sum), Ok(part)) => sum.merge(&part),
                    (Ok(_), Err(error)) => *total = Err(error),
                    (Err(_), _) => {}
                }
            });
        }
    });
    total.into_inner().unwrap_or_else(PoisonError::into_inner)
}

fn work(
    options: &Options,
    impossible: &Impossible,
    next: &AtomicU64,
    stop: &AtomicBool,
    progress: &AtomicU64,
) -> Result<Tally, String> {
    switch(options.mutant);
    let mut tally = Tally::default();
    while !stop.load(Ordering::Relaxed) {
        let seed = next.fetch_add(1, Ordering::Relaxed);
        if seed >= options.from + options.seeds {
            break;
        }
        let mut outcome = run_seed(seed, &options.only, impossible, false)?;
        if options.mutant.is_some() && !outcome.broken.is_empty() {
            // A schedule that breaks anyway says nothing about the mutant.
            switch(None);
            let plain = run_seed(seed, &options.only, impossible, false)?;
            switch(options.mutant);
            if !plain.broken.is_empty() {
                outcome.broken.clear();
            }
        }
        if options.stops_at_first && !outcome.broken.is_empty() {
            stop.store(true, Ordering::Relaxed);
        }
        tally.add(&outcome);
        progress.fetch_add(1, Ordering::Relaxed);
    }
    switch(None);
    Ok(tally)
}

/// Takes faults and operations out of a failing plan as long as it still breaks the same
/// invariant; returns the smallest plan found and its run with a trace.
///
/// # Errors
/// A mistake in the harness itself.
pub fn shrink(plan: &Plan, mutant: Option<Mutant>) -> Result<(Plan, Outcome), String> {
    switch(mutant);
    let first = run_plan(plan.clone(), false)?;
    let wanted = first.broken.first().map(|broken| broken.invariant);
    let breaks = |plan: &Plan| -> Result<bool, String> {
        let outcome = run_plan(plan.clone(), false)?;
        Ok(outcome.broken.first().map(|broken| broken.invariant) == wanted)
    };
    let mut small = plan.clone();
    small.is_topped_up = false;
    if wanted.is_some() && !breaks(&small)? {
        small.is_topped_up = plan.is_topped_up;
    }
    for index in (0..small.faults.len()).rev() {
        let mut less = small.clone();
        less.faults.remove(index);
        if wanted.is_some() && breaks(&less)? {
            small = less;
        }
    }
    for index in (0..small.operations.len()).rev() {
        let mut less = small.clone();
        less.operations.remove(index);
        if wanted.is_some() && breaks(&less)? {
            small = less;
        }
    }
    let outcome = run_plan(small.clone(), true)?;
    switch(None);
    Ok((small, outcome))
}

/// The first schedule that sees a bug.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kill {
    pub mutant: Mutant,
    pub failure: Option<Failure>,
    pub schedules: u64,
}

/// Looks for a schedule that breaks with a bug switched on.
///
/// # Errors
/// A mistake in the harness itself.
pub fn hunt(
    mutant: Mutant,
    seeds: u64,
    jobs: usize,
    impossible: &Impossible,
) -> Result<Kill, String> {
    let options = Options {
        from: 0,
        seeds,
        jobs,
        only: Vec::new(),
        mutant: Some(mutant),
        stops_at_first: true,
    };
    let tally = campaign(&options, impossible, &AtomicU64::new(0))?;
    let failure = tally.failures.first().cloned();
    Ok(Kill {
        mutant,
        failure,
        schedules: tally.schedules,
    })
}
