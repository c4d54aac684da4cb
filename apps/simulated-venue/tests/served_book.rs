//! The book that snapshot and streams serve: equal to the recordings, kept over a restart, and
//! held by a mirror.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops where it fails"
)]

mod market_support;

use std::path::PathBuf;

use market_support::book::{Book, cents};
use market_support::{
    BTCUSDT, GENERATOR, MarketVenue, UNMETERED, order_book_feed, recordings, until_reply,
};
use rust_common::Instrument;
use serde_json::{Value, json};
use simulated_venue::models::decimal::format8;
use simulated_venue::models::events::Event;
use simulated_venue::models::feed::{Feed, FeedEvent, Level};
use simulated_venue::models::filters::{ExchangeFilters, FilterConfig};
use simulated_venue::models::orders::Input;
use simulated_venue::services::core::VenueState;
use simulated_venue::services::core::auction::AuctionConfig;
use simulated_venue::services::core::market::Market;
use simulated_venue::services::feed::FeedMarket;
use simulated_venue::services::feed::mirror::Mirror;
use simulated_venue::services::feed::order_book::OrderBookFeed;
use simulated_venue::services::streams::boards::published;
use simulated_venue::services::streams::frames::Frame;
use simulated_venue::services::streams::hub::{Hub, Interest, QUEUE, Wanted};
use simulated_venue::services::streams::names;
use simulated_venue::settings::Mode;

/// The published book of the venue as a reader of `GET /api/v3/depth` builds it.
fn served(state: &VenueState) -> Book {
    let quantity_scale = state.market(0).unwrap().instrument.quantity_scale;
    let (last_update_id, bids, asks) = published(state, 0, 5_000).unwrap();
    let text = |mantissa: i64, scale: u8| format8(i128::from(mantissa), scale);
    let rows = |levels: &[Level]| -> Value {
        let row = |l: &Level| json!([text(l.price, 2), text(l.quantity, quantity_scale)]);
        levels.iter().map(row).collect()
    };
    Book::of(&json!({"lastUpdateId": last_update_id, "bids": rows(&bids), "asks": rows(&asks)}))
}

fn replay(paths: &[PathBuf], quantity_scale: u8) -> VenueState {
    let instrument: Instrument = serde_json::from_value(json!({
        "instrument_id": "BTC-USDT.SIM", "symbol": "BTCUSDT", "base_currency": "BTC",
        "quote_currency": "USDT", "price_scale": 2, "quantity_scale": quantity_scale,
        "tick_size": "0.01", "step_size": "0.001", "min_quantity": "0.001", "min_notional": "5",
    }))
    .unwrap();
    let entry = FeedMarket {
        instrument: instrument.clone(),
        start_price: None,
    };
    let feed = OrderBookFeed::open(paths, &[entry]).unwrap();
    let config = AuctionConfig {
        accounts: Vec::new(),
        exchange_filters: ExchangeFilters::default(),
        opens_at: feed.next_at().unwrap(),
        feed: Box::new(feed),
    };
    let filters = FilterConfig::for_instrument(&instrument);
    VenueState::market_mode(config, vec![Market::live(instrument, filters)])
}

/// A hub with one listener to depth and best price.
fn listen(state: &VenueState) -> (Hub, tokio::sync::mpsc::Receiver<Frame>) {
    let mut hub = Hub::attached(state);
    let (sender, frames) = tokio::sync::mpsc::channel(QUEUE);
    let names = ["btcusdt@depth@100ms", "btcusdt@bookTicker"].map(|name| {
        (
            name.to_owned(),
            names::parse(state, Mode::Market, name).unwrap(),
        )
    });
    let wanted = Wanted {
        names: names.into(),
        ..Wanted::default()
    };
    hub.join(sender, Interest::Streams(wanted));
    (hub, frames)
}

