//! The three kinds of API key: an HMAC secret, an RSA or an Ed25519 public key.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{ED25519, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use zeroize::Zeroizing;

use super::verify;

/// Bits of an RSA modulus that Binance takes (api_key_types.md).
const RSA_BITS: std::ops::RangeInclusive<usize> = 2_048..=4_096;
const ED25519_BYTES: usize = 32;
/// Object identifiers of `rsaEncryption` and `id-Ed25519`.
const RSA_OID: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
const ED25519_OID: &[u8] = &[0x2b, 0x65, 0x70];
const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OBJECT_ID: u8 = 0x06;

/// What verifies the signatures of one API key. `Debug` shows only the kind.
#[derive(Clone)]
pub enum Key {
    Hmac(Zeroizing<String>),
    /// The PKCS#1 encoding of the public key.
    Rsa(Vec<u8>),
    Ed25519([u8; ED25519_BYTES]),
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Hmac(_) => "Hmac(..)",
            Self::Rsa(_) => "Rsa(..)",
            Self::Ed25519(_) => "Ed25519(..)",
        })
    }
}

impl Key {
    pub fn hmac(secret: &str) -> Self {
        Self::Hmac(Zeroizing::new(secret.to_owned()))
    }

    /// Reads a public key in PEM: `PUBLIC KEY` (RSA or Ed25519) or `RSA PUBLIC KEY`.
    ///
    /// # Errors
    /// A sentence that says what is wrong with the text.
    pub fn from_pem(text: &str) -> Result<Self, String> {
        let (label, bytes) = pem(text)?;
        match label {
            "PUBLIC KEY" => subject_public_key(&bytes),
            "RSA PUBLIC KEY" => rsa(&bytes),
            "PRIVATE KEY" | "RSA PRIVATE KEY" | "ENCRYPTED PRIVATE KEY" => Err(format!(
                "holds a {label}; the venue takes the PUBLIC KEY only, keep the other with the \
                 client"
            )),
            other => Err(format!("holds '{other}'; expected 'PUBLIC KEY'")),
        }
    }

    /// True if `signature` is this key's signature of `payload`: hex in any case for HMAC,
    /// base64 for the others.
    pub fn verify(&self, payload: &[u8], signature: &str) -> bool {
        match self {
            Self::Hmac(secret) => verify(secret, payload, signature),
            Self::Rsa(key) => STANDARD.decode(signature).is_ok_and(|given| {
                UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key)
                    .verify(payload, &given)
                    .is_ok()
            }),
            Self::Ed25519(key) => STANDARD.decode(signature).is_ok_and(|given| {
                UnparsedPublicKey::new(&ED25519, key)
                    .verify(payload, &given)
                    .is_ok()
            }),
        }
    }

    /// Only these keys may log on to a session.
    pub fn is_ed25519(&self) -> bool {
        matches!(self, Self::Ed25519(_))
    }
}

/// Label and bytes of the one block in `text`.
fn pem(text: &str) -> Result<(&str, Vec<u8>), String> {
    let wrong = || "is not PEM text ('-----BEGIN PUBLIC KEY-----' ...)".to_owned();
    let (_, rest) = text.split_once("-----BEGIN ").ok_or_else(wrong)?;
    let (label, rest) = rest.split_once("-----").ok_or_else(wrong)?;
    let (body, _) = rest
        .split_once(&format!("-----END {label}-----"))
        .ok_or_else(wrong)?;
    let joined: String = body.split_whitespace().collect();
    let bytes = STANDARD
        .decode(joined)
        .map_err(|e| format!("is not base64 between its PEM lines: {e}"))?;
    Ok((label, bytes))
}

/// One DER element: tag, contents, and what follows it.
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, rest) = bytes.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(*first), rest),
        0x81..=0x83 => {
            let (digits, rest) = rest.split_at_checked(usize::from(first & 0x0f))?;
            let length = digits
                .iter()
                .fold(0, |sum, byte| sum * 256 + usize::from(*byte));
            (length, rest)
        }
        _ => return None,
    };
    let (contents, rest) = rest.split_at_checked(length)?;
    Some((*tag, contents, rest))
}

/// The contents of an element that must have this tag.
fn tagged(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (found, contents, rest) = element(bytes)?;
    (found == tag).then_some((contents, rest))
}

fn subject_public_key(bytes: &[u8]) -> Result<Key, String> {
    let parts = || {
        let (outer, _) = tagged(bytes, SEQUENCE)?;
        let (algorithm, rest) = tagged(outer, SEQUENCE)?;
        let (kind, _) = tagged(algorithm, OBJECT_ID)?;
        let (bits, _) = tagged(rest, BIT_STRING)?;
        // The first byte counts unused bits; keys have none.
        Some((kind, bits.strip_prefix(&[0])?))
    };
    let (kind, key) = parts().ok_or_else(|| "is not a public key".to_owned())?;
    match kind {
        RSA_OID => rsa(key),
        ED25519_OID => key
            .try_into()
            .map(Key::Ed25519)
            .map_err(|_| format!("holds an Ed25519 key of {} bytes, not 32", key.len())),
        _ => Err("holds neither an RSA nor an Ed25519 key".to_owned()),
    }
}

