//! The generator's statistics against the recording that it was fitted to.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a test stops where it fails"
)]

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::json;
use simulated_venue::models::feed::{Feed, FeedEvent};
use simulated_venue::services::feed::FeedMarket;
use simulated_venue::services::feed::calibration::NATURAL_EVENTS_PER_SECOND;
use simulated_venue::services::feed::generator::GeneratorFeed;
use simulated_venue::services::feed::order_book::OrderBookFeed;

fn market(symbol: &str) -> FeedMarket {
    let instrument = serde_json::from_value(json!({
        "instrument_id": "BTC-USDT.SIM", "symbol": symbol, "base_currency": "BTC",
        "quote_currency": "USDT", "price_scale": 2, "quantity_scale": 8,
        "tick_size": "0.01", "step_size": "0.00001", "min_quantity": "0.00001",
        "min_notional": "5",
    }));
    FeedMarket {
        instrument: instrument.unwrap(),
        start_price: None,
    }
}

#[derive(Default)]
struct Seen {
    bids: BTreeMap<i64, i64>,
    asks: BTreeMap<i64, i64>,
    trades: Vec<(i64, i64, bool)>,
    depth_times: Vec<i64>,
    changes: Vec<f64>,
    spreads: Vec<f64>,
    mids: Vec<f64>,
    /// Quantity within the best 1, 5, 20, 50 levels of both sides, per depth message.
    profile: [Vec<f64>; 4],
}

impl Seen {
    fn play(feed: &mut dyn Feed, most_ms: i64) -> Self {
        let mut seen = Self::default();
        let mut first = None;
        while let Some(event) = feed.next() {
            let first = *first.get_or_insert(event.at());
            if event.at() - first > most_ms {
                break;
            }
            match event {
                FeedEvent::Snapshot { bids, asks, .. } => {
                    seen.bids = bids.iter().map(|l| (l.price, l.quantity)).collect();
                    seen.asks = asks.iter().map(|l| (l.price, l.quantity)).collect();
                }
                FeedEvent::Depth { bids, asks, at, .. } => {
                    seen.changes.push((bids.len() + asks.len()) as f64);
                    seen.depth_times.push(at);
                    for (side, levels) in [(&mut seen.bids, bids), (&mut seen.asks, asks)] {
                        for level in levels {
                            side.insert(level.price, level.quantity);
                        }
                        side.retain(|_, quantity| *quantity > 0);
                    }
                    seen.look();
                }
                FeedEvent::Print {
                    quantity,
                    taker,
                    at,
                    ..
                } => {
                    let is_buy = taker == simulated_venue::models::orders::Side::Buy;
                    seen.trades.push((at, quantity, is_buy));
                }
                FeedEvent::Best { .. } => {}
            }
        }
        seen
    }

    fn look(&mut self) {
        let (bid, _) = self.bids.last_key_value().unwrap();
        let (ask, _) = self.asks.first_key_value().unwrap();
        assert!(bid < ask, "the book is crossed");
        self.spreads.push((ask - bid) as f64);
        self.mids.push((ask + bid) as f64 / 2.0);
        for (index, levels) in [1, 5, 20, 50].into_iter().enumerate() {
            let bids = self.bids.values().rev().take(levels).sum::<i64>();
            let asks = self.asks.values().take(levels).sum::<i64>();
            self.profile[index].push((bids + asks) as f64 / 1e8);
        }
    }

    fn orders(&self) -> Vec<(i64, usize)> {
        let mut orders: Vec<(i64, bool, usize)> = Vec::new();
        for (at, _, is_buy) in &self.trades {
            match orders.last_mut() {
                Some((last, side, count)) if (*last, *side) == (*at, *is_buy) => *count += 1,
                _ => orders.push((*at, *is_buy, 1)),
            }
        }
        orders
            .into_iter()
            .map(|(at, _, count)| (at, count))
            .collect()
    }

