//! The symbol filters: one set of numbers, both advertised in `exchangeInfo` and enforced here.

use serde_json::{Value, json};

use super::auction::describing;
use super::book::Book;
use super::market::Market;
use super::payloads::{price_text, quantity_text};
use crate::error::VenueError;
use crate::models::accounts::AccountId;
use crate::models::decimal::{format8, rescale};
use crate::models::orders::{OrderRecord, Terms};

const MOST_ORDERS: usize = 200;
const MOST_STOPS: usize = 100;
const MOST_LISTS: usize = 20;
/// Upper ends of price and quantity at scale 8: one billion and nine million.
const HIGHEST_PRICE: i128 = 100_000_000_000_000_000;
const LARGEST_QUANTITY: i128 = 900_000_000_000_000;

/// The `filters` array of one symbol.
pub fn describe(market: &Market) -> Value {
    if market.is_live() {
        return describing::describe(market);
    }
    let instrument = &market.instrument;
    let tick = price_text(market, instrument.tick_size.mantissa());
    let least = quantity_text(market, instrument.min_quantity.mantissa());
    let step = quantity_text(market, instrument.step_size.mantissa());
    let notional = format8(instrument.min_notional.mantissa(), 8);
    json!([
        {"filterType": "PRICE_FILTER", "minPrice": tick, "maxPrice": format8(HIGHEST_PRICE, 8),
         "tickSize": tick},
        {"filterType": "LOT_SIZE", "minQty": least, "maxQty": format8(LARGEST_QUANTITY, 8),
         "stepSize": step},
        {"filterType": "NOTIONAL", "minNotional": notional, "applyMinToMarket": true,
         "maxNotional": format8(HIGHEST_PRICE, 8), "applyMaxToMarket": false, "avgPriceMins": 0},
        {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": MOST_ORDERS},
        {"filterType": "MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders": MOST_STOPS},
        {"filterType": "MAX_NUM_ORDER_LISTS", "maxNumOrderLists": MOST_LISTS},
    ])
}

/// A price at scale 8 as a mantissa of the market; in the bar modes on the tick. Market mode checks
/// all filters together, when it knows the whole order.
pub fn price(market: &Market, wire: i128) -> Result<i64, VenueError> {
    if market.is_live() {
        return rescale(wire, market.instrument.price_scale)
            .ok_or_else(|| VenueError::filter("PRICE_FILTER"));
    }
    on_grid(
        wire,
        market.instrument.price_scale,
        market.instrument.tick_size.mantissa(),
    )
    .filter(|price| *price > 0 && wire <= HIGHEST_PRICE)
    .ok_or_else(|| VenueError::filter("PRICE_FILTER"))
}

/// A quantity at scale 8 as a mantissa of the market; in the bar modes on the step.
pub fn quantity(market: &Market, wire: i128) -> Result<i64, VenueError> {
    if market.is_live() {
        return rescale(wire, market.instrument.quantity_scale)
            .ok_or_else(|| VenueError::filter("LOT_SIZE"));
    }
    let least = market.instrument.min_quantity.mantissa().max(1);
    on_grid(
        wire,
        market.instrument.quantity_scale,
        market.instrument.step_size.mantissa(),
    )
    .filter(|quantity| *quantity >= least && wire <= LARGEST_QUANTITY)
    .ok_or_else(|| VenueError::filter("LOT_SIZE"))
}

/// Refuses an order below the least notional. Orders without a limit count at the last price.
pub fn notional(market: &Market, terms: Terms, quantity: i64) -> Result<(), VenueError> {
    let price = terms.limit_price().unwrap_or(market.last_price());
    if market.quote_amount(price, quantity) < market.instrument.min_notional.mantissa() {
        return Err(VenueError::filter("NOTIONAL"));
    }
    Ok(())
}

/// Refuses orders beyond the open-order ceilings of a symbol.
pub fn room(book: &Book, market: usize, orders: &[Terms], is_list: bool) -> Result<(), VenueError> {
    let open = book.open_orders(AccountId::FIRST, Some(market));
    let is_stop = |terms: Terms| terms.trigger().is_some();
    if open.len() + orders.len() > MOST_ORDERS {
        return Err(VenueError::filter("MAX_NUM_ORDERS"));
    }
    let stops = orders.iter().filter(|terms| is_stop(**terms)).count();
    let resting = open
        .iter()
        .filter(|order: &&&OrderRecord| is_stop(order.terms))
        .count();
    if stops > 0 && resting + stops > MOST_STOPS {
        return Err(VenueError::filter("MAX_NUM_ALGO_ORDERS"));
    }
    let lists = book
        .open_lists(AccountId::FIRST)
        .iter()
        .filter(|list| list.market == market)
        .count();
    if is_list && lists >= MOST_LISTS {
        return Err(VenueError::filter("MAX_NUM_ORDER_LISTS"));
    }
    Ok(())
}

fn on_grid(wire: i128, scale: u8, unit: i64) -> Option<i64> {
    let mantissa = rescale(wire, scale)?;
    (unit > 0 && mantissa % unit == 0).then_some(mantissa)
}
