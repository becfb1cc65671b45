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
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

from aloft.base import files
from aloft.base.errors import AloftError, Conflict, PermanentError
from aloft.base.paths import Paths
from aloft.controller import environment, golden, migrate, slots
from aloft.controller.context import Slot
from aloft.controller.environment import Change
from aloft.controller.migrate import Check
from aloft.controller.release import release
from aloft.controller.services import ALL, enabled
from aloft.controller.services.ovn import MEMCACHED
from aloft.daytwo import metadata
from aloft.daytwo.pause import KEPT, Measured, estimate
from aloft.node import losses
from aloft.node.backups import Backups
from aloft.node.controllers import Controllers
from aloft.node.copies import Copies, Own
from aloft.node.database import Database
from aloft.node.jobs import Work
from aloft.node.pool import Pool
from aloft.node.registry import Record, Registry
from aloft.node.switches import Switches

LISTS_DIFFER = "Nothing has changed. Try again when less is being done; if it stays so, see the new release's logs."


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
        packages: whose versions are others.
    """

    record: Record
    own: Own
    checks: list[Check]
    changes: dict[str, list[str]]
    seconds: float
    mib: float
    things: int
    packages: list[Change]


class Upgrades:
    """Upgrades of the node's customers; its public methods are handlers of jobs (:mod:`aloft.node.jobs`).

    Args:
        paths: where everything lies.
        controllers: the node's controllers.
        registry: what the node remembers of them.
        pool: slots.
        database: MariaDB.
        backups: how metadata is copied, filled into slots and compared.
        switches: has controllers served from other slots.
        start_release: makes the zygotes of an environment of a release run.
        renew_release: has a release's present pins be there, and tells them.
        sweep_environments: removes those of former pins that nobody needs any more.
    """

    def __init__(
        self,
        paths: Paths,
        controllers: Controllers,
        registry: Registry,
        pool: Pool,
        database: Database,
        backups: Backups,
        switches: Switches,
        start_release: Callable[[str], Awaitable[None]],
        renew_release: Callable[[str], Awaitable[str]],
        sweep_environments: Callable[[], Awaitable[None]],
    ) -> None:
        self._paths = paths
        self._controllers = controllers
        self._registry = registry
        self._pool = pool
        self._database = database
        self._copies = Copies(database)
        self._losses = losses.Losses(database)
        self._backups = backups
        self._switches = switches
        self._start_release = start_release
        self._renew_release = renew_release
        self._sweep_environments = sweep_environments
        self._pauses = paths.state / "node/pauses.json"

    async def plan(self, work: Work) -> dict[str, Any]:
        """Rehearse an upgrade to ``release``: all of it but the switch, then remove what was made.

        Returns:
            ``checks`` (project, verdict, detail), ``changes`` of the schemas, ``packages`` whose versions are others,
            the ``pause_seconds`` to expect and in ``pause_basis`` how they were arrived at, and how many
            ``things`` were listed alike.
        """
        prepared = await work.unless_aborted(self._prepare(work, self._registry.of(work.customer)))
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
            "pins": prepared[0].record.spec.pins,
            "changes": {one.record.spec.region: one.changes for one in prepared},
            "packages": [asdict(change) for change in prepared[0].packages],
            "pause_seconds": round(expected.seconds, 1),
            "pause_basis": expected.basis,
            "things": sum(one.things for one in prepared),
        }

    async def upgrade(self, work: Work) -> dict[str, Any]:
        """Upgrade a customer to ``release``, or to that release's present pins; until the switch it may be aborted.

        Returns:
            ``specifications`` of the regions as they are now, and the longest that requests that write were held.

        Raises:
            Conflict: a former upgrade was neither finished nor rolled back, or it was aborted.
            AloftError: it failed; then everything is as it was.
        """
        present = self._registry.of(work.customer)
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
                await work.unless_aborted(self._switches.quiet(work, waiting))
                for one in prepared:
                    held.append(await self._upgrade_one(work, one))
            except BaseException as error:
                await asyncio.shield(self._remove_unused(prepared))
                if isinstance(error, Exception):  # an end of the node leaves it to the next
                    for record in (one for one in self._registry.of(work.customer) if one.kept.get("job") == work.id):
                        await self._go_back(work, record)
                raise
        return {**self._specifications(work.customer), "writes_held_seconds": round(max(held), 2)}

    async def rollback(self, work: Work) -> dict[str, Any]:
        """Go back to what served before the last upgrade, with what was written since.

        ``release`` with its ``pins`` is what to leave. Returns ``specifications``, ``writes_held_seconds``, in ``lost``
        what could not be carried back, and in ``lost_folder`` where that is kept row by row, empty when nothing was.

        Raises:
            Conflict: nothing was kept.
            AloftError: it failed; then the upgraded controller goes on.
        """
        present = self._registry.of(work.customer)
        reached = [one for one in present if _told(one) == (work.arguments["release"], work.arguments["pins"])]
        leaving = [one for one in reached if one.kept]
        if reached and not leaving:
            raise Conflict(f"Nothing was kept of what served '{work.customer}' before.", "Restore a backup instead.")
        held, lost = [0.0], dict(work.journal.get("lost", {}))
        folder = self._paths.state / "node/lost" / work.id
        for record in leaving:
            async with work.step(f"make ready what served {record.spec.key} before"):
                former, own = Record.read(record.kept["record"]), Own(**record.kept["own"])
                await self._start_release(former.spec.environment)

            async def tell(record: Record = record, former: Record = former, own: Own = own) -> None:
                """Write down what has no place there before it is left: afterwards nobody could tell."""
                found = await self._losses.find(self._slot(record), self._slot(former), own)
                if found:
                    await asyncio.to_thread(losses.keep, folder / f"{record.spec.region}.json", found)
                lost[record.spec.key] = [str(one) for one in found]
                work.note({"lost": lost})

            await self._switches.quiet(work, [record])
            held.append(await self._go_back(work, record, tell))
        told = [one for each in lost.values() for one in each]
        return {
            **self._specifications(work.customer),
            "writes_held_seconds": round(max(held), 2),
            "lost": told,
            "lost_folder": str(folder) if told else "",
        }

    async def finish(self, work: Work) -> dict[str, Any]:
        """Remove what was kept for the way back."""
        async with work.step("remove what served before"):
            for record in self._registry.of(work.customer):
                if record.kept:
                    self._registry.put(replace(record, kept={}))
                    await self._backups.discard(Record.read(record.kept["record"]))
            await self._sweep_environments()
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
                pins = await self._renew_release(name)
                self._insist_other(present, name, pins)
            await self._switches.calm(work, present)
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
                    prepared.append(await self._try(work, record, named[record.spec.region], pins))
                else:  # it was upgraded before, and the others need its Keystone
                    await self._controllers.run_beside(record)
            for one in reversed(prepared):
                await self._controllers.lay_aside(f"{scratch}/{one.record.spec.region}")
            await self._backups.remove(scratch)
        except BaseException:
            await asyncio.shield(self._remove_all(scratch, filled))
            raise
        return prepared

    async def _try(self, work: Work, filled: Record, present: Record, pins: str) -> Prepared:
        """Migrate a filled slot, and see that a controller works there."""
        name = work.arguments["release"]
        spec = filled.spec.model_copy(update={"release": name, "pins": pins})
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
            seconds = await self._switches.rehearse(present, target, own, since)
            remark(f"{seconds:.1f} s")
        async with work.step("compare the lists of its APIs"):
            things = await self._backups.compare_lists(record, LISTS_DIFFER)
        async with work.step("run the projects' upgrade checks") as remark:
            checks = await migrate.upgrade_checks(context, enabled(spec))
            remark(", ".join(f"{one.project}: {one.verdict}" for one in checks))
        real = replace(
            present, spec=present.spec.model_copy(update={"release": name, "pins": pins}), slot=record.slot, kept={}
        )
        packages = await asyncio.to_thread(
            environment.changes, self._paths.environment(present.spec.environment), context.environment
        )
        return Prepared(real, own, checks, changes, seconds, await self._copies.size(source), things, packages)

    # The switch

    async def _upgrade_one(self, work: Work, one: Prepared) -> float:
        """Switch one region and see that it answers; back to the old one when it does not."""
        former = self._registry.present(one.record.spec.key)
        kept = {"job": work.id, "record": former.told(), "own": asdict(one.own)}
        held = await self._switches.switch(work, former, one.record, one.own, kept)
        self._remember(Measured(customer=work.customer, rehearsed=one.seconds, mib=one.mib, held=held))
        await self._confirm(work, self._registry.present(former.spec.key))
        return held

    async def _confirm(self, work: Work, present: Record) -> None:
        """See that what serves now answers; back to what served before when it does not."""
        try:
            async with work.step(f"see that {present.spec.region} answers"):
                await self._controllers.settled(present.spec.key)
        except AloftError:
            await self._go_back(work, present)
            raise

    async def _go_back(self, work: Work, present: Record, frozen: Callable[[], Awaitable[None]] | None = None) -> float:
        """Have a region served from what was kept, and remove what serves it now; returns how long writes waited.

        Args:
            work: the job.
            present: what serves.
            frozen: what has to be done while nobody can write.
        """
        former = replace(Record.read(present.kept["record"]), kept={})
        file, place = present.kept["alike"]
        own = Own(**present.kept["own"])
        held = await self._switches.switch(work, present, former, own, {}, (file, int(place)), frozen)
        async with work.step("see that it answers"):
            await self._controllers.settled(present.spec.key)
        async with work.step("remove the newer controller"):
            await self._backups.discard(replace(present, kept={}))
        return held

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

    def _slot(self, record: Record) -> Slot:
        return self._pool.slot(record.slot or 0)

    def _specifications(self, customer: str) -> dict[str, Any]:
        told = {one.spec.region: one.spec.model_dump(mode="json") for one in self._registry.of(customer)}
        return {"specifications": told}

    def _insist_other(self, present: list[Record], release: str, pins: str) -> None:
        if all(_told(record) == (release, pins) for record in present):
            raise Conflict(
                f"{release} serves the customer already, with its present pins.", "See `aloft release list`."
            )

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


def _told(record: Record) -> tuple[str, str]:
    """The release and the pins of it that a controller runs."""
    return record.spec.release, record.spec.pins
