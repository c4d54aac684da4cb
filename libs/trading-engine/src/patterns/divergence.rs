//! Divergence of price and RSI between two neighbouring swing pivots.
//!
//! +1 (bullish): a pivot low lies below the one before it while the RSI of its bar lies above the
//! RSI of the earlier pivot's bar by at least `least` points. -1 (bearish): the mirror image with
//! pivot highs. The pivots are at most `reach` bars apart. Known `swing` bars after the pivot.

use crate::indicators::base::state::{State, StateError};
use crate::indicators::base::study::{Bar64, Output, Param, Params, Scale, Study, StudyError};
use crate::indicators::base::window::Window;
use crate::indicators::rsi::RsiCore;

use super::swings::pivots::Pivots;

/// Prices and RSI are negated for highs, so that one rule serves both.
#[derive(Clone, Copy, Debug, Default)]
struct Pivot {
    price: f64,
    rsi: f64,
    at: u64,
}

#[derive(Clone, Debug)]
pub struct Divergence {
    reach: u64,
    least: f64,
    now: u64,
    rsi: RsiCore,
    history: Window,
    pivots: Pivots,
    low: Option<Pivot>,
    high: Option<Pivot>,
}

impl Divergence {
    fn diverges(&self, before: Option<Pivot>, now: Pivot) -> bool {
        before.is_some_and(|before| {
            now.at - before.at <= self.reach
                && now.price < before.price
                && now.rsi >= before.rsi + self.least
        })
    }
}

impl Study for Divergence {
    const NAME: &'static str = "divergence";
    const SUMMARY: &'static str = "RSI divergence at swing lows (+1) and swing highs (-1)";
    const PARAMS: &'static [Param] = &[
        Param::bars("rsi", 14.0, 2.0),
        Param::bars("swing", 5.0, 1.0),
        Param::bars("reach", 60.0, 2.0),
        Param::real("least", 1.0, 0.0, 100.0),
    ];
    const OUTPUTS: &'static [Output] = &[Output::new("divergence", Scale::State)];
    type Values = [f64; 1];

    fn new(params: &Params) -> Result<Self, StudyError> {
        let swing = params.bars("swing");
        Ok(Self {
            reach: params.bars("reach") as u64,
            least: params.real("least"),
            now: 0,
            rsi: RsiCore::new(params.bars("rsi")),
            history: Window::new(swing + 1),
            pivots: Pivots::new(swing),
            low: None,
            high: None,
        })
    }

    fn warmups(&self) -> Vec<usize> {
        vec![
            self.pivots
                .warmup()
                .max(self.rsi.warmup() + self.pivots.side()),
        ]
    }

    #[inline]
    fn update(&mut self, bar: &Bar64) -> [f64; 1] {
        self.now += 1;
        let confirmed = self.pivots.next(bar);
        if let Some(rsi) = self.rsi.next(bar.close) {
            self.history.push(rsi);
        }
        let Some(rsi) = self.history.oldest() else {
            return [f64::NAN];
        };
        if self.now < self.pivots.warmup() as u64 {
            return [f64::NAN];
        }
        let at = self.now - self.pivots.side() as u64;
        let mut value = 0.0;
        if let Some(price) = confirmed.low {
            let pivot = Pivot { price, rsi, at };
            value += f64::from(u8::from(self.diverges(self.low, pivot)));
            self.low = Some(pivot);
        }
        if let Some(price) = confirmed.high {
            let pivot = Pivot {
                price: -price,
                rsi: -rsi,
                at,
            };
            value -= f64::from(u8::from(self.diverges(self.high, pivot)));
            self.high = Some(pivot);
        }
        [value]
    }

    fn persist(&mut self, state: &mut State<'_>) -> Result<(), StateError> {
        state.u64(&mut self.now)?;
        self.rsi.persist(state)?;
        self.history.persist(state)?;
        self.pivots.persist(state)?;
        for slot in [&mut self.low, &mut self.high] {
            let mut is_known = slot.is_some();
            let mut pivot = slot.unwrap_or_default();
            state.flag(&mut is_known)?;
            state.f64(&mut pivot.price)?;
            state.f64(&mut pivot.rsi)?;
            state.u64(&mut pivot.at)?;
            *slot = is_known.then_some(pivot);
        }
        Ok(())
    }
}
