"""No entries once the daily drawdown has reached its limit."""

from __future__ import annotations

from trading_models.config_manager import RiskSettings
from trading_models.risk_rules._api import Pass, Refuse, RiskRule, RuleContext, RuleVerdict


class DailyDrawdownRule(RiskRule):
    """The same threshold that sets SAFE_MODE, checked on its own: two locks on one door."""

    name = "daily_drawdown"
    summary = "daily drawdown of equity below its limit"
    priority = 60

    def params(self, limits: RiskSettings) -> dict[str, str]:
        """Limit in percent of equity."""
        return {"daily_drawdown_pct": f"{limits.daily_drawdown_pct:f}"}

    def check(self, ctx: RuleContext) -> RuleVerdict:
        """Refuse at or above the limit."""
        limit = ctx.limits.daily_drawdown_pct
        observed = ctx.portfolio.drawdown.daily_drawdown_pct
        if observed >= limit:
            return Refuse(limit=f"{limit:.6f}", observed=f"{observed:.6f}")
        return Pass(limit=f"{limit:.6f}", observed=f"{observed:.6f}")
