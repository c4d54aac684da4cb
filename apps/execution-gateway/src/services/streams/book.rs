//! A local copy of a venue's order book, built from a snapshot and numbered differences.
//!
//! No I/O. The rule is Binance's "How to manage a local order book correctly" (corrected
//! 2025-11-12), told once for both numberings: a difference covers the updates in (after, last];
//! it joins a book at `id` when after <= id < last, says nothing new when last <= id, and leaves a
//! gap when after > id. A book is served only once a difference was seen to join the snapshot.

use std::collections::{BTreeMap, VecDeque};

use rust_common::{Price, Quantity};

use super::events::{BookSnapshot, DepthDiff, Level};

/// Differences kept while a snapshot is on its way; older ones are dropped.
const HELD_MAX: usize = 4_096;

/// How a venue numbers its differences.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Continuity {
    /// Spot: the first update id follows the last one of the difference before.
    Adjacent,
    /// USD-M futures: every difference names the last id of the one before (`pu`).
    Previous,
}

impl Continuity {
    /// The update after which a difference begins.
    pub fn after(self, first: u64, previous: Option<u64>) -> Option<u64> {
        match self {
            Self::Adjacent => first.checked_sub(1),
            Self::Previous => previous,
        }
    }
}

/// What became of an input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Kept until a snapshot comes.
    Held,
    /// It says nothing new.
    Stale,
    /// Part of the book now; the book is not proven yet.
    Applied,
    /// Part of a proven book.
    Live,
    /// The book has just become proven.
    Proven,
    /// The snapshot is older than the differences at hand: ask again.
    SnapshotTooOld { snapshot: u64, first: u64 },
    /// Updates are missing; the book is empty again and waits for a snapshot.
    Gap { book: u64, after: u64 },
    /// Best bid and best ask have met: updates are missing or wrong.
    Crossed { update_id: u64 },
}

#[derive(Debug, PartialEq, Eq)]
enum Phase {
    Waiting,
    Joined,
    Proven,
}

/// The book of one instrument.
#[derive(Debug)]
pub struct LocalBook {
    phase: Phase,
    last: u64,
    bids: BTreeMap<Price, Quantity>,
    asks: BTreeMap<Price, Quantity>,
    held: VecDeque<DepthDiff>,
}

impl Default for LocalBook {
    fn default() -> Self {
        Self::new()
    }
}

impl LocalBook {
    pub fn new() -> Self {
        Self {
            phase: Phase::Waiting,
            last: 0,
            bids: BTreeMap::new(),
            asks: BTreeMap::new(),
            held: VecDeque::new(),
        }
    }

    /// Forgets everything: the stream broke.
    pub fn reset(&mut self) {
        *self = Self::new();
    }

    pub fn needs_snapshot(&self) -> bool {
        self.phase == Phase::Waiting
    }

    pub fn is_proven(&self) -> bool {
        self.phase == Phase::Proven
    }

    /// Takes one difference of the stream.
    pub fn on_diff(&mut self, diff: &DepthDiff) -> Step {
        if self.phase == Phase::Waiting {
            return self.hold(diff);
        }
        if diff.last <= self.last {
            return self.confirm(diff);
        }
        if diff.after > self.last {
            let gap = Step::Gap {
                book: self.last,
                after: diff.after,
            };
            self.restart(diff);
            return gap;
        }
        self.apply(diff)
    }

    /// Takes the answer of a query. A snapshot that comes when none is needed is ignored.
    pub fn on_snapshot(&mut self, snapshot: BookSnapshot) -> Step {
        if self.phase != Phase::Waiting {
            return Step::Stale;
        }
        if let Some(first) = self.held.front()
            && snapshot.last < first.after
        {
            return Step::SnapshotTooOld {
                snapshot: snapshot.last,
                first: first.after + 1,
            };
        }
        self.last = snapshot.last;
        self.bids = levels(snapshot.bids);
        self.asks = levels(snapshot.asks);
        self.phase = Phase::Joined;
        let mut step = Step::Applied;
        for diff in std::mem::take(&mut self.held) {
            step = match self.on_diff(&diff) {
                Step::Stale => step,
                Step::Live => Step::Proven,
                other => other,
            };
        }
        step
    }

    /// Update id of the book; only a proven book has one.
    pub fn update_id(&self) -> Option<u64> {
        self.is_proven().then_some(self.last)
    }

    /// Best bid and best ask of a proven book that has both sides.
    pub fn best(&self) -> Option<(Level, Level)> {
        if !self.is_proven() {
            return None;
        }
        let (bid, bid_quantity) = self.bids.last_key_value()?;
        let (ask, ask_quantity) = self.asks.first_key_value()?;
        Some(((*bid, *bid_quantity), (*ask, *ask_quantity)))
    }

    /// Bids from the highest, of a proven book.
    pub fn bids(&self) -> impl Iterator<Item = Level> {
        let proven = self.is_proven().then(|| self.bids.iter().rev());
        proven.into_iter().flatten().map(|(p, q)| (*p, *q))
    }

    /// Asks from the lowest, of a proven book.
    pub fn asks(&self) -> impl Iterator<Item = Level> {
        let proven = self.is_proven().then(|| self.asks.iter());
        proven.into_iter().flatten().map(|(p, q)| (*p, *q))
    }

    /// Buffered differences stay gapless, so that a snapshot joins all of them or none.
    fn hold(&mut self, diff: &DepthDiff) -> Step {
        if let Some(back) = self.held.back() {
            if diff.last <= back.last {
                return Step::Stale;
            }
            if diff.after > back.last {
                self.held.clear();
            }
        }
        self.held.push_back(diff.clone());
        if self.held.len() > HELD_MAX {
            self.held.pop_front();
        }
        Step::Held
    }

    /// A difference that ends exactly at the snapshot proves it without changing it.
    fn confirm(&mut self, diff: &DepthDiff) -> Step {
        if self.phase == Phase::Joined && diff.last == self.last {
            return self.prove();
        }
        Step::Stale
    }

    fn apply(&mut self, diff: &DepthDiff) -> Step {
        change(&mut self.bids, &diff.bids);
        change(&mut self.asks, &diff.asks);
        self.last = diff.last;
        if self.phase == Phase::Joined {
            return self.prove();
        }
        self.checked(Step::Live)
    }

    fn prove(&mut self) -> Step {
        self.phase = Phase::Proven;
        self.checked(Step::Proven)
    }

    fn checked(&mut self, step: Step) -> Step {
        match (self.bids.last_key_value(), self.asks.first_key_value()) {
            (Some((bid, _)), Some((ask, _))) if bid >= ask => {
                let update_id = self.last;
                self.reset();
                Step::Crossed { update_id }
            }
            _ => step,
        }
    }

    fn restart(&mut self, diff: &DepthDiff) {
        self.reset();
        self.held.push_back(diff.clone());
    }
}

fn levels(rows: Vec<Level>) -> BTreeMap<Price, Quantity> {
    let filled = rows.into_iter().filter(|(_, quantity)| !quantity.is_zero());
    filled.collect()
}

/// Quantities are absolute; zero removes a level. A level beyond the snapshot may be unknown.
fn change(side: &mut BTreeMap<Price, Quantity>, rows: &[Level]) {
    for (price, quantity) in rows {
        if quantity.is_zero() {
            side.remove(price);
        } else {
            side.insert(*price, *quantity);
        }
    }
}
