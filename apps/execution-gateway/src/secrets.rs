//! Key files: read once, checked, never printed.

use std::fmt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::settings::{ConfigError, read};

const SCOPES: [&str; 4] = ["read", "orders:write", "orders:cancel", "admin:kill"];

/// Secrets are never printed.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    pub fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<redacted>")
    }
}

/// The venue's API key pair.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    pub api_key: Secret,
    pub api_secret: Secret,
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

fn load_secret_file<T: DeserializeOwned>(path: &Path, shape: &str) -> Result<T, ConfigError> {
    let file = path.display().to_string();
    let text = read(path, &file)?;
    let refuse = |key: &str, problem: String, allowed: &str| ConfigError {
        file: file.clone(),
        line: None,
        key: key.to_owned(),
        problem,
        allowed: allowed.to_owned(),
    };
    let mode = std::fs::metadata(path)
        .map_err(|error| refuse("file", error.to_string(), "a readable file"))?
        .permissions()
        .mode();
    if mode & 0o077 != 0 {
        let problem = format!("others can read this secret (mode {:04o})", mode & 0o7777);
        return Err(refuse("mode", problem, "0600 (chmod 600)"));
    }
    // The parser's message could quote a secret, so only its place is repeated.
    serde_json::from_str(&text).map_err(|error| {
        refuse(
            "json",
            format!("not readable at line {}", error.line()),
            shape,
        )
    })
}

/// Reads the venue credentials.
///
/// # Errors
/// `ConfigError` when the file is missing, too open or not of the right shape.
pub fn load_credentials(path: &Path) -> Result<Credentials, ConfigError> {
    load_secret_file(path, r#"{"api_key":"..","api_secret":".."}"#)
}

/// Reads the service keys and checks scopes and hex secrets.
///
/// # Errors
/// `ConfigError` naming the key that is wrong (never its value).
pub fn load_keys(path: &Path) -> Result<Keys, ConfigError> {
    let shape = r#"{"approval_key":"<hex>","keys":[{"id","secret":"<hex>","scopes":[..]}]}"#;
    let keys: Keys = load_secret_file(path, shape)?;
    let refuse = |key: String, problem: String, allowed: &str| ConfigError {
        file: path.display().to_string(),
        line: None,
        key,
        problem,
        allowed: allowed.to_owned(),
    };
    let is_key = |secret: &Secret| hex::decode(secret.reveal()).is_ok_and(|k| k.len() >= 16);
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
