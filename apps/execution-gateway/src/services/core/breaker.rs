//! The breaker (C8): when entries are refused although nobody has stopped trading.
//!
//! Conditions that hold (clock, stream, journal, position) keep it open while they last; counts
//! (ambiguous outcomes, refusals) open it for a while. Before it closes, one order test must pass.
//! Cancels and orders that reduce are never held back by it.

use std::collections::{BTreeMap, VecDeque};

use rust_common::{OrderSide, OrderType, Quantity, StopLevel};

use super::{CallContext, State, Turn};
use crate::models::input::Input;
use crate::models::venue::{Lane, Outcome, PlaceOrder, VenueCall};
use crate::services::journal::writer::Health;

/// This many ambiguous outcomes of orders in the window open the breaker.
const AMBIGUOUS_MAX: usize = 3;
const AMBIGUOUS_WINDOW_MS: i64 = 60_000;
const SILENCE_MAX_MS: i64 = 60_000;
const GAP_MAX_MS: i64 = 30_000;
const OFFSET_MAX_MS: i64 = 500;
const CLOCK_AGE_MAX_MS: i64 = 300_000;
/// More than half of the last twenty orders refused.
const VERDICTS: usize = 20;
const COOL_DOWN_MAX_MS: i64 = 300_000;

/// Why entries are refused: a word for machines and a sentence for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub kind: &'static str,
    pub detail: String,
}

fn refusal(kind: &'static str, detail: String) -> Refusal {
    Refusal { kind, detail }
}

/// Position of the breaker.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Position {
    #[default]
    Closed,
    Open {
        cause: Refusal,
        test_at: i64,
    },
    /// One order test is on its way.
    HalfOpen {
        cause: Refusal,
    },
}

/// One sample of the venue's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockSample {
    pub offset_ms: i64,
    pub sampled_at: i64,
}

/// What the breaker and the limiter's word rest on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Breaker {
    pub position: Position,
    pub clock: Option<ClockSample>,
    pub silent_since: Option<i64>,
    pub gap_since: Option<i64>,
    /// Times of ambiguous outcomes of calls that place, change or cancel.
    ambiguous: VecDeque<i64>,
    /// Whether the last placings were refused.
    verdicts: VecDeque<bool>,
    failed_tests: u32,
    throttled: BTreeMap<Lane, i64>,
    throttled_all: i64,
    pub banned_until: i64,
    pub file_kill: Option<StopLevel>,
    permissions: Option<(bool, bool)>,
}

impl Breaker {
    /// Earliest time at which a call of this lane may leave.
    pub fn free_at(&self, lane: Lane) -> i64 {
        let own = self.throttled.get(&lane).copied().unwrap_or(0);
        own.max(self.throttled_all).max(self.banned_until)
    }

    fn note_verdict(&mut self, is_refused: bool) {
        self.verdicts.push_back(is_refused);
        while self.verdicts.len() > VERDICTS {
            self.verdicts.pop_front();
        }
    }

    fn refused(&self) -> usize {
        self.verdicts.iter().filter(|refused| **refused).count()
    }

    fn forget_counts(&mut self) {
        self.ambiguous.clear();
        self.verdicts.clear();
    }

    /// Times at which the answer may change although nothing happens.
    pub(super) fn wakes(&self) -> impl Iterator<Item = i64> {
        let test_at = match &self.position {
            Position::Open { test_at, .. } => Some(*test_at),
            _ => None,
        };
        let silence = self.silent_since.map(|since| since + SILENCE_MAX_MS + 1);
        let gap = self.gap_since.map(|since| since + GAP_MAX_MS + 1);
        let stale = self
            .clock
            .map(|clock| clock.sampled_at + CLOCK_AGE_MAX_MS + 1);
        let lanes = self.throttled.values().copied();
        [test_at, silence, gap, stale]
            .into_iter()
            .flatten()
            .chain([self.throttled_all, self.banned_until])
            .chain(lanes.collect::<Vec<_>>())
    }
}

impl State {
    pub(super) fn note_clock(&mut self, offset_ms: i64, sampled_at: i64) {
        self.live.clock_offset_ms = offset_ms;
        let sample = ClockSample {
            offset_ms,
            sampled_at,
        };
        self.live.breaker.clock = Some(sample);
    }

