"""The journal of one operation: its states, its steps and how they may change.

Pure: every function takes a journal and returns another. An operation goes ``queued`` → ``running`` → one of
``succeeded``, ``failed``, ``cancelled``; what has ended never changes again. Each change raises ``revision`` by one, so
that a watcher who knows revision N can ask for what came after it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from aloft.base.errors import AloftError

OperationState = Literal["queued", "running", "succeeded", "failed", "cancelled"]
StepState = Literal["pending", "running", "done", "failed"]

OPEN_STATES: tuple[OperationState, ...] = ("queued", "running")
ALMOST_DONE = 0.99
"""The most progress that an operation shows before it has ended well."""

ENDED_STATES: tuple[OperationState, ...] = ("succeeded", "failed", "cancelled")


class IllegalTransition(AloftError):
    """An operation was asked to change in a way that its state does not allow; a defect in the plane."""


@dataclass(frozen=True)
class Step:
    """One named step of an operation."""

    name: str
    state: StepState = "pending"
    started: datetime | None = None
    ended: datetime | None = None
    detail: str = ""


@dataclass(frozen=True)
class Failure:
    """Why an operation failed, for a person."""

    code: str
    message: str
    remedy: str = ""


@dataclass(frozen=True)
class Journal:
    """The state of an operation.

    Args:
        state: where it stands.
        steps: in the order in which they happen.
        progress: 0 to 1; never goes back.
        error: set when it failed, or when it was cancelled with a reason.
        started: when the first step was taken.
        ended: when it ended.
        revision: raised by every change.
        expected: how many steps there will be at least, as far as that is known; steps show up one after another.
    """

    state: OperationState = "queued"
    steps: tuple[Step, ...] = ()
    progress: float = 0.0
    error: Failure | None = None
    started: datetime | None = None
    ended: datetime | None = None
    revision: int = 0
    expected: int = 0

    @property
    def open(self) -> bool:
        """Whether it has not ended yet."""
        return self.state in OPEN_STATES


def start(journal: Journal, now: datetime) -> Journal:
    """Begin, or go on after a crash: a running operation stays as it is."""
    _must_be_open(journal, "started")
    if journal.state == "running":
        return journal
    return replace(journal, state="running", started=now, revision=journal.revision + 1)


def with_steps(journal: Journal, steps: Sequence[Step]) -> Journal:
    """Show these steps from now on; the same journal when nothing changed."""
    _must_be_open(journal, "given steps")
    steps = tuple(steps)
    progress = max(journal.progress, _share_done(steps, journal.expected))
    if steps == journal.steps and progress == journal.progress:
        return journal
    return replace(journal, steps=steps, progress=progress, revision=journal.revision + 1)


def with_step(journal: Journal, step: Step) -> Journal:
    """Show this step in the place of the one of the same name, or as the last."""
    known = [old.name for old in journal.steps]
    if step.name not in known:
        return with_steps(journal, (*journal.steps, step))
    return with_steps(journal, [step if old.name == step.name else old for old in journal.steps])


def succeed(journal: Journal, now: datetime) -> Journal:
    """End well: every step that was open is done."""
    _must_be_open(journal, "ended")
    steps = tuple(replace(s, state="done", ended=s.ended or now) if s.state != "done" else s for s in journal.steps)
    return _end(replace(journal, steps=steps, progress=1.0), "succeeded", now)


def fail(journal: Journal, failure: Failure, now: datetime) -> Journal:
    """End in failure: the step that ran has failed."""
    _must_be_open(journal, "ended")
    return _end(replace(journal, steps=_stopped(journal.steps, now), error=failure), "failed", now)


def cancel(journal: Journal, reason: str, now: datetime) -> Journal:
    """End because someone asked for it."""
    _must_be_open(journal, "cancelled")
    failure = Failure("cancelled", reason)
    return _end(replace(journal, steps=_stopped(journal.steps, now), error=failure), "cancelled", now)


def _end(journal: Journal, state: OperationState, now: datetime) -> Journal:
    started = journal.started or now
    return replace(journal, state=state, started=started, ended=now, revision=journal.revision + 1)


def _stopped(steps: Sequence[Step], now: datetime) -> tuple[Step, ...]:
    return tuple(replace(s, state="failed", ended=now) if s.state == "running" else s for s in steps)


def _share_done(steps: Sequence[Step], expected: int) -> float:
    """The share that is done; all of it only when the operation has ended."""
    done, of = sum(step.state == "done" for step in steps), max(len(steps), expected)
    return min(done / of, ALMOST_DONE) if of else 0.0


def _must_be_open(journal: Journal, what: str) -> None:
    if not journal.open:
        raise IllegalTransition(f"An operation that has {journal.state} cannot be {what}.")
