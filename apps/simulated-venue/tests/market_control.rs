//! The control port of market mode: feed, ledger, transfers, symbols, reset; keys over REST.
#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

mod support;

use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use serde_json::{Value, json};
use simulated_venue::clock::Clock;
use support::market::{ALICE, Market, SYMBOL, Signer, encode, with_symbol};

const LIMIT: &str = "side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.01&price=50000";
/// Signature of `timestamp=1800000000000` by the key whose public half is in `support/keys`; made
/// with `openssl dgst -sha256 -sign`, the private half was thrown away.
const RSA_SIGNATURE: &str = "fjwj3v+EVZekmETulElvKjPgZOHPFLcNNIbcsS54Kbld2zKh2Mi0PJJoeySZqU4yYCNpxsyPXqDEZHI5\
    TP77dygM0Ug3svkk7siUwhPkuBrz/7ba1kuwJrmV8ovC+W4RiuOGJIdcVZgJNLOlmv1djiw7aMDa1N/M\
    lTJpl/gHQ+zuvjPIaPEFXjgsNYQVCsjp2mUTvljasXXPvO7reELti3/ngso54rWnj4TRapIxAtv1hyJi\
    MHWGlKVi46xA5BZspBrr7T39Y046/vCsrqdjG6NIp7J/04IR/afXne6qBdxDCIEbfo7gO++xTqCkPUtk\
    mgegIXmn0U4B8gw4I5d9jA==";

#[tokio::test]
async fn the_feed_moves_by_events_and_the_ledger_tells_the_truth() {
    let venue = Market::start().await;
    let moved = venue.advance(50).await;
    assert_eq!(
        (&moved["position"], &moved["done"]),
        (&json!(250), &json!(false))
    );
    let (_, before) = venue
        .control("GET", "/sim/v1/ledger/hash", Value::Null)
        .await;
    let order = venue.order("side=BUY&type=MARKET&quantity=0.01").await;
    let (_, ledger) = venue
        .control("GET", "/sim/v1/ledger?account=alice", Value::Null)
        .await;
    assert_eq!(ledger["orders"][0]["order_id"], order["orderId"]);
    assert_eq!(
        ledger["trades"].as_array().unwrap().len(),
        order["fills"].as_array().unwrap().len()
    );
    let (_, after) = venue
        .control("GET", "/sim/v1/ledger/hash", Value::Null)
        .await;
    assert_ne!(before, after);
    for (method, path, body, expected) in [
        ("POST", "/sim/v1/advance", json!({"events": 0}), 400),
        ("POST", "/sim/v1/advance", json!({"steps": 1}), 400),
        ("POST", "/sim/v1/step", json!({"step": 1}), 409),
        ("GET", "/sim/v1/ledger?account=nobody", Value::Null, 404),
        (
            "POST",
            "/sim/v1/symbol",
            json!({"symbol": "BTCUSDT", "status": "SHUT"}),
            400,
        ),
        (
            "POST",
            "/sim/v1/symbol",
            json!({"symbol": "NOPE", "status": "HALT"}),
            400,
        ),
        (
            "POST",
            "/sim/v1/deposit",
            json!({"account": "alice", "asset": "BTC", "amount": "-1"}),
            400,
        ),
    ] {
        let (status, body) = venue.control(method, path, body).await;
        assert_eq!(status, expected, "{path}: {body}");
        assert_eq!(body["status"], expected, "a problem document: {body}");
    }
}

#[tokio::test]
async fn money_comes_and_goes() {
    let venue = Market::start().await;
    let transfer =
        |asset: &str, amount: &str| json!({"account": "bob", "asset": asset, "amount": amount});
    let (status, body) = venue
        .control("POST", "/sim/v1/deposit", transfer("BTC", "2"))
        .await;
    assert_eq!(
        (status, &body["free"]),
        (200, &json!("3.00000000")),
        "{body}"
    );
    let (_, body) = venue
        .control("POST", "/sim/v1/withdraw", transfer("BTC", "0.5"))
        .await;
    assert_eq!(body["free"], "2.50000000");
    let (status, _) = venue
        .control("POST", "/sim/v1/withdraw", transfer("BTC", "99"))
        .await;
    assert_eq!(status, 400, "more than there is");
}