    /// Facts of the shell that only change what is allowed.
    pub(super) fn note_fact(&mut self, input: &Input) {
        let breaker = &mut self.live.breaker;
        match *input {
            Input::Throttled {
                lane: Some(lane),
                until,
            } => {
                let known = breaker.throttled.entry(lane).or_insert(until);
                *known = until.max(*known);
            }
            Input::Throttled { lane: None, until } => {
                breaker.throttled_all = breaker.throttled_all.max(until);
            }
            Input::Banned { until } => breaker.banned_until = breaker.banned_until.max(until),
            Input::ClockSync {
                offset_ms,
                sampled_at,
            } => self.note_clock(offset_ms, sampled_at),
            Input::StreamSilent { since } => breaker.silent_since = Some(since),
            Input::KeyPermissions {
                can_trade,
                can_withdraw,
            } => breaker.permissions = Some((can_trade, can_withdraw)),
            _ => {}
        }
    }

    /// A condition that keeps the breaker open as long as it holds.
    fn condition(&self, now: i64) -> Option<Refusal> {
        let live = &self.live;
        let breaker = &live.breaker;
        if live.journal == Health::Failed {
            let detail = "the order journal cannot write".to_owned();
            return Some(refusal("journal_failed", detail));
        }
        if let Some(since) = breaker.silent_since
            && now - since > SILENCE_MAX_MS
        {
            let detail = format!("the user stream has been silent for {} ms", now - since);
            return Some(refusal("stream_silent", detail));
        }
        if let Some(since) = breaker.gap_since
            && now - since > GAP_MAX_MS
        {
            let detail = format!("a gap of the user stream is open for {} ms", now - since);
            return Some(refusal("stream_gap", detail));
        }
        if let Some(clock) = breaker.clock {
            let (offset, age) = (clock.offset_ms, now - clock.sampled_at);
            if offset.abs() > OFFSET_MAX_MS {
                let detail = format!("the clocks differ by {offset} ms; allowed {OFFSET_MAX_MS}");
                return Some(refusal("clock_offset", detail));
            }
            if age > CLOCK_AGE_MAX_MS {
                let detail = format!("the venue's clock was last sampled {age} ms ago");
                return Some(refusal("clock_stale", detail));
            }
        }
        let (id, _) = live.mismatches.iter().find(|(_, m)| m.is_confirmed)?;
        let detail = format!("the position of {id} differs from the venue");
        Some(refusal("position_mismatch", detail))
    }

    /// A count that opens the breaker for a while.
    fn trip(&self) -> Option<Refusal> {
        let breaker = &self.live.breaker;
        let count = breaker.ambiguous.len();
        if count >= AMBIGUOUS_MAX {
            let detail = format!("{count} ambiguous outcomes within 60 s");
            return Some(refusal("ambiguous_outcomes", detail));
        }
        let refused = breaker.refused();
        if breaker.verdicts.len() == VERDICTS && refused * 2 > VERDICTS {
            let detail = format!("{refused} of the last {VERDICTS} orders were refused");
            return Some(refusal("reject_rate", detail));
        }
        None
    }

    /// Why no entry is taken now; stops, readiness and hard limits are told elsewhere.
    pub fn refusal(&self) -> Option<Refusal> {
        let breaker = &self.live.breaker;
        if let Some(damage) = self.damage() {
            return Some(refusal("journal_damaged", damage.clone()));
        }
        if breaker.clock.is_none() {
            let detail = "the venue's clock has not been sampled yet".to_owned();
            return Some(refusal("clock_unsynced", detail));
        }
        if let Some((can_trade, can_withdraw)) = breaker.permissions {
            if !can_trade {
                let detail = "the exchange key may not trade".to_owned();
                return Some(refusal("key_permissions", detail));
            }
            if can_withdraw && !self.config.rules.allow_withdraw_key {
                let detail = "the exchange key may withdraw; use a key without that right";
                return Some(refusal("key_permissions", detail.to_owned()));
            }
        }
        match &breaker.position {
            Position::Closed => None,
            Position::Open { cause, .. } | Position::HalfOpen { cause } => {
                let detail = format!("{}: {}", cause.kind, cause.detail);
                Some(refusal("breaker_open", detail))
            }
        }
    }

    /// How long an opened breaker waits before its order test.
    fn cool_down(&self) -> i64 {
        let base = if self.config.is_fast { 1_000 } else { 30_000 };
        let doublings = self.live.breaker.failed_tests.min(8);
        (base << doublings).min(COOL_DOWN_MAX_MS)
    }

