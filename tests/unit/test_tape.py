"""The tape: recorded answers replay without analysts; a changed byte is found and named."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from fakes.decision_data import NOW, SETTINGS
from trading_models.base import Direction, LlmError, StorageError
from trading_models.llm_integration import (
    Analyst,
    Answer,
    DecisionRequest,
    Router,
    Tape,
    TapeDamaged,
    TapeMiss,
    TapeMode,
    tape_key,
    verify_tape,
)  # fmt: skip


class Counter(Analyst):
    """A model that must be asked over a network and counts how often it was."""

    name, label = "counter", "counting model"

    def __init__(self) -> None:
        self.asked = 0

    async def ask(self, request):
        self.asked += 1
        p_up = Decimal("0.5") + Decimal(self.asked) / 100
        return Answer(direction=Direction.LONG, p_up=p_up, reasons=(f"answer {self.asked}",))

    def answer(self, request):
        raise LlmError("needs a network")


def question(number: int) -> DecisionRequest:
    return DecisionRequest(
        as_of=NOW, features={"15m.rsi_14": Decimal(number)}, horizon="1440m",
        instrument_alias="instrument-1", request_id=f"{number:064x}", score="61", trend="bull",
        volatility="normal",
    )  # fmt: skip


def router(path, mode, analyst):
    return Router(SETTINGS.llm, Tape(path, mode), analysts=[analyst])


def ask(path, mode, analyst, count):
    one = router(path, mode, analyst)
    return [asyncio.run(one.decide(question(n)))[0] for n in range(count)]


@pytest.fixture
def tape(tmp_path):
    path = tmp_path / "deep" / "tape.jsonl"
    ask(path, TapeMode.RECORD, Counter(), 4)
    return path


def test_replay_gives_the_recorded_answers_and_asks_nobody(tape):
    analyst = Counter()
    replayed = ask(tape, TapeMode.REPLAY, analyst, 4)
    assert analyst.asked == 0
    assert [o.p_up for o in replayed] == [Decimal(f"0.5{n}") for n in (1, 2, 3, 4)]
    assert {o.tape for o in replayed} == {"replayed"}
    offline = router(tape, TapeMode.REPLAY, Counter())
    assert offline.is_offline
    assert offline.decide_offline(question(2))[0].reasons == ("answer 3",)


def test_a_miss_is_a_typed_error(tape):
    with pytest.raises(TapeMiss, match="holds no answer of counter") as caught:
        ask(tape, TapeMode.REPLAY, Counter(), 5)
    assert caught.value.next_step


def test_the_key_covers_every_part_of_the_question():
    base = question(1)
    keys = {
        tape_key(Counter(), base),
        tape_key(Counter(), base.model_copy(update={"horizon": "15m"})),
        tape_key(Counter(), base.model_copy(update={"score": Decimal("61.000001")})),
        tape_key(Counter(), base.model_copy(update={"prompt_id": "features-v2"})),
        tape_key(Counter(), question(2)),
    }
    assert len(keys) == 5
    assert tape_key(Counter(), base) == tape_key(Counter(), question(1))


def test_recording_again_keeps_the_first_answer(tape):
    before = tape.read_bytes()
    analyst = Counter()
    again = ask(tape, TapeMode.RECORD, analyst, 4)
    assert analyst.asked == 0
    assert {o.tape for o in again} == {"recorded"}
    assert tape.read_bytes() == before


def test_verify_counts_lines_and_names_the_first_bad_one(tape):
    assert verify_tape(tape) == 4
    lines = tape.read_bytes().splitlines(keepends=True)
    for number in range(4):
        for place in (10, len(lines[number]) // 2, len(lines[number]) - 5):
            changed = bytearray(lines[number])
            changed[place] ^= 1
            rest = [*lines[:number], bytes(changed), *lines[number + 1 :]]
            tape.write_bytes(b"".join(rest))
            with pytest.raises(TapeDamaged, match=f"line {number + 1} "):
                verify_tape(tape)


@pytest.mark.parametrize("order", [(0, 2, 1, 3), (1, 2, 3), (0, 0, 1, 2, 3)])
def test_swapped_lost_and_repeated_lines_are_found(tape, order):
    lines = tape.read_bytes().splitlines(keepends=True)
    tape.write_bytes(b"".join(lines[n] for n in order))
    with pytest.raises(TapeDamaged, match="does not follow its predecessor"):
        verify_tape(tape)


def test_a_torn_last_line_is_dropped_when_recording_goes_on(tape):
    whole = tape.read_bytes()
    tape.write_bytes(whole[:-40])
    with pytest.raises(TapeDamaged, match="line 4 is cut off"):
        verify_tape(tape)
    again = ask(tape, TapeMode.RECORD, Counter(), 4)
    assert [o.tape for o in again] == ["recorded", "recorded", "recorded", "live"]
    assert verify_tape(tape) == 4


def test_missing_file_and_missing_path(tmp_path):
    with pytest.raises(TapeMiss, match="does not exist"):
        Tape(tmp_path / "none.jsonl", TapeMode.REPLAY)
    with pytest.raises(LlmError, match=r"set llm\.tape_path"):
        Tape(None, TapeMode.RECORD)


def test_an_unwritable_tape_is_a_storage_error(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    tape = Tape(blocked / "tape.jsonl", TapeMode.RECORD)
    answer = Answer(direction=Direction.FLAT, p_up=Decimal("0.5"), reasons=("x",))
    with pytest.raises(StorageError, match="cannot be written"):
        tape.put(Counter(), question(1), answer)


def test_two_recordings_are_the_same_bytes(tmp_path):
    paths = [tmp_path / "a.jsonl", tmp_path / "b.jsonl"]
    for path in paths:
        ask(path, TapeMode.RECORD, Counter(), 3)
    assert paths[0].read_bytes() == paths[1].read_bytes()
