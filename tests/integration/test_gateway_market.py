"""The market data reader against the real gateway over a scripted venue: breaks on both sides."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
import pytest_asyncio

from ats.places import program
from fakes import market_venue as venue_says
from fakes.gateway_process import GatewayProcess
from fakes.market_venue import FIRST_MS, STEP_MS, MarketVenue
from trading_models.base import Bar, SystemClock, from_millis
from trading_models.market_data import (
    BestQuote,
    BookUpdate,
    FeedGap,
    GatewayMarket,
    Link,
    TradeTick,
)

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(90)]
ID = "BTC-USD.SIM"


@pytest_asyncio.fixture
async def venue() -> AsyncIterator[MarketVenue]:
    made = MarketVenue()
    await made.start()
    yield made
    await made.stop()


@pytest_asyncio.fixture
async def gateway(venue: MarketVenue, tmp_path: Path) -> AsyncIterator[GatewayProcess]:
    made = GatewayProcess(program("execution-gateway"), tmp_path, venue.port)
    await made.start()
    yield made
    made.stop()


def reader(gateway: GatewayProcess, *channels: str, instruments: tuple[str, ...] = ()):  # type: ignore[no-untyped-def]
    return GatewayMarket(
        gateway.url, gateway.signer, SystemClock(), channels=channels, instruments=instruments
    )


async def until(stream: AsyncIterator[object], kind: type, holds=lambda _: True):  # type: ignore[no-untyped-def]
    async with asyncio.timeout(30):
        async for message in stream:
            if isinstance(message, kind) and holds(message):
                return message
    raise AssertionError("the stream ended")


async def until_streamed(venue: MarketVenue, name: str) -> None:
    async with asyncio.timeout(30):
        while not venue.has(name):
            await asyncio.sleep(0.005)


def number(bar: Bar) -> int:
    return (int(bar.opened_at.timestamp() * 1000) - FIRST_MS) // STEP_MS


async def test_every_closed_bar_arrives_once_through_restarts_of_venue_and_gateway(
    venue: MarketVenue, gateway: GatewayProcess
) -> None:
    venue.bars = 3
    market = reader(gateway, "bars")
    market.resume_after(from_millis(FIRST_MS), ID)
    async with aclosing(market.messages()) as stream:
        got = [number(await until(stream, Bar)) for _ in range(3)]
        await venue.stop()
        await until(stream, Link, lambda link: not link.is_connected)
        venue.bars = 1_205
        await venue.start()
        got += [number(await until(stream, Bar)) for _ in range(1_202)]
        gateway.stop()
        venue.bars = 1_210
        await gateway.start()
        got += [number(await until(stream, Bar)) for _ in range(5)]
        # The link may have been told before the bars.
        if not market.is_venue_connected:
            await until(stream, Link, lambda link: link.is_connected)
        venue.bars = 1_211
        await venue.say(venue_says.closed_bar(1_210))
        got.append(number(await until(stream, Bar)))
        assert got == list(range(1_211))
        market.check_fresh(timedelta(seconds=30))


async def test_trades_best_and_book_arrive_typed_and_a_hole_is_told(
    venue: MarketVenue, gateway: GatewayProcess
) -> None:
    venue.book = 5
    market = reader(gateway, "trades", "best", "book", instruments=(ID,))
    async with aclosing(market.messages()) as stream:
        await until(stream, Link, lambda link: link.is_connected)
        await until_streamed(venue, "btcusd@trade")
        await until_streamed(venue, "btcusd@depth@100ms")
        await venue.say(venue_says.trade(1))
        tick = await until(stream, TradeTick)
        assert (tick.trade_id, tick.price, tick.quantity) == (1, Decimal("100.00"), Decimal("0.1"))
        assert (tick.taker_side, tick.instrument_id) == ("SELL", ID)
        await venue.say(venue_says.best(4))
        top = await until(stream, BestQuote)
        assert (top.update_id, top.bid) == (4, (Decimal(99), Decimal(1)))
        await venue.say(venue_says.depth(5))
        whole = await until(stream, BookUpdate)
        assert (whole.is_snapshot, whole.update_id) == (True, 5)
        assert whole.asks == ((Decimal(101), Decimal(5)),)
        await venue.say(venue_says.depth(6))
        diff = await until(stream, BookUpdate)
        assert (diff.is_snapshot, diff.bids) == (False, ((Decimal(99), Decimal(6)),))
        venue.book = 9
        await venue.say(venue_says.depth(9))
        gap = await until(stream, FeedGap)
        assert (gap.channel, gap.instrument_id) == ("book", ID)
        whole = await until(stream, BookUpdate)
        assert (whole.is_snapshot, whole.update_id) == (True, 9)
        gateway.stop()
        await gateway.start()
        await until(stream, Link, lambda link: link.is_connected)
        await until_streamed(venue, "btcusd@trade")
        await venue.say(venue_says.trade(4))
        assert (await until(stream, FeedGap)).channel == "trades"
        assert (await until(stream, TradeTick)).trade_id == 4
