//! Every family of refusals in market mode: the code, the status, a word of the message.
#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

mod support;

use serde_json::{Value, json};
use support::market::{ALICE, Market, READER, SYMBOL, Signer, with_symbol};

/// What is sent, the code to expect, a word of the message.
type Case = (&'static str, i64, &'static str);

const LIMIT: &str = "side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.01&price=50000";

async fn refused(venue: &Market, call: (&str, &str), cases: &[Case]) {
    for (text, code, word) in cases {
        let text = match text.strip_prefix("LIMIT&") {
            Some(rest) => format!("{LIMIT}&{rest}"),
            None => (*text).to_owned(),
        };
        let (status, body) = venue
            .ask(Signer::Hmac(ALICE), call, &with_symbol(&text))
            .await;
        assert_eq!(
            (status, &body["code"]),
            (400, &json!(code)),
            "{text}: {body}"
        );
        assert!(
            body["msg"].as_str().unwrap().contains(word),
            "{text}: {body}"
        );
    }
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one table of refusals")]
async fn order_parameters() {
    let venue = Market::start().await;
    let cases = [
        ("type=LIMIT", -1102, "side"),
        ("side=UP&type=LIMIT", -1117, "side"),
        ("side=BUY", -1102, "type"),
        ("side=BUY&type=PEGGED", -1116, "orderType"),
        (
            "side=BUY&type=LIMIT&quantity=1&price=1",
            -1102,
            "timeInForce",
        ),
        (
            "side=BUY&type=LIMIT&quantity=1&price=1&timeInForce=GTX",
            -1115,
            "timeInForce",
        ),
        (
            "side=BUY&type=LIMIT&timeInForce=GTC&price=50000",
            -1102,
            "quantity",
        ),
        (
            "side=BUY&type=LIMIT&timeInForce=GTC&quantity=1",
            -1102,
            "price",
        ),
        ("side=BUY&type=MARKET", -1102, "quoteOrderQty"),
        (
            "side=BUY&type=MARKET&quantity=1&quoteOrderQty=1",
            -1106,
            "quoteOrderQty",
        ),
        (
            "side=BUY&type=MARKET&quantity=1&timeInForce=GTC",
            -1114,
            "TimeInForce",
        ),
        ("side=BUY&type=MARKET&quantity=1&price=1", -1106, "price"),
        (
            "side=BUY&type=MARKET&quantity=1&icebergQty=1",
            -1106,
            "icebergQty",
        ),
        ("side=BUY&type=STOP_LOSS&quantity=1", -1102, "trailingDelta"),
        (
            "side=BUY&type=STOP_LOSS&quantity=1&stopPrice=1&price=1",
            -1106,
            "price",
        ),
        (
            "side=BUY&type=LIMIT_MAKER&quantity=1&price=1&timeInForce=GTC",
            -1114,
            "TimeInForce",
        ),
        ("LIMIT&stopPrice=50000", -1106, "stopPrice"),
        ("LIMIT&color=red", -1104, "read"),
        ("LIMIT&newClientOrderId=a b", -1100, "newClientOrderId"),
        ("LIMIT&newClientOrderId=", -1105, "newClientOrderId"),
        ("LIMIT&newOrderRespType=X", -1130, "newOrderRespType"),
        (
            "LIMIT&selfTradePreventionMode=X",
            -1130,
            "selfTradePreventionMode",
        ),
        ("LIMIT&strategyType=999999", -1134, "strategyType"),
        ("LIMIT&pegPriceType=PRIMARY_PEG", -2010, "Pegged"),
        (
            "side=BUY&type=LIMIT&timeInForce=IOC&quantity=0.01&price=50000&icebergQty=0.001",
            -1014,
            "combination",
        ),
    ];
    refused(&venue, ("POST", "order"), &cases).await;
    let (_, rows) = venue
        .ask(Signer::Hmac(ALICE), ("GET", "allOrders"), &[SYMBOL])
        .await;
    assert_eq!(rows, json!([]), "nothing of this reached the engine");
}

#[tokio::test]
async fn values_and_filters() {
    let venue = Market::start().await;
    let cases = [
        ("side=BUY&type=MARKET&quantity=1e3", -1100, "quantity"),
        (
            "side=BUY&type=MARKET&quantity=0.123456789",
            -1111,
            "quantity",
        ),
        ("side=BUY&type=MARKET&quantity=0.000001", -1013, "LOT_SIZE"),
        ("side=BUY&type=MARKET&quantity=0", -1013, "LOT_SIZE"),
        ("side=BUY&type=MARKET&quantity=0.00001", -1013, "NOTIONAL"),
        (
            "side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=50000.001",
            -1013,
            "PRICE_FILTER",
        ),
        (
            "side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=1",
            -1013,
            "PERCENT_PRICE",
        ),
        (
            "side=BUY&type=LIMIT&timeInForce=GTC&quantity=100&price=50000",
            -2010,
            "insufficient",
        ),
        (
            "side=BUY&type=LIMIT_MAKER&quantity=0.01&price=90000",
            -2010,
            "match and take",
        ),
        (
            "side=BUY&type=STOP_LOSS&quantity=0.01&stopPrice=50000",
            -2010,
            "trigger",
        ),
        (
            "side=BUY&type=STOP_LOSS&quantity=0.01&trailingDelta=1",
            -1013,
            "TRAILING_DELTA",
        ),
        ("LIMIT&icebergQty=0.00002", -1013, "ICEBERG_PARTS"),
    ];
    refused(&venue, ("POST", "order"), &cases).await;
    venue.order(&format!("{LIMIT}&newClientOrderId=one")).await;
    let twice = [("LIMIT&newClientOrderId=one", -2010, "Duplicate")];
    refused(&venue, ("POST", "order"), &twice).await;
}

#[tokio::test]
async fn lists() {
    let venue = Market::start().await;
    let cases = [
        (
            "side=SELL&quantity=1&aboveType=LIMIT_MAKER",
            -1102,
            "belowType",
        ),
        (
            "side=SELL&quantity=1&aboveType=MARKET&belowType=STOP_LOSS",
            -1158,
            "not supported",
        ),
        (
            "side=BUY&quantity=1&aboveType=LIMIT_MAKER&belowType=STOP_LOSS",
            -1165,
            "below",
        ),
        (
            "side=SELL&quantity=1&aboveType=STOP_LOSS&belowType=LIMIT_MAKER",
            -1166,
            "above",
        ),
        (
            "side=SELL&quantity=1&aboveType=LIMIT_MAKER&belowType=LIMIT_MAKER",
            -1168,
            "contingent",
        ),
        (
            "side=BUY&quantity=1&aboveType=STOP_LOSS&belowType=STOP_LOSS",
            -1196,
            "above",
        ),
        (
            "side=SELL&quantity=1&aboveType=STOP_LOSS&belowType=STOP_LOSS",
            -1197,
            "below",
        ),
        (
            "side=BUY&quantity=1&aboveType=TAKE_PROFIT&belowType=LIMIT_MAKER",
            -1198,
            "below",
        ),
        (
            "side=SELL&quantity=1&aboveType=LIMIT_MAKER&belowType=TAKE_PROFIT",
            -1199,
            "above",
        ),
        (
            "side=SELL&quantity=0.01&aboveType=LIMIT_MAKER&abovePrice=50000&belowType=STOP_LOSS\
             &belowStopPrice=55000",
            -2010,
            "relationship",
        ),
    ];
    refused(&venue, ("POST", "orderList/oco"), &cases).await;
    let old = [("side=SELL&quantity=1&price=70000", -1102, "stopPrice")];
    refused(&venue, ("POST", "order/oco"), &old).await;
    let oto = [("workingType=MARKET", -1116, "orderType")];
    refused(&venue, ("POST", "orderList/oto"), &oto).await;
    let opo = [("workingType=LIMIT", -2010, "OPO")];
    refused(&venue, ("POST", "orderList/opo"), &opo).await;
    let none = [("orderListId=9", -2011, "Unknown order")];
    refused(&venue, ("DELETE", "orderList"), &none).await;
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one table of refusals")]
async fn queries_cancels_and_replacements() {
    let venue = Market::start().await;
    for (call, cases) in [
        (
            ("GET", "order"),
            &[
                ("orderId=7", -2013, "does not exist"),
                ("", -1102, "orderId"),
            ][..],
        ),
        (
            ("DELETE", "order"),
            &[
                ("orderId=7", -2011, "Unknown order"),
                ("orderId=seven", -1100, "orderId"),
                ("orderId=99999999999999999999", -1108, "overflowed"),
            ],
        ),
        (("DELETE", "openOrders"), &[("", -2011, "Unknown order")]),
        (
            ("GET", "myTrades"),
            &[
                ("orderId=1&startTime=1", -1128, "Combination"),
                ("fromId=1&endTime=1", -1128, "Combination"),
                ("startTime=0&endTime=86400001", -1127, "24 hours"),
                ("limit=0", -1130, "limit"),
            ],
        ),
        (("GET", "myPreventedMatches"), &[("", -1102, "orderId")]),
        (("GET", "order/amendments"), &[("", -1102, "orderId")]),
        (
            ("PUT", "order/amend/keepPriority"),
            &[("orderId=7&newQty=1", -2038, "Unknown order")],
        ),
        (
            ("POST", "order/cancelReplace"),
            &[
                ("LIMIT&cancelOrderId=1", -1102, "cancelReplaceMode"),
                ("LIMIT&cancelReplaceMode=MAYBE", -1130, "cancelReplaceMode"),
                (
                    "LIMIT&cancelReplaceMode=ALLOW_FAILURE",
                    -1102,
                    "cancelOrderId",
                ),
            ],
        ),
        (("POST", "sor/order"), &[("", -1020, "not supported")]),
    ] {
        refused(&venue, call, cases).await;
    }
    let order = venue.order(&format!("{LIMIT}&newClientOrderId=mine")).await;
    let id = order["orderId"].to_string();
    let wrong = [SYMBOL, ("orderId", &id), ("origClientOrderId", "other")];
    let (_, body) = venue
        .ask(Signer::Hmac(ALICE), ("GET", "order"), &wrong)
        .await;
    assert_eq!(body["code"], -2039);
    for (restriction, code) in [("ONLY_PARTIALLY_FILLED", -2011), ("NEVER", -1145)] {
        let params = [
            SYMBOL,
            ("orderId", &id),
            ("cancelRestrictions", restriction),
        ];
        let (_, body) = venue
            .ask(Signer::Hmac(ALICE), ("DELETE", "order"), &params)
            .await;
        assert_eq!(body["code"], code, "{body}");
    }
    let nope = [("symbol", "NOPE")];
    let (_, body) = venue
        .ask(Signer::Hmac(ALICE), ("GET", "openOrders"), &nope)
        .await;
    assert_eq!(body["code"], -1121);
}

#[tokio::test]
async fn keys_and_permissions() {
    let venue = Market::start().await;
    let reader = Signer::Hmac(READER);
    let (status, _) = venue.ask(reader, ("GET", "account"), &[]).await;
    assert_eq!(status, 200);
    let order = with_symbol(LIMIT);
    let (status, body) = venue.ask(reader, ("POST", "order"), &order).await;
    assert_eq!((status, &body["code"]), (401, &json!(-2015)));
    let unknown = Signer::Hmac(("nobody", "secret"));
    let (status, body) = venue.ask(unknown, ("GET", "account"), &[]).await;
    assert_eq!((status, &body["code"]), (401, &json!(-2015)));
    let wrong = Signer::Hmac((ALICE.0, "wrong"));
    let (status, body) = venue.ask(wrong, ("GET", "account"), &[]).await;
    assert_eq!((status, &body["code"]), (400, &json!(-1022)));
    for (window, code) in [("60000.001", -1131), ("5000.0001", -1111), ("x", -1100)] {
        let params = [("recvWindow", window)];
        let (_, body) = venue
            .ask(Signer::Hmac(ALICE), ("GET", "account"), &params)
            .await;
        assert_eq!(body["code"], code, "{window}: {body}");
    }
    let fine = [("recvWindow", "4999.125")];
    venue.ok(("GET", "account"), &fine).await;
}

#[tokio::test]
async fn exchange_info_selects_and_refuses() {
    let venue = Market::start().await;
    let get = async |query: &str| -> Value {
        let url = format!(
            "http://{}/api/v3/exchangeInfo?{query}",
            venue.running.address
        );
        let response = venue.client.get(url).send().await.unwrap();
        response.json().await.unwrap()
    };
    for (query, found) in [
        ("", 1),
        ("symbol=BTCUSDT", 1),
        ("symbols=%5B%22BTCUSDT%22%5D", 1),
        ("permissions=SPOT", 1),
        ("permissions=MARGIN", 0),
        ("symbolStatus=TRADING", 1),
        ("symbolStatus=HALT", 0),
    ] {
        let body = get(query).await;
        assert_eq!(body["symbols"].as_array().unwrap().len(), found, "{query}");
    }
    let bare = get("showPermissionSets=false").await;
    assert_eq!(bare["symbols"][0]["permissionSets"], json!([]));
    for (query, code) in [
        ("symbol=BTCUSDT&symbols=%5B%22BTCUSDT%22%5D", -1128),
        ("symbol=BTCUSDT&symbolStatus=TRADING", -1128),
        ("symbol=BTCUSDT&permissions=SPOT", -1128),
        ("symbolStatus=OPEN", -1122),
        ("symbol=NOPE", -1121),
        ("symbols=BTCUSDT", -1100),
    ] {
        assert_eq!(get(query).await["code"], code, "{query}");
    }
}
