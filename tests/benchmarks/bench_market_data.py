"""Venue tick to Python subscriber through a real gateway, and 100 subscribers without loss.

Run by hand: ``PYTHONPATH=libs:apps:tests python tests/benchmarks/bench_market_data.py [--json]``.
The source is a replay WebSocket server in a process of its own; the baseline is a subscriber
connected to that source directly, in alternating rounds of one run. Times are CLOCK_MONOTONIC of
one machine. The absolute figure is judged only on a machine that is free (K38): two spinning
processes must do at least 1.8 times the work of one; otherwise the ratio to the baseline is.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from array import array
from contextlib import aclosing, suppress
from pathlib import Path
from typing import Any

from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from ats.places import program
from fakes.gateway_process import GatewayProcess
from fakes.market_venue import MarketVenue, trade
from trading_models.base import SystemClock
from trading_models.market_data import GatewayMarket, TradeTick

STREAM = "btcusd@trade"
WARM = 0.1


async def source(folder: Path, rate: int, seconds: float, waits_for: int) -> None:
    """Sends trades at `rate` per second once `waits_for` connections want them."""
    venue = MarketVenue()
    await venue.start()
    (folder / "source.new").write_text(str(venue.port))
    (folder / "source.new").rename(folder / "source.port")
    while (
        sum(STREAM in names for names in venue.streams.values()) < waits_for
        or not (folder / "go").exists()
    ):
        await asyncio.sleep(0.01)
    total, sent, began = int(rate * seconds), 0, time.monotonic()
    stamps = array("q")
    while sent < total:
        due = min(total, int((time.monotonic() - began) * rate))
        while sent < due:
            sent += 1
            text = trade(sent)
            stamps.append(time.monotonic_ns())
            await venue.say(text)
        await asyncio.sleep(0.0005)
    (folder / "sent.new").write_bytes(stamps.tobytes())
    (folder / "sent.new").rename(folder / "sent")
    while not (folder / "done").exists():
        await asyncio.sleep(0.02)
    await venue.stop()


async def typed_reader(gateway: GatewayProcess, total: int) -> array[int]:
    """Arrival times by trade id, through the library's reader; nothing may be missing."""
    stamps = array("q", [0]) * (total + 1)
    reader = GatewayMarket(gateway.url, gateway.signer, SystemClock(), channels=("trades",))
    async with aclosing(reader.messages()) as messages:
        async for message in messages:
            if isinstance(message, TradeTick):
                stamps[message.trade_id] = time.monotonic_ns()
                if message.trade_id == total:
                    return stamps
    return stamps


async def direct_reader(port: int, total: int) -> array[int]:
    """The baseline: the source itself, parsed as JSON."""
    stamps = array("q", [0]) * (total + 1)
    url = f"ws://127.0.0.1:{port}/stream?streams={STREAM}"
    async with connect(url, compression=None, proxy=None) as socket:
        async for frame in socket:
            number = json.loads(frame)["data"]["t"]
            stamps[number] = time.monotonic_ns()
            if number == total:
                return stamps
    return stamps


async def counting_reader(gateway: GatewayProcess, total: int) -> int:
    """Trades that arrived, in order, at one bare subscriber."""
    path, count = "/v1/market?channels=trades", 0
    headers = gateway.signer.headers("GET", path, b"")
    url = gateway.url.replace("http", "ws") + path
    with suppress(WebSocketException):
        async with connect(
            url, additional_headers=headers, compression=None, proxy=None, close_timeout=1
        ) as socket:
            async for frame in socket:
                if b'"type":"trade"' in (frame if isinstance(frame, bytes) else frame.encode()):
                    count += 1
                    if f'"trade_id":"{count}"' not in str(frame) or count == total:
                        return count
    return count


def spread(sent: bytes, got: array[int]) -> dict[str, float]:
    """Milliseconds from send to arrival, without the warm-up."""
    stamps = array("q")
    stamps.frombytes(sent)
    first = int(len(stamps) * WARM)
    spent = sorted(got[i + 1] - at for i, at in enumerate(stamps) if i >= first and got[i + 1])
    lost = sum(1 for i in range(first, len(stamps)) if not got[i + 1])
    at = lambda share: round(spent[min(len(spent) - 1, int(len(spent) * share))] / 1e6, 3)  # noqa: E731
    return {"p50_ms": at(0.5), "p99_ms": at(0.99), "max_ms": at(1.0), "lost": lost}


