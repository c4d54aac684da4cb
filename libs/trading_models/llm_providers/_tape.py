"""The tape: what analysts answered, append-only and hash-chained, for replay without them.

One JSON line per answer: {seq, key, analyst, request_id, answer, previous, hash}. `key` is the
SHA-256 of the canonical question (analyst, its parameters, the request), `hash` that of the line
without itself; `previous` links the lines, so a changed, lost or swapped line shows.
"""

from __future__ import annotations

import hashlib
import json
from enum import StrEnum
from pathlib import Path
from typing import Any, Self

import orjson

from trading_models.base import LlmError, StorageError, canonical_json
from trading_models.llm_providers._api import Analyst, Answer, DecisionRequest

GENESIS = "0" * 64
# Part of the key: an answer recorded under another schema is another answer.
_ANSWER_SCHEMA = hashlib.sha256(
    json.dumps(Answer.model_json_schema(), sort_keys=True).encode()
).hexdigest()


class TapeMode(StrEnum):
    """off: ask and forget; record: ask what is not on the tape; replay: never ask."""

    OFF = "off"
    RECORD = "record"
    REPLAY = "replay"


class TapeMiss(LlmError):
    """Strict replay was asked for an answer that is not on the tape."""


class TapeDamaged(StorageError):
    """A line does not fit its hash or its predecessor."""


def tape_key(analyst: Analyst, request: DecisionRequest) -> str:
    """SHA-256 of the canonical question."""
    question = {
        "analyst": analyst.name,
        "params": analyst.params,
        "request": request.model_dump(mode="json"),
        "schema": _ANSWER_SCHEMA,
    }
    return hashlib.sha256(canonical_json(question)).hexdigest()


class Tape:
    """Answers by question. Opening verifies every line; TapeDamaged names the first bad one."""

    def __init__(self, path: Path | None, mode: TapeMode = TapeMode.OFF) -> None:
        self.mode = mode
        self._path = path
        self._answers: dict[str, Answer] = {}
        self._last_hash = GENESIS
        if mode is TapeMode.OFF:
            return
        if path is None:
            raise LlmError(f"tape mode {mode} needs a file; set llm.tape_path")
        if path.exists():
            self._load(path)
        elif mode is TapeMode.REPLAY:
            raise TapeMiss(
                f"tape {path} does not exist",
                next_step="record one first with llm.tape_mode = 'record'",
            )

    @classmethod
    def off(cls) -> Self:
        """A tape that neither keeps nor gives anything."""
        return cls(None, TapeMode.OFF)

    def __len__(self) -> int:
        return len(self._answers)

    def get(self, analyst: Analyst, request: DecisionRequest) -> Answer | None:
        """The recorded answer. Strict replay raises TapeMiss instead of returning None."""
        if self.mode is TapeMode.OFF:
            return None
        key = tape_key(analyst, request)
        answer = self._answers.get(key)
        if answer is None and self.mode is TapeMode.REPLAY:
            raise TapeMiss(
                f"tape {self._path} holds no answer of {analyst.name} to request "
                f"{request.request_id} (key {key[:12]}...)",
                next_step="replay with the settings and data of the recording, or record again",
            )
        return answer

    def put(self, analyst: Analyst, request: DecisionRequest, answer: Answer) -> None:
        """Append one answer (record mode only). A question that is on the tape stays as it is."""
        if self.mode is not TapeMode.RECORD or self._path is None:
            return
        key = tape_key(analyst, request)
        if key in self._answers:
            return
        line = _line(len(self._answers), key, analyst.name, request, answer, self._last_hash)
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("ab") as file:
                file.write(orjson.dumps(line, option=orjson.OPT_SORT_KEYS) + b"\n")
        except OSError as error:
            raise StorageError(f"tape {self._path} cannot be written: {error}") from error
        self._answers[key] = answer
        self._last_hash = line["hash"]

    def _load(self, path: Path) -> None:
        lines = path.read_bytes().split(b"\n")
        torn = lines.pop()
        if torn and self.mode is TapeMode.RECORD:
            # A crash in the middle of an append: the answer was never used, drop its beginning.
            path.write_bytes(b"".join(line + b"\n" for line in lines))
        elif torn:
            raise TapeDamaged(f"tape {path}: line {len(lines) + 1} is cut off")
        for number, raw in enumerate(lines, start=1):
            line = _checked(raw, self._last_hash, number, path)
            self._answers[line["key"]] = Answer.model_validate(line["answer"])
            self._last_hash = line["hash"]


def verify_tape(path: Path) -> int:
    """Check the whole chain; returns the number of lines, TapeDamaged names the first bad one."""
    return len(Tape(path, TapeMode.REPLAY))


def _line(
    seq: int, key: str, analyst: str, request: DecisionRequest, answer: Answer, previous: str
) -> dict[str, Any]:
    body = {
        "analyst": analyst,
        "answer": answer.model_dump(mode="json"),
        "key": key,
        "previous": previous,
        "request_id": request.request_id,
        "seq": seq,
    }
    return {**body, "hash": _hash(body)}


def _hash(body: dict[str, Any]) -> str:
    return hashlib.sha256(canonical_json(body)).hexdigest()


def _checked(raw: bytes, previous: str, number: int, path: Path) -> dict[str, Any]:
    try:
        line = orjson.loads(raw)
        body = {key: value for key, value in line.items() if key != "hash"}
        is_whole = line["hash"] == _hash(body)
        follows = line["previous"] == previous and line["seq"] == number - 1
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise TapeDamaged(f"tape {path}: line {number} is not a tape line ({error})") from error
    if not is_whole or not follows:
        why = "was changed" if not is_whole else "does not follow its predecessor"
        raise TapeDamaged(f"tape {path}: line {number} {why}")
    return dict(line)
