//! REST transport: signing, clock, limits, outcome class.

use std::sync::Arc;
use std::time::Duration;

use reqwest::Method;
use serde_json::Value;

use super::limiter::{Lane, Limiter};
use super::outcome::{Failure, classify};
use super::sign::{query_string, signed_query};
use crate::clock::{Clock, ClockOffset};
use crate::secrets::Credentials;
use crate::settings::VenueSettings;

const CLOCK_SAMPLES: usize = 5;
/// A machine under load may sign too early more than once.
const TIMESTAMP_TRIES: u32 = 4;
/// Longest wait of a query for room in the rate limit.
const WAIT_MAX_MS: i64 = 60_000;

/// One request.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) method: Method,
    pub(super) path: &'static str,
    pub(super) params: Vec<(&'static str, String)>,
    pub(super) lane: Lane,
    pub(super) weight: u64,
    /// Orders it adds to the unfilled-order count.
    pub(super) orders: u64,
}

impl Request {
    pub(super) fn get(
        path: &'static str,
        weight: u64,
        params: Vec<(&'static str, String)>,
    ) -> Self {
        Self {
            method: Method::GET,
            path,
            params,
            lane: Lane::Query,
            weight,
            orders: 0,
        }
    }
}

/// Signed access to one REST host.
pub(super) struct Rest {
    http: reqwest::Client,
    base: String,
    pub(super) credentials: Credentials,
    recv_window_ms: i64,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) offset: ClockOffset,
    pub(super) limiter: Limiter,
}

impl Rest {
    /// A client for the settings' host.
    ///
    /// # Errors
    /// When the HTTP client cannot be built.
    pub(super) fn new(
        settings: &VenueSettings,
        credentials: Credentials,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, reqwest::Error> {
        let wait = if settings.is_fast_profile() {
            2_000
        } else {
            settings.recv_window_ms + settings.engine_timeout_ms + settings.margin_ms
        };
        let http = reqwest::Client::builder()
            .timeout(Duration::from_millis(wait.unsigned_abs()))
            .connect_timeout(Duration::from_secs(5))
            .tcp_nodelay(true)
            .build()?;
        Ok(Self {
            http,
            base: settings.rest_url.trim_end_matches('/').to_owned(),
            credentials,
            recv_window_ms: settings.recv_window_ms,
            clock,
            offset: ClockOffset::default(),
            limiter: Limiter::default(),
        })
    }

    /// Venue time for signatures, biased a little to the past: the future is refused.
    pub(super) fn timestamp(&self) -> i64 {
        let bias = (self.recv_window_ms / 10).min(100);
        self.clock.now_ms() + self.offset.get() - bias
    }

    /// A signed request. A refused timestamp (-1021) proves that nothing happened, so the clock is
    /// synchronised and the request signed and sent again.
    pub(super) async fn signed(&self, request: Request) -> Result<Value, Failure> {
        let mut tries = 1;
        loop {
            let answer = self.signed_once(&request).await;
            let is_stale = matches!(answer, Err(Failure::Refused { code: -1021, .. }));
            if !is_stale || tries == TIMESTAMP_TRIES {
                return answer;
            }
            tries += 1;
            // The first attempt stays refused whatever happens to this question.
            if self.sync_clock().await.is_err() {
                return answer;
            }
        }
    }

    async fn signed_once(&self, request: &Request) -> Result<Value, Failure> {
        self.wait_for_room(request).await?;
        let mut params = request.params.clone();
        params.push(("recvWindow", self.recv_window_ms.to_string()));
        params.push(("timestamp", self.timestamp().to_string()));
        let query = signed_query(&params, &self.credentials.api_secret);
        self.send(request.method.clone(), request.path, &query, true)
            .await
    }

    /// A request of public data.
    pub(super) async fn public(&self, request: Request) -> Result<Value, Failure> {
        self.wait_for_room(&request).await?;
        let query = query_string(&request.params);
        self.send(request.method, request.path, &query, false).await
    }

    async fn wait_for_room(&self, request: &Request) -> Result<(), Failure> {
        let (lane, weight, orders) = (request.lane, request.weight, request.orders);
        loop {
            let now = self.clock.now_ms();
            let Err(wait) = self.limiter.admit(now, lane, weight, orders) else {
                return Ok(());
            };
            if lane == Lane::Entry || wait > WAIT_MAX_MS {
                return Err(Failure::NotSent(format!(
                    "rate limit: no room for {wait} ms"
                )));
            }
            tokio::time::sleep(Duration::from_millis(wait.unsigned_abs().max(1))).await;
        }
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        query: &str,
        is_signed: bool,
    ) -> Result<Value, Failure> {
        let mark = if query.is_empty() { "" } else { "?" };
        let url = format!("{}{path}{mark}{query}", self.base);
        let mut request = self.http.request(method, url);
        if is_signed {
            request = request.header("X-MBX-APIKEY", self.credentials.api_key.reveal());
        }
        let answer = request.send().await.map_err(|error| transport(&error))?;
        let status = answer.status().as_u16();
        let header = |name: &str| {
            answer
                .headers()
                .get(name)
                .and_then(|value| value.to_str().ok()?.parse::<u64>().ok())
        };
        if let Some(used) = header("x-mbx-used-weight-1m") {
            self.limiter.observe_weight(used);
        }
        if status == 429 || status == 418 {
            let seconds = header("retry-after").unwrap_or(1).min(86_400 * 3);
            let until = self.clock.now_ms() + i64::try_from(seconds * 1_000).unwrap_or(60_000);
            tracing::warn!(status, seconds, "the venue asks for a pause");
            self.limiter.pause(until);
        }
        let body = answer.bytes().await.map_err(|error| transport(&error))?;
        classify(status, &body)
    }

    /// Sets the clock offset from the sample with the shortest round trip.
    pub(super) async fn sync_clock(&self) -> Result<(), Failure> {
        let mut best: Option<(i64, i64)> = None;
        for _ in 0..CLOCK_SAMPLES {
            let sent = self.clock.now_ms();
            let body = self
                .public(Request::get("/api/v3/time", 1, Vec::new()))
                .await?;
            let received = self.clock.now_ms();
            let Some(server) = body.get("serverTime").and_then(Value::as_i64) else {
                continue;
            };
            let trip = received - sent;
            if best.is_none_or(|(known, _)| trip < known) {
                best = Some((trip, server - (sent + trip / 2)));
            }
        }
        let (_, offset) = best.ok_or_else(|| Failure::Ambiguous {
            code: 0,
            detail: "/api/v3/time has no serverTime".to_owned(),
        })?;
        self.offset.set(offset);
        Ok(())
    }
}

/// N when no byte can have left, else A. The URL is cut off: it carries the signature.
fn transport(error: &reqwest::Error) -> Failure {
    let detail = describe(error);
    if error.is_connect() || error.is_builder() {
        Failure::NotSent(detail)
    } else {
        Failure::Ambiguous { code: 0, detail }
    }
}

fn describe(error: &reqwest::Error) -> String {
    use std::error::Error as _;
    let kind = if error.is_timeout() {
        "timeout"
    } else if error.is_connect() {
        "connection failed"
    } else {
        "connection broke"
    };
    let mut cause = error.source();
    let mut text = String::new();
    while let Some(inner) = cause {
        text = format!(": {inner}");
        cause = inner.source();
    }
    format!("{kind}{text}")
}