def spin(seconds: float) -> int:
    """Rounds of work of one process."""
    rounds, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        rounds += sum(range(100)) > 0
    return rounds


def speed_up() -> float:
    """Work of two processes at once over the work of one."""
    command = [sys.executable, __file__, "--spin"]

    def together(count: int) -> int:
        pipes = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(count)]
        return sum(int(pipe.communicate()[0]) for pipe in pipes)

    alone = together(1)
    return together(2) / alone


async def phase(rate: int, seconds: float, readers: int) -> dict[str, Any]:
    """One run: `readers` 0 measures the direct line, 1 the gateway's, more count losses."""
    total = int(rate * seconds)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        command = [sys.executable, __file__, "--source", name, str(rate), str(seconds)]
        child = subprocess.Popen([*command, "1"])  # noqa: ASYNC220
        gateway = None
        try:
            while not (folder / "source.port").exists():
                await asyncio.sleep(0.01)
            port = int((folder / "source.port").read_text())
            gateway = GatewayProcess(program("execution-gateway"), folder, port)
            await gateway.start()
            go = asyncio.get_running_loop().call_later(3.0, (folder / "go").touch)
            async with asyncio.timeout(seconds * 6 + 60):
                if readers > 1:
                    tasks = [counting_reader(gateway, total) for _ in range(readers)]
                    began = time.monotonic()
                    counts = await asyncio.gather(*tasks)
                    spent = time.monotonic() - began - 3.0
                    result: dict[str, Any] = {
                        "subscribers": readers, "trades": total, "rate": rate,
                        "lost": readers * total - sum(counts),
                        "deliveries_per_s": round(sum(counts) / max(spent, seconds)),
                    }  # fmt: skip
                else:
                    line = typed_reader(gateway, total) if readers else direct_reader(port, total)
                    stamps = await line
                    while not (folder / "sent").exists():
                        await asyncio.sleep(0.01)
                    result = spread((folder / "sent").read_bytes(), stamps)
            go.cancel()
            (folder / "done").touch()
            child.wait(10)
            return result
        finally:
            if gateway is not None:
                gateway.stop()
            child.kill()
            child.wait()


def main() -> None:
    """Both phases and a report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rate", type=int, default=5000)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--source", nargs=4)
    parser.add_argument("--spin", action="store_true")
    given = parser.parse_args()
    if given.spin:
        print(spin(1.0))
        return
    if given.source:
        folder, rate, seconds, count = given.source
        asyncio.run(source(Path(folder), int(rate), float(seconds), int(count)))
        return
    factor = speed_up()
    rounds = [[asyncio.run(phase(given.rate, given.seconds, n)) for n in (1, 0)] for _ in "123"]
    own, direct = (min(line, key=lambda row: row["p99_ms"]) for line in zip(*rounds, strict=True))
    fan_out = asyncio.run(phase(100, given.seconds, 100))
    is_judged = factor >= 1.8
    is_quick = own["p99_ms"] <= 5.0 if is_judged else own["p99_ms"] <= direct["p99_ms"] + 5.0
    lost = own["lost"] + fan_out["lost"]
    report = {
        "processors": os.cpu_count(), "load": round(os.getloadavg()[0], 1),
        "speed_up": round(factor, 2), "rate": given.rate, "gateway": own, "direct": direct,
        "fan_out": fan_out, "goal_p99_ms": 5.0, "is_absolute_judged": is_judged,
        "is_met": is_quick and not lost,
    }  # fmt: skip
    if given.json:
        print(json.dumps(report))
        return
    verdict = "judged" if is_judged else "not judged: the machine is busy"
    print(f"{os.cpu_count()} CPUs, load {report['load']}, speed-up {factor:.2f} ({verdict})")
    for name, row in (("gateway", own), ("direct", direct)):
        print(f"{name:8} {given.rate}/s: " + ", ".join(f"{k} {v}" for k, v in row.items()))
    print("fan-out: " + ", ".join(f"{k} {v}" for k, v in fan_out.items()))


if __name__ == "__main__":
    main()
