//! The shell around the core with real processes: TLS, key rights, secrets, stops from outside,
//! the watchdog, a second gateway, a full disk, the projection.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a broken fixture must stop the test"
)]

mod support;

use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use execution_gateway::projection::Projection;
use hmac::{Hmac, KeyInit, Mac};
use rustix::process::{Pid, Resource, Rlimit, Signal};
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::net::{TcpListener, TcpStream};

use support::proxy::{Fault, Proxy};
use support::{Approved, Rig, approved, market, now_ms, path, until};

fn limit(price: &str) -> Value {
    json!({
        "order_type": "LIMIT", "order_side": "BUY", "quantity": "1.00000", "price": price,
        "time_in_force": { "type": "GTC", "post_only": true }
    })
}

fn entry(decision: u8) -> Approved {
    approved(decision, "entry", "open", &limit("90.00"))
}

/// Adds lines to gateway.toml: before everything, to `[venue]`, and at the end.
fn amend(rig: &Rig, top: &str, venue: &str, end: &str) {
    let file = rig.dir.path().join("gateway.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let text = text.replace("[venue]\n", &format!("[venue]\n{venue}\n"));
    std::fs::write(&file, format!("{top}\n{text}\n{end}\n")).unwrap();
}

fn command(rig: &Rig, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_execution-gateway"));
    command
        .arg("--config")
        .arg(rig.dir.path().join("gateway.toml"))
        .args(arguments)
        .current_dir(rig.dir.path())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    command
}

/// Runs a gateway that is expected to end by itself; what it says and whether it failed.
fn refused(rig: &Rig) -> (bool, String) {
    let output = command(rig, &[]).output().unwrap();
    (
        output.status.success(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

fn pid(rig: &Rig) -> Pid {
    let id = rig.gateway.as_ref().unwrap().id();
    Pid::from_raw(i32::try_from(id).unwrap()).unwrap()
}

fn signal(rig: &Rig, signal: Signal) {
    rustix::process::kill_process(pid(rig), signal).unwrap();
}

/// Orders that rest at the venue, by the venue's own words.
async fn resting(rig: &Rig) -> usize {
    let query = format!("symbol=BTCUSD&recvWindow=5000&timestamp={}", now_ms());
    let mut mac = Hmac::<Sha256>::new_from_slice(b"venue-secret").unwrap();
    mac.update(query.as_bytes());
    let signature = hex::encode(mac.finalize().into_bytes());
    let port = rig.venue_port;
    let url = format!("http://127.0.0.1:{port}/api/v3/openOrders?{query}&signature={signature}");
    let answer = reqwest::Client::new()
        .get(url)
        .header("X-MBX-APIKEY", "venue-key");
    let body: Value = answer.send().await.unwrap().json().await.unwrap();
    body.as_array().unwrap().len()
}

async fn until_resting(rig: &Rig, count: usize) {
    let started = std::time::Instant::now();
    while resting(rig).await != count {
        assert!(
            started.elapsed().as_secs() < 20,
            "never {count} orders at rest"
        );
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}

async fn until_status(rig: &Rig, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
    let started = std::time::Instant::now();
    loop {
        let status = rig.get("/v1/status").await;
        if holds(&status) {
            return status;
        }
        assert!(started.elapsed().as_secs() < 20, "{what}: {status}");
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}

/// A rig with one bar and one resting order.
async fn with_resting_order(top: &str, end: &str) -> Rig {
    let mut rig = Rig::venue_only(&path()).await;
    rig.configure(rig.venue_port);
    amend(&rig, top, "", end);
    rig.spawn_gateway().await;
    rig.until_ready().await;
    rig.step_and_sync(1).await;
    let (status, reply) = rig.submit(&entry(1), 5_000).await;
    assert_eq!(
        (status, reply["status"].as_str()),
        (202, Some("ACCEPTED")),
        "{reply}"
    );
    until_resting(&rig, 1).await;
    rig
}

/// A proxy that speaks TLS in front of the venue; its root as PEM.
async fn tls_proxy(venue_port: u16) -> (u16, String) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut client) = acceptor.accept(client).await else {
                    return;
                };
                let mut venue = TcpStream::connect(("127.0.0.1", venue_port)).await.unwrap();
                tokio::io::copy_bidirectional(&mut client, &mut venue)
                    .await
                    .ok();
            });
        }
    });
    (port, made.cert.pem())
}

