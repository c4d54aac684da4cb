//! Public requests of market mode: archives of trades, bars, and their refusals.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops where it fails"
)]

mod market_support;

use market_support::{BTCUSDT, GENERATOR, MarketVenue};
use serde_json::{Value, json};
use std::fmt::Write as _;

const OPENED: i64 = 1_723_161_600_000;

/// An archive: one trade every seven seconds for `rows` trades.
fn archive(rows: i64) -> String {
    let mut text = String::from("id,price,qty,quote_qty,time,is_buyer_maker,is_best_match\n");
    for index in 0..rows {
        let price = 60_000 + (index * 7_919) % 101;
        let (at, is_maker) = (OPENED + index * 7_000, index % 3 == 0);
        let quantity = index % 9 + 1;
        writeln!(
            text,
            "{},{price}.25,0.00{quantity}0,0,{at},{is_maker},true",
            index + 11
        )
        .unwrap();
    }
    text
}

async fn with_archive(rows: i64) -> MarketVenue {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("BTCUSDT-trades-2024-08-09.csv");
    std::fs::write(&path, archive(rows)).unwrap();
    let feed = format!(
        "[feed]\nkind = \"trades\"\npath = \"{}\"\nspeed = 0.0\n",
        path.display()
    );
    MarketVenue::start(&feed, "", BTCUSDT).await
}

