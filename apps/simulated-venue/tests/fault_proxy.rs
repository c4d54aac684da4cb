//! The TCP proxy between real sockets, and as its own process.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops where it fails"
)]

mod fault_support;
mod support;

use std::fmt::Write as _;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use fault_support::{PATIENCE, SILENCE, executed, resting};
use serde_json::{Value, json};
use simulated_venue::services::faults::proxy::rules::LinkFault;
use simulated_venue::services::faults::proxy::settings::Settings;
use simulated_venue::services::faults::proxy::{self, Running};
use support::{API_KEY, TOKEN, Venue, control, quiet_path, signed_text};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Sends back what it gets.
async fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut bytes = [0; 1_024];
                while let Ok(read @ 1..) = stream.read(&mut bytes).await {
                    if stream.write_all(&bytes[..read]).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    address
}

fn configuration(dir: &Path, links: &[(&str, SocketAddr)]) -> std::path::PathBuf {
    std::fs::write(dir.join("token"), TOKEN).unwrap();
    let mut text = "control_listen = \"127.0.0.1:0\"\ncontrol_token_file = \"token\"\n\
                    port_file = \"proxy.port\"\nseed = 7\n"
        .to_owned();
    for (name, target) in links {
        writeln!(text, "[[link]]\nname = \"{name}\"").unwrap();
        writeln!(text, "listen = \"127.0.0.1:0\"\ntarget = \"{target}\"").unwrap();
    }
    let path = dir.join("proxy.toml");
    std::fs::write(&path, text).unwrap();
    path
}

struct Proxied {
    running: Running,
    client: reqwest::Client,
    _dir: TempDir,
}

