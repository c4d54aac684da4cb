"""A short position needs a venue that lends; a spot venue does not."""

from __future__ import annotations

from trading_models.base import OrderSide
from trading_models.risk_rules._api import Pass, Refuse, RiskRule, RuleContext, RuleVerdict


class ShortNotAvailableRule(RiskRule):
    """On spot a short signal closes a long or stays flat; it never opens."""

    name = "short_not_available"
    summary = "no short entries where the venue does not lend"
    priority = 40

    def check(self, ctx: RuleContext) -> RuleVerdict:
        """Refuse a SELL entry unless shorts are configured and the venue lends."""
        if ctx.order_side is OrderSide.SELL and not (ctx.allow_short and ctx.can_borrow):
            return Refuse(limit="BUY", observed="SELL")
        return Pass(limit="BUY" if not ctx.can_borrow else "any", observed=ctx.order_side.value)
