"""Play random order scripts through a client and print what the venue's ledger became."""

from __future__ import annotations

import json
import sys
from typing import Any

from support.adapter import Refused
from support.context import Context
from support.scripts import Operation, Script

CALLS = {
    "order": "POST /api/v3/order",
    "cancel": "DELETE /api/v3/order",
    "cancel_all": "DELETE /api/v3/openOrders",
    "replace": "POST /api/v3/order/cancelReplace",
    "oco": "POST /api/v3/orderList/oco",
    "oto": "POST /api/v3/orderList/oto",
    "otoco": "POST /api/v3/orderList/otoco",
    "cancel_list": "DELETE /api/v3/orderList",
}


def play(context: Context, arguments: dict[str, Any]) -> int:
    """Seeds `first` to `first + count - 1`; a line per script: seed, verdicts, ledger hash."""
    first, count = int(arguments["first"]), int(arguments["count"])
    for seed in range(first, first + count):
        bid, _ = context.top()
        script = Script(seed, context.symbol, bid)
        verdicts = [_do(context, operation) for operation in script.operations()]
        line = {
            "seed": seed,
            "verdicts": verdicts,
            "ledger": context.control.ledger_hash("main"),
        }
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()
        # The next script starts from an empty venue; the feed goes on where it stands.
        context.control.forget()
    return 0


def _do(context: Context, operation: Operation) -> str:
    if operation.kind == "advance":
        context.control.advance(operation.words["events"])
        return "advance"
    try:
        context.call(CALLS[operation.kind], **operation.words)
    except Refused as refusal:
        return f"{operation.kind} {refusal.code}"
    return f"{operation.kind} ok"