fn number(text: &Value) -> f64 {
    text.as_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn an_archive_of_trades_is_served_whole() {
    let rows = 1_500;
    let venue = with_archive(rows).await;
    let done = venue.advance(u64::try_from(rows).unwrap() * 2 + 1).await;
    assert_eq!(done["done"], true);
    let get = |query: String| {
        let venue = &venue;
        async move { venue.get(&format!("/api/v3/{query}")).await }
    };
    // Pages by id hold every trade once.
    let mut ids = Vec::new();
    let mut from = 0;
    loop {
        let page = get(format!(
            "historicalTrades?symbol=BTCUSDT&fromId={from}&limit=1000"
        ))
        .await;
        let page = page.as_array().unwrap().clone();
        let Some(last) = page.last() else { break };
        from = last["id"].as_i64().unwrap() + 1;
        ids.extend(page.iter().map(|trade| trade["id"].as_i64().unwrap()));
    }
    assert_eq!(ids, (11..11 + rows).collect::<Vec<i64>>());
    let newest = get("trades?symbol=BTCUSDT&limit=2".to_owned()).await;
    assert_eq!(newest[1]["id"], 10 + rows);
    assert_eq!(newest[1]["isBestMatch"], true);
    // Klines page over more than a thousand rows and add up to the trades.
    let mut from = OPENED;
    let (mut count, mut volume, mut pages) = (0, 0.0, 0);
    loop {
        let page = get(format!(
            "klines?symbol=BTCUSDT&interval=1s&startTime={from}&limit=1000"
        ))
        .await;
        let page = page.as_array().unwrap().clone();
        let Some(last) = page.last() else { break };
        from = last[6].as_i64().unwrap() + 1;
        count += page.iter().map(|row| row[8].as_i64().unwrap()).sum::<i64>();
        volume += page.iter().map(|row| number(&row[5])).sum::<f64>();
        pages += 1;
    }
    assert_eq!((count, pages), (rows, 2));
    let day = get("ticker/24hr?symbol=BTCUSDT".to_owned()).await;
    assert_eq!(day["count"], rows);
    assert!((number(&day["volume"]) - volume).abs() < 1e-9);
    for interval in [
        "1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d", "3d", "1w", "1M",
    ] {
        let rows_of = get(format!(
            "uiKlines?symbol=BTCUSDT&interval={interval}&limit=1000"
        ))
        .await;
        let sum: i64 = rows_of
            .as_array()
            .unwrap()
            .iter()
            .map(|row| row[8].as_i64().unwrap())
            .sum();
        assert_eq!(sum, rows, "{interval}");
    }
    let local = get("klines?symbol=BTCUSDT&interval=1d&timeZone=8".to_owned()).await;
    assert_eq!(local[0][0], OPENED - 8 * 3_600_000);
    let trading = get("ticker/tradingDay?symbol=BTCUSDT&timeZone=-1:00".to_owned()).await;
    // The trades end at 02:54 UTC: 01:54 of a day that began at 01:00 UTC.
    assert_eq!(trading["openTime"], OPENED + 3_600_000);
    let hour = get("ticker?symbol=BTCUSDT&windowSize=1h".to_owned()).await;
    assert_eq!(
        hour["openTime"].as_i64().unwrap() % 60_000,
        0,
        "begins on a minute"
    );
    let expected = (0..rows).filter(|i| OPENED + i * 7_000 >= hour["openTime"].as_i64().unwrap());
    assert_eq!(hour["count"], expected.count());
}

#[tokio::test]
async fn ranges_and_pages_of_aggregates() {
    let venue = with_archive(100).await;
    venue.advance(200).await;
    let get = |query: &str| {
        let path = format!("/api/v3/aggTrades?symbol=BTCUSDT&{query}");
        let venue = &venue;
        async move {
            let rows = venue.get(&path).await;
            let ids = rows
                .as_array()
                .unwrap()
                .iter()
                .map(|row| row["a"].as_i64().unwrap());
            ids.collect::<Vec<i64>>()
        }
    };
    assert_eq!(get("limit=3").await, [98, 99, 100]);
    assert_eq!(get("fromId=5&limit=2").await, [5, 6]);
    let (start, end) = (OPENED + 14_000, OPENED + 35_000);
    assert_eq!(get(&format!("startTime={start}&limit=2")).await, [3, 4]);
    assert_eq!(get(&format!("endTime={end}&limit=2")).await, [5, 6]);
    assert_eq!(
        get(&format!("startTime={start}&endTime={end}")).await,
        [3, 4, 5, 6]
    );
    assert_eq!(
        get(&format!("startTime={start}000&endTime={end}000")).await,
        [3, 4, 5, 6]
    );
}

#[tokio::test]
async fn one_many_and_all_symbols() {
    let both = format!("{BTCUSDT}{}", market_support::ETHUSDT);
    let venue = MarketVenue::start(GENERATOR, "", &both).await;
    venue.advance(300).await;
    let many = "symbols=%5B%22ETHUSDT%22,%22BTCUSDT%22%5D";
    for path in ["ticker/24hr", "ticker/price", "ticker/bookTicker"] {
        let all = venue.get(&format!("/api/v3/{path}")).await;
        let listed = venue.get(&format!("/api/v3/{path}?{many}")).await;
        let one = venue.get(&format!("/api/v3/{path}?symbol=ETHUSDT")).await;
        assert_eq!((&listed[0], &listed[1]), (&one, &all[0]), "{path}");
        assert_eq!(all.as_array().unwrap().len(), 2);
    }
    for path in ["ticker", "ticker/tradingDay"] {
        let listed = venue.get(&format!("/api/v3/{path}?{many}&type=MINI")).await;
        assert_eq!(listed[0]["symbol"], "ETHUSDT");
        assert!(listed[0].get("priceChange").is_none(), "MINI is short");
        assert_eq!(venue.ask(&format!("/api/v3/{path}")).await.0, 400);
    }
    let book = venue.get("/api/v3/depth?symbol=BTCUSDT&limit=7").await;
    let top = venue.get("/api/v3/ticker/bookTicker?symbol=BTCUSDT").await;
    assert_eq!(book["bids"].as_array().unwrap().len(), 7);
    assert_eq!(
        (&book["bids"][0][0], &book["bids"][0][1]),
        (&top["bidPrice"], &top["bidQty"])
    );
    assert_eq!(
        (&book["asks"][0][0], &book["asks"][0][1]),
        (&top["askPrice"], &top["askQty"])
    );
}

#[tokio::test]
async fn refusals_name_the_parameter() {
    let venue = MarketVenue::start(GENERATOR, "", BTCUSDT).await;
    for (query, code) in [
        ("depth", -1102),
        ("depth?symbol=XYZ", -1121),
        ("depth?symbol=BTCUSDT&limit=0", -1130),
        ("depth?symbol=BTCUSDT&symbolStatus=HALT", -1220),
        ("klines?symbol=BTCUSDT&interval=7m", -1120),
        ("klines?symbol=BTCUSDT&interval=1m&timeZone=15", -1130),
        (
            "klines?symbol=BTCUSDT&interval=1m&startTime=5&endTime=4",
            -1130,
        ),
        ("aggTrades?symbol=BTCUSDT&fromId=1&startTime=1", -1128),
        ("trades?symbol=BTCUSDT&fromId=1", -1104),
        ("ticker?symbol=BTCUSDT&windowSize=8d", -1130),
        ("ticker/24hr?symbol=BTCUSDT&type=HUGE", -1130),
        ("ticker/price?symbol=BTCUSDT&symbols=%5B%5D", -1128),
    ] {
        let (status, body) = venue.ask(&format!("/api/v3/{query}")).await;
        assert_eq!(
            (status, &body["code"]),
            (400, &json!(code)),
            "{query}: {body}"
        );
    }
}
