//! Key files: read once, checked, never printed, wiped when dropped.

use std::fmt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rustix::process::{DumpableBehavior, Resource, Rlimit};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use zeroize::Zeroizing;

use crate::services::venues::binance_spot::sign::SigningKey;
use crate::settings::{ConfigError, read};

const SCOPES: [&str; 4] = ["read", "orders:write", "orders:cancel", "admin:kill"];

/// Secrets are never printed, and wiped from memory when dropped.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    pub fn new(text: &str) -> Self {
        Self(Zeroizing::new(text.to_owned()))
    }

    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(Zeroizing::new(text)))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<redacted>")
    }
}

/// The venue's API key, and what signs with it.
#[derive(Debug, Clone)]
pub struct Credentials {
    pub api_key: Secret,
    /// HMAC secret, RSA key or Ed25519 key.
    pub api_secret: SigningKey,
}

/// The credentials file: exactly one of the two ways to sign.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CredentialsFile {
    api_key: Secret,
    api_secret: Option<Secret>,
    /// PKCS#8 PEM file of an RSA or Ed25519 key, relative to the credentials file.
    private_key_file: Option<PathBuf>,
}

/// The keys of the services that may call this gateway.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keys {
    pub approval_key: Secret,
    pub keys: Vec<ServiceKey>,
}

/// One calling service.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceKey {
    pub id: String,
    pub secret: Secret,
    pub scopes: Vec<String>,
}

/// Keeps secrets out of core dumps and away from debuggers of the same user.
///
/// # Errors
/// The operating system's refusal.
pub fn forbid_core_dumps() -> std::io::Result<()> {
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    rustix::process::setrlimit(Resource::Core, none)?;
    rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    Ok(())
}

fn refuse(path: &Path, key: &str, problem: String, allowed: &str) -> ConfigError {
    ConfigError {
        file: path.display().to_string(),
        line: None,
        key: key.to_owned(),
        problem,
        allowed: allowed.to_owned(),
    }
}

fn read_secret(path: &Path) -> Result<Zeroizing<String>, ConfigError> {
    let text = Zeroizing::new(read(path, &path.display().to_string())?);
    let mode = std::fs::metadata(path)
        .map_err(|error| refuse(path, "file", error.to_string(), "a readable file"))?
        .permissions()
        .mode();
    if mode & 0o077 != 0 {
        let problem = format!("others can read this secret (mode {:04o})", mode & 0o7777);
        return Err(refuse(path, "mode", problem, "0600 (chmod 600)"));
    }
    Ok(text)
}

fn load_secret_file<T: DeserializeOwned>(path: &Path, shape: &str) -> Result<T, ConfigError> {
    let text = read_secret(path)?;
    // The parser's message could quote a secret, so only its place is repeated.
    serde_json::from_str(&text).map_err(|error| {
        let problem = format!("not readable at line {}", error.line());
        refuse(path, "json", problem, shape)
    })
}

/// Reads the venue credentials.
///
/// # Errors
/// `ConfigError` when a file is missing, too open, not of the right shape or not a usable key.
pub fn load_credentials(path: &Path) -> Result<Credentials, ConfigError> {
    let shape = r#"{"api_key":"..","api_secret":".."} or {"api_key":"..","private_key_file":".."}"#;
    let file: CredentialsFile = load_secret_file(path, shape)?;
    let api_secret = match (&file.api_secret, &file.private_key_file) {
        (Some(secret), None) => SigningKey::hmac(secret),
        (None, Some(name)) => {
            let folder = path.parent().unwrap_or(Path::new("."));
            let key_path = folder.join(name);
            let pem = read_secret(&key_path)?;
            let allowed = "PKCS#8 PEM of an Ed25519 key or an RSA key of 2048 to 4096 bits";
            SigningKey::from_pem(&pem)
                .map_err(|problem| refuse(&key_path, "private_key_file", problem, allowed))?
        }
        _ => {
            let problem = "needs exactly one of api_secret and private_key_file".to_owned();
            return Err(refuse(path, "api_secret", problem, shape));
        }
    };
    Ok(Credentials {
        api_key: file.api_key,
        api_secret,
    })
}

/// Reads the service keys and checks scopes and hex secrets.
///
/// # Errors
/// `ConfigError` naming the key that is wrong (never its value).
pub fn load_keys(path: &Path) -> Result<Keys, ConfigError> {
    let shape = r#"{"approval_key":"<hex>","keys":[{"id","secret":"<hex>","scopes":[..]}]}"#;
    let keys: Keys = load_secret_file(path, shape)?;
    let refuse = |key: String, problem: String, allowed: &str| refuse(path, &key, problem, allowed);
    let is_key = |secret: &Secret| {
        hex::decode(secret.reveal())
            .map(Zeroizing::new)
            .is_ok_and(|k| k.len() >= 16)
    };
    let hex_rule = "hex of at least 16 bytes";
    if !is_key(&keys.approval_key) {
        return Err(refuse(
            "approval_key".to_owned(),
            "not a usable key".to_owned(),
            hex_rule,
        ));
    }
    for key in &keys.keys {
        if !is_key(&key.secret) {
            let name = format!("keys[{}].secret", key.id);
            return Err(refuse(name, "not a usable key".to_owned(), hex_rule));
        }
        if let Some(scope) = key
            .scopes
            .iter()
            .find(|scope| !SCOPES.contains(&scope.as_str()))
        {
            let name = format!("keys[{}].scopes", key.id);
            return Err(refuse(
                name,
                format!("unknown scope {scope}"),
                &SCOPES.join(" "),
            ));
        }
    }
    Ok(keys)
}
