//! Recorded streams of the real venue as oracles (shared/data; skipped visibly without it).

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::Value;

use rust_common::{Bar, Instrument, Price, Quantity, Timeframe};

use super::market_parse::{Reader, snapshot};
use crate::services::streams::book::{Continuity, LocalBook, Step};
use crate::services::streams::events::{BestQuote, MarketEvent, Message, TradeTick};
use crate::services::streams::prints::{TradeStep, TradeTrack};

fn lines(name: &str) -> Option<impl Iterator<Item = String> + use<>> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let path = root.join(name);
    let Ok(file) = std::fs::File::open(&path) else {
        eprintln!("skipped: {name} of shared/data is not here");
        return None;
    };
    let text = BufReader::new(flate2::read::MultiGzDecoder::new(file));
    Some(text.lines().map(Result::unwrap))
}

fn instrument(symbol: &str, scales: (u8, u8)) -> Instrument {
    let text = serde_json::json!({
        "instrument_id": format!("{}-USDT.BINANCE", symbol.trim_end_matches("USDT")),
        "symbol": symbol, "base_currency": symbol.trim_end_matches("USDT"),
        "quote_currency": "USDT", "price_scale": scales.0, "quantity_scale": scales.1,
        "tick_size": Price::new(1, scales.0).unwrap().to_string(),
        "step_size": Quantity::new(1, scales.1).unwrap().to_string(),
        "min_quantity": Quantity::new(1, scales.1).unwrap().to_string(),
        "min_notional": "0",
    });
    serde_json::from_value(text).unwrap()
}

struct Replay {
    instruments: Vec<Arc<Instrument>>,
    continuity: Continuity,
}

impl Replay {
    fn read(&self, text: &str) -> Message {
        let reader = Reader {
            timeframe: Timeframe::M1,
            continuity: self.continuity,
            find: &|symbol: &str| {
                let mut all = self.instruments.iter();
                all.find(|i| i.symbol.as_str() == symbol).map(Arc::clone)
            },
        };
        reader.read(text).unwrap().0
    }
}

#[derive(Default)]
struct Seen {
    checks: u32,
    trades: Vec<TradeTick>,
}

/// Replays recordings through parser, book and trade track; best prices are compared wherever
/// the book stands exactly at the update of the newest bookTicker.
fn replay(files: &[&str], continuity: Continuity) -> Option<Seen> {
    let replay = Replay {
        instruments: vec![Arc::new(instrument("BTCUSDT", (2, 5)))],
        continuity,
    };
    let (mut book, mut track, mut seen) =
        (LocalBook::new(), TradeTrack::default(), Seen::default());
    let mut newest: Option<BestQuote> = None;
    for file in files {
        for line in lines(file)? {
            let (_, text) = line.split_once(' ').unwrap();
            if !text.starts_with(r#"{"stream""#) {
                let body: Value = serde_json::from_str(text).unwrap();
                let whole = snapshot(&body, &replay.instruments[0]).unwrap();
                let step = book.on_snapshot(whole);
                assert!(matches!(step, Step::Proven | Step::Applied), "{step:?}");
                continue;
            }
            match replay.read(text) {
                Message::Event(MarketEvent::Best(best)) => newest = Some(best),
                Message::Event(MarketEvent::Depth(diff)) => {
                    let step = book.on_diff(&diff);
                    assert!(
                        matches!(step, Step::Live | Step::Held | Step::Proven),
                        "{step:?}"
                    );
                    if let Some(best) = &newest
                        && Some(best.update_id) == book.update_id()
                    {
                        assert_eq!(
                            book.best(),
                            Some((best.bid, best.ask)),
                            "{}",
                            best.update_id
                        );
                        seen.checks += 1;
                    }
                }
                // Trade ids of USD-M have holes (liquidations are not told).
                Message::Event(MarketEvent::Trade(_)) if continuity == Continuity::Previous => {}
                Message::Event(MarketEvent::Trade(tick)) => match track.on_trade(tick) {
                    TradeStep::Deliver(tick) => seen.trades.push(tick),
                    other => panic!("the recording has no hole: {other:?}"),
                },
                other => panic!("{other:?}"),
            }
        }
    }
    Some(seen)
}

const SPOT: [&str; 2] = [
    "order_book/binance_spot_btcusdt_20240808.txt.gz",
    "order_book/binance_spot_btcusdt_20240809.txt.gz",
];

/// Open, high, low, close, volume of the trades within five minutes, as the candle file has them.
fn candle(trades: &[TradeTick], opened_at: i64) -> [String; 5] {
    let inside: Vec<&TradeTick> = trades
        .iter()
        .filter(|tick| (0..300_000).contains(&(tick.event_at.as_millis() - opened_at)))
        .collect();
    let prices = || inside.iter().map(|tick| tick.price);
    let quantities = inside.iter().map(|tick| tick.quantity.to_scale(8).unwrap());
    let volume: i64 = quantities.map(Quantity::mantissa).sum();
    [
        prices().next().unwrap().to_string(),
        prices().max().unwrap().to_string(),
        prices().min().unwrap().to_string(),
        prices().next_back().unwrap().to_string(),
        Quantity::new(volume, 8)
            .unwrap()
            .to_scale(5)
            .unwrap()
            .to_string(),
    ]
}

