"""On spot an order is paid in full: cash must cover it with fee, slippage and a small reserve."""

from __future__ import annotations

from decimal import Decimal
from typing import ClassVar

from trading_models.base import OrderSide
from trading_models.config_manager import RiskSettings
from trading_models.risk_rules._api import (
    Pass,
    Refuse,
    RiskRule,
    RuleContext,
    RuleVerdict,
    Shrink,
)


class AvailableCashRule(RiskRule):
    """The market order fills at the next open, which may lie above the mark: hence the reserve."""

    name = "available_cash"
    summary = "cash covers notional, costs and a reserve for the next open"
    priority = 140
    gap_reserve: ClassVar[Decimal] = Decimal("0.01")

    def params(self, limits: RiskSettings) -> dict[str, str]:  # noqa: ARG002 - fixed by the rule
        """Reserve as a ratio of the notional."""
        return {"gap_reserve": f"{self.gap_reserve:f}"}

    def check(self, ctx: RuleContext) -> RuleVerdict:
        """Shrink a BUY to what cash can pay; refuse when there is none."""
        if ctx.can_borrow or ctx.order_side is OrderSide.SELL:
            return Pass(limit="not needed", observed=f"{ctx.notional:.8f}")
        unit_cost = ctx.mark * (1 + ctx.cost_rate + self.gap_reserve)
        cash, needed = ctx.portfolio.cash, ctx.quantity * unit_cost
        limit, observed = f"{cash:.8f}", f"{needed:.8f}"
        if cash <= 0:
            return Refuse(limit=limit, observed=observed)
        if needed > cash:
            return Shrink(limit=limit, observed=observed, quantity=cash / unit_cost)
        return Pass(limit=limit, observed=observed)
