//! Request signing of the Binance protocol (rest-api.md and web-socket-api.md, "SIGNED request
//! security"): HMAC-SHA256 in hex, RSA PKCS#1 v1.5 with SHA-256 and Ed25519 in base64.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, KeyInit, Mac};
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::secrets::Secret;

/// What signs requests. Never printed.
#[derive(Clone)]
pub struct SigningKey(Kind);

#[derive(Clone)]
enum Kind {
    Hmac(Secret),
    Rsa(Arc<RsaKeyPair>),
    Ed25519(Arc<Ed25519KeyPair>),
}

impl SigningKey {
    pub fn hmac(secret: &Secret) -> Self {
        Self(Kind::Hmac(secret.clone()))
    }

    /// A private key in PKCS#8 PEM, RSA or Ed25519.
    ///
    /// # Errors
    /// What is wrong with the file, never a part of it.
    pub fn from_pem(pem: &str) -> Result<Self, String> {
        let der = pkcs8(pem)?;
        if let Ok(pair) = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der) {
            return Ok(Self(Kind::Ed25519(Arc::new(pair))));
        }
        match RsaKeyPair::from_pkcs8(&der) {
            Ok(pair) if pair.public().modulus_len() <= 512 => Ok(Self(Kind::Rsa(Arc::new(pair)))),
            Ok(pair) => Err(format!(
                "the RSA key has {} bits",
                pair.public().modulus_len() * 8
            )),
            Err(reason) => Err(format!("neither an Ed25519 nor an RSA key: {reason}")),
        }
    }

    /// The signature as the venue wants it, before any percent-encoding.
    pub fn sign(&self, payload: &[u8]) -> String {
        match &self.0 {
            Kind::Hmac(secret) => hmac_hex(secret.reveal().as_bytes(), payload),
            Kind::Ed25519(pair) => BASE64.encode(pair.sign(payload).as_ref()),
            Kind::Rsa(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                let signed = pair.sign(
                    &RSA_PKCS1_SHA256,
                    &SystemRandom::new(),
                    payload,
                    &mut signature,
                );
                // Fails only without a random source; an empty signature is refused as -1022.
                signed.map_or_else(|_| String::new(), |()| BASE64.encode(signature))
            }
        }
    }

    pub fn kind(&self) -> &'static str {
        match self.0 {
            Kind::Hmac(_) => "HMAC-SHA256",
            Kind::Rsa(_) => "RSA",
            Kind::Ed25519(_) => "Ed25519",
        }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{} key, redacted>", self.kind())
    }
}

fn pkcs8(pem: &str) -> Result<Zeroizing<Vec<u8>>, String> {
    let begin = "-----BEGIN PRIVATE KEY-----";
    let end = "-----END PRIVATE KEY-----";
    let body = pem
        .split_once(begin)
        .and_then(|(_, rest)| rest.split_once(end))
        .map(|(body, _)| body)
        .ok_or_else(|| {
            "no PRIVATE KEY block (an encrypted or PKCS#1 key must be converted: \
             openssl pkcs8 -topk8 -nocrypt)"
                .to_owned()
        })?;
    let compact: Zeroizing<String> =
        Zeroizing::new(body.chars().filter(|c| !c.is_whitespace()).collect());
    let der = BASE64.decode(compact.as_bytes());
    der.map(Zeroizing::new)
        .map_err(|_| "the PRIVATE KEY block is not base64".to_owned())
}

