//! Queries about an account itself: balances, fees, counts.

use serde_json::{Value, json};

use super::dispatch::Caller;
use super::params::Params;
use crate::error::VenueError;
use crate::services::core::payloads::money_text;
use crate::services::shell::Shell;

/// `GET /api/v3/account`.
pub fn account(shell: &Shell, params: &mut Params, caller: &Caller) -> Result<Value, VenueError> {
    let omits_zero = params.boolean("omitZeroBalances")?.unwrap_or(false);
    params.finish()?;
    let (maker, taker) = shell.state.fee_rates_of(caller.account);
    let balances: Vec<Value> = shell
        .state
        .balances_of(caller.account)
        .iter()
        .filter(|(_, free, locked)| !omits_zero || *free != 0 || *locked != 0)
        .map(|(asset, free, locked)| {
            json!({"asset": asset, "free": money_text(*free), "locked": money_text(*locked)})
        })
        .collect();
    let profile = shell.accounts.profile(caller.account);
    let profile = profile.ok_or_else(VenueError::internal)?;
    Ok(json!({
        // In basis points, as the oldest clients still read them.
        "makerCommission": maker / 10_000, "takerCommission": taker / 10_000,
        "buyerCommission": 0, "sellerCommission": 0,
        "commissionRates": {
            "maker": money_text(i128::from(maker)), "taker": money_text(i128::from(taker)),
            "buyer": money_text(0), "seller": money_text(0),
        },
        "canTrade": caller.can_trade && !shell.state.is_done(),
        "canWithdraw": caller.can_withdraw, "canDeposit": false,
        "brokered": false, "requireSelfTradePrevention": false, "preventSor": true,
        "updateTime": shell.state.market_time(), "accountType": "SPOT", "balances": balances,
        "permissions": profile.permissions, "uid": profile.uid,
    }))
}

/// `GET /api/v3/account/commission`.
pub fn commission(
    shell: &Shell,
    params: &mut Params,
    caller: &Caller,
) -> Result<Value, VenueError> {
    let symbol = params
        .symbol()?
        .ok_or_else(|| VenueError::missing("symbol"))?;
    shell.state.market_index(&symbol)?;
    params.finish()?;
    let (maker, taker) = shell.state.fee_rates_of(caller.account);
    let rates = |maker: i64, taker: i64| {
        json!({
            "maker": money_text(i128::from(maker)), "taker": money_text(i128::from(taker)),
            "buyer": money_text(0), "seller": money_text(0),
        })
    };
    Ok(json!({
        "symbol": symbol,
        "standardCommission": rates(maker, taker),
        "specialCommission": rates(0, 0),
        "taxCommission": rates(0, 0),
        "discount": {
            "enabledForAccount": false, "enabledForSymbol": false, "discountAsset": "",
            "discount": money_text(0),
        },
    }))
}

/// `GET /api/v3/rateLimit/order`.
pub fn order_counts(
    shell: &mut Shell,
    params: &Params,
    caller: &Caller,
) -> Result<Value, VenueError> {
    params.finish()?;
    let now = shell.clock.now_ms();
    let counts = shell.limits.order_counts(caller.account, now);
    Ok(Value::Array(shell.limits.order_rows(counts)))
}
