//! REST transport: signing, clock, limits, outcome class.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderValue, Method, Request as HttpRequest};
use http_body_util::{BodyExt, Empty, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client, Error as ClientError};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use serde_json::Value;

use super::limiter::{Asking, Cost, Limiter};
use super::outcome::{Failure, classify};
use super::sign::{query_string, signed_query};
use crate::clock::{Clock, TimeSample, VenueClock};
use crate::failpoints::reached;
use crate::models::venue::Lane;
use crate::secrets::Credentials;
use crate::services::venues::RECALL;
use crate::settings::VenueSettings;

const CLOCK_SAMPLES: usize = 5;
/// A machine under load may sign too early more than once.
const TIMESTAMP_TRIES: u32 = 4;
/// Longest answer we read; `exchangeInfo` of the whole venue has about 20 MiB.
const ANSWER_MAX: usize = 64 * 1024 * 1024;
const CONNECT: Duration = Duration::from_secs(5);
/// Shorter than what venues grant: a connection must not be closed while we send.
const IDLE: Duration = Duration::from_secs(20);
const BAN_MAX_S: u64 = 86_400 * 3;

tokio::task_local! {
    /// Lane and deadline of the core's call that the running requests belong to.
    static CALL: (Lane, Option<i64>);
}

/// Runs a call; its requests wait in the lane of the call and die at its deadline.
pub(super) async fn in_lane<T>(
    lane: Lane,
    deadline: Option<i64>,
    call: impl Future<Output = T>,
) -> T {
    CALL.scope((lane, deadline), call).await
}

fn current_call() -> (Lane, Option<i64>) {
    CALL.try_with(|call| *call).unwrap_or((Lane::History, None))
}

/// One request.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) method: Method,
    pub(super) path: &'static str,
    pub(super) params: Vec<(&'static str, String)>,
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
            weight,
            orders: 0,
        }
    }

    /// Orders and cancels weigh nothing once they succeeded (changelog of 2026-04-02).
    fn is_free_on_success(&self) -> bool {
        let is_amend = self.method == Method::PUT;
        self.method != Method::GET && !is_amend && !self.path.ends_with("/test")
    }
}

/// Signed access to one REST host.
pub(super) struct Rest {
    http: Client<HttpsConnector<HttpConnector>, Empty<Bytes>>,
    base: String,
    patience: Duration,
    pub(super) credentials: Credentials,
    recv_window_ms: i64,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) offset: VenueClock,
    entry_deadline_ms: i64,
    pub(super) limiter: Limiter,
}

impl Rest {
    /// A client for the settings' host.
    ///
    /// # Errors
    /// When the TLS roots or the HTTP client cannot be made.
    pub(super) fn new(
        settings: &VenueSettings,
        credentials: Credentials,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, String> {
        let wait = if settings.is_fast_profile() {
            2_000
        } else {
            settings.recv_window_ms + settings.engine_timeout_ms + settings.margin_ms
        };
        let tls = crate::tls::client_config(settings.ca_file.as_deref().map(Path::new))
            .map_err(|error| error.to_string())?;
        let tls = crate::tls::install(tls);
        let mut tcp = HttpConnector::new();
        tcp.set_nodelay(true);
        tcp.enforce_http(false);
        tcp.set_connect_timeout(Some(CONNECT));
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls.as_ref().clone())
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        // This client follows no redirect (it would send an order twice, and the key elsewhere)
        // and repeats a request only when its connection took no byte of it.
        let http = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(IDLE)
            .pool_timer(TokioTimer::new())
            .build(connector);
        Ok(Self {
            http,
            base: settings.rest_url.trim_end_matches('/').to_owned(),
            patience: Duration::from_millis(wait.unsigned_abs()),
            credentials,
            recv_window_ms: settings.recv_window_ms,
            entry_deadline_ms: settings.entry_deadline_ms,
            offset: VenueClock::new(Arc::clone(&clock)),
            clock,
            limiter: Limiter::default(),
        })
    }

    /// Venue time for signatures, biased a little to the past: the future is refused. 0 (which
    /// every venue refuses) until the clock is synchronised.
    pub(super) fn timestamp(&self) -> i64 {
        let bias = (self.recv_window_ms / 10).min(100);
        self.offset.now_ms().map_or(0, |now| now - bias)
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
        if !self.offset.is_synced() {
            // Without the venue's time nothing can be signed; the failure proves nothing was sent.
            self.sync_clock().await.map_err(|failure| {
                Failure::NotSent(format!("clock not synchronised: {failure}"))
            })?;
        }
        self.wait_for_room(request).await?;
        let mut params = request.params.clone();
        params.push(("recvWindow", self.recv_window_ms.to_string()));
        params.push(("timestamp", self.timestamp().to_string()));
        let query = signed_query(&params, &self.credentials.api_secret);
        let answer = self
            .send(request.method.clone(), request.path, &query, true)
            .await;
        if answer.is_ok() && request.is_free_on_success() {
            self.limiter.refund(request.weight);
        }
        answer
    }

