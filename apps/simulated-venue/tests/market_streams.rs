//! Every market stream of market mode over real sockets.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops where it fails"
)]

mod market_support;

use std::collections::BTreeMap;
use std::path::PathBuf;

use futures_util::{SinkExt, StreamExt};
use market_support::{
    BTCUSDT, ETHUSDT, GENERATOR, MarketVenue, Socket, WAIT, next, order_book_feed, received,
    recordings, request, until_reply,
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
use simulated_venue::services::streams::hub::{Hub, Interest, QUEUE, Wanted};
use simulated_venue::services::streams::names;
use simulated_venue::settings::Mode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;

#[derive(Default)]
struct Book {
    bids: BTreeMap<i64, String>,
    asks: BTreeMap<i64, String>,
    id: u64,
}

fn cents(text: &Value) -> i64 {
    text.as_str().unwrap().replace('.', "").parse().unwrap()
}

impl Book {
    /// The rules of web-socket-streams.md, "How to manage a local order book correctly".
    fn of(snapshot: &Value) -> Self {
        let mut book = Self {
            id: snapshot["lastUpdateId"].as_u64().unwrap(),
            ..Self::default()
        };
        book.set(&snapshot["bids"], &snapshot["asks"]);
        book
    }

    fn set(&mut self, bids: &Value, asks: &Value) {
        for (side, levels) in [(&mut self.bids, bids), (&mut self.asks, asks)] {
            for level in levels.as_array().unwrap() {
                let quantity = level[1].as_str().unwrap();
                if quantity.trim_matches(['0', '.']).is_empty() {
                    side.remove(&cents(&level[0]));
                } else {
                    side.insert(cents(&level[0]), quantity.to_owned());
                }
            }
        }
    }

    fn apply(&mut self, event: &Value) {
        let (first, last) = (event["U"].as_u64().unwrap(), event["u"].as_u64().unwrap());
        if last <= self.id {
            return;
        }
        assert!(first <= self.id + 1, "a gap: {first} after {}", self.id);
        self.set(&event["b"], &event["a"]);
        self.id = last;
    }

    fn from_levels(id: u64, bids: &[Level], asks: &[Level]) -> Self {
        let mut book = Self {
            id,
            ..Self::default()
        };
        book.set_levels(bids, asks);
        book
    }

    fn set_levels(&mut self, bids: &[Level], asks: &[Level]) {
        for (side, levels) in [(&mut self.bids, bids), (&mut self.asks, asks)] {
            for level in levels {
                // The wire has eight decimals, the instrument two.
                let price = level.price * 1_000_000;
                if level.quantity == 0 {
                    side.remove(&price);
                } else {
                    let text = format8(i128::from(level.quantity), 8);
                    side.insert(price, text);
                }
            }
        }
    }

    fn change(&mut self, (first, last): (u64, u64), bids: &[Level], asks: &[Level]) {
        assert!(
            first <= self.id + 1 && last > self.id,
            "{first} {last} after {}",
            self.id
        );
        self.set_levels(bids, asks);
        self.id = last;
    }

    fn best(&self) -> [String; 4] {
        let (bid, bid_quantity) = self.bids.last_key_value().unwrap();
        let (ask, ask_quantity) = self.asks.first_key_value().unwrap();
        [
            bid.to_string(),
            bid_quantity.clone(),
            ask.to_string(),
            ask_quantity.clone(),
        ]
    }
}

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

/// Plays recordings through the venue event by event, as a reader of depth snapshot and streams;
/// counts the depth messages that end where the latest best price stands. Each of them must leave
/// an equal price and quantity on both sides.
fn checks(paths: &[PathBuf], quantity_scale: u8) -> u32 {
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
    let mut state = VenueState::market_mode(config, vec![Market::live(instrument, filters)]);
    let mut hub = Hub::attached(&state);
    let (sender, mut frames) = tokio::sync::mpsc::channel(QUEUE);
    let names = ["btcusdt@depth@100ms", "btcusdt@bookTicker"].map(|name| {
        (
            name.to_owned(),
            names::parse(&state, Mode::Market, name).unwrap(),
        )
    });
    let wanted = Wanted {
        names: names.into(),
        ..Wanted::default()
    };
    hub.join(sender, Interest::Streams(wanted));
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

fn has(message: &Value, fields: &[&str]) {
    for field in fields {
        assert!(
            message.get(*field).is_some(),
            "{field} is missing in {message}"
        );
    }
}

#[tokio::test]
async fn every_stream_speaks_as_documented() {
    let venue = MarketVenue::start(GENERATOR, "", &format!("{BTCUSDT}{ETHUSDT}")).await;
    let names: BTreeMap<&str, &[&str]> = BTreeMap::from([
        (
            "btcusdt@aggTrade",
            &["e", "E", "s", "a", "p", "q", "f", "l", "T", "m", "M"][..],
        ),
        (
            "btcusdt@trade",
            &["e", "E", "s", "t", "p", "q", "T", "m", "M"],
        ),
        ("btcusdt@kline_1m", &["e", "E", "s", "k"]),
        ("btcusdt@kline_1d@+08:00", &["e", "E", "s", "k"]),
        ("btcusdt@kline_1s", &["e", "E", "s", "k"]),
        (
            "btcusdt@miniTicker",
            &["e", "E", "s", "c", "o", "h", "l", "v", "q"],
        ),
        (
            "btcusdt@ticker",
            &[
                "e", "E", "s", "p", "P", "w", "x", "c", "Q", "b", "B", "a", "A", "o", "h", "l",
                "v", "q", "O", "C", "F", "L", "n",
            ],
        ),
        (
            "btcusdt@ticker_1h",
            &[
                "e", "E", "s", "p", "P", "o", "h", "l", "c", "w", "v", "q", "O", "C", "F", "L", "n",
            ],
        ),
        ("btcusdt@bookTicker", &["u", "s", "b", "B", "a", "A"]),
        ("btcusdt@avgPrice", &["e", "E", "s", "i", "w", "T"]),
        ("btcusdt@depth5", &["lastUpdateId", "bids", "asks"]),
        ("btcusdt@depth20@100ms", &["lastUpdateId", "bids", "asks"]),
        ("btcusdt@depth", &["e", "E", "s", "U", "u", "b", "a"]),
        ("btcusdt@depth@100ms", &["e", "E", "s", "U", "u", "b", "a"]),
        ("!miniTicker@arr", &[]),
        ("!ticker_4h@arr", &[]),
    ]);
    let path: Vec<String> = names.keys().map(|name| name.replace('+', "%2B")).collect();
    let mut socket = venue
        .socket(&format!("/stream?streams={}", path.join("/")))
        .await;
    until_reply(&mut socket, "ready").await;
    venue.advance(400).await;
    let messages = until_reply(&mut socket, "end").await;
    for (name, fields) in &names {
        let of_name: Vec<&Value> = messages.iter().filter(|m| m["stream"] == *name).collect();
        assert!(!of_name.is_empty(), "{name} is silent");
        for message in of_name {
            has(&message["data"], fields);
        }
    }
    let count = |name: &str| messages.iter().filter(|m| m["stream"] == name).count();
    assert!(count("btcusdt@depth@100ms") > 5 * count("btcusdt@depth"));
    assert!(count("btcusdt@kline_1s") > count("btcusdt@kline_1m"));
    let last = |name: &str| {
        let found = messages.iter().rev().find(|m| m["stream"] == name);
        found.unwrap()["data"].clone()
    };
    assert_eq!(last("btcusdt@depth5")["bids"].as_array().unwrap().len(), 5);
    assert_eq!(
        last("btcusdt@depth20@100ms")["asks"]
            .as_array()
            .unwrap()
            .len(),
        20
    );
    let symbols: Vec<&str> = messages
        .iter()
        .filter(|m| m["stream"] == "!miniTicker@arr")
        .flat_map(|m| m["data"].as_array().unwrap())
        .map(|ticker| ticker["s"].as_str().unwrap())
        .collect();
    assert!(symbols.contains(&"BTCUSDT") && symbols.contains(&"ETHUSDT"));
    // The streams and REST tell the same.
    let depth = venue.get("/api/v3/depth?symbol=BTCUSDT&limit=5").await;
    assert_eq!(last("btcusdt@depth5"), depth);
    let average = venue.get("/api/v3/avgPrice?symbol=BTCUSDT").await;
    assert_eq!(last("btcusdt@avgPrice")["w"], average["price"]);
    let day = venue.get("/api/v3/ticker/24hr?symbol=BTCUSDT").await;
    let ticker = last("btcusdt@ticker");
    for (short, long) in [
        ("p", "priceChange"),
        ("P", "priceChangePercent"),
        ("w", "weightedAvgPrice"),
        ("x", "prevClosePrice"),
        ("c", "lastPrice"),
        ("Q", "lastQty"),
        ("b", "bidPrice"),
        ("B", "bidQty"),
        ("a", "askPrice"),
        ("A", "askQty"),
        ("o", "openPrice"),
        ("h", "highPrice"),
        ("l", "lowPrice"),
        ("v", "volume"),
        ("q", "quoteVolume"),
        ("O", "openTime"),
        ("C", "closeTime"),
        ("F", "firstId"),
        ("L", "lastId"),
        ("n", "count"),
    ] {
        assert_eq!(ticker[short], day[long], "{short}");
    }
    let klines = venue
        .get("/api/v3/klines?symbol=BTCUSDT&interval=1m&limit=1")
        .await;
    let forming = last("btcusdt@kline_1m")["k"].clone();
    for (field, index) in [
        ("t", 0),
        ("o", 1),
        ("h", 2),
        ("l", 3),
        ("c", 4),
        ("v", 5),
        ("T", 6),
        ("q", 7),
        ("n", 8),
        ("V", 9),
        ("Q", 10),
    ] {
        assert_eq!(forming[field], klines[0][index], "{field}");
    }
    let trades = venue.get("/api/v3/aggTrades?symbol=BTCUSDT&limit=1").await;
    let told = last("btcusdt@aggTrade");
    for field in ["a", "p", "q", "f", "l", "T", "m"] {
        assert_eq!(told[field], trades[0][field], "{field}");
    }
}

#[tokio::test]
async fn microseconds_on_request() {
    let venue = MarketVenue::start(GENERATOR, "", BTCUSDT).await;
    let mut plain = venue.socket("/ws/btcusdt@trade").await;
    let mut fine = venue.socket("/ws/btcusdt@trade?timeUnit=MICROSECOND").await;
    let mut combined = venue
        .socket("/stream?streams=btcusdt@trade&timeUnit=microsecond")
        .await;
    for socket in [&mut plain, &mut fine, &mut combined] {
        until_reply(socket, "ready").await;
    }
    venue.advance(60).await;
    let (a, b, c) = (
        next(&mut plain).await,
        next(&mut fine).await,
        next(&mut combined).await,
    );
    assert_eq!(a["T"].as_i64().unwrap() * 1_000, b["T"].as_i64().unwrap());
    assert_eq!(c, json!({"stream": "btcusdt@trade", "data": b}));
    let url = format!(
        "ws://{}/ws/btcusdt@trade?timeUnit=NANOSECOND",
        venue.running.address
    );
    assert!(connect_async(url).await.is_err());
}

#[tokio::test]
async fn requests_on_a_stream_connection() {
    let extra = "[timing]\nmax_streams = 4\ncontrol_messages_per_second = 1000\n";
    let venue = MarketVenue::start(GENERATOR, extra, BTCUSDT).await;
    let mut socket = venue.socket("/ws").await;
    let subscribe =
        |names: &[&str], id: Value| json!({"method": "SUBSCRIBE", "params": names, "id": id});
    for id in [json!(1), json!("abc123"), json!(null), json!(-7)] {
        let reply = request(&mut socket, subscribe(&["btcusdt@trade"], id.clone())).await;
        assert_eq!(reply, json!({"result": null, "id": id}));
    }
    for (body, code) in [
        (subscribe(&["btcusdt@trade"], json!(1.5)), 2),
        (subscribe(&["btcusdt@trade"], json!("x".repeat(37))), 2),
        (subscribe(&["!ticker@arr"], json!(1)), 2),
        (subscribe(&["BTCUSDT@trade"], json!(1)), 2),
        (subscribe(&["xyzusdt@trade"], json!(1)), 2),
        (subscribe(&["btcusdt@depth7"], json!(1)), 2),
        (json!({"method": "PUBLISH", "id": 1}), 2),
        (json!({"id": 1}), 2),
        (
            json!({"method": "SET_PROPERTY", "params": ["combined", "yes"], "id": 1}),
            1,
        ),
        (
            json!({"method": "SET_PROPERTY", "params": ["color", true], "id": 1}),
            0,
        ),
        (json!({"method": "GET_PROPERTY", "params": [7], "id": 1}), 2),
    ] {
        let reply = request(&mut socket, body.clone()).await;
        assert_eq!(reply["code"], code, "{body}: {reply}");
    }
    let retired = request(&mut socket, subscribe(&["!ticker@arr"], json!(1))).await;
    assert!(
        retired["msg"].as_str().unwrap().contains("retired"),
        "{retired}"
    );
    let four = [
        "btcusdt@trade",
        "btcusdt@aggTrade",
        "btcusdt@depth",
        "btcusdt@depth5",
    ];
    assert_eq!(
        request(&mut socket, subscribe(&four, json!(2))).await["result"],
        Value::Null
    );
    let fifth = request(&mut socket, subscribe(&["btcusdt@ticker"], json!(3))).await;
    assert!(
        fifth["msg"].as_str().unwrap().contains("at most 4"),
        "{fifth}"
    );
    let list = request(
        &mut socket,
        json!({"method": "LIST_SUBSCRIPTIONS", "id": 4}),
    )
    .await;
    assert_eq!(list["result"].as_array().unwrap().len(), 4);
    let combined = json!({"method": "SET_PROPERTY", "params": ["combined", true], "id": 5});
    assert_eq!(request(&mut socket, combined).await["result"], Value::Null);
    let asked = json!({"method": "GET_PROPERTY", "params": ["combined"], "id": 6});
    assert_eq!(request(&mut socket, asked).await["result"], true);
    let leave = json!({"method": "UNSUBSCRIBE", "params": four[1..], "id": 7});
    assert_eq!(request(&mut socket, leave).await["result"], Value::Null);
    venue.advance(60).await;
    let heard = until_reply(&mut socket, "end").await;
    assert!(!heard.is_empty());
    assert!(
        heard
            .iter()
            .all(|message| message["stream"] == "btcusdt@trade")
    );
    let five = format!("/stream?streams={}/btcusdt@ticker", four.join("/"));
    let url = format!("ws://{}{five}", venue.running.address);
    assert!(
        connect_async(url).await.is_err(),
        "five streams in the address"
    );
}

/// More requests per second than any test sends.
const UNMETERED: &str = "[timing]\ncontrol_messages_per_second = 100000\n";

/// Reads until the connection is closed; hands back the close code and reason.
async fn close_of(socket: &mut Socket) -> (u16, String) {
    loop {
        if let Message::Close(frame) = received(socket).await {
            let frame = frame.expect("a close frame with a reason");
            return (frame.code.into(), frame.reason.to_string());
        }
    }
}

#[tokio::test]
async fn too_many_requests_in_a_second_end_the_connection() {
    let venue = MarketVenue::start(GENERATOR, "", BTCUSDT).await;
    let mut socket = venue.socket("/ws/btcusdt@trade").await;
    let list = json!({"method": "LIST_SUBSCRIPTIONS", "id": 1}).to_string();
    for _ in 0..6 {
        let message = Message::Text(list.clone().into());
        socket.send(message).await.unwrap();
    }
    let (code, reason) = close_of(&mut socket).await;
    assert_eq!(
        (code, reason.as_str()),
        (1_008, "too many messages in one second")
    );
}

/// A connection that never answers: it shakes hands and then only reads bytes.
async fn raw_socket(venue: &MarketVenue, path: &str) -> TcpStream {
    let mut stream = TcpStream::connect(venue.running.address).await.unwrap();
    let hello = format!(
        "GET {path} HTTP/1.1\r\nHost: venue\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    );
    stream.write_all(hello.as_bytes()).await.unwrap();
    stream
}

async fn read_to_end(mut stream: TcpStream) -> String {
    let mut bytes = Vec::new();
    let read = tokio::time::timeout(WAIT, stream.read_to_end(&mut bytes)).await;
    read.expect("an end in time").unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}

#[tokio::test]
async fn a_silent_peer_is_cut_off_and_an_old_connection_ends() {
    let extra = "[timing]\nping_interval_ms = 200\npong_timeout_ms = 1500\n";
    let venue = MarketVenue::start(GENERATOR, extra, BTCUSDT).await;
    let mut lively = venue.socket("/ws/btcusdt@trade").await;
    let silent = raw_socket(&venue, "/ws/btcusdt@trade").await;
    // Reading answers pings by itself; ten of them are waited for.
    let mut pings = 0;
    while pings < 10 {
        let next = tokio::time::timeout(WAIT, lively.next()).await.unwrap();
        if let Message::Ping(payload) = next.unwrap().unwrap() {
            assert!(!payload.is_empty());
            pings += 1;
        }
    }
    let last_words = read_to_end(silent).await;
    assert!(
        last_words.contains("no pong within the time allowed"),
        "{last_words}"
    );

    let extra = "[timing]\nconnection_life_ms = 50\n";
    let venue = MarketVenue::start(GENERATOR, extra, BTCUSDT).await;
    let mut socket = venue.socket("/ws/btcusdt@trade").await;
    let (code, reason) = close_of(&mut socket).await;
    assert_eq!(code, 1_001);
    assert!(reason.contains("maximum life"), "{reason}");
}

#[tokio::test]
async fn a_shutdown_is_announced() {
    let extra = "[timing]\nshutdown_notice_ms = 10\n";
    let venue = MarketVenue::start(GENERATOR, extra, BTCUSDT).await;
    let mut raw = venue.socket("/ws/btcusdt@trade").await;
    let mut combined = venue.socket("/stream?streams=btcusdt@trade").await;
    until_reply(&mut raw, "ready").await;
    until_reply(&mut combined, "ready").await;
    let stopping = tokio::spawn(venue.running.stop());
    let event = next(&mut raw).await;
    assert_eq!(event["e"], "serverShutdown");
    assert!(
        event["E"].as_i64().unwrap() > 1_700_000_000_000,
        "wall time"
    );
    let event = next(&mut combined).await;
    assert_eq!(
        (&event["stream"], &event["data"]["e"]),
        (&json!("!serverShutdown"), &json!("serverShutdown"))
    );
    assert_eq!(close_of(&mut raw).await.0, 1_001);
    stopping.await.unwrap();
}

#[tokio::test]
async fn three_hundred_and_one_connections_are_one_too_many() {
    let venue = MarketVenue::start(GENERATOR, "", BTCUSDT).await;
    let mut opened = Vec::new();
    for _ in 0..300 {
        opened.push(venue.socket("/ws").await);
        if opened.len() > 20 {
            opened.clear();
        }
    }
    let url = format!("ws://{}/ws", venue.running.address);
    let refused = connect_async(url).await.unwrap_err().to_string();
    assert!(refused.contains("429"), "{refused}");
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
