//! Who is calling, and may it: HMAC over method, path, time, nonce and body (section 2 of the
//! interfaces).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use super::Shared;
use crate::models::problem::Problem;
use crate::secrets::Keys;

/// Largest request body; an ApprovedOrder has less than 1 KiB.
pub const BODY_MAX: usize = 64 * 1024;
const WINDOW_MS: i64 = 30_000;

struct Caller {
    secret: Vec<u8>,
    scopes: BTreeSet<String>,
}

#[derive(Default)]
struct Nonces {
    /// By expiry, so that old ones can be dropped first.
    by_time: BTreeSet<(i64, String)>,
    known: BTreeSet<String>,
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
        let callers = keys.keys.iter().map(|key| {
            let caller = Caller {
                secret: hex::decode(key.secret.reveal()).unwrap_or_default(),
                scopes: key.scopes.iter().cloned().collect(),
            };
            (key.id.clone(), caller)
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
        let digest = hex::encode(Sha256::digest(body));
        let message = format!(
            "{method}\n{target}\n{}\n{}\n{digest}",
            claim.timestamp, claim.nonce
        );
        let mac = hex::decode(claim.mac).map_err(|_| unknown())?;
        let mut hmac = Hmac::<Sha256>::new_from_slice(&caller.secret).map_err(|_| unknown())?;
        hmac.update(message.as_bytes());
        hmac.verify_slice(&mac).map_err(|_| unknown())?;
        let sent: i64 = claim
            .timestamp
            .parse()
            .map_err(|_| unauthorized("X-ATS-Timestamp", "not milliseconds since 1970"))?;
        if (now - sent).abs() > WINDOW_MS {
            let detail = format!("{} ms away from this gateway's clock", now - sent);
            return Err(unauthorized("X-ATS-Timestamp", &detail));
        }
        self.use_nonce(&claim, sent, now)?;
        if !caller.scopes.contains(scope) {
            let detail = format!("key {} does not have the scope {scope}", claim.key);
            let problem = Problem::new(403, "forbidden", "The key may not do this", detail);
            return Err(Box::new(problem.field("X-ATS-Key").allowed(scope)));
        }
        Ok(())
    }

    fn use_nonce(&self, claim: &Claim<'_>, sent: i64, now: i64) -> Result<(), Box<Problem>> {
        let nonce = format!("{}:{}", claim.key, claim.nonce);
        let mut nonces = self.nonces.lock().unwrap_or_else(PoisonError::into_inner);
        let Nonces { by_time, known } = &mut *nonces;
        while let Some((sent, old)) = by_time.first().cloned() {
            if sent >= now - WINDOW_MS {
                break;
            }
            by_time.remove(&(sent, old.clone()));
            known.remove(&old);
        }
        if !known.insert(nonce.clone()) {
            return Err(unauthorized("X-ATS-Nonce", "this nonce was used before"));
        }
        by_time.insert((sent, nonce));
        Ok(())
    }
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
    let header = |name: &'static str| {
        let value = headers.get(name).and_then(|value| value.to_str().ok());
        value.ok_or_else(|| unauthorized(name, "the header is missing"))
    };
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
    let Ok(bytes) = to_bytes(body, BODY_MAX).await else {
        let detail = format!("the body is longer than {BODY_MAX} bytes");
        return Problem::new(413, "too-large", "The body is too large", detail)
            .allowed(&format!("0 to {BODY_MAX} bytes"))
            .into_response();
    };
    let target = parts
        .uri
        .path_and_query()
        .map_or("/", |target| target.as_str());
    let scope = scope_of(&parts.method, parts.uri.path());
    let now = app.clock.now_ms();
    let checked = app
        .auth
        .check(&parts.headers, (&parts.method, target), &bytes, scope, now);
    match checked {
        Ok(()) => {
            next.run(Request::from_parts(parts, Body::from(bytes)))
                .await
        }
        Err(problem) => problem.into_response(),
    }
}
