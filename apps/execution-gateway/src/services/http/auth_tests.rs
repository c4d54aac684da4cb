//! Who is let in, and what is remembered of them.

use super::*;
use crate::secrets::{Secret, ServiceKey};

const SECRET: &str = "000102030405060708090a0b0c0d0e0f";

fn authenticator() -> Authenticator {
    let key = |id: &str, scopes: &[&str]| ServiceKey {
        id: id.to_owned(),
        secret: Secret::new(SECRET),
        scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
    };
    Authenticator::new(&Keys {
        approval_key: Secret::new(SECRET),
        keys: vec![key("a", &["read", "orders:cancel"]), key("b", &["read"])],
    })
}

fn headers(id: &str, target: &str, nonce: &str, at: i64) -> HeaderMap {
    let digest = hex::encode(Sha256::digest(b""));
    let message = format!("GET\n{target}\n{at}\n{nonce}\n{digest}");
    let secret = hex::decode(SECRET).unwrap();
    let mut mac = Hmac::<Sha256>::new_from_slice(&secret).unwrap();
    mac.update(message.as_bytes());
    let auth = hex::encode(mac.finalize().into_bytes());
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("x-ats-key", id),
        ("x-ats-timestamp", &at.to_string()),
        ("x-ats-nonce", nonce),
        ("x-ats-auth", &auth),
    ] {
        headers.insert(
            header::HeaderName::try_from(name).unwrap(),
            HeaderValue::from_str(value).unwrap(),
        );
    }
    headers
}

fn ask(auth: &Authenticator, headers: &HeaderMap, scope: &str, now: i64) -> Result<(), String> {
    let line = (&Method::GET, "/v1/orders");
    let checked = auth.check(headers, line, b"", scope, now);
    checked.map_err(|problem| format!("{} {}", problem.status, problem.field.unwrap_or_default()))
}

const NONCE: &str = "00112233445566778899aabbccddeeff";

#[test]
fn a_nonce_is_good_once_per_key_and_forgotten_after_the_window() {
    let auth = authenticator();
    let first = headers("a", "/v1/orders", NONCE, 100_000);
    assert_eq!(ask(&auth, &first, "read", 100_000), Ok(()));
    assert_eq!(
        ask(&auth, &first, "read", 100_001),
        Err("401 X-ATS-Nonce".to_owned())
    );
    let other = headers("b", "/v1/orders", NONCE, 100_000);
    assert_eq!(ask(&auth, &other, "read", 100_000), Ok(()));
    assert_eq!(auth.nonces.lock().unwrap().known.len(), 2);
    assert_eq!(
        ask(&auth, &first, "read", 130_001),
        Err("401 X-ATS-Timestamp".to_owned()),
        "what is forgotten is too old to be used"
    );
    let later = headers("a", "/v1/orders", NONCE, 140_000);
    assert_eq!(ask(&auth, &later, "read", 140_000), Ok(()));
    assert_eq!(auth.nonces.lock().unwrap().known.len(), 1);
}

#[test]
fn every_refusal_names_its_header() {
    let auth = authenticator();
    let good = headers("a", "/v1/orders", NONCE, 100_000);
    for name in ["x-ats-key", "x-ats-timestamp", "x-ats-nonce", "x-ats-auth"] {
        let mut missing = good.clone();
        missing.remove(name);
        let told = ask(&auth, &missing, "read", 100_000).unwrap_err();
        assert!(told.to_lowercase().ends_with(name), "{told}");
        let mut repeated = good.clone();
        repeated.append(name, good[name].clone());
        let told = ask(&auth, &repeated, "read", 100_000).unwrap_err();
        assert!(told.to_lowercase().ends_with(name), "{told}");
    }
    let elsewhere = headers("a", "/v1/balances", NONCE, 100_000);
    assert_eq!(
        ask(&auth, &elsewhere, "read", 100_000),
        Err("401 X-ATS-Auth".to_owned())
    );
    let far = headers("a", "/v1/orders", NONCE, i64::MIN);
    assert_eq!(
        ask(&auth, &far, "read", 100_000),
        Err("401 X-ATS-Timestamp".to_owned())
    );
    assert_eq!(
        ask(&auth, &good, "admin:kill", 100_000),
        Err("403 X-ATS-Key".to_owned())
    );
}

#[test]
fn cancels_have_a_scope_of_their_own() {
    assert_eq!(scope_of(&Method::DELETE, "/v1/orders/x"), "orders:cancel");
    assert_eq!(scope_of(&Method::POST, "/v1/orders"), "orders:write");
    assert_eq!(scope_of(&Method::POST, "/v1/kill"), "admin:kill");
    assert_eq!(scope_of(&Method::GET, "/v1/orders"), "read");
}

#[test]
fn deep_bodies_are_measured_outside_of_strings() {
    assert_eq!(depth(br#"{"a":[[1]],"b":"[[[[\"[["}"#), 3);
    assert_eq!(depth(&[b'['; 1_000]), 1_000);
    let told = check_shape(&HeaderMap::new(), &[b'['; 17]).unwrap_err();
    assert_eq!((told.status, told.field.as_deref()), (400, Some("body")));
}

#[test]
fn nonces_of_all_lengths_differ() {
    let samples = [
        "0000000000000000",
        "00000000000000000",
        NONCE,
        "ffeeddccbbaa99887766554433221100",
    ];
    for (index, one) in samples.iter().enumerate() {
        for other in &samples[index + 1..] {
            assert_ne!(fold(one), fold(other));
        }
    }
}