/// Plays recordings through the venue event by event, as a reader of depth snapshot and streams;
/// counts the depth messages that end where the latest best price stands. Each of them must leave
/// an equal price and quantity on both sides.
fn checks(paths: &[PathBuf], quantity_scale: u8) -> u32 {
    let mut state = replay(paths, quantity_scale);
    let (mut hub, mut frames) = listen(&state);
    let mut book: Option<Book> = None;
    let mut latest = Value::Null;
    let mut equal = 0;
    for through in 1.. {
        let applied = state.apply(&Input::Feed { through }).unwrap();
        let is_depth = |event: &Event| matches!(event, Event::Depth { .. });
        let has_depth = applied.events.iter().any(is_depth);
        for event in &applied.events {
            hub.publish(event, &state);
        }
        if has_depth {
            hub.flush(&state);
        }
        while let Ok(frame) = frames.try_recv() {
            let message: Value = serde_json::from_str(&frame).unwrap();
            if message["e"] != "depthUpdate" {
                // Recorded best prices come alone; the venue's own come with a change of its book.
                if !has_depth {
                    latest = message;
                }
                continue;
            }
            let book = book.get_or_insert_with(|| served(&state));
            book.apply(&message);
            if latest["u"] == message["u"] {
                let found = book.best();
                assert_eq!(found[0], cents(&latest["b"]).to_string());
                assert_eq!(found[2], cents(&latest["a"]).to_string());
                assert_eq!(
                    (&latest["B"], &latest["A"]),
                    (&json!(found[1]), &json!(found[3]))
                );
                equal += 1;
            }
        }
        if state.is_done() {
            break;
        }
    }
    let (book, shown) = (book.unwrap(), served(&state));
    assert_eq!(book.id, shown.id);
    assert!(
        shown
            .bids
            .iter()
            .all(|(price, quantity)| book.bids.get(price) == Some(quantity))
    );
    assert!(
        shown
            .asks
            .iter()
            .all(|(price, quantity)| book.asks.get(price) == Some(quantity))
    );
    equal
}

#[test]
fn the_served_book_equals_every_recorded_best_price() {
    let spot = [
        "binance_spot_btcusdt_20240808.txt.gz",
        "binance_spot_btcusdt_20240809.txt.gz",
    ];
    let Some(paths) = recordings(&spot) else {
        return;
    };
    assert_eq!(checks(&paths, 8), 1_059);
    let Some(paths) = recordings(&["binance_usdm_btcusdt_20240808.txt.gz"]) else {
        return;
    };
    assert_eq!(checks(&paths, 3), 447);
}

#[tokio::test]
async fn a_recording_served_over_sockets_ends_with_the_venues_own_book() {
    let Some(paths) = recordings(&["binance_spot_btcusdt_20240808.txt.gz"]) else {
        return;
    };
    let venue = MarketVenue::start(&order_book_feed(&paths), UNMETERED, BTCUSDT).await;
    venue.advance(1_000).await;
    let mut socket = venue.socket("/ws/btcusdt@depth").await;
    until_reply(&mut socket, "ready").await;
    let mut book = Book::of(&venue.get("/api/v3/depth?symbol=BTCUSDT&limit=5000").await);
    for round in 0..6 {
        venue.advance(1_000).await;
        for message in until_reply(&mut socket, &format!("r{round}")).await {
            book.apply(&message);
        }
        let shown = Book::of(&venue.get("/api/v3/depth?symbol=BTCUSDT&limit=5000").await);
        assert_eq!((book.id, book.best()), (shown.id, shown.best()));
        assert_eq!((&book.bids, &book.asks), (&shown.bids, &shown.asks));
    }
}