#[tokio::test]
async fn a_halted_symbol_refuses_and_a_reset_forgets() {
    let venue = Market::start().await;
    let order = venue.order(LIMIT).await;
    let id = order["orderId"].to_string();
    for (status, places, cancels) in [("HALT", false, false), ("CANCEL_ONLY", false, true)] {
        let body = json!({"symbol": "BTCUSDT", "status": status});
        assert_eq!(venue.control("POST", "/sim/v1/symbol", body).await.0, 200);
        let placed = venue
            .ask(Signer::Hmac(ALICE), ("POST", "order"), &with_symbol(LIMIT))
            .await;
        assert_eq!(placed.0 == 200, places, "{status}: {}", placed.1);
        let by_id = [SYMBOL, ("orderId", id.as_str())];
        let canceled = venue
            .ask(Signer::Hmac(ALICE), ("DELETE", "order"), &by_id)
            .await;
        assert_eq!(canceled.0 == 200, cancels, "{status}: {}", canceled.1);
    }
    let body = json!({"symbol": "BTCUSDT", "status": "TRADING"});
    venue.control("POST", "/sim/v1/symbol", body).await;
    venue.order(LIMIT).await;
    assert_eq!(
        venue.control("POST", "/sim/v1/forget", json!({})).await.0,
        200
    );
    assert_eq!(venue.ok(("GET", "allOrders"), &[SYMBOL]).await, json!([]));
    let account = venue
        .ok(("GET", "account"), &[("omitZeroBalances", "true")])
        .await;
    let locked = account["balances"].as_array().unwrap();
    assert!(
        locked.iter().all(|row| row["locked"] == "0.00000000"),
        "{account}"
    );
}

#[tokio::test]
async fn ed25519_and_rsa_keys_sign_rest_requests() {
    let venue = Market::start().await;
    let (status, body) = venue.ask(Signer::Ed25519, ("GET", "account"), &[]).await;
    assert_eq!((status, &body["uid"]), (200, &json!(1)));
    let (_, named) = venue
        .ask(
            Signer::Ed25519,
            ("GET", "openOrders"),
            &[("symbol", "１２３")],
        )
        .await;
    assert_eq!(
        named["code"], -1121,
        "signed in UTF-8, and no such symbol: {named}"
    );
    let still = Clock::Fixed(Arc::new(AtomicI64::new(1_800_000_000_000)));
    let venue = Market::start_at("", still).await;
    let signature = encode(RSA_SIGNATURE);
    let url = format!(
        "http://{}/api/v3/account?timestamp=1800000000000&signature={signature}",
        venue.running.address
    );
    let request = venue.client.get(url).header("X-MBX-APIKEY", "rsa-alice");
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 200);
}

#[tokio::test]
async fn times_come_in_microseconds_on_request() {
    let venue = Market::start().await;
    venue.order("side=BUY&type=MARKET&quantity=0.01").await;
    let ask = async |unit: &str| {
        let payload = format!("symbol=BTCUSDT&timestamp={}", venue.clock.now_ms());
        let signature = Signer::Hmac(ALICE).sign(&payload);
        let address = venue.running.address;
        let url = format!("http://{address}/api/v3/myTrades?{payload}&signature={signature}");
        let request = venue.client.get(url).header("X-MBX-APIKEY", ALICE.0);
        let response = request
            .header("X-MBX-TIME-UNIT", unit)
            .send()
            .await
            .unwrap();
        response.json::<Value>().await.unwrap()
    };
    let (ms, us) = (ask("millisecond").await, ask("MICROSECOND").await);
    assert_eq!(
        us[0]["time"].as_i64(),
        ms[0]["time"].as_i64().map(|at| at * 1_000)
    );
    assert_eq!(ask("FORTNIGHT").await["code"], -1194);
}
