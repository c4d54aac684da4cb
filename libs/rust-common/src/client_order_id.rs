//! Deterministic ids: the same intent always gets the same id, so a venue can refuse its repeat.

use sha2::{Digest, Sha256};

use crate::error::DomainError;
use crate::ids::{AccountId, ClientOrderId, DecisionId, InstrumentId, Leg, StrategyId};
use crate::time::UnixMillis;

/// Attempts are one Crockford character.
pub const ATTEMPTS: u8 = 32;

const CROCKFORD: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// What the ids of one decision's orders are derived from.
#[derive(Debug, Clone, Copy)]
pub struct OrderKey<'a> {
    pub account: &'a AccountId,
    pub strategy: &'a StrategyId,
    pub decision_id: &'a DecisionId,
}

impl OrderKey<'_> {
    /// `ats1-<26 characters>-<attempt>`.
    pub fn client_order_id(&self, leg: &Leg, attempt: u8) -> Result<ClientOrderId, DomainError> {
        self.derive("ats1-", leg, attempt)
    }

    /// The id a cancel of `leg` is sent under: `ats1c-`, derived from `<leg>.cancel`.
    pub fn cancel_id(&self, leg: &Leg, attempt: u8) -> Result<ClientOrderId, DomainError> {
        self.derive("ats1c-", &Leg::new(format!("{leg}.cancel"))?, attempt)
    }

    fn derive(&self, prefix: &str, leg: &Leg, attempt: u8) -> Result<ClientOrderId, DomainError> {
        let text = format!(
            "{}\n{}\n{}\n{leg}",
            self.account, self.strategy, self.decision_id
        );
        let digest = Sha256::digest(text);
        let bits = digest
            .iter()
            .take(16)
            .fold(0_u128, |bits, byte| bits << 8 | u128::from(*byte));
        let attempt = crockford(u128::from(attempt), attempt < ATTEMPTS)?;
        let mut id = String::with_capacity(36);
        id.push_str(prefix);
        for position in (0..26).rev() {
            id.push(crockford(bits >> (5 * position) & 31, true)?);
        }
        id.push('-');
        id.push(attempt);
        ClientOrderId::new(id)
    }
}

fn crockford(digit: u128, is_allowed: bool) -> Result<char, DomainError> {
    usize::try_from(digit)
        .ok()
        .filter(|_| is_allowed)
        .and_then(|index| CROCKFORD.get(index))
        .map(|byte| char::from(*byte))
        .ok_or_else(|| DomainError::out_of_range("attempt", digit, "0 to 31"))
}

/// SHA-256 hex of `account\nstrategy\nconfig_hash\ninstrument_id\nclosed_at`.
pub fn decision_id(
    account: &AccountId,
    strategy: &StrategyId,
    config_hash: &str,
    instrument_id: &InstrumentId,
    closed_at: UnixMillis,
) -> Result<DecisionId, DomainError> {
    let text = format!("{account}\n{strategy}\n{config_hash}\n{instrument_id}\n{closed_at}");
    DecisionId::new(hex::encode(Sha256::digest(text)))
}
