//! What a backtest is run with.

use std::collections::BTreeMap;

use rust_common::{Currency, DomainError, Instrument, Money, Ratio};
use serde::Deserialize;

use crate::services::drawdown::DrawdownParams;
use crate::services::exchange::ExchangeConfig;
use crate::services::params;
use crate::services::position_manager::PositionParams;

/// Balances, costs and parameters. The position's `tick` and `price_scale` come from the
/// instrument.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BacktestConfig {
    pub balances: BTreeMap<Currency, Money>,
    #[serde(deserialize_with = "params::ratio")]
    pub maker_fee_rate: Ratio,
    #[serde(deserialize_with = "params::ratio")]
    pub taker_fee_rate: Ratio,
    #[serde(deserialize_with = "params::text")]
    pub slippage_bps: String,
    pub position: PositionParams,
    pub drawdown: DrawdownParams,
}

impl BacktestConfig {
    pub fn from_json(text: &str) -> Result<Self, DomainError> {
        serde_json::from_str(text).map_err(|e| DomainError::Json {
            what: "a backtest config",
            detail: e.to_string(),
        })
    }

    pub(super) fn exchange(&self) -> Result<ExchangeConfig, DomainError> {
        let config = ExchangeConfig {
            maker_fee_rate: self.maker_fee_rate,
            taker_fee_rate: self.taker_fee_rate,
            slippage: Ratio::from_bps(&self.slippage_bps)?,
        };
        config.check()?;
        Ok(config)
    }

    pub(super) fn position(&self, instrument: &Instrument) -> PositionParams {
        PositionParams {
            tick: instrument.tick_size.mantissa(),
            price_scale: Some(instrument.price_scale),
            ..self.position
        }
    }
}
