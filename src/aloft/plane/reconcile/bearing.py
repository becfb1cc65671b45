"""How a host's state is shown, given what is seen of it: steady, so that a person can believe it. Pure.

What is seen changes with every report; what is shown changes when it matters. A fall from ``ok`` without a change of
what is wanted is shown once it has lasted, but for failure, which the agent tells only after some tries; the way back
to ``ok`` is shown at once the first time, and the later the more often the host has fallen lately. Everything else is
shown at once.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from aloft.plane.reconcile.decisions import HostState

FALL_SECONDS = 10.0
"""How long a host must be less than well before that is shown."""

RISE_SECONDS = 10.0
"""How long a host must be well again before that is shown, when it has fallen before; doubled with each fall."""

LONGEST_RISE = 160.0
FALLS = ("degraded", "converging", "failed")
MEMORY = timedelta(minutes=10)
"""How long a fall is remembered."""

MOST_FALLS = 6


@dataclass(frozen=True)
class Bearing:
    """A host's state as it is shown.

    Args:
        state: the state.
        since: when the host came into it; for ``missing`` when it was last heard of.
        generation: generation of the desired state that the state is about.
        other: what is seen instead, not shown yet; empty when the same is seen as shown.
        other_since: since when.
        falls: when the host fell from ``ok`` lately.
    """

    state: HostState = "pending"
    since: datetime | None = None
    generation: int = 0
    other: str = ""
    other_since: datetime | None = None
    falls: tuple[datetime, ...] = ()


def steady(before: Bearing, seen: HostState, since: datetime, generation: int, now: datetime) -> Bearing:
    """What is shown now.

    Args:
        before: what was shown.
        seen: the state by what is known now.
        since: since when it is so, as far as that is known (the last report, for a host that is missing).
        generation: of the desired state.
        now: the present.
    """
    falls = tuple(fall for fall in before.falls if now - fall < MEMORY)
    if seen == before.state:
        return replace(before, generation=generation, other="", other_since=None, falls=falls)
    begun = before.other_since if before.other == seen and before.other_since is not None else now
    if _delay(before, seen, generation, falls) > (now - begun).total_seconds():
        return replace(before, other=seen, other_since=begun, falls=falls)
    if before.state == "ok" and seen in FALLS and generation == before.generation:
        falls = (*falls, now)[-MOST_FALLS:]
    return Bearing(seen, since, generation, falls=falls)


def _delay(before: Bearing, seen: HostState, generation: int, falls: tuple[datetime, ...]) -> float:
    """Seconds that something else must have been seen before it is shown."""
    if generation != before.generation:
        return 0.0
    if before.state == "ok" and seen in ("degraded", "converging"):
        return FALL_SECONDS
    if seen == "ok" and len(falls) > 1:
        return min(RISE_SECONDS * 2.0 ** (len(falls) - 2), LONGEST_RISE)
    return 0.0


def stored(bearing: Bearing) -> dict[str, Any]:
    """The form that is kept in a record, without the state itself."""
    told = asdict(bearing)
    del told["state"]
    told["falls"] = [fall.isoformat() for fall in bearing.falls]
    for name in ("since", "other_since"):
        told[name] = told[name].isoformat() if told[name] else None
    return told


def restored(state: HostState, told: Mapping[str, Any]) -> Bearing:
    """What :func:`stored` wrote."""
    return Bearing(
        state,
        _time(told.get("since")),
        int(told.get("generation", 0)),
        str(told.get("other", "")),
        _time(told.get("other_since")),
        tuple(datetime.fromisoformat(fall) for fall in told.get("falls", ())),
    )


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
