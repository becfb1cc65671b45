"""What a node does about backups: makes them, proves them, restores customers from them.

``backup``, ``copy``, ``prove``, ``restore``, ``check`` and ``retain`` are handlers of kinds of jobs
(:mod:`aloft.node.jobs`); upgrades use the rest.
"""

import asyncio
import contextlib
import json
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aloft.base import files
from aloft.base.errors import AloftError, Conflict, InvalidInput, NotFound, PermanentError
from aloft.base.paths import Paths
from aloft.controller import check, environment
from aloft.controller.context import Slot
from aloft.controller.release import release
from aloft.controller.services import enabled
from aloft.daytwo import metadata
from aloft.daytwo.lists import LISTS
from aloft.daytwo.metadata import Manifest, RegionPart, Source
from aloft.daytwo.repositories import Repositories
from aloft.daytwo.restic import Restic, Snapshot
from aloft.daytwo.retention import outlived, uncopied
from aloft.node.binlog import Binlog
from aloft.node.broker import Broker
from aloft.node.controllers import Controllers
from aloft.node.database import Database
from aloft.node.jobs import Work
from aloft.node.moves import Move, Moves
from aloft.node.pool import Pool
from aloft.node.registry import Record, Registry
from aloft.node.replay import Reach, reach, replay
from aloft.node.tenures import Place, place

ROOM_BYTES = 64 << 20
"""Free space without which no backup is begun: what one takes before restic has it."""

PARALLEL_RESTORES = 2
"""Customers that are restored at a time, when many are."""

LISTS_DIFFER = "Do not count on this backup: look at the customer's controller and back up again."

LEAST = 3
"""Backups of a customer that are kept, however old they are."""

LATEST = "latest"
"""In the place of a moment: the last one of which the repository knows."""

KIND = {"kind": "customer"}
"""The tag of snapshots that hold a customer's metadata."""

Replay = Callable[[Slot, str], Awaitable[None]]


