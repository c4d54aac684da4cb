"""Opinions: the default analyst on real candidates, its tape, strict replay, honest refusals.

This version has the deterministic analyst rules-v1 only; language models come later and configuring
one is an error, never a silent fallback.

.venv/bin/python demo_llm_routing.py
"""

import asyncio
import tempfile
from pathlib import Path

import numpy as np

from ats.replay_data import DataChoice, load_columns
from trading_models.base import TradingError
from trading_models.config_manager import LlmSettings, load_settings
from trading_models.cycle.decide import DecisionContext, candidate_at, screen_view
from trading_models.cycle.view import batch_view
from trading_models.llm_integration import Router, TapeMiss, request_for, verify_tape


async def main() -> None:
    settings = load_settings()
    columns = load_columns(DataChoice("sample", steps=2000), settings)
    context = DecisionContext.of(settings, columns.instrument, columns.timeframe)
    view = batch_view(columns.arrays, settings, columns.instrument, columns.timeframe)
    scored = screen_view(view, context)
    positions = np.flatnonzero(scored.is_candidate)[::120]
    found = [candidate_at(view, scored, int(position), context) for position in positions]
    requests = [request_for(item, context.horizon) for item in found if item is not None]
    with tempfile.TemporaryDirectory() as folder:
        tape = Path(folder) / "tape.jsonl"
        router = Router(LlmSettings(tape_mode="record", tape_path=tape))
        print(f"analysts: {router.label}, policy {router.policy.value}")
        for request in requests[:-1]:
            for opinion in await router.decide(request):
                print(f"  {request.as_of:%m-%d %H:%M} score {request.score:.1f} {request.trend}: "
                      f"{opinion.direction} p_up {opinion.p_up} [{opinion.label}]")  # fmt: skip
                print("     ", "; ".join(opinion.reasons))

        replay = Router(LlmSettings(tape_mode="replay", tape_path=tape))
        (again,) = await replay.decide(requests[0])
        print(f"replayed from tape: {again.direction} p_up {again.p_up} ({again.tape})")
        try:
            await replay.decide(requests[-1])
        except TapeMiss as miss:
            print(f"strict replay refuses what is not on the tape: {miss.message[-60:]}")
        print(f"records on the verified tape: {verify_tape(tape)}")
    for wrong in (LlmSettings(analysts=("gpt-x",)), LlmSettings(policy="cost_aware")):
        try:
            Router(wrong)
        except TradingError as error:
            print(f"refused: {error.message}")


if __name__ == "__main__":
    asyncio.run(main())
