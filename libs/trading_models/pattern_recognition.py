"""Front door of pattern recognition: the catalogue and the shapes of one timeframe.

The same contract as `technical_indicators`: engine kernels plus Python plug-ins of the `patterns/`
shelf, one closed bar at a time, batch equal to streaming. A value belongs to the bar at which the
shape became known, never earlier.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import trading_engine

from trading_models import patterns
from trading_models.patterns._api import Pattern
from trading_models.shelf import scan_shelf
from trading_models.technical_indicators import (
    FeatureSet,
    Indicator,
    Kernels,
    StudySpec,
    describe_catalog,
)

__all__ = ["Pattern", "PatternSet", "catalog", "plugin_classes"]


def plugin_classes() -> dict[str, type[Pattern]]:
    """Python patterns found on the shelf, by name."""
    return scan_shelf(patterns, Pattern)  # type: ignore[type-abstract]


def catalog() -> list[dict[str, Any]]:
    """Every pattern: name, outputs, params (defaults), warmup, scale, origin (engine|plugin)."""
    return describe_catalog(trading_engine.pattern_catalog(), plugin_classes())


class PatternSet(FeatureSet):
    """The patterns of one timeframe; the same constructor and methods as FeatureSet."""

    _kind: ClassVar[str] = "pattern"

    def _make_engine(self, specs: list[StudySpec] | None) -> Kernels:
        return trading_engine.PatternSet(specs)

    def _plugin_classes(self) -> Mapping[str, type[Indicator]]:
        return plugin_classes()
