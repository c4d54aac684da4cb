//! The fan-out: one message, many subscribers, one of them slow.
#![allow(clippy::unwrap_used, reason = "a broken fixture must stop the test")]

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use serde_json::Value;

use execution_gateway::services::streams::events::{
    BestQuote, BookSnapshot, Channel, DepthDiff, TradeTick,
};
use execution_gateway::services::streams::hub::MarketHub;
use execution_gateway::services::streams::subscription::{CutOff, Selection, Subscription};
use rust_common::{Bar, BarFlags, InstrumentId, OrderSide, Price, Quantity, Timeframe, UnixMillis};

fn id(name: &str) -> InstrumentId {
    InstrumentId::new(name).unwrap()
}

fn at(ms: i64) -> UnixMillis {
    UnixMillis::new(ms).unwrap()
}

fn price(mantissa: i64) -> Price {
    Price::new(mantissa, 2).unwrap()
}

fn quantity(mantissa: i64) -> Quantity {
    Quantity::new(mantissa, 5).unwrap()
}

fn tick(trade_id: u64) -> TradeTick {
    TradeTick {
        instrument_id: id("BTC-USD.SIM"),
        trade_id,
        price: price(10_000),
        quantity: quantity(1),
        taker_side: OrderSide::Sell,
        event_at: at(1_000),
    }
}

fn best(update_id: u64) -> BestQuote {
    BestQuote {
        instrument_id: id("BTC-USD.SIM"),
        update_id,
        bid: (price(9_999), quantity(1)),
        ask: (price(10_001), quantity(2)),
    }
}

fn bar(number: i64, is_closed: bool) -> Bar {
    Bar {
        instrument_id: id("BTC-USD.SIM"),
        timeframe: Timeframe::M1,
        opened_at: at(60_000 * number),
        closed_at: at(60_000 * (number + 1)),
        open: price(1),
        high: price(1),
        low: price(1),
        close: price(1),
        volume: "1".parse().unwrap(),
        flags: BarFlags::default(),
        missing: 0,
        is_closed,
    }
}

fn selection(channels: &[Channel]) -> Selection {
    Selection {
        channels: channels.iter().copied().collect(),
        instruments: None,
    }
}

