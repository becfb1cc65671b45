"""The supervisor: the set of processes that shall run, and the effort to make it so.

What is desired comes in *groups* (the shared services, each controller), each applied as a whole as often as one likes.
The supervisor compares and acts: what is missing is started as soon as what it comes ``after`` is ready, what changed
is replaced, what is no longer wanted is stopped, what died is started again, ever more slowly. Processes outlive a
supervisor that is killed; the next one adopts them by their records, and ends what nobody wants any more in
:meth:`Supervisor.settle`.
"""

import asyncio
import contextlib
import logging
import os
import signal
import time
from collections.abc import Callable, Coroutine, Iterable
from pathlib import Path

from aloft.base.errors import Conflict, NotFound, TemporaryError
from aloft.supervise import backoff, logs, order
from aloft.supervise.cgroup import Cgroups, kill, members, merge
from aloft.supervise.process import Record, Records, Running
from aloft.supervise.reaper import Reaper, become_subreaper, take_lock
from aloft.supervise.spec import Limits, ProcessSpec, ProcessStatus
from aloft.supervise.unit import Clock, Health, SystemClock, Unit

_log = logging.getLogger(__name__)

_HOUSEKEEPING = 5.0
"""Seconds between two rounds of it."""

_LONGEST_TURN = 15.0
"""A process that has been starting for this long lets others go ahead. Seconds."""

_CLEARING_ROUNDS, _CLEARING_PAUSE = 200, 0.01
_LOG_LINES = 15


class ProcessNotReady(TemporaryError):
    """A process that was waited for is not ready.

    Args:
        status: the process, and why.
        log: its log file.
        tail: the last lines of that.
    """

    def __init__(self, status: ProcessStatus, log: Path, tail: list[str]) -> None:
        self.status = status
        self.log = log
        self.tail = tuple(tail)
        text = "\n".join(f"    {line}" for line in tail) or "    (it is empty)"
        why = f": {status.reason}" if status.reason else ""
        super().__init__(f"{status.name} is not ready, it is {status.state}{why}.\nThe end of {log}:\n{text}\n")


