"""Upgrades by a new instance: a controller of another release is made beside the one that serves, and takes its place.

The customer's metadata is copied into a slot of its own and migrated there by the release's own commands. A controller
is started from it under another name and checked, while the old one serves. For the switch, requests that change
something wait at the edge; the old schemas are frozen for writers, what changed since is carried over by state
(:mod:`aloft.daytwo.carry`), and the names lead to the new services, which run unseen by then. Everything up to then is
undone by removing the new slot. The old slot is kept, stopped; the way back is the same switch with the two ends
exchanged.
"""

import asyncio
import contextlib
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

from aloft.base import files
from aloft.base.errors import AloftError, Conflict, NotFound, PermanentError
from aloft.base.paths import Paths
from aloft.controller import golden, migrate, slots
from aloft.controller.context import Slot
from aloft.controller.migrate import Check
from aloft.controller.release import release
from aloft.controller.services import ALL, enabled
from aloft.controller.services.ovn import MEMCACHED, OVN
from aloft.daytwo import metadata
from aloft.daytwo.pause import KEPT, Measured, estimate
from aloft.node.backups import Backups
from aloft.node.controllers import Controllers
from aloft.node.copies import Copies, Own, only
from aloft.node.database import Database
from aloft.node.edge_names import EdgeNames
from aloft.node.jobs import Work
from aloft.node.pool import Pool
from aloft.node.registry import Record, Registry

HOLD_SECONDS = 30.0
"""The longest that requests are held: a switch that takes longer is given up, and the old controller goes on."""

ANSWER_SECONDS = 5.0
"""How long requests that were under way when the hold began may take to be answered."""

QUIET_SECONDS = 600.0
"""How long work that was begun (an instance being built) may take to end before an upgrade is given up."""

CALM_SECONDS = 120.0
"""How long the copy waits for such work: it may be taken in the midst of some, and the less of it the better."""

LISTS_DIFFER = "Nothing has changed. Try again when less is being done; if it stays so, see the new release's logs."

ATTEMPTS = 10
"""How often the hold is begun: something may have been begun just before it."""


@dataclass(frozen=True)
class Prepared:
    """A new controller that was seen to work beside the old one, and stopped.

    Args:
        record: of the new one, under the name of the old.
        own: where its rows differ by migration.
        checks: what the projects' upgrade checks said.
        changes: names of tables and columns that came and went.
        seconds: how long the parts of the switch took that can be done without one.
        mib: how large the customer's databases are.
        things: how many things its APIs listed as its rows say.
    """

    record: Record
    own: Own
    checks: list[Check]
    changes: dict[str, list[str]]
    seconds: float
    mib: float
    things: int


