"""Entries only while the account trades normally and nothing about it is unresolved."""

from __future__ import annotations

from trading_models.base import TradingState
from trading_models.risk_rules._api import Pass, Refuse, RiskRule, RuleContext, RuleVerdict


class TradingStateRule(RiskRule):
    """Pause, reduce-only, halt and orders of unknown fate close entries; exits are not reviewed."""

    name = "trading_state"
    summary = "entries need state ACTIVE, no stop level and no unresolved order"
    priority = 10

    def check(self, ctx: RuleContext) -> RuleVerdict:
        """Refuse unless ACTIVE, without a level, and the instrument is resolved."""
        portfolio = ctx.portfolio
        if ctx.signal.instrument_id in portfolio.unresolved:
            return Refuse(limit="every order resolved", observed="an order of unknown fate")
        if portfolio.trading_state is not TradingState.ACTIVE or portfolio.level is not None:
            level = f" ({portfolio.level})" if portfolio.level else ""
            return Refuse(limit="ACTIVE", observed=f"{portfolio.trading_state}{level}")
        return Pass(limit="ACTIVE", observed="ACTIVE")
