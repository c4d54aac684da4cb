"""Reads a decision record of a run and tells it in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from ats.errors import ProcessFailed
from ats.run_directory import RunDirectory
from trading_models.persistence import Store, sqlite_url

SHOWN_CONTRIBUTIONS = 8


async def find_record(run: RunDirectory, wanted: str) -> dict[str, Any]:
    """The decision record with this id, or of the bar that closed at this time.

    Raises ProcessFailed when there is none.
    """
    if not run.database.exists():
        raise ProcessFailed(f"run {run.run_id} has no database: it never started")
    store = await Store.open(sqlite_url(run.database))
    try:
        decision_id = wanted if len(wanted) == 64 else await _id_at(store, _moment(wanted))
        record = None if decision_id is None else await store.read.decision(decision_id)
    finally:
        await store.close()
    if record is None:
        raise ProcessFailed(
            f"no decision for {wanted!r} in run {run.run_id}: give the closing time of a bar "
            "(2021-10-05T12:15) or a decision id of 64 hex digits"
        )
    return dict(record)


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ProcessFailed(
            f"{text!r} is neither a time (2021-10-05T12:15) nor a decision id"
        ) from error
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


async def _id_at(store: Store, closed_at: datetime) -> str | None:
    return await store.read.decision_at(closed_at)


def explain_lines(record: Mapping[str, Any]) -> Iterator[str]:
    """The record as lines of text, verdict first."""
    yield f"{record['closed_at']}  {record['instrument_id']}  {record['outcome'].upper()}"
    yield f"  {record['headline']}"
    flip = record["nearest_flip"]
    if flip is not None:
        yield f"  nearest flip: {flip['text']}"
    yield from _score_lines(record["score"])
    for frame in record["inputs"]["timeframes"]:
        state = "warm" if frame["warm"] else "cold"
        yield f"  {frame['timeframe']:>4} {state}, weight {frame['weight']}"
    for opinion in record["opinions"]:
        yield f"  opinion {opinion['label']}: {opinion['direction']} (p up {opinion['p_up']})"
        for reason in opinion["reasons"]:
            yield f"      {reason}"
    if record["risk"] is not None:
        for verdict in record["risk"]["verdicts"]:
            figures = f"observed {verdict['observed']}, limit {verdict['limit']}"
            yield f"  {verdict['verdict']:<6} {verdict['rule']}: {figures}"
    for fill in record["fills"]:
        yield f"  fill {fill['order_side']} {fill['quantity']} at {fill['price']}"
    trade = record["outcome_trade"]
    if trade is not None:
        yield f"  outcome: {trade['exit_reason']}, P&L {trade['realized_pnl']}"


def _score_lines(score: Mapping[str, Any]) -> Iterator[str]:
    yield (
        f"  score {score['value']} (entry from {score['entry_threshold']}, "
        f"exit at {score['exit_threshold']})"
    )
    parts = sorted(score["contributions"], key=lambda part: -abs(float(part["contribution"])))
    for part in parts[:SHOWN_CONTRIBUTIONS]:
        yield f"    {float(part['contribution']):+7.3f}  {part['factor']}"
