"""No second position in what moves like the first."""

from __future__ import annotations

import math
from collections.abc import Sequence

from trading_models.config_manager import RiskSettings
from trading_models.risk_rules._api import Pass, Refuse, RiskRule, RuleContext, RuleVerdict


class CorrelationRule(RiskRule):
    """Largest Pearson correlation of returns with any other open position.

    Sums use math.fsum, which is exact before its one rounding, so the figure does not depend on
    the machine. Returns are analysis figures, not money.
    """

    name = "correlation"
    summary = "correlation with open positions at most 0.7"
    priority = 150

    def params(self, limits: RiskSettings) -> dict[str, str]:
        """Limit and length of the window."""
        return {
            "correlation": f"{limits.correlation:f}",
            "correlation_bars": str(limits.correlation_bars),
        }

    def check(self, ctx: RuleContext) -> RuleVerdict:
        """Refuse above the limit; a window that is missing or short refuses too."""
        limit = f"{ctx.limits.correlation:.6f}"
        own_id = ctx.signal.instrument_id
        others = [
            held.instrument_id
            for held in ctx.portfolio.positions
            if held.is_open and held.instrument_id != own_id
        ]
        if not others:
            return Pass(limit=limit, observed="no other position")
        length = ctx.limits.correlation_bars
        windows = {name: ctx.returns.get(name, ())[-length:] for name in [own_id, *others]}
        for name, window in windows.items():
            ctx.require(f"{length} returns of {name}", window if len(window) == length else None)
        found = max((correlation(windows[own_id], windows[name]), name) for name in others)
        observed = f"{found[0]:.6f} with {found[1]}"
        if found[0] > float(ctx.limits.correlation):
            return Refuse(limit=limit, observed=observed)
        return Pass(limit=limit, observed=observed)


def correlation(left: Sequence[float], right: Sequence[float]) -> float:
    """Pearson's r of two equally long series; 1 when either never moves (nothing is proven)."""
    count = len(left)
    mean_left, mean_right = math.fsum(left) / count, math.fsum(right) / count
    moves = [(x - mean_left, y - mean_right) for x, y in zip(left, right, strict=True)]
    scale = math.fsum(x * x for x, _ in moves) * math.fsum(y * y for _, y in moves)
    if not scale > 0.0:
        return 1.0
    return math.fsum(x * y for x, y in moves) / math.sqrt(scale)
