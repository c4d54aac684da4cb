//! `[[account]]`: who may trade, with which keys and how much. A name that comes again adds a key.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::checks::amounts;
use super::read;
use crate::error::StartError;
use crate::services::signing::keys::Key;

/// Name of the one account of `credentials_file`.
const ONLY_ACCOUNT: &str = "main";
const KNOWN_PERMISSIONS: [&str; 4] = ["SPOT", "MARGIN", "LEVERAGED", "TRD_GRP_002"];

/// One account and its keys.
#[derive(Debug, Clone)]
pub struct AccountSettings {
    pub name: String,
    pub permissions: Vec<String>,
    /// Mantissas at scale 8 by currency.
    pub balances: BTreeMap<String, i128>,
    /// Accounts of one group do not trade with each other.
    pub trade_group: Option<i64>,
    pub keys: Vec<KeySettings>,
}

/// One API key of an account.
#[derive(Debug, Clone)]
pub struct KeySettings {
    pub api_key: String,
    pub key: Key,
    pub can_trade: bool,
    pub can_withdraw: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AccountFile {
    name: String,
    api_key: String,
    api_secret: Option<String>,
    public_key_file: Option<PathBuf>,
    permissions: Option<Vec<String>>,
    #[serde(default = "yes")]
    can_trade: bool,
    #[serde(default)]
    can_withdraw: bool,
    trade_group: Option<i64>,
    #[serde(default)]
    balances: BTreeMap<String, String>,
}

fn yes() -> bool {
    true
}

/// The contents of `credentials_file`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Credentials {
    api_key: String,
    api_secret: String,
}

fn is_key_text(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// The account of a venue that has only one, with the HMAC key of `credentials_file`.
pub(super) fn only(
    path: &Path,
    balances: BTreeMap<String, i128>,
) -> Result<AccountSettings, StartError> {
    let credentials: Credentials = serde_json::from_str(&read(path)?)
        .map_err(|e| StartError::config(path, format!("expected api_key and api_secret: {e}")))?;
    if !is_key_text(&credentials.api_key) || !is_key_text(&credentials.api_secret) {
        let text = "api_key and api_secret must be non-empty printable ASCII";
        return Err(StartError::config(path, text));
    }
    Ok(AccountSettings {
        name: ONLY_ACCOUNT.to_owned(),
        permissions: vec!["SPOT".to_owned()],
        balances,
        trade_group: None,
        keys: vec![KeySettings {
            key: Key::hmac(&credentials.api_secret),
            api_key: credentials.api_key,
            can_trade: true,
            can_withdraw: false,
        }],
    })
}

/// The accounts of all `[[account]]` tables, in the order of their first appearance.
pub(super) fn listed(
    tables: Vec<AccountFile>,
    folder: &Path,
) -> Result<Vec<AccountSettings>, String> {
    let mut accounts: Vec<AccountSettings> = Vec::new();
    for table in tables {
        let key = key(&table, folder)?;
        let twice = accounts
            .iter()
            .flat_map(|account| &account.keys)
            .any(|known| known.api_key == key.api_key);
        if twice {
            return Err(format!(
                "account.api_key \"{}\" is listed twice",
                key.api_key
            ));
        }
        match accounts.iter_mut().find(|known| known.name == table.name) {
            Some(known) => {
                if table.permissions.is_some() || !table.balances.is_empty() {
                    return Err(format!(
                        "account {}: permissions and balances belong to its first [[account]] \
                         table; later tables of the same name only add keys",
                        table.name
                    ));
                }
                known.keys.push(key);
            }
            None => accounts.push(account(table, key)?),
        }
    }
    Ok(accounts)
}

fn account(table: AccountFile, key: KeySettings) -> Result<AccountSettings, String> {
    let name = table.name;
    if name.is_empty() || name.len() > 36 || !is_key_text(&name) {
        return Err(format!(
            "account.name = \"{name}\": allowed 1 to 36 printable ASCII characters"
        ));
    }
    let permissions = table.permissions.unwrap_or_else(|| vec!["SPOT".to_owned()]);
    if let Some(unknown) = permissions
        .iter()
        .find(|name| !KNOWN_PERMISSIONS.contains(&name.as_str()))
    {
        return Err(format!(
            "account {name}: permissions holds \"{unknown}\": allowed {}",
            KNOWN_PERMISSIONS.join(", ")
        ));
    }
    let balances = amounts(&format!("account {name}: balances"), &table.balances)?;
    Ok(AccountSettings {
        name,
        permissions,
        balances,
        trade_group: table.trade_group,
        keys: vec![key],
    })
}

fn key(table: &AccountFile, folder: &Path) -> Result<KeySettings, String> {
    let name = &table.name;
    if !is_key_text(&table.api_key) {
        return Err(format!(
            "account {name}: api_key must be non-empty printable ASCII"
        ));
    }
    let key = match (&table.api_secret, &table.public_key_file) {
        (Some(secret), None) if is_key_text(secret) => Key::hmac(secret),
        (Some(_), None) => {
            return Err(format!(
                "account {name}: api_secret must be non-empty printable ASCII"
            ));
        }
        (None, Some(file)) => {
            let path = folder.join(file);
            let at = |what: String| {
                format!("account {name}: public_key_file {}: {what}", path.display())
            };
            let text = std::fs::read_to_string(&path).map_err(|e| at(e.to_string()))?;
            Key::from_pem(&text).map_err(at)?
        }
        _ => {
            return Err(format!(
                "account {name}: exactly one of api_secret (HMAC) and public_key_file (RSA or \
                 Ed25519) is needed"
            ));
        }
    };
    Ok(KeySettings {
        api_key: table.api_key.clone(),
        key,
        can_trade: table.can_trade,
        can_withdraw: table.can_withdraw,
    })
}
