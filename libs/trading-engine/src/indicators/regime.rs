//! Market regime, from closed bars alone.
//!
//! `regime_trend`: +1 (bull) when the EMA(`ema`) rose by at least `slope` x ATR(`period`) over the
//! last `slope_bars` bars, the close is above that EMA, and ADX(`period`) >= `adx`; -1 (bear) is the
//! mirror image; 0 (sideways) otherwise.
//!
//! `regime_volatility`: rank of ATR/close among its own last `window` values: 0 (calm) when fewer
//! than a third of them are below the present one, 2 (wild) from two thirds on, 1 between.

use super::adx::AdxCore;
use super::atr::AtrCore;
use super::base::state::{State, StateError};
use super::base::study::{Bar64, Output, Param, Params, Scale, Study, StudyError};
use super::base::window::Window;
use super::ema::EmaCore;

#[derive(Clone, Debug)]
pub struct Regime {
    ema_bars: usize,
    slope: f64,
    least_adx: f64,
    ema: EmaCore,
    averages: Window,
    adx: AdxCore,
    atr: AtrCore,
    ranges: Window,
}

impl Regime {
    fn trend(&self, close: f64, ema: f64, adx: f64, atr: f64) -> f64 {
        let Some(before) = self.averages.oldest() else {
            return f64::NAN;
        };
        if adx.is_nan() || atr.is_nan() {
            return f64::NAN;
        }
        let rise = ema - before;
        let least = self.slope * atr;
        if adx < self.least_adx || rise.abs() < least || rise == 0.0 {
            return 0.0;
        }
        match (rise > 0.0, close > ema, close < ema) {
            (true, true, _) => 1.0,
            (false, _, true) => -1.0,
            _ => 0.0,
        }
    }

    fn volatility(&mut self, share: f64) -> f64 {
        // Counted before the push, less what leaves: a cell just written is slow to read back.
        let below = |past: &f64| usize::from(*past < share);
        let count = self.ranges.cells().iter().map(below).sum::<usize>();
        let leaving = self.ranges.push(share).as_ref().map_or(0, below);
        if !self.ranges.is_full() {
            return f64::NAN;
        }
        let (thirds, length) = (3 * (count - leaving), self.ranges.len());
        f64::from(u8::from(thirds >= length) + u8::from(thirds >= 2 * length))
    }
}

impl Study for Regime {
    const NAME: &'static str = "regime";
    const SUMMARY: &'static str = "Trend (-1 bear, 0 sideways, 1 bull) and volatility (0, 1, 2)";
    const PARAMS: &'static [Param] = &[
        Param::bars("ema", 50.0, 2.0),
        Param::bars("slope_bars", 10.0, 1.0),
        Param::real("slope", 0.5, 0.0, 100.0),
        Param::bars("period", 14.0, 2.0),
        Param::real("adx", 20.0, 0.0, 100.0),
        Param::bars("window", 96.0, 3.0),
    ];
    const OUTPUTS: &'static [Output] = &[
        Output::new("regime_trend", Scale::State),
        Output::new("regime_volatility", Scale::State),
    ];
    type Values = [f64; 2];

    fn new(params: &Params) -> Result<Self, StudyError> {
        let (ema_bars, period) = (params.bars("ema"), params.bars("period"));
        Ok(Self {
            ema_bars,
            slope: params.real("slope"),
            least_adx: params.real("adx"),
            ema: EmaCore::new(ema_bars),
            averages: Window::new(params.bars("slope_bars") + 1),
            adx: AdxCore::new(period),
            atr: AtrCore::new(period),
            ranges: Window::new(params.bars("window")),
        })
    }

    fn warmups(&self) -> Vec<usize> {
        let slope = self.ema_bars + self.averages.len() - 1;
        let atr = self.atr.warmup();
        vec![slope.max(2 * (atr - 1)), atr + self.ranges.len() - 1]
    }

    #[inline]
    fn update(&mut self, bar: &Bar64) -> [f64; 2] {
        let [adx, _, _] = self.adx.next(bar);
        let atr = self.atr.next(bar);
        let mut trend = f64::NAN;
        if let Some(ema) = self.ema.next(bar.close) {
            self.averages.push(ema);
            trend = self.trend(bar.close, ema, adx, atr.unwrap_or(f64::NAN));
        }
        let volatility = atr.map_or(f64::NAN, |atr| self.volatility(atr / bar.close));
        [trend, volatility]
    }

    fn persist(&mut self, state: &mut State<'_>) -> Result<(), StateError> {
        self.ema.persist(state)?;
        self.averages.persist(state)?;
        self.adx.persist(state)?;
        self.atr.persist(state)?;
        self.ranges.persist(state)
    }
}
