//! Every signed call of market mode over a real socket, its fields checked against the payloads of
//! Binance's own documents.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops where it fails"
)]

mod support;

use std::collections::BTreeSet;

use serde_json::{Value, json};
use support::market::{ALICE, BOB, Market, SYMBOL, Signer, with_symbol};

const PAYLOADS: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../../shared/data/payloads/binance_docs_rest.json"
);
/// Fields that appear under a condition ("Conditional fields in Order Responses").
const CONDITIONAL: [&str; 10] = [
    "stopPrice",
    "icebergQty",
    "strategyId",
    "strategyType",
    "trailingDelta",
    "trailingTime",
    "preventedMatchId",
    "preventedQuantity",
    "expiryReason",
    "workingTime",
];
const LIMIT: &str = "side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.01&price=50000";

/// The example that the documents show at this place; `None` without the data set.
fn documented(index: usize) -> Option<Value> {
    let Ok(text) = std::fs::read_to_string(PAYLOADS) else {
        eprintln!("skipped: no {PAYLOADS}");
        return None;
    };
    let all: Vec<Value> = serde_json::from_str(&text).unwrap();
    Some(all[index]["payload"].clone())
}

fn names(value: &Value) -> BTreeSet<&str> {
    let fields = value
        .as_object()
        .into_iter()
        .flat_map(|fields| fields.keys());
    fields
        .map(String::as_str)
        .filter(|name| !CONDITIONAL.contains(name))
        .collect()
}

/// Both have the same fields, down to the first element of every array.
fn same_shape(path: &str, found: &Value, expected: &Value) {
    assert_eq!(names(found), names(expected), "{path}: {found}");
    match (found, expected) {
        (Value::Array(found), Value::Array(expected)) => {
            if let (Some(found), Some(expected)) = (found.first(), expected.first()) {
                same_shape(&format!("{path}[0]"), found, expected);
            }
        }
        (Value::Object(found), Value::Object(expected)) => {
            for (name, value) in found {
                if let Some(expected) = expected.get(name) {
                    same_shape(&format!("{path}.{name}"), value, expected);
                }
            }
        }
        _ => {}
    }
}

fn looks_like(found: &Value, index: usize) {
    if let Some(expected) = documented(index) {
        same_shape(&format!("payload {index}"), found, &expected);
    }
}

#[tokio::test]
async fn orders_of_all_types_have_the_documented_fields() {
    let venue = Market::start().await;
    for (index, detail) in [(35, "ACK"), (36, "RESULT"), (37, "FULL")] {
        let text = format!("side=SELL&type=MARKET&quantity=0.01&newOrderRespType={detail}");
        looks_like(&venue.order(&text).await, index);
    }
    let bought = venue.order("side=BUY&type=MARKET&quoteOrderQty=100").await;
    assert_eq!(bought["status"], "FILLED");
    assert_eq!(bought["origQuoteOrderQty"], "100.00000000");
    assert_eq!(bought["fills"][0]["commissionAsset"], "BTC");
    for (text, has_fills, conditional) in [
        (LIMIT, true, &[][..]),
        (
            "side=BUY&type=LIMIT_MAKER&quantity=0.01&price=50000",
            false,
            &[],
        ),
        (
            "side=BUY&type=STOP_LOSS&quantity=0.01&stopPrice=70000",
            false,
            &["stopPrice"],
        ),
        (
            "side=BUY&type=STOP_LOSS_LIMIT&timeInForce=GTC&quantity=0.01&price=70100\
             &stopPrice=70000",
            false,
            &["stopPrice"],
        ),
        (
            "side=BUY&type=TAKE_PROFIT&quantity=0.01&trailingDelta=100",
            false,
            &["trailingDelta", "trailingTime"],
        ),
        (
            "side=BUY&type=TAKE_PROFIT_LIMIT&timeInForce=GTC&quantity=0.01&price=50000\
             &stopPrice=50000",
            false,
            &["stopPrice"],
        ),
        (
            "side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.01&price=50000&icebergQty=0.001\
             &strategyId=3&strategyType=1000000&selfTradePreventionMode=EXPIRE_BOTH",
            true,
            &["icebergQty", "strategyId", "strategyType"],
        ),
    ] {
        let short = venue.order(text).await;
        assert_eq!(short.get("fills").is_some(), has_fills, "default of {text}");
        let order_id = short["orderId"].to_string();
        let by_id = [SYMBOL, ("orderId", order_id.as_str())];
        let queried = venue.ok(("GET", "order"), &by_id).await;
        looks_like(&queried, 63);
        assert!(
            conditional.iter().all(|name| queried.get(*name).is_some()),
            "{queried}"
        );
        looks_like(&venue.ok(("DELETE", "order"), &by_id).await, 40);
    }
    let rows = venue.ok(("GET", "allOrders"), &[SYMBOL]).await;
    assert_eq!(rows.as_array().unwrap().len(), 11);
    looks_like(&rows, 65);
    looks_like(&venue.ok(("GET", "myTrades"), &[SYMBOL]).await, 69);
}

