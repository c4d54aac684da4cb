//! The simulator as a test: schedules without a violation, replay to the bit, and seeded bugs that
//! must be seen (C12).

use std::sync::atomic::AtomicU64;

use execution_gateway::mutants::{Mutant, switch};
use execution_gateway::simulation::campaign::{Options, campaign, hunt, shrink};
use execution_gateway::simulation::coverage::{Coverage, Impossible};
use execution_gateway::simulation::faults::Fault;
use execution_gateway::simulation::plan::Plan;
use execution_gateway::simulation::run::run_seed;
use rust_common::OrderStatus;

const SCHEDULES: u64 = 300;

fn impossible() -> Impossible {
    Impossible::reviewed().unwrap()
}

fn options(seeds: u64) -> Options {
    Options {
        from: 0,
        seeds,
        jobs: 2,
        only: Vec::new(),
        mutant: None,
        stops_at_first: false,
    }
}

#[test]
fn schedules_of_faults_break_no_invariant() {
    let tally = campaign(&options(SCHEDULES), &impossible(), &AtomicU64::new(0)).unwrap();
    assert_eq!(tally.schedules, SCHEDULES);
    assert!(tally.failures.is_empty(), "{:#?}", tally.failures);
    assert!(tally.fewest_faults >= 6, "{} faults", tally.fewest_faults);
    assert!(tally.fewest_orders >= 20, "{} orders", tally.fewest_orders);
    assert!(tally.coverage.faults() >= 44, "{}", tally.coverage.faults());
    let hits = |fault, status| tally.coverage.hits(fault, status);
    for fault in Fault::ALL {
        for status in OrderStatus::ALL {
            let is_listed = impossible().contains(fault, status);
            assert!(
                !is_listed || hits(fault, status) == 0,
                "{fault:?} x {status}"
            );
        }
    }
}

#[test]
fn a_seed_replays_to_the_bit() {
    for seed in [3, 47, 1_000_003] {
        let first = run_seed(seed, &[], &impossible(), false).unwrap();
        for _ in 0..2 {
            let again = run_seed(seed, &[], &impossible(), true).unwrap();
            assert_eq!(again.hash, first.hash, "seed {seed}");
            assert_eq!(again.events, first.events, "seed {seed}");
        }
    }
    let one = run_seed(3, &[], &impossible(), false).unwrap();
    let other = run_seed(4, &[], &impossible(), false).unwrap();
    assert_ne!(one.hash, other.hash);
}

#[test]
fn a_failing_seed_replays_to_the_bit_and_is_cut_down() {
    switch(Some(Mutant::AmbiguousIsNotSent));
    let found = (0..50).find_map(|seed| {
        let outcome = run_seed(seed, &[], &impossible(), false).unwrap();
        (!outcome.broken.is_empty()).then_some(outcome)
    });
    let failing = found.expect("a schedule that sees the bug");
    for _ in 0..2 {
        let again = run_seed(failing.seed, &[], &impossible(), false).unwrap();
        assert_eq!(again.hash, failing.hash);
        assert_eq!(again.broken, failing.broken);
    }
    let plan = Plan::of(failing.seed, &[], &impossible());
    let (small, outcome) = shrink(&plan, Some(Mutant::AmbiguousIsNotSent)).unwrap();
    assert!(small.operations.len() < plan.operations.len());
    assert_eq!(outcome.broken[0].invariant, failing.broken[0].invariant);
    assert!(!outcome.trace.is_empty());
}

#[test]
fn seeded_bugs_are_seen() {
    for mutant in [
        Mutant::BlindResend,
        Mutant::AckBeforeSync,
        Mutant::TimeoutRejects,
        Mutant::TrustFirstMiss,
        Mutant::SkipHorizon,
        Mutant::NoFillDedupe,
        Mutant::TruncateMiddle,
        Mutant::NoWriterLock,
        Mutant::IgnoreStop,
    ] {
        let kill = hunt(mutant, 200, 2, &impossible()).unwrap();
        assert!(kill.failure.is_some(), "{} survived", mutant.name());
    }
}

#[test]
fn there_are_enough_seeded_bugs_with_names() {
    let mut names: Vec<&str> = Mutant::ALL.iter().map(|mutant| mutant.name()).collect();
    assert!(names.len() >= 25, "{}", names.len());
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), Mutant::ALL.len());
    assert_eq!(Mutant::parse("skip-horizon"), Some(Mutant::SkipHorizon));
}

#[test]
fn thin_cells_and_impossible_hits_fail_the_matrix() {
    let listed = Impossible::parse(
        "[[cell]]\nfaults = [\"F7\"]\nstates = [\"DENIED\"]\nreason = \"never at the venue\"\n",
    )
    .unwrap();
    let mut coverage = Coverage::default();
    for fault in Fault::ALL {
        for status in OrderStatus::ALL {
            if !listed.contains(fault, status) {
                (0..50).for_each(|_| coverage.hit(fault, status));
            }
        }
    }
    assert_eq!(coverage.faulty_cells(&listed, 10_000), Vec::<String>::new());
    assert!(
        !coverage.faulty_cells(&listed, 20_000).is_empty(),
        "thin at twice the schedules"
    );
    coverage.hit(Fault::DuplicateEvent, OrderStatus::Denied);
    let wrong = coverage.faulty_cells(&listed, 10_000);
    assert_eq!(wrong.len(), 1, "{wrong:?}");
    assert!(
        Impossible::parse("[[cell]]\nfaults=[\"F7\"]\nstates=[\"DENIED\"]\nreason=\"\"\n").is_err()
    );
}