class Backups:
    """Backups of the node's customers.

    Args:
        paths: where everything lies.
        controllers: the node's controllers.
        registry: what the node remembers of them.
        pool: slots.
        database: MariaDB.
        broker: RabbitMQ.
        repositories: where backups are kept.
        binlog: what changed since.
        edge_authority: CA certificate of the edge.
        domain: DNS domain below which the node's names lie.
    """

    def __init__(
        self,
        paths: Paths,
        controllers: Controllers,
        registry: Registry,
        pool: Pool,
        database: Database,
        broker: Broker,
        repositories: Repositories,
        binlog: Binlog,
        edge_authority: Path,
        domain: str,
    ) -> None:
        self._paths = paths
        self._controllers = controllers
        self._registry = registry
        self._pool = pool
        self._database = database
        self._made = paths.state / "backup/made.json"
        self._domain = domain
        self._refills = asyncio.Semaphore(PARALLEL_RESTORES)
        self._moves = Moves(controllers, registry, pool, broker)
        self._repositories = repositories
        self._binlog = binlog
        self._edge_authority = edge_authority

    def made(self) -> dict[str, float]:
        """When each customer of this node was last backed up, in Unix seconds."""
        told: dict[str, float] = json.loads(self._made.read_text()) if self._made.exists() else {}
        served = {record.spec.customer for record in self._registry.all()}
        return {customer: moment for customer, moment in told.items() if customer in served}

    async def snapshots(self, repository: str, customer: str | None) -> list[Snapshot]:
        """The backups in a repository, the oldest first; of all customers when none is named."""
        opened = self._repositories.open(self._repositories.get(repository))
        return await opened.snapshots({**KIND, **({"customer": customer} if customer else {})})

    async def backup(self, work: Work) -> dict[str, Any]:
        """Back up a customer; ``records`` are the plane's own of it, ``owed`` as :meth:`copy` has it.

        Returns:
            ``snapshot``, ``repository``, whether that is a folder of this node (``local``), ``made``, bytes ``read``
            and ``added``; for each secondary repository in ``copies`` an empty text or why it has no copy, and in
            ``copied`` as :meth:`copy` has it.
        """
        sources = self.sources(work.customer)
        primary = self._repositories.open(self._repositories.primary())
        async with self.staging(f"backup-{work.customer}") as folder:
            async with work.step("collect the metadata"):
                manifest = await metadata.collect(
                    folder,
                    work.customer,
                    sources,
                    work.arguments["records"],
                    self._paths.state / "edge-ca",
                    self._binlog.server,
                    self._database.dump_together,
                )
            async with work.step(f"store in {primary.repository.name}"):
                await primary.ensure()
                tags = {**KIND, "customer": work.customer, "made": manifest.made.isoformat()}
                tags["id"] = metadata.id_in(work.arguments["records"])
                snapshot, sizes = await primary.backup(folder, tags)
        async with work.step("read back"), self._fetched(primary, snapshot, f"verify-{work.customer}") as (_, read):
            if read != manifest:
                raise PermanentError("What was read back is not what was stored.", "Check the repository's disk.")
        self._registry.tenures.cover(*self._place(manifest), primary.repository.name)
        troubles, copied = await self._copy_missing(work, primary, work.arguments.get("owed", {}), snapshot)
        moments = {**self.made(), work.customer: manifest.made.timestamp()}
        files.write(self._made, json.dumps(moments), mode=0o600)
        return {
            "snapshot": snapshot,
            "repository": primary.repository.name,
            "local": primary.repository.url.startswith("/"),
            "made": manifest.made.isoformat(),
            **sizes,
            "copies": troubles,
            "copied": copied,
        }

    async def copy(self, work: Work) -> dict[str, Any]:
        """Give secondary repositories what they lack of a customer.

        ``owed`` has by repository the snapshots that could not be copied. Returns the primary ``repository``, in
        ``copied`` by secondary repository the ids of the snapshots that were copied now, and in ``copies`` by secondary
        repository an empty text or why it still lacks some.
        """
        primary = self._repositories.open(self._repositories.primary())
        troubles, copied = await self._copy_missing(work, primary, work.arguments["owed"])
        return {"repository": primary.repository.name, "copied": copied, "copies": troubles}

    async def prove(self, work: Work) -> dict[str, Any]:
        """Restore a backup into a scratch controller, start it, and compare rows and API lists; then remove it.

        ``repository`` and ``snapshot`` name the backup. Returns how many ``tables`` and listed ``things`` are the same.

        Raises:
            PermanentError: something differs.
        """
        opened = self._repositories.open(self._repositories.get(work.arguments["repository"]))
        scratch = f"proof-{work.id[:8]}"
        await self.remove(scratch)
        try:
            async with self._fetching(work, opened, work.arguments["snapshot"], scratch) as (folder, manifest):
                records = await self.fill(work, folder, manifest, scratch)
            async with work.step("start the scratch controller"):
                for record in records:
                    await self._controllers.run_beside(record)
            async with work.step("compare the lists of its APIs"):
                things = sum([await self.compare_lists(record, LISTS_DIFFER) for record in records])
        finally:
            await asyncio.shield(self.remove(scratch))
        tables = sum(len(tables) for part in manifest.regions.values() for tables in part.tables.values())
        return {"tables": tables, "things": things}

    async def restore(self, work: Work) -> dict[str, Any]:
        """Bring a customer back from a backup; what served it until then, if anything did, is removed at the end.

        ``repository`` and ``snapshot`` name the backup, ``at`` (ISO 8601, ``latest`` or ``None``) a later moment up to
        which the binary log is replayed; without logs the latest moment is that of the backup. Returns the plane's
        ``records`` in it, when it was ``made``, the ``specifications`` of its regions, and in ``lying`` what the
        repository has of this customer: id, id before it was copied there, and moment of each backup.

        Raises:
            AloftError: the restored controller does not become ready; then the one that served goes on.
        """
        async with self._refills:
            move = Move.model_validate(work.journal) if work.journal else await self._refill(work)
            return await self._moves.carry_out(work, move)

    async def _refill(self, work: Work) -> Move:
        """Fill a slot for each region of the backup that a job names; nothing of the customer's changes by that."""
        opened = self._repositories.open(self._repositories.get(work.arguments["repository"]))
        async with contextlib.AsyncExitStack() as stack:
            snapshot, name = work.arguments["snapshot"], f"restore-{work.customer}"
            folder, manifest = await stack.enter_async_context(self._fetching(work, opened, snapshot, name))
            self.check_place(work.customer, manifest)
            replayed, until = None, manifest.made
            if work.arguments.get("at") is not None:
                replayed, until = await self._changes(work, stack, opened, manifest)
            records = await self.fill(work, folder, manifest, work.customer, replayed)
            told = json.loads((folder / "records.json").read_text())
            if replayed is not None and work.arguments["at"] == LATEST:
                newer = await self._binlog.records(opened.repository.name, manifest.server, work.customer)
                told = metadata.brought_forward(told, newer or {})
            records = [one.with_hosts(metadata.hosts_of(told, one.spec.region)) for one in records]
            lying = await opened.snapshots({**KIND, "customer": work.customer})
        result = {
            "records": told,
            "made": until.isoformat(),
            "specifications": {record.spec.region: record.spec.model_dump(mode="json") for record in records},
            "lying": [[one.id, one.original, one.tags.get("made", one.time)] for one in lying],
        }
        return self._moves.plan(records, replayed is not None, result)

    def check_place(self, customer: str, manifest: Manifest) -> None:
        """See that a backup is of this customer, and that its names are those of this node.

        Raises:
            Conflict: it is not.
        """
        if manifest.customer != customer:
            raise Conflict(f"That backup is of customer '{manifest.customer}'.", "See `aloft backup list`.")
        domains = {part.spec.domain for part in manifest.regions.values()}
        if domains != {self._domain}:
            raise Conflict(
                f"That backup's names are below {', '.join(sorted(domains))}, this node's are below {self._domain}.",
                "Restore it on a node with that domain: aloft up --no-demo --domain NAME",
            )

    async def _changes(
        self, work: Work, stack: contextlib.AsyncExitStack, opened: Restic, manifest: Manifest
    ) -> tuple[Replay | None, datetime]:
        """What brings a slot's schemas from a backup forward to the moment that a job names, and that moment.

        Without binary logs the latest moment is that of the backup, and nothing has to be brought forward.
        """
        at, name = work.arguments["at"], opened.repository.name
        until = None if at == LATEST else datetime.fromisoformat(at)
        if until is not None and until < manifest.made:
            raise InvalidInput(f"That backup is younger than {until.isoformat()}.", "Name an older one.")
        folder = await stack.enter_async_context(self.staging(f"log-{work.customer}"))
        slots, start = self._place(manifest)
        async with work.step(f"read the binary logs from {name}") as remark:
            try:
                shipment = await self._binlog.fetch(name, manifest.server, manifest.log[0], folder)
                found: Reach = await asyncio.to_thread(reach, shipment, slots, start, until)
            except NotFound as error:
                if until is not None:
                    raise
                remark(f"{error.message} What changed after the backup is lost.")
                return None, manifest.made
            remark(f"up to {found.moment:%Y-%m-%d %H:%M:%S}{found.remark and '; '}{found.remark}")

        async def bring_forward(slot: Slot, region: str) -> None:
            before = Slot(manifest.regions[region].slot, self._paths)
            schemas = {before.schema(name): slot.schema(name) for name in metadata.schemas()}
            user = slot.database_user("replay")
            await replay(self._paths, self._database, shipment.files, start, found.stop, schemas, user)

        return bring_forward, found.moment

    def _place(self, manifest: Manifest) -> tuple[dict[str, int], Place]:
        """In which slots the controllers were of which a backup is, and the place in the log at that moment."""
        slots = {part.spec.key: part.slot for part in manifest.regions.values()}
        return slots, place(*manifest.log)

    async def check(self, work: Work) -> dict[str, Any]:
        """Read all of a ``repository`` and see that it is what was written."""
        opened = self._repositories.open(self._repositories.get(work.arguments["repository"]))
        async with work.step(f"read {opened.repository.name}"):
            await opened.unlock()
            await opened.check(read=True)
        return {}

    async def retain(self, work: Work) -> dict[str, Any]:
        """Forget a customer's backups that are older than ``days``, but the newest three, and give their space back.

        Returns the ids of the snapshots that are ``kept``, and in which ``repository``.
        """
        opened = self._repositories.open(self._repositories.primary())
        async with work.step(f"forget old backups in {opened.repository.name}"):
            lying = await opened.snapshots({**KIND, "customer": work.customer})
            gone = {one.id for one in outlived(lying, datetime.now(UTC), work.arguments["days"], LEAST)}
            await opened.forget(sorted(gone))
            await opened.prune()
        return {"repository": opened.repository.name, "kept": [one.id for one in lying if one.id not in gone]}

    async def _copy_missing(
        self, work: Work, primary: Restic, owed: Mapping[str, Sequence[str]], newest: str = ""
    ) -> tuple[dict[str, str], dict[str, list[str]]]:
        """Copy to each secondary repository what it lacks of a customer.

        Args:
            work: the job.
            primary: where the backups are.
            owed: by repository, snapshots that could not be copied.
            newest: the snapshot that was just made, if one was: only what keeps that one from being copied is told.

        Returns:
            By repository, an empty text or what the trouble was, and the ids of the snapshots that were copied.
        """
        troubles: dict[str, str] = {}
        copied: dict[str, list[str]] = {}
        for one in self._repositories.secondary():
            secondary, done = self._repositories.open(one), copied.setdefault(one.name, [])
            wanted = (*owed.get(one.name, ()), *((newest,) if newest else ()))
            try:
                async with work.step(f"copy to {one.name}") as remark:
                    failed = await self._copy_all(work.customer, primary, secondary, wanted, done)
                    remark(f"{len(done)} backups" + (f", not {', '.join(failed)}" if failed else ""))
            except AloftError as error:
                failed = {newest: str(error)}
            told = [reason for snapshot, reason in failed.items() if not newest or snapshot.startswith(newest)]
            troubles[one.name] = told[0] if told else ""
        return troubles, copied

    async def _copy_all(
        self, customer: str, primary: Restic, secondary: Restic, owed: Sequence[str], done: list[str]
    ) -> dict[str, str]:
        """Copy what is missing, the oldest first, noting each that is ``done``; those that cannot be read, and why.

        Raises:
            AloftError: the secondary repository cannot be written to.
        """
        await secondary.ensure()
        tags, unreadable = {**KIND, "customer": customer}, {}
        for snapshot in uncopied(await primary.snapshots(tags), await secondary.snapshots(tags), owed):
            async with contextlib.AsyncExitStack() as stack:
                try:
                    name = f"copy-{customer}"
                    folder, manifest = await stack.enter_async_context(self._fetched(primary, snapshot.id, name))
                except AloftError as error:
                    unreadable[snapshot.id] = str(error)
                    continue
                await secondary.keep_copy(folder, snapshot)
                if manifest.server == self._binlog.server:
                    self._registry.tenures.cover(*self._place(manifest), secondary.repository.name)
                done.append(snapshot.id)
        return unreadable

    def sources(self, customer: str) -> dict[str, Source]:
        """A customer's regions on this node.

        Raises:
            NotFound: there is none.
            Conflict: one is not ready to be read.
        """
        found = self._registry.of(customer)
        for record in found:
            if record.slot is None or not self._registry.prepared(record.slot):
                raise Conflict(f"The controller {record.spec.key} is being made.", "Try again when it is ready.")
        return {
            record.spec.region: Source(self._pool.slot(record.slot), record.told())
            for record in found
            if record.slot is not None
        }

    @contextlib.asynccontextmanager
    async def staging(self, name: str) -> AsyncIterator[Path]:
        """An empty folder that only root reads, gone afterwards."""
        folder = self._paths.state / "backup/staging" / name
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
        files.folder(folder.parent, mode=0o700)
        metadata.room_for(folder.parent, ROOM_BYTES)
        files.folder(folder, mode=0o700)
        try:
            yield folder
        finally:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

    @contextlib.asynccontextmanager
    async def _fetched(self, opened: Restic, snapshot: str, name: str) -> AsyncIterator[tuple[Path, Manifest]]:
        """A backup's files, every byte compared with its manifest."""
        async with self.staging(name) as folder:
            await opened.restore(snapshot, folder)
            yield folder, await asyncio.to_thread(metadata.verify, folder)

    @contextlib.asynccontextmanager
    async def _fetching(
        self, work: Work, opened: Restic, snapshot: str, name: str
    ) -> AsyncIterator[tuple[Path, Manifest]]:
        """The same, as a step."""
        async with contextlib.AsyncExitStack() as stack:
            async with work.step(f"read the backup from {opened.repository.name}"):
                found = await stack.enter_async_context(self._fetched(opened, snapshot, name))
            yield found

    async def fill(
        self, work: Work, folder: Path, manifest: Manifest, customer: str, bring_forward: Replay | None = None
    ) -> list[Record]:
        """Prepare a slot for each region of a backup, and compare its rows; the region with Keystone comes first."""
        records: list[Record] = []
        ordered = sorted(manifest.regions.items(), key=lambda item: not item[1].spec.identity)
        async with work.step("load and compare the databases"):
            for region, part in ordered:
                kept = Record.read(part.record)
                spec = kept.spec.model_copy(update={"customer": customer})
                if not environment.complete(spec.environment, self._paths):  # it was made elsewhere, or long ago
                    spec = spec.model_copy(update={"pins": environment.pins(release(spec.release), self._paths)})
                record = replace(kept, spec=spec, slot=None, kept={})
                record = replace(record, hosts={}, serials={}) if customer != manifest.customer else record

                async def finish(slot: Slot, region: str = region, part: RegionPart = part) -> None:
                    await self.compare_rows(slot, part.tables)
                    if bring_forward is not None:
                        await bring_forward(slot, region)

                try:
                    records.append(await self._pool.fill(record, folder, finish))
                except BaseException:
                    for made in records:
                        await asyncio.shield(self._moves.discard(made))
                    raise
        return records

    async def compare_rows(self, slot: Slot, wanted: Mapping[str, Mapping[str, str]]) -> None:
        """See that a slot's tables hold what was backed up, row by row.

        Raises:
            PermanentError: they do not.
        """
        async with self.staging(f"compare-{slot.number}") as folder:
            names = {slot.schema(name): name for name in metadata.schemas()}
            taken = await self._database.dump_together({full: folder / name for full, name in names.items()})
        found = {name: taken.tables[full] for full, name in names.items()}
        if wrong := metadata.difference(wanted, found):
            raise PermanentError(
                f"{len(wrong)} tables are not as they were backed up: {', '.join(wrong[:5])}.",
                "Restore another backup, and look at the log of 'mariadb'.",
            )

    async def compare_lists(self, record: Record, remedy: str) -> int:
        """See that a controller's APIs list what its rows say; returns how many things.

        Raises:
            PermanentError: they do not; with this remedy.
        """
        context = self._controllers.context(record.spec.key)
        services = enabled(record.spec)
        told = await check.ids(context, services, LISTS, self._edge_authority)
        for listing in LISTS:
            if listing.key not in told:
                continue
            rows = set()
            for schema, query in listing.rows.items():
                rows |= {str(row[0]) for row in await self._database.execute(context.slot.schema(schema), [query])}
            if rows != told[listing.key]:
                raise PermanentError(
                    f"The API lists {len(told[listing.key])} {listing.key} and the database has {len(rows)}; "
                    f"{len(rows ^ told[listing.key])} differ.",
                    remedy,
                )
        return sum(len(found) for found in told.values())

    async def remove(self, customer: str) -> None:
        """Tear down a scratch customer; the region with its Keystone goes last."""
        records = [record for record in self._registry.all() if record.spec.customer == customer]
        for record in sorted(records, key=lambda record: record.spec.identity):
            await self._controllers.drop(record.spec.key)

    async def discard(self, record: Record) -> None:
        """Remove what was filled or prepared for a controller that is served from elsewhere, or from nowhere."""
        await self._moves.discard(record)
