//! The filters (filters.md), enforced. `describing` advertises the same numbers. Failures name the first filter in the order of the document.

use crate::error::VenueError;
use crate::models::feed::Level;
use crate::models::filters::{ExchangeFilters, LotSize};
use crate::models::orders::{OrderOptions, Side, Terms};
use crate::services::core::market::Market;

/// An order as the filters see it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Proposal {
    pub(super) side: Side,
    pub(super) quantity: i64,
    pub(super) terms: Terms,
    pub(super) options: OrderOptions,
}

/// Prices the filters compare with: mean of some minutes, at scale 8. `None` as long as the market
/// has no price at all; such rules then do not apply.
pub(super) trait Prices {
    fn mean(&self, minutes: u32) -> Option<i128>;
}

/// The rules that look at the order alone: all but the counts, the position and the assets.
pub(super) fn check(
    market: &Market,
    order: &Proposal,
    prices: &dyn Prices,
) -> Result<(), VenueError> {
    let verdicts = [
        ("PRICE_FILTER", price_filter(market, order)),
        ("PERCENT_PRICE", percent_price(market, order, prices)),
        (
            "PERCENT_PRICE_BY_SIDE",
            percent_by_side(market, order, prices),
        ),
        ("LOT_SIZE", lot_size(market, order)),
        ("MIN_NOTIONAL", min_notional(market, order, prices)),
        ("NOTIONAL", notional(market, order, prices)),
        ("ICEBERG_PARTS", iceberg_parts(market, order)),
        ("MARKET_LOT_SIZE", market_lot_size(market, order)),
        ("TRAILING_DELTA", trailing_delta(market, order)),
    ];
    match verdicts.iter().find(|(_, passes)| !passes) {
        Some((name, _)) => Err(VenueError::filter(name)),
        None => Ok(()),
    }
}

/// The rules for an amended quantity: the price has not changed, and stays good.
pub(super) fn check_quantity(
    market: &Market,
    order: &Proposal,
    prices: &dyn Prices,
) -> Result<(), VenueError> {
    let verdicts = [
        ("LOT_SIZE", lot_size(market, order)),
        ("MIN_NOTIONAL", min_notional(market, order, prices)),
        ("NOTIONAL", notional(market, order, prices)),
    ];
    match verdicts.iter().find(|(_, passes)| !passes) {
        Some((name, _)) => Err(VenueError::filter(name)),
        None => Ok(()),
    }
}

fn price_filter(market: &Market, order: &Proposal) -> bool {
    let rule = market.filters.price;
    let prices = [order.terms.limit_price(), order.terms.stop_price()];
    prices.into_iter().flatten().all(|price| {
        price > 0
            && price >= rule.min_price
            && (rule.max_price == 0 || price <= rule.max_price)
            && (rule.tick_size == 0 || price % rule.tick_size == 0)
    })
}

/// `down <= price / mean <= up`, exactly.
fn is_within(market: &Market, price: i64, mean: i128, (down, up): (i64, i64)) -> bool {
    let unit = 10_i128.pow(u32::from(
        8_u8.saturating_sub(market.instrument.price_scale),
    ));
    let scaled = i128::from(price) * unit * 100_000_000;
    scaled <= mean * i128::from(up) && scaled >= mean * i128::from(down)
}

fn percent_price(market: &Market, order: &Proposal, prices: &dyn Prices) -> bool {
    let (Some(rule), Some(price)) = (market.filters.percent_price, order.terms.limit_price())
    else {
        return true;
    };
    let bounds = (rule.multiplier_down, rule.multiplier_up);
    prices
        .mean(rule.avg_price_mins)
        .is_none_or(|mean| is_within(market, price, mean, bounds))
}

fn percent_by_side(market: &Market, order: &Proposal, prices: &dyn Prices) -> bool {
    let rule = market.filters.percent_price_by_side;
    let (Some(rule), Some(price)) = (rule, order.terms.limit_price()) else {
        return true;
    };
    let bounds = match order.side {
        Side::Buy => (rule.bid_multiplier_down, rule.bid_multiplier_up),
        Side::Sell => (rule.ask_multiplier_down, rule.ask_multiplier_up),
    };
    prices
        .mean(rule.avg_price_mins)
        .is_none_or(|mean| is_within(market, price, mean, bounds))
}

fn fits(lot: LotSize, quantity: i64) -> bool {
    quantity >= lot.min_quantity
        && quantity <= lot.max_quantity
        && (lot.step_size == 0 || quantity % lot.step_size == 0)
}

