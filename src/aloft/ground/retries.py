"""How often a step of a role was tried, and when it is tried again. Pure but for the clock it is given."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from aloft.ground.plan import RoleState
from aloft.supervise.backoff import History, Policy

POLICY = Policy(first=3.0, factor=2.0, cap=120.0)
"""Pauses between the tries of a step, seconds."""

BOUND = 10
"""After so many tries, some nine minutes, a step counts as failed. It is still tried: what it waits for may come."""


_AGAIN = f"It is tried again within {POLICY.cap / 60:.0f} minutes, or at once: aloft host retry."


@dataclass(frozen=True)
class Failure:
    """A step that failed.

    Args:
        history: of its tries.
        due: when it is tried again, on the monotonic clock.
        state: what its role is told to be until then.
    """

    history: History
    due: float
    state: RoleState


class Retries:
    """The steps that failed, by role and text.

    Args:
        clock: seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures: dict[tuple[str, str], Failure] = {}

    def waiting(self, role: str, step: str) -> RoleState | None:
        """What a role is told to be while the step is not tried again yet; ``None`` when it may be tried."""
        known = self._failures.get((role, step))
        return known.state if known and self._clock() < known.due else None

    def failed(self, role: str, step: str, state: RoleState) -> RoleState:
        """Count a failure; returns what the role is told to be: ``failed`` from the bound on, with the count."""
        now = self._clock()
        known = self._failures.get((role, step))
        history = (known.history if known else History()).died(now, 0.0, POLICY)
        told = state
        if history.count >= BOUND:
            told = replace(
                state,
                state="failed",
                reason=f"{state.reason} It was tried {BOUND} times or more.",
                remedy=f"{state.remedy} {_AGAIN}".strip(),
            )
        self._failures[role, step] = Failure(history, now + history.delay(POLICY), told)
        return told

    def done(self, role: str, step: str) -> None:
        """Forget the failures of a step that succeeded."""
        self._failures.pop((role, step), None)

    def forget(self) -> None:
        """Try everything anew: something else is wanted, or a person asked for it."""
        self._failures.clear()

    def next(self) -> float | None:
        """Seconds until the next step may be tried; ``None`` when none waits."""
        now = self._clock()
        return min((failure.due - now for failure in self._failures.values() if failure.due > now), default=None)
