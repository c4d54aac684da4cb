//! What a request signature covers: REST signs the bytes as sent, the WebSocket API its sorted
//! parameters. [`keys`] holds the three kinds of key.

pub mod keys;

use std::collections::BTreeMap;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Hex HMAC-SHA256 of `payload`.
pub fn sign(secret: &str, payload: &[u8]) -> String {
    hex::encode(digest(secret, payload))
}

/// True if `signature` (hex, any case) is the HMAC-SHA256 of `payload`; constant-time.
pub fn verify(secret: &str, payload: &[u8], signature: &str) -> bool {
    let Ok(given) = hex::decode(signature) else {
        return false;
    };
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else {
        return false;
    };
    mac.update(payload);
    mac.verify_slice(&given).is_ok()
}

/// The signed payload of a REST request: query string and body as sent, joined without a separator,
/// each without its `signature` parameter. `None` if a byte should have been percent-encoded.
pub fn rest_payload(query: &str, body: &str) -> Option<Vec<u8>> {
    let mut payload = without_signature(query);
    payload.push_str(&without_signature(body));
    payload
        .bytes()
        .all(is_encoded_byte)
        .then(|| payload.into_bytes())
}

/// The signed payload of a WebSocket API request: `name=value` sorted by name, raw UTF-8.
pub fn websocket_payload(params: &BTreeMap<String, String>) -> Vec<u8> {
    let pairs: Vec<String> = params
        .iter()
        .filter(|(name, _)| name.as_str() != "signature")
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    pairs.join("&").into_bytes()
}

fn digest(secret: &str, payload: &[u8]) -> Vec<u8> {
    match Hmac::<Sha256>::new_from_slice(secret.as_bytes()) {
        Ok(mut mac) => {
            mac.update(payload);
            mac.finalize().into_bytes().to_vec()
        }
        // HMAC takes keys of any length, so this arm cannot be reached.
        Err(_) => Vec::new(),
    }
}

fn without_signature(part: &str) -> String {
    let kept: Vec<&str> = part
        .split('&')
        .filter(|pair| !pair.starts_with("signature="))
        .collect();
    kept.join("&")
}

fn is_encoded_byte(byte: u8) -> bool {
    byte.is_ascii_graphic() && byte != b'"' && byte != b'<' && byte != b'>'
}

#[cfg(test)]
mod tests {
    use super::*;

    // Key and vectors published by Binance for illustration (rest-api.md, web-socket-api.md).
    const SECRET: &str = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j";
    const API_KEY: &str = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A";
    const TAIL: &str = "&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1\
        &recvWindow=5000&timestamp=1499827319559";

    #[test]
    fn rest_vectors_of_the_venue_documents() {
        let cases = [
            (
                "LTCBTC",
                "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71",
            ),
            (
                "%EF%BC%91%EF%BC%92%EF%BC%93%EF%BC%94%EF%BC%95%EF%BC%96",
                "e1353ec6b14d888f1164ae9af8228a3dbd508bc82eb867db8ab6046442f33ef3",
            ),
        ];
        for (symbol, expected) in cases {
            let query = format!("symbol={symbol}{TAIL}&signature={expected}");
            let payload = rest_payload(&query, "").unwrap();
            assert_eq!(sign(SECRET, &payload), expected);
            assert!(verify(SECRET, &payload, &expected.to_uppercase()));
            assert!(rest_payload("", &query).is_some_and(|body| body == payload));
        }
    }

    #[test]
    fn query_and_body_are_joined_without_separator() {
        let expected = "0fd168b8ddb4876a0358a8d14d0c9f3da0e9b20c5d52b2a00fcf7d1c602f9a77";
        let query = "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC";
        let body = format!(
            "quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559&signature={expected}"
        );
        assert_eq!(sign(SECRET, &rest_payload(query, &body).unwrap()), expected);
    }

    #[test]
    fn bytes_that_were_not_percent_encoded_are_refused() {
        assert!(rest_payload("symbol=１２&timestamp=1", "").is_none());
        assert!(rest_payload("", "a=b c").is_none());
    }

    #[test]
    fn websocket_vectors_of_the_venue_documents() {
        let cases = [
            (
                ["52000.00", "0.01000000", "100", "SELL", "BTCUSDT"],
                "aa1b5712c094bc4e57c05a1a5c1fd8d88dcd628338ea863fec7b88e59fe2db24",
            ),
            (
                ["0.10000000", "1.00000000", "5000", "BUY", "１２３４５６"],
                "b33892ae8e687c939f4468c6268ddd4c40ac1af18ad19a064864c47bae0752cd",
            ),
        ];
        for (values, expected) in cases {
            let names = ["price", "quantity", "recvWindow", "side", "symbol"];
            let mut params: BTreeMap<String, String> = names
                .iter()
                .zip(values)
                .map(|(k, v)| ((*k).to_owned(), v.to_owned()))
                .collect();
            for (name, value) in [
                ("type", "LIMIT"),
                ("timeInForce", "GTC"),
                ("timestamp", "1645423376532"),
                ("apiKey", API_KEY),
                ("signature", expected),
            ] {
                params.insert(name.to_owned(), value.to_owned());
            }
            assert_eq!(sign(SECRET, &websocket_payload(&params)), expected);
        }
    }
}
