"""How a region's hosts come to other software: one at a time, and back to the former when it does not do. Pure.

What shall run is the region's release and the builds of the packages that this machine serves. A host on trial has new
software and has not been seen to be well with it. While one is on trial no other begins. One that fails, or is not well
in time, goes back, and the rollout halts until there is other software, or a person asks for another try.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from aloft.plane.reconcile.decisions import HostState

PATIENCE = timedelta(minutes=10)
"""How long a host may take to be well with new software."""

WELLNESS: Mapping[HostState, int] = {"ok": 0, "degraded": 1, "failed": 2}
"""The states in which a host may be tried with other software, the better ones first: that may be what cures it."""

Verb = Literal["begin", "settle", "revert"]


@dataclass(frozen=True)
class Software:
    """What a host runs: OpenStack's release, and the build of each package by its name."""

    release: str = ""
    packages: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class HostSoftware:
    """A host as far as its software is concerned, and as its record keeps it.

    Args:
        wanted: what shall run; what the host came with, at first.
        former: what ran before, while it is on trial.
        since: when the trial began.
        refused: what it came back from, and why.
        reason: why it came back.
        state: the state that it was in when the trial began.
    """

    wanted: Software
    former: Software | None = None
    since: datetime | None = None
    refused: Software | None = None
    reason: str = ""
    state: HostState = "ok"


@dataclass(frozen=True)
class HostSight:
    """A host in a rollout.

    Args:
        identity: its record.
        software: what was said of its software.
        state: the state that it is shown in.
        current: whether its last report is about the present desired state.
        running: builds of its packages by its own word; empty when it does not tell.
        roles: whether it has any.
        busy: whether somebody is doing something else with it.
        fault: what is wrong with it.
        refused: builds of its packages that it tried and took back by itself.
    """

    identity: str
    software: HostSoftware
    state: HostState
    current: bool = True
    running: Mapping[str, str] = field(default_factory=dict)
    roles: bool = True
    busy: bool = False
    fault: str = ""
    refused: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Step:
    """What is to be done with a host: ``begin``, ``settle`` or ``revert`` its trial."""

    verb: Verb
    identity: str
    reason: str = ""


def next_steps(target: Software, hosts: Sequence[HostSight], now: datetime) -> list[Step]:
    """The next steps of a region's rollout; none when all is done, halted, or to be waited for."""
    trials = [host for host in hosts if host.software.former is not None]
    if trials:
        return [step for host in trials if (step := _judge(host, now)) is not None]
    if halted(target, hosts) is not None:
        return []
    behind = [host for host in hosts if host.software.wanted != target and not _away(host)]
    order = sorted(behind, key=lambda host: (host.roles, WELLNESS.get(host.state, 0), host.identity))
    return [Step("begin", host.identity) for host in order[:1]]


def why_waiting(target: Software, host: HostSight, hosts: Sequence[HostSight]) -> str:
    """Why a host whose software is not what it shall be is not on trial; empty when its turn is next."""
    if away := _away(host):
        return away
    if any(other.software.former is not None for other in hosts):
        return "another host is on trial"
    return "the rollout has halted" if halted(target, hosts) is not None else ""


def _away(host: HostSight) -> str:
    """Why a host cannot begin a trial now, whatever others do; empty when it can."""
    if host.busy:
        return "something else is being done with it"
    return f"it is {host.state}" if host.roles and host.state not in WELLNESS else ""


def halted(target: Software, hosts: Sequence[HostSight]) -> HostSight | None:
    """The host that came back from this software, for which the rollout has halted."""
    return next((host for host in hosts if host.software.refused == target), None)


def begun(before: HostSoftware, target: Software, now: datetime, state: HostState) -> HostSoftware:
    """A host on trial with other software, which was in this state before."""
    return HostSoftware(target, before.wanted, now, state=state)


def settled(before: HostSoftware) -> HostSoftware:
    """A host that is well with its new software."""
    return HostSoftware(before.wanted)


def reverted(before: HostSoftware, reason: str) -> HostSoftware:
    """A host that goes back to what it had."""
    return HostSoftware(before.former or before.wanted, refused=before.wanted, reason=reason)


def forgiven(before: HostSoftware) -> HostSoftware:
    """A host that may be tried again with what it came back from."""
    return HostSoftware(before.wanted, before.former, before.since, state=before.state)


def _judge(host: HostSight, now: datetime) -> Step | None:
    """What comes of a trial."""
    wanted = host.software.wanted
    arrived = all(host.running.get(name) in (None, build) for name, build in wanted.packages.items() if build)
    least = WELLNESS.get(host.software.state, 0)
    if host.current and arrived and (not host.roles or WELLNESS.get(host.state, len(WELLNESS)) <= least):
        return Step("settle", host.identity)
    if any(build and host.refused.get(name) == build for name, build in wanted.packages.items()):
        return Step("revert", host.identity, "its new agent did not start, or did not reach the provider")
    if host.current and host.state == "failed" and host.software.state != "failed":
        return Step("revert", host.identity, host.fault or "a role failed")
    if now - (host.software.since or now) > PATIENCE:
        why = host.fault or ("it is missing" if host.state == "missing" else "it did not become well")
        return Step("revert", host.identity, f"{why} within {PATIENCE.total_seconds() / 60:.0f} minutes")
    return None


def stored(software: HostSoftware) -> dict[str, Any]:
    """The form that a host's record keeps."""
    wanted = software.wanted
    told: dict[str, Any] = {
        "reason": software.reason,
        "state": software.state,
        "release": wanted.release,
        "packages": dict(wanted.packages),
    }
    for name, one in (("former", software.former), ("refused", software.refused)):
        told[name] = asdict(one) if one is not None else None
    told["since"] = software.since.isoformat() if software.since else None
    return told


def restored(told: Mapping[str, Any]) -> HostSoftware:
    """What :func:`stored` wrote."""
    since = told.get("since")
    return HostSoftware(
        _software(told),
        _software(told["former"]) if told.get("former") else None,
        datetime.fromisoformat(since) if since else None,
        _software(told["refused"]) if told.get("refused") else None,
        str(told.get("reason", "")),
        told.get("state", "ok"),
    )


def _software(told: Mapping[str, Any]) -> Software:
    return Software(str(told["release"]), dict(told["packages"]))