#[tokio::test]
async fn cancel_replace_has_five_results() {
    let venue = Market::start().await;
    let order = venue.order(LIMIT).await;
    let order_id = order["orderId"].to_string();
    let replace = |mode: &'static str, id: String, price: &'static str, kind: &'static str| {
        let text = format!(
            "side=BUY&type={kind}&quantity=0.01&price={price}&cancelReplaceMode={mode}\
             &cancelOrderId={id}"
        );
        let venue = &venue;
        async move {
            let call = ("POST", "order/cancelReplace");
            venue
                .ask(Signer::Hmac(ALICE), call, &with_symbol(&text))
                .await
        }
    };
    let (status, body) = replace("STOP_ON_FAILURE", order_id, "51000", "LIMIT_MAKER").await;
    assert_eq!((status, &body["cancelResult"]), (200, &json!("SUCCESS")));
    assert_eq!(body["newOrderResult"], "SUCCESS");
    let placed = body["newOrderResponse"]["orderId"].to_string();
    let cases = [
        (
            "STOP_ON_FAILURE",
            "99999",
            "51000",
            400,
            -2022,
            45,
            ("FAILURE", "NOT_ATTEMPTED"),
        ),
        (
            "ALLOW_FAILURE",
            &placed,
            "90000",
            409,
            -2021,
            46,
            ("SUCCESS", "FAILURE"),
        ),
        (
            "ALLOW_FAILURE",
            "99999",
            "52000",
            409,
            -2021,
            47,
            ("FAILURE", "SUCCESS"),
        ),
        (
            "ALLOW_FAILURE",
            "99999",
            "90000",
            400,
            -2022,
            48,
            ("FAILURE", "FAILURE"),
        ),
    ];
    for (mode, id, price, expected, code, payload, results) in cases {
        let (status, body) = replace(mode, id.to_owned(), price, "LIMIT_MAKER").await;
        assert_eq!((status, &body["code"]), (expected, &json!(code)), "{body}");
        let data = &body["data"];
        let found = (&data["cancelResult"], &data["newOrderResult"]);
        assert_eq!(found, (&json!(results.0), &json!(results.1)), "{body}");
        looks_like(&body, payload);
    }
    let open = venue.ok(("GET", "openOrders"), &[SYMBOL]).await;
    assert_eq!(open.as_array().unwrap().len(), 1, "one replacement is left");
    looks_like(&open, 64);
}

#[tokio::test]
async fn an_amend_lowers_the_quantity_and_is_listed() {
    let venue = Market::start().await;
    let order = venue.order(LIMIT).await;
    let order_id = order["orderId"].to_string();
    let by_id = ("orderId", order_id.as_str());
    let params = [
        SYMBOL,
        by_id,
        ("newQty", "0.004"),
        ("newClientOrderId", "less"),
    ];
    let amended = venue.ok(("PUT", "order/amend/keepPriority"), &params).await;
    looks_like(&amended, 51);
    assert_eq!(amended["amendedOrder"]["qty"], "0.00400000");
    assert_eq!(
        amended["amendedOrder"]["origClientOrderId"],
        order["clientOrderId"]
    );
    let rows = venue
        .ok(("GET", "order/amendments"), &[SYMBOL, by_id])
        .await;
    looks_like(&rows, 74);
    assert_eq!(rows[0]["newClientOrderId"], "less");
    let more = [SYMBOL, by_id, ("newQty", "0.02")];
    let call = ("PUT", "order/amend/keepPriority");
    let (status, body) = venue.ask(Signer::Hmac(ALICE), call, &more).await;
    assert_eq!((status, &body["code"]), (400, &json!(-2038)), "{body}");
}

#[tokio::test]
async fn lists_of_all_kinds_are_placed_shown_and_cancelled() {
    let venue = Market::start().await;
    let working = "workingType=LIMIT&workingSide=BUY&workingPrice=50000&workingQuantity=0.01\
                   &workingTimeInForce=GTC&pendingSide=SELL&pendingQuantity=0.009";
    let oto = format!("{working}&pendingType=MARKET");
    let otoco = format!(
        "{working}&pendingAboveType=LIMIT_MAKER&pendingAbovePrice=70000\
         &pendingBelowType=STOP_LOSS_LIMIT&pendingBelowStopPrice=45000&pendingBelowPrice=44900\
         &pendingBelowTimeInForce=GTC"
    );
    let oco = "side=SELL&quantity=0.01&aboveType=TAKE_PROFIT&aboveStopPrice=70000\
               &belowType=STOP_LOSS&belowStopPrice=50000&listClientOrderId=pair";
    let old = "side=SELL&quantity=0.01&price=70000&stopPrice=50000&stopLimitPrice=49000\
               &stopLimitTimeInForce=GTC";
    for (path, text, payload, legs) in [
        ("orderList/oco", oco, 54, 2),
        ("order/oco", old, 53, 2),
        ("orderList/oto", oto.as_str(), 55, 2),
        ("orderList/otoco", otoco.as_str(), 56, 3),
    ] {
        let list = venue.ok(("POST", path), &with_symbol(text)).await;
        looks_like(&list, payload);
        assert_eq!(
            list["orderReports"].as_array().unwrap().len(),
            legs,
            "{list}"
        );
        let list_id = list["orderListId"].to_string();
        let by_id = ("orderListId", list_id.as_str());
        let queried = venue.ok(("GET", "orderList"), &[by_id]).await;
        looks_like(&queried, 66);
        let open = venue.ok(("GET", "openOrderList"), &[]).await;
        looks_like(&open, 68);
        let canceled = venue.ok(("DELETE", "orderList"), &[SYMBOL, by_id]).await;
        looks_like(&canceled, 59);
        assert_eq!(canceled["listOrderStatus"], "ALL_DONE");
    }
    let all = venue.ok(("GET", "allOrderList"), &[]).await;
    assert_eq!(all.as_array().unwrap().len(), 4);
    looks_like(&all, 67);
}

