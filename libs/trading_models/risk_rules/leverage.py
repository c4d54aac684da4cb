"""Exposure against equity."""

from __future__ import annotations

from trading_models.config_manager import RiskSettings
from trading_models.risk_rules._api import (
    Pass,
    Refuse,
    RiskRule,
    RuleContext,
    RuleVerdict,
    Shrink,
)


class LeverageRule(RiskRule):
    """Sum of notionals over equity; 3x by default, never above 10x. Spot is held to 1x by cash."""

    name = "leverage"
    summary = "exposure over equity within the configured leverage"
    priority = 120

    def params(self, limits: RiskSettings) -> dict[str, str]:
        """Times equity."""
        return {"leverage": f"{limits.leverage:f}"}

    def check(self, ctx: RuleContext) -> RuleVerdict:
        """Shrink to what is left; refuse when nothing is."""
        equity = ctx.equity
        room = ctx.limits.leverage * equity - ctx.portfolio.exposure
        limit = f"{ctx.limits.leverage:.6f}"
        observed = f"{(ctx.portfolio.exposure + ctx.notional) / equity:.6f}"
        if room <= 0:
            return Refuse(limit=limit, observed=observed)
        if ctx.notional > room:
            return Shrink(limit=limit, observed=observed, quantity=room / ctx.mark)
        return Pass(limit=limit, observed=observed)
