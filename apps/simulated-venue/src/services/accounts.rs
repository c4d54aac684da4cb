//! Which key belongs to which account, and what it may do.

use std::collections::HashMap;

use crate::models::accounts::AccountId;
use crate::services::signing::keys::Key;
use crate::settings::AccountSettings;

/// What a key is good for.
#[derive(Debug, Clone)]
pub struct ApiKey {
    pub account: AccountId,
    pub key: Key,
    pub can_trade: bool,
    pub can_withdraw: bool,
}

/// An account as the venue describes it to its owner.
#[derive(Debug, Clone)]
pub struct Profile {
    pub name: String,
    pub uid: u64,
    pub permissions: Vec<String>,
}

/// All accounts and keys; they do not change while the venue runs.
#[derive(Debug, Default)]
pub struct Accounts {
    profiles: Vec<Profile>,
    keys: HashMap<String, ApiKey>,
}

impl Accounts {
    pub fn new(settings: &[AccountSettings]) -> Self {
        let mut accounts = Self::default();
        for (id, account) in (0..).map(AccountId).zip(settings) {
            accounts.profiles.push(Profile {
                name: account.name.clone(),
                uid: u64::from(id.0) + 1,
                permissions: account.permissions.clone(),
            });
            for entry in &account.keys {
                let key = ApiKey {
                    account: id,
                    key: entry.key.clone(),
                    can_trade: entry.can_trade,
                    can_withdraw: entry.can_withdraw,
                };
                accounts.keys.insert(entry.api_key.clone(), key);
            }
        }
        accounts
    }

    pub fn key(&self, api_key: &str) -> Option<&ApiKey> {
        self.keys.get(api_key)
    }

    /// Whether any key may log on to a session.
    pub fn has_ed25519(&self) -> bool {
        self.keys.values().any(|entry| entry.key.is_ed25519())
    }

    pub fn profile(&self, account: AccountId) -> Option<&Profile> {
        self.profiles.get(account.index())
    }

    /// The account of this name.
    pub fn named(&self, name: &str) -> Option<AccountId> {
        (0..)
            .map(AccountId)
            .zip(&self.profiles)
            .find(|(_, profile)| profile.name == name)
            .map(|(id, _)| id)
    }
}
