"""How roles leave a host: what the agent put there goes, and a role is told to be gone only when all of it has.

What a role leaves behind is written down before the role is begun, and struck out once it is gone, so that it is found
again whatever happens in between. Open vSwitch and the link stay until the last role has gone by them.
"""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass

from aloft.base import files
from aloft.base.errors import AloftError, TemporaryError
from aloft.ground import machine, plan
from aloft.ground.layout import Layout
from aloft.ground.plan import RoleState
from aloft.ground.retries import Retries
from aloft.ground.roles.model import Farewell, Role, Trace
from aloft.ground.settings import Desired
from aloft.ground.store import Store
from aloft.supervise.supervisor import Supervisor

_log = logging.getLogger(__name__)

STEP = "Taking away what the agent put there"
_END_TIMEOUT = 60.0


@dataclass(frozen=True)
class Kept:
    """Why a role stays though the plane does not want it any more."""

    reason: str
    remedy: str


def kept(running: int | None) -> Kept | None:
    """Why a hypervisor stays one.

    Args:
        running: virtual machines that run on it; ``None`` when that is not known.
    """
    if running is None:
        return Kept(
            "The role cannot be taken away: libvirt does not answer, and virtual machines run on this host.",
            "See to libvirt (`virsh list` has to answer on the host), then move or delete the machines.",
        )
    if running:
        return Kept(
            f"The role cannot be taken away: {running} virtual machines run on this host.", "Move or delete them first."
        )
    return None


class Departure:
    """What the agent has to take away, and how far that is.

    Args:
        layout: where things lie.
        store: remembers what roles left behind.
        retries: of the host's steps.
        supervisor: who keeps the processes.
    """

    def __init__(self, layout: Layout, store: Store, retries: Retries, supervisor: Supervisor) -> None:
        self._layout = layout
        self._store = store
        self._retries = retries
        self._supervisor = supervisor

    def concerned(self, desired: Desired) -> list[str]:
        """The roles that a failure of something that all share is told of: those wanted, and those still there."""
        return list(dict.fromkeys((*desired.roles, *self._store.applied())))

    def unclear(self, desired: Desired, roles: Mapping[str, Role]) -> dict[str, Trace]:
        """Roles that the host has and shall keep, and that cannot be made out now."""
        applied = self._store.applied()
        return {name: applied[name] for name in desired.roles if name in applied and name not in roles}

    def leaving(self, desired: Desired, roles: Mapping[str, Role]) -> dict[str, Trace]:
        """Roles that the host has and shall not have any more."""
        staying = {*roles, *desired.roles}
        return {name: trace for name, trace in self._store.applied().items() if name not in staying}

    def note(self, roles: Mapping[str, Role]) -> None:
        """Write down what roles leave behind, before they are begun."""
        before = self._store.applied()
        now = {**before, **{name: role.trace for name, role in roles.items()}}
        if now != before:
            self._store.keep_applied(now)

    def note_units(self, role: Role, running: frozenset[str]) -> None:
        """Write down which systemd units of a role run, before it is begun."""
        before = self._store.found_units()
        now = {**{unit.name: unit.name in running for unit in role.units}, **before}
        if now != before:
            self._store.keep_found_units(now)

    async def ended(self) -> None:
        """Wait until processes that are no longer wanted have ended.

        Raises:
            TemporaryError: they do not.
        """
        change = asyncio.Event()
        unsubscribe = self._supervisor.subscribe(lambda _: change.set())
        try:
            async with asyncio.timeout(_END_TIMEOUT):
                while left := {status.name for status in self._supervisor.status()} - self._supervisor.specs().keys():
                    change.clear()
                    await asyncio.wait({asyncio.create_task(change.wait())}, timeout=0.5)
        except TimeoutError as error:
            names = ", ".join(sorted(name.removeprefix("agent/") for name in left))
            raise TemporaryError(f"{names} does not end.", "The agent tries again.") from error
        finally:
            unsubscribe()

    async def carry_out(
        self, leaving: Mapping[str, Trace], staying: Mapping[str, Trace], *, systemd: bool, keep_units: bool
    ) -> dict[str, RoleState]:
        """Say the farewells of roles whose processes were taken away.

        Args:
            leaving: those roles.
            staying: roles that stay; what is theirs too is left to them.
            systemd: whether there are units to give back.
            keep_units: leave units as they are: virtual machines stay that need them.

        Returns:
            What a person is to be told of each role of which something is left.
        """
        try:
            await self.ended()
        except AloftError as error:
            return {name: self._failed(name, STEP, error) for name in leaving}
        held = {item for trace in staying.values() for item in trace.farewells}
        told: dict[str, RoleState] = {}
        for name, trace in leaving.items():
            units = () if keep_units or not systemd else self._units(trace, staying)
            for farewell in (*trace.farewells, *units):
                if farewell not in held and (state := await self._say(name, farewell)):
                    told.setdefault(name, state)
        return told

    def forget(self, gone: Mapping[str, Trace]) -> None:
        """Strike out roles of which nothing is left."""
        applied = {name: trace for name, trace in self._store.applied().items() if name not in gone}
        self._store.keep_applied(applied)
        in_use = {unit for trace in applied.values() for unit in trace.units}
        found = self._store.found_units()
        self._store.keep_found_units({unit: ran for unit, ran in found.items() if unit in in_use})

    def leave_link(self) -> None:
        """Take away what the link left, and the logins that nobody uses any more."""
        hosts = self._layout.paths.root / "etc/hosts"
        before = hosts.read_text() if hosts.exists() else ""
        if plan.own_names(before):
            files.write(hosts, plan.merged_hosts(before, ()), mode=0o644)
        (self._layout.config / "link.cfg").unlink(missing_ok=True)
        self._store.forget_settings()

    def _units(self, trace: Trace, staying: Mapping[str, Trace]) -> list[Farewell]:
        """Have the units of a role run again, or not, as they did before it."""
        in_use = {unit for other in staying.values() for unit in other.units}
        found = self._store.found_units()
        return [
            Farewell((("/usr/bin/systemctl", "enable" if found[unit] else "disable", "--now", unit),))
            for unit in trace.units
            if unit in found and unit not in in_use
        ]

    async def _say(self, role: str, farewell: Farewell) -> RoleState | None:
        """Say one farewell; what the role is to be told to be when it fails."""
        step = f"{STEP} ({' '.join(farewell.either[0])})"
        if told := self._retries.waiting(role, step):
            return told
        try:
            await asyncio.to_thread(machine.attempt, farewell.either)
        except AloftError as error:
            return self._failed(role, step, error)
        self._retries.done(role, step)
        return None

    def _failed(self, role: str, step: str, error: AloftError) -> RoleState:
        _log.warning("%s: %s", role, error)
        return self._retries.failed(role, step, plan.problem(error, STEP))
