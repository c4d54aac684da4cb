"""Every error the Python side raises on purpose.

TradingError
├── ConfigError            a setting is unknown, of the wrong type or out of range
├── DataError
│   ├── DataStale          market data is older than allowed
│   ├── DataRejected       a row or a file breaks a rule of the quality gate
│   └── DataUnavailable    data that was asked for does not exist or cannot be reached
├── LlmError
│   ├── LlmTimeout         no answer before the deadline
│   ├── LlmRateLimited     the provider asked us to wait
│   ├── LlmBadAnswer       the answer does not fit the schema
│   └── LlmBudgetExceeded  the money or call budget is used up
├── RiskRefused            the risk engine refused (rule, limit, observed)
├── ExecutionError
│   ├── Connectivity       gateway or venue not reachable; the outcome may be unknown
│   └── VenueRejected      the venue (or the gateway for it) said no, with a reason
├── StorageError           database, journal or file could not be read or written
└── SecurityError          bad key, signature, token or a broken audit chain

Our own gateway *denies*, a venue *rejects*, the risk engine *refuses*: three words, three places.
Messages name the cause, the value, the allowed range and, where there is one, the next step.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence


class TradingError(Exception):
    """Root of the tree. `next_step` is a sentence or command that a user can act on."""

    def __init__(self, message: str, *, next_step: str | None = None) -> None:
        super().__init__(message if next_step is None else f"{message}\n  next: {next_step}")
        self.message = message
        self.next_step = next_step


class ConfigError(TradingError):
    """A setting is wrong. The parts that are known are kept apart for `--json` output."""

    def __init__(
        self,
        message: str,
        *,
        where: tuple[str, int | None] | None = None,
        key: str | None = None,
        value: str | None = None,
        allowed: str | None = None,
        next_step: str | None = None,
    ) -> None:
        self.file: str | None = where[0] if where is not None else None
        self.line: int | None = where[1] if where is not None else None
        place = ":".join(str(part) for part in (self.file, self.line) if part is not None)
        super().__init__(f"{place}: {message}" if place else message, next_step=next_step)
        self.key = key
        self.value = value
        self.allowed = allowed


class DataError(TradingError):
    """Market data cannot be used."""


class DataStale(DataError):
    """The newest bar is older than the limit."""


class DataRejected(DataError):
    """Input breaks a rule of the quality gate; nothing was written.

    `offences` holds per broken rule: rule, count, row, column, value, allowed.
    """

    def __init__(
        self,
        message: str,
        *,
        offences: Sequence[Mapping[str, object]] = (),
        next_step: str | None = None,
    ) -> None:
        super().__init__(message, next_step=next_step)
        self.offences = tuple(offences)


class DataUnavailable(DataError):
    """The data does not exist here or cannot be reached."""


class LlmError(TradingError):
    """An analyst gave no usable opinion."""


class LlmTimeout(LlmError):
    """No answer before the deadline."""


class LlmRateLimited(LlmError):
    """The provider asked us to wait."""


class LlmBadAnswer(LlmError):
    """The answer does not fit the schema."""


class LlmBudgetExceeded(LlmError):
    """The money or call budget is used up."""


class RiskRefused(TradingError):
    """The risk engine refused: `rule` saw `observed` where `limit` holds."""

    def __init__(
        self, rule: str, *, limit: str, observed: str, next_step: str | None = None
    ) -> None:
        super().__init__(
            f"refused by {rule}: observed {observed}, limit {limit}", next_step=next_step
        )
        self.rule = rule
        self.limit = limit
        self.observed = observed


class ExecutionError(TradingError):
    """The gateway or the venue did not do what was asked."""


class Connectivity(ExecutionError):
    """Not reachable. The request may have been carried out; ask by id, never resend blindly."""

    retryable = True


class VenueRejected(ExecutionError):
    """A definite no, with the reason as given."""

    retryable = False

    def __init__(
        self, reason: str, *, status: int | None = None, next_step: str | None = None
    ) -> None:
        super().__init__(reason, next_step=next_step)
        self.reason = reason
        self.status = status


class StorageError(TradingError):
    """State could not be read or written."""


class SecurityError(TradingError):
    """A key, signature, token or the audit chain is not what it must be."""
