"""Front door of technical analysis: the catalogue and the studies of one timeframe.

Built-in studies run in the compiled engine; Python plug-ins stand on the `indicators/` shelf. Both
are state machines fed one closed bar at a time, and batch is the same machine over an array, so
live values equal batch values to the bit.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import trading_engine
from numpy.typing import NDArray

from trading_models import indicators
from trading_models.base import ConfigError, DataError, Timeframe
from trading_models.indicators._api import BarValues, FloatArray, Indicator, IntArray
from trading_models.shelf import scan_shelf

__all__ = [
    "BAR_COLUMNS",
    "BarValues",
    "FeatureSet",
    "FloatArray",
    "Indicator",
    "IntArray",
    "Kernels",
    "StudySpec",
    "catalog",
    "describe_catalog",
    "plugin_classes",
]

StudySpec = tuple[str, dict[str, float]]
BAR_COLUMNS = BarValues._fields
# What the compiled sets have in common: outputs, warmup, update, batch, snapshot, restore.
Kernels = trading_engine.IndicatorSet | trading_engine.PatternSet


def plugin_classes() -> dict[str, type[Indicator]]:
    """Python indicators found on the shelf, by name."""
    return scan_shelf(indicators, Indicator)  # type: ignore[type-abstract]


def catalog() -> list[dict[str, Any]]:
    """Every indicator: name, outputs, params (defaults), warmup, scale, origin (engine|plugin)."""
    return describe_catalog(trading_engine.indicator_catalog(), plugin_classes())


def describe_catalog(
    engine: Iterable[Mapping[str, Any]], plugins: Mapping[str, type[Indicator]]
) -> list[dict[str, Any]]:
    """Join engine and shelf. A name or output that stands in both raises ConfigError."""
    entries = [{**entry, "origin": "engine"} for entry in engine]
    for name, plugin in plugins.items():
        study = plugin()
        entries.append(
            {
                "name": name,
                "summary": plugin.summary,
                "outputs": list(study.outputs),
                "params": dict(plugin.params),
                "warmup": study.warmup,
                "scale": plugin.scale,
                "origin": "plugin",
            }
        )
    _refuse_duplicates([entry["name"] for entry in entries], "name")
    _refuse_duplicates([output for entry in entries for output in entry["outputs"]], "output")
    return entries


def _refuse_duplicates(words: Sequence[str], what: str) -> None:
    twice = sorted({word for word in words if words.count(word) > 1})
    if twice:
        raise ConfigError(
            f"{what} {twice[0]!r} stands twice in the catalogue of studies (engine and shelf "
            "together); rename the plug-in"
        )


class FeatureSet:
    """The indicators of one timeframe: engine kernels first, then the enabled plug-ins.

    `specs` = [(engine study, {param: value})], None = the product's default set. `plugins` =
    [(plug-in name, {param: value})]; none run unless they are named here. Unknown names raise
    ConfigError.
    """

    _kind: ClassVar[str] = "indicator"

    def __init__(
        self,
        timeframe: Timeframe,
        specs: list[StudySpec] | None = None,
        plugins: Sequence[StudySpec] = (),
    ) -> None:
        self.timeframe = timeframe
        self._engine = self._make_engine(specs)
        self._plugins = self._make_plugins(plugins)
        self.outputs: tuple[str, ...] = (
            *self._engine.outputs,
            *(output for plugin in self._plugins for output in plugin.outputs),
        )
        _refuse_duplicates(self.outputs, "output")
        self.index: dict[str, int] = {name: row for row, name in enumerate(self.outputs)}
        self.warmup: int = max([self._engine.warmup, *(p.warmup for p in self._plugins)])

    def _make_engine(self, specs: list[StudySpec] | None) -> Kernels:
        return trading_engine.IndicatorSet(specs)

    def _plugin_classes(self) -> Mapping[str, type[Indicator]]:
        return plugin_classes()

    def _make_plugins(self, wanted: Sequence[StudySpec]) -> tuple[Indicator, ...]:
        if not wanted:
            return ()
        known = self._plugin_classes()
        for name, _ in wanted:
            if name not in known:
                raise ConfigError(
                    f"{self._kind} plug-in {name!r} is not on the shelf; known: {sorted(known)}"
                )
        return tuple(known[name](**params) for name, params in wanted)

    def update(self, bar: BarValues) -> FloatArray:
        """Take the next closed bar; returns float64 (outputs,), NaN while cold."""
        values = self._engine.update(*bar)
        if not self._plugins:
            return values
        rows = [values]
        for plugin in self._plugins:
            figures = plugin.update(bar)
            cold = np.full(len(plugin.outputs), np.nan)
            rows.append(cold if figures is None else np.array(figures))
        return np.concatenate(rows)

    def batch(self, bars: Mapping[str, NDArray[Any]]) -> FloatArray:
        """Take whole columns (see BAR_COLUMNS); returns (outputs, N). Continues from the state."""
        values = self._engine.batch(*(bars[name] for name in BAR_COLUMNS))
        if not self._plugins:
            return values
        return np.concatenate([values, *(plugin.batch(bars) for plugin in self._plugins)])

    def snapshot(self) -> bytes:
        """The state of every study."""
        parts = [self._engine.snapshot(), *(plugin.snapshot() for plugin in self._plugins)]
        encoded = [base64.b64encode(part).decode() for part in parts]
        return json.dumps({"outputs": self.outputs, "parts": encoded}).encode()

    def restore(self, data: bytes) -> None:
        """Take back a snapshot of the same studies. Raises DataError for another set's."""
        state = json.loads(data)
        if tuple(state["outputs"]) != self.outputs:
            raise DataError(
                f"the saved state of {self.timeframe.code} holds {len(state['outputs'])} outputs "
                f"of another set of studies, expected {len(self.outputs)}; discard it and warm up"
            )
        engine, *plugins = (base64.b64decode(part) for part in state["parts"])
        self._engine.restore(engine)
        for plugin, part in zip(self._plugins, plugins, strict=True):
            plugin.restore(part)
