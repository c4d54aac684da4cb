//! Steps, idempotence, restarts and kills: the log is the state.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops where it fails"
)]

mod support;

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use reqwest::Client;
use serde_json::{Value, json};
use support::{API_KEY, BUY, Venue, control, quiet_path, signed_text, write_config};

#[tokio::test]
async fn steps_are_idempotent_in_order_and_guarded() {
    let venue = Venue::start(&quiet_path()).await;
    let first = venue.step(1).await;
    assert_eq!(
        first,
        json!({"step": 1, "market_time": "2021-09-27T00:15:00.000Z", "last_execution_id": 0,
               "done": false, "bars": 1})
    );
    venue.ok("POST", "/api/v3/order", &BUY).await;
    assert_eq!(
        venue.step(1).await,
        first,
        "the stored reply, not a new one"
    );
    let (status, body) = venue
        .control("POST", "/sim/v1/step", Some(json!({"step": 3})))
        .await;
    assert_eq!(status, 409);
    assert!(
        body["detail"]
            .as_str()
            .unwrap()
            .contains("the next one is 2"),
        "{body}"
    );
    let (status, _) = venue
        .control("POST", "/sim/v1/step", Some(json!({"stop": 3})))
        .await;
    assert_eq!(status, 400);
    let address = venue.running.control_address;
    let open = venue
        .client
        .get(format!("http://{address}/sim/v1/state"))
        .send()
        .await
        .unwrap();
    assert_eq!(open.status(), 401);
    for step in 2..=12 {
        venue.step(step).await;
    }
    let (_, state) = venue.control("GET", "/sim/v1/state", None).await;
    assert_eq!(
        (&state["done"], &state["steps"]),
        (&json!(true), &json!(12))
    );
    let (status, body) = venue.signed("POST", "/api/v3/order", &BUY).await;
    assert_eq!((status, &body["msg"]), (400, &json!("Market is closed.")));
    assert_eq!(
        venue
            .control("POST", "/sim/v1/step", Some(json!({"step": 13})))
            .await
            .0,
        409
    );
}

/// Everything a client can see of the account.
async fn view(venue: &Venue) -> Value {
    let symbol = [("symbol", "BTCUSD")];
    json!([
        venue.control("GET", "/sim/v1/state", None).await.1,
        venue.state_hash().await,
        venue.ok("GET", "/api/v3/account", &[]).await,
        venue.ok("GET", "/api/v3/allOrders", &symbol).await,
        venue.ok("GET", "/api/v3/myTrades", &symbol).await,
        venue.ok("GET", "/api/v3/allOrderList", &[]).await,
        venue.get("/api/v3/klines?symbol=BTCUSD&interval=15m").await,
        venue.get("/api/v3/ticker/price").await,
    ])
}

async fn trade(venue: &Venue, step: u64) {
    let name = format!("order-{step}");
    let mut params = BUY.to_vec();
    params.push(("newClientOrderId", &name));
    match step {
        1 => drop(venue.ok("POST", "/api/v3/order", &params).await),
        2 => {
            let oco = [
                ("symbol", "BTCUSD"),
                ("side", "SELL"),
                ("quantity", "5"),
                ("aboveType", "LIMIT_MAKER"),
                ("abovePrice", "104"),
                ("belowType", "STOP_LOSS"),
                ("belowStopPrice", "97"),
            ];
            venue.ok("POST", "/api/v3/orderList/oco", &oco).await;
        }
        3 => drop(
            venue
                .signed("POST", "/api/v3/order", &[("symbol", "BTCUSD")])
                .await,
        ),
        6 => {
            let limit = [
                ("symbol", "BTCUSD"),
                ("side", "BUY"),
                ("type", "LIMIT"),
                ("timeInForce", "GTC"),
                ("quantity", "1"),
                ("price", "95"),
            ];
            venue.ok("POST", "/api/v3/order", &limit).await;
        }
        7 => drop(
            venue
                .ok("DELETE", "/api/v3/openOrders", &[("symbol", "BTCUSD")])
                .await,
        ),
        _ => {}
    }
}