    /// Name, value, and how far generator and recording may differ (relative).
    fn statistics(&self) -> Vec<(&'static str, f64, f64)> {
        let span = (self.depth_times.last().unwrap() - self.depth_times[0]) as f64 / 1_000.0;
        let orders = self.orders();
        let waits = orders.windows(2).map(|pair| (pair[1].0 - pair[0].0) as f64);
        let waits: Vec<f64> = waits.collect();
        let sizes: Vec<f64> = self.trades.iter().map(|t| t.1 as f64 / 1e8).collect();
        let counts: Vec<f64> = orders.iter().map(|order| order.1 as f64).collect();
        let steps = |lag: usize| -> Vec<f64> {
            self.mids.windows(lag + 1).map(|w| w[lag] - w[0]).collect()
        };
        let still = steps(1).iter().filter(|step| **step == 0.0).count() as f64;
        let tight = self
            .spreads
            .iter()
            .filter(|s| (**s - 1.0).abs() < 0.5)
            .count() as f64;
        vec![
            (
                "depth messages per second",
                self.depth_times.len() as f64 / span,
                0.02,
            ),
            ("trades per second", self.trades.len() as f64 / span, 0.15),
            ("taker orders per second", orders.len() as f64 / span, 0.15),
            ("trades per taker order", mean(&counts), 0.15),
            ("median wait between orders", quantile(&waits, 0.5), 0.3),
            ("p90 wait between orders", quantile(&waits, 0.9), 0.2),
            ("median trade size", quantile(&sizes, 0.5), 0.3),
            ("p90 trade size", quantile(&sizes, 0.9), 0.2),
            ("mean trade size", mean(&sizes), 0.2),
            ("level changes per message", mean(&self.changes), 0.25),
            (
                "spread of one tick",
                tight / self.spreads.len() as f64,
                0.02,
            ),
            ("mean spread", mean(&self.spreads), 0.5),
            ("mid unchanged", still / self.mids.len() as f64, 0.05),
            ("deviation of the mid in 100 ms", deviation(&steps(1)), 0.25),
            ("deviation of the mid in 1 s", deviation(&steps(10)), 0.3),
            ("quantity at the touch", mean(&self.profile[0]), 0.25),
            ("quantity in 5 levels", mean(&self.profile[1]), 0.25),
            ("quantity in 20 levels", mean(&self.profile[2]), 0.3),
            ("quantity in 50 levels", mean(&self.profile[3]), 0.35),
        ]
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn deviation(values: &[f64]) -> f64 {
    let middle = mean(values);
    let squares: Vec<f64> = values.iter().map(|v| (v - middle).powi(2)).collect();
    mean(&squares).sqrt()
}

fn quantile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an index into a short list"
    )]
    let index = (share * (sorted.len() - 1) as f64) as usize;
    sorted[index]
}

#[test]
fn the_generator_looks_like_the_recording() {
    let dir = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/order_book");
    let paths =
        ["20240808", "20240809"].map(|day| dir.join(format!("binance_spot_btcusdt_{day}.txt.gz")));
    if !paths.iter().all(|path| path.is_file()) {
        println!("skipped: {} is not there", dir.display());
        return;
    }
    let markets = [market("BTCUSDT")];
    let span = 650_000;
    let mut recording = OrderBookFeed::open(&paths, &markets).unwrap();
    let recorded = Seen::play(&mut recording, span).statistics();
    let rate = u32::try_from(NATURAL_EVENTS_PER_SECOND).unwrap();
    let mut generator = GeneratorFeed::new(7, rate, &markets);
    // Half the span is enough for the generator, whose statistics do not drift.
    let generated = Seen::play(&mut generator, span / 2).statistics();
    let mut far = Vec::new();
    for ((name, expected, tolerance), (_, found, _)) in recorded.iter().zip(&generated) {
        println!("{name}: recorded {expected:.5}, generated {found:.5}, allowed {tolerance}");
        if (found - expected).abs() > tolerance * expected.abs() {
            far.push(format!(
                "{name}: recorded {expected:.5}, generated {found:.5}"
            ));
        }
    }
    assert!(far.is_empty(), "{}", far.join("; "));
}

#[test]
fn a_seed_gives_one_market_and_another_seed_another() {
    let markets = [market("BTCUSDT"), market("ETHUSDT")];
    let take = |seed: u64| -> Vec<FeedEvent> {
        let mut feed = GeneratorFeed::new(seed, 41, &markets);
        std::iter::from_fn(|| feed.next()).take(2_000).collect()
    };
    let first = take(1);
    assert_eq!(first, take(1));
    assert_ne!(first, take(2));
    assert!(first.iter().any(|event| event.market() == 1));
    assert!(first.windows(2).all(|pair| pair[0].at() <= pair[1].at()));
    let whole = |event: &FeedEvent| match event {
        FeedEvent::Print {
            price, quantity, ..
        } => *price > 0 && *quantity > 0 && quantity % 1_000 == 0,
        FeedEvent::Depth { bids, asks, .. } | FeedEvent::Snapshot { bids, asks, .. } => bids
            .iter()
            .chain(asks)
            .all(|l| l.price > 0 && l.quantity >= 0 && l.quantity % 1_000 == 0),
        FeedEvent::Best { .. } => true,
    };
    assert!(first.iter().all(whole), "whole ticks and steps");
}

#[test]
fn the_rate_stretches_time() {
    let markets = [market("BTCUSDT")];
    let span = |rate: u32| {
        let mut feed = GeneratorFeed::new(3, rate, &markets);
        let events: Vec<FeedEvent> = std::iter::from_fn(|| feed.next()).take(4_000).collect();
        events.last().unwrap().at() - events[0].at()
    };
    let (slow, quick) = (span(41) as f64, span(410) as f64);
    assert!((8.0..12.0).contains(&(slow / quick)), "{slow} {quick}");
}
