//! The venue's own truth as a value: what a history checker compares a client's story with.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::checking::View;
use crate::error::VenueError;
use crate::models::accounts::AccountId;
use crate::models::decimal::format8;
use crate::models::orders::{ExpiryReason, OrderRecord, TradeRecord};
use crate::services::core::market::Market;
use crate::services::core::payloads::{money_text, price_text, quantity_text};

impl View<'_> {
    /// `{orders, trades, balances}` of one account, oldest first.
    pub(crate) fn ledger(&self, account: AccountId) -> Result<Value, VenueError> {
        let own = |order: &&OrderRecord| order.account == account;
        let mut orders = Vec::new();
        for order in self.book.orders.values().filter(own) {
            let market = self.market(order.market)?;
            let mut row = order_facts(order, market);
            extend(
                &mut row,
                json!({
                    "order_id": order.order_id, "order_list_id": order.list_id,
                    "client_order_id": order.client_order_id, "created_at": order.created_at,
                    "updated_at": order.updated_at,
                }),
            );
            orders.push(row);
        }
        let mut trades = Vec::new();
        for trade in &self.book.trades {
            if trade.account == account {
                let market = self.market(trade.market)?;
                let mut row = trade_facts(trade, market);
                extend(
                    &mut row,
                    json!({
                        "trade_id": trade.trade_id, "order_id": trade.order_id, "at": trade.at,
                    }),
                );
                trades.push(row);
            }
        }
        Ok(json!({
            "account": self.account_name(account),
            "orders": orders,
            "trades": trades,
            "balances": self.balance_facts(account),
        }))
    }

    /// SHA-256 of the ledgers of all accounts without ids and times: equal for equal orders, however
    /// and when they arrived.
    pub(crate) fn ledger_hash(&self) -> Result<String, VenueError> {
        let mut orders = Vec::new();
        for order in self.book.orders.values() {
            let mut row = order_facts(order, self.market(order.market)?);
            extend(
                &mut row,
                json!({"account": self.account_name(order.account)}),
            );
            orders.push(row);
        }
        let mut trades = Vec::new();
        for trade in &self.book.trades {
            let mut row = trade_facts(trade, self.market(trade.market)?);
            extend(
                &mut row,
                json!({"account": self.account_name(trade.account)}),
            );
            trades.push(row);
        }
        let balances: Vec<Value> = self
            .auction
            .funds
            .accounts()
            .map(|(account, config)| {
                json!({"account": config.name, "balances": self.balance_facts(account)})
            })
            .collect();
        let ledger = json!({"orders": orders, "trades": trades, "balances": balances});
        Ok(hex::encode(Sha256::digest(ledger.to_string())))
    }

    fn account_name(&self, account: AccountId) -> String {
        let config = self.auction.funds.config(account);
        config.map(|config| config.name.clone()).unwrap_or_default()
    }

    /// Assets that the account never had are the same as those it has nothing of.
    fn balance_facts(&self, account: AccountId) -> Value {
        let balances = self.auction.funds.balances(account);
        let rows = balances
            .into_iter()
            .filter(|(_, free, locked)| *free != 0 || *locked != 0);
        let row = |(asset, free, locked): (String, i128, i128)| {
            (
                asset,
                json!({"free": format8(free, 8), "locked": format8(locked, 8)}),
            )
        };
        Value::Object(rows.map(row).collect())
    }
}

fn extend(base: &mut Value, extra: Value) {
    if let (Some(base), Value::Object(extra)) = (base.as_object_mut(), extra) {
        base.extend(extra);
    }
}

fn order_facts(order: &OrderRecord, market: &Market) -> Value {
    json!({
        "symbol": market.symbol(),
        "side": order.side.name(),
        "type": order.terms.type_name(),
        "time_in_force": order.terms.time_in_force().name(),
        "price": price_text(market, order.terms.price()),
        "stop_price": order.terms.stop_price().map(|price| price_text(market, price)),
        "trailing_delta": order.terms.trailing_delta(),
        "quantity": quantity_text(market, order.quantity),
        "quote_quantity": money_text(i128::from(order.terms.quote_quantity())),
        "iceberg_quantity": order.options.iceberg_quantity.map(|part| quantity_text(market, part)),
        "self_trade_prevention": order.options.self_trade_prevention.name(),
        "in_list": order.list_id.is_some(),
        "status": order.status.name(),
        "expiry_reason": order.expiry_reason.map(ExpiryReason::name),
        "executed": quantity_text(market, order.executed),
        "quote": money_text(order.quote),
        "prevented": quantity_text(market, order.prevented),
        "amends": order.amends,
    })
}

fn trade_facts(trade: &TradeRecord, market: &Market) -> Value {
    json!({
        "symbol": market.symbol(),
        "side": trade.side.name(),
        "price": price_text(market, trade.price),
        "quantity": quantity_text(market, trade.quantity),
        "quote": money_text(trade.quote),
        "fee": money_text(trade.fee),
        "fee_asset": trade.fee_asset,
        "is_maker": trade.is_maker,
    })
}
