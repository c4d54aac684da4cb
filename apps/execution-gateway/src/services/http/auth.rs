//! Who is calling, and may it: HMAC over method, path, time, nonce and body (section 2 of the
//! interfaces).

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::Shared;
use crate::models::problem::Problem;
use crate::secrets::Keys;

/// Largest request body; an ApprovedOrder has less than 1 KiB.
pub const BODY_MAX: usize = 64 * 1024;
const WINDOW_MS: i64 = 30_000;
const BODY_PATIENCE: Duration = Duration::from_secs(10);

/// Nonces remembered at most: 60 s at about 70,000 requests a second.
const NONCES_MAX: usize = 4_000_000;
const SECOND_MS: i64 = 1_000;

struct Caller {
    number: u64,
    /// The keyed start of every HMAC of this caller.
    mac: Hmac<Sha256>,
    scopes: BTreeSet<String>,
}

/// Nonces in use, in buckets by the second of their timestamp, so that old ones drop out together.
#[derive(Default)]
struct Nonces {
    known: HashSet<(u64, u128)>,
    buckets: BTreeMap<i64, Vec<(u64, u128)>>,
}

impl Nonces {
    fn forget(&mut self, now: i64) {
        let oldest = (now - WINDOW_MS) / SECOND_MS;
        while let Some(bucket) = self.buckets.first_entry() {
            if *bucket.key() >= oldest {
                break;
            }
            for nonce in bucket.remove() {
                self.known.remove(&nonce);
            }
        }
    }
}

/// Checks requests against the key file.
pub struct Authenticator {
    callers: BTreeMap<String, Caller>,
    nonces: Mutex<Nonces>,
}

/// The signed parts of a request.
struct Claim<'a> {
    key: &'a str,
    timestamp: &'a str,
    nonce: &'a str,
    mac: &'a str,
}

impl Authenticator {
    /// `keys` were checked when they were read.
    pub fn new(keys: &Keys) -> Self {
        let callers = keys.keys.iter().zip(0_u64..).filter_map(|(key, number)| {
            let secret = Zeroizing::new(hex::decode(key.secret.reveal()).ok()?);
            let caller = Caller {
                number,
                mac: Hmac::<Sha256>::new_from_slice(&secret).ok()?,
                scopes: key.scopes.iter().cloned().collect(),
            };
            Some((key.id.clone(), caller))
        });
        Self {
            callers: callers.collect(),
            nonces: Mutex::default(),
        }
    }

    /// Verifies one request.
    ///
    /// # Errors
    /// A 401 (who) or 403 (may not) problem that names the header or the scope.
    pub fn check(
        &self,
        headers: &HeaderMap,
        request_line: (&Method, &str),
        body: &[u8],
        scope: &str,
        now: i64,
    ) -> Result<(), Box<Problem>> {
        let claim = read_claim(headers)?;
        let unknown = || unauthorized("X-ATS-Auth", "the key or its signature is not valid");
        let caller = self.callers.get(claim.key).ok_or_else(unknown)?;
        let (method, target) = request_line;
        let mut digest = [0; 64];
        let mut mac = [0; 32];
        hex::encode_to_slice(Sha256::digest(body), &mut digest).map_err(|_| unknown())?;
        hex::decode_to_slice(claim.mac, &mut mac).map_err(|_| unknown())?;
        let mut hmac = caller.mac.clone();
        let parts = [method.as_str(), target, claim.timestamp, claim.nonce];
        for part in parts {
            hmac.update(part.as_bytes());
            hmac.update(b"\n");
        }
        hmac.update(&digest);
        hmac.verify_slice(&mac).map_err(|_| unknown())?;
        let sent: i64 = claim
            .timestamp
            .parse()
            .map_err(|_| unauthorized("X-ATS-Timestamp", "not milliseconds since 1970"))?;
        if now.abs_diff(sent) > WINDOW_MS.unsigned_abs() {
            let detail = format!("{} ms away from this gateway's clock", now.abs_diff(sent));
            return Err(unauthorized("X-ATS-Timestamp", &detail));
        }
        self.use_nonce((caller.number, claim.nonce), sent, now)?;
        if !caller.scopes.contains(scope) {
            let detail = format!("key {} does not have the scope {scope}", claim.key);
            let problem = Problem::new(403, "forbidden", "The key may not do this", detail);
            return Err(Box::new(problem.field("X-ATS-Key").allowed(scope)));
        }
        Ok(())
    }

    fn use_nonce(
        &self,
        (caller, nonce): (u64, &str),
        sent: i64,
        now: i64,
    ) -> Result<(), Box<Problem>> {
        let nonce = (caller, fold(nonce));
        let mut nonces = self.nonces.lock().unwrap_or_else(PoisonError::into_inner);
        nonces.forget(now);
        if nonces.known.len() >= NONCES_MAX {
            let detail = format!("{NONCES_MAX} requests came within a minute");
            let problem = Problem::new(503, "overloaded", "Too many requests", detail);
            return Err(Box::new(problem.next_step("send fewer, and again later")));
        }
        if !nonces.known.insert(nonce) {
            return Err(unauthorized("X-ATS-Nonce", "this nonce was used before"));
        }
        let bucket = nonces.buckets.entry(sent / SECOND_MS).or_default();
        bucket.push(nonce);
        Ok(())
    }
}

/// Up to 64 hexadecimal characters in 128 bits; what a signed caller could make collide is only
/// its own next request.
fn fold(nonce: &str) -> u128 {
    let digits = nonce.chars().filter_map(|c| c.to_digit(16));
    digits.fold(nonce.len() as u128, |folded, digit| {
        folded.rotate_left(4) ^ u128::from(digit)
    })
}

