"""Settings of the server and its port."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from trading_api.__main__ import bind
from trading_api.settings import ServerSettings, load_server_settings
from trading_models.base import ConfigError


def _write(folder: Path, text: str) -> Path:
    (folder / "api.toml").write_text(text, encoding="utf-8")
    return folder


def test_paths_are_relative_to_the_run(tmp_path: Path) -> None:
    text = 'port = 8000\ndashboard_dir = "dist"\nreport_dir = "/srv/report"\n'
    settings = load_server_settings(_write(tmp_path, text))
    assert settings.dashboard_dir == tmp_path / "dist"
    assert settings.report_dir == Path("/srv/report")
    assert settings.port_file is None
    assert settings.host == "127.0.0.1"


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("prot = 1", ("prot", "api.toml")),
        ("port = 70000", ("port", "70000", "65535")),
        ("port = ", ("cannot be read",)),
    ],
)
def test_wrong_settings_name_file_key_and_range(
    tmp_path: Path, text: str, parts: tuple[str, ...]
) -> None:
    with pytest.raises(ConfigError) as caught:
        load_server_settings(_write(tmp_path, text))
    message = f"{caught.value} {caught.value.allowed}"
    assert all(part in message for part in parts), message


def test_missing_settings_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"api\.toml"):
        load_server_settings(tmp_path)


def test_a_taken_port_is_said_and_any_port_is_found() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(ConfigError, match=f"port {port} on 127.0.0.1(?s:.)*next: "):
            bind(ServerSettings(port=port))
    listener = bind(ServerSettings())
    assert listener.getsockname()[1] > 0
    listener.close()
