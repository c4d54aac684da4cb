"""From raw rows to judged bars per instrument: split, gate, profile, instrument rules."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Literal

import numpy as np

from trading_models.base import (
    ConfigError,
    Currency,
    DataRejected,
    Instrument,
    InstrumentId,
    Timeframe,
    from_mantissa,
)
from trading_models.sources._api import NO_TIME, PRICES, RawBars
from trading_models.sources._clean import CleanBars, Rules, clean
from trading_models.sources._gate import detect_scale, inspect, refuse
from trading_models.sources._profiles import Calendar, Profile, find_profile
from trading_models.sources.sample import SAMPLE_FILES

DEFAULT_VENUE = "SIM"
VolumeUnit = Literal["base", "quote"]
_QUOTES = ("USDT", "USDC", "BUSD", "USD", "EUR", "GBP", "JPY", "BTC", "ETH", "PERP")


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """What the caller knows about a file; everything else is detected.

    A profile decides timeframe, scales, calendar and unit itself.
    """

    symbol: str | None = None
    timeframe: Timeframe | None = None
    profile: str | None = None
    volume_unit: VolumeUnit = "base"
    calendar: Calendar = "always"
    quantity_scale: int = 5
    min_notional: Decimal = Decimal(10)


@dataclass(frozen=True, slots=True)
class Prepared:
    """One instrument's accepted bars and how they were read."""

    instrument: Instrument
    rules: Rules
    bars: CleanBars
    volume_unit: VolumeUnit


def parse_instrument_id(text: str, venue: str = DEFAULT_VENUE) -> InstrumentId:
    """`BTC-USD.SIM` as it is; `BTC/USD`, `BTC-USD`, `BTCUSDT` and `SPY` (quoted in USD) completed.

    ConfigError for anything else.
    """
    name, _, given_venue = text.strip().upper().partition(".")
    name = name.replace("/", "-")
    if "-" not in name:
        quote = next((q for q in _QUOTES if name.endswith(q) and len(name) > len(q)), None)
        name = f"{name.removesuffix(quote)}-{quote}" if quote else f"{name}-USD"
    try:
        return InstrumentId(f"{name}.{given_venue or venue}")
    except ValueError as error:
        raise ConfigError(
            f"{text!r} is not an instrument; allowed: BASE-QUOTE or BASE-QUOTE.VENUE",
            key="symbol",
            value=text,
            next_step="pass --symbol BTC-USD",
        ) from error


def prepare(raw: RawBars, path: Path | str, options: ImportOptions) -> list[Prepared]:
    """Every instrument of `raw`, judged. DataRejected for the first that breaks a rule."""
    profile = find_profile(options.profile) if options.profile else None
    if not 0 <= options.quantity_scale <= 8:
        raise ConfigError(f"quantity_scale {options.quantity_scale}; allowed: 0..8")
    prepared: list[Prepared] = []
    for symbol, part in _split(raw, path, options, profile):
        rules, bars = _judge(part, path, options, profile)
        instrument = _instrument(parse_instrument_id(symbol), rules, options)
        unit = profile.volume_unit if profile else options.volume_unit
        prepared.append(Prepared(instrument, rules, bars, unit))
    return prepared


def _split(
    raw: RawBars, path: Path | str, options: ImportOptions, profile: Profile | None
) -> list[tuple[str, RawBars]]:
    tickers = sorted({str(name) for name in raw.ticker}) if raw.ticker is not None else []
    if raw.ticker is None or len(tickers) < 2:
        known = profile.symbols.get(tickers[0] if tickers else "") if profile else None
        fallback = re.split(r"[._]", Path(path).name)[0]
        return [(options.symbol or known or fallback, raw)]
    if profile is None and options.symbol not in tickers:
        raise DataRejected(
            f"{path} holds {len(tickers)} instruments: {', '.join(tickers[:10])}",
            next_step=f"pass --symbol with one of them, such as --symbol {tickers[0]}",
        )
    chosen = [name for name in tickers if options.symbol in (None, name)]
    symbols = profile.symbols if profile else {}
    unknown = [name for name in chosen if profile and name not in symbols]
    if unknown or not chosen:
        raise DataRejected(
            f"{path}: ticker {', '.join(unknown) or options.symbol!r} is not known here; "
            f"allowed: {', '.join(symbols)}"
        )
    return [(symbols.get(name, name), raw.take(raw.ticker == name)) for name in chosen]


def _judge(
    raw: RawBars, path: Path | str, options: ImportOptions, profile: Profile | None
) -> tuple[Rules, CleanBars]:
    timeframe = profile.timeframe if profile else options.timeframe or _detect(raw, path)
    offences = inspect(raw, timeframe)
    permits = profile.permits if profile else frozenset[str]()
    refused = [offence for offence in offences if offence.rule not in permits]
    if refused:
        raise refuse(path, refused, next_step=_advice(raw, profile))
    if profile is not None and profile.adjust_by_close and "adjusted_close" not in raw.values:
        raise DataRejected(f"{path}: profile {profile.reference} needs a column Adj Close")
    scale = profile.scale if profile else detect_scale([raw.values[name] for name in PRICES])
    calendar = profile.calendar if profile else options.calendar
    if calendar == "weekdays" and timeframe is not Timeframe.D1:
        raise ConfigError("calendar weekdays is for daily bars (1d) only", key="calendar")
    bars = clean(raw, offences, Rules(timeframe, scale, calendar, profile))
    if not len(bars.opened_at):
        raise DataRejected(f"{path}: no bar is left after the import")
    return Rules(timeframe, scale, calendar, profile), bars


def _advice(raw: RawBars, profile: Profile | None) -> str:
    for item in SAMPLE_FILES:
        if profile is None and Path(item.file).name == raw.name:
            return f"this is a known file: pass --profile {item.profile}"
    return "correct the file and import it again; profiles: `ats data import --help`"


def _detect(raw: RawBars, path: Path | str) -> Timeframe:
    steps = np.diff(np.unique(raw.opened_at[raw.opened_at != NO_TIME]))
    if not steps.size:
        raise DataRejected(
            f"{path}: fewer than two different times, the timeframe cannot be detected",
            next_step="pass --timeframe 15m",
        )
    step_s = float(np.median(steps)) / 1000
    for timeframe in Timeframe:
        if timeframe.minutes * 60 == step_s:
            return timeframe
    known = ", ".join(timeframe.code for timeframe in Timeframe)
    raise DataRejected(
        f"{path}: the median step is {step_s:g} s, which is no timeframe; allowed: {known}",
        next_step="pass --timeframe 15m",
    )


def _instrument(instrument_id: InstrumentId, rules: Rules, options: ImportOptions) -> Instrument:
    base, _, quote = instrument_id.rpartition(".")[0].partition("-")
    profile = rules.profile
    quantity_scale = profile.quantity_scale if profile else options.quantity_scale
    step = from_mantissa(1, quantity_scale)
    return Instrument(
        base_currency=Currency(base),
        instrument_id=instrument_id,
        min_notional=profile.min_notional if profile else options.min_notional,
        min_quantity=step,
        price_scale=rules.scale,
        quantity_scale=quantity_scale,
        quote_currency=Currency(quote.partition("-")[0]),
        step_size=step,
        symbol=instrument_id.symbol,
        tick_size=from_mantissa(1, rules.scale),
    )