#[tokio::test]
async fn a_working_order_that_fills_at_once_still_shows_its_pending_order_waiting() {
    let venue = Market::start().await;
    let text = "workingType=LIMIT&workingSide=BUY&workingPrice=65000&workingQuantity=0.01\
                &workingTimeInForce=GTC&pendingType=LIMIT_MAKER&pendingSide=SELL\
                &pendingQuantity=0.005&pendingPrice=90000";
    let list = venue
        .ok(("POST", "orderList/oto"), &with_symbol(text))
        .await;
    let reports = &list["orderReports"];
    assert_eq!(reports[0]["status"], "FILLED", "{list}");
    assert_eq!(reports[1]["status"], "PENDING_NEW");
    let order_id = reports[1]["orderId"].to_string();
    let by_id = [SYMBOL, ("orderId", order_id.as_str())];
    assert_eq!(venue.ok(("GET", "order"), &by_id).await["status"], "NEW");
}

#[tokio::test]
async fn account_queries_have_the_documented_fields() {
    let venue = Market::start().await;
    looks_like(&venue.ok(("GET", "account"), &[]).await, 62);
    looks_like(
        &venue.ok(("GET", "account/commission"), &[SYMBOL]).await,
        73,
    );
    looks_like(&venue.ok(("GET", "rateLimit/order"), &[]).await, 70);
    let filters = venue.ok(("GET", "myFilters"), &[SYMBOL]).await;
    assert!(filters["symbolFilters"].as_array().unwrap().len() > 2);
    assert_eq!(
        venue.ok(("GET", "myAllocations"), &[SYMBOL]).await,
        json!([])
    );
    let params = [SYMBOL, ("preventedMatchId", "1")];
    assert_eq!(
        venue.ok(("GET", "myPreventedMatches"), &params).await,
        json!([])
    );
    assert_eq!(
        venue.order(&format!("{LIMIT}&newOrderRespType=ACK")).await["orderListId"],
        -1
    );
    let test = format!("{LIMIT}&computeCommissionRates=true");
    let rates = venue.ok(("POST", "order/test"), &with_symbol(&test)).await;
    looks_like(&rates, 39);
    let plain = venue.ok(("POST", "order/test"), &with_symbol(LIMIT)).await;
    assert_eq!(plain, json!({}));
    let canceled = venue.ok(("DELETE", "openOrders"), &[SYMBOL]).await;
    looks_like(&canceled, 43);
    let (_, bob) = venue.ask(Signer::Hmac(BOB), ("GET", "account"), &[]).await;
    assert_eq!(
        (&bob["uid"], &bob["canWithdraw"]),
        (&json!(2), &json!(true))
    );
    let (_, rows) = venue
        .ask(Signer::Hmac(BOB), ("GET", "allOrders"), &[SYMBOL])
        .await;
    assert_eq!(rows, json!([]), "an account sees its own orders only");
}

#[tokio::test]
async fn own_orders_do_not_trade_with_each_other() {
    let venue = Market::start().await;
    let rests = venue
        .order("side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=60000")
        .await;
    assert_eq!(rests["status"], "NEW");
    // More than the outside market bids for above the own order.
    let taker = venue
        .order(
            "side=SELL&type=LIMIT&timeInForce=GTC&quantity=99&price=60000\
             &selfTradePreventionMode=EXPIRE_TAKER",
        )
        .await;
    assert_eq!(taker["status"], "EXPIRED_IN_MATCH", "{taker}");
    let id = taker["preventedMatchId"].to_string();
    let params = [SYMBOL, ("preventedMatchId", id.as_str())];
    let rows = venue.ok(("GET", "myPreventedMatches"), &params).await;
    assert_eq!(rows[0]["takerOrderId"], taker["orderId"]);
    assert_eq!(rows[0]["makerOrderId"], rests["orderId"]);
    let order_id = taker["orderId"].to_string();
    let by_order = [SYMBOL, ("orderId", order_id.as_str())];
    assert_eq!(
        venue.ok(("GET", "myPreventedMatches"), &by_order).await,
        rows
    );
}
