"""Carries out named steps one after another: says which one runs, how long each took, and which one failed and why."""

import contextlib
import fcntl
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TextIO

from rich.console import Console

from aloft.base import files
from aloft.base.errors import AloftError, Conflict, PermanentError


@dataclass(frozen=True)
class Step:
    """One step.

    Args:
        name: what it does, as an imperative: ``Install packages``.
        run: does it, or finds that it is done; returns a few words about the outcome. It must be safe to run again.
    """

    name: str
    run: Callable[[], str]


def together(*steps: Step) -> Callable[[], str]:
    """What does several steps at once: it ends when all have, and fails with the first of them that failed."""

    def run() -> str:
        with ThreadPoolExecutor(len(steps)) as pool:
            outcomes = [(step.name, pool.submit(step.run)) for step in steps]
        return "; ".join(f"{name}: {outcome.result()}" for name, outcome in outcomes)

    return run


class StepFailed(AloftError):
    """A step failed; the message names it, and the remedy says how to go on."""


class Display(Protocol):
    """Where progress is shown."""

    def begin(self, name: str) -> None:
        """A step begins."""

    def end(self, name: str, seconds: float, outcome: str, failed: bool = False) -> None:
        """A step has ended after ``seconds``."""


class Plain:
    """One line for each step that ended, for logs and pipes."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def begin(self, name: str) -> None:
        """Nothing is shown until the step has ended."""

    def end(self, name: str, seconds: float, outcome: str, failed: bool = False) -> None:
        """Print the line."""
        mark = "FAILED" if failed else "ok"
        print(f"{mark:<6} {seconds:6.1f} s  {name}{f': {outcome}' if outcome else ''}", file=self._stream, flush=True)


class Lively:
    """A spinner while a step runs, and a line when it has ended, for a terminal."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._status = console.status("")

    def begin(self, name: str) -> None:
        """Show the spinner."""
        self._status.update(f"{name} …")
        self._status.start()

    def end(self, name: str, seconds: float, outcome: str, failed: bool = False) -> None:
        """Replace the spinner by the line."""
        self._status.stop()
        mark = "[red]✗[/red]" if failed else "[green]✓[/green]"
        self._console.print(f"{mark} {name} [dim]{seconds:.1f} s[/dim]", highlight=False, end="")
        self._console.print(f"  {outcome}" if outcome else "", style="dim", highlight=False, markup=False)


def display() -> Display:
    """What suits the terminal or the lack of one."""
    return Lively(Console()) if sys.stdout.isatty() else Plain(sys.stdout)


def carry_out(steps: Sequence[Step], show: Display, log: Path, clock: Callable[[], float] = time.monotonic) -> None:
    """Run the steps in order, and stop at the first that fails.

    Args:
        steps: what to do.
        show: where progress is shown.
        log: file that gets a line for each begin and end.
        clock: seconds, to measure with.

    Raises:
        StepFailed: a step failed; the steps before it are done and stay done.
    """
    for step in steps:
        show.begin(step.name)
        note(log, f"step: {step.name}")
        start = clock()
        try:
            outcome = step.run()
        except (AloftError, OSError) as error:
            show.end(step.name, clock() - start, "", failed=True)
            note(log, f"failed: {step.name}: {error}")
            known = error if isinstance(error, AloftError) else PermanentError(f"{error.strerror or error}.")
            remedy = f"{known.remedy} The log is {log}; the same command goes on from this step.".strip()
            raise StepFailed(f"The step “{step.name}” failed. {known.message}", remedy) from error
        except BaseException:
            show.end(step.name, clock() - start, "", failed=True)
            raise
        show.end(step.name, clock() - start, outcome)
        note(log, f"done: {step.name}: {outcome} ({clock() - start:.1f} s)")


def note(log: Path, line: str) -> None:
    """Append a line with the time to the log."""
    with files.journal(log) as journal:
        journal.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {line}\n")


@contextlib.contextmanager
def only_one(lock: Path, what: str) -> Iterator[None]:
    """Hold a lock while this machine is changed; the kernel lets go of it when the process dies.

    Raises:
        Conflict: another process holds it.
    """
    lock.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(handle, 200).decode(errors="replace").strip() or "another command"
            raise Conflict(f"{holder} is changing this machine.", "Wait until it has ended.") from None
        os.ftruncate(handle, 0)
        os.write(handle, f"`aloft {what}` (process {os.getpid()})".encode())
        yield
    finally:
        os.close(handle)