#[tokio::test]
async fn the_book_survives_a_restart() {
    let venue = MarketVenue::start(GENERATOR, "", BTCUSDT).await;
    venue.advance(300).await;
    let before = venue.get("/api/v3/depth?symbol=BTCUSDT&limit=5000").await;
    let klines = venue.get("/api/v3/klines?symbol=BTCUSDT&interval=1s").await;
    let venue = venue.restart().await;
    assert_eq!(
        venue.get("/api/v3/depth?symbol=BTCUSDT&limit=5000").await,
        before
    );
    assert_eq!(
        venue.get("/api/v3/klines?symbol=BTCUSDT&interval=1s").await,
        klines
    );
    let mut socket = venue
        .socket("/stream?streams=btcusdt@depth/btcusdt@depth10@100ms")
        .await;
    until_reply(&mut socket, "ready").await;
    venue.advance(200).await;
    let mut book = Book::of(&before);
    let mut partial = Value::Null;
    for message in until_reply(&mut socket, "end").await {
        if message["stream"] == "btcusdt@depth" {
            book.apply(&message["data"]);
        } else {
            partial = message["data"].clone();
        }
    }
    let after = venue.get("/api/v3/depth?symbol=BTCUSDT&limit=5000").await;
    assert_eq!(book.best(), Book::of(&after).best());
    assert_eq!(book.id, after["lastUpdateId"].as_u64().unwrap());
    assert_eq!(partial["lastUpdateId"], after["lastUpdateId"]);
    assert_eq!(partial["bids"][0], after["bids"][0]);
}

#[tokio::test]
async fn a_mirror_holds_the_book_of_its_source() {
    let source = MarketVenue::start(GENERATOR, "", BTCUSDT).await;
    source.advance(5).await;
    let instrument: Instrument = serde_json::from_value(json!({
        "instrument_id": "BTC-USDT.SIM", "symbol": "BTCUSDT", "base_currency": "BTC",
        "quote_currency": "USDT", "price_scale": 2, "quantity_scale": 8,
        "tick_size": "0.01", "step_size": "0.00001", "min_quantity": "0.00001",
        "min_notional": "5",
    }))
    .unwrap();
    let entry = FeedMarket {
        instrument,
        start_price: None,
    };
    let address = source.running.address;
    let mirror = Mirror::new(
        Some(&format!("http://{address}")),
        Some(&format!("ws://{address}")),
        vec![entry],
    )
    .unwrap();
    let (sender, mut events) = tokio::sync::mpsc::channel(64);
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let task = tokio::spawn(mirror.run(sender, stopped));
    let mut book: Option<Book> = None;
    let (mut prints, mut applied) = (0, 0);
    // The source moves while the mirror connects; it is stepped until the mirror has heard enough.
    while applied < 20 {
        source.advance(20).await;
        let quiet = std::time::Duration::from_millis(200);
        while let Ok(Some(event)) = tokio::time::timeout(quiet, events.recv()).await {
            match event {
                FeedEvent::Snapshot {
                    bids,
                    asks,
                    last_update_id,
                    ..
                } => book = Some(Book::from_levels(last_update_id, &bids, &asks)),
                FeedEvent::Depth {
                    first_update_id,
                    final_update_id,
                    bids,
                    asks,
                    ..
                } => {
                    let book = book.as_mut().expect("a snapshot comes first");
                    book.change((first_update_id, final_update_id), &bids, &asks);
                    applied += 1;
                }
                FeedEvent::Print { .. } => prints += 1,
                FeedEvent::Best { .. } => {}
            }
        }
    }
    assert!(prints > 0);
    let shown = Book::of(&source.get("/api/v3/depth?symbol=BTCUSDT&limit=5000").await);
    let book = book.unwrap();
    assert_eq!((book.id, book.best()), (shown.id, shown.best()));
    stop.send(true).unwrap();
    task.await.unwrap();
}

#[tokio::test]
async fn a_mirror_without_a_source_says_so() {
    let dead = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = dead.local_addr().unwrap();
    drop(dead);
    let mirror = Mirror::new(
        Some(&format!("http://{address}")),
        Some(&format!("ws://{address}")),
        Vec::new(),
    )
    .unwrap();
    let reason = mirror.connect_once().await.unwrap_err();
    assert!(reason.contains("Is there a network"), "{reason}");
    for (rest, stream, expected) in [
        (None, Some("ws://h:1"), "feed.rest_url is missing"),
        (Some("http://h:1"), None, "feed.stream_url is missing"),
        (Some("http://h:1"), Some("http://h:1"), "feed.stream_url"),
    ] {
        let refused = Mirror::new(rest, stream, Vec::new()).unwrap_err();
        assert!(refused.contains(expected), "{refused}");
    }
}
