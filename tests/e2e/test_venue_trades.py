"""Recorded trades through the simulated venue: its klines equal the recorded candles."""

from __future__ import annotations

import json
import runpy
import subprocess
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from ats.places import program

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]
ROOT = Path(__file__).parents[2]
RECORDED = ROOT.parent / "shared/data/trades/binance_spot_XRPETH_20191011.parquet"
CANDLES = RECORDED.with_name("binance_spot_XRPETH_20191011_1m.parquet")
TOKEN = "0123456789abcdef-control"
CONFIG = """
listen = "127.0.0.1:0"
control_listen = "127.0.0.1:0"
port_file = "venue.port"
state_dir = "state"
control_token_file = "token"
mode = "market"
maker_fee_rate = "0.001"
taker_fee_rate = "0.001"
[feed]
kind = "trades"
path = "XRPETH-trades.csv"
[[account]]
name = "one"
api_key = "key"
api_secret = "secret"
balances = { ETH = "1" }
[[instrument]]
instrument_id = "XRP-ETH.SIM"
symbol = "XRPETH"
base_currency = "XRP"
quote_currency = "ETH"
price_scale = 8
quantity_scale = 8
tick_size = "0.00000001"
step_size = "1"
min_quantity = "1"
min_notional = "0.001"
"""


def ask(url: str, body: dict[str, Any] | None = None) -> Any:
    """The JSON answer of the venue."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"authorization": f"Bearer {TOKEN}", "content-type": "application/json"}
    request = urllib.request.Request(url, data, headers)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def ports(folder: Path) -> tuple[str, str]:
    """REST and control port, once the venue listens."""
    deadline = time.monotonic() + 60
    while not (folder / "venue.port").exists():
        assert time.monotonic() < deadline, (folder / "log").read_text()
        time.sleep(0.05)
    rest, control = (folder / "venue.port").read_text().split()
    return rest, control


@pytest.mark.skipif(not RECORDED.exists(), reason=f"{RECORDED} is not there")
def test_trades_make_the_recorded_candles(tmp_path: Path) -> None:
    script = runpy.run_path(str(ROOT / "scripts/venue_trades_csv.py"))
    convert: Callable[[Path, Path], int] = script["convert"]
    rows = convert(RECORDED, tmp_path / "XRPETH-trades.csv")
    assert rows == 12_477
    (tmp_path / "venue.toml").write_text(CONFIG)
    (tmp_path / "token").write_text(TOKEN)
    command = [program("simulated-venue"), "--config", str(tmp_path / "venue.toml")]
    with (tmp_path / "log").open("w") as log, subprocess.Popen(command, stderr=log) as venue:
        try:
            rest, control = ports(tmp_path)
            moved = ask(f"http://127.0.0.1:{control}/sim/v1/advance", {"events": 2 * rows + 1})
            assert moved["done"] is True
            url = f"http://127.0.0.1:{rest}/api/v3/klines?symbol=XRPETH&interval=1m&limit=1000"
            found: list[list[Any]] = []
            while page := ask(f"{url}&startTime={found[-1][6] + 1 if found else 1}"):
                found += page
        finally:
            venue.terminate()
    candles = pl.read_parquet(CANDLES)
    names = ("open", "high", "low", "close", "volume")
    columns = [candles["ts"].dt.epoch("ms").to_list(), *(candles[n].to_list() for n in names)]
    assert len(found) == candles.height == 2_469
    for row, expected in zip(found, zip(*columns, strict=True), strict=True):
        served = (row[0], *(float(text) for text in row[1:6]))
        assert served == pytest.approx(expected, rel=1e-12)
