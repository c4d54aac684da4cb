"""What the risk engine said, rule by rule."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from trading_models.domain.ids import DecisionId
from trading_models.domain.values import Figure, FrozenModel, Price

RuleName = Annotated[str, Field(pattern=r"^[a-z0-9_]{1,40}$")]


class Verdict(StrEnum):
    """One rule's answer."""

    PASS = "pass"  # noqa: S105 - not a password
    SHRINK = "shrink"
    REFUSE = "refuse"


class RiskOutcome(StrEnum):
    """The engine's answer."""

    APPROVED = "approved"
    REFUSED = "refused"


class RiskVerdict(FrozenModel):
    """What `rule` saw and what it allows, both as printed."""

    limit: str
    observed: str
    rule: RuleName
    verdict: Verdict


class RiskDecision(FrozenModel):
    """The verdicts in rule order and what follows from them.

    `digest` is the SHA-256 of what was reviewed; the approved order carries it.
    """

    decision_id: DecisionId
    digest: DecisionId
    outcome: RiskOutcome
    quantity: Price | None
    refused_by: RuleName | None
    risk_pct: Figure | None
    schema_version: Literal[1] = Field(default=1, alias="schema")
    verdicts: tuple[RiskVerdict, ...]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        approved = self.outcome is RiskOutcome.APPROVED
        if approved != (self.quantity is not None) or approved != (self.refused_by is None):
            raise ValueError(
                f"{self.outcome}: an approval has a quantity and no refused_by, "
                "a refusal the reverse"
            )
        if approved and any(v.verdict is Verdict.REFUSE for v in self.verdicts):
            raise ValueError("an approval cannot hold a refusing verdict")
        return self