    pub(super) fn can_call(&self, lane: Lane, now: i64) -> bool {
        now >= self.live.breaker.free_at(lane)
    }

    /// The smallest market order that the filters allow, for the order test.
    fn test_order(&self) -> Option<PlaceOrder> {
        let live = &self.live;
        let (id, instrument) = live
            .instruments
            .iter()
            .find(|(id, _)| live.prices.contains_key(*id))?;
        let (price, _) = live.prices.get(id)?;
        let step = i128::from(instrument.step_size.mantissa()).max(1);
        let one = price.notional(instrument.step_size).ok()?;
        // One step more than the smallest notional needs, at least the smallest quantity.
        let steps = instrument.min_notional.mantissa() / one.mantissa().max(1) + 2;
        let mantissa = i64::try_from(steps * step).ok()?;
        let quantity = Quantity::new(mantissa, instrument.step_size.scale()).ok()?;
        let quantity = quantity.max(instrument.min_quantity);
        let client_order_id = rust_common::ClientOrderId::new("ats1t-order-test").ok()?;
        Some(PlaceOrder {
            client_order_id,
            instrument_id: id.clone(),
            order_type: OrderType::Market,
            order_side: OrderSide::Buy,
            quantity: quantity.to_scale(instrument.quantity_scale).ok()?,
            price: None,
            trigger_price: None,
            time_in_force: None,
            reduce_only: false,
            position_side: None,
            deadline: None,
        })
    }
}

impl Turn<'_> {
    /// Counts an outcome of a call that places, changes or cancels.
    pub(super) fn count_outcome(&mut self, outcome: &Outcome, is_placing: bool) {
        let now = self.now;
        let breaker = &mut self.state.live.breaker;
        match outcome {
            Outcome::Ambiguous { .. } => breaker.ambiguous.push_back(now),
            Outcome::Done(_) if is_placing => breaker.note_verdict(false),
            Outcome::Refused { .. } if is_placing => breaker.note_verdict(true),
            _ => {}
        }
    }

    pub(super) fn plan_breaker(&mut self) {
        let now = self.now;
        let window = &mut self.state.live.breaker.ambiguous;
        while window
            .front()
            .is_some_and(|at| now - at >= AMBIGUOUS_WINDOW_MS)
        {
            window.pop_front();
        }
        let condition = self.state.condition(now);
        match (self.state.live.breaker.position.clone(), condition) {
            (Position::Closed, Some(cause)) => self.open_breaker(cause, now),
            (Position::Closed, None) => {
                if let Some(cause) = self.state.trip() {
                    let test_at = now + self.state.cool_down();
                    self.open_breaker(cause, test_at);
                }
            }
            (Position::Open { test_at, .. }, Some(cause)) => {
                self.state.live.breaker.position = Position::Open { cause, test_at };
            }
            (Position::HalfOpen { .. }, Some(cause)) => {
                self.state.live.breaker.position = Position::Open {
                    cause,
                    test_at: now,
                };
            }
            (Position::Open { cause, test_at }, None) if now >= test_at => self.try_close(cause),
            _ => {}
        }
    }

    fn open_breaker(&mut self, cause: Refusal, test_at: i64) {
        self.alarm("breaker_open", format!("{}: {}", cause.kind, cause.detail));
        self.state.live.breaker.position = Position::Open { cause, test_at };
    }

    fn try_close(&mut self, cause: Refusal) {
        if !self.state.is_connected() || !self.state.can_call(Lane::Probe, self.now) {
            return;
        }
        let Some(order) = self.state.test_order() else {
            return;
        };
        self.state.live.breaker.position = Position::HalfOpen { cause };
        self.call(CallContext::Test, VenueCall::Test(order));
    }

    pub(super) fn test_answered(&mut self, outcome: &Outcome) {
        let Position::HalfOpen { cause } = self.state.live.breaker.position.clone() else {
            return;
        };
        let breaker = &mut self.state.live.breaker;
        if matches!(outcome, Outcome::Done(_)) {
            breaker.failed_tests = 0;
            breaker.forget_counts();
            breaker.position = Position::Closed;
            return;
        }
        breaker.failed_tests += 1;
        let test_at = self.now + self.state.cool_down();
        self.state.live.breaker.position = Position::Open { cause, test_at };
    }
}
