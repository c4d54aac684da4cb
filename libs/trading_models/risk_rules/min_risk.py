"""A trade shrunk below a quarter percent of risk is not worth its costs."""

from __future__ import annotations

from decimal import Decimal
from typing import ClassVar

from trading_models.config_manager import RiskSettings
from trading_models.risk_rules._api import (
    HUNDRED,
    ZERO,
    Pass,
    Refuse,
    RiskRule,
    RuleContext,
    RuleVerdict,
    percent,
)


class MinRiskRule(RiskRule):
    """The lower end of 0.25..2 % per trade, on what the other rules left."""

    name = "min_risk"
    summary = "risk of what is left of the order at least 0.25 % of equity"
    priority = 170
    least_pct: ClassVar[Decimal] = Decimal("0.25")

    def params(self, limits: RiskSettings) -> dict[str, str]:  # noqa: ARG002 - fixed by the rule
        """Percent of equity."""
        return {"least_pct": f"{self.least_pct:f}"}

    def check(self, ctx: RuleContext) -> RuleVerdict:
        """Refuse below the least risk. A budget set to the least may miss it by one step."""
        equity = ctx.equity
        risk = ctx.quantity * ctx.unit_risk
        is_least = ctx.limits.per_trade_pct <= self.least_pct
        slack = ctx.instrument.step_size * ctx.unit_risk if is_least else ZERO
        limit, observed = f"{self.least_pct:.6f}", percent(risk, equity)
        if risk + slack < self.least_pct * equity / HUNDRED:
            return Refuse(limit=limit, observed=observed)
        return Pass(limit=limit, observed=observed)
