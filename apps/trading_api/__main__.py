"""`python -m trading_api --run-dir DIR`: serve one run."""

from __future__ import annotations

import argparse
import asyncio
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from signal import SIGINT, SIGTERM
from types import FrameType

import uvicorn
from fastapi import FastAPI

from trading_api.main import create_app
from trading_api.runtime import build_runtime
from trading_api.settings import ServerSettings
from trading_models.base import ConfigError, TradingError

WS_MAX_BYTES = 65_536
SHUTDOWN_S = 5


def bind(settings: ServerSettings) -> socket.socket:
    """A listening socket; ConfigError when the port is taken."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise ConfigError(
            f"port {settings.port} on {settings.host} cannot be used: {error.strerror}",
            key="port",
            value=str(settings.port),
            allowed="a free port, or 0 to take any",
            next_step="stop the other program, or change port in api.toml",
        ) from error
    return listener


class RunServer(uvicorn.Server):
    """Stops at SIGTERM or SIGINT and returns, so that the store is closed and the code is ours."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Ask the server to end instead of raising the signal again afterwards."""

        def stop(_number: int, _frame: FrameType | None) -> None:
            self.should_exit = True

        before = {number: signal.signal(number, stop) for number in (SIGINT, SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


async def serve(run_dir: Path) -> int:
    """Run until a signal, the end of the server, or a failure of the trading loop."""
    runtime = await build_runtime(run_dir)
    settings = runtime.context.settings
    failures: list[BaseException] = []
    server: RunServer | None = None

    def fail(error: BaseException) -> None:
        # The supervisor restarts the process; state is in the store and in the journal.
        failures.append(error)
        if server is not None:
            server.should_exit = True

    try:
        listener = bind(settings)
        server = RunServer(_config(create_app(runtime.context, on_failure=fail)))
        if settings.port_file is not None:
            port = listener.getsockname()[1]
            settings.port_file.write_text(f"{port}\n", encoding="utf-8")
        await server.serve(sockets=[listener])
    finally:
        await runtime.close()
    return 1 if failures or not server.started else 0


def _config(app: FastAPI) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        ws_max_size=WS_MAX_BYTES,
        # Hundreds of small frames a second: packing each costs more than it saves.
        ws_per_message_deflate=False,
        timeout_graceful_shutdown=SHUTDOWN_S,
        lifespan="on",
    )


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="trading_api", description=__doc__)
    parser.add_argument("--run-dir", type=Path, required=True, help="directory of the run")
    arguments = parser.parse_args()
    try:
        sys.exit(asyncio.run(serve(arguments.run_dir)))
    except TradingError as error:
        sys.stderr.write(f"trading_api: {error}\n")
        sys.exit(2)


if __name__ == "__main__":
    main()
