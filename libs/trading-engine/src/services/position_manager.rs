//! Decides at each bar close what to do with the protection of an open position: move the stop to
//! break-even, trail it, or close by time (contract K22).
//!
//! Prices are mantissas at the instrument's price scale and are compared as integers; only the
//! trailing distance comes from a float, the ATR in price units. The state changes when the venue
//! confirms ([`PositionManager::stop_moved`], [`PositionManager::close`]), not when an action is
//! asked for, so an action that failed is asked for again at the next close.

use rust_common::{DomainError, OrderSide, Ratio};
use serde::{Deserialize, Serialize};

use super::params;

/// When and how far protection moves. Multiples of R are multiples of the initial risk
/// |entry - stop|.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PositionParams {
    /// From this profit on the stop is at least the entry price; `None` never.
    #[serde(deserialize_with = "params::optional_ratio")]
    pub break_even_r: Option<Ratio>,
    /// Distance of the trailing stop from the close, in ATR.
    #[serde(deserialize_with = "params::number")]
    pub trail_atr: f64,
    /// From this profit on the stop trails; `None` never.
    #[serde(deserialize_with = "params::optional_ratio")]
    pub trail_start_r: Option<Ratio>,
    /// A stop moves only if it improves by at least this many ATR.
    #[serde(deserialize_with = "params::number")]
    pub min_move_atr: f64,
    /// Bars after which the position is closed; 0 never.
    pub max_bars: u32,
    /// Tick size as a mantissa.
    #[serde(default)]
    pub tick: i64,
    /// Decimals of a price mantissa.
    #[serde(default)]
    pub price_scale: Option<u8>,
}

impl PositionParams {
    fn check(&self) -> Result<u8, DomainError> {
        let Some(price_scale) = self.price_scale.filter(|scale| *scale <= 8) else {
            return Err(DomainError::out_of_range(
                "position price_scale",
                "absent",
                "0 to 8",
            ));
        };
        if self.tick <= 0 {
            return Err(DomainError::out_of_range(
                "position tick",
                self.tick,
                "above 0",
            ));
        }
        for (name, value) in [
            ("trail_atr", self.trail_atr),
            ("min_move_atr", self.min_move_atr),
        ] {
            if !(0.0..=1_000.0).contains(&value) {
                return Err(DomainError::out_of_range(name, value, "0 to 1000"));
            }
        }
        let multiples = [
            ("break_even_r", self.break_even_r),
            ("trail_start_r", self.trail_start_r),
        ];
        for (name, value) in multiples {
            if value.is_some_and(|value| value < Ratio::ZERO) {
                return Err(DomainError::out_of_range(
                    name,
                    "negative",
                    "0 or more, or null",
                ));
            }
        }
        Ok(price_scale)
    }
}

/// What should happen to the position at the next open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PositionAction {
    /// Replace the protection by one with this stop (mantissa) and the same target.
    MoveStop(i64),
    /// Close the position: it has been held for `max_bars`.
    TimeStop,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[expect(
    clippy::struct_field_names,
    reason = "bars_held is the glossary's word"
)]
struct Held {
    entry: i64,
    initial_stop: i64,
    stop: i64,
    target: i64,
    bars_held: u32,
}

impl Held {
    fn is_long(&self) -> bool {
        self.initial_stop < self.entry
    }

    /// `value` seen from the position: larger is better for both sides.
    fn sided(&self, value: i64) -> i128 {
        if self.is_long() {
            i128::from(value)
        } else {
            -i128::from(value)
        }
    }
}

/// The state machine of one position at a time, long or short.
#[derive(Debug, Clone)]
pub struct PositionManager {
    params: PositionParams,
    /// Mantissas per price unit.
    unit: f64,
    held: Option<Held>,
}

impl PositionManager {
    pub fn new(params: PositionParams) -> Result<Self, DomainError> {
        let price_scale = params.check()?;
        Ok(Self {
            params,
            unit: 10_f64.powi(i32::from(price_scale)),
            held: None,
        })
    }

    /// Takes over a filled position. The stop tells the side: below the entry it is long.
    pub fn open(&mut self, entry: i64, stop: i64, target: i64) -> Result<(), DomainError> {
        if self.held.is_some() {
            let message = "a position is open already; close it before opening another".to_owned();
            return Err(DomainError::Inconsistent { message });
        }
        let ordered = (stop < entry && entry < target) || (target < entry && entry < stop);
        if !ordered || stop.min(target) <= 0 {
            let message = format!(
                "stop {stop}, entry {entry}, target {target}: the entry must lie between stop \
                 and target, all above 0"
            );
            return Err(DomainError::Inconsistent { message });
        }
        self.held = Some(Held {
            entry,
            initial_stop: stop,
            stop,
            target,
            bars_held: 0,
        });
        Ok(())
    }

