//! The market task over real sockets against a venue that misbehaves on demand.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a broken fixture must stop the test"
)]

mod scripted;

use std::time::{Duration, Instant};

use execution_gateway::services::streams::events::Channel;
use execution_gateway::services::streams::resume;
use execution_gateway::services::streams::times::StreamTimes;
use rust_common::{InstrumentId, UnixMillis};

use scripted::{
    FIRST, Gateway, Order, Reader, STEP, Venue, depth_event, kline_event, times, trade_event, until,
};

async fn linked(venue: &Venue, times: StreamTimes) -> (Gateway, Reader) {
    let gateway = Gateway::start(venue, times).await;
    let mut reader = gateway.subscribe(&[Channel::Bars]);
    reader.linked(true).await;
    (gateway, reader)
}

#[tokio::test]
async fn closed_bars_come_once_and_in_order_through_every_kind_of_break() {
    let venue = Venue::start().await;
    venue.knows_bars(3);
    let (_gateway, mut reader) = linked(&venue, times()).await;
    let mut told = vec![2];
    let mut known = 6;
    // Lost, doubled and old bars on a healthy stream; the queries know what the stream lost.
    venue.knows_bars(known);
    for number in [3, 3, 2, 5, 4] {
        venue.say(kline_event(number, true));
    }
    told.extend(reader.bars(3).await);
    for order in [Order::Close, Order::Half, Order::Close] {
        let before = venue.opened();
        // Two bars close while there is no connection; the stream repeats the second.
        known += 2;
        venue.knows_bars(known);
        venue.all(&order);
        venue.until_opened(before + 1).await;
        venue.say(kline_event(known - 1, true));
        told.extend(reader.bars(2).await);
    }
    venue.knows_bars(known + 1);
    venue.say(kline_event(known, true));
    told.extend(reader.bars(1).await);
    assert_eq!(told, (2..=12).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_lagging_query_delays_bars_but_loses_none() {
    let venue = Venue::start().await;
    venue.knows_bars(1);
    let (_gateway, mut reader) = linked(&venue, times()).await;
    // Bar 1 is lost on the stream, and the query does not know it yet either.
    venue.say(kline_event(2, true));
    let asked = venue.klines_asked().len();
    until("another look", || venue.klines_asked().len() > asked + 1).await;
    venue.knows_bars(3);
    assert_eq!(reader.bars(2).await, [1, 2]);
}

#[tokio::test]
async fn silence_ends_a_connection_and_pings_keep_a_quiet_one() {
    let venue = Venue::start().await;
    let quick = StreamTimes {
        silence: Duration::from_millis(300),
        ping_after: Duration::from_millis(60),
        ..times()
    };
    let (_gateway, mut reader) = linked(&venue, quick).await;
    let quiet = Instant::now();
    until("a while", || quiet.elapsed() > Duration::from_secs(1)).await;
    assert_eq!(venue.opened(), 1, "pongs are signs of life");
    venue.all(&Order::Mute);
    let muted = Instant::now();
    reader.linked(false).await;
    assert!(
        muted.elapsed() >= Duration::from_millis(200),
        "not before it was silent"
    );
    reader.linked(true).await;
    assert_eq!(venue.opened(), 2);
}

#[tokio::test]
async fn connections_overlap_before_the_24_h_close_without_loss_or_repetition() {
    let venue = Venue::start().await;
    let short = StreamTimes {
        life: Duration::from_millis(300),
        overlap: Duration::from_millis(150),
        ..times()
    };
    let (gateway, _bars) = linked(&venue, short).await;
    let mut reader = gateway.subscribe(&[Channel::Trades]);
    until("the subscription", || !venue.controls().is_empty()).await;
    let mut next = 1;
    while venue.opened() < 5 {
        assert!(venue.open_now() >= 1, "never without a connection");
        for _ in 0..10 {
            venue.say(trade_event(next));
            next += 1;
        }
        venue.knows_trades(next - 1);
        tokio::time::sleep(Duration::from_millis(3)).await;
    }
    let mut told = Vec::new();
    let mut links = 0;
    while told.last() != Some(&(next - 1)) {
        let message = reader.next().await;
        links += u32::from(message["type"] == "link");
        assert_ne!(message["type"], "gap");
        if message["type"] == "trade" {
            told.push(
                message["trade_id"]
                    .as_str()
                    .unwrap()
                    .parse::<u64>()
                    .unwrap(),
            );
        }
    }
    assert_eq!(told, (told[0]..next).collect::<Vec<_>>());
    assert!(told[0] <= 10, "{}", told[0]);
    assert_eq!(links, 1, "the change of connections is no outage");
    until("the old ones closed", || venue.open_now() <= 2).await;
}

#[tokio::test]
async fn a_shutdown_notice_brings_the_successor_before_the_end() {
    let venue = Venue::start().await;
    let calm = StreamTimes {
        overlap: Duration::from_millis(100),
        ..times()
    };
    let (_gateway, mut reader) = linked(&venue, calm).await;
    let notice = r#"{"e":"serverShutdown","E":1632700800000}"#;
    venue.oldest(Order::Text(notice.to_owned()));
    venue.until_opened(2).await;
    venue.knows_bars(1);
    venue.say(kline_event(0, true));
    // The old server goes down while both stand: its successor has the bar, and it comes once.
    venue.oldest(Order::Close);
    venue.knows_bars(2);
    until("one left", || venue.open_now() == 1).await;
    venue.say(kline_event(1, true));
    assert_eq!(reader.bars(2).await, [0, 1]);
    assert_eq!(venue.opened(), 2);
}

#[tokio::test]
async fn trades_missed_in_an_outage_are_fetched_and_what_cannot_be_had_is_told() {
    let venue = Venue::start().await;
    let (gateway, _bars) = linked(&venue, times()).await;
    let mut reader = gateway.subscribe(&[Channel::Trades]);
    until("the subscription", || !venue.controls().is_empty()).await;
    venue.say(trade_event(1));
    assert_eq!(reader.kind("trade").await["trade_id"], "1");
    venue.knows_trades(2_500);
    venue.all(&Order::Half);
    venue.until_opened(2).await;
    venue.say(trade_event(2_500));
    for number in 2..=2_500 {
        assert_eq!(reader.kind("trade").await["trade_id"], number.to_string());
    }
    venue.refuse_trades();
    venue.say(trade_event(2_505));
    let mut lost = reader.next().await;
    while lost["type"] == "link" {
        lost = reader.next().await;
    }
    assert_eq!(
        (&lost["type"], &lost["channel"]),
        (&"gap".into(), &"trades".into())
    );
    assert_eq!(
        (&lost["first_id"], &lost["last_id"]),
        (&"2501".into(), &"2504".into())
    );
    assert_eq!(reader.next().await["trade_id"], "2505");
}

#[tokio::test]
async fn a_book_is_served_once_proven_and_again_after_a_gap() {
    let venue = Venue::start().await;
    let (gateway, _bars) = linked(&venue, times()).await;
    venue.knows_book(3);
    let mut reader = gateway.subscribe(&[Channel::Book, Channel::Best]);
    until("the subscription", || !venue.controls().is_empty()).await;
    // The snapshot (3) is older than the first difference (10): it is asked for again.
    venue.say(depth_event(10));
    venue.say(depth_event(11));
    venue.knows_book(10);
    let mut book = reader.kind("book").await;
    assert_eq!(book["is_snapshot"], true);
    assert_eq!(
        (&book["update_id"], &book["bids"][0][1]),
        (&11.into(), &"11.00000".into())
    );
    venue.say(depth_event(12));
    book = reader.kind("book").await;
    assert_eq!(
        (&book["is_snapshot"], &book["update_id"]),
        (&false.into(), &12.into())
    );
    venue.knows_book(20);
    venue.say(depth_event(20));
    let gap = reader.kind("gap").await;
    assert_eq!(gap["channel"], "book");
    book = reader.kind("book").await;
    assert_eq!(
        (&book["is_snapshot"], &book["update_id"]),
        (&true.into(), &20.into())
    );
    venue.say(depth_event(21));
    let best = loop {
        let best = reader.kind("best").await;
        if best["update_id"] == 21 {
            break best;
        }
    };
    assert_eq!(
        best["bid_quantity"], "21.00000",
        "the book gives the best price too"
    );
    // A broken stream takes the book back.
    venue.knows_book(30);
    venue.all(&Order::Close);
    assert_eq!(reader.kind("gap").await["channel"], "book");
    venue.until_opened(2).await;
    venue.say(depth_event(31));
    let whole = loop {
        let book = reader.kind("book").await;
        if book["is_snapshot"] == true {
            break book;
        }
    };
    assert_eq!(whole["update_id"], 31);
}

#[tokio::test]
async fn streams_follow_demand_at_a_measured_pace() {
    let venue = Venue::start().await;
    let paced = StreamTimes {
        control_gap: Duration::from_millis(250),
        ..times()
    };
    let (gateway, _bars) = linked(&venue, paced).await;
    for turn in 0..4 {
        let readers = [Channel::Trades, Channel::Best, Channel::Book]
            .map(|channel| gateway.subscribe(&[channel]));
        until("subscribed", || venue.controls().len() > turn * 2).await;
        drop(readers);
        until("unsubscribed", || venue.controls().len() > turn * 2 + 1).await;
    }
    let controls = venue.controls();
    for window in controls.windows(6) {
        let span = window[5].0.duration_since(window[0].0);
        assert!(
            span > Duration::from_secs(1),
            "more than 5 a second: {span:?}"
        );
    }
    let (_, first) = &controls[0];
    assert_eq!(first["method"], "SUBSCRIBE");
    let names = ["btcusd@bookTicker", "btcusd@depth@100ms", "btcusd@trade"];
    for name in first["params"].as_array().unwrap() {
        assert!(names.contains(&name.as_str().unwrap()), "{name}");
    }
    assert_eq!(controls.last().unwrap().1["method"], "UNSUBSCRIBE");
}

#[tokio::test]
async fn a_subscriber_resumes_where_it_left_also_after_a_restart_of_the_gateway() {
    let venue = Venue::start().await;
    venue.knows_bars(1_500);
    let id = InstrumentId::new("BTC-USD.SIM").unwrap();
    let (gateway, _reader) = linked(&venue, times()).await;
    venue.say(kline_event(1_500, true));
    let from = UnixMillis::new(FIRST + STEP * 10).unwrap();
    let mut reader = gateway.subscribe(&[Channel::Bars]);
    assert_eq!(reader.bars(2).await, [1_499, 1_500]);
    venue.knows_bars(1_501);
    let pause = Duration::from_millis(5);
    for (from, first) in [
        (from, 10),
        (UnixMillis::new(FIRST + STEP * 1_500).unwrap(), 1_500),
    ] {
        let mut reader = gateway.subscribe(&[]);
        let told = resume::history(&*gateway.source, &gateway.hub, &id, from, pause);
        reader.subscription.begin_with(told.await.unwrap());
        let count = usize::try_from(1_501 - first).unwrap();
        assert_eq!(
            reader.bars(count).await,
            (first..=1_500).collect::<Vec<_>>()
        );
    }
}