fn rsa(bytes: &[u8]) -> Result<Key, String> {
    let modulus = tagged(bytes, SEQUENCE).and_then(|(body, _)| tagged(body, INTEGER));
    let (modulus, _) = modulus.ok_or_else(|| "is not an RSA public key".to_owned())?;
    let digits = modulus.strip_prefix(&[0]).unwrap_or(modulus);
    let bits = digits.len() * 8;
    if !RSA_BITS.contains(&bits) {
        return Err(format!(
            "holds an RSA key of {bits} bits: allowed {} to {}",
            RSA_BITS.start(),
            RSA_BITS.end()
        ));
    }
    Ok(Key::Rsa(bytes.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ring::signature::{Ed25519KeyPair, KeyPair};

    fn wrap(label: &str, bytes: &[u8]) -> String {
        let body = STANDARD.encode(bytes);
        format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n")
    }

    fn der(tag: u8, contents: &[u8]) -> Vec<u8> {
        let mut bytes = vec![tag];
        let length = u16::try_from(contents.len()).unwrap();
        if length > 0x7f {
            bytes.push(0x82);
            bytes.extend(length.to_be_bytes());
        } else {
            bytes.push(u8::try_from(length).unwrap());
        }
        bytes.extend_from_slice(contents);
        bytes
    }

    fn public_key(kind: &[u8], key: &[u8]) -> Vec<u8> {
        let algorithm = der(SEQUENCE, &der(OBJECT_ID, kind));
        let bits = der(BIT_STRING, &[&[0], key].concat());
        der(SEQUENCE, &[algorithm, bits].concat())
    }

    #[test]
    fn an_ed25519_signature_is_base64_and_case_sensitive() {
        let pair = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
        let text = wrap(
            "PUBLIC KEY",
            &public_key(ED25519_OID, pair.public_key().as_ref()),
        );
        let key = Key::from_pem(&text).unwrap();
        assert!(key.is_ed25519());
        let payload = "symbol=１２３&timestamp=1".as_bytes();
        let signature = STANDARD.encode(pair.sign(payload));
        assert!(key.verify(payload, &signature));
        assert!(!key.verify(payload, &signature.to_lowercase()));
        assert!(!key.verify(b"symbol=1", &signature));
        assert!(!key.verify(payload, ""));
    }

    // Signed with `openssl dgst -sha256 -sign` by a key made for this test and thrown away.
    const RSA_PAYLOAD: &[u8] = b"symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1\
        &price=0.1&recvWindow=5000&timestamp=1499827319559";
    const RSA_SIGNATURE: &str = "P/fIsC3+FrvyiFChCd+2ZJPQQq/DPRLLcIrOlNhPf43ryTlZc89rymOLAaNSkCEdF5t+kXqdsiG5kfcd\
        6+whtgoiE6zSXKHLNBuqNAAvMQSuVn8us51IZSBrGXk2c0ZUv+l5tzd3gUsf0wj47YyzS2zSvrWdjJ/N\
        JUmomaye91eThNNUiNYjjC0vt4sAPNUZFdsIpq7CgkkzG5iw+BbwnM26k1aB+1AyrkrIU2KXStH7kO0s\
        qn5ys1cpP8BdEcZJHVccCgKn9ngsWB+FkG4wiruPACL4se0PSk6ktTq1rslIf+j3KwyrMYI64CaRgMPi\
        ZgBVbdSK1wdqz7bfJixvBA==";

    #[test]
    fn an_rsa_signature_is_pkcs1_with_sha256() {
        let text = include_str!("../../../tests/support/keys/rsa_public.pem");
        let key = Key::from_pem(text).unwrap();
        assert!(key.verify(RSA_PAYLOAD, RSA_SIGNATURE));
        assert!(!key.verify(b"symbol=LTCBTC", RSA_SIGNATURE));
        let Key::Rsa(bytes) = &key else {
            panic!("{key:?}")
        };
        let bare = Key::from_pem(&wrap("RSA PUBLIC KEY", bytes)).unwrap();
        assert!(bare.verify(RSA_PAYLOAD, RSA_SIGNATURE));
        let refusal = Key::from_pem(&wrap("PRIVATE KEY", bytes)).unwrap_err();
        assert!(refusal.contains("PUBLIC KEY only"), "{refusal}");
    }

    #[test]
    fn other_texts_are_refused_with_a_reason() {
        let short = der(
            SEQUENCE,
            &[der(INTEGER, &[0x7f; 64]), der(INTEGER, &[3])].concat(),
        );
        for (text, expected) in [
            ("hello".to_owned(), "is not PEM"),
            (wrap("CERTIFICATE", b"x"), "expected 'PUBLIC KEY'"),
            (wrap("PUBLIC KEY", b"x"), "is not a public key"),
            (
                wrap("PUBLIC KEY", &public_key(&[0x2a], &[1; 32])),
                "neither",
            ),
            (
                wrap("PUBLIC KEY", &public_key(ED25519_OID, &[1; 31])),
                "31 bytes",
            ),
            (wrap("RSA PUBLIC KEY", &short), "512 bits: allowed 2048"),
        ] {
            let refusal = Key::from_pem(&text).unwrap_err();
            assert!(refusal.contains(expected), "{refusal}");
        }
        assert_eq!(format!("{:?}", Key::hmac("hidden")), "Hmac(..)");
    }
}
