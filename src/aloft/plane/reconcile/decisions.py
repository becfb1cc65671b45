"""What to do next about a region or a host, given what is wanted and what is seen. Pure.

A region whose controller never became ready is torn down when its making fails, so that nothing half made stays; the
record remains and shows why, until somebody creates the region again or deletes it. A region that was ready once is
never torn down and never made anew by the plane itself: what is missing then is data, and a person has to decide.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

Wanted = Literal["present", "torn-down", "removed"]
RegionStep = Literal["put", "follow", "delete", "settle", "give-up", "lost", "gone"]
HostState = Literal["pending", "converging", "ok", "degraded", "failed", "missing"]

ROLE_STATES_FAILED = frozenset({"failed"})
ROLE_STATES_DEGRADED = frozenset({"degraded"})
ROLE_STATES_OK = frozenset({"ok"})


@dataclass(frozen=True)
class RegionSight:
    """A region as far as the next step depends on it.

    Args:
        wanted: what the record wants.
        generation: the specification's generation.
        pushed: the generation that the node was last given.
        was_ready: whether its controller was ready at any time.
        phase: the controller's phase on the node; ``None`` when the node has none.
        awaited: whether an operation waits for it.
        stalled: whether that operation has stood still for too long.
    """

    wanted: str
    generation: int
    pushed: int
    was_ready: bool
    phase: str | None
    awaited: bool = False
    stalled: bool = False


def region_step(sight: RegionSight) -> RegionStep:
    """The next step.

    ``put`` gives the node the specification, ``follow`` waits for it, ``delete`` has the controller torn down,
    ``settle`` takes over the phase that it has come to rest in, ``give-up`` ends a making that failed, ``lost`` notes
    that a controller that was ready has vanished, ``gone`` notes that it is torn down as wanted.
    """
    if sight.wanted != "present":
        return _step_to_absence(sight)
    if sight.phase is None and sight.was_ready:
        return "lost"
    if sight.stalled and not sight.was_ready:
        return "give-up"
    if sight.phase is None:
        return "put"
    if sight.phase == "deleting":
        return "follow"
    if sight.pushed < sight.generation:
        return "put"
    if sight.phase == "failed" and not sight.was_ready:
        return "give-up"
    at_rest = sight.phase in ("ready", "failed") or (sight.phase == "degraded" and not sight.awaited)
    return "settle" if at_rest or sight.stalled else "follow"


def _step_to_absence(sight: RegionSight) -> RegionStep:
    if sight.phase is None:
        return "gone"
    return "follow" if sight.phase == "deleting" else "delete"


@dataclass(frozen=True)
class HostSight:
    """A host as far as its state depends on it.

    Args:
        roles: what it is authorised to do.
        generation: generation of its desired state.
        reported_generation: the generation that its last report is about.
        role_states: state of each role by that report.
        reported_at: when it reported last.
    """

    roles: tuple[str, ...]
    generation: int
    reported_generation: int
    role_states: Mapping[str, str]
    reported_at: datetime | None


def host_state(sight: HostSight, now: datetime, missing_after: float) -> HostState:
    """The state that a host is in.

    Args:
        sight: the host.
        now: the present.
        missing_after: seconds of silence after which it is missing.
    """
    if sight.reported_at is None:
        return "pending"
    if now - sight.reported_at > timedelta(seconds=missing_after):
        return "missing"
    if not sight.roles:
        return "pending"
    if sight.reported_generation < sight.generation:
        return "converging"
    states = {sight.role_states.get(role, "converging") for role in sight.roles}
    if states & ROLE_STATES_FAILED:
        return "failed"
    if states & ROLE_STATES_DEGRADED:
        return "degraded"
    return "ok" if states <= ROLE_STATES_OK else "converging"


MORE_PATIENCE = 12
"""How many times longer an operation on a host that speaks may stand still: a large disk moves, packages install."""


def host_stalled(silent: bool, standing: timedelta, patience: float) -> bool:
    """Whether an operation on a host has stood still for too long.

    Args:
        silent: whether the host is missing, or was never heard of.
        standing: for how long nothing has changed.
        patience: with a silent host, in seconds.
    """
    return standing > timedelta(seconds=patience if silent else patience * MORE_PATIENCE)


def role_states(report: Mapping[str, Any]) -> dict[str, str]:
    """The state of each role in a host's report (``{role: {"state": …}}``)."""
    return {role: str(told.get("state", "converging")) for role, told in report.items() if isinstance(told, Mapping)}
