//! Gateway and simulated venue as processes, in lock-step.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a broken fixture must stop the test"
)]

mod support;

use serde_json::{Value, json};

use support::orders::approved_until;
use support::{Rig, approved, bracket, market, next_json, now_ms, path};

fn legs(events: &[Value], leg: &str) -> Vec<String> {
    let own = events.iter().filter(|event| event["leg"] == leg);
    own.map(|event| event["status"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn a_market_order_fills_and_is_told_once() {
    let rig = Rig::start(&path()).await;
    rig.step_and_sync(1).await;
    let order = approved(1, "entry", "open", &market("BUY", "1.00000"));
    let (status, reply) = rig.submit(&order, 5_000).await;
    assert_eq!(
        (status, reply["status"].as_str()),
        (202, Some("FILLED")),
        "{reply}"
    );
    let sync = rig.sync(2).await;
    let events = rig.events(1, sync["gateway_seq"].as_u64().unwrap()).await;
    assert_eq!(legs(&events, "entry"), ["SUBMITTED", "ACCEPTED", "FILLED"]);
    let fill = &events[2]["fill"];
    assert_eq!(
        fill["price"], "100.02",
        "open of the next bar, 2 bps against the taker"
    );
    assert_eq!(fill["fee"], "0.00100000");
    assert_eq!(fill["fee_asset"], "BTC");
    assert_eq!(fill["liquidity_side"], "TAKER");
    assert_eq!(fill["market_time"], "2021-09-27T00:15:00.000Z");
    assert_eq!(fill["execution_id"], 2);
    let again = rig.submit(&order, 0).await;
    assert_eq!(
        (again.0, &again.1["status"]),
        (202, &json!("FILLED")),
        "the stored reply"
    );
    assert_eq!(rig.venue_trades().await.len(), 1);
    let positions = rig.get("/v1/positions").await;
    assert_eq!(positions["positions"][0]["quantity"], "0.99900");
    let order = rig
        .get(&format!(
            "/v1/orders/{}",
            reply["client_order_id"].as_str().unwrap()
        ))
        .await;
    assert_eq!(order["fills"].as_array().unwrap().len(), 1);
    assert!(order.get("event").is_none());
}

#[tokio::test]
async fn a_bracket_is_protected_and_its_stop_closes_the_position() {
    let rig = Rig::start(&path()).await;
    rig.step_and_sync(1).await;
    let order = approved(1, "entry", "open", &bracket("1.00000"));
    let (status, reply) = rig.submit(&order, 5_000).await;
    assert_eq!(
        (status, reply["status"].as_str()),
        (202, Some("FILLED")),
        "{reply}"
    );
    let children = reply["children"].as_array().unwrap();
    let told: Vec<_> = children.iter().map(|c| (&c["leg"], &c["status"])).collect();
    let accepted = json!("ACCEPTED");
    assert_eq!(
        told,
        [
            (&json!("entry.stop"), &accepted),
            (&json!("entry.target"), &accepted)
        ]
    );
    let open = rig.get("/v1/orders?status=open").await;
    let triggers: Vec<_> = open["orders"]
        .as_array()
        .unwrap()
        .iter()
        .map(|o| {
            (
                o["order_type"].clone(),
                o["trigger_price"].clone(),
                o["price"].clone(),
            )
        })
        .collect();
    assert!(triggers.contains(&(json!("STOP_MARKET"), json!("95.02"), Value::Null)));
    assert!(triggers.contains(&(json!("LIMIT"), Value::Null, json!("106.02"))));
    let mut seq = 0;
    for step in 2..=8 {
        seq = rig.step_and_sync(step).await["gateway_seq"]
            .as_u64()
            .unwrap();
    }
    let events = rig.events(1, seq).await;
    let stop = legs(&events, "entry.stop");
    assert_eq!(stop.last().unwrap(), "FILLED", "{stop:?}");
    assert_eq!(legs(&events, "entry.target").last().unwrap(), "EXPIRED");
    let fill = events
        .iter()
        .find(|e| e["leg"] == "entry.stop" && !e["fill"].is_null())
        .unwrap();
    assert_eq!(fill["fill"]["quantity"], "0.99900");
    assert_eq!(fill["fill"]["market_time"], "2021-09-27T01:45:00.000Z");
    let positions = rig.get("/v1/positions").await;
    assert_eq!(positions["positions"][0]["quantity"], "0.00000");
}

#[tokio::test]
async fn cancelling_protection_and_leaving_by_market() {
    let rig = Rig::start(&path()).await;
    rig.step_and_sync(1).await;
    let entry = approved(1, "entry", "open", &bracket("1.00000"));
    let reply = rig.submit(&entry, 5_000).await.1;
    let stop = reply["children"][0]["client_order_id"]
        .as_str()
        .unwrap()
        .to_owned();
    let target = format!("/v1/orders/{stop}?wait_ms=5000");
    let (status, canceled) = rig.call("DELETE", &target, None, &[]).await;
    assert_eq!(
        (status, canceled["status"].as_str()),
        (202, Some("CANCELED")),
        "{canceled}"
    );
    let (status, again) = rig.call("DELETE", &target, None, &[]).await;
    assert_eq!(
        (status, again["status"].as_str()),
        (202, Some("CANCELED")),
        "idempotent"
    );
    let exit = approved(1, "exit", "reduce", &market("SELL", "0.99900"));
    let (status, reply) = rig.submit(&exit, 5_000).await;
    assert_eq!(
        (status, reply["status"].as_str()),
        (202, Some("FILLED")),
        "{reply}"
    );
    let more = approved(2, "exit", "reduce", &market("SELL", "0.99900"));
    let (status, problem) = rig.submit(&more, 0).await;
    assert_eq!(
        (status, problem["field"].as_str()),
        (422, Some("reduce_only")),
        "{problem}"
    );
}

#[tokio::test]
async fn an_oco_of_its_own_and_its_refusal() {
    let rig = Rig::start(&path()).await;
    rig.step_and_sync(1).await;
    rig.submit(
        &approved(1, "entry", "open", &market("BUY", "1.00000")),
        5_000,
    )
    .await;
    let oco = |trigger: &str, price: &str| {
        json!({
            "order_type": "OCO", "order_side": "SELL", "quantity": "0.99900",
            "trigger_price": trigger, "price": price
        })
    };
    let refused = approved(1, "protect", "reduce", &oco("101.00", "106.00"));
    let (status, reply) = rig.submit(&refused, 5_000).await;
    assert_eq!(
        (status, reply["status"].as_str()),
        (202, Some("REJECTED")),
        "{reply}"
    );
    let kept = approved(2, "protect", "reduce", &oco("95.00", "106.00"));
    let (status, reply) = rig.submit(&kept, 5_000).await;
    assert_eq!(
        (status, reply["status"].as_str()),
        (202, Some("ACCEPTED")),
        "{reply}"
    );
    let mut seq = 0;
    for step in 2..=8 {
        seq = rig.step_and_sync(step).await["gateway_seq"]
            .as_u64()
            .unwrap();
    }
    let events = rig.events(1, seq).await;
    let parent: Vec<_> = events.iter().filter(|e| e["leg"] == "protect").collect();
    assert_eq!(parent.last().unwrap()["status"], "FILLED");
    assert_eq!(legs(&events, "protect.stop").last().unwrap(), "FILLED");
}

#[tokio::test]
async fn the_kill_switch_flattens_and_survives_a_restart() {
    let mut rig = Rig::start(&path()).await;
    rig.step_and_sync(1).await;
    rig.submit(&approved(1, "entry", "open", &bracket("1.00000")), 5_000)
        .await;
    let body = json!({ "level": "flatten", "reason": "drill" }).to_string();
    let (status, reply) = rig.call("POST", "/v1/kill", Some(body), &[]).await;
    assert_eq!(status, 200);
    assert_eq!(
        (&reply["trading_state"], &reply["canceled"]),
        (&json!("HALTED"), &json!(2)),
        "{reply}"
    );
    assert_eq!(
        rig.get("/v1/positions").await["positions"][0]["quantity"],
        "0.00000"
    );
    rig.kill_gateway();
    rig.spawn_gateway().await;
    let (status, problem) = rig
        .submit(&approved(2, "entry", "open", &market("BUY", "1.00000")), 0)
        .await;
    assert_eq!(status, 503, "{problem}");
    let status = rig.get("/v1/status").await;
    assert_eq!(
        (&status["level"], &status["entries_open"]),
        (&json!("flatten"), &json!(false))
    );
    let body = json!({ "reason": "drill over" }).to_string();
    let (_, resumed) = rig.call("POST", "/v1/resume", Some(body), &[]).await;
    assert_eq!(resumed["trading_state"], "ACTIVE");
    rig.until_ready().await;
}

#[tokio::test]
async fn bars_arrive_once_in_order_also_over_a_venue_restart() {
    let mut rig = Rig::start(&path()).await;
    let mut socket = rig.socket("/v1/market").await;
    rig.step_and_sync(1).await;
    rig.step_and_sync(2).await;
    rig.kill_venue();
    rig.spawn_venue().await;
    rig.step(3).await;
    rig.step(4).await;
    let mut closed = Vec::new();
    let mut links = Vec::new();
    while closed.len() < 4 {
        let frame = next_json(&mut socket).await;
        match frame["type"].as_str().unwrap() {
            "bar" => closed.push(frame["bar"]["closed_at"].as_str().unwrap().to_owned()),
            _ => links.push(frame["connected"].as_bool().unwrap()),
        }
    }
    let expected =
        ["00:15", "00:30", "00:45", "01:00"].map(|at| format!("2021-09-27T{at}:00.000Z"));
    assert_eq!(closed, expected);
    assert!(links.contains(&false) && links.contains(&true), "{links:?}");
    rig.until_ready().await;
    let bars = rig
        .get(
            "/v1/klines?instrument_id=BTC-USD.SIM&timeframe=15m\
             &start_at=2021-09-27T00:15:00.000Z&limit=2",
        )
        .await;
    let opened: Vec<_> = bars["bars"]
        .as_array()
        .unwrap()
        .iter()
        .map(|b| b["opened_at"].clone())
        .collect();
    assert_eq!(
        opened,
        [
            json!("2021-09-27T00:15:00.000Z"),
            json!("2021-09-27T00:30:00.000Z")
        ]
    );
    assert_eq!(bars["bars"][0]["close"], "100.00");
}

#[tokio::test]
async fn requests_are_checked_field_by_field() {
    let rig = Rig::start(&path()).await;
    rig.step_and_sync(1).await;
    let order = approved(1, "entry", "open", &market("BUY", "1.00000"));
    let no_auth = rig.raw("GET", "/v1/status", None, &[]).await;
    assert_eq!((no_auth.0, &no_auth.1["field"]), (401, &json!("X-ATS-Key")));
    let headers = rig.auth(
        "orchestrator",
        support::APPROVAL_KEY,
        "GET",
        "/v1/status",
        "",
    );
    assert_eq!(
        rig.raw("GET", "/v1/status", None, &headers).await.0,
        401,
        "wrong secret"
    );
    let (status, problem) = rig.call_as_reader("DELETE", "/v1/orders/x").await;
    assert_eq!(
        (status, problem["allowed"].as_str()),
        (403, Some("orders:cancel"))
    );
    let forged = order.body.replace("1.00000", "2.00000");
    let signature = support::sign(support::APPROVAL_KEY, &order.body);
    let extra = [
        ("Idempotency-Key", order.key.clone()),
        ("X-ATS-Signature", signature),
    ];
    let (status, problem) = rig.call("POST", "/v1/orders", Some(forged), &extra).await;
    assert_eq!(
        (status, problem["field"].as_str()),
        (401, Some("X-ATS-Signature"))
    );
    let mut other = order.clone();
    other.key.replace_range(0..1, "f");
    let (status, problem) = rig.submit(&other, 0).await;
    assert_eq!(
        (status, problem["field"].as_str()),
        (400, Some("Idempotency-Key"))
    );
    let old = approved_until(3, "entry", "open", &market("BUY", "1.00000"), now_ms() - 1);
    assert_eq!(rig.submit(&old, 0).await.0, 410);
    let (status, problem) = rig.call("GET", "/v1/orders?status=odd", None, &[]).await;
    assert_eq!(
        (status, problem["allowed"].as_str()),
        (400, Some("open or all"))
    );
    let (status, problem) = rig
        .call("POST", "/v1/kill", Some("{}".to_owned()), &[])
        .await;
    assert_eq!((status, problem["field"].as_str()), (400, Some("level")));
    assert_eq!(
        rig.call("GET", "/v1/orders/nothing", None, &[]).await.0,
        404
    );
    let (status, problem) = rig
        .call("POST", "/v1/resume", Some("x".repeat(70_000)), &[])
        .await;
    assert_eq!(status, 413, "{problem}");
    assert!(rig.venue_trades().await.is_empty());
}

#[tokio::test]
async fn concurrent_repeats_of_one_key_make_one_order() {
    let rig = Rig::start(&path()).await;
    rig.step_and_sync(1).await;
    let order = approved(1, "entry", "open", &market("BUY", "1.00000"));
    let calls = (0..12).map(|_| rig.submit(&order, 5_000));
    let replies = futures_util::future::join_all(calls).await;
    assert!(replies.iter().all(|(status, reply)| {
        *status == 202 && reply["client_order_id"] == replies[0].1["client_order_id"]
    }));
    assert_eq!(rig.venue_trades().await.len(), 1);
}
