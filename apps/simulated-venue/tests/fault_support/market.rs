//! A venue in market mode with one account, and what a test asks it.

use serde_json::{Value, json};

use super::SYMBOL;
use crate::support::{API_KEY, SECRET, TOKEN, Venue};

const CONFIG: &str = r#"
listen = "127.0.0.1:0"
control_listen = "127.0.0.1:0"
port_file = "venue.port"
state_dir = "state"
control_token_file = "token"
mode = "market"
maker_fee_rate = "0.001"
taker_fee_rate = "0.001"
[feed]
kind = "generator"
seed = 5
speed = 0.0
[[account]]
name = "alice"
api_key = "API_KEY"
api_secret = "SECRET"
balances = { USD = "10000000", BTC = "100" }
[[instrument]]
instrument_id = "BTC-USD.SIM"
symbol = "BTCUSD"
base_currency = "BTC"
quote_currency = "USD"
price_scale = 2
quantity_scale = 5
tick_size = "0.01"
step_size = "0.00001"
min_quantity = "0.00001"
min_notional = "10"
"#;

/// A venue whose book has some depth and stands still.
pub(crate) async fn venue() -> Venue {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("token"), TOKEN).unwrap();
    let text = CONFIG.replace("API_KEY", API_KEY).replace("SECRET", SECRET);
    std::fs::write(dir.path().join("venue.toml"), text).unwrap();
    let venue = Venue::open(dir).await;
    let (status, body) = venue
        .control("POST", "/sim/v1/advance", Some(json!({"events": 200})))
        .await;
    assert_eq!(status, 200, "{body}");
    venue
}

/// Cents of a price of the venue.
pub(crate) fn cents(text: &Value) -> i64 {
    let (whole, rest) = text.as_str().unwrap().split_once('.').unwrap();
    whole.parse::<i64>().unwrap() * 100 + rest[..2].parse::<i64>().unwrap()
}

pub(crate) fn price(cents: i64) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}

/// Best bid and ask in cents.
pub(crate) async fn best(venue: &Venue) -> (i64, i64) {
    let book = venue.get("/api/v3/ticker/bookTicker?symbol=BTCUSD").await;
    (cents(&book["bidPrice"]), cents(&book["askPrice"]))
}

/// A LIMIT BUY a good way below the market; several do not stand at one price.
pub(crate) async fn rest(venue: &Venue, id: &str, quantity: &str, below: i64) -> Value {
    let limit = price(best(venue).await.0 - below);
    let params = [
        SYMBOL,
        ("side", "BUY"),
        ("type", "LIMIT"),
        ("timeInForce", "GTC"),
        ("quantity", quantity),
        ("price", limit.as_str()),
        ("newClientOrderId", id),
    ];
    venue.ok("POST", "/api/v3/order", &params).await
}

pub(crate) async fn query(venue: &Venue, id: &str) -> Value {
    let params = [SYMBOL, ("origClientOrderId", id)];
    venue.ok("GET", "/api/v3/order", &params).await
}

pub(crate) async fn trades_of(venue: &Venue, order: &Value) -> Vec<Value> {
    let id = order["orderId"].to_string();
    let trades = venue
        .ok("GET", "/api/v3/myTrades", &[SYMBOL, ("orderId", &id)])
        .await;
    trades.as_array().unwrap().clone()
}

pub(crate) async fn cancel(venue: &Venue, id: &str) -> (u16, Value) {
    venue
        .signed(
            "DELETE",
            "/api/v3/order",
            &[SYMBOL, ("origClientOrderId", id)],
        )
        .await
}

/// The venue's own account of everything, before and after a restart.
pub(crate) async fn restarted(venue: Venue) -> Venue {
    let (_, before) = venue
        .control("GET", "/sim/v1/ledger?account=alice", None)
        .await;
    let hash = venue.state_hash().await;
    let venue = venue.restart().await;
    let (status, after) = venue
        .control("GET", "/sim/v1/ledger?account=alice", None)
        .await;
    assert_eq!(status, 200);
    assert_eq!(before, after);
    assert_eq!(venue.state_hash().await, hash);
    venue
}
