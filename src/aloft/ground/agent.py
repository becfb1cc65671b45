"""The agent: listens to the plane, brings the host to what it wants, and reports; each in a loop of its own.

The plane's last word is kept on disk, so a host comes up, and stays converged, while the plane is out of reach. When
the agent ends it stops what is of use only while it is there, and leaves alone what instances need: QEMU, libvirt and
the switch. The next agent adopts those.
"""

import asyncio
import contextlib
import logging
import os
import random
import signal
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

from aloft.base import files
from aloft.base.errors import AloftError, Forbidden, PermanentError
from aloft.ground import clocks, plan, roles
from aloft.ground.certificate import Renewal
from aloft.ground.converge import Convergence, Outcome
from aloft.ground.edges import Edges, Place
from aloft.ground.layout import Layout
from aloft.ground.roles import inventory
from aloft.ground.settings import Desired
from aloft.ground.store import Identity, Store
from aloft.ground.streams import Streams
from aloft.ground.succession import Succession
from aloft.ground.uplink import Uplink
from aloft.supervise.cgroup import Cgroups
from aloft.supervise.supervisor import Supervisor

_log = logging.getLogger(__name__)

REPORT_SECONDS = 20.0
"""The longest time between two reports."""

_CALM = 30.0
_BUSY = 3.0
_SHORTEST = 1.0
_LONGEST_PAUSE = 4.0
"""With the time that a connection may take, what has to be reported is so within ten seconds of the link's return."""

_REFUSED_PAUSE = 20.0
_STRANGER_PAUSE = 600.0
_STRANGER_AFTER = 180
"""So many refusals, an hour of them: the host was deleted, and nobody waits for it."""