    /// Counts the bar and says what to do at the next open. `atr` is in price units; while it is
    /// not finite no stop moves.
    pub fn on_bar(&mut self, close: i64, atr: f64) -> Option<PositionAction> {
        let held = self.held.as_mut()?;
        held.bars_held = held.bars_held.saturating_add(1);
        if self.params.max_bars > 0 && held.bars_held >= self.params.max_bars {
            return Some(PositionAction::TimeStop);
        }
        let held = *held;
        let candidates = [
            self.break_even(&held, close),
            self.trailing(&held, close, atr),
        ];
        let best = candidates
            .into_iter()
            .flatten()
            .filter(|stop| held.sided(*stop) < held.sided(close))
            .max_by_key(|stop| held.sided(*stop))?;
        let improvement = held.sided(best) - held.sided(held.stop);
        let required = self.params.min_move_atr * atr * self.unit;
        let is_worth_it = improvement > 0 && (improvement as f64) >= required;
        is_worth_it.then_some(PositionAction::MoveStop(best))
    }

    fn has_profit(held: &Held, close: i64, multiple: Option<Ratio>) -> bool {
        let Some(multiple) = multiple else {
            return false;
        };
        let risk = (i128::from(held.entry) - i128::from(held.initial_stop)).abs();
        let profit = held.sided(close) - held.sided(held.entry);
        profit * i128::from(Ratio::ONE.mantissa()) >= risk * i128::from(multiple.mantissa())
    }

    /// The entry price, rounded to a tick in favour of the position.
    fn break_even(&self, held: &Held, close: i64) -> Option<i64> {
        if !Self::has_profit(held, close, self.params.break_even_r) {
            return None;
        }
        Some(round_to_tick(held.entry, self.params.tick, held.is_long()))
    }

    /// The close less the trailing distance, rounded to a tick away from the close.
    fn trailing(&self, held: &Held, close: i64, atr: f64) -> Option<i64> {
        if !atr.is_finite() || !Self::has_profit(held, close, self.params.trail_start_r) {
            return None;
        }
        let distance = self.params.trail_atr * atr * self.unit;
        let is_long = held.is_long();
        let raw = if is_long {
            close as f64 - distance
        } else {
            close as f64 + distance
        };
        let tick = self.params.tick as f64;
        let ticks = if is_long {
            (raw / tick).floor()
        } else {
            (raw / tick).ceil()
        };
        to_mantissa(ticks * tick)
    }

    /// The venue holds the new stop. It never loosens.
    pub fn stop_moved(&mut self, stop: i64) -> Result<(), DomainError> {
        let refuse = |message: String| Err(DomainError::Inconsistent { message });
        let Some(held) = self.held.as_mut() else {
            return refuse("no position is open; a stop cannot move".to_owned());
        };
        if held.sided(stop) < held.sided(held.stop) {
            return refuse(format!(
                "stop {stop} is looser than {}; a stop only tightens",
                held.stop
            ));
        }
        held.stop = stop;
        Ok(())
    }

    /// The position is flat.
    pub fn close(&mut self) {
        self.held = None;
    }

    pub fn is_open(&self) -> bool {
        self.held.is_some()
    }

    /// The side that opened the position.
    pub fn side(&self) -> Option<OrderSide> {
        let held = self.held.as_ref()?;
        Some(if held.is_long() {
            OrderSide::Buy
        } else {
            OrderSide::Sell
        })
    }

    pub fn stop(&self) -> Option<i64> {
        self.held.map(|held| held.stop)
    }

    pub fn target(&self) -> Option<i64> {
        self.held.map(|held| held.target)
    }

    /// Bar closes seen since the opening.
    pub fn bars_held(&self) -> u32 {
        self.held.map_or(0, |held| held.bars_held)
    }

    /// The state as JSON; parameters are not part of it.
    pub fn snapshot(&self) -> Result<Vec<u8>, DomainError> {
        serde_json::to_vec(&self.held).map_err(|e| snapshot_error(&e))
    }

    pub fn restore(&mut self, data: &[u8]) -> Result<(), DomainError> {
        self.held = serde_json::from_slice(data).map_err(|e| snapshot_error(&e))?;
        Ok(())
    }
}

fn snapshot_error(e: &serde_json::Error) -> DomainError {
    DomainError::Json {
        what: "a PositionManager snapshot",
        detail: e.to_string(),
    }
}

fn round_to_tick(price: i64, tick: i64, up: bool) -> i64 {
    let rest = price.rem_euclid(tick);
    match (rest, up) {
        (0, _) => price,
        (_, true) => price.saturating_add(tick - rest),
        (_, false) => price - rest,
    }
}

/// A float on the tick grid as a mantissa; `None` outside the range that floats count exactly.
fn to_mantissa(value: f64) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if !(1.0..=EXACT).contains(&value) {
        return None;
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the range was checked above"
    )]
    let mantissa = value as i64;
    Some(mantissa)
}

#[cfg(test)]
mod tests;
