"""What all open trades together may lose when every stop is hit."""

from __future__ import annotations

from trading_models.config_manager import RiskSettings
from trading_models.risk_rules._api import (
    HUNDRED,
    Pass,
    Refuse,
    RiskRule,
    RuleContext,
    RuleVerdict,
    Shrink,
    percent,
)


class PortfolioRiskRule(RiskRule):
    """A position without a stop counts with its whole notional."""

    name = "portfolio_risk"
    summary = "sum of losses at the stops within 20 % of equity"
    priority = 110

    def params(self, limits: RiskSettings) -> dict[str, str]:
        """Percent of equity."""
        return {"portfolio_pct": f"{limits.portfolio_pct:f}"}

    def check(self, ctx: RuleContext) -> RuleVerdict:
        """Shrink to what is left of the budget; refuse when nothing is."""
        equity = ctx.equity
        room = ctx.limits.portfolio_pct * equity / HUNDRED - ctx.portfolio.open_risk
        risk = ctx.quantity * ctx.unit_risk
        limit = f"{ctx.limits.portfolio_pct:.6f}"
        observed = percent(ctx.portfolio.open_risk + risk, equity)
        if room <= 0:
            return Refuse(limit=limit, observed=observed)
        if risk > room:
            return Shrink(limit=limit, observed=observed, quantity=room / ctx.unit_risk)
        return Pass(limit=limit, observed=observed)
