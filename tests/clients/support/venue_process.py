"""Start a real simulated venue in market mode for a client to talk to."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support.control import Endpoints

START_SECONDS = 20.0
ROOT = Path(__file__).resolve().parents[3]
SYMBOLS = {
    "BTCUSDT": ("BTC", "USDT", 2, 5, "0.01", "0.00001"),
    "ETHUSDT": ("ETH", "USDT", 2, 4, "0.01", "0.0001"),
    "ETHBTC": ("ETH", "BTC", 5, 4, "0.00001", "0.0001"),
}
BALANCES = '{ USDT = "1000000", BTC = "20", ETH = "200", BNB = "10" }'
WARM_UP_EVENTS = 20_000
CONTROL_TOKEN = "control-token-of-the-conformance-venue"


def venue_binary() -> Path:
    """The release build if there is one, else the debug build."""
    for kind in ("release", "debug"):
        path = ROOT / "target" / kind / "simulated-venue"
        if path.exists():
            return path
    raise FileNotFoundError("simulated-venue is not built: run ./ats test once")


def _keys(folder: Path) -> dict[str, dict[str, str]]:
    """Key pairs made with openssl; accounts by the name of their key type."""
    made: dict[str, dict[str, str]] = {}
    kinds = {"rsa": ["RSA", "-pkeyopt", "rsa_keygen_bits:2048"], "ed25519": ["ed25519"]}
    for name, words in kinds.items():
        private, public = folder / f"{name}.pem", folder / f"{name}.pub"
        make = ["openssl", "genpkey", "-algorithm", *words, "-out", str(private)]
        subprocess.run(make, check=True, capture_output=True)
        show = ["openssl", "pkey", "-in", str(private), "-pubout", "-out", str(public)]
        subprocess.run(show, check=True, capture_output=True)
        made[name] = {
            "api_key": f"{name}-key-of-the-conformance-venue",
            "private_key": private.read_text(encoding="utf-8"),
            "public_key_file": str(public),
        }
    return made


def _config(folder: Path, accounts: dict[str, dict[str, str]], extra: str) -> str:
    lines = [
        'listen = "127.0.0.1:0"',
        'control_listen = "127.0.0.1:0"',
        'port_file = "venue.port"',
        'state_dir = "state"',
        'control_token_file = "token"',
        'mode = "market"',
        'maker_fee_rate = "0.001"',
        'taker_fee_rate = "0.001"',
        "[feed]",
        'kind = "generator"',
        "seed = 7",
        "speed = 0",
        "[limits]",
        "weight_per_minute = 6000000",
        "orders_per_10s = 1000000",
        "orders_per_day = 10000000",
        "raw_per_5m = 100000000",
        extra,
    ]
    for name, words in accounts.items():
        lines += ["[[account]]", f'name = "{name}"', f'api_key = "{words["api_key"]}"']
        if "api_secret" in words:
            lines.append(f'api_secret = "{words["api_secret"]}"')
        else:
            lines.append(f'public_key_file = "{words["public_key_file"]}"')
        lines.append(f"balances = {BALANCES}")
    for symbol, (base, quote, price, quantity, tick, step) in SYMBOLS.items():
        lines += [
            "[[instrument]]",
            f'instrument_id = "{base}-{quote}.SIM"',
            f'symbol = "{symbol}"',
            f'base_currency = "{base}"',
            f'quote_currency = "{quote}"',
            f"price_scale = {price}",
            f"quantity_scale = {quantity}",
            f'tick_size = "{tick}"',
            f'step_size = "{step}"',
            f'min_quantity = "{step}"',
            f'min_notional = "{"0.0001" if quote == "BTC" else "5"}"',
        ]
    return "\n".join(lines) + "\n"


@contextmanager
def running_venue(folder: Path, extra: str = "") -> Iterator[Endpoints]:
    """A venue with accounts main (HMAC), other, rsa and ed25519, its feed warmed up and still."""
    folder.mkdir(parents=True, exist_ok=True)
    accounts = {
        "main": {"api_key": "main-key-of-the-conformance-venue", "api_secret": "5" * 64},
        "other": {"api_key": "other-key-of-the-conformance-venue", "api_secret": "6" * 64},
        **_keys(folder),
    }
    (folder / "token").write_text(CONTROL_TOKEN, encoding="utf-8")
    config = folder / "venue.toml"
    config.write_text(_config(folder, accounts, extra), encoding="utf-8")
    with (folder / "venue.log").open("w", encoding="utf-8") as log:
        process = subprocess.Popen(
            [venue_binary(), "--config", config], stdout=log, stderr=subprocess.STDOUT
        )
        try:
            yield _endpoints(folder, process, accounts)
        finally:
            process.terminate()
            process.wait(timeout=20)


def _endpoints(
    folder: Path, process: subprocess.Popen[bytes], accounts: dict[str, dict[str, str]]
) -> Endpoints:
    ports = folder / "venue.port"
    deadline = time.monotonic() + START_SECONDS
    while not ports.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError((folder / "venue.log").read_text(encoding="utf-8"))
        time.sleep(0.02)
    listen, control = ports.read_text(encoding="utf-8").split()
    stranger = {"api_key": "a-key-that-nobody-issued", "api_secret": "7" * 64}
    return Endpoints(
        rest=f"http://127.0.0.1:{listen}",
        stream=f"ws://127.0.0.1:{listen}",
        ws_api=f"ws://127.0.0.1:{listen}/ws-api/v3",
        control=f"http://127.0.0.1:{control}",
        control_token=CONTROL_TOKEN,
        accounts={**accounts, "stranger": stranger},
        symbols=tuple(SYMBOLS),
    )