fn unauthorized(field: &str, detail: &str) -> Box<Problem> {
    let problem = Problem::new(
        401,
        "unauthorized",
        "The request is not signed correctly",
        detail.to_owned(),
    );
    Box::new(
        problem
            .field(field)
            .allowed("see docs/concepts/interfaces.md section 2"),
    )
}

fn read_claim(headers: &HeaderMap) -> Result<Claim<'_>, Box<Problem>> {
    let header =
        |name: &'static str| one_header(headers, name).map_err(|detail| unauthorized(name, detail));
    let claim = Claim {
        key: header("X-ATS-Key")?,
        timestamp: header("X-ATS-Timestamp")?,
        nonce: header("X-ATS-Nonce")?,
        mac: header("X-ATS-Auth")?,
    };
    let is_hex = claim.nonce.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !is_hex || !(16..=64).contains(&claim.nonce.len()) {
        return Err(unauthorized(
            "X-ATS-Nonce",
            "must be 16 to 64 hexadecimal characters",
        ));
    }
    Ok(claim)
}

/// The one value of a header: a repeated one could be read differently by others.
///
/// # Errors
/// What is wrong with it.
pub fn one_header<'a>(headers: &'a HeaderMap, name: &str) -> Result<&'a str, &'static str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next().ok_or("the header is missing")?;
    if values.next().is_some() {
        return Err("the header is repeated");
    }
    value.to_str().map_err(|_| "the header is not plain text")
}

/// How deep objects and lists may be nested in a body.
const DEPTH_MAX: usize = 16;

/// Nesting of a JSON text, strings left out; no parser has to recurse that far.
fn depth(body: &[u8]) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let (mut in_string, mut is_escaped) = (false, false);
    for byte in body {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if in_string => is_escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// Rules every signed request keeps, whatever its route.
fn check_shape(headers: &HeaderMap, body: &[u8]) -> Result<(), Box<Problem>> {
    let malformed = |field: &str, detail: String, allowed: &str| {
        Box::new(Problem::malformed(field, detail, allowed))
    };
    if headers.contains_key(header::CONTENT_ENCODING) {
        let detail = "the body is encoded".to_owned();
        return Err(malformed("Content-Encoding", detail, "no Content-Encoding"));
    }
    if body.is_empty() {
        return Ok(());
    }
    let kind = headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    if kind.is_some_and(|kind| !kind.starts_with(b"application/json")) {
        let detail = "the body is declared as something else than JSON".to_owned();
        let problem = Problem::new(415, "media-type", "The body is not JSON", detail);
        return Err(Box::new(
            problem.field("Content-Type").allowed("application/json"),
        ));
    }
    let depth = depth(body);
    if depth > DEPTH_MAX {
        let detail = format!("the body is nested {depth} deep");
        let allowed = format!("at most {DEPTH_MAX}");
        return Err(malformed("body", detail, &allowed));
    }
    Ok(())
}

/// The body, within bounds.
async fn read_body(headers: &HeaderMap, body: Body) -> Result<Bytes, Box<Problem>> {
    let too_large = |size: String| {
        let detail = format!("the body has {size} bytes");
        let problem = Problem::new(413, "too-large", "The body is too large", detail);
        let allowed = format!("0 to {BODY_MAX} bytes");
        Box::new(problem.field("body").allowed(&allowed))
    };
    let declared = headers.get(header::CONTENT_LENGTH);
    let declared: Option<usize> = declared.and_then(|value| value.to_str().ok()?.parse().ok());
    if let Some(size) = declared.filter(|size| *size > BODY_MAX) {
        return Err(too_large(size.to_string()));
    }
    let read = to_bytes(body, BODY_MAX);
    match tokio::time::timeout(BODY_PATIENCE, read).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(_)) => Err(too_large(format!(
            "more than {BODY_MAX}, or its chunks break off"
        ))),
        Err(_) => {
            let detail = "the body did not arrive within 10 s".to_owned();
            let problem = Problem::new(408, "body-timeout", "The request is not complete", detail);
            Err(Box::new(
                problem.field("body").allowed("a whole body within 10 s"),
            ))
        }
    }
}

/// The scope a route asks for.
fn scope_of(method: &Method, path: &str) -> &'static str {
    match (method.as_str(), path) {
        ("POST", "/v1/kill" | "/v1/resume") => "admin:kill",
        ("POST", "/v1/orders") => "orders:write",
        ("DELETE", _) => "orders:cancel",
        _ => "read",
    }
}

/// Middleware of every signed route: reads the body once, within bounds.
pub async fn require(State(app): State<Shared>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let bytes = match read_body(&parts.headers, body).await {
        Ok(bytes) => bytes,
        Err(problem) => return problem.into_response(),
    };
    let target = parts
        .uri
        .path_and_query()
        .map_or("/", |target| target.as_str());
    let scope = scope_of(&parts.method, parts.uri.path());
    let now = app.clock.now_ms();
    let checked = app
        .auth
        .check(&parts.headers, (&parts.method, target), &bytes, scope, now)
        .and_then(|()| check_shape(&parts.headers, &bytes));
    match checked {
        Ok(()) => {
            next.run(Request::from_parts(parts, Body::from(bytes)))
                .await
        }
        Err(problem) => problem.into_response(),
    }
}

#[cfg(test)]
#[path = "auth_tests.rs"]
mod tests;