#[tokio::test]
async fn rest_and_streams_run_over_tls() {
    let mut rig = Rig::venue_only(&path()).await;
    let (port, root) = tls_proxy(rig.venue_port).await;
    std::fs::write(rig.dir.path().join("root.pem"), root).unwrap();
    rig.configure(rig.venue_port);
    let file = rig.dir.path().join("gateway.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let venue = rig.venue_port;
    let text = text
        .replace(
            &format!("http://127.0.0.1:{venue}"),
            &format!("https://localhost:{port}"),
        )
        .replace(
            &format!("ws://127.0.0.1:{venue}"),
            &format!("wss://localhost:{port}"),
        );
    std::fs::write(&file, text).unwrap();
    amend(&rig, "", "ca_file = \"root.pem\"", "");
    rig.spawn_gateway().await;
    rig.until_ready().await;
    rig.step_and_sync(1).await;
    let (status, reply) = rig
        .submit(
            &approved(1, "entry", "open", &market("BUY", "1.00000")),
            5_000,
        )
        .await;
    assert_eq!(
        (status, reply["status"].as_str()),
        (202, Some("FILLED")),
        "{reply}"
    );
}

#[tokio::test]
async fn plain_text_to_a_stranger_is_refused() {
    let rig = Rig::venue_only(&path()).await;
    rig.configure(rig.venue_port);
    let file = rig.dir.path().join("gateway.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let text = text.replace(
        "rest_url = \"http://127.0.0.1:",
        "rest_url = \"http://192.0.2.1:",
    );
    std::fs::write(&file, text).unwrap();
    let (is_ok, told) = refused(&rig);
    assert!(
        !is_ok && told.contains("venue.rest_url") && told.contains("allow_plain"),
        "{told}"
    );
}

/// A venue whose account may withdraw.
async fn withdrawing_venue() -> u16 {
    use axum::Json;
    use axum::routing::get;
    let account =
        || async { Json(json!({ "canTrade": true, "canWithdraw": true, "balances": [] })) };
    let time = || async { Json(json!({ "serverTime": now_ms() })) };
    let router = axum::Router::new()
        .route("/api/v3/time", get(time))
        .route("/api/v3/account", get(account));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move { axum::serve(listener, router).await });
    port
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_may_withdraw_is_refused() {
    let rig = Rig::venue_only(&path()).await;
    rig.configure(withdrawing_venue().await);
    let (is_ok, told) = tokio::task::block_in_place(|| refused(&rig));
    assert!(!is_ok, "{told}");
    assert!(
        told.contains("withdraw") && told.contains("allow_withdraw_key"),
        "{told}"
    );
}

#[tokio::test]
async fn a_second_gateway_on_one_journal_is_refused() {
    let rig = Rig::start(&path()).await;
    let (is_ok, told) = refused(&rig);
    let owner = rig.gateway.as_ref().unwrap().id().to_string();
    assert!(!is_ok && told.contains("another gateway"), "{told}");
    assert!(
        told.contains(&owner) && told.contains("journal_dir"),
        "{told}"
    );
    rig.get("/v1/status").await;
}

#[tokio::test]
async fn the_kill_file_cancels_and_stays_in_force_when_it_is_gone() {
    let rig = with_resting_order("", "").await;
    let file = rig.dir.path().join("kill");
    std::fs::write(&file, "cancel_all\n").unwrap();
    until_resting(&rig, 0).await;
    let status = until_status(&rig, "stopped", |s| s["level"] == "cancel_all").await;
    assert_eq!(status["entries_open"], false, "{status}");
    std::fs::remove_file(&file).unwrap();
    let (status, reply) = rig.submit(&entry(2), 0).await;
    assert_eq!(status, 503, "only an operator resumes: {reply}");
}

#[tokio::test]
async fn signals_stop_trading() {
    let rig = with_resting_order("", "").await;
    signal(&rig, Signal::USR1);
    until_resting(&rig, 0).await;
    until_status(&rig, "stopped", |s| s["level"] == "cancel_all").await;
    signal(&rig, Signal::USR2);
    until_status(&rig, "flattened", |s| s["level"] == "flatten").await;
}

struct Watchdog(Child);

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

fn beat(rig: &Rig) -> Option<u64> {
    let text = std::fs::read_to_string(rig.dir.path().join("gateway.heartbeat")).ok()?;
    serde_json::from_str::<Value>(&text).ok()?["counter"].as_u64()
}

#[tokio::test]
async fn the_watchdog_cancels_when_the_gateway_falls_silent() {
    let plain = Rig::venue_only(&path()).await;
    plain.configure(plain.venue_port);
    let told = command(&plain, &["--watchdog"]).output().unwrap().stderr;
    assert!(String::from_utf8_lossy(&told).contains("off by default"));
    let section = "[watchdog]\ncredentials_file = \"venue-credentials.json\"\nsilence_ms = 1500";
    let rig = with_resting_order("", section).await;
    let mut watching = command(&rig, &["--watchdog"]);
    let _watchdog = Watchdog(watching.stderr(Stdio::null()).spawn().unwrap());
    let first = until("a heartbeat", || beat(&rig)).await;
    until("two seconds of heartbeats", || {
        beat(&rig).filter(|now| *now >= first + 5)
    })
    .await;
    assert_eq!(resting(&rig).await, 1, "a beating gateway is left alone");
    signal(&rig, Signal::STOP);
    until_resting(&rig, 0).await;
    signal(&rig, Signal::CONT);
    let started = std::time::Instant::now();
    loop {
        let all = rig.get("/v1/orders?status=all").await;
        if all["orders"][0]["status"] == "CANCELED" {
            return;
        }
        assert!(
            started.elapsed().as_secs() < 20,
            "the gateway never learned of it: {all}"
        );
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}

/// F31 with a real limit of the operating system on the size of files.
#[tokio::test]
async fn a_full_disk_refuses_entries_and_cancels_go_on() {
    let rig = with_resting_order("", "").await;
    let segment = rig.dir.path().join("journal").join("journal-00000001.seg");
    let size = std::fs::metadata(&segment).unwrap().len();
    let narrow = Rlimit {
        current: Some(size + 64),
        maximum: None,
    };
    rustix::process::prlimit(Some(pid(&rig)), Resource::Fsize, narrow).unwrap();
    let id = rig.get("/v1/orders?status=open").await["orders"][0]["client_order_id"].clone();
    let target = format!("/v1/orders/{}?wait_ms=5000", id.as_str().unwrap());
    let (status, reply) = rig.call("DELETE", &target, None, &[]).await;
    assert_eq!(
        (status, reply["status"].as_str()),
        (202, Some("CANCELED")),
        "{reply}"
    );
    until_resting(&rig, 0).await;
    let (status, reply) = rig.submit(&entry(2), 0).await;
    assert_eq!(
        (status, reply["type"].as_str()),
        (507, Some("urn:ats:problem:disk-full")),
        "{reply}"
    );
    let wide = Rlimit {
        current: None,
        maximum: None,
    };
    rustix::process::prlimit(Some(pid(&rig)), Resource::Fsize, wide).unwrap();
    until_status(&rig, "space is back", |s| s["entries_open"] == true).await;
    let (status, reply) = rig.submit(&entry(3), 5_000).await;
    assert_eq!(
        (status, reply["status"].as_str()),
        (202, Some("ACCEPTED")),
        "{reply}"
    );
    let mut rig = rig;
    rig.kill_gateway();
    rig.spawn_gateway().await;
    rig.until_ready().await;
    let (_, reply) = rig.submit(&entry(3), 5_000).await;
    assert_eq!(reply["status"], "ACCEPTED", "the journal holds it: {reply}");
}

fn projected(rig: &Rig, seq: u64) -> Option<String> {
    let projection = Projection::open(&rig.dir.path().join("projection.sqlite")).ok()?;
    (projection.last_seq().ok()? >= seq).then(|| projection.content_hash().unwrap())
}

#[tokio::test]
async fn the_projection_is_rebuilt_with_the_same_content() {
    let mut rig = with_resting_order("projection_file = \"projection.sqlite\"", "").await;
    rig.submit(
        &approved(2, "entry", "open", &market("BUY", "1.00000")),
        5_000,
    )
    .await;
    let seq = rig.sync(0).await["gateway_seq"].as_u64().unwrap();
    assert!(seq >= 4);
    let before = until("the projection", || projected(&rig, seq)).await;
    rig.kill_gateway();
    for name in [
        "projection.sqlite",
        "projection.sqlite-wal",
        "projection.sqlite-shm",
    ] {
        std::fs::remove_file(rig.dir.path().join(name)).ok();
    }
    rig.spawn_gateway().await;
    rig.until_ready().await;
    let after = until("the rebuilt projection", || projected(&rig, seq)).await;
    assert_eq!(before, after);
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| {
            if path.is_dir() {
                files(&path)
            } else {
                vec![path]
            }
        })
        .collect()
}

/// Searches the answers and every file of the run for the key in all its spellings; the number of
/// bytes searched. The files in which the key belongs are left out.
fn search(rig: &Rig, answers: &[String]) -> usize {
    let own = ["venue-credentials.json", "venue.log"].map(|name| rig.dir.path().join(name));
    let mut searched = 0;
    for needle in [
        "venue-key",
        "venue-secret",
        "dmVudWUtc2VjcmV0",
        "76656e75652d736563726574",
    ] {
        assert!(
            answers.iter().all(|answer| !answer.contains(needle)),
            "{needle}: {answers:?}"
        );
        for file in files(rig.dir.path())
            .iter()
            .filter(|file| !own.contains(file))
        {
            if file.starts_with(rig.dir.path().join("venue-state")) {
                continue;
            }
            let bytes = std::fs::read(file).unwrap();
            let found = bytes
                .windows(needle.len())
                .any(|bytes| bytes == needle.as_bytes());
            assert!(!found, "{needle} is in {}", file.display());
            searched += bytes.len();
        }
    }
    searched
}

/// The exchange key and its secret, planted, are searched for in everything a run with errors
/// leaves behind, at the most talkative log level.
#[tokio::test]
async fn the_exchange_key_appears_nowhere() {
    let mut rig = Rig::venue_only(&path()).await;
    let proxy = Proxy::start(rig.venue_port).await;
    rig.configure(proxy.port);
    amend(&rig, "projection_file = \"projection.sqlite\"", "", "");
    let log = std::fs::File::create(rig.dir.path().join("trace.log")).unwrap();
    let mut traced = command(&rig, &[]);
    rig.gateway = Some(traced.env("RUST_LOG", "trace").stderr(log).spawn().unwrap());
    let port_file = rig.dir.path().join("gateway.port");
    let read = || {
        std::fs::read_to_string(&port_file)
            .ok()?
            .trim()
            .parse()
            .ok()
    };
    rig.gateway_port = until("gateway port", read).await;
    rig.until_ready().await;
    rig.step_and_sync(1).await;
    proxy.set(Fault::DropReply, "POST /api/v3/order?");
    let mut answers = Vec::new();
    let order = approved(1, "entry", "open", &market("BUY", "1.00000"));
    answers.push(rig.submit(&order, 10_000).await.1.to_string());
    proxy.set(Fault::DropRequest, "GET /api/v3");
    answers.push(rig.submit(&entry(2), 500).await.1.to_string());
    for target in [
        "/v1/status",
        "/v1/orders?status=all",
        "/v1/balances",
        "/metrics",
        "/nothing",
    ] {
        answers.push(rig.call("GET", target, None, &[]).await.1.to_string());
    }
    signal(&rig, Signal::QUIT);
    let status = rig.gateway.take().unwrap().wait().unwrap();
    assert!(
        !status.core_dumped() && status.signal().is_some(),
        "{status}"
    );
    assert!(search(&rig, &answers) > 10_000, "something was searched");
}
