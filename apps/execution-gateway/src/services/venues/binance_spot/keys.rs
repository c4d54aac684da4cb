//! What the exchange key may do.

use serde_json::Value;

use super::BinanceSpot;
use super::outcome::Failure;
use super::rest::Request;
use crate::services::venues::KeyRights;

impl BinanceSpot {
    /// `apiRestrictions` tells of the key itself; venues without `/sapi` (testnet, demo, the
    /// simulated one) tell of the account only.
    pub(super) async fn ask_key_rights(&self) -> Result<KeyRights, Failure> {
        let account = Request::get("/api/v3/account", 20, Vec::new());
        let account = self.rest.signed(account).await?;
        let flag = |body: &Value, name: &str| body.get(name).and_then(Value::as_bool);
        let restrictions = Request::get("/sapi/v1/account/apiRestrictions", 1, Vec::new());
        let of_key = match self.rest.signed(restrictions).await {
            Ok(body) => flag(&body, "enableWithdrawals"),
            Err(Failure::Refused { .. } | Failure::Missing) => None,
            Err(failure) => return Err(failure),
        };
        let of_account = || flag(&account, "canWithdraw");
        Ok(KeyRights {
            can_trade: flag(&account, "canTrade").unwrap_or(true),
            // A venue that tells nothing is taken at its worst.
            can_withdraw: of_key.or_else(of_account).unwrap_or(true),
        })
    }
}
