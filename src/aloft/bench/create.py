"""How long a customer takes from the command to an OpenStack that answers, against the stock way."""

import time
from statistics import median

from aloft.bench import stock
from aloft.bench.report import Figure, Report, timed
from aloft.bench.running import Running, tidy
from aloft.controller.check import check
from aloft.controller.services import enabled

RUNS = 5
TARGET_SECONDS = 8.0
TARGET_SPEEDUP = 15.0


async def run(running: Running, runs: int) -> Report:
    """Create customers one after another, each from a warm slot, then one controller the stock way."""
    seconds = [await _create(running, number) for number in range(1, runs + 1)]
    running.tell("one controller the stock way; this takes minutes")
    async with stock.laid_out(running) as other:
        baseline = await other.start()
        spent = dict(other.spent)
    return Report(
        "create",
        (
            timed("ready_seconds", seconds, "s", baseline=baseline, target=TARGET_SECONDS),
            Figure("create_speedup", baseline / median(seconds), "times", 1.0, TARGET_SPEEDUP, "least"),
        ),
        details={"stock_seconds": spent},
        notes=("each run of Aloft begins with a warm slot; one run of the stock way",),
    )


async def _create(running: Running, number: int) -> float:
    """Seconds from the command to a token and a list call answered by each service."""
    name = f"bench-create-{number}"
    await running.wait_warm()
    try:
        began = time.monotonic()
        context = await running.create(name)
        await check(context, enabled(context.spec), running.authority, 60)
        seconds = time.monotonic() - began
        running.tell(f"{name} was ready after {seconds:.1f} s")
        return seconds
    finally:
        await tidy(running.delete(name), running.tell)
