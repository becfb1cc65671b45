"""The life of one supervised process.

One task per process looks at the facts (what is desired, what runs, what the clock says), takes the next step, and
sleeps until something happens or it is time to look again. Nothing is remembered about *how* a state was reached, so a
change of mind in the middle of anything is just another look.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from aloft.base.errors import AloftError, InvalidInput
from aloft.supervise import backoff, logs, probe
from aloft.supervise.cgroup import Cgroups, kill, members
from aloft.supervise.child import CANNOT_START
from aloft.supervise.listeners import Listeners
from aloft.supervise.process import (
    Record,
    Records,
    Running,
    ZygoteUnavailable,
    ask_exit_status,
    describe_exit,
    launch,
    request_for,
)
from aloft.supervise.spec import Limits, ProcessSpec, ProcessState, ProcessStatus

_log = logging.getLogger(__name__)

_ZYGOTE_RETRY_CAP = 1.0
_PATIENCE = 30.0
"""Seconds that connections wait for a process that has ended and is not started again; then they are refused."""

_BRIEF = 0.1
"""Seconds that a process without a probe has to live to be called ready."""


class Clock(Protocol):
    """Where time comes from; tests bring their own."""

    def time(self) -> float:
        """Unix time, seconds."""

    def monotonic(self) -> float:
        """Seconds that never go back."""

    async def wait(self, event: asyncio.Event, seconds: float | None) -> None:
        """Return when the event is set or the time has passed."""


class SystemClock:
    """The machine's clock."""

    def time(self) -> float:
        """Unix time, seconds."""
        return time.time()

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return time.monotonic()

    async def wait(self, event: asyncio.Event, seconds: float | None) -> None:
        """Return when the event is set or the time has passed."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await event.wait()


@dataclass(frozen=True)
class Health:
    """How closely processes are watched once they are ready. Times in seconds.

    Args:
        interval: between two probes.
        command_interval: between two probes that start a command, which cost more.
        failures: this many failures in a row make a process ``unready``.
        unready_limit: unready for this long, a process is started anew.
    """

    interval: float = 10.0
    command_interval: float = 30.0
    failures: int = 3
    unready_limit: float = 60.0


class Surroundings(Protocol):
    """What a unit needs of its supervisor."""

    records: Records
    cgroups: Cgroups
    clock: Clock
    policy: backoff.Policy
    health: Health

    def admit(self, spec: ProcessSpec) -> str:
        """Why a process may not start yet; an empty string if it may, and it is counted as starting then."""

    def limits(self, group: str) -> Limits:
        """The limits of a control group, from all processes in it."""

    def changed(self, unit: "Unit") -> None:
        """Called after each change of a unit's status."""