/// A MARKET by quote quantity is cut to the lot instead.
fn lot_size(market: &Market, order: &Proposal) -> bool {
    let is_by_quote = matches!(order.terms, Terms::MarketQuote { .. });
    let quantity = (!is_by_quote).then_some(order.quantity);
    [quantity, order.options.iceberg_quantity]
        .into_iter()
        .flatten()
        .all(|quantity| quantity > 0 && fits(market.filters.lot_size, quantity))
}

fn market_lot_size(market: &Market, order: &Proposal) -> bool {
    let is_market = matches!(order.terms, Terms::Market);
    let lot = market.filters.market_lot_size.filter(|_| is_market);
    lot.is_none_or(|lot| fits(lot, order.quantity))
}

/// Notional at scale 8 and whether the order counts as MARKET: types without a limit price do.
fn value_of(
    market: &Market,
    order: &Proposal,
    mean: impl Fn() -> Option<i128>,
) -> (Option<i128>, bool) {
    match (order.terms, order.terms.limit_price()) {
        (Terms::MarketQuote { quote_quantity }, _) => (Some(i128::from(quote_quantity)), true),
        (_, Some(price)) => (Some(market.quote_amount(price, order.quantity)), false),
        (_, None) => {
            let unit = 10_i128.pow(u32::from(market.instrument.quantity_scale));
            let value = mean().map(|mean| mean * i128::from(order.quantity) / unit);
            (value, true)
        }
    }
}

fn min_notional(market: &Market, order: &Proposal, prices: &dyn Prices) -> bool {
    let Some(rule) = market.filters.min_notional else {
        return true;
    };
    let (value, is_market) = value_of(market, order, || prices.mean(rule.avg_price_mins));
    let applies = !is_market || rule.apply_to_market;
    !applies || value.is_none_or(|value| value >= i128::from(rule.min_notional))
}

fn notional(market: &Market, order: &Proposal, prices: &dyn Prices) -> bool {
    let Some(rule) = market.filters.notional else {
        return true;
    };
    let (value, is_market) = value_of(market, order, || prices.mean(rule.avg_price_mins));
    let Some(value) = value else { return true };
    let is_large_enough = value >= i128::from(rule.min_notional);
    let is_small_enough = value <= i128::from(rule.max_notional);
    (is_large_enough || (is_market && !rule.apply_min_to_market))
        && (is_small_enough || (is_market && !rule.apply_max_to_market))
}

/// CEIL(quantity / icebergQty).
fn iceberg_parts(market: &Market, order: &Proposal) -> bool {
    let slice = order.options.iceberg_quantity.filter(|slice| *slice > 0);
    match (market.filters.iceberg_parts, slice) {
        (Some(limit), Some(slice)) => {
            let parts = (order.quantity / slice) + i64::from(order.quantity % slice > 0);
            parts <= i64::from(limit)
        }
        _ => true,
    }
}

fn trailing_delta(market: &Market, order: &Proposal) -> bool {
    let rule = market.filters.trailing_delta;
    let (Some(rule), Some(delta)) = (rule, order.terms.trailing_delta()) else {
        return true;
    };
    let is_above = super::triggers::is_above(order.side, order.terms);
    let (least, most) = if is_above {
        (rule.min_trailing_above_delta, rule.max_trailing_above_delta)
    } else {
        (rule.min_trailing_below_delta, rule.max_trailing_below_delta)
    };
    (least..=most).contains(&delta)
}

/// MAX_ASSET: base asset against the quantity, quote asset against the notional, at scale 8.
pub(super) fn check_assets(
    filters: &ExchangeFilters,
    market: &Market,
    (base, quote): (i128, Option<i128>),
) -> Result<(), VenueError> {
    let most = |asset: &str| filters.max_asset.get(asset).copied().map(i128::from);
    let is_over = |asset: &str, amount: Option<i128>| match (most(asset), amount) {
        (Some(most), Some(amount)) => amount > most,
        _ => false,
    };
    let instrument = &market.instrument;
    if is_over(instrument.base_currency.as_str(), Some(base))
        || is_over(instrument.quote_currency.as_str(), quote)
    {
        return Err(VenueError::filter("MAX_ASSET"));
    }
    Ok(())
}

/// Notional of an order at scale 8, by the price it has or else the mean.
pub(super) fn notional_of(market: &Market, order: &Proposal, prices: &dyn Prices) -> Option<i128> {
    let minutes = market
        .filters
        .notional
        .map_or(5, |rule| rule.avg_price_mins);
    value_of(market, order, || prices.mean(minutes)).0
}

/// A price the market has when nothing traded yet: the middle of what stands there.
pub(super) fn standing(bid: Level, ask: Level) -> Option<i64> {
    match (bid.price, ask.price) {
        (0, 0) => None,
        (0, price) | (price, 0) => Some(price),
        (bid, ask) => Some(i64::midpoint(bid, ask)),
    }
}
