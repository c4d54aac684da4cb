"""The venue refuses dust: the order must reach its smallest quantity and notional."""

from __future__ import annotations

from decimal import Decimal
from typing import ClassVar

from trading_models.config_manager import RiskSettings
from trading_models.risk_rules._api import Pass, Refuse, RiskRule, RuleContext, RuleVerdict


class MinNotionalRule(RiskRule):
    """Twice the venue's minimum, so that the exit at the stop still passes the same filter."""

    name = "min_notional"
    summary = "order large enough for the venue, also when it is closed at the stop"
    priority = 160
    factor: ClassVar[Decimal] = Decimal(2)

    def params(self, limits: RiskSettings) -> dict[str, str]:  # noqa: ARG002 - fixed by the rule
        """Times the venue's minimum."""
        return {"factor": f"{self.factor:f}"}

    def check(self, ctx: RuleContext) -> RuleVerdict:
        """Refuse below either minimum."""
        least = self.factor * ctx.instrument.min_notional
        limit, observed = f"{least:.8f}", f"{ctx.notional:.8f}"
        if ctx.quantity < ctx.instrument.min_quantity or ctx.notional < least:
            return Refuse(limit=limit, observed=observed)
        return Pass(limit=limit, observed=observed)
