"""No entries once the monthly drawdown has reached its limit."""

from __future__ import annotations

from trading_models.config_manager import RiskSettings
from trading_models.risk_rules._api import Pass, Refuse, RiskRule, RuleContext, RuleVerdict


class MonthlyDrawdownRule(RiskRule):
    """The same threshold that sets SAFE_MODE, checked on its own: two locks on one door."""

    name = "monthly_drawdown"
    summary = "monthly drawdown of equity below its limit"
    priority = 70

    def params(self, limits: RiskSettings) -> dict[str, str]:
        """Limit in percent of equity."""
        return {"monthly_drawdown_pct": f"{limits.monthly_drawdown_pct:f}"}

    def check(self, ctx: RuleContext) -> RuleVerdict:
        """Refuse at or above the limit."""
        limit = ctx.limits.monthly_drawdown_pct
        observed = ctx.portfolio.drawdown.monthly_drawdown_pct
        if observed >= limit:
            return Refuse(limit=f"{limit:.6f}", observed=f"{observed:.6f}")
        return Pass(limit=f"{limit:.6f}", observed=f"{observed:.6f}")