    /// A request of public data.
    pub(super) async fn public(&self, request: Request) -> Result<Value, Failure> {
        self.wait_for_room(&request).await?;
        let query = query_string(&request.params);
        self.send(request.method, request.path, &query, false).await
    }

    async fn wait_for_room(&self, request: &Request) -> Result<(), Failure> {
        let (lane, deadline) = current_call();
        let is_entry = lane == Lane::Entry;
        let deadline = deadline
            .or_else(|| is_entry.then(|| self.clock.now_ms() + self.entry_deadline_ms))
            // The deadline is in our wall time, the windows are in the venue's.
            .map(|at| at + self.offset.get());
        let asking = Asking {
            lane,
            cost: Cost {
                weight: request.weight,
                orders: request.orders,
            },
            deadline,
            recall: RECALL.try_with(Arc::clone).ok(),
        };
        reached("venue.before_queue");
        let now = || self.venue_now();
        let admitted = self.limiter.admit(asking, &now).await;
        reached("venue.after_queue");
        admitted.map_err(|reason| Failure::NotSent(format!("{lane:?} queue: {reason}")))
    }

    fn venue_now(&self) -> i64 {
        self.offset.now_ms().unwrap_or_else(|| self.clock.now_ms())
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
        let mut request = HttpRequest::builder().method(method).uri(url);
        if is_signed {
            let key = HeaderValue::from_str(self.credentials.api_key.reveal());
            let mut key =
                key.map_err(|_| Failure::NotSent("the api_key is no header".to_owned()))?;
            key.set_sensitive(true);
            request = request.header("X-MBX-APIKEY", key);
        }
        let request = request
            .body(Empty::new())
            .map_err(|error| Failure::NotSent(error.to_string()))?;
        reached("venue.before_send");
        let (status, headers, body) = self.exchange(request).await?;
        reached("venue.after_answer");
        let now = self.venue_now();
        let number = |value: &HeaderValue| value.to_str().ok()?.parse().ok();
        for (name, value) in &headers {
            if let Some(used) = number(value) {
                self.limiter.observe(name.as_str(), used, now);
            }
        }
        let retry_after: Option<u64> = headers.get("retry-after").and_then(number);
        if status == 429 || status == 418 {
            let seconds = retry_after.unwrap_or(1).min(BAN_MAX_S);
            let until = now + i64::try_from(seconds * 1_000).unwrap_or(60_000);
            let code: Option<Value> = serde_json::from_slice(&body).ok();
            let code = code.as_ref().and_then(|body| body.get("code")?.as_i64());
            tracing::warn!(status, code, seconds, "the venue asks for a pause");
            self.limiter.punish(status, code.unwrap_or(0), until);
        }
        classify(status, &body)
    }

    /// Sends a request and reads the whole answer, within bounds of time and size.
    async fn exchange(
        &self,
        request: HttpRequest<Empty<Bytes>>,
    ) -> Result<(u16, HeaderMap, Bytes), Failure> {
        let ambiguous = |detail: String| Failure::Ambiguous { code: 0, detail };
        let exchange = async {
            let answer = self.http.request(request).await;
            let (head, body) = answer.map_err(|error| transport(&error))?.into_parts();
            let body = Limited::new(body, ANSWER_MAX).collect().await;
            let body = body.map_err(|error| ambiguous(format!("the answer broke off: {error}")))?;
            Ok((head.status.as_u16(), head.headers, body.to_bytes()))
        };
        tokio::time::timeout(self.patience, exchange)
            .await
            .unwrap_or_else(|_| Err(ambiguous("timeout".to_owned())))
    }

    /// Sets the clock offset from the sample with the shortest round trip.
    pub(super) async fn sync_clock(&self) -> Result<(), Failure> {
        let mut samples = Vec::with_capacity(CLOCK_SAMPLES);
        for _ in 0..CLOCK_SAMPLES {
            let sent = self.clock.steady_ms();
            let request = Request::get("/api/v3/time", 1, Vec::new());
            let body = self.public(request).await?;
            let received = self.clock.steady_ms();
            if let Some(server) = body.get("serverTime").and_then(Value::as_i64) {
                samples.push(TimeSample {
                    sent,
                    server,
                    received,
                });
            }
        }
        reached("clock.after_sync");
        if self.offset.synchronise(&samples) {
            return Ok(());
        }
        Err(Failure::Ambiguous {
            code: 0,
            detail: "/api/v3/time has no serverTime".to_owned(),
        })
    }
}

/// N when no byte can have left, else A. Nothing of the request is repeated: it is signed.
fn transport(error: &ClientError) -> Failure {
    let detail = describe(error);
    if error.is_connect() {
        Failure::NotSent(format!("connection failed{detail}"))
    } else {
        Failure::Ambiguous {
            code: 0,
            detail: format!("connection broke{detail}"),
        }
    }
}

fn describe(error: &dyn std::error::Error) -> String {
    let mut cause = error.source();
    let mut text = String::new();
    while let Some(inner) = cause {
        text = format!(": {inner}");
        cause = inner.source();
    }
    text
}
