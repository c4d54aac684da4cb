"""How large one position may be."""

from __future__ import annotations

from trading_models.config_manager import RiskSettings
from trading_models.risk_rules._api import (
    HUNDRED,
    ZERO,
    Pass,
    Refuse,
    RiskRule,
    RuleContext,
    RuleVerdict,
    Shrink,
    percent,
)


class MaxPositionRule(RiskRule):
    """Notional of the instrument in percent of equity, with what is already held."""

    name = "max_position"
    summary = "notional of one instrument within its percent of equity"
    priority = 130

    def params(self, limits: RiskSettings) -> dict[str, str]:
        """Percent of equity."""
        return {"max_position_pct": f"{limits.max_position_pct:f}"}

    def check(self, ctx: RuleContext) -> RuleVerdict:
        """Shrink to what is left; refuse when nothing is."""
        equity = ctx.equity
        held = ctx.position.notional if ctx.position is not None else ZERO
        room = ctx.limits.max_position_pct * equity / HUNDRED - held
        limit = f"{ctx.limits.max_position_pct:.6f}"
        observed = percent(held + ctx.notional, equity)
        if room <= 0:
            return Refuse(limit=limit, observed=observed)
        if ctx.notional > room:
            return Shrink(limit=limit, observed=observed, quantity=room / ctx.mark)
        return Pass(limit=limit, observed=observed)
