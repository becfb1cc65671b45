"""Runs a benchmark: one at a time, on an Aloft that is up, leaving nothing behind."""

import asyncio
import fcntl
import importlib
import signal
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from aloft.base.errors import Conflict, InvalidInput
from aloft.base.paths import Paths
from aloft.bench import BENCHES
from aloft.bench.report import Report, machine
from aloft.bench.running import Running, Tell, tidy


def measure(name: str, runs: int | None, paths: Paths, tell: Tell) -> tuple[Report, dict[str, Any]]:
    """Run a benchmark; returns what it found out, and the machine.

    Args:
        name: which one.
        runs: how often it repeats what it measures; its own number when left out.
        paths: where Aloft lies.
        tell: takes a line about what is being done.

    Raises:
        InvalidInput: there is no such benchmark, or the caller is not root.
        Conflict: Aloft is not up, or a benchmark runs already.
    """
    if name not in BENCHES:
        raise InvalidInput(f"There is no benchmark '{name}'.", f"There are: {', '.join(BENCHES)}.")
    bench = importlib.import_module(f"aloft.bench.{name}")

    async def work() -> tuple[Report, dict[str, Any]]:
        running = await Running.find(paths, tell)
        with _alone(paths.run / "bench.lock"):
            await running.sweep()
            about = machine(running.release)
            try:
                return await bench.run(running, runs or bench.RUNS), about
            finally:
                await tidy(running.sweep(), tell)

    return asyncio.run(_stoppable(work()))


async def _stoppable(work: Coroutine[Any, Any, tuple[Report, dict[str, Any]]]) -> tuple[Report, dict[str, Any]]:
    """Let SIGTERM end the work as an interrupt from the keyboard does: with all its cleaning up."""
    task = asyncio.ensure_future(work)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    try:
        return await task
    except asyncio.CancelledError as error:
        raise KeyboardInterrupt from error


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    with lock.open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Conflict("A benchmark is running already.", "Wait until it has ended.") from error
        yield
