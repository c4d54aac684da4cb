"""One position per instrument, and not too many at once."""

from __future__ import annotations

from trading_models.config_manager import RiskSettings
from trading_models.risk_rules._api import Pass, Refuse, RiskRule, RuleContext, RuleVerdict


class ExistingPositionRule(RiskRule):
    """No adding to a position: its stop and size were decided together."""

    name = "existing_position"
    summary = "one position per instrument, a bounded number in all"
    priority = 50

    def params(self, limits: RiskSettings) -> dict[str, str]:
        """How many positions may be open."""
        return {"max_open_positions": str(limits.max_open_positions)}

    def check(self, ctx: RuleContext) -> RuleVerdict:
        """Refuse when this instrument is held or the account is full."""
        position = ctx.position
        if position is not None and position.is_open:
            return Refuse(limit="flat", observed=f"{position.position_side} {position.quantity:f}")
        count = sum(1 for held in ctx.portfolio.positions if held.is_open)
        limit = ctx.limits.max_open_positions
        if count >= limit:
            return Refuse(limit=f"{limit} open positions", observed=str(count))
        return Pass(limit=f"{limit} open positions", observed=str(count))