class Unit:
    """One process: what is desired of it, and what it is.

    Args:
        name: the process's name.
        around: the supervisor.
        running: the process, if it runs already.
        on_end: called when the unit is no longer desired and has ended.
    """

    def __init__(self, name: str, around: Surroundings, on_end: Callable[["Unit"], None]) -> None:
        self.name = name
        self.spec: ProcessSpec | None = None
        self.running: Running | None = None
        self.restarts = 0
        self._around = around
        self._on_end = on_end
        self._wake = asyncio.Event()
        self._probing: asyncio.Timeout | None = None
        self._task: asyncio.Task[None] | None = None
        self._history = backoff.History()
        self._ended = False
        self._turned = asyncio.Event()
        self._wanted = ""
        self._fingerprint = ""
        self._restart = ""
        self._not_before = 0.0
        self._zygote_retry = 0.05
        self._started = 0.0
        self._ready_since: float | None = None
        self._failures = 0
        self._unready_since: float | None = None
        self._next_probe = 0.0
        self._last_reason = ""
        self._listeners = Listeners(around.records.folder)
        self._letting_go: asyncio.TimerHandle | None = None
        self.status = ProcessStatus(name, "waiting", since=around.clock.time())

    # What the supervisor asks for

    def adopt(self, running: Running | None) -> None:
        """Take over a process that runs."""
        self.running = running
        if running:
            self._fingerprint = running.record.fingerprint
            self._started = self._around.clock.monotonic()

    def desire(self, spec: ProcessSpec | None) -> None:
        """Change what is desired; ``None`` for that it should not be."""
        if spec is None:
            self._turned.clear()
        else:
            self._turned.set()
            if (wanted := spec.fingerprint()) != self._wanted:
                self._wanted = wanted
                self._history, self._not_before = backoff.History(), 0.0
            if self.running:
                self._keep_record_true(spec, self.running)
                if wanted == self._fingerprint and spec.listen and not self._listeners.held:
                    self._listeners.recover(self.running.pidfd, spec.listen)
        self.spec = spec
        self.wake()

    async def end(self) -> None:
        """Stop it; returns when it has ended, or when somebody wants it again."""
        self.desire(None)
        await self._turned.wait()

    def hurry(self, seconds: float) -> None:
        """Let the present process have no longer than this to end once it is stopped."""
        if self.running:
            record = self.running.record
            self.running.record = replace(record, stop_timeout=min(seconds, record.stop_timeout))

    def is_current(self) -> bool:
        """Whether the status tells of what is desired now, not of what was desired before."""
        return not self._restart and self._fingerprint == self._wanted

    def restart(self, reason: str) -> None:
        """Stop and start once."""
        self._restart = reason
        self._history, self._not_before = backoff.History(), 0.0
        self.wake()

    def wake(self) -> None:
        """Look at the facts again, now."""
        self._wake.set()
        if self._probing and not self._probing.expired():
            self._probing.reschedule(asyncio.get_running_loop().time())
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._live(), name=f"supervise {self.name}")

    async def detach(self) -> None:
        """Stop watching, and leave the process alone."""
        if self._task:
            self._task.cancel()
            await asyncio.wait({self._task})
        if self.running:
            self.running.release()
        self._let_go()

    def _keep_record_true(self, spec: ProcessSpec, running: Running) -> None:
        """How to stop is no part of the fingerprint, and may change while the process runs."""
        record = replace(
            running.record,
            stop_signal=spec.stop_signal,
            stop_timeout=spec.stop_timeout,
            keep_on_shutdown=spec.keep_on_shutdown,
        )
        if record != running.record:
            running.record = record
            self._around.records.write(record)

    # Its life

    async def _live(self) -> None:
        while not self._ended:
            self._wake.clear()
            try:
                pause = await self._step()
            except Exception as error:  # one process's trouble must not end the supervision of it, or of others
                _log.exception("Supervision of %s failed", self.name)
                self._died(f"could not be supervised: {error}")
                pause = self._around.policy.cap
            if pause == 0:
                await asyncio.sleep(0)
            else:
                await self._around.clock.wait(self._wake, pause)

    async def _step(self) -> float | None:
        """Take one step; seconds until the next look, ``None`` for until something happens."""
        if self.running and self.running.exited.is_set():
            return await self._bury(self.running)
        if self.running and (reason := self._reason_to_stop()):
            return await self._stop(self.running, reason)
        if self.spec is None:
            self._let_go()
            self._set("stopped")
            self._ended = True
            self._on_end(self)
            self._turned.set()
            return 0.0
        if self.running is None:
            return await self._start(self.spec)
        return await self._look_after(self.spec, self.running)

    def _reason_to_stop(self) -> str:
        if self.spec is None:
            return "no longer wanted"
        if self._wanted != self._fingerprint:
            return "its specification changed"
        return self._restart

    async def _stop(self, running: Running, reason: str) -> float:
        self._set("stopping", reason)
        await running.stop()
        if not running.exited.is_set():
            self._set("stopping", "it was killed and does not end (uninterruptible sleep)")
            return 5.0
        await running.exit_status()
        self._forget(running)
        if self.spec is not None:
            self.restarts += 1
            self._last_reason = reason
        return 0.0

    async def _bury(self, running: Running) -> float:
        asked = self._restart
        running.kill_rest()
        status = await running.exit_status()
        self._forget(running)
        if self.spec is not None and not asked:
            self._died(self._how(status))
        return 0.0

    def _how(self, status: int | None) -> str:
        """How it ended, with what it said last where it could not even become what it should."""
        detail = logs.tail(self.spec.log, 1) if self.spec is not None and status == CANNOT_START else []
        return ": ".join([describe_exit(status), *detail])

    def _forget(self, running: Running) -> None:
        running.release()
        self.running, self._restart = None, ""
        self._around.records.remove(self.name)
        if self._listeners.held and self._letting_go is None:
            self._letting_go = asyncio.get_running_loop().call_later(_PATIENCE, self._let_go)

    def _let_go(self) -> None:
        """Have connections refused, now that nobody is about to take them."""
        self._hold_on()
        self._listeners.let_go()

    def _hold_on(self) -> None:
        if self._letting_go:
            self._letting_go.cancel()
            self._letting_go = None

    def _died(self, reason: str) -> None:
        now = self._around.clock.monotonic()
        ready_for = 0.0 if self._ready_since is None else now - self._ready_since
        self._history = self._history.died(now, ready_for, self._around.policy)
        delay = self._history.delay(self._around.policy)
        self._not_before = now + delay
        self._ready_since = None
        self.restarts += 1
        self._last_reason = reason
        _log.warning("%s %s; started again in %.1f s", self.name, reason, delay)
        if self._history.looping:
            self._let_go()
            self._set("crash-loop", f"{reason}; {self._history.count} times in a row, next try in {delay:.1f} s")
        else:
            self._set("backoff", f"{reason}; next try in {delay:.1f} s")

    async def _start(self, spec: ProcessSpec) -> float | None:
        now = self._around.clock.monotonic()
        if now < self._not_before:
            return self._not_before - now
        if blocker := self._around.admit(spec):
            self._set("waiting", blocker)
            return None
        self._restart = ""
        self._set(self._starting_state(), self._last_reason and f"started again: it {self._last_reason}")
        try:
            await self._launch(spec)
        except ZygoteUnavailable as error:
            if self._find_launched():
                return 0.0
            self._set("waiting", error.message)
            pause, self._zygote_retry = self._zygote_retry, min(_ZYGOTE_RETRY_CAP, self._zygote_retry * 2)
            return pause
        except (AloftError, OSError) as error:
            self._died(f"could not be started: {error}")
            return 0.0
        self._zygote_retry = 0.05
        return 0.0

    async def _launch(self, spec: ProcessSpec) -> None:
        spec.log.parent.mkdir(parents=True, exist_ok=True)
        leaf = self._around.cgroups.prepare(spec, self._around.limits(spec.cgroup))
        if leaf and members(leaf):
            _log.warning("Ending what is left of an earlier %s", self.name)
            kill(leaf)
        record = Record.of(spec, leaf)
        self._started = self._around.clock.monotonic()
        self._ready_since = self._unready_since = None
        self._failures, self._next_probe = 0, 0.0
        self._fingerprint = record.fingerprint
        _forget_mark(spec)
        listeners = self._listeners.provide(spec.listen, spec.user, spec.group, 0o777 & ~spec.umask)
        request = request_for(spec, record, self._around.records.path(spec.name))
        pid, start = await launch(request, spec.zygote, listeners)
        self._hold_on()
        launched = replace(record, pid=pid, start=start)
        self.running = Running.watch(launched, self.wake)
        if self.running is None:  # it has ended, and its zygote was quicker to notice
            self._died(self._how(await ask_exit_status(launched)))

    def _find_launched(self) -> bool:
        """After a zygote's answer got lost: did the child come to be?"""
        record = self._around.records.read(self.name)
        if record and record.fingerprint == self._fingerprint:
            self.running = Running.watch(record, self.wake)
        return self.running is not None

    async def _look_after(self, spec: ProcessSpec, running: Running) -> float | None:
        now = self._around.clock.monotonic()
        if now < self._next_probe:
            return self._next_probe - now
        if spec.ready.kind == "none" and self._ready_since is None and now - self._started < _BRIEF:
            self._set(self._starting_state(), self.status.reason)
            return self._started + _BRIEF - now
        failure = await self._probe(spec)
        if failure is None:
            return 0.0
        now = self._around.clock.monotonic()
        if not failure:
            self._answered(now)
            if spec.ready.kind == "none":
                return None
        elif self._ready_since is None:
            waited = now - self._started
            if waited >= spec.start_timeout:
                return await self._give_up(running, f"was not ready within {spec.start_timeout:g} s: {failure}")
            self._set(self._starting_state(), failure)
            return backoff.readiness_step(waited)
        else:
            self._failures += 1
            if self._failures >= self._around.health.failures:
                self._unready_since = now if self._unready_since is None else self._unready_since
                self._set("unready", failure)
                if now - self._unready_since >= self._around.health.unready_limit:
                    return await self._give_up(
                        running, f"was not ready for {now - self._unready_since:.0f} s: {failure}"
                    )
        health = self._around.health
        pause = health.command_interval if spec.ready.kind == "command" else health.interval
        self._next_probe = backoff.next_probe(now, pause, self.name)
        return self._next_probe - now

    async def _probe(self, spec: ProcessSpec) -> str | None:
        """Probe once; ``None`` if something more important came up."""
        try:
            async with asyncio.timeout(None) as self._probing:
                if self._wake.is_set():
                    return None
                return await probe.attempt(spec.ready)
        except TimeoutError:
            return None
        except InvalidInput as error:
            return error.message
        finally:
            self._probing = None

    def _answered(self, now: float) -> None:
        if self._ready_since is None:
            _log.info("%s is ready after %.2f s", self.name, now - self._started)
            self._ready_since = now
        self._failures, self._unready_since, self._last_reason = 0, None, ""
        self._set("ready")

    async def _give_up(self, running: Running, reason: str) -> float:
        """End a process that runs but does not do its work; that counts as a death."""
        ready_since = self._ready_since
        pause = await self._stop(running, reason)
        if self.running is None and self.spec is not None:
            self.restarts -= 1  # both the stop and the death below count one
            self._ready_since = ready_since
            self._died(reason)
        return pause

    def _starting_state(self) -> ProcessState:
        return "crash-loop" if self._history.looping else "starting"

    def _set(self, state: ProcessState, reason: str = "") -> None:
        before = self.status
        since = before.since if before.state == state else self._around.clock.time()
        pid = self.running.record.pid if self.running else None
        self.status = ProcessStatus(self.name, state, pid, since, self.restarts, reason)
        if self.status != before:
            self._around.changed(self)


def _forget_mark(spec: ProcessSpec) -> None:
    """Remove the file by which the process will say that it is ready: an earlier one's says nothing of this one."""
    if spec.ready.kind == "file":
        Path(spec.ready.target).unlink(missing_ok=True)