/// Everything that is there now, parsed.
async fn read(subscription: &mut Subscription) -> Result<Vec<Value>, CutOff> {
    let next = tokio::time::timeout(Duration::from_secs(10), subscription.next());
    let texts = next.await.unwrap()?;
    Ok(texts
        .iter()
        .map(|text| serde_json::from_str(text).unwrap())
        .collect())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_subscriber_is_cut_off_and_the_others_lose_nothing() {
    const COUNT: u64 = 20_000;
    let hub = Arc::new(MarketHub::with_capacity(1_000));
    let mut slow = hub.subscribe(selection(&[Channel::Trades]), false);
    let (progress, mut slowest) = tokio::sync::mpsc::unbounded_channel();
    let readers: Vec<_> = (0..20)
        .map(|_| {
            let mut reader = hub.subscribe(selection(&[Channel::Trades]), false);
            let progress = progress.clone();
            tokio::spawn(async move {
                let mut next = 1;
                while next <= COUNT {
                    for message in read(&mut reader).await.unwrap() {
                        if message["type"] == "trade" {
                            assert_eq!(message["trade_id"], next.to_string());
                            next += 1;
                        }
                    }
                    progress.send(next).unwrap();
                }
            })
        })
        .collect();
    for number in 1..=COUNT {
        hub.trade(&tick(number), at(2_000));
        if number % 500 == 0 {
            // The source is as fast as its fast readers: all of them must have got this far.
            let mut behind = 20;
            while behind > 0 {
                if slowest.recv().await.unwrap() > number {
                    behind -= 1;
                }
            }
        }
    }
    for reader in readers {
        reader.await.unwrap();
    }
    assert_eq!(read(&mut slow).await.unwrap()[0]["type"], "link");
    assert_eq!(
        read(&mut slow).await,
        Err(CutOff),
        "never skipped in silence"
    );
    slow.cut_off().await;
}

#[tokio::test]
async fn of_best_prices_and_forming_bars_only_the_latest_waits() {
    let hub = Arc::new(MarketHub::with_capacity(4));
    let mut reader = hub.subscribe(selection(&[Channel::Bars, Channel::Best]), false);
    assert_eq!(read(&mut reader).await.unwrap().len(), 1);
    for number in 1..=100 {
        hub.best(&best(number), at(5));
        hub.bar(&bar(1, false));
    }
    let messages = read(&mut reader).await.unwrap();
    let kinds: Vec<&str> = messages
        .iter()
        .map(|m| m["type"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["bar", "best"]);
    assert_eq!(messages[1]["update_id"], 100);
    assert_eq!(messages[1]["ask_quantity"], "0.00002");
    // The closed bar makes the waiting forming one obsolete.
    hub.bar(&bar(1, false));
    hub.bar(&bar(1, true));
    let messages = read(&mut reader).await.unwrap();
    assert_eq!(messages.len(), 1, "{messages:?}");
    assert_eq!(messages[0]["bar"]["is_closed"], true);
    let mut late = hub.subscribe(Selection::default(), false);
    let first = read(&mut late).await.unwrap();
    assert_eq!(first[1]["bar"]["opened_at"], "1970-01-01T00:01:00.000Z");
}

#[tokio::test]
async fn demand_follows_the_subscribers() {
    let hub = Arc::new(MarketHub::new());
    let mut demand = hub.demand();
    let (btc, eth) = (id("BTC-USD.SIM"), id("ETH-USD.SIM"));
    assert!(
        demand.borrow_and_update().wants(Channel::Bars, &btc),
        "always"
    );
    let one = Selection {
        channels: BTreeSet::from([Channel::Book]),
        instruments: Some(BTreeSet::from([btc.clone()])),
    };
    let first = hub.subscribe(one.clone(), false);
    assert!(demand.has_changed().unwrap());
    assert!(demand.borrow_and_update().wants(Channel::Book, &btc));
    assert!(!demand.borrow().wants(Channel::Book, &eth));
    let second = hub.subscribe(one, false);
    assert!(
        !demand.has_changed().unwrap(),
        "a second subscriber asks for nothing new"
    );
    let all = hub.subscribe(selection(&[Channel::Book]), false);
    assert!(demand.borrow_and_update().wants(Channel::Book, &eth));
    drop((all, first));
    assert!(!demand.borrow_and_update().wants(Channel::Book, &eth));
    drop(second);
    assert!(!demand.borrow_and_update().wants(Channel::Book, &btc));
}

fn diff(last: u64) -> DepthDiff {
    DepthDiff {
        instrument_id: id("BTC-USD.SIM"),
        after: last - 1,
        last,
        bids: vec![(price(9_000), quantity(i64::try_from(last).unwrap()))],
        asks: Vec::new(),
    }
}

#[tokio::test]
async fn a_reader_of_books_gets_the_whole_then_differences_and_the_whole_again_when_behind() {
    let hub = Arc::new(MarketHub::new());
    let name = id("BTC-USD.SIM");
    let mut reader = hub.subscribe(selection(&[Channel::Book]), false);
    read(&mut reader).await.unwrap();
    let book = hub.book(&name);
    let advance = |last: u64| {
        book.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .on_diff(&diff(last));
        hub.book_diff(&diff(last));
    };
    book.lock().unwrap().on_snapshot(BookSnapshot {
        last: 10,
        bids: vec![(price(9_000), quantity(1))],
        asks: vec![(price(10_001), quantity(7))],
    });
    advance(11);
    hub.book_ready(&name);
    advance(12);
    let first = read(&mut reader).await.unwrap();
    assert_eq!(first.len(), 1, "the whole covers difference 12: {first:?}");
    assert_eq!(
        (&first[0]["is_snapshot"], &first[0]["update_id"]),
        (&true.into(), &12.into())
    );
    assert_eq!(first[0]["bids"], serde_json::json!([["90.00", "0.00012"]]));
    advance(13);
    advance(14);
    let diffs = read(&mut reader).await.unwrap();
    let ids: Vec<u64> = diffs
        .iter()
        .map(|m| m["update_id"].as_u64().unwrap())
        .collect();
    assert_eq!(ids, [13, 14]);
    assert_eq!(diffs[0]["asks"], serde_json::json!([]));
    (15..=100).for_each(advance);
    let whole = read(&mut reader).await.unwrap();
    assert_eq!(whole.len(), 1, "conflated");
    assert_eq!(
        (&whole[0]["is_snapshot"], &whole[0]["update_id"]),
        (&true.into(), &100.into())
    );
    // A gap silences the book until it is proven again, and is told.
    advance(101);
    hub.gap(Channel::Book, &name, None, at(1));
    let gap = read(&mut reader).await.unwrap();
    assert_eq!(gap.len(), 1);
    assert_eq!(
        (&gap[0]["type"], &gap[0]["channel"]),
        (&"gap".into(), &"book".into())
    );
    // Who comes now gets the book that stands.
    let mut late = hub.subscribe(selection(&[Channel::Book]), false);
    let first = read(&mut late).await.unwrap();
    assert_eq!(first[0]["type"], "link");
    assert_eq!(read(&mut late).await.unwrap()[0]["update_id"], 101);
}
