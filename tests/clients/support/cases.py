"""A registry of conformance cases and the loop that runs them inside a client's environment.

Only the standard library is imported here: each client has an environment of its own.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

Body = Callable[..., Any]
CASE_SECONDS = 60.0


@dataclass(frozen=True)
class Case:
    """One call with one set of parameters."""

    name: str
    body: Body
    arguments: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Draft:
    """A case as its module declares it, before it is known which client runs it."""

    name: str
    body: Body
    variants: tuple[Any, ...]
    needs: str | None
    unless: tuple[str, ...]


class Collection:
    """The cases of one module."""

    def __init__(self) -> None:
        self.drafts: list[Draft] = []

    def case(
        self,
        name: str,
        variants: Sequence[Any] = (),
        *,
        needs: str | None = None,
        unless: tuple[str, ...] = (),
    ) -> Callable[[Body], Body]:
        """Declare a case: one run for each variant, only with clients that can do `needs`."""

        def declare(body: Body) -> Body:
            self.drafts.append(Draft(name, body, tuple(variants), needs, unless))
            return body

        return declare


@dataclass
class Registry:
    """The cases of one client, in the order they were written."""

    adapter_name: str
    calls: frozenset[str]
    cases: list[Case] = field(default_factory=list)
    absent: dict[str, str] = field(default_factory=dict)

    def take(self, collection: Collection) -> None:
        """Add the cases of a module that this client can run."""
        for draft in collection.drafts:
            if self.adapter_name in draft.unless:
                continue
            if draft.needs and draft.needs not in self.calls:
                self.absent[draft.needs] = "the client has no method"
                continue
            self._add(draft)

    def _add(self, draft: Draft) -> None:
        if not draft.variants:
            self.cases.append(Case(draft.name, draft.body))
        for variant in draft.variants:
            words = variant if isinstance(variant, tuple) else (variant,)
            label = "-".join(str(word) for word in words)
            self.cases.append(Case(f"{draft.name}[{label}]", draft.body, words))


class Failed(AssertionError):
    """An expectation did not hold."""


def expect(condition: object, detail: object = "") -> None:
    """Fail the case unless the condition holds."""
    if not condition:
        raise Failed(str(detail))


def expect_equal(found: object, wanted: object, what: str = "") -> None:
    """Fail the case unless both are equal."""
    if found != wanted:
        raise Failed(f"{what}: found {found!r}, wanted {wanted!r}")


def expect_raises(
    kind: type[BaseException] | tuple[type[BaseException], ...], work: Callable[[], Any]
) -> BaseException:
    """The exception of the given kind that `work` raises."""
    try:
        result = work()
    except kind as error:
        return error
    raise Failed(f"no {kind} was raised; the call returned {result!r}")


def run(registry: Registry, context: Any, only: str | None = None) -> int:
    """Run the cases, print one JSON line for each and a last one with the absent calls."""
    failures = 0
    for case in registry.cases:
        if only and only not in case.name:
            continue
        started = time.monotonic()
        problem = _run_one(case, context)
        failures += problem is not None
        line = {
            "case": case.name,
            "passed": problem is None,
            "seconds": round(time.monotonic() - started, 3),
            "problem": problem,
        }
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()
    sys.stdout.write(json.dumps({"absent": registry.absent}) + "\n")
    sys.stdout.flush()
    return 1 if failures else 0


def _run_one(case: Case, context: Any) -> str | None:
    try:
        if inspect.iscoroutinefunction(case.body):
            work = case.body(context, *case.arguments)
            asyncio.run(asyncio.wait_for(work, CASE_SECONDS))
        else:
            case.body(context, *case.arguments)
    except Exception:  # noqa: BLE001 - a case may fail in any way; the next one still runs
        return traceback.format_exc(limit=-6)
    return None
