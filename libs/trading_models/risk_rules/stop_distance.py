"""The stop must be a sane distance away: beyond the costs, and not half the price."""

from __future__ import annotations

from decimal import Decimal
from typing import ClassVar

from trading_models.config_manager import RiskSettings
from trading_models.risk_rules._api import Pass, Refuse, RiskRule, RuleContext, RuleVerdict


class StopDistanceRule(RiskRule):
    """A stop within the cost of the round trip loses by design; a huge one is a broken figure."""

    name = "stop_distance"
    summary = "stop distance above the round trip's costs and at most a quarter of the price"
    priority = 80
    max_ratio: ClassVar[Decimal] = Decimal("0.25")

    def params(self, limits: RiskSettings) -> dict[str, str]:  # noqa: ARG002 - fixed by the rule
        """Largest distance as a ratio of the price."""
        return {"max_ratio": f"{self.max_ratio:f}"}

    def check(self, ctx: RuleContext) -> RuleVerdict:
        """Refuse outside (2 x costs, max_ratio] of the mark, and at or below one tick."""
        ratio = ctx.signal.stop_offset / ctx.mark
        least = max(2 * ctx.cost_rate, ctx.instrument.tick_size / ctx.mark)
        limit = f"{least:.6f}..{self.max_ratio:.6f}"
        if not least < ratio <= self.max_ratio:
            return Refuse(limit=limit, observed=f"{ratio:.6f}")
        return Pass(limit=limit, observed=f"{ratio:.6f}")
