"""What a run shows of itself: live figures for the hub, a progress file, the report at the end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson

from trading_api.services.market_reader import MarketReader
from trading_api.ws.hub import Hub
from trading_models.base import (
    Bar,
    Clock,
    Portfolio,
    decimal_text,
    figure,
    time_text,
)
from trading_models.config_manager import Settings
from trading_models.monitoring import HealthRegistry
from trading_models.orchestrator import Outcome
from trading_models.persistence import AccountFigures, Store, portfolio_summary
from trading_models.reporting import ReportInput, TradeRow, write_report

PROGRESS_EVERY_S = 0.4
HUNDRED = Decimal(100)
STALE_S = 10.0


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What does not change during a run."""

    run_dir: Path
    mode: str
    data_name: str
    timeframe: str
    venue: str
    llm_label: str
    bars_total: int | None


@dataclass(frozen=True, slots=True)
class Shown:
    """Where a run's figures go, and where they come from."""

    hub: Hub
    store: Store
    market: MarketReader
    health: HealthRegistry
    clock: Clock


class RunPresenter:
    """Implements the orchestrator's Watcher."""

    def __init__(self, facts: RunFacts, settings: Settings, shown: Shown) -> None:
        self._facts, self._settings = facts, settings
        self._hub, self._store, self._market = shown.hub, shown.store, shown.market
        self._health, self._clock = shown.health, shown.clock
        self._agent_state = "starting"
        self._portfolio: Portfolio | None = None
        self._written_at = float("-inf")
        shown.health.watch("orchestrator", stale_after_s=STALE_S)
        self._publish_mode()

    def on_state(self, agent_state: str) -> None:
        """starting, running, paused, finished or failed."""
        self._agent_state = agent_state
        self._publish_mode()
        self._health.report("orchestrator")

    def on_history(self, bars: Sequence[Bar]) -> None:
        """Bars that were committed before a restart."""
        self._market.add(bars)

    def on_bar(self, figures: AccountFigures, portfolio: Portfolio, bars: Sequence[Bar]) -> None:
        """A bar was committed."""
        self._portfolio = portfolio
        self._market.add(bars)
        summary = portfolio_summary(figures, self._store.tally)
        point = {
            "at": summary["market_time"],
            "equity": summary["equity"],
            "drawdown_pct": summary["drawdown_pct"],
        }
        self._hub.replace("portfolio", {**summary, "equity_point": point})
        self._publish_bars(bars)
        self._publish_mode()
        self._hub.replace("risk", risk_state(portfolio, self._settings))
        self._health.report("orchestrator")
        now = self._clock.monotonic()
        if now - self._written_at >= PROGRESS_EVERY_S:
            self._written_at = now
            self._write_json("progress.json", summary)

    def finish(self, outcome: Outcome) -> None:
        """Write the report, then the summary file that tells the supervisor of the end."""
        settings, facts = self._settings, self._facts
        report = ReportInput(
            title=f"Paper run on {facts.data_name}",
            mode=f"{facts.mode} replay on the simulated venue",
            data_name=facts.data_name,
            instrument_id=", ".join(str(i.instrument_id) for i in self._market.instruments()),
            analyst_label=facts.llm_label,
            closed_at=outcome.closed_at,
            equity=outcome.equity,
            close=outcome.close,
            trades=[TradeRow.of(t.model_dump(mode="json")) for t in outcome.trades],
            summary=outcome.summary,
            hashes={
                "ledger SHA-256": outcome.summary["ledger_sha256"],
                "configuration": settings.config_hash,
            },
        )
        folder = facts.run_dir / "report"
        write_report(report, folder, fee_rate=float(settings.venue.taker_fee_rate))
        summary = outcome.summary
        self._write_json(
            "progress.json",
            {
                "bars_done": summary["bars"],
                "bars_total": summary["bars"],
                "equity": summary["equity_end"],
                "trades": summary["trades"],
            },
        )
        self._write_json("report/summary.json", summary)

    def _publish_bars(self, bars: Sequence[Bar]) -> None:
        for bar in bars:
            channel = f"bars.{bar.instrument_id}.{bar.timeframe.code}"
            row: dict[str, Any] = {
                "opened_at": time_text(bar.opened_at),
                "open": decimal_text(bar.open),
                "high": decimal_text(bar.high),
                "low": decimal_text(bar.low),
                "close": decimal_text(bar.close),
                "volume": decimal_text(bar.volume),
                "flags": list(bar.flags),
                "missing": bar.missing,
            }
            self._hub.apply(channel, [("set", row["opened_at"], row)])

    def _publish_mode(self) -> None:
        facts, portfolio = self._facts, self._portfolio
        state = "ACTIVE" if portfolio is None else portfolio.trading_state.value
        agent = self._agent_state
        if agent == "running" and state != "ACTIVE":
            agent = "paused"
        body = {
            "mode": "paper",
            "label": "DEMO" if facts.mode == "lockstep" else "PAPER",
            "account": str(self._settings.account),
            "venue": facts.venue,
            "trading_state": state,
            "agent_state": agent,
            "market_time": None if portfolio is None else time_text(portfolio.market_time),
            "data_name": facts.data_name,
            "llm_label": facts.llm_label,
        }
        self._hub.replace("mode", body)

    def _write_json(self, name: str, body: Mapping[str, Any]) -> None:
        target = self._facts.run_dir / name
        target.parent.mkdir(exist_ok=True)
        fresh = target.with_suffix(".new")
        fresh.write_bytes(orjson.dumps(body))
        fresh.replace(target)


def risk_state(portfolio: Portfolio, settings: Settings) -> dict[str, Any]:
    """`GET /risk/state`: each limit with the share of it that is used."""
    risk, equity = settings.risk, portfolio.equity
    drawdown = portfolio.drawdown
    leverage = portfolio.exposure / equity if equity > 0 else Decimal(0)
    open_risk = HUNDRED * portfolio.open_risk / equity if equity > 0 else Decimal(0)
    exposure = HUNDRED * portfolio.exposure / equity if equity > 0 else Decimal(0)
    rows = (
        ("daily_drawdown_pct", drawdown.daily_drawdown_pct, risk.daily_drawdown_pct),
        ("monthly_drawdown_pct", drawdown.monthly_drawdown_pct, risk.monthly_drawdown_pct),
        ("open_risk_pct", open_risk, risk.portfolio_pct),
        ("exposure_pct", exposure, risk.max_position_pct),
        ("leverage", leverage, risk.leverage),
    )
    return {
        "trading_state": portfolio.trading_state.value,
        "level": None if portfolio.level is None else portfolio.level.value,
        "reason": drawdown.safe_mode_reason,
        "safe_mode": drawdown.safe_mode,
        "safe_mode_until": (
            None if drawdown.safe_mode_until is None else time_text(drawdown.safe_mode_until)
        ),
        "limits": [
            {
                "name": name,
                "value": decimal_text(figure(value)),
                "limit": decimal_text(figure(limit)),
                "used_pct": decimal_text(figure(HUNDRED * value / limit)),
            }
            for name, value, limit in rows
        ],
        "daily_drawdown_pct": decimal_text(drawdown.daily_drawdown_pct),
        "monthly_drawdown_pct": decimal_text(drawdown.monthly_drawdown_pct),
    }