class Upgrades:
    """Upgrades of the node's customers; its public methods are handlers of jobs (:mod:`aloft.node.jobs`).

    Args:
        paths: where everything lies.
        controllers: the node's controllers.
        registry: what the node remembers of them.
        pool: slots.
        database: MariaDB.
        backups: how metadata is copied, filled into slots and compared.
        edge: knows which requests are under way.
        start_release: makes a release's zygotes run.
    """

    def __init__(
        self,
        paths: Paths,
        controllers: Controllers,
        registry: Registry,
        pool: Pool,
        database: Database,
        backups: Backups,
        edge: EdgeNames,
        start_release: Callable[[str], Awaitable[None]],
    ) -> None:
        self._paths = paths
        self._controllers = controllers
        self._registry = registry
        self._pool = pool
        self._database = database
        self._copies = Copies(database)
        self._backups = backups
        self._edge = edge
        self._start_release = start_release
        self._pauses = paths.state / "node/pauses.json"

    async def plan(self, work: Work) -> dict[str, Any]:
        """Rehearse an upgrade to ``release``: all of it but the switch, then remove what was made.

        Returns:
            ``checks`` (project, verdict, detail), ``changes`` of the schemas, the ``pause_seconds`` to expect and in
            ``pause_basis`` how they were arrived at, and how many ``things`` were listed alike.
        """
        prepared = await work.unless_aborted(self._prepare(work, self._present(work.customer)))
        async with work.step("remove the new instance"):
            for one in prepared:
                await self._backups.discard(one.record)
        measured = self._measured()
        expected = max(
            (estimate(work.customer, one.seconds, one.mib, measured) for one in prepared), key=lambda one: one.seconds
        )
        return {
            "release": work.arguments["release"],
            "checks": [asdict(check) for one in prepared for check in one.checks],
            "changes": {one.record.spec.region: one.changes for one in prepared},
            "pause_seconds": round(expected.seconds, 1),
            "pause_basis": expected.basis,
            "things": sum(one.things for one in prepared),
        }

    async def upgrade(self, work: Work) -> dict[str, Any]:
        """Upgrade a customer to ``release``; until the switch it may be aborted, and the old one never noticed.

        Returns:
            ``specifications`` of the regions as they are now, and the longest that requests that write were held.

        Raises:
            Conflict: a former upgrade was neither finished nor rolled back, or it was aborted.
            AloftError: it failed; then everything is as it was.
        """
        present = self._present(work.customer)
        waiting = [record for record in present if record.kept.get("job") != work.id]
        if any(record.kept for record in waiting):
            raise Conflict(
                f"The last upgrade of '{work.customer}' is neither finished nor rolled back.",
                f"`aloft upgrade finish {work.customer}`, or rollback.",
            )
        held = [0.0]
        for record in present:
            if record not in waiting:  # the node ended in the middle of it
                await self._confirm(work, record)
        if waiting:
            prepared = await work.unless_aborted(self._prepare(work, waiting))
            try:
                self._insist(prepared)
                await work.unless_aborted(self._quiet(work, waiting))
                for one in prepared:
                    held.append(await self._upgrade_one(work, one))
            except BaseException as error:
                await asyncio.shield(self._remove_unused(prepared))
                if isinstance(error, Exception):  # an end of the node leaves it to the next
                    for record in (one for one in self._present(work.customer) if one.kept.get("job") == work.id):
                        await self._go_back(work, record)
                raise
        return {**self._specifications(work.customer), "writes_held_seconds": round(max(held), 2)}

    async def rollback(self, work: Work) -> dict[str, Any]:
        """Go back to what served before the last upgrade, with what was written since.

        ``release`` is the one to leave. Returns ``specifications``, ``writes_held_seconds``, and in ``lost`` what could
        not be carried back.

        Raises:
            Conflict: nothing was kept.
            AloftError: it failed; then the upgraded controller goes on.
        """
        present = self._present(work.customer)
        leaving = [one for one in present if one.kept and one.spec.release == work.arguments["release"]]
        if not leaving and any(one.spec.release == work.arguments["release"] for one in present):
            raise Conflict(f"Nothing was kept of what served '{work.customer}' before.", "Restore a backup instead.")
        held, lost = [0.0], []
        for record in leaving:
            async with work.step(f"make ready what served {record.spec.key} before") as remark:
                former, own = Record.read(record.kept["record"]), Own(**record.kept["own"])
                lost += await self._copies.losses(self._slot(record), self._slot(former), own)
                await self._start_release(former.spec.release)
                remark(f"{len(lost)} things cannot be carried back" if lost else "")
            await self._quiet(work, [record])
            held.append(await self._go_back(work, record))
        return {**self._specifications(work.customer), "writes_held_seconds": round(max(held), 2), "lost": lost}

    async def finish(self, work: Work) -> dict[str, Any]:
        """Remove what was kept for the way back."""
        async with work.step("remove what served before"):
            for record in self._present(work.customer):
                if record.kept:
                    self._registry.put(replace(record, kept={}))
                    await self._backups.discard(Record.read(record.kept["record"]))
        return {}

    # Making the new one beside the old

    async def _prepare(self, work: Work, present: list[Record]) -> list[Prepared]:
        """Copy, migrate, start under another name, check and stop; what was made is gone again when it fails."""
        name, scratch = work.arguments["release"], f"next-{work.id[:8]}"
        await self._backups.remove(scratch)
        sources = self._backups.sources(work.customer)
        filled: list[Record] = []
        prepared: list[Prepared] = []
        try:
            async with work.step(f"prepare release {name}"):
                await self._start_release(name)
            async with work.step("wait for a quiet moment") as remark:
                if left := await self._unfinished(present, CALM_SECONDS, remark):
                    remark(f"goes on beside {len(left)} operations")
            async with self._backups.staging(f"upgrade-{work.customer}") as folder:
                async with work.step("copy the metadata"):
                    manifest = await metadata.collect(
                        folder,
                        work.customer,
                        sources,
                        {},
                        self._paths.state / "edge-ca",
                        "",
                        self._database.dump_together,
                    )
                filled = await self._backups.fill(work, folder, manifest, scratch)
            named = {record.spec.region: record for record in present}
            for record in filled:
                if record.spec.region in named:
                    prepared.append(await self._try(work, record, named[record.spec.region]))
                else:  # it was upgraded before, and the others need its Keystone
                    await self._controllers.run_beside(record)
            for one in reversed(prepared):
                await self._controllers.lay_aside(f"{scratch}/{one.record.spec.region}")
            await self._backups.remove(scratch)
        except BaseException:
            await asyncio.shield(self._remove_all(scratch, filled))
            raise
        return prepared

    async def _try(self, work: Work, filled: Record, present: Record) -> Prepared:
        """Migrate a filled slot, and see that a controller works there."""
        name = work.arguments["release"]
        spec = filled.spec.model_copy(update={"release": name})
        record = replace(filled, spec=spec, hosts={}, serials={}, revoked=())
        source, target = self._slot(present), self._slot(record)
        context = self._controllers.context_of(record)
        async with work.step(f"migrate {present.spec.region} to {name}"):
            before = await self._copies.checksums(target)
            await asyncio.to_thread(slots.write_files, context, ALL)
            await self._controllers.run_unseen(record, (MEMCACHED,))  # migrations of rows may ask it
            wanted, found = golden.versions(release(name)), await self._copies.versions(target)
            await migrate.migrate(context, ALL, lambda schema: wanted.get(schema) != found.get(schema))
            own, changes = await self._copies.differences(source, target, before)
            self._registry.mark(target, name, "held", slots.declared())
        since = await self._database.log_end()
        async with work.step("start the new controller beside the old"):
            await self._controllers.run_beside(record)
        async with work.step("rehearse the pause") as remark:
            seconds = await self._rehearse(source, target, own, since)
            remark(f"{seconds:.1f} s")
        async with work.step("compare the lists of its APIs"):
            things = await self._backups.compare_lists(record, LISTS_DIFFER)
        async with work.step("run the projects' upgrade checks") as remark:
            checks = await migrate.upgrade_checks(context, enabled(spec))
            remark(", ".join(f"{one.project}: {one.verdict}" for one in checks))
        real = replace(present, spec=present.spec.model_copy(update={"release": name}), slot=record.slot, kept={})
        return Prepared(real, own, checks, changes, seconds, await self._copies.size(source), things)

    async def _rehearse(self, source: Slot, target: Slot, own: Own, since: tuple[str, int]) -> float:
        """Do what a switch does while writes wait, as far as it changes nothing; returns how many seconds it took."""
        carrying = await self._copies.carrying(source, target, own.tables)
        dependents = await self._copies.dependents(source)
        begun = time.monotonic()
        async with self._database.frozen({target.schema(name): each for name, each in carrying.items()}):
            written = await self._copies.written((source, target), since, dependents)
            await self._copies.differing(only(carrying, written), source, target)
        async with self._backups.staging(f"ovn-{target.number}") as folder:
            await metadata.save_ovn(source, folder)
        await self._controllers.publish_names()
        return time.monotonic() - begun

    async def _quiet(self, work: Work, records: list[Record]) -> None:
        """Wait until work that was begun has ended.

        Raises:
            Conflict: it has not within :data:`QUIET_SECONDS`.
        """
        async with work.step("wait for operations under way") as remark:
            if left := await self._unfinished(records, QUIET_SECONDS, remark):
                raise Conflict(f"Operations are under way: {', '.join(left[:5])}.", "Try again when they have ended.")

    async def _unfinished(self, records: list[Record], seconds: float, remark: Callable[[str], None]) -> list[str]:
        """Wait until work that was begun has ended, for so long at most; what is still being done then."""
        until = time.monotonic() + seconds
        while found := [one for record in records for one in await self._copies.unfinished(self._slot(record))]:
            remark(", ".join(found[:5]))
            if time.monotonic() > until:
                return found
            await asyncio.sleep(1.0)
        remark("")
        return []

    # The switch

    async def _upgrade_one(self, work: Work, one: Prepared) -> float:
        """Switch one region and see that it answers; back to the old one when it does not."""
        former = self._record(one.record.spec.key)
        kept = {"job": work.id, "record": former.told(), "own": asdict(one.own)}
        held = await self._switch(work, former, one.record, one.own, kept)
        self._remember(Measured(customer=work.customer, rehearsed=one.seconds, mib=one.mib, held=held))
        await self._confirm(work, self._record(former.spec.key))
        return held

    async def _confirm(self, work: Work, present: Record) -> None:
        """See that what serves now answers; back to what served before when it does not."""
        try:
            async with work.step(f"see that {present.spec.region} answers"):
                await self._controllers.settled(present.spec.key)
        except AloftError:
            await self._go_back(work, present)
            raise

    async def _go_back(self, work: Work, present: Record) -> float:
        """Have a region served from what was kept, and remove what serves it now; returns how long writes waited."""
        former = replace(Record.read(present.kept["record"]), kept={})
        held = await self._switch(work, present, former, Own(**present.kept["own"]), {})
        async with work.step("see that it answers"):
            await self._controllers.settled(present.spec.key)
        async with work.step("remove the newer controller"):
            await self._backups.discard(replace(present, kept={}))
        return held

    async def _switch(self, work: Work, former: Record, wanted: Record, own: Own, kept: dict[str, Any]) -> float:
        """Have a controller served from another slot, with all that was written; returns for how long writes waited.

        Args:
            work: the job.
            former: what serves.
            wanted: what shall.
            own: what is not carried.
            kept: what is kept of the former for the way back; empty when this is the way back.

        Raises:
            AloftError: it was not possible; then the former goes on, and the other slot is stopped.
        """
        key, source, target = wanted.spec.key, self._slot(former), self._slot(wanted)
        try:
            async with work.step("catch up") as remark:
                carrying = await self._copies.carrying(source, target, own.tables)
                dependents = await self._copies.dependents(source)
                since = await self._database.log_end()
                await self._controllers.run_unseen(wanted, (OVN,))
                await self._database.admit(_users(target))
                remark(f"{await self._copies.bring_over(carrying, source, target)} rows")
                await self._carry_files(source, target)
            async with work.step("start services where nobody sees them"):
                await self._controllers.run_unseen(wanted)
            async with work.step("hold what writes"):
                begun = await self._hold(former)
            async with asyncio.timeout(HOLD_SECONDS) as limit, contextlib.AsyncExitStack() as stack:
                async with work.step("freeze databases"):
                    tables = {source.schema(name): each for name, each in carrying.items()}
                    await stack.enter_async_context(self._database.frozen(tables))
                async with work.step("carry the last rows") as remark:
                    await asyncio.gather(
                        self._copies.insist_seen(source, target),
                        self._copies.insist_unchanged(source, own.tables if kept else {}),
                    )
                    written = await self._copies.written((source, target), since, dependents)
                    rows = await self._copies.bring_over(only(carrying, written), source, target)
                    remark(f"{rows} rows of {len(written)} tables that were written")
                async with work.step("carry keys and networks"):
                    await self._carry_files(source, target)
                limit.reschedule(None)
                async with work.step("lead the names there") as remark:
                    await self._lead_to(wanted, kept)
                    held = time.monotonic() - begun
                    remark(f"writes waited {held:.1f} s")
                async with work.step("stop what served before"):
                    await self._retire(former)
        except BaseException as error:
            if self._record(key).slot != wanted.slot:
                await asyncio.shield(self._stay(key, wanted))
            if isinstance(error, TimeoutError):
                raise PermanentError(
                    f"The switch of {key} took more than {HOLD_SECONDS:.0f} s and was given up; nothing has changed.",
                    "Try again when the machine has less to do.",
                ) from error
            raise
        return held

    async def _lead_to(self, wanted: Record, kept: dict[str, Any]) -> None:
        """Lead the names to the slot, and let go on what waits: from here on it serves."""
        present = self._record(wanted.spec.key)
        spec = present.spec.model_copy(update={"release": wanted.spec.release})
        await self._controllers.lead_to(replace(present, spec=spec, slot=wanted.slot, kept=kept))

    async def _retire(self, former: Record) -> None:
        """Stop what served, once it has answered what it was asked, and let nothing write there any more."""
        slot = self._slot(former)
        await self._edge.settle(slot.number, ANSWER_SECONDS)
        await self._database.bar(_users(slot))
        await self._controllers.stop(former)

    async def _hold(self, former: Record) -> float:
        """Hold requests that write, and let end what was begun; returns when that began (monotonic seconds).

        Raises:
            Conflict: something was being done each time.
        """
        key = former.spec.key
        for _ in range(ATTEMPTS):
            begun = time.monotonic()
            await self._controllers.hold(key, "outside")
            await self._edge.settle(self._slot(former).number, ANSWER_SECONDS)
            await self._controllers.hold(key, "all")
            if not (found := await self._copies.unfinished(self._slot(former))):
                return begun
            await self._controllers.hold(key, "")
            await asyncio.sleep(1.0)
        raise Conflict(f"Operations are under way: {', '.join(found[:5])}.", "Try again when they have ended.")

    async def _stay(self, key: str, wanted: Record) -> None:
        """Stay with what serves: nothing has changed."""
        await self._controllers.stop(wanted)
        await self._controllers.hold(key, "")

    async def _carry_files(self, source: Slot, target: Slot) -> None:
        """Carry keys and OVN's databases."""
        await asyncio.to_thread(metadata.copy_keys, source, target)
        async with self._backups.staging(f"ovn-{target.number}") as folder:
            await metadata.save_ovn(source, folder)
            await metadata.replace_ovn(target, folder)

    # Looking

    def _measured(self) -> list[Measured]:
        """The switches of this node that were measured, the last one at the end."""
        told = json.loads(self._pauses.read_text()) if self._pauses.exists() else []
        return [Measured.model_validate(one) for one in told]

    def _remember(self, one: Measured) -> None:
        """Keep what a switch took; one that cannot be kept is no reason to fail."""
        told = [each.model_dump(mode="json") for each in (*self._measured(), one)[-KEPT:]]
        with contextlib.suppress(OSError):
            files.write(self._pauses, json.dumps(told), mode=0o600)

    def _present(self, customer: str) -> list[Record]:
        """A customer's controllers, the one with Keystone first.

        Raises:
            NotFound: there is none.
        """
        found = [one for one in self._registry.all() if one.spec.customer == customer and one.wanted]
        if not found:
            raise NotFound(f"Customer '{customer}' has no controller on this node.")
        return sorted(found, key=lambda one: not one.spec.identity)

    def _record(self, key: str) -> Record:
        record = self._registry.get(key)
        if record is None:
            raise NotFound(f"There is no controller {key} on this node.")
        return record

    def _slot(self, record: Record) -> Slot:
        return self._pool.slot(record.slot or 0)

    def _specifications(self, customer: str) -> dict[str, Any]:
        told = {one.spec.region: one.spec.model_dump(mode="json") for one in self._present(customer)}
        return {"specifications": told}

    def _insist(self, prepared: list[Prepared]) -> None:
        failed = [check for one in prepared for check in one.checks if check.verdict == "failure"]
        if failed:
            told = "; ".join(f"{check.project}: {check.detail}" for check in failed)
            raise PermanentError(f"Upgrade checks failed. {told}", "Nothing has changed; see `aloft upgrade plan`.")

    async def _remove_unused(self, prepared: list[Prepared]) -> None:
        used = {number for record in self._registry.all() for number in record.slots}
        for one in prepared:
            if one.record.slot not in used:
                await self._controllers.stop(one.record)
                await self._backups.discard(replace(one.record, hosts={}))

    async def _remove_all(self, scratch: str, filled: list[Record]) -> None:
        """Remove a scratch customer, and slots that were filled for it and not registered."""
        await self._backups.remove(scratch)
        used = {number for record in self._registry.all() for number in record.slots}
        for record in filled:
            if record.slot is not None and record.slot not in used:
                await self._controllers.stop(record)
                await self._backups.discard(record)


def _users(slot: Slot) -> list[str]:
    return [user for user, _ in slots.user_names(slot).values()]
