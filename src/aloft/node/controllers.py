"""The node's controllers: each brought about, kept and torn down by looking at what is wanted and taking the next step.

Whatever interrupts it, bringing up a controller starts over from its record and finds done what is done.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any

from aloft.base.errors import AloftError, Conflict, NotFound, PermanentError, TemporaryError
from aloft.base.paths import Paths
from aloft.controller import environment, processes, slots
from aloft.controller.check import check, token, wake
from aloft.controller.context import Context
from aloft.controller.declare import Service
from aloft.controller.ports import Hold, Names, Supervisor
from aloft.controller.release import release
from aloft.controller.services import enabled, optional_names
from aloft.controller.spec import Component, ControllerSpec, ControllerStatus, Credentials, Problem
from aloft.node.pool import Pool
from aloft.node.progress import Progress
from aloft.node.registry import Record, Registry
from aloft.node.seeds import Seeds
from aloft.node.settings import NodeSettings
from aloft.supervise.spec import ProcessStatus

_log = logging.getLogger(__name__)

READY_SECONDS = 120.0
"""Until all processes of a controller must be ready."""

CHECK_SECONDS = 60.0
"""Until a controller whose processes are ready must answer."""


class Controllers:
    """All controllers of the node.

    Args:
        paths: where everything lies.
        settings: of the node.
        registry: what was asked for.
        pool: slots.
        supervisor: the process tree.
        publish: brings the names of all controllers about at the edge.
        start_release: makes a release's zygotes run.
        edge_authority: CA certificate of the edge.
        statuses: the supervisor's view of all processes.
    """

    def __init__(
        self,
        paths: Paths,
        settings: NodeSettings,
        registry: Registry,
        pool: Pool,
        supervisor: Supervisor,
        publish: Callable[[tuple[Names, ...]], Coroutine[Any, Any, None]],
        start_release: Callable[[str], Coroutine[Any, Any, None]],
        edge_authority: Path,
        statuses: Callable[[], list[ProcessStatus]],
    ) -> None:
        self._paths = paths
        self._settings = settings
        self._registry = registry
        self._pool = pool
        self._supervisor = supervisor
        self._seeds = Seeds(registry, supervisor, self.context)
        self._publish = publish
        self._start_release = start_release
        self._edge_authority = edge_authority
        self._statuses = statuses
        self._progress: dict[str, Progress] = {}
        self._builds = asyncio.Semaphore(settings.parallel_builds)
        self._edge_lock = asyncio.Lock()
        self._held: dict[str, Hold] = {}

    # What the node's API calls

    def put(self, spec: ControllerSpec) -> ControllerStatus:
        """Bring about this specification; returns at once. A new one gets its release's present pins.

        Raises:
            Conflict: a controller of this name exists with another release, or is being torn down.
            NotFound: unknown release, or the customer's identity region is not on this node.
            PermanentError: an unknown service is named.
        """
        release(spec.release)
        if unknown := spec.services.keys() - set(optional_names()):
            raise PermanentError(
                f"There is no optional service '{min(unknown)}'.", f"Optional are: {', '.join(optional_names())}."
            )
        record = self._registry.get(spec.key)
        known = environment.pins(release(spec.release), self._paths) if record is None else record.spec.pins
        spec = spec.model_copy(update={"pins": known})
        if record and not record.wanted:
            raise Conflict(f"The controller {spec.key} is being torn down.", "Wait until that is done.")
        if record and record.spec.release != spec.release:
            raise Conflict(
                f"The controller {spec.key} runs release {record.spec.release}.", "Upgrade it instead of creating it."
            )
        if not spec.identity:
            self._identity_record(spec)
        if record and record.spec == spec and self._under_way(spec.key):
            return self.status(spec.key)
        record = replace(record, spec=spec) if record else Record(spec)
        if record.slot is None:
            record = replace(record, slot=self._pool.take(spec.release))
        self._registry.put(record)
        self._begin(spec.key, publish=self._prepared(record))  # what is switched off is gone before anything is stopped
        return self.status(spec.key)

    def delete(self, key: str) -> None:
        """Tear the controller down; returns at once.

        Raises:
            NotFound: there is none.
            Conflict: hosts hold grants, or other regions need its Keystone.
        """
        record = self._registry.present(key)
        if record.hosts:
            raise Conflict(
                f"The controller {key} has hosts attached: {', '.join(sorted(record.hosts))}.", "Detach them first."
            )
        dependents = [
            other.spec.region
            for other in self._registry.all()
            if other.spec.customer == record.spec.customer and other.spec.identity_region == record.spec.region
        ]
        if record.spec.identity and dependents:
            raise Conflict(
                f"The regions {', '.join(sorted(dependents))} need the Keystone of {key}.",
                "Delete these regions first.",
            )
        if not record.wanted and self._under_way(key):
            return
        self._registry.put(replace(record, wanted=False))
        self._begin(key)

    def resume(self) -> None:
        """Go on with every controller that is on record: after a start of the node."""
        for record in self._registry.all():
            self._begin(record.spec.key)

    def status(self, key: str) -> ControllerStatus:
        """What there is of a controller.

        Raises:
            NotFound: there is none.
        """
        record, progress = self._registry.present(key), self._progress.setdefault(key, Progress())
        components = self._components(record)
        phase = progress.phase
        if phase == "ready" and any(component.state != "ready" for component in components):
            phase = "degraded"
        services = enabled(record.spec)
        return ControllerStatus(
            customer=record.spec.customer,
            region=record.spec.region,
            release=record.spec.release,
            pins=record.spec.pins,
            slot=record.slot,
            phase=phase,
            revision=progress.revision,
            steps=tuple(progress.steps),
            error=progress.error,
            endpoints=processes.endpoints(self.context(key), services) if self._prepared(record) else {},
            components=components,
        )

    async def wait(self, key: str, known: int, seconds: float) -> ControllerStatus:
        """The status once its revision differs from ``known``, or after ``seconds``.

        Raises:
            NotFound: there is no such controller, or not any more.
        """
        until = time.monotonic() + seconds
        while self.status(key).revision == known and (left := until - time.monotonic()) > 0:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._progress[key].changed.wait(), left)
        return self.status(key)

    def keys(self) -> tuple[str, ...]:
        """``customer/region`` of every controller."""
        return tuple(record.spec.key for record in self._registry.all())

    def process_changed(self, status: ProcessStatus) -> None:
        """A process changed its state: count it as a change of its controller."""
        parts = status.name.split("/")
        if parts[0] != "slots":
            return
        for record in self._registry.all():
            if record.slot == int(parts[1]) and (progress := self._progress.get(record.spec.key)):
                progress.touch()

    def context(self, key: str) -> Context:
        """The controller's context, secrets included.

        Services of a further region log in to Keystone with the users of the region that hosts it.
        """
        return self._context(self._registry.present(key))

    def _context(self, record: Record) -> Context:
        key = record.spec.key
        if record.slot is None or not self._prepared(record):
            raise NotFound(f"The slot of the controller {key} is not prepared yet.", "Wait until it is ready.")
        slot = self._pool.slot(record.slot)
        held = slots.load_secrets(slot)
        if not record.spec.identity:
            host = self._identity_record(record.spec)
            if host.slot is not None:
                keystone = slots.load_secrets(self._pool.slot(host.slot))
                held = replace(held, keystone=keystone.keystone, admin=keystone.admin)
        return Context(record.spec, slot, held, self._settings.edge_port, arriving=bool(record.arriving))

    def identity(self, key: str) -> Context:
        """The context of the controller that hosts the Keystone of this one's customer."""
        return self.context(self._identity_key(self._registry.present(key).spec))

    def credentials(self, key: str) -> Credentials:
        """The customer's administrator."""
        context = self.context(key)
        return Credentials(
            auth_url=context.public("identity", "/v3"),
            username="admin",
            password=context.secrets.admin,
            project_name="admin",
            region_name=context.spec.region,
            cacert=self._edge_authority.read_text(),
        )

    # What backups and upgrades need besides

    async def run_beside(self, record: Record) -> None:
        """Run a controller from a slot that was prepared for it, and wait until it answers.

        Raises:
            AloftError: it does not become ready.
        """
        self._registry.put(record)
        await self.start_over(record.spec.key)

    async def start_over(self, key: str) -> None:
        """Bring a controller up again from its record, and wait until it answers.

        Raises:
            AloftError: it does not become ready.
        """
        self._begin(key)
        await self.settled(key)

    async def settled(self, key: str) -> None:
        """Wait until a controller is ready.

        Raises:
            TemporaryError: it failed; the error is its own.
        """
        progress = self._progress[key]
        if progress.task is not None:
            await asyncio.wait({progress.task})
        if progress.error is not None:
            raise TemporaryError(progress.error.message, progress.error.remedy)

    async def take_over(self, record: Record) -> None:
        """Have a controller served from another slot, which was prepared for it; the one that served it goes on to lie.

        The new slot's services are made ready beside the others, then the names at the edge lead to them, then the
        others are stopped. Meanwhile what would change something waits at the edge. The edge goes on to keep it from
        both if this process ends there: else the former slot could take what the new one never gets to know.

        Raises:
            AloftError: the new slot's services do not become ready; then nothing has changed.
        """
        try:
            await self.run_unseen(record)
        except BaseException:
            await asyncio.shield(self.stop(record))
            raise
        await self.hold(record.spec.key, "all")
        former = await self.lead_to(record)
        if former is not None:
            await self.stop(former)

    async def run_unseen(self, record: Record, services: tuple[Service, ...] | None = None) -> None:
        """Run a controller, or only some services of it, from a slot that was prepared for it; no name leads there.

        Raises:
            AloftError: they do not become ready; those that do go on.
        """
        context = await asyncio.to_thread(self._context, record)
        services = enabled(record.spec) if services is None else services
        await self._start_release(record.spec.environment)
        await self._pool.ensure(context.slot.number, record.spec.release)
        await asyncio.to_thread(self._configure, context, services)
        specs = processes.processes(context, services)
        await self._supervisor.apply(processes.group(context.slot), specs)
        await self._supervisor.wait_ready([process.name for process in specs], READY_SECONDS)

    async def token(self, record: Record) -> str:
        """A token of the administrator's, by what serves the controller now: what shall serve it takes that, too.

        Raises:
            TemporaryError: there is none to be had.
        """
        return await token(await asyncio.to_thread(self._context, record), self._edge_authority)

    async def wake(self, record: Record, token: str) -> None:
        """Have the services that run from a slot to which no name leads answer once, each asked with this token.

        Raises:
            TemporaryError: one does not answer as it should.
        """
        context = await asyncio.to_thread(self._context, record)
        await wake(context, enabled(record.spec), token)

    async def lead_to(self, record: Record) -> Record | None:
        """Have a controller served from the slot of this record, whose services run, and let go on what was held.

        Its hosts are those that it has now, whatever the record says of them.

        Returns:
            The record as it was; ``None`` when there was none.
        """
        key, former = record.spec.key, self._registry.get(record.spec.key)
        for slot in former.slots if former is not None else ():
            self._registry.hold(slot)
        self._registry.put(record if former is None else record.with_hosts_of(former))
        await self.hold(key, "")
        self._begin(key)
        return former

    async def hold(self, key: str, how: Hold) -> None:
        """Have requests that would change something of a controller wait at the edge, or go on."""
        self._held[key] = how
        await self.publish_names()

    async def stop(self, record: Record, within: float | None = None) -> None:
        """Stop all that runs in a record's slot; returns when it has ended.

        Args:
            record: whose slot.
            within: seconds after which each process is killed, where its own time is longer.
        """
        if record.slot is not None:
            await self._supervisor.remove(processes.group(self._pool.slot(record.slot)), within)

    async def let_go(self, key: str) -> None:
        """Forget a controller that another node serves now; what runs in its slot runs on, the slot is kept for it."""
        record, progress = self._registry.present(key), self._progress.pop(key, None)
        if progress is not None and progress.task is not None:
            progress.task.cancel()
            await _outlast(progress.task)
        for slot in record.slots:
            self._registry.hold(slot)
        self._registry.forget(key)
        self._held.pop(key, None)
        await self.publish_names()

    async def lay_aside(self, key: str) -> None:
        """Forget a controller and stop it, without taking its slot apart."""
        record, progress = self._registry.present(key), self._progress.pop(key, None)
        if progress is not None and progress.task is not None:
            progress.task.cancel()
            await _outlast(progress.task)
        await self.stop(record)
        self._registry.forget(key)
        await self.publish_names()

    def context_of(self, record: Record) -> Context:
        """The context of a record that need not be registered."""
        return self._context(record)

    async def drop(self, key: str) -> None:
        """Tear a controller down now, whoever has grants of it; nothing happens when there is none."""
        record = self._registry.get(key)
        if record is None:
            return
        self._registry.put(replace(record, wanted=False))
        self._begin(key)
        task = self._progress[key].task
        if task is not None:
            await asyncio.wait({task})

    # Bringing up and tearing down

    def _identity_record(self, spec: ControllerSpec) -> Record:
        record = self._registry.get(f"{spec.customer}/{spec.identity_region}")
        if record is None:
            raise NotFound(
                f"The region '{spec.identity_region}', which hosts the Keystone of {spec.key}, is not on this node."
            )
        return record

    def _identity_key(self, spec: ControllerSpec) -> str:
        return spec.key if spec.identity else self._identity_record(spec).spec.key

    def _components(self, record: Record) -> tuple[Component, ...]:
        prefix = f"slots/{record.slot}/"
        return tuple(
            Component(
                name=status.name.removeprefix(prefix),
                state=status.state,
                pid=status.pid,
                since=status.since,
                restarts=status.restarts,
                reason=status.reason,
            )
            for status in self._statuses()
            if status.name.startswith(prefix)
        )

    def _prepared(self, record: Record) -> bool:
        """Whether the controller's slot has its secrets, and they are the ones that it will keep."""
        return record.slot is not None and self._registry.prepared(record.slot)

    def _under_way(self, key: str) -> bool:
        progress = self._progress.get(key)
        return progress is not None and progress.task is not None and not progress.task.done()

    def _begin(self, key: str, *, publish: bool = False) -> None:
        """Start over with a controller, with its names first where asked: what was under way for it is cancelled."""
        progress = self._progress.setdefault(key, Progress())
        former = progress.task
        if former:
            former.cancel()
        record = self._registry.present(key)
        work = self._bring_up if record.wanted else self._tear_down
        progress.phase, progress.error = ("building" if record.wanted else "deleting"), None
        progress.touch()

        async def run() -> None:
            await _outlast(former)
            progress.steps = []
            await self._guarded(key, progress, work, publish)

        progress.task = asyncio.create_task(run(), name=f"controller {key}")

    async def _guarded(
        self,
        key: str,
        progress: Progress,
        work: Callable[[str, Progress], Coroutine[Any, Any, None]],
        publish: bool,
    ) -> None:
        self._pool.begin_build()
        try:
            if publish:
                await self.publish_names()
            async with self._builds:
                await work(key, progress)
        except AloftError as error:
            progress.phase, progress.error = "failed", Problem(message=error.message, remedy=error.remedy)
            _log.warning("Controller %s: %s", key, error)
        except Exception as error:
            problem = f"An unexpected fault: {type(error).__name__}: {error}"
            progress.phase, progress.error = "failed", Problem(message=problem, remedy="See the node's log.")
            _log.exception("Controller %s", key)
        finally:
            self._pool.end_build()
            progress.touch()

    async def _bring_up(self, key: str, progress: Progress) -> None:
        record = self._registry.present(key)
        spec, services = record.spec, enabled(record.spec)
        async with progress.step("prepare release"):
            await self._start_release(spec.environment)
        async with progress.step("prepare slot"):
            await self._pool.ensure(record.slot or 0, spec.release)
            context = await asyncio.to_thread(self.context, key)
            await asyncio.to_thread(self._configure, context, services)
        async with progress.step("start services"):
            specs = processes.processes(context, services)
            await self._supervisor.apply(processes.group(context.slot), specs)
            await self.publish_names()
            await self._seeds.bring_about(self._identity_key(spec))
            await self._supervisor.wait_ready([process.name for process in specs], READY_SECONDS)
        async with progress.step("check"):
            await check(context, services, self._edge_authority, CHECK_SECONDS)
        progress.phase = "ready"
        progress.touch()

    def _configure(self, context: Context, services: tuple[Service, ...]) -> None:
        slots.write_files(context, services)
        for service in services:
            service.prepare(context)
        if context.spec.identity:
            self._seeds.write(context)

    async def _tear_down(self, key: str, progress: Progress) -> None:
        record = self._registry.present(key)
        async with progress.step("stop services"):
            if record.slot is not None:
                await self._supervisor.remove(processes.group(self._pool.slot(record.slot)))
            await self.publish_names()
        async with progress.step("remove data"):
            for slot in record.slots:
                await self._pool.dismantle(slot)
            self._registry.forget(key)
            if not record.spec.identity:
                await self._seeds.bring_about(self._identity_key(record.spec))
        self._progress.pop(key, None)

    async def publish_names(self) -> None:
        """Bring the names of all wanted controllers about at the edge."""
        async with self._edge_lock:
            wanted = [record for record in self._registry.all() if record.wanted and record.slot is not None]
            prepared = [record for record in wanted if self._registry.prepared(record.slot or 0)]
            everything = tuple(self.names(record) for record in prepared)
            await self._publish(everything)

    def names(self, record: Record) -> Names:
        """The names of one controller at the edge."""
        context = self.context(record.spec.key)
        library = any("image-library" in roles for roles in record.hosts.values())
        socket = str(context.slot.socket("images")) if library else ""
        found = processes.names(context, enabled(record.spec), socket)
        hold = self._held.get(record.spec.key, "all" if record.leaving else "")
        return replace(found, revoked=frozenset(record.revoked), hold=hold)


async def _outlast(task: "asyncio.Task[None] | None") -> None:
    """Wait until a cancelled task has really ended; being cancelled meanwhile counts only then."""
    cancelled = False
    while task is not None and not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError:
            cancelled = True
    if cancelled:
        raise asyncio.CancelledError
