//! What a run takes from its settings and keys once, checked.

use rust_common::{AccountId, ApprovalKey, DomainError, Timeframe};

use crate::error::GatewayError;
use crate::secrets::Keys;
use crate::services::core::{CoreConfig, Rules};
use crate::settings::{ConfigError, Settings};

/// Hash of the settings (they hold no secret: those are in files of their own).
pub(crate) fn config_hash(settings: &Settings) -> String {
    use sha2::{Digest, Sha256};
    hex::encode(Sha256::digest(format!("{settings:?}")))
}

pub(crate) fn config_error(settings: &Settings, key: &str, error: &DomainError) -> GatewayError {
    GatewayError::Config(ConfigError {
        file: settings.keys_file.display().to_string(),
        line: None,
        key: key.to_owned(),
        problem: error.to_string(),
        allowed: "see docs/concepts/interfaces.md".to_owned(),
    })
}

pub(crate) fn approval_key(settings: &Settings, keys: &Keys) -> Result<ApprovalKey, GatewayError> {
    ApprovalKey::from_hex(keys.approval_key.reveal())
        .map_err(|error| config_error(settings, "approval_key", &error))
}

pub(crate) fn account(settings: &Settings) -> Result<AccountId, GatewayError> {
    let account = AccountId::new(settings.account.clone());
    account.map_err(|error| config_error(settings, "account", &error))
}

pub(crate) fn timeframe(settings: &Settings) -> Result<Timeframe, GatewayError> {
    let timeframe = settings.venue.timeframe.parse::<Timeframe>();
    timeframe.map_err(|error| config_error(settings, "venue.timeframe", &error))
}

pub(crate) fn core_config(settings: &Settings) -> Result<CoreConfig, GatewayError> {
    Ok(CoreConfig {
        account: account(settings)?,
        limits: settings.parsed_limits(),
        recv_window_ms: settings.venue.recv_window_ms,
        horizon_ms: settings.venue.horizon_ms(),
        is_fast: settings.venue.is_fast_profile(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        rules: Rules {
            entry_deadline_ms: settings.venue.entry_deadline_ms,
            allow_withdraw_key: settings.venue.allow_withdraw_key,
            ..Rules::default()
        },
    })
}
