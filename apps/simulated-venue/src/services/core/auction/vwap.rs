//! The average price that the percentage and notional filters use (filters.md, `avgPriceMins`).

use std::collections::VecDeque;

use rust_common::Rounding;
use rust_common::fixed::divide;

/// No filter looks further back.
const MOST_MINUTES: i64 = 60;
const MINUTE_MS: i64 = 60_000;

#[derive(Debug, Clone, Copy)]
struct Second {
    at: i64,
    /// Sum of price x quantity, as mantissas.
    notional: i128,
    quantity: i128,
}

/// Volume-weighted prices by second.
#[derive(Debug, Clone, Default)]
pub(super) struct Vwap {
    seconds: VecDeque<Second>,
}

impl Vwap {
    pub(super) fn add(&mut self, price: i64, quantity: i64, at: i64) {
        let second = at - at.rem_euclid(1_000);
        let quantity = i128::from(quantity);
        let notional = i128::from(price) * quantity;
        match self.seconds.back_mut() {
            Some(last) if last.at >= second => {
                last.notional += notional;
                last.quantity += quantity;
            }
            _ => self.seconds.push_back(Second {
                at: second,
                notional,
                quantity,
            }),
        }
        let oldest = at - MOST_MINUTES * MINUTE_MS;
        while self.seconds.front().is_some_and(|first| first.at < oldest) {
            self.seconds.pop_front();
        }
    }

    /// Mean price of the last `minutes` at scale 8, half-even; `None` without trades in them.
    pub(super) fn mean(&self, minutes: u32, now: i64, price_scale: u8) -> Option<i128> {
        let from = now - i64::from(minutes) * MINUTE_MS;
        let recent = self.seconds.iter().rev();
        let (notional, quantity) = recent
            .take_while(|second| second.at > from)
            .fold((0_i128, 0_i128), |(notional, quantity), second| {
                (notional + second.notional, quantity + second.quantity)
            });
        let factor = 10_i128.pow(u32::from(8_u8.saturating_sub(price_scale)));
        divide(notional.checked_mul(factor)?, quantity, Rounding::HalfEven)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_is_weighted_and_forgets() {
        let mut vwap = Vwap::default();
        assert_eq!(vwap.mean(5, 0, 2), None);
        vwap.add(10_000, 1, 0);
        vwap.add(20_000, 3, 500);
        assert_eq!(vwap.mean(5, 1_000, 2), Some(17_500_000_000));
        vwap.add(30_000, 4, 200_000);
        assert_eq!(vwap.mean(5, 299_999, 2), Some(23_750_000_000));
        assert_eq!(vwap.mean(5, 300_001, 2), Some(30_000_000_000));
        assert_eq!(vwap.mean(1, 300_001, 2), None);
    }
}
