//! Recorded streams against what is known of them: books at every recorded check, and candles.
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
use simulated_venue::models::feed::{Feed, FeedEvent, Level};
use simulated_venue::services::core::tape::interval::Interval;
use simulated_venue::services::core::tape::trades::Print;
use simulated_venue::services::core::tape::{Tape, TapeEvent};
use simulated_venue::services::feed::order_book::OrderBookFeed;
use simulated_venue::services::feed::{FeedMarket, seek};

fn recordings(names: &[&str]) -> Option<Vec<PathBuf>> {
    let dir = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/order_book");
    let paths: Vec<PathBuf> = names.iter().map(|name| dir.join(name)).collect();
    if paths.iter().all(|path| path.is_file()) {
        return Some(paths);
    }
    println!("skipped: {} is not there", dir.display());
    None
}

fn market(symbol: &str, price_scale: u8, quantity_scale: u8) -> FeedMarket {
    let tick = format!("0.{:0>1$}", 1, usize::from(price_scale));
    let step = format!("0.{:0>1$}", 1, usize::from(quantity_scale));
    let instrument = serde_json::from_value(json!({
        "instrument_id": "BTC-USDT.SIM", "symbol": symbol, "base_currency": "BTC",
        "quote_currency": "USDT", "price_scale": price_scale, "quantity_scale": quantity_scale,
        "tick_size": tick, "step_size": step, "min_quantity": step, "min_notional": "5",
    }));
    FeedMarket {
        instrument: instrument.unwrap(),
        start_price: None,
    }
}

const SPOT: [&str; 2] = [
    "binance_spot_btcusdt_20240808.txt.gz",
    "binance_spot_btcusdt_20240809.txt.gz",
];

#[derive(Default)]
struct Book {
    bids: BTreeMap<i64, i64>,
    asks: BTreeMap<i64, i64>,
}

impl Book {
    fn apply(&mut self, bids: &[Level], asks: &[Level]) {
        for (side, levels) in [(&mut self.bids, bids), (&mut self.asks, asks)] {
            for level in levels {
                if level.quantity == 0 {
                    side.remove(&level.price);
                } else {
                    side.insert(level.price, level.quantity);
                }
            }
        }
    }

    fn best(&self) -> (Level, Level) {
        let level = |entry: (&i64, &i64)| Level {
            price: *entry.0,
            quantity: *entry.1,
        };
        (
            level(self.bids.last_key_value().unwrap()),
            level(self.asks.first_key_value().unwrap()),
        )
    }
}

/// Replays a feed; counts the depth events that end where the latest best price stands.
fn checks(mut feed: OrderBookFeed) -> u32 {
    let mut book = Book::default();
    let mut latest: Option<(u64, Level, Level)> = None;
    let (mut equal, mut now) = (0, 0);
    while let Some(event) = feed.next() {
        assert!(event.at() >= now, "market time runs backwards at {event:?}");
        now = event.at();
        match event {
            FeedEvent::Snapshot { bids, asks, .. } => {
                book = Book::default();
                book.apply(&bids, &asks);
            }
            FeedEvent::Depth {
                bids,
                asks,
                final_update_id,
                ..
            } => {
                book.apply(&bids, &asks);
                if let Some((id, bid, ask)) = latest
                    && id == final_update_id
                {
                    assert_eq!(book.best(), (bid, ask), "at update {id}");
                    equal += 1;
                }
            }
            FeedEvent::Best {
                update_id,
                bid,
                ask,
                ..
            } => latest = Some((update_id, bid, ask)),
            FeedEvent::Print { .. } => {}
        }
    }
    equal
}

#[test]
fn the_book_equals_every_recorded_best_price() {
    let Some(paths) = recordings(&SPOT) else {
        return;
    };
    let feed = OrderBookFeed::open(&paths, &[market("BTCUSDT", 2, 8)]).unwrap();
    assert_eq!(checks(feed), 1_059);
    let Some(paths) = recordings(&["binance_usdm_btcusdt_20240808.txt.gz"]) else {
        return;
    };
    let feed = OrderBookFeed::open(&paths, &[market("BTCUSDT", 2, 3)]).unwrap();
    assert_eq!(checks(feed), 447);
}

fn play(feed: &mut OrderBookFeed, tape: &mut Tape) -> Vec<TapeEvent> {
    let mut due = Vec::new();
    while let Some(event) = feed.next() {
        tape.advance_to(event.at());
        if let FeedEvent::Print {
            price,
            quantity,
            taker,
            at,
            trade_id,
            ..
        } = event
        {
            tape.record(&Print {
                trade_id,
                price,
                quantity,
                taker,
                taker_order: None,
                at,
            });
        }
        due.extend(tape.drain());
    }
    due
}

