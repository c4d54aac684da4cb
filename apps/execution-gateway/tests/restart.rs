//! SIGKILL, lost requests, lost replies: at most one execution, no lost fill.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a broken fixture must stop the test"
)]

mod support;

use std::process::Command;

use serde_json::json;

use support::orders::approved_again;
use support::proxy::{Fault, Proxy};
use support::{Rig, approved, bracket, market, now_ms, path};

/// A rig whose REST requests go through a fault proxy; one bar is closed.
async fn with_proxy() -> (Rig, Proxy) {
    let mut rig = Rig::venue_only(&path()).await;
    let proxy = Proxy::start(rig.venue_port).await;
    rig.configure(proxy.port);
    rig.spawn_gateway().await;
    rig.until_ready().await;
    rig.step_and_sync(1).await;
    (rig, proxy)
}

#[tokio::test]
async fn killed_between_intent_and_outcome_the_order_is_found_again() {
    let (mut rig, mut proxy) = with_proxy().await;
    proxy.set(Fault::HoldReply, "POST /api/v3/order?");
    let order = approved(1, "entry", "open", &bracket("1.00000"));
    let (status, reply) = rig.submit(&order, 0).await;
    assert_eq!((status, reply["status"].as_str()), (202, Some("SUBMITTED")));
    proxy.until_hit().await;
    rig.kill_gateway();
    proxy.set(Fault::None, "");
    rig.spawn_gateway().await;
    let through = rig.venue_trades().await.len() as u64 + 1;
    let seq = rig.sync(through).await["gateway_seq"].as_u64().unwrap();
    let (_, reply) = rig.submit(&order, 5_000).await;
    assert_eq!(reply["status"], "FILLED");
    assert_eq!(
        reply["children"][0]["status"], "ACCEPTED",
        "protection continued: {reply}"
    );
    assert_eq!(rig.venue_trades().await.len(), 1, "one execution");
    let events = rig.events(1, seq).await;
    let fills = events
        .iter()
        .filter(|event| !event["fill"].is_null())
        .count();
    assert_eq!(fills, 1);
}

#[tokio::test]
async fn killed_before_the_protection_was_answered_it_is_resolved() {
    let (mut rig, mut proxy) = with_proxy().await;
    proxy.set(Fault::HoldReply, "POST /api/v3/orderList/oco");
    let order = approved(1, "entry", "open", &bracket("1.00000"));
    rig.submit(&order, 0).await;
    proxy.until_hit().await;
    rig.kill_gateway();
    proxy.set(Fault::None, "");
    rig.spawn_gateway().await;
    rig.sync(0).await;
    let (_, reply) = rig.submit(&order, 5_000).await;
    for child in reply["children"].as_array().unwrap() {
        assert_eq!(child["status"], "ACCEPTED", "{reply}");
    }
    let open = rig.get("/v1/orders?status=open").await;
    assert_eq!(
        open["orders"].as_array().unwrap().len(),
        2,
        "one list, not two"
    );
}

#[tokio::test]
async fn a_lost_reply_is_unknown_until_a_query_tells() {
    let (rig, mut proxy) = with_proxy().await;
    proxy.set(Fault::DropReply, "POST /api/v3/order?");
    let order = approved(1, "entry", "open", &market("BUY", "1.00000"));
    let (status, reply) = rig.submit(&order, 10_000).await;
    assert_eq!(
        (status, reply["status"].as_str()),
        (202, Some("FILLED")),
        "{reply}"
    );
    proxy.until_hit().await;
    assert_eq!(rig.venue_trades().await.len(), 1);
    assert_eq!(*proxy.hits.borrow(), 1, "never sent again");
}