#[tokio::test]
async fn a_restart_at_any_point_gives_the_identical_venue() {
    let mut restarted = Venue::start(&quiet_path()).await;
    let steady = Venue::start(&quiet_path()).await;
    for step in 1..=12 {
        for venue in [&restarted, &steady] {
            venue.step(step).await;
            trade(venue, step).await;
        }
        let before = view(&restarted).await;
        restarted = restarted.restart().await;
        assert_eq!(
            view(&restarted).await,
            before,
            "after the restart at step {step}"
        );
        assert_eq!(
            restarted.step(step).await,
            steady.step(step).await,
            "stored reply"
        );
    }
    assert_eq!(view(&restarted).await, view(&steady).await);
}

#[tokio::test]
async fn a_log_of_another_recording_is_refused() {
    let venue = Venue::start(&quiet_path()).await;
    venue.step(1).await;
    let dir = venue.dir;
    venue.running.stop().await;
    let mut bars = quiet_path();
    bars[3].1 = 102.0;
    write_config(dir.path(), &bars, "lockstep", "");
    let settings =
        simulated_venue::settings::Settings::load(&dir.path().join("venue.toml")).unwrap();
    let clock = simulated_venue::clock::Clock::Wall;
    let error = simulated_venue::services::server::start(settings, clock)
        .await
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("belongs to other instruments, data"),
        "{error}"
    );
}

#[tokio::test]
async fn free_mode_advances_by_itself() {
    let venue = Venue::start_with(&quiet_path(), "free", "speed = 90000.0").await;
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let (_, state) = venue.control("GET", "/sim/v1/state", None).await;
        if state["done"] == json!(true) {
            break;
        }
        assert!(
            Instant::now() < deadline,
            "twelve bars of 10 ms each: {state}"
        );
        tokio::task::yield_now().await;
    }
    let (status, body) = venue
        .control("POST", "/sim/v1/step", Some(json!({"step": 13})))
        .await;
    assert_eq!(status, 409, "{body}");
}

/// The real binary, killed when dropped.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // It may have been killed before.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn spawn(dir: &Path) -> (Process, String, String) {
    let ports = dir.join("venue.port");
    let _ = std::fs::remove_file(&ports);
    let child = Command::new(env!("CARGO_BIN_EXE_simulated-venue"))
        .arg("--config")
        .arg(dir.join("venue.toml"))
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let process = Process(child);
    let deadline = Instant::now() + Duration::from_secs(20);
    let text = loop {
        if let Ok(text) = std::fs::read_to_string(&ports) {
            break text;
        }
        assert!(Instant::now() < deadline, "the venue did not start");
        std::thread::yield_now();
    };
    let mut lines = text.lines().map(|port| format!("127.0.0.1:{port}"));
    (process, lines.next().unwrap(), lines.next().unwrap())
}

#[tokio::test]
async fn kill_minus_nine_loses_nothing_that_was_answered() {
    let dir = tempfile::tempdir().unwrap();
    write_config(dir.path(), &quiet_path(), "lockstep", "");
    let client = Client::new();
    let clock = simulated_venue::clock::Clock::Wall;
    for round in 1..=4_u64 {
        let (mut process, rest, admin) = spawn(dir.path());
        let (_, state) = control(&client, &admin, "GET", "/sim/v1/state", None).await;
        assert_eq!(
            (&state["step"], &state["last_execution_id"]),
            (&json!(round - 1), &json!((round - 1) * 2))
        );
        let body = Some(json!({"step": round}));
        assert_eq!(
            control(&client, &admin, "POST", "/sim/v1/step", body)
                .await
                .0,
            200
        );
        let mut params = BUY.to_vec();
        params[3] = ("quantity", "1");
        let query = signed_text(clock.now_ms(), &params);
        let request = client.post(format!("http://{rest}/api/v3/order?{query}"));
        let reply = request
            .header("X-MBX-APIKEY", API_KEY)
            .send()
            .await
            .unwrap();
        assert_eq!(reply.status(), 200);
        process.0.kill().unwrap();
        process.0.wait().unwrap();
    }
}

#[tokio::test]
async fn sigterm_ends_the_process_cleanly() {
    let dir = tempfile::tempdir().unwrap();
    write_config(dir.path(), &quiet_path(), "lockstep", "");
    let (mut process, _, _) = spawn(dir.path());
    let id = process.0.id().to_string();
    assert!(
        Command::new("kill")
            .arg("-TERM")
            .arg(id)
            .status()
            .unwrap()
            .success()
    );
    assert!(process.0.wait().unwrap().success());
}