#[test]
fn recorded_trades_make_the_recorded_candles() {
    let Some(paths) = recordings(&SPOT) else {
        return;
    };
    let mut feed = OrderBookFeed::open(&paths, &[market("BTCUSDT", 2, 8)]).unwrap();
    let mut tape = Tape::new(2, 8);
    let due = play(&mut feed, &mut tape);
    // candles/binance_spot_5m/BTCUSDT.parquet, the rows 2024-08-08 23:55 and 2024-08-09 00:00.
    let expected = [
        (
            1_723_161_300_000,
            6_182_800,
            6_186_080,
            6_158_322,
            6_168_599,
            19_942_863_000,
        ),
        (
            1_723_161_600_000,
            6_168_600,
            6_174_437,
            6_155_604,
            6_160_799,
            22_161_722_000,
        ),
    ];
    let range = (1_723_161_300_000, 1_723_161_600_000);
    let found: Vec<_> = tape
        .klines((Interval::Minute5, 0), range, (true, 10))
        .iter()
        .map(|k| (k.opened_at, k.open, k.high, k.low, k.close, k.volume))
        .collect();
    assert_eq!(found, expected);
    // What the stream tells of a closed bar is what REST serves.
    let told: Vec<_> = due
        .iter()
        .filter_map(|event| match event {
            TapeEvent::Closed {
                interval: Interval::Minute5,
                offset_ms: 0,
                kline,
            } => Some(*kline),
            _ => None,
        })
        .collect();
    assert_eq!(
        told[1],
        tape.klines((Interval::Minute5, 0), range, (true, 1))[0]
    );
    assert_eq!(told.len(), 3, "the fourth bar still runs");
    // Every interval adds up to the same whole.
    let all = (0, i64::MAX);
    let whole = |interval, offset| {
        let bars = tape.klines((interval, offset), all, (true, usize::MAX));
        let mut volume = (0, 0, 0);
        for bar in bars {
            volume.0 += bar.volume;
            volume.1 += bar.quote_volume;
            volume.2 += bar.trades;
        }
        volume
    };
    let trades = whole(Interval::Second1, 0);
    assert_eq!(trades.2, 9_757 + 10_147);
    for interval in Interval::ALL {
        for offset in [0, 8, -3] {
            assert_eq!(whole(interval, offset * 3_600_000), trades, "{interval:?}");
        }
    }
    let day = tape.day();
    assert_eq!(day.bar.unwrap().trades, trades.2);
}

#[test]
fn a_feed_can_be_entered_at_any_position() {
    let Some(paths) = recordings(&SPOT[..1]) else {
        return;
    };
    let markets = [market("BTCUSDT", 2, 8)];
    let mut whole = OrderBookFeed::open(&paths, &markets).unwrap();
    let mut entered = OrderBookFeed::open(&paths, &markets).unwrap();
    for position in [1_u64, 777, 11_567] {
        seek(&mut entered, position).unwrap();
    }
    seek(&mut whole, 12_345).unwrap();
    for _ in 0..100 {
        assert_eq!(whole.next_at(), entered.next_at());
        assert_eq!(whole.next(), entered.next());
    }
    assert_eq!(whole.identity(), entered.identity());
    assert!(seek(&mut whole, 1_000_000).is_err());
}

fn depth(first: u64, last: u64) -> String {
    format!(
        r#"1 {{"stream":"btcusdt@depth@100ms","data":{{"e":"depthUpdate","E":5,"s":"BTCUSDT","U":{first},"u":{last},"b":[["1.00","1"]],"a":[]}}}}"#
    )
}

fn snapshot(id: u64) -> String {
    format!(r#"1 {{"lastUpdateId":{id},"bids":[["1.00","1"]],"asks":[]}}"#)
}

#[test]
fn defects_are_named_when_the_recording_is_opened() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("broken.txt");
    let open = |lines: &[String], symbol: &str, scale: u8| {
        std::fs::write(&path, lines.join("\n")).unwrap();
        OrderBookFeed::open(std::slice::from_ref(&path), &[market(symbol, scale, 8)])
            .map(|_| ())
            .unwrap_err()
            .to_string()
    };
    let good = [depth(1, 4), snapshot(3), depth(5, 6)];
    for (lines, symbol, scale, expected) in [
        (
            vec![depth(1, 2), depth(3, 4)],
            "BTCUSDT",
            2,
            "no REST snapshot that fits",
        ),
        (
            vec![depth(1, 2), snapshot(2), depth(4, 5)],
            "BTCUSDT",
            2,
            "from U = 4 on",
        ),
        (
            vec![depth(9, 10), snapshot(2)],
            "BTCUSDT",
            2,
            "from U = 9 on",
        ),
        (
            good.to_vec(),
            "ETHUSDT",
            2,
            "records BTCUSDT; the instruments have the symbols ETHUSDT",
        ),
        (
            vec![depth(1, 2), snapshot(2).replace("1.00", "1.005")],
            "BTCUSDT",
            2,
            "line 2: price 1.005",
        ),
        (
            vec![depth(1, 2), "2 {".to_owned()],
            "BTCUSDT",
            2,
            "line 2: unexpected JSON",
        ),
        (
            vec![depth(1, 2), "{}".to_owned()],
            "BTCUSDT",
            2,
            "line 2: expected a receive time",
        ),
        (vec![], "BTCUSDT", 2, "holds no depth"),
    ] {
        let text = open(&lines, symbol, scale);
        assert!(
            text.contains("broken.txt") && text.contains(expected),
            "{text}"
        );
    }
}

#[test]
fn the_early_depth_message_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("good.txt");
    let good = [depth(1, 4), snapshot(3), depth(5, 6)];
    std::fs::write(&path, good.join("\n")).unwrap();
    let mut feed =
        OrderBookFeed::open(std::slice::from_ref(&path), &[market("BTCUSDT", 2, 8)]).unwrap();
    let ids: Vec<u64> = std::iter::from_fn(|| feed.next())
        .map(|event| match event {
            FeedEvent::Snapshot { last_update_id, .. } => last_update_id,
            FeedEvent::Depth {
                final_update_id, ..
            } => final_update_id,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(ids, [3, 4, 6], "the early depth message is kept");
}