class Supervisor:
    """Keeps groups of processes running.

    Args:
        record_dir: folder for the records of running processes, below ``/run``; two supervisors never share one.
        cgroups: this supervisor's control groups.
        clock: where time comes from.
        policy: when to start again what died.
        health: how closely to watch what is ready.
        parallel: how many processes may be starting at a time, so that a whole node's start does not time out.
    """

    def __init__(
        self,
        record_dir: Path,
        cgroups: Cgroups,
        *,
        clock: Clock | None = None,
        policy: backoff.Policy | None = None,
        health: Health | None = None,
        parallel: int | None = None,
    ) -> None:
        self.cgroups = cgroups
        self.clock = clock or SystemClock()
        self.policy = policy or backoff.Policy()
        self.health = health or Health()
        self.records = Records(record_dir)
        self._parallel = parallel or max(16, 8 * (os.cpu_count() or 1))
        self._groups: dict[str, dict[str, ProcessSpec]] = {}
        self._units: dict[str, Unit] = {}
        self._found: dict[str, Record] = {}
        self._starting: dict[str, float] = {}
        self._queued: dict[str, None] = {}
        self._listeners: list[Callable[[ProcessStatus], None]] = []
        self._change = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._lock: int | None = None

    # What a node or an agent calls

    async def open(self) -> None:
        """Take charge: called by the first :meth:`apply` if nobody does before.

        Raises:
            Conflict: another supervisor is at work with the same records.
        """
        if self._lock is not None:
            return
        self._lock = await take_lock(self.records.folder / "lock")
        become_subreaper()
        self.cgroups.prepare_base()
        self._found = self.records.load()
        self._spawn(self._keep_house(), "housekeeping")

    async def apply(self, group: str, specs: Iterable[ProcessSpec]) -> None:
        """Make these the processes of a group; returns when they are on their way, not when they are ready.

        Raises:
            InvalidInput: a specification is wrong, or processes wait for each other in a circle; nothing was changed
            then. Conflict: another group has a process of that name; nothing was changed then.
        """
        wanted = order.by_name(specs)
        for other, theirs in self._groups.items():
            if other != group and (both := wanted.keys() & theirs.keys()):
                raise Conflict(f"The process {min(both)} belongs to the group {other}, not {group}.")
        order.layers({**self._desired(), **wanted})
        for name in {spec.cgroup for spec in wanted.values() if spec.cgroup}:
            others = [spec for spec in self._desired().values() if spec.name not in self._groups.get(group, {})]
            merge(spec.limits for spec in (*others, *wanted.values()) if spec.cgroup == name)
        await self.open()
        before = self._groups.get(group, {})
        self._groups[group] = wanted
        for spec in wanted.values():
            self._unit(spec.name).desire(spec)
        for name in {spec.cgroup for spec in wanted.values() if spec.cgroup}:
            self.cgroups.limit(name, self.limits(name))
        if gone := {name: spec for name, spec in before.items() if name not in wanted}:
            self._spawn(self._end(gone), f"end part of {group}")

    async def remove(self, group: str, within: float | None = None) -> None:
        """Stop all processes of a group, in the opposite order of their start; returns when they have ended.

        Args:
            group: its name.
            within: seconds after which each is killed, where that is sooner than its specification has it.
        """
        specs = self._groups.pop(group, {})
        for unit in (self._units[name] for name in specs if name in self._units):
            if within is not None:
                unit.hurry(within)
        await self._end(specs)

    async def restart(self, name: str) -> None:
        """Stop a process and start it again; returns when that is on its way.

        Raises:
            NotFound: there is no such process.
        """
        if not (unit := self._units.get(name)) or unit.spec is None:
            raise NotFound(f"There is no process {name}.", "aloft status lists them.")
        unit.restart("was restarted on request")

    async def wait_ready(self, names: Iterable[str], timeout: float) -> None:  # noqa: ASYNC109 - says who is late
        """Wait until all of these are ready.

        Args:
            names: processes that were applied.
            timeout: seconds.

        Raises:
            ProcessNotReady: one is in a crash loop, or not ready in time.
            NotFound: one is not, or no longer, among what was applied.
        """
        pending = set(names)
        end = self.clock.monotonic() + timeout
        while True:
            self._change.clear()
            for name in sorted(pending):
                if (unit := self._units.get(name)) is None or unit.spec is None:
                    raise NotFound(f"There is no process {name}.", "aloft status lists them.")
                if not unit.is_current():
                    continue
                if unit.status.state == "crash-loop":
                    raise self._not_ready(unit, unit.spec)
                if unit.status.state == "ready":
                    pending.discard(name)
            if not pending:
                return
            left = end - self.clock.monotonic()
            if left <= 0:
                worst = min(pending, key=self._blame)
                unit = self._units[worst]
                raise self._not_ready(unit, unit.spec or self._desired()[worst])
            await self.clock.wait(self._change, left)

    async def settle(self) -> None:
        """Stop every process that is recorded, or found in our control groups, but belongs to no group applied so far.

        A node calls this once it has applied all its groups.
        """
        await self.open()
        await self._end_strays(set(self._found))

    async def shutdown(self) -> None:
        """Stop everything in the opposite order of its start, except what is kept on shutdown, and let go."""
        await self.open()
        await self._end_strays({name for name, record in self._found.items() if not record.keep_on_shutdown})
        everything = {spec.name: spec for spec in self._desired().values() if not spec.keep_on_shutdown}
        self._groups = {
            group: {name: spec for name, spec in specs.items() if spec.keep_on_shutdown}
            for group, specs in self._groups.items()
        }
        await self._end(everything)
        await self.detach()
        self.cgroups.discard_base()

    async def detach(self) -> None:
        """Let go of everything and leave it running, for the next supervisor to adopt."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(unit.detach() for unit in self._units.values()))
        self._units.clear()
        self._groups.clear()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    @property
    def is_open(self) -> bool:
        """Whether it is in charge."""
        return self._lock is not None

    def status(self) -> list[ProcessStatus]:
        """All processes, by name."""
        return [unit.status for _, unit in sorted(self._units.items())]

    def specs(self) -> dict[str, ProcessSpec]:
        """What is desired at present, by name."""
        return self._desired()

    def pids(self, name: str) -> tuple[int, Path | None]:
        """Process id (0 while it does not run) and control group of a process, for those who measure it."""
        unit = self._units.get(name)
        if not unit or not unit.running:
            return 0, None
        group = unit.running.record.cgroup
        return unit.running.record.pid, Path(group) if group else None

    def subscribe(self, listener: Callable[[ProcessStatus], None]) -> Callable[[], None]:
        """Call ``listener`` on each change of state, in the event loop; call what is returned to end that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    # What units call

    def admit(self, spec: ProcessSpec) -> str:
        """Why a process may not start yet; an empty string if it may, and it is counted as starting then."""
        self._queued.pop(spec.name, None)
        for name in spec.after:
            unit = self._units.get(name)
            if unit is None:
                return f"waits for {name}, which nobody has asked for yet"
            if unit.status.state != "ready" or not unit.is_current():
                return f"waits for {name}, which is {'changing' if not unit.is_current() else unit.status.state}"
        now = self.clock.monotonic()
        self._starting = {name: since for name, since in self._starting.items() if now - since < _LONGEST_TURN}
        if len(self._starting) >= self._parallel:
            self._queued[spec.name] = None
            return f"waits for its turn: {len(self._starting)} other processes are starting"
        self._starting[spec.name] = now
        return ""

    def limits(self, group: str) -> Limits:
        """The limits of a control group, from all processes in it."""
        return merge(spec.limits for spec in self._desired().values() if spec.cgroup == group)

    def changed(self, unit: Unit) -> None:
        """Called after each change of a unit's status."""
        self._change.set()
        if unit.status.state != "starting" and self._starting.pop(unit.name, None) is not None:
            self._call_next()
        for other in self._units.values():
            if other.spec and unit.name in other.spec.after and other.status.state == "waiting":
                other.wake()
        for listener in list(self._listeners):
            try:
                listener(unit.status)
            except Exception:  # a listener's fault is not the supervision's
                _log.exception("A listener to process states failed")

    # Inside

    def _desired(self) -> dict[str, ProcessSpec]:
        return {name: spec for specs in self._groups.values() for name, spec in specs.items()}

    def _unit(self, name: str) -> Unit:
        if name not in self._units:
            unit = Unit(name, self, self._ended)
            self._units[name] = unit
            if record := self._found.pop(name, None):
                unit.adopt(Running.watch(record, unit.wake))
        return self._units[name]

    def _ended(self, unit: Unit) -> None:
        if self._units.get(unit.name) is unit:
            del self._units[unit.name]
        self._starting.pop(unit.name, None)
        self._queued.pop(unit.name, None)
        self._change.set()

    def _call_next(self) -> None:
        if self._queued and (unit := self._units.get(next(iter(self._queued)))):
            unit.wake()

    async def _keep_house(self) -> None:
        """Bury orphans as they die (and those that were missed, from time to time), and call who waits for a turn."""
        reaper, died = Reaper(), asyncio.Event()
        loop = asyncio.get_running_loop()
        with contextlib.suppress(ValueError, RuntimeError):  # only a main thread's loop hears signals
            loop.add_signal_handler(signal.SIGCHLD, died.set)
        try:
            while True:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_HOUSEKEEPING):
                        await died.wait()
                died.clear()
                reaper.round(time.monotonic())
                self._call_next()
        finally:
            with contextlib.suppress(ValueError, RuntimeError):
                loop.remove_signal_handler(signal.SIGCHLD)

    async def _end(self, specs: dict[str, ProcessSpec]) -> None:
        """Stop processes unless a group wants them again."""
        for layer in reversed(order.layers(specs)):
            units = [self._units[name] for name in layer if name in self._units and name not in self._desired()]
            await asyncio.gather(*(unit.end() for unit in units))
            for unit in units:
                if unit.name not in self._units and (leaf := self.cgroups.leaf(specs[unit.name])):
                    self.cgroups.discard(leaf)

    async def _end_strays(self, names: set[str]) -> None:
        await asyncio.gather(*(self._end_stray(self._found.pop(name)) for name in names))
        expected = {unit.running.record.cgroup for unit in self._units.values() if unit.running}
        expected |= {record.cgroup for record in self._found.values()}
        expected |= {str(self.cgroups.leaf(spec)) for spec in self._desired().values()}
        await asyncio.gather(*(self._clear(leaf) for leaf in self.cgroups.leaves() if str(leaf) not in expected))

    async def _end_stray(self, record: Record) -> None:
        exited = asyncio.Event()
        if running := Running.watch(record, exited.set):
            _log.warning("Stopping %s (process %d), which nobody wants any more", record.name, record.pid)
            await running.stop()
            await running.exit_status()
            running.release()
        if record.name not in self._units:
            self.records.remove(record.name)

    async def _clear(self, leaf: Path) -> None:
        if members(leaf):
            _log.warning("Ending the processes of %s, which nobody wants", leaf)
            kill(leaf)
        for _ in range(_CLEARING_ROUNDS):  # a process in uninterruptible sleep would keep us for ever
            if not members(leaf):
                break
            await asyncio.sleep(_CLEARING_PAUSE)
        self.cgroups.discard(leaf)

    def _blame(self, name: str) -> tuple[int, str]:
        """Who is in the way most: one that fails before one that starts before one that waits for others."""
        state = self._units[name].status.state
        ranks = {"crash-loop": 0, "backoff": 0, "unready": 1, "starting": 2}
        return ranks.get(state, 3), name

    def _not_ready(self, unit: Unit, spec: ProcessSpec) -> ProcessNotReady:
        return ProcessNotReady(unit.status, spec.log, logs.tail(spec.log, _LOG_LINES))

    def _spawn(self, work: Coroutine[None, None, None], name: str) -> None:
        task = asyncio.create_task(work, name=f"supervisor: {name}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
