//! Watches equity and latches SAFE_MODE at a daily or monthly loss.
//!
//! A day (UTC) is measured from the equity at the last update before it, so a loss in the bar that
//! closes at midnight counts for the new day and escapes neither. Limits are compared as
//! integers: at 8.00 % exactly the guard trips.

use rust_common::{DomainError, Ratio, UnixMillis};
use serde::{Deserialize, Serialize};

use super::params;

const MS_PER_HOUR: i64 = 3_600_000;

/// Limits in percent and the least time SAFE_MODE lasts after a daily trip.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DrawdownParams {
    #[serde(deserialize_with = "params::ratio")]
    pub daily_pct: Ratio,
    #[serde(deserialize_with = "params::ratio")]
    pub monthly_pct: Ratio,
    pub cooldown_hours: u32,
}

impl DrawdownParams {
    fn check(&self) -> Result<(), DomainError> {
        let hundred = Ratio::from_mantissa(Ratio::ONE.mantissa() * 100);
        for (name, pct) in [
            ("daily_pct", self.daily_pct),
            ("monthly_pct", self.monthly_pct),
        ] {
            if pct <= Ratio::ZERO || pct > hundred {
                return Err(DomainError::out_of_range(name, pct, "above 0, up to 100"));
            }
        }
        if self.cooldown_hours > 8_784 {
            return Err(DomainError::out_of_range(
                "cooldown_hours",
                self.cooldown_hours,
                "0 to 8784",
            ));
        }
        Ok(())
    }
}

/// Which loss tripped the guard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SafeModeReason {
    DailyDrawdown,
    MonthlyDrawdown,
}

impl SafeModeReason {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DailyDrawdown => "daily_drawdown",
            Self::MonthlyDrawdown => "monthly_drawdown",
        }
    }
}

/// One period's baseline and latch. All integers, so that a snapshot restores exactly.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Period {
    started_at: i64,
    ends_at: i64,
    baseline: i128,
    loss: i128,
    /// SAFE_MODE lasts until then.
    until: Option<i64>,
    /// The period that tripped last: one trip per period.
    tripped_in: Option<i64>,
}

impl Period {
    fn begin(&mut self, from: UnixMillis, to: UnixMillis, baseline: i128) {
        self.started_at = from.as_millis();
        self.ends_at = to.as_millis();
        self.baseline = baseline;
    }

    fn measure(&mut self, now: i64, equity: i128, limit: Ratio, release_at: i64) {
        if self.until.is_some_and(|until| now >= until) {
            self.until = None;
        }
        self.loss = self.baseline.saturating_sub(equity).max(0);
        if self.tripped_in == Some(self.started_at) || !reaches(self.loss, self.baseline, limit) {
            return;
        }
        self.tripped_in = Some(self.started_at);
        self.until = self.until.max(Some(release_at));
    }
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct State {
    daily: Period,
    monthly: Period,
    /// `None` before the first update.
    last_equity: Option<i128>,
    peak_equity: i128,
    /// The largest fall relative to its peak: (fall, peak).
    worst: (i128, i128),
}

/// Daily and monthly loss limits over one equity curve.
#[derive(Debug, Clone)]
pub struct DrawdownGuard {
    params: DrawdownParams,
    state: State,
}

/// `loss / baseline >= limit %` in integers; of a baseline of nothing any loss is all.
fn reaches(loss: i128, baseline: i128, limit: Ratio) -> bool {
    if baseline <= 0 {
        return loss > 0;
    }
    let hundred = i128::from(Ratio::ONE.mantissa()) * 100;
    loss.saturating_mul(hundred) >= baseline.saturating_mul(i128::from(limit.mantissa()))
}

fn percent(loss: i128, baseline: i128) -> f64 {
    match (loss, baseline) {
        (0, _) => 0.0,
        (_, ..=0) => 100.0,
        _ => loss as f64 / baseline as f64 * 100.0,
    }
}

impl DrawdownGuard {
    pub fn new(params: DrawdownParams) -> Result<Self, DomainError> {
        params.check()?;
        Ok(Self {
            params,
            state: State::default(),
        })
    }

    /// Takes the equity (count of 1e-8) at a bar close; times must not go back.
    pub fn update(&mut self, closed_at: UnixMillis, equity: i128) {
        let state = &mut self.state;
        let now = closed_at.as_millis();
        let before = state.last_equity.unwrap_or(equity);
        if now >= state.daily.ends_at || state.last_equity.is_none() {
            state
                .daily
                .begin(closed_at.day_start(), closed_at.next_day_start(), before);
        }
        if now >= state.monthly.ends_at || state.last_equity.is_none() {
            state.monthly.begin(
                closed_at.month_start(),
                closed_at.next_month_start(),
                before,
            );
        }
        let cooled = now.saturating_add(i64::from(self.params.cooldown_hours) * MS_PER_HOUR);
        let daily_release = state.daily.ends_at.max(cooled);
        state
            .daily
            .measure(now, equity, self.params.daily_pct, daily_release);
        let monthly_release = state.monthly.ends_at;
        state
            .monthly
            .measure(now, equity, self.params.monthly_pct, monthly_release);
        state.peak_equity = if state.last_equity.is_none() {
            equity
        } else {
            state.peak_equity.max(equity)
        };
        let fall = state.peak_equity.saturating_sub(equity);
        let (worst_fall, worst_peak) = state.worst;
        if fall.saturating_mul(worst_peak.max(1)) > worst_fall.saturating_mul(state.peak_equity) {
            state.worst = (fall, state.peak_equity);
        }
        state.last_equity = Some(equity);
    }

    pub fn safe_mode(&self) -> bool {
        self.safe_mode_until().is_some()
    }

    /// The later release of the two, with its reason.
    pub fn latch(&self) -> Option<(SafeModeReason, i64)> {
        let daily = self
            .state
            .daily
            .until
            .map(|until| (SafeModeReason::DailyDrawdown, until));
        let monthly = self
            .state
            .monthly
            .until
            .map(|until| (SafeModeReason::MonthlyDrawdown, until));
        daily
            .into_iter()
            .chain(monthly)
            .max_by_key(|(_, until)| *until)
    }

    /// Market time in milliseconds at which SAFE_MODE ends.
    pub fn safe_mode_until(&self) -> Option<i64> {
        self.latch().map(|(_, until)| until)
    }

    pub fn daily_drawdown_pct(&self) -> f64 {
        percent(self.state.daily.loss, self.state.daily.baseline)
    }

    pub fn monthly_drawdown_pct(&self) -> f64 {
        percent(self.state.monthly.loss, self.state.monthly.baseline)
    }

    /// The largest equity seen, in 1e-8; 0 before the first update.
    pub fn peak_equity(&self) -> i128 {
        self.state.peak_equity
    }

    pub fn max_drawdown_pct(&self) -> f64 {
        percent(self.state.worst.0, self.state.worst.1)
    }

    /// The state as JSON; parameters are not part of it.
    pub fn snapshot(&self) -> Result<Vec<u8>, DomainError> {
        serde_json::to_vec(&self.state).map_err(|e| snapshot_error(&e))
    }

    pub fn restore(&mut self, data: &[u8]) -> Result<(), DomainError> {
        self.state = serde_json::from_slice(data).map_err(|e| snapshot_error(&e))?;
        Ok(())
    }
}

fn snapshot_error(e: &serde_json::Error) -> DomainError {
    DomainError::Json {
        what: "a DrawdownGuard snapshot",
        detail: e.to_string(),
    }
}

#[cfg(test)]
mod tests;
