//! The only message that makes the gateway send an order.

use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::canonical::{canonical_json, canonical_value};
use crate::client_order_id;
use crate::error::DomainError;
use crate::ids::{AccountId, ClientOrderId, DecisionId, InstrumentId, Leg, StrategyId};
use crate::order::Order;
use crate::time::UnixMillis;

/// Whether the order may add risk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Intent {
    Open,
    Reduce,
}

/// The secret that approvals are signed with. Prints nothing of itself.
#[derive(Clone)]
pub struct ApprovalKey(Vec<u8>);

impl ApprovalKey {
    /// A key from its hex form; at least 16 bytes.
    pub fn from_hex(text: &str) -> Result<Self, DomainError> {
        let refuse = |value: String| {
            DomainError::out_of_range("approval key", value, "hex of 16 bytes or more")
        };
        let bytes = hex::decode(text).map_err(|_| refuse("not hex".to_owned()))?;
        if bytes.len() < 16 {
            return Err(refuse(format!("{} bytes", bytes.len())));
        }
        Ok(Self(bytes))
    }

    fn mac(&self, body: &[u8]) -> Result<Hmac<Sha256>, DomainError> {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.0).map_err(|_| DomainError::Signature)?;
        mac.update(body);
        Ok(mac)
    }

    /// Hex HMAC-SHA256 of a body.
    pub fn sign(&self, body: &[u8]) -> Result<String, DomainError> {
        Ok(hex::encode(self.mac(body)?.finalize().into_bytes()))
    }

    /// Compares in constant time.
    pub fn verify(&self, body: &[u8], signature: &str) -> Result<(), DomainError> {
        let signature = hex::decode(signature).map_err(|_| DomainError::Signature)?;
        self.mac(body)?
            .verify_slice(&signature)
            .map_err(|_| DomainError::Signature)
    }
}

impl std::fmt::Debug for ApprovalKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ApprovalKey(..)")
    }
}

/// An order the risk engine approved. Fields are private: it comes from the signed wire form
/// ([`ApprovedOrder::from_signed`]) or from a journal that stored that form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApprovedOrder {
    schema: u32,
    account: AccountId,
    strategy: StrategyId,
    decision_id: DecisionId,
    leg: Leg,
    attempt: u8,
    instrument_id: InstrumentId,
    order: Order,
    intent: Intent,
    risk_digest: String,
    issued_at: UnixMillis,
    expires_at: UnixMillis,
}

impl ApprovedOrder {
    /// The order in a request body, once the signature fits and the body is canonical.
    pub fn from_signed(
        body: &[u8],
        signature: &str,
        key: &ApprovalKey,
    ) -> Result<Self, DomainError> {
        key.verify(body, signature)?;
        Self::from_canonical(body)
    }

    /// The order in a body whose signature was checked before (a journal record).
    pub fn from_canonical(body: &[u8]) -> Result<Self, DomainError> {
        let json_error = |detail| DomainError::Json {
            what: "an ApprovedOrder",
            detail,
        };
        let order: Self = serde_json::from_slice(body).map_err(|e| json_error(e.to_string()))?;
        order.check()?;
        if order.canonical_json()?.as_bytes() != body {
            return Err(json_error("the body is not canonical JSON".to_owned()));
        }
        Ok(order)
    }

    fn check(&self) -> Result<(), DomainError> {
        if self.schema != 1 {
            return Err(DomainError::out_of_range("schema", self.schema, "1"));
        }
        if self.attempt >= client_order_id::ATTEMPTS {
            return Err(DomainError::out_of_range(
                "attempt",
                self.attempt,
                "0 to 31",
            ));
        }
        if self.expires_at < self.issued_at {
            let message = "expires_at is before issued_at".to_owned();
            return Err(DomainError::Inconsistent { message });
        }
        if self.intent == Intent::Reduce && matches!(self.order, Order::Bracket(_)) {
            let message = "a BRACKET opens a position; its intent cannot be reduce".to_owned();
            return Err(DomainError::Inconsistent { message });
        }
        Ok(())
    }

    pub fn canonical_json(&self) -> Result<String, DomainError> {
        canonical_json(self)
    }

    /// The value of `X-ATS-Signature`.
    pub fn sign(&self, key: &ApprovalKey) -> Result<String, DomainError> {
        key.sign(self.canonical_json()?.as_bytes())
    }

    /// SHA-256 hex of the canonical JSON without `issued_at` and `expires_at`: a repeated
    /// request may carry new times and is still the same request.
    pub fn body_hash(&self) -> Result<String, DomainError> {
        let mut value = serde_json::to_value(self).map_err(|e| DomainError::Json {
            what: "an ApprovedOrder",
            detail: e.to_string(),
        })?;
        if let Some(fields) = value.as_object_mut() {
            fields.remove("issued_at");
            fields.remove("expires_at");
        }
        Ok(hex::encode(Sha256::digest(canonical_value(&value)?)))
    }

    /// `<decision_id>.<leg>.<attempt>`.
    pub fn idempotency_key(&self) -> String {
        format!("{}.{}.{}", self.decision_id, self.leg, self.attempt)
    }

    /// The id of the order itself.
    pub fn client_order_id(&self) -> Result<ClientOrderId, DomainError> {
        self.client_order_id_of(&self.leg)
    }

    /// The id of a child leg (`entry.stop`, `protect.list` ...) of the same attempt.
    pub fn client_order_id_of(&self, leg: &Leg) -> Result<ClientOrderId, DomainError> {
        self.order_key().client_order_id(leg, self.attempt)
    }

    /// What ids of this decision's orders are derived from.
    pub fn order_key(&self) -> client_order_id::OrderKey<'_> {
        client_order_id::OrderKey {
            account: &self.account,
            strategy: &self.strategy,
            decision_id: &self.decision_id,
        }
    }

    pub fn account(&self) -> &AccountId {
        &self.account
    }

    pub fn strategy(&self) -> &StrategyId {
        &self.strategy
    }

    pub fn decision_id(&self) -> &DecisionId {
        &self.decision_id
    }

    pub fn leg(&self) -> &Leg {
        &self.leg
    }

    pub fn attempt(&self) -> u8 {
        self.attempt
    }

    pub fn instrument_id(&self) -> &InstrumentId {
        &self.instrument_id
    }

    pub fn order(&self) -> &Order {
        &self.order
    }

    pub fn intent(&self) -> Intent {
        self.intent
    }

    pub fn risk_digest(&self) -> &str {
        &self.risk_digest
    }

    pub fn issued_at(&self) -> UnixMillis {
        self.issued_at
    }

    pub fn expires_at(&self) -> UnixMillis {
        self.expires_at
    }
}