class Agent:
    """Everything that runs while the agent runs.

    Args:
        layout: where things lie.
        identity: who the host is.
    """

    def __init__(self, layout: Layout, identity: Identity) -> None:
        self._layout = layout
        self._identity = identity
        self._store = Store(layout)
        files.folder(layout.state, mode=0o711)
        files.folder(layout.run)
        files.folder(layout.log)
        # Instances must outlive the agent whatever happens to its control group, so it uses none.
        self._supervisor = Supervisor(layout.run / "processes", Cgroups.none())
        self._edges = Edges(Place(identity.edge_host, identity.edge_port))
        self._succession = Succession(layout)
        self._convergence = Convergence(
            layout, identity, self._edges, self._supervisor, self._succession, self._reach, self._on_the_way
        )
        self._desired = self._store.desired() or Desired(generation=0)
        self._edges.tell(_places(self._desired))
        self._outcome: Outcome | None = None
        self._stop = asyncio.Event()
        self._look = asyncio.Event()
        self._news = asyncio.Event()
        self._taken = asyncio.Event()
        self._streams = Streams(layout, self._tell_again)
        self._back = asyncio.Event()
        self._ahead: float | None = None
        self._said = ""
        self._renewal = Renewal(layout, identity.host, self._request_certificate, self._prove, self._look.set)

    async def run(self) -> None:
        """Run until SIGTERM or SIGINT.

        Raises:
            Conflict: another agent runs with the same folder.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        await self._supervisor.open()
        self._supervisor.subscribe(lambda _: self._look.set())
        tasks = [asyncio.create_task(work()) for work in self._work()]
        stop = asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait({stop, *tasks}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (stop, *tasks):
                task.cancel()
            ended = await asyncio.gather(*tasks, return_exceptions=True)
            await self._supervisor.shutdown()
        for fault in ended:
            if isinstance(fault, Exception):
                raise fault

    def _work(self) -> tuple[Callable[[], Coroutine[Any, Any, None]], ...]:
        """What runs side by side."""
        return self._listen, self._converge, self._tell, self._offer, self._renewal.run, self._succession.watch

    async def _listen(self) -> None:
        """Take the plane's word as soon as it has a new one."""
        known, failures = 0, 0
        while True:
            self._back.clear()
            try:
                async with self._connection(self._place(failures)) as uplink:
                    answer = await self._hear(uplink, known)
            except AloftError as error:
                failures += 1
                self._complain(error)
                if failures == _STRANGER_AFTER + 1:
                    _log.warning("The plane has refused this host for an hour; it is asked every ten minutes now.")
                await asyncio.sleep(_pause(error, failures))
                continue
            failures = 0
            known = self._take(answer, known)

    async def _hear(self, uplink: Uplink, known: int) -> dict[str, Any]:
        """An answer of the long poll; empty when there is reason to ask anew.

        A poll that was open when the link was cut may wait for nothing: reports tell when the link is back.
        """
        poll = asyncio.create_task(uplink.state(known))
        back = asyncio.create_task(self._back.wait())
        try:
            await asyncio.wait({poll, back}, return_when=asyncio.FIRST_COMPLETED)
            return await poll if poll.done() else {}
        finally:
            for task in (poll, back):
                task.cancel()
            await asyncio.gather(poll, back, return_exceptions=True)

    def _complain(self, error: AloftError) -> None:
        """Log a failure of the link; the same one only once until the plane answers again."""
        if str(error) != self._said:
            self._said = str(error)
            _log.warning("%s Trying again.", error)

    def _take(self, answer: dict[str, Any], known: int) -> int:
        """Make an answer the desired state; returns the generation that is known now."""
        if not answer:
            return known
        try:
            desired = Desired.model_validate(answer)
        except ValueError as error:
            # the values may be secrets; pydantic's own text would show them
            places = [".".join(map(str, item["loc"])) for item in getattr(error, "errors", list)()]
            _log.error("The plane's word cannot be understood (%s); the host stays as it is.", ", ".join(places))
            return max(known, int(answer.get("generation", known)))
        if desired != self._desired:
            _log.info("Generation %d: %s", desired.generation, ", ".join(desired.roles) or "no roles")
            self._store.keep_desired(answer)
            self._desired = desired
            self._edges.tell(_places(desired))
            self._look.set()
            self._taken.set()
        return desired.generation

    async def _converge(self) -> None:
        """Look at the host whenever something changed, and now and then."""
        while True:
            self._look.clear()
            now = await self._convergence.round(self._desired)
            before, self._outcome = self._outcome, now  # before: what was told last, also on the way
            if before is None or (before.states, before.generation) != (now.states, now.generation):
                _announce(before, now)
                self._news.set()
            await asyncio.sleep(_SHORTEST)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._until_next_look(now)):
                    await self._look.wait()

    def _until_next_look(self, outcome: Outcome) -> float:
        """Seconds until the host is looked at again though nothing happened."""
        patience = self._convergence.patience
        if patience is not None:
            return min(_CALM, max(_BUSY, patience))
        return _CALM if outcome.settled else _BUSY

    def _on_the_way(self, outcome: Outcome) -> None:
        """Report what a round is about while it is under way."""
        states = {**(self._outcome.states if self._outcome else {}), **outcome.states}
        self._outcome = Outcome(outcome.facts, states, outcome.generation)
        self._news.set()

    async def _tell(self) -> None:
        """Report what changed at once, and that the host is there now and then."""
        failures = 0
        while True:
            self._news.clear()
            if self._outcome:
                place = self._place(failures)
                try:
                    async with self._connection(place) as uplink:
                        generation = await self._report(uplink, self._outcome)
                except AloftError as error:
                    failures += 1
                    _log.debug("No report: %s", error)
                    await asyncio.sleep(_pause(error, failures))
                    continue
                self._succession.confirm()
                if self._edges.answered(place):
                    _log.info("The provider's edge is at %s, port %d now", *place)
                    self._look.set()
                if failures or generation > self._desired.generation:
                    self._back.set()
                if self._said:
                    _log.info("The plane answers again")
                self._said, failures = "", 0
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(REPORT_SECONDS):
                    await self._news.wait()

    async def _report(self, uplink: Uplink, outcome: Outcome) -> int:
        """Tell the plane all; returns the generation of what the host shall be."""
        pending = {name: plan.RoleState("pending") for name in self._desired.roles}
        own = (self._renewal.warning, clocks.warning(self._ahead), self._succession.warning)
        warnings = [text for text in (*own, *outcome.warnings) if text]
        facts = {**roles.report(outcome.facts), "warnings": warnings, "refused": self._succession.refused}
        generation = await uplink.report(outcome.generation, facts, {**pending, **outcome.states})
        self._ahead = uplink.ahead
        return generation

    async def _request_certificate(self, request: str) -> dict[str, Any]:
        async with self._connection(self._place(0)) as uplink:
            return await uplink.certificate(request)

    async def _prove(self, bundle: Path, authority: Path) -> None:
        async with self._connection(self._place(0), bundle=bundle, authority=authority) as uplink:
            await uplink.accepted()

    async def _reach(self) -> None:
        async with self._connection(self._place(0)) as uplink:
            await uplink.reach()

    def _place(self, failures: int) -> Place:
        """Where to try next, after so many failures in a row."""
        places = self._edges.places()
        return places[failures % len(places)]

    async def _offer(self) -> None:
        """Keep a stream waiting in the region, by which the host is reached from above."""
        while True:
            settings, taken = self._desired.settings, self._taken
            taken.clear()
            running = None
            if settings and settings.names.streams:
                running = asyncio.create_task(self._streams.run(settings.names.streams, self._edges.places))
            try:
                while self._desired.settings == settings:
                    await taken.wait()
                    taken.clear()
            finally:
                if running:
                    running.cancel()
                    await asyncio.gather(running, return_exceptions=True)

    def _tell_again(self) -> None:
        """Have the inventory tell the region at once of itself, which may have lost what it was told before."""
        pid, _ = self._supervisor.pids(inventory.PROCESS)
        if pid:
            os.kill(pid, signal.SIGUSR1)

    @contextlib.asynccontextmanager
    async def _connection(self, place: Place, **others: Path) -> AsyncIterator[Uplink]:
        """A connection to the agent API; ``others`` are those of :class:`Uplink`.

        Raises:
            PermanentError: the host's certificate cannot be read.
        """
        try:
            uplink = Uplink(self._layout, self._identity.agent_name, place.host, place.port, **others)
        except (OSError, ssl.SSLError) as error:
            raise PermanentError(
                f"The host's certificate cannot be used: {error}.", "Enrol the host again (aloft host token)."
            ) from error
        try:
            yield uplink
        finally:
            await uplink.close()


def _places(desired: Desired) -> list[Place]:
    """Where the plane says that the edge may be."""
    edge = desired.settings.edge if desired.settings else None
    return [Place(one.host, one.port) for one in (edge, *edge.others)] if edge else []


def _pause(error: AloftError, failures: int) -> float:
    """Seconds to wait after a failure: twice as long each time, up to a bound, and never in step with other hosts."""
    if isinstance(error, Forbidden | PermanentError):
        longest = _STRANGER_PAUSE if failures > _STRANGER_AFTER else _REFUSED_PAUSE
        return longest * random.uniform(0.8, 1.2)  # noqa: S311 - spreading load, not a secret
    return min(_LONGEST_PAUSE, 2.0 ** min(failures - 1, 6)) * random.uniform(0.5, 1.0)  # noqa: S311 - likewise


def _announce(before: Outcome | None, now: Outcome) -> None:
    for name, state in now.states.items():
        if before is None or before.states.get(name) != state:
            detail = " ".join(part for part in (state.step, state.reason) if part)
            _log.info("%s is %s%s", name, state.state, f": {detail}" if detail else "")