/// HMAC-SHA256 as lower-case hex.
fn hmac_hex(secret: &[u8], payload: &[u8]) -> String {
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

/// A REST query with its signature appended. Base64 holds `+`, `/` and `=`, so it is encoded too.
pub(super) fn signed_query(params: &[(&str, String)], key: &SigningKey) -> String {
    let query = query_string(params);
    let signature = percent_encode(&key.sign(query.as_bytes()));
    format!("{query}&signature={signature}")
}

/// The WebSocket API signs sorted `k=v` pairs as raw UTF-8.
pub(super) fn websocket_signature(params: &[(&str, String)], key: &SigningKey) -> String {
    let mut sorted: Vec<String> = params
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    sorted.sort();
    key.sign(sorted.join("&").as_bytes())
}

#[cfg(test)]
mod tests {
    use ring::signature::{ED25519, KeyPair, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};

    use super::*;

    const DOC_SECRET: &str = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j";
    const DOC_KEY: &str = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A";

    fn doc_key() -> SigningKey {
        SigningKey::hmac(&Secret::new(DOC_SECRET))
    }

    fn order(symbol: &str, price: &str) -> Vec<(&'static str, String)> {
        [
            ("symbol", symbol),
            ("side", "BUY"),
            ("type", "LIMIT"),
            ("timeInForce", "GTC"),
            ("quantity", "1"),
            ("price", price),
            ("recvWindow", "5000"),
            ("timestamp", "1499827319559"),
        ]
        .map(|(name, value)| (name, value.to_owned()))
        .to_vec()
    }

    fn signature(signed: &str) -> String {
        signed.rsplit_once("&signature=").unwrap().1.to_owned()
    }

    /// rest-api.md, "SIGNED request example (HMAC)": the ASCII and the non-ASCII symbol.
    #[test]
    fn documented_rest_vectors() {
        let ascii = signature(&signed_query(&order("LTCBTC", "0.1"), &doc_key()));
        assert_eq!(
            ascii,
            "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"
        );
        let wide = signature(&signed_query(&order("１２３４５６", "0.1"), &doc_key()));
        assert_eq!(
            wide,
            "e1353ec6b14d888f1164ae9af8228a3dbd508bc82eb867db8ab6046442f33ef3"
        );
    }

    /// web-socket-api.md, "SIGNED request example (HMAC)".
    #[test]
    fn documented_websocket_vectors() {
        let sign = |symbol: &str, terms: [&str; 4]| {
            let [side, quantity, price, recv_window] = terms;
            let params = [
                ("symbol", symbol),
                ("side", side),
                ("type", "LIMIT"),
                ("timeInForce", "GTC"),
                ("quantity", quantity),
                ("price", price),
                ("recvWindow", recv_window),
                ("timestamp", "1645423376532"),
                ("apiKey", DOC_KEY),
            ]
            .map(|(name, value)| (name, value.to_owned()));
            websocket_signature(&params, &doc_key())
        };
        assert_eq!(
            sign("BTCUSDT", ["SELL", "0.01000000", "52000.00", "100"]),
            "aa1b5712c094bc4e57c05a1a5c1fd8d88dcd628338ea863fec7b88e59fe2db24"
        );
        assert_eq!(
            sign("１２３４５６", ["BUY", "1.00000000", "0.10000000", "5000"]),
            "b33892ae8e687c939f4468c6268ddd4c40ac1af18ad19a064864c47bae0752cd"
        );
    }

    #[test]
    fn websocket_parameters_are_sorted_and_not_encoded() {
        let key = SigningKey::hmac(&Secret::new("s"));
        let forward = [("apiKey", "k:1".to_owned()), ("timestamp", "5".to_owned())];
        let backward = [("timestamp", "5".to_owned()), ("apiKey", "k:1".to_owned())];
        let expected = hmac_hex(b"s", b"apiKey=k:1&timestamp=5");
        assert_eq!(websocket_signature(&forward, &key), expected);
        assert_eq!(websocket_signature(&backward, &key), expected);
    }

    #[test]
    fn non_ascii_symbols_are_percent_encoded() {
        assert_eq!(percent_encode("币A-1"), "%E5%B8%81A-1");
    }

    fn pem(der: &[u8]) -> String {
        let body = BASE64.encode(der);
        format!("-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n")
    }

    #[test]
    fn ed25519_signatures_verify_and_are_encoded_for_the_url() {
        let der = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        let pair = Ed25519KeyPair::from_pkcs8(der.as_ref()).unwrap();
        let key = SigningKey::from_pem(&pem(der.as_ref())).unwrap();
        assert_eq!(key.kind(), "Ed25519");
        let signed = signed_query(&order("LTCBTC", "0.1"), &key);
        let (query, encoded) = signed.split_once("&signature=").unwrap();
        assert!(!encoded.contains(['+', '/', '=']), "{encoded}");
        let decoded = encoded
            .replace("%2B", "+")
            .replace("%2F", "/")
            .replace("%3D", "=");
        let raw = BASE64.decode(decoded).unwrap();
        let public = UnparsedPublicKey::new(&ED25519, pair.public_key().as_ref());
        public.verify(query.as_bytes(), &raw).unwrap();
    }

    #[test]
    fn rsa_signatures_verify() {
        let Ok(output) = std::process::Command::new("openssl")
            .args([
                "genpkey",
                "-algorithm",
                "RSA",
                "-pkeyopt",
                "rsa_keygen_bits:2048",
            ])
            .stderr(std::process::Stdio::null())
            .output()
        else {
            eprintln!("skipped: openssl is not installed");
            return;
        };
        let pem = String::from_utf8(output.stdout).unwrap();
        let key = SigningKey::from_pem(&pem).unwrap();
        assert_eq!(key.kind(), "RSA");
        let pair = RsaKeyPair::from_pkcs8(&pkcs8(&pem).unwrap()).unwrap();
        let raw = BASE64.decode(key.sign(b"symbol=LTCBTC")).unwrap();
        let public = pair.public().as_ref().to_vec();
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, public)
            .verify(b"symbol=LTCBTC", &raw)
            .unwrap();
    }

    #[test]
    fn a_wrong_key_file_is_named_and_never_quoted() {
        for text in ["hunter2", &pem(b"hunter2"), &pem(&[7; 80])] {
            let error = SigningKey::from_pem(text).unwrap_err();
            assert!(!error.contains("hunter2"), "{error}");
        }
        assert_eq!(format!("{:?}", doc_key()), "<HMAC-SHA256 key, redacted>");
    }
}
