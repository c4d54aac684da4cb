"""The real gateway program over a folder of its own."""

from __future__ import annotations

import asyncio
import json
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from trading_models.base import SystemClock
from trading_models.security import RequestSigner, ServiceKey

SECRET = bytes(range(32))
CONFIG = """
listen = "127.0.0.1:{own}"
port_file = "gateway.port"
journal_dir = "journal"
keys_file = "keys.json"
account = "paper-1"
[venue]
kind = "binance_spot"
rest_url = "http://127.0.0.1:{port}"
stream_url = "ws://127.0.0.1:{port}"
ws_api_url = "ws://127.0.0.1:{port}/ws-api/v3"
credentials_file = "venue-credentials.json"
venue_name = "SIM"
symbols = ["BTCUSD"]
timeframe = "1m"
recv_window_ms = 300
engine_timeout_ms = 300
margin_ms = 200
[limits]
max_order_notional = "5000"
max_instrument_notional = "8000"
max_orders_per_minute = 600
"""


@dataclass
class GatewayProcess:
    """`start` on the same port again after `stop` (SIGKILL)."""

    program: str
    folder: Path
    venue_port: int
    port: int = 0
    _process: subprocess.Popen[bytes] | None = None
    signer: RequestSigner = field(init=False)

    def __post_init__(self) -> None:
        scopes = frozenset({"read"})
        self.signer = RequestSigner(ServiceKey("reader", SECRET, scopes), SystemClock())

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        own = {"id": "reader", "secret": SECRET.hex(), "scopes": ["read"]}
        self._secret("keys.json", {"approval_key": "00" * 32, "keys": [own]})
        self._secret("venue-credentials.json", {"api_key": "k", "api_secret": "s"})
        config = self.folder / "gateway.toml"
        config.write_text(CONFIG.format(own=self.port, port=self.venue_port))
        port_file = self.folder / "gateway.port"
        port_file.unlink(missing_ok=True)
        process = self._spawn(config)
        async with asyncio.timeout(20):
            while not port_file.exists():
                assert process.poll() is None, (self.folder / "gateway.log").read_text()
                await asyncio.sleep(0.01)
        self.port = int(port_file.read_text())

    def _spawn(self, config: Path) -> subprocess.Popen[bytes]:
        with (self.folder / "gateway.log").open("ab") as log:
            command = [self.program, "--config", str(config)]
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        return self._process

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _secret(self, name: str, content: object) -> None:
        path = self.folder / name
        path.touch(mode=0o600)
        path.write_text(json.dumps(content))
