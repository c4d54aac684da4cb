"""No entries on old data: a dead feed must not trade."""

from __future__ import annotations

from datetime import timedelta

from trading_models.config_manager import RiskSettings
from trading_models.risk_rules._api import Pass, Refuse, RiskRule, RuleContext, RuleVerdict


class StaleDataRule(RiskRule):
    """Age of the decision bar and of the account's state, against some bars."""

    name = "stale_data"
    summary = "the decision bar and the portfolio must be recent"
    priority = 30

    def params(self, limits: RiskSettings) -> dict[str, str]:
        """Allowed age in bars."""
        return {"stale_after_bars": str(limits.stale_after_bars)}

    def check(self, ctx: RuleContext) -> RuleVerdict:
        """Refuse when either is older than the limit, or comes from the future."""
        limit = ctx.limits.stale_after_bars * ctx.bar_length
        oldest = ctx.now - min(ctx.signal.closed_at, ctx.portfolio.market_time)
        newest = ctx.now - max(ctx.signal.closed_at, ctx.portfolio.market_time)
        ctx.require("mark price", ctx.price)
        shown = f"{limit.total_seconds():.0f} s"
        if newest < timedelta(0):
            return Refuse(limit=shown, observed=f"{newest.total_seconds():.0f} s (in the future)")
        observed = f"{oldest.total_seconds():.0f} s"
        if oldest > limit:
            return Refuse(limit=shown, observed=observed)
        return Pass(limit=shown, observed=observed)
