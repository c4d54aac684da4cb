//! Signed requests made beforehand, and callers that send them over real sockets.

use std::time::{Duration, Instant};

use rust_common::ApprovalKey;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub(crate) const APPROVAL_KEY: &str =
    "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
pub(crate) const SERVICE_SECRET: &str =
    "ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100";

/// Makes requests; every one has a decision, a key and a nonce of its own.
pub(crate) struct Maker {
    approval: ApprovalKey,
    service: ApprovalKey,
    next: u64,
}

impl Maker {
    pub(crate) fn new() -> Result<Self, String> {
        let key = |text| ApprovalKey::from_hex(text).map_err(|error| error.to_string());
        Ok(Self {
            approval: key(APPROVAL_KEY)?,
            service: key(SERVICE_SECRET)?,
            next: 1,
        })
    }

    /// A whole HTTP request that places an order: one that ends at once, or one that rests.
    pub(crate) fn order(&mut self, is_immediate: bool) -> Result<Vec<u8>, String> {
        let number = self.next;
        let at = rust_common::UnixMillis::new(now_ms()).map_err(|error| error.to_string())?;
        let until = rust_common::UnixMillis::new(now_ms() + 30_000).map_err(|e| e.to_string())?;
        let decision_id = format!("{number:064x}");
        let time_in_force = if is_immediate {
            json!({ "type": "IOC" })
        } else {
            json!({ "type": "GTC", "post_only": true })
        };
        let order = json!({
            "order_type": "LIMIT", "order_side": "BUY", "quantity": "0.00001",
            "price": "90.00", "time_in_force": time_in_force,
        });
        let body = json!({
            "schema": 1, "account": "bench", "strategy": "bench", "decision_id": decision_id,
            "leg": "entry", "attempt": 0, "instrument_id": "BTC-USD.SIM", "order": order,
            "intent": "open", "risk_digest": "ab", "issued_at": at, "expires_at": until,
        });
        let body = rust_common::canonical_json(&body).map_err(|error| error.to_string())?;
        let signature = self.approval.sign(body.as_bytes());
        let signature = signature.map_err(|error| error.to_string())?;
        let extra =
            format!("Idempotency-Key: {decision_id}.entry.0\r\nX-ATS-Signature: {signature}\r\n");
        self.request("POST", "/v1/orders", &body, &extra)
    }

    pub(crate) fn request(
        &mut self,
        method: &str,
        target: &str,
        body: &str,
        extra: &str,
    ) -> Result<Vec<u8>, String> {
        use sha2::{Digest, Sha256};
        let number = self.next;
        self.next += 1;
        let (nonce, at) = (format!("{number:032x}"), now_ms());
        let digest = hex::encode(Sha256::digest(body));
        let message = format!("{method}\n{target}\n{at}\n{nonce}\n{digest}");
        let auth = self.service.sign(message.as_bytes());
        let auth = auth.map_err(|error| error.to_string())?;
        let head = format!(
            "{method} {target} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\nX-ATS-Key: bench\r\nX-ATS-Timestamp: {at}\r\n\
             X-ATS-Nonce: {nonce}\r\nX-ATS-Auth: {auth}\r\n{extra}\r\n{body}",
            body.len()
        );
        Ok(head.into_bytes())
    }
}

pub(crate) fn now_ms() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(0))
}

/// One connection that is kept open.
pub(crate) struct Caller {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Caller {
    pub(crate) async fn connect(port: u16) -> std::io::Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            buffer: vec![0; 16 * 1024],
        })
    }

    /// Sends a request and reads the whole answer; returns its status.
    pub(crate) async fn send(&mut self, request: &[u8]) -> std::io::Result<(u16, String)> {
        self.stream.write_all(request).await?;
        let mut filled = 0;
        loop {
            if filled == self.buffer.len() {
                self.buffer.resize(filled * 2, 0);
            }
            let room = self.buffer.get_mut(filled..).unwrap_or_default();
            let read = self.stream.read(room).await?;
            if read == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            filled += read;
            let seen = self.buffer.get(..filled).unwrap_or_default();
            if let Some(answer) = whole(seen) {
                return Ok(answer);
            }
        }
    }
}

fn whole(bytes: &[u8]) -> Option<(u16, String)> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let head = std::str::from_utf8(bytes.get(..end)?).ok()?;
    let length: usize = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))?
        .parse()
        .ok()?;
    let body = bytes.get(end..end + length)?;
    let status = head.get(9..12)?.parse().ok()?;
    Some((status, String::from_utf8_lossy(body).into_owned()))
}

/// What a closed loop of callers brought.
#[derive(Debug, Default, Clone)]
pub(crate) struct Burst {
    pub(crate) accepted: usize,
    pub(crate) refused: Vec<String>,
    pub(crate) seconds: f64,
}

/// Callers on a thread of their own, each sending its next order when the last was answered.
pub(crate) fn burst(port: u16, callers: usize, requests: Vec<Vec<u8>>) -> Result<Burst, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    runtime.block_on(async move {
        let mut shares: Vec<Vec<Vec<u8>>> = vec![Vec::new(); callers];
        for (number, request) in requests.into_iter().enumerate() {
            if let Some(share) = shares.get_mut(number % callers) {
                share.push(request);
            }
        }
        let mut connected = Vec::new();
        for share in shares {
            let caller = Caller::connect(port).await.map_err(|e| e.to_string())?;
            connected.push((caller, share));
        }
        let clock = Instant::now();
        let tasks: Vec<_> = connected
            .into_iter()
            .map(|(caller, share)| tokio::spawn(one_caller(caller, share)))
            .collect();
        let mut total = Burst::default();
        for task in tasks {
            let one = task.await.map_err(|error| error.to_string())?;
            total.accepted += one.accepted;
            total.refused.extend(one.refused);
        }
        total.seconds = clock.elapsed().as_secs_f64();
        Ok(total)
    })
}

async fn one_caller(mut caller: Caller, share: Vec<Vec<u8>>) -> Burst {
    let mut burst = Burst::default();
    for request in share {
        match caller.send(&request).await {
            Ok((202, _)) => burst.accepted += 1,
            Ok((status, body)) => burst.refused.push(format!("{status} {body}")),
            Err(error) => burst.refused.push(error.to_string()),
        }
    }
    burst
}

/// Sends at a fixed pace (an open loop) and runs `between` half-way to the next.
pub(crate) async fn paced(
    port: u16,
    requests: Vec<Vec<u8>>,
    every: Duration,
    mut between: impl FnMut(),
) -> Result<Vec<f64>, String> {
    let mut caller = Caller::connect(port).await.map_err(|e| e.to_string())?;
    let mut seconds = Vec::new();
    let mut next = tokio::time::Instant::now();
    for request in requests {
        next += every;
        tokio::time::sleep_until(next).await;
        let clock = Instant::now();
        let (status, body) = caller.send(&request).await.map_err(|e| e.to_string())?;
        seconds.push(clock.elapsed().as_secs_f64());
        if status != 202 {
            return Err(format!("{status}: {body}"));
        }
        tokio::time::sleep_until(next + every / 2).await;
        between();
    }
    Ok(seconds)
}
