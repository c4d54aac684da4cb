"""SAFE_MODE: after a deep drawdown no entries until the cool-down is over."""

from __future__ import annotations

from trading_models.base import time_text
from trading_models.config_manager import RiskSettings
from trading_models.risk_rules._api import Pass, Refuse, RiskRule, RuleContext, RuleVerdict


class SafeModeRule(RiskRule):
    """The engine's DrawdownGuard sets the state; this rule holds entries to it."""

    name = "safe_mode"
    summary = "no entries in SAFE_MODE"
    priority = 20

    def params(self, limits: RiskSettings) -> dict[str, str]:
        """How long SAFE_MODE lasts."""
        return {"cooldown_hours": str(limits.cooldown_hours)}

    def check(self, ctx: RuleContext) -> RuleVerdict:
        """Refuse while the state says so, and until its end time in any case."""
        state = ctx.portfolio.drawdown
        until = state.safe_mode_until
        if state.safe_mode or (until is not None and ctx.now < until):
            end = f" until {time_text(until)}" if until else ""
            return Refuse(limit="off", observed=f"on{end}: {state.safe_mode_reason or 'drawdown'}")
        return Pass(limit="off", observed="off")
