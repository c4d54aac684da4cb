//! Trading rules and bars in Binance's JSON.

use serde_json::Value;

use rust_common::{
    Bar, BarFlag, BarFlags, Decimal, Instrument, InstrumentId, Money, Price, Quantity, Symbol,
    Timeframe, UnixMillis,
};

use super::parse::{Parsed, currency, fail, flag, integer, money, price, text, trim};

fn filter<'a>(symbol: &'a Value, name: &str) -> Option<&'a Value> {
    symbol
        .get("filters")?
        .as_array()?
        .iter()
        .find(|filter| filter.get("filterType").and_then(Value::as_str) == Some(name))
}

/// A symbol of `exchangeInfo`.
pub(super) fn instrument(symbol: &Value, venue_name: &str) -> Parsed<Instrument> {
    let need = |name: &'static str| match filter(symbol, name) {
        Some(filter) => Ok(filter),
        None => fail(name, "the filter is missing"),
    };
    let (base, quote) = (text(symbol, "baseAsset")?, text(symbol, "quoteAsset")?);
    let id = InstrumentId::new(format!("{base}-{quote}.{venue_name}"));
    let tick_size: Price = trim(text(need("PRICE_FILTER")?, "tickSize")?)
        .parse()
        .or_else(|error| fail("tickSize", error))?;
    let lot = need("LOT_SIZE")?;
    let step_size: Quantity = trim(text(lot, "stepSize")?)
        .parse()
        .or_else(|error| fail("stepSize", error))?;
    let min_quantity: Quantity = trim(text(lot, "minQty")?)
        .parse()
        .or_else(|error| fail("minQty", error))?;
    let notional = filter(symbol, "NOTIONAL").or_else(|| filter(symbol, "MIN_NOTIONAL"));
    let min_notional = match notional {
        Some(filter) => money(filter, "minNotional")?,
        None => Money::ZERO,
    };
    Ok(Instrument {
        instrument_id: id.or_else(|error| fail("baseAsset", error))?,
        symbol: Symbol::new(text(symbol, "symbol")?).or_else(|error| fail("symbol", error))?,
        base_currency: currency(base)?,
        quote_currency: currency(quote)?,
        price_scale: tick_size.scale(),
        quantity_scale: step_size.scale(),
        min_quantity: min_quantity
            .to_scale(step_size.scale())
            .or_else(|error| fail("minQty", error))?,
        tick_size,
        step_size,
        min_notional,
    })
}

/// A volume keeps at most 18 decimals.
fn volume(text: &str) -> Parsed<Decimal> {
    let cut = text
        .find('.')
        .map_or(text.len(), |dot| text.len().min(dot + 19));
    let text = trim(text.get(..cut).unwrap_or(text));
    text.parse().or_else(|error| fail("volume", error))
}

/// Prices of a bar: object fields `o h l c v`, or columns 1 to 5 of a `klines` row.
fn bar(
    values: &Value,
    span: (UnixMillis, UnixMillis),
    timeframe: Timeframe,
    instrument: &Instrument,
    is_closed: bool,
) -> Parsed<Bar> {
    let volume = volume(text(values, "v")?)?;
    let flags = if volume.mantissa() == 0 {
        BarFlags::default().with(BarFlag::ZeroVolume)
    } else {
        BarFlags::default()
    };
    let bar = Bar {
        instrument_id: instrument.instrument_id.clone(),
        timeframe,
        opened_at: span.0,
        closed_at: span.1,
        open: price(values, "o", instrument)?,
        high: price(values, "h", instrument)?,
        low: price(values, "l", instrument)?,
        close: price(values, "c", instrument)?,
        volume,
        flags,
        missing: 0,
        is_closed,
    };
    bar.check().or_else(|error| fail("kline", error))?;
    Ok(bar)
}

fn span(opened: i64, last: i64) -> Parsed<(UnixMillis, UnixMillis)> {
    let open = UnixMillis::new(opened).or_else(|error| fail("kline time", error))?;
    let close = UnixMillis::new(last + 1).or_else(|error| fail("kline time", error))?;
    Ok((open, close))
}

/// The `k` object of a kline event.
pub(super) fn kline_event(k: &Value, timeframe: Timeframe, instrument: &Instrument) -> Parsed<Bar> {
    let span = span(integer(k, "t")?, integer(k, "T")?)?;
    bar(k, span, timeframe, instrument, flag(k, "x"))
}

/// A row of `GET /api/v3/klines`; closed when its end lies before `now`.
pub(super) fn kline_row(
    row: &Value,
    timeframe: Timeframe,
    instrument: &Instrument,
    now: i64,
) -> Parsed<Bar> {
    let column = |index: usize| row.get(index).cloned().unwrap_or_default();
    let (Some(opened), Some(last)) = (column(0).as_i64(), column(6).as_i64()) else {
        return fail("kline", "no times in the row");
    };
    let values = serde_json::json!({
        "o": column(1), "h": column(2), "l": column(3), "c": column(4), "v": column(5)
    });
    bar(
        &values,
        span(opened, last)?,
        timeframe,
        instrument,
        last < now,
    )
}
