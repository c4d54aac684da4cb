"""Client of the execution gateway: signed HTTP, the order event feed and the closed-bar feed.

The gateway's interface is docs/concepts/interfaces.md section 3. Both feeds survive a restart of
the gateway: events resume at the next sequence number, bars after the last one that arrived.
"""

from __future__ import annotations

from trading_models.execution.client import (
    RETRY_PAUSES_S,
    SETTLE_MS,
    TRANSIENT_STATUS,
    GatewayClient,
    OrderReply,
    SyncReply,
    until_reachable,
)
from trading_models.execution.desk import NOT_SENT_ATTEMPTS, Approve, OrderDesk
from trading_models.execution.feeds import BarFeed, EventFeed

__all__ = [
    "NOT_SENT_ATTEMPTS",
    "RETRY_PAUSES_S",
    "SETTLE_MS",
    "TRANSIENT_STATUS",
    "Approve",
    "BarFeed",
    "EventFeed",
    "GatewayClient",
    "OrderDesk",
    "OrderReply",
    "SyncReply",
    "until_reachable",
]
