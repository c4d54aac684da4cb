//! Request signing of the Binance protocol (sheet A5).

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::secrets::Secret;

/// HMAC-SHA256 as lower-case hex.
pub(super) fn hmac_hex(secret: &[u8], payload: &[u8]) -> String {
    // HMAC takes keys of any length, so this constructor has no failing input.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret) else {
        return String::new();
    };
    mac.update(payload);
    hex::encode(mac.finalize().into_bytes())
}

/// Percent-encodes everything but the unreserved characters of RFC 3986.
pub(super) fn percent_encode(text: &str) -> String {
    use std::fmt::Write as _;
    text.bytes()
        .fold(String::with_capacity(text.len()), |mut out, byte| {
            if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
                out.push(char::from(byte));
            } else {
                let _ = write!(out, "%{byte:02X}");
            }
            out
        })
}

/// `k=v&k=v`, percent-encoded, in the given order.
pub(super) fn query_string(params: &[(&str, String)]) -> String {
    let pairs: Vec<String> = params
        .iter()
        .map(|(key, value)| format!("{key}={}", percent_encode(value)))
        .collect();
    pairs.join("&")
}

/// A REST query with its signature appended.
pub(super) fn signed_query(params: &[(&str, String)], secret: &Secret) -> String {
    let query = query_string(params);
    let signature = hmac_hex(secret.reveal().as_bytes(), query.as_bytes());
    format!("{query}&signature={signature}")
}

/// The WebSocket API signs sorted `k=v` pairs as raw UTF-8.
pub(super) fn websocket_signature(params: &[(&str, String)], secret: &Secret) -> String {
    let mut sorted: Vec<String> = params
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    sorted.sort();
    hmac_hex(secret.reveal().as_bytes(), sorted.join("&").as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOC_SECRET: &str = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j";

    #[test]
    fn documented_rest_vector() {
        let params = [
            ("symbol", "LTCBTC".to_owned()),
            ("side", "BUY".to_owned()),
            ("type", "LIMIT".to_owned()),
            ("timeInForce", "GTC".to_owned()),
            ("quantity", "1".to_owned()),
            ("price", "0.1".to_owned()),
            ("recvWindow", "5000".to_owned()),
            ("timestamp", "1499827319559".to_owned()),
        ];
        let signed = signed_query(&params, &Secret::new(DOC_SECRET));
        let signature = signed.rsplit('=').next().unwrap();
        assert!(signature.starts_with("c8db5682") && signature.ends_with("d6b71"));
    }

    #[test]
    fn websocket_parameters_are_sorted_and_not_encoded() {
        let secret = Secret::new("s");
        let forward = [("apiKey", "k:1".to_owned()), ("timestamp", "5".to_owned())];
        let backward = [("timestamp", "5".to_owned()), ("apiKey", "k:1".to_owned())];
        let expected = hmac_hex(b"s", b"apiKey=k:1&timestamp=5");
        assert_eq!(websocket_signature(&forward, &secret), expected);
        assert_eq!(websocket_signature(&backward, &secret), expected);
    }

    #[test]
    fn non_ascii_symbols_are_percent_encoded() {
        assert_eq!(percent_encode("币A-1"), "%E5%B8%81A-1");
    }
}