impl Proxied {
    async fn start(links: &[(&str, SocketAddr)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = configuration(dir.path(), links);
        Self {
            running: proxy::start(Settings::load(&path).unwrap()).await.unwrap(),
            client: reqwest::Client::new(),
            _dir: dir,
        }
    }

    async fn call(&self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        let address = self.running.control_address.to_string();
        control(&self.client, &address, method, path, body).await
    }

    async fn rule(&self, fault: &str, params: Value) {
        let rule = json!([{"id": fault, "fault": fault, "params": params}]);
        let (status, body) = self.call("POST", "/sim/v1/faults", Some(rule)).await;
        assert_eq!(status, 200, "{body}");
    }

    async fn clear(&self) {
        self.call("DELETE", "/sim/v1/faults", None).await;
    }

    async fn fired(&self) -> u64 {
        let (_, body) = self.call("GET", "/sim/v1/faults", None).await;
        body[0]["fired"].as_u64().unwrap()
    }

    async fn connect(&self, link: &str) -> TcpStream {
        TcpStream::connect(self.running.addresses[link])
            .await
            .unwrap()
    }
}

/// What comes back for `bytes` within the time, and how it ended.
async fn said(
    stream: &mut TcpStream,
    bytes: &[u8],
    limit: Duration,
) -> (Vec<u8>, Option<ErrorKind>) {
    let mut back = Vec::new();
    if let Err(e) = stream.write_all(bytes).await {
        return (back, Some(e.kind()));
    }
    let read = async {
        while back.len() < bytes.len() {
            match stream.read_buf(&mut back).await {
                Ok(0) => return Some(ErrorKind::UnexpectedEof),
                Ok(_) => {}
                Err(e) => return Some(e.kind()),
            }
        }
        None
    };
    let ended = tokio::time::timeout(limit, read)
        .await
        .unwrap_or(Some(ErrorKind::TimedOut));
    (back, ended)
}

#[tokio::test]
async fn bytes_pass_unchanged_and_are_counted() {
    let proxied = Proxied::start(&[("a", echo().await)]).await;
    let mut stream = proxied.connect("a").await;
    let long: Vec<u8> = (0..200_000_u32).map(|n| n.to_le_bytes()[0]).collect();
    let (mut from, mut to) = stream.split();
    let (_, back) = tokio::join!(to.write_all(&long), async {
        let mut back = vec![0; long.len()];
        from.read_exact(&mut back).await.unwrap();
        back
    });
    assert!(back == long);
    let (_, links) = proxied.call("GET", "/sim/v1/links", None).await;
    assert_eq!(
        (
            &links[0]["connections"],
            &links[0]["bytes_to_target"],
            &links[0]["bytes_to_client"]
        ),
        (&json!(1), &json!(200_000), &json!(200_000))
    );
}

#[tokio::test]
async fn connections_and_pieces_are_refused_dropped_and_cut() {
    let proxied = Proxied::start(&[("a", echo().await)]).await;
    for (fault, params, back, ended) in [
        (
            "refuse",
            json!({"how": "reset"}),
            &b""[..],
            ErrorKind::ConnectionReset,
        ),
        (
            "drop",
            json!({"direction": "to_target"}),
            b"",
            ErrorKind::UnexpectedEof,
        ),
        (
            "drop",
            json!({"direction": "to_client", "how": "reset"}),
            b"",
            ErrorKind::ConnectionReset,
        ),
        (
            "cut",
            json!({"direction": "to_target", "byte": 3}),
            b"",
            ErrorKind::UnexpectedEof,
        ),
        (
            "cut",
            json!({"direction": "to_client", "byte": 3}),
            b"hel",
            ErrorKind::UnexpectedEof,
        ),
        ("flaky", json!({"one_in": 1}), b"", ErrorKind::UnexpectedEof),
    ] {
        proxied.rule(fault, params.clone()).await;
        let mut stream = proxied.connect("a").await;
        let (got, end) = said(&mut stream, b"hello", PATIENCE).await;
        // A cut request may have been answered as far as it went before the end arrived.
        if fault == "cut" {
            assert!(
                got.len() <= 3 && b"hel".starts_with(&got[..]),
                "{params}: {got:?}"
            );
        } else {
            assert_eq!(got, back, "{fault} {params}");
        }
        let is_reset = fault == "refuse" && end == Some(ErrorKind::BrokenPipe);
        assert!(end == Some(ended) || is_reset, "{fault} {params}: {end:?}");
        assert_eq!(proxied.fired().await, 1);
        proxied.clear().await;
        let mut stream = proxied.connect("a").await;
        assert_eq!(
            said(&mut stream, b"hello", PATIENCE).await,
            (b"hello".to_vec(), None)
        );
    }
}

#[tokio::test]
async fn pieces_are_late_stalled_and_parted_but_not_lost() {
    let proxied = Proxied::start(&[("a", echo().await), ("b", echo().await)]).await;
    let mut stream = proxied.connect("a").await;
    proxied
        .rule(
            "delay",
            json!({"direction": "to_client", "ms": 200, "jitter_ms": 100}),
        )
        .await;
    let started = Instant::now();
    assert_eq!(said(&mut stream, b"late", PATIENCE).await.0, b"late");
    assert!(started.elapsed() >= Duration::from_millis(200));
    proxied.clear().await;

    proxied
        .rule("stall", json!({"direction": "to_target"}))
        .await;
    assert_eq!(
        said(&mut stream, b"x", SILENCE).await,
        (vec![], Some(ErrorKind::TimedOut))
    );
    proxied.clear().await;
    let mut late = [0];
    tokio::time::timeout(PATIENCE, stream.read_exact(&mut late))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(&late, b"x");

    let rule = json!([{"id": "p", "fault": "partition", "link": "a"}]);
    assert_eq!(
        proxied.call("POST", "/sim/v1/faults", Some(rule)).await.0,
        200
    );
    let mut new = proxied.connect("a").await;
    for parted in [&mut stream, &mut new] {
        assert_eq!(
            said(parted, b"y", SILENCE).await,
            (vec![], Some(ErrorKind::TimedOut))
        );
    }
    let mut other = proxied.connect("b").await;
    assert_eq!(
        said(&mut other, b"z", PATIENCE).await.0,
        b"z",
        "the other link is whole"
    );
    proxied.clear().await;
    for healed in [&mut stream, &mut new] {
        tokio::time::timeout(PATIENCE, healed.read_exact(&mut late))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(&late, b"y");
    }
}

#[tokio::test]
async fn chances_come_from_the_seed_alone() {
    let mut runs = Vec::new();
    for _ in 0..2 {
        let proxied = Proxied::start(&[("a", echo().await)]).await;
        let rule = json!([{"id": "f", "fault": "flaky", "count": 1000, "params": {"one_in": 4}}]);
        assert_eq!(
            proxied.call("POST", "/sim/v1/faults", Some(rule)).await.0,
            200
        );
        let mut run = Vec::new();
        for _ in 0..20 {
            let mut stream = proxied.connect("a").await;
            run.push(said(&mut stream, b"hello", PATIENCE).await.1.is_none());
        }
        runs.push(run);
    }
    assert_eq!(runs[0], runs[1]);
    assert!(
        runs[0].contains(&true) && runs[0].contains(&false),
        "{:?}",
        runs[0]
    );
}

#[tokio::test]
async fn a_dropped_request_never_happened_and_a_dropped_reply_did() {
    let venue = Venue::start(&quiet_path()).await;
    let proxied = Proxied::start(&[("venue", venue.running.address)]).await;
    for (direction, expected) in [("to_target", false), ("to_client", true)] {
        proxied.rule("drop", json!({"direction": direction})).await;
        let query = signed_text(venue.clock.now_ms(), &resting(direction));
        let address = proxied.running.addresses["venue"];
        let url = format!("http://{address}/api/v3/order?{query}");
        let request = reqwest::Client::new()
            .post(url)
            .header("X-MBX-APIKEY", API_KEY);
        assert!(request.send().await.is_err());
        proxied.clear().await;
        assert_eq!(
            executed(&venue).await.contains(&direction.to_owned()),
            expected
        );
    }
    // A venue that comes back on another port is found again.
    let other = echo().await;
    let body = json!({"target": other.to_string()});
    assert_eq!(
        proxied
            .call("PUT", "/sim/v1/links/venue", Some(body))
            .await
            .0,
        200
    );
    let mut stream = proxied.connect("venue").await;
    assert_eq!(said(&mut stream, b"hello", PATIENCE).await.0, b"hello");
}

#[tokio::test]
async fn what_does_not_exist_is_refused_with_what_does() {
    let proxied = Proxied::start(&[("a", echo().await)]).await;
    for (rule, expected) in [
        (
            json!({"id": "x", "fault": "explode"}),
            "allowed refuse, drop, cut",
        ),
        (
            json!({"id": "x", "fault": "drop"}),
            "missing field `direction`",
        ),
        (
            json!({"id": "x", "fault": "drop", "params": {"direction": "up"}}),
            "`to_target`",
        ),
        (
            json!({"id": "x", "fault": "stall", "params": {"direction": "to_client", "ms": 600_001}}),
            "allowed 0 to 600000",
        ),
        (
            json!({"id": "x", "fault": "refuse", "link": "b"}),
            "allowed a",
        ),
        (
            json!({"id": "x", "fault": "refuse", "params": {"hw": 1}}),
            "`how`",
        ),
        (
            json!({"id": "x", "fault": "refuse", "count": 0}),
            "allowed 1 to",
        ),
    ] {
        let (status, body) = proxied
            .call("POST", "/sim/v1/faults", Some(json!([rule])))
            .await;
        let detail = body["detail"].as_str().unwrap();
        assert!(
            status == 400 && detail.contains(expected),
            "{rule}: {detail}"
        );
    }
    let (status, body) = proxied
        .call("PUT", "/sim/v1/links/b", Some(json!({"target": "x"})))
        .await;
    assert_eq!(status, 404, "{body}");
    let names: Vec<&str> = LinkFault::NAMES.to_vec();
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/concepts/faults.md");
    let text = std::fs::read_to_string(page).unwrap();
    let rows: Vec<Vec<&str>> = text
        .lines()
        .filter(|line| line.starts_with("| `"))
        .map(|line| line.trim_matches('|').split(" | ").map(str::trim).collect())
        .filter(|row: &Vec<&str>| row.len() == 4)
        .collect();
    let documented: Vec<&str> = rows.iter().map(|row| row[0].trim_matches('`')).collect();
    assert_eq!(documented, names, "the table of the proxy");
    for row in rows {
        let example: Value = serde_json::from_str(row[3].trim_matches('`')).unwrap();
        let (status, body) = proxied.call("POST", "/sim/v1/faults", Some(example)).await;
        assert_eq!(status, 200, "{}: {body}", row[3]);
        proxied.clear().await;
    }
}

struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // It has ended already where the test went well.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn the_proxy_runs_as_its_own_process() {
    let dir = tempfile::tempdir().unwrap();
    let path = configuration(dir.path(), &[("a", echo().await)]);
    let child = Command::new(env!("CARGO_BIN_EXE_simulated-venue"))
        .args(["proxy", "--config"])
        .arg(&path)
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut process = Process(child);
    let ports = dir.path().join("proxy.port");
    let listens = async {
        while !ports.exists() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, listens)
        .await
        .expect("a port file");
    let text = std::fs::read_to_string(&ports).unwrap();
    let mut lines = text.lines();
    let control_port = lines.next().unwrap();
    let port = lines.next().unwrap().strip_prefix("a ").unwrap();
    let mut stream = TcpStream::connect(format!("127.0.0.1:{port}"))
        .await
        .unwrap();
    assert_eq!(said(&mut stream, b"hello", PATIENCE).await.0, b"hello");
    let client = reqwest::Client::new();
    let address = format!("127.0.0.1:{control_port}");
    let rule = json!([{"id": "r", "fault": "drop", "params": {"direction": "to_client"}}]);
    let (status, _) = control(&client, &address, "POST", "/sim/v1/faults", Some(rule)).await;
    assert_eq!(status, 200);
    assert_eq!(
        said(&mut stream, b"hello", PATIENCE).await.1,
        Some(ErrorKind::UnexpectedEof)
    );
    let id = process.0.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-TERM", &id])
            .status()
            .unwrap()
            .success()
    );
    let status = tokio::task::spawn_blocking(move || process.0.wait());
    assert_eq!(
        tokio::time::timeout(PATIENCE, status)
            .await
            .unwrap()
            .unwrap()
            .unwrap()
            .code(),
        Some(0)
    );
}
