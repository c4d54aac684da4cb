"""Keep a client process on this machine: a connection to any other address is an error.

Third-party clients carry the real venue's addresses as defaults. A URL that a test forgot to
override must fail the test, not reach the internet.
"""

from __future__ import annotations

import ipaddress
import socket
from typing import Any


class OutboundRefused(OSError):
    """A client tried to reach an address beyond loopback."""


def _check(address: Any) -> None:
    host = address[0] if isinstance(address, tuple) else address
    if not isinstance(host, str) or host.startswith("/"):
        return
    try:
        is_local = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        is_local = False
    if not is_local:
        raise OutboundRefused(f"the client tried to reach {host}; only loopback is allowed")


def install() -> None:
    """Guard `connect` and name lookups of this process."""
    connect, connect_ex, getaddrinfo = (
        socket.socket.connect,
        socket.socket.connect_ex,
        socket.getaddrinfo,
    )

    def guarded_connect(self: socket.socket, address: Any) -> None:
        _check(address)
        connect(self, address)

    def guarded_connect_ex(self: socket.socket, address: Any) -> int:
        _check(address)
        return connect_ex(self, address)

    def guarded_getaddrinfo(host: Any, *rest: Any, **named: Any) -> Any:
        _check((host.decode() if isinstance(host, bytes) else host or "localhost",))
        return getaddrinfo(host, *rest, **named)

    socket.socket.connect = guarded_connect  # type: ignore[method-assign]
    socket.socket.connect_ex = guarded_connect_ex  # type: ignore[method-assign]
    socket.getaddrinfo = guarded_getaddrinfo
