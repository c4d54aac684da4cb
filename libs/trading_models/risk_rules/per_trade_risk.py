"""What one trade may lose when its stop is hit."""

from __future__ import annotations

from trading_models.config_manager import RiskSettings
from trading_models.risk_rules._api import (
    HUNDRED,
    Pass,
    RiskRule,
    RuleContext,
    RuleVerdict,
    Shrink,
    percent,
)


class PerTradeRiskRule(RiskRule):
    """Loss at the stop with the costs of both orders, in percent of equity."""

    name = "per_trade_risk"
    summary = "loss at the stop within the configured percent of equity (0.25 to 2)"
    priority = 100

    def params(self, limits: RiskSettings) -> dict[str, str]:
        """Percent of equity."""
        return {"per_trade_pct": f"{limits.per_trade_pct:f}"}

    def check(self, ctx: RuleContext) -> RuleVerdict:
        """Shrink to the quantity whose loss is exactly the limit."""
        equity = ctx.equity
        allowed = ctx.limits.per_trade_pct * equity / HUNDRED
        risk = ctx.quantity * ctx.unit_risk
        limit, observed = f"{ctx.limits.per_trade_pct:.6f}", percent(risk, equity)
        if risk > allowed:
            return Shrink(limit=limit, observed=observed, quantity=allowed / ctx.unit_risk)
        return Pass(limit=limit, observed=observed)
