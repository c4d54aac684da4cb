"""Paper trading: gateway, simulated venue and orchestrator as real processes, in lock-step.

.venv/bin/python demo_paper_trading.py
"""

import asyncio
import tempfile
from pathlib import Path

from ats.parity import compare_with_backtest
from ats.replay_data import DataChoice
from ats.system import RunningSystem, SystemOptions, prepare
from trading_models.base import SystemClock
from trading_models.config_manager import load_settings


async def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        options = SystemOptions(DataChoice("sample", steps=1200), "demo-script")
        prepared = prepare(options, load_settings(), Path(folder), SystemClock().now())
        system = RunningSystem(prepared, print)
        try:
            await system.start()
            print(f"processes: {system.pids}, dashboard {system.url}")
            summary = await system.until_ended(lambda _progress: None)
        finally:
            await system.stop()
        for name, value in summary.items():
            print(f"{name:>18}  {value}")
        proof = compare_with_backtest(prepared.directory.path)
        print(f"equal to the backtest: {proof['equal']} ({proof['fills']} fills)")


if __name__ == "__main__":
    asyncio.run(main())