#[tokio::test]
async fn a_lost_request_ends_as_not_sent_after_proof_of_absence() {
    let (rig, proxy) = with_proxy().await;
    proxy.set(Fault::DropRequest, "POST /api/v3/order?");
    let order = approved(1, "entry", "open", &market("BUY", "1.00000"));
    let (status, reply) = rig.submit(&order, 15_000).await;
    assert_eq!(
        (status, reply["status"].as_str()),
        (202, Some("NOT_SENT")),
        "{reply}"
    );
    assert!(rig.venue_trades().await.is_empty());
    assert_eq!(*proxy.hits.borrow(), 1, "never sent again");
    let seq = rig.sync(0).await["gateway_seq"].as_u64().unwrap();
    let statuses: Vec<_> = rig
        .events(1, seq)
        .await
        .iter()
        .map(|event| event["status"].clone())
        .collect();
    assert_eq!(
        statuses,
        [json!("SUBMITTED"), json!("UNKNOWN"), json!("NOT_SENT")]
    );
}

#[tokio::test]
async fn lost_protection_is_placed_after_proof_of_absence() {
    let (rig, mut proxy) = with_proxy().await;
    proxy.set(Fault::DropRequest, "POST /api/v3/orderList/oco");
    let order = approved(1, "entry", "open", &bracket("1.00000"));
    rig.submit(&order, 0).await;
    proxy.until_hit().await;
    proxy.set(Fault::None, "");
    let (_, reply) = rig.submit(&order, 15_000).await;
    assert_eq!(reply["children"][0]["status"], "ACCEPTED", "{reply}");
    let open = rig.get("/v1/orders?status=open").await;
    assert_eq!(open["orders"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn fills_while_the_gateway_was_dead_are_recovered_and_numbers_go_on() {
    let mut rig = Rig::start(&path()).await;
    rig.step_and_sync(1).await;
    rig.submit(&approved(1, "entry", "open", &bracket("1.00000")), 5_000)
        .await;
    let before = rig.sync(0).await["gateway_seq"].as_u64().unwrap();
    let told = rig.events(1, before).await;
    rig.kill_gateway();
    let mut last = 0;
    for step in 2..=8 {
        last = rig.step(step).await["last_execution_id"].as_u64().unwrap();
    }
    rig.spawn_gateway().await;
    let seq = rig.sync(last).await["gateway_seq"].as_u64().unwrap();
    let events = rig.events(1, seq).await;
    assert_eq!(
        events[..told.len()],
        told[..],
        "replay tells the same events"
    );
    let stop = events
        .iter()
        .rfind(|event| event["leg"] == "entry.stop")
        .unwrap();
    assert_eq!(stop["status"], "FILLED");
    assert_eq!(
        stop["fill"]["execution_id"],
        json!(null),
        "a query does not know it"
    );
    assert_eq!(
        rig.get("/v1/positions").await["positions"][0]["quantity"],
        "0.00000"
    );
    let fills = events
        .iter()
        .filter(|event| !event["fill"].is_null())
        .count();
    assert_eq!(fills, rig.venue_trades().await.len());
}

#[tokio::test]
async fn kills_at_any_moment_of_an_order_never_double_or_lose() {
    let mut rig = Rig::start(&path()).await;
    rig.step_and_sync(1).await;
    for (round, delay_us) in [
        (1, 0),
        (2, 300),
        (3, 900),
        (4, 2_000),
        (5, 5_000),
        (6, 12_000),
    ] {
        let order = approved(round, "entry", "open", &market("BUY", "1.00000"));
        let submitting = tokio::time::timeout(
            std::time::Duration::from_micros(delay_us),
            rig.submit(&order, 5_000),
        );
        submitting.await.ok();
        rig.kill_gateway();
        rig.spawn_gateway().await;
        rig.until_ready().await;
        let (_, mut reply) = rig.submit(&order, 10_000).await;
        if reply["status"] == "NOT_SENT" {
            // Proven: the kill came before the first byte. The caller decides afresh (K11).
            assert_eq!(rig.venue_trades().await.len(), usize::from(round) - 1);
            let expires_at = now_ms() + 30_000;
            let terms = market("BUY", "1.00000");
            let again = approved_again((round, 1), "entry", "open", &terms, expires_at);
            reply = rig.submit(&again, 10_000).await.1;
        }
        assert_eq!(reply["status"], "FILLED", "{reply}");
        assert_eq!(
            rig.venue_trades().await.len(),
            usize::from(round),
            "one execution per intent"
        );
    }
    let held: i64 = 6 * 99_900;
    let quantity = format!("{}.{:05}", held / 100_000, held % 100_000);
    assert_eq!(
        rig.get("/v1/positions").await["positions"][0]["quantity"],
        quantity
    );
}

#[tokio::test]
async fn a_second_gateway_on_the_same_journal_is_refused() {
    let rig = Rig::start(&path()).await;
    let second = Command::new(env!("CARGO_BIN_EXE_execution-gateway"))
        .arg("--config")
        .arg(rig.dir.path().join("gateway.toml"))
        .output()
        .unwrap();
    assert!(!second.status.success());
    let text = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(
        text.contains("another gateway") && text.contains("journal_dir"),
        "{text}"
    );
    rig.until_ready().await;
}

#[tokio::test]
async fn a_clean_stop_and_no_secret_in_logs_or_journal() {
    let mut rig = Rig::start(&path()).await;
    rig.step_and_sync(1).await;
    rig.submit(&approved(1, "entry", "open", &bracket("1.00000")), 5_000)
        .await;
    let mut child = rig.gateway.take().unwrap();
    let stopped = Command::new("kill")
        .arg(child.id().to_string())
        .status()
        .unwrap();
    assert!(stopped.success());
    assert!(child.wait().unwrap().success(), "exit code 0 after SIGTERM");
    let journal = rig.dir.path().join("journal");
    let mut files: Vec<_> = std::fs::read_dir(journal)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.push(rig.dir.path().join("gateway.log"));
    for file in files {
        let text = String::from_utf8_lossy(&std::fs::read(&file).unwrap()).into_owned();
        for secret in ["venue-secret", "venue-key", support::APPROVAL_KEY] {
            assert!(!text.contains(secret), "{} holds a secret", file.display());
        }
    }
}

#[tokio::test]
async fn a_damaged_journal_starts_in_cancel_only_until_resumed() {
    let mut rig = Rig::start(&path()).await;
    rig.step_and_sync(1).await;
    rig.submit(
        &approved(1, "entry", "open", &market("BUY", "1.00000")),
        5_000,
    )
    .await;
    rig.kill_gateway();
    let segment = rig.dir.path().join("journal/journal-00000001.seg");
    let mut bytes = std::fs::read(&segment).unwrap();
    bytes[120] ^= 1;
    std::fs::write(&segment, bytes).unwrap();
    rig.spawn_gateway().await;
    rig.sync(0).await;
    let status = rig.get("/v1/status").await;
    assert_eq!(status["entries_open"], false, "{status}");
    assert!(
        status["reason"].as_str().unwrap().contains("damaged"),
        "{status}"
    );
    let order = approved(2, "entry", "open", &market("BUY", "1.00000"));
    assert_eq!(rig.submit(&order, 0).await.0, 503);
    let body = json!({ "reason": "account checked" }).to_string();
    rig.call("POST", "/v1/resume", Some(body), &[]).await;
    assert_eq!(rig.submit(&order, 5_000).await.0, 202);
}

#[tokio::test]
async fn settings_errors_name_file_key_and_range() {
    let rig = Rig::venue_only(&path()).await;
    rig.configure(1);
    let file = rig.dir.path().join("gateway.toml");
    let good = std::fs::read_to_string(&file).unwrap();
    for (from, to, expected) in [
        ("recv_window_ms = 300", "recv_window_ms = 5", "50 to 60000"),
        (
            "timeframe = \"15m\"",
            "timeframe = \"7m\"",
            "venue.timeframe",
        ),
        (
            "account = \"paper-1\"",
            "account = \"Paper\"",
            "[a-z0-9-]{1,32}",
        ),
        ("margin_ms = 200", "margin_ms = 200\ncolour = 1", "colour"),
        (
            "max_order_notional = \"5000\"",
            "max_order_notional = \"-1\"",
            "above 0",
        ),
    ] {
        std::fs::write(&file, good.replace(from, to)).unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_execution-gateway"))
            .arg("--config")
            .arg(&file)
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success());
        assert!(
            text.contains(expected) && text.contains("gateway.toml:"),
            "{to}: {text}"
        );
    }
}
