"""`api.toml` of a run directory: where to listen and what to serve."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from trading_models import __version__
from trading_models.base import ConfigError


class ServerSettings(BaseModel):
    """Frozen settings of the HTTP server. Relative paths are relative to the run directory."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 0
    #: With port 0 the chosen port is written here.
    port_file: Path | None = None
    #: The built dashboard; None serves the API alone.
    dashboard_dir: Path | None = None
    #: The finished report (`index.html` inside).
    report_dir: Path | None = None
    #: Behind TLS: the cookie gets `Secure`.
    is_https: bool = False
    max_body_bytes: Annotated[int, Field(ge=1024, le=1_048_576)] = 65_536
    version: str = __version__
    commit: str = "unknown"


def load_server_settings(run_dir: Path) -> ServerSettings:
    """Settings of `run_dir/api.toml`; ConfigError names file, key, value and range."""
    path = run_dir / "api.toml"
    try:
        loaded = ServerSettings.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"cannot be read: {error}", where=(str(path), None)) from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        known = ", ".join(ServerSettings.model_fields)
        raise ConfigError(
            f"{key} = {first['input']!r}: {first['msg']}",
            where=(str(path), None),
            key=key,
            value=str(first["input"]),
            allowed=known if first["type"] == "extra_forbidden" else first["msg"],
        ) from error
    paths = {
        name: run_dir / value
        for name in ("port_file", "dashboard_dir", "report_dir")
        if (value := getattr(loaded, name)) is not None
    }
    return loaded.model_copy(update=paths)
