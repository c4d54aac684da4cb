"""Front door of opinions: the question, the analysts, the router and the tape.

The router asks its analysts in order under one deadline and returns what they said. Configuring
an analyst or a policy that this version does not have is an error, never a silent fallback.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from decimal import Decimal
from enum import StrEnum
from typing import Literal

from trading_models import llm_providers
from trading_models.base import (
    Candidate,
    ConfigError,
    Direction,
    LlmError,
    OpinionRecord,
    OpinionSource,
    figure,
)
from trading_models.config_manager import LlmSettings
from trading_models.llm_providers._api import Analyst, Answer, DecisionRequest
from trading_models.llm_providers._tape import (
    Tape,
    TapeDamaged,
    TapeMiss,
    TapeMode,
    tape_key,
    verify_tape,
)
from trading_models.shelf import scan_shelf

__all__ = [
    "Analyst",
    "Answer",
    "DecisionRequest",
    "Policy",
    "Router",
    "Tape",
    "TapeDamaged",
    "TapeMiss",
    "TapeMode",
    "analyst_classes",
    "open_tape",
    "request_for",
    "tape_key",
    "verify_tape",
]

ABSTAIN_LABEL = "abstained"


class Policy(StrEnum):
    """How the router picks analysts. Only `pinned` works without several providers to rank."""

    PINNED = "pinned"
    ACCURACY_FIRST = "accuracy_first"
    COST_AWARE = "cost_aware"
    LATENCY_AWARE = "latency_aware"


def analyst_classes() -> dict[str, type[Analyst]]:
    """Analysts found on the shelf, by name."""
    return scan_shelf(llm_providers, Analyst)  # type: ignore[type-abstract]


def request_for(candidate: Candidate, horizon: str) -> DecisionRequest:
    """The question about a candidate: no instrument name, no price level to recognise it by.

    Price-scaled features are left out unless they are compared with each other by the analysts;
    those (EMAs, MACD) are given in multiples of the candidate's average true range.
    """
    return DecisionRequest(
        as_of=candidate.closed_at,
        features=_anonymous(candidate),
        horizon=horizon,
        instrument_alias="instrument-1",
        request_id=candidate.decision_id,
        score=candidate.score,
        trend=candidate.trend,
        volatility=candidate.volatility,
    )


def _anonymous(candidate: Candidate) -> dict[str, Decimal]:
    """Levels become distances from the close, price differences stay differences, in ATR."""
    features: dict[str, Decimal] = {}
    for key, value in candidate.features.items():
        name = key.partition(".")[2]
        if name.startswith((*_LEVELS, *_DIFFERENCES)) and not candidate.atr:
            continue
        if name.startswith(_LEVELS):
            features[key] = figure((value - candidate.close) / candidate.atr)
        elif name.startswith(_DIFFERENCES):
            features[key] = figure(value / candidate.atr)
        else:
            features[key] = value
    return features


_LEVELS = ("ema_", "vwap", "bb_", "open", "high", "low", "close", "support", "resistance", "vp_")
_DIFFERENCES = ("macd_", "atr_")


def open_tape(settings: LlmSettings) -> Tape:
    """The tape that the settings ask for."""
    return Tape(settings.tape_path, TapeMode(settings.tape_mode))


class Router:
    """Asks the configured analysts. ConfigError for an unknown analyst or an unready policy.

    `monotonic` reads a monotonic clock for latencies in live mode; leave it out in lock-step and
    backtest, where bodies hold no transport time.
    """

    def __init__(
        self,
        settings: LlmSettings,
        tape: Tape | None = None,
        *,
        analysts: Sequence[Analyst] | None = None,
        monotonic: Callable[[], float] | None = None,
    ) -> None:
        self.policy = _ready_policy(settings.policy)
        self.analysts = tuple(analysts) if analysts is not None else _installed(settings.analysts)
        self._tape = tape if tape is not None else open_tape(settings)
        self._deadline_s = float(settings.deadline_s)
        self._monotonic = monotonic

    @property
    def label(self) -> str:
        """What the screen shows beside an opinion: `rules (no LLM)` for the default."""
        return ", ".join(analyst.label for analyst in self.analysts) or "no analyst"

    @property
    def is_offline(self) -> bool:
        """Every answer is a pure function of the request, or comes from the tape."""
        return self._tape.mode is TapeMode.REPLAY or all(a.is_offline for a in self.analysts)

    async def decide(self, request: DecisionRequest) -> tuple[OpinionRecord, ...]:
        """Ask every analyst at once, each within the deadline; who fails abstains, visibly.

        A miss in strict replay raises TapeMiss: an answer that is not there cannot be replayed.
        """
        if self.is_offline:
            return self.decide_offline(request)
        asked = [self._ask(analyst, request) for analyst in self.analysts]
        return tuple(await asyncio.gather(*asked))

    def decide_offline(self, request: DecisionRequest) -> tuple[OpinionRecord, ...]:
        """The same without an event loop; LlmError if an analyst needs one."""
        return tuple(self._answer_offline(analyst, request) for analyst in self.analysts)

    def _answer_offline(self, analyst: Analyst, request: DecisionRequest) -> OpinionRecord:
        recorded = self._tape.get(analyst, request)
        if recorded is not None:
            return analyst.opinion(recorded, self._origin())
        if not analyst.is_offline:
            raise LlmError(
                f"analyst {analyst.name} needs a network and is not on the tape",
                next_step="record a tape in paper mode, then replay it",
            )
        answer = analyst.answer(request)
        self._tape.put(analyst, request, answer)
        return analyst.opinion(answer, "live")

    async def _ask(self, analyst: Analyst, request: DecisionRequest) -> OpinionRecord:
        recorded = self._tape.get(analyst, request)
        if recorded is not None:
            return analyst.opinion(recorded, self._origin())
        started = self._monotonic() if self._monotonic else None
        try:
            answer = await asyncio.wait_for(analyst.ask(request), self._deadline_s)
        except TimeoutError:
            return _abstention(analyst, f"no answer within {self._deadline_s} s")
        except LlmError as error:
            return _abstention(analyst, error.message)
        self._tape.put(analyst, request, answer)
        opinion = analyst.opinion(answer, "live")
        if started is None or self._monotonic is None:
            return opinion
        spent = round(1000 * (self._monotonic() - started))
        return opinion.model_copy(update={"latency_ms": spent})

    def _origin(self) -> Literal["recorded", "replayed"]:
        return "replayed" if self._tape.mode is TapeMode.REPLAY else "recorded"


def _ready_policy(name: str) -> Policy:
    policy = Policy(name)
    if policy is not Policy.PINNED:
        raise ConfigError(
            f"llm.policy = {policy.value!r} is not available until providers are installed; this "
            "version has the deterministic analyst rules-v1 only",
            key="llm.policy",
            value=policy.value,
            allowed=Policy.PINNED.value,
            next_step="set llm.policy = 'pinned'",
        )
    return policy


def _installed(names: Sequence[str]) -> tuple[Analyst, ...]:
    known = analyst_classes()
    for name in names:
        if name not in known:
            raise ConfigError(
                f"llm.analysts names {name!r}, which is not installed in this version",
                key="llm.analysts",
                value=name,
                allowed=", ".join(sorted(known)),
                next_step="remove it from llm.analysts; nothing is used in its place",
            )
    return tuple(known[name]() for name in names)


def _abstention(analyst: Analyst, why: str) -> OpinionRecord:
    answer = Answer(direction=Direction.ABSTAIN, p_up=Decimal("0.5"), reasons=(why[:200],))
    opinion = analyst.opinion(answer, "live")
    return opinion.model_copy(
        update={"source": OpinionSource.ABSTAIN, "label": f"{analyst.label} ({ABSTAIN_LABEL})"}
    )