#[test]
fn the_spot_book_equals_every_recorded_best_price_and_trades_make_the_recorded_candles() {
    let Some(seen) = replay(&SPOT, Continuity::Adjacent) else {
        return;
    };
    assert_eq!(seen.checks, 1_059);
    // candles/binance_spot_5m/BTCUSDT.parquet, rows 2024-08-08 23:55 and 2024-08-09 00:00.
    let first = ["61828.00", "61860.80", "61583.22", "61685.99", "199.42863"];
    let second = ["61686.00", "61744.37", "61556.04", "61607.99", "221.61722"];
    assert_eq!(candle(&seen.trades, 1_723_161_300_000), first);
    assert_eq!(candle(&seen.trades, 1_723_161_600_000), second);
}

#[test]
fn the_usd_m_book_equals_every_recorded_best_price() {
    let file = "order_book/binance_usdm_btcusdt_20240808.txt.gz";
    let Some(seen) = replay(&[file], Continuity::Previous) else {
        return;
    };
    assert_eq!(seen.checks, 447);
}

fn decimal(text: &str) -> (String, String) {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    (whole.to_owned(), part.trim_end_matches('0').to_owned())
}

/// Every kline of the wild recordings reads as the bar its fields spell; closed ones are closed.
#[test]
fn recorded_klines_read_as_their_fields_spell() {
    let mut closed = 0;
    for (name, continuity) in [
        ("ws_recordings/BINANCE.ws.1.0.txt.gz", Continuity::Adjacent),
        (
            "ws_recordings/BINANCE_FUTURES.ws.1.0.txt.gz",
            Continuity::Previous,
        ),
    ] {
        let Some(recorded) = lines(name) else { return };
        let symbols = ["NKNUSDT", "SUSHIUSDT", "AKROUSDT", "KEEPUSDT", "CTKUSDT"];
        let replay = Replay {
            instruments: symbols.map(|s| Arc::new(instrument(s, (8, 8)))).to_vec(),
            continuity,
        };
        for line in recorded.filter(|line| line.contains(": {")) {
            let (_, text) = line.split_once(' ').unwrap();
            let Message::Event(MarketEvent::Bar(bar)) = replay.read(text) else {
                continue;
            };
            let body: Value = serde_json::from_str(text).unwrap();
            assert_bar(&bar, &body["data"]["k"]);
            closed += u32::from(bar.is_closed);
        }
    }
    assert_eq!(
        closed, 4,
        "the four bars that close in the futures recording"
    );
}

fn assert_bar(bar: &Bar, k: &Value) {
    let own = [
        bar.open.to_string(),
        bar.high.to_string(),
        bar.low.to_string(),
        bar.close.to_string(),
        bar.volume.to_string(),
    ];
    let told = ["o", "h", "l", "c", "v"].map(|name| decimal(k[name].as_str().unwrap()));
    assert_eq!(own.map(|text| decimal(&text)), told);
    assert_eq!(bar.is_closed, k["x"].as_bool().unwrap());
    assert_eq!(bar.opened_at.as_millis(), k["t"].as_i64().unwrap());
    assert_eq!(bar.closed_at.as_millis(), k["T"].as_i64().unwrap() + 1);
}

/// Books of the wild recordings: queries answered while the streams ran.
#[test]
fn recorded_snapshots_join_their_streams() {
    for (family, continuity, expected) in [
        ("BINANCE", Continuity::Adjacent, 1),
        ("BINANCE_FUTURES", Continuity::Previous, 3),
    ] {
        let http = lines(&format!("ws_recordings/{family}.http.0.0.txt.gz"));
        let Some(http) = http else { return };
        let mut proven = 0;
        for answer in http.filter(|line| line.contains("depth?symbol=")) {
            let symbol = answer.split("symbol=").nth(1).unwrap();
            let symbol = symbol.split('&').next().unwrap().to_owned();
            let replay = Replay {
                instruments: vec![Arc::new(instrument(&symbol, (8, 8)))],
                continuity,
            };
            let body: Value = serde_json::from_str(answer.split_once(": ").unwrap().1).unwrap();
            let whole = snapshot(&body, &replay.instruments[0]).unwrap();
            let mut book = LocalBook::new();
            let stream = lines(&format!("ws_recordings/{family}.ws.1.0.txt.gz")).unwrap();
            for line in stream.filter(|line| line.contains(": {")) {
                let text = line.split_once(' ').unwrap().1.to_owned();
                if let Message::Event(MarketEvent::Depth(diff)) = replay.read(&text) {
                    let step = book.on_diff(&diff);
                    if book.needs_snapshot() && diff.last >= whole.last {
                        book.on_snapshot(whole.clone());
                    }
                    assert!(
                        !matches!(step, Step::Gap { .. } | Step::Crossed { .. }),
                        "{step:?}"
                    );
                }
            }
            proven += i32::from(book.is_proven());
        }
        assert!(
            proven >= expected,
            "{family}: {proven} of the books were proven"
        );
    }
}
