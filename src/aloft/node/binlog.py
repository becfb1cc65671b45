"""MariaDB's binary log, shipped to the repositories: what changed since a backup (:mod:`aloft.node.replay`)."""

import asyncio
import json
import logging
import re
import secrets
import shutil
import time
from collections.abc import Callable, Collection, Coroutine, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aloft.base import files
from aloft.base.errors import AloftError, InvalidInput, NotFound, TemporaryError
from aloft.base.paths import Paths
from aloft.daytwo import metadata
from aloft.daytwo.repositories import Repositories
from aloft.daytwo.restic import Repository, RepositoryUnreachable, Restic
from aloft.daytwo.retention import AHEAD
from aloft.node import mariadb
from aloft.node.database import Database
from aloft.node.replay import Shipment
from aloft.node.tenures import Tenures, read

_log = logging.getLogger(__name__)

SHIP_SECONDS = 40.0
"""From one shipment to the next: with what one takes, no change is on one machine alone for more than a minute."""

LEAST_SHIP_PAUSE = 5.0
"""Seconds between the end of a shipment that took long and the next."""

KIND = {"kind": "log"}
"""The tag of snapshots that hold binary logs."""

KEPT = 5
"""Each shipment holds all logs that there are, so few are kept."""

SHIP_PATIENCE_SECONDS = 600.0
"""After this long a shipment to one repository is given up and tried anew."""

BEHIND_SECONDS = 300.0
"""A repository that lacks changes older than this is behind, which raises an alarm."""

CUSTOMERS = "customers.json"
"""The file in a shipment that names the customers there are, so that nobody is restored who was deleted before.

``{"ids": id in the plane's records by name, "tenures": see aloft.node.tenures}``; an id that is not known is empty.
"""

RECORDS = "records"
"""The folder in a shipment that has the plane's records of each customer, as they are at that time."""

FORGET_EVERY = 30
"""Shipments between two times that old ones are forgotten, which has to wait until nobody copies them."""

_LOG = re.compile(r"binlog\.\d{6,}")
_CUSTOMER = re.compile(r"[a-z0-9-]{1,64}")


@dataclass(frozen=True)
class Shipping:
    """How far a repository is.

    Args:
        name: the repository's.
        role: primary or secondary.
        shipped: up to when it has all changes (Unix seconds); ``None`` when it never got any.
        behind: seconds; no change that is older than this is missing there.
        trouble: why the last shipment failed, or empty.
    """

    name: str
    role: str
    shipped: float | None
    behind: float
    trouble: str

    @property
    def late(self) -> bool:
        """Whether somebody has to look at it."""
        return self.behind > BEHIND_SECONDS


class Binlog:
    """The binary logs of the node's MariaDB.

    Args:
        paths: where everything lies.
        database: MariaDB.
        repositories: where the logs are shipped to.
        customers: names of those that the node serves.
        tenures: which controllers had which slots.
    """

    def __init__(
        self,
        paths: Paths,
        database: Database,
        repositories: Repositories,
        customers: Callable[[], Iterable[str]],
        tenures: Tenures,
    ) -> None:
        self._paths = paths
        self._database = database
        self._repositories = repositories
        self._folder = mariadb.data_folder(paths)
        self._customers = customers
        self._tenures = tenures
        self._unforgotten = 0
        self._begun = 0
        self._reached: dict[str, int] = {}
        self._shipping_now = asyncio.Lock()
        self._copying: dict[str, asyncio.Task[None]] = {}
        self._copies = paths.state / "backup/logs-copies"
        self._kept = paths.state / "backup/records"
        self._record = paths.state / "backup/shipped.json"
        self._shipped: dict[str, float] = json.loads(self._record.read_text()) if self._record.exists() else {}
        self._troubles: dict[str, str] = {}
        self._busy_since = 0.0

    @property
    def server(self) -> str:
        """Which MariaDB's logs these are: random, and made when it is first asked for."""
        file = self._paths.state / "backup/server"
        if not file.exists():
            files.folder(file.parent, mode=0o700)
            files.write(file, secrets.token_hex(8), mode=0o600)
        return file.read_text()

    def keep_records(self, customer: str, rows: Mapping[str, Any]) -> None:
        """Have the plane's records of a customer be part of shipments from now on.

        Raises:
            InvalidInput: that cannot be a customer's name.
            TemporaryError: they cannot be written.
        """
        if not _CUSTOMER.fullmatch(customer):
            raise InvalidInput(f"'{customer}' cannot be a customer's name.")
        file = self._kept / f"{customer}.json"
        try:
            files.folder(self._kept, mode=0o700)
            files.write(file, json.dumps(rows), mode=0o600)
        except OSError as error:
            raise _unwritable(file, error) from error

    async def records(self, repository: str, server: str, customer: str) -> dict[str, Any] | None:
        """The plane's records of a customer at the newest shipment of a MariaDB's logs; ``None`` where it has none."""
        opened = self._repositories.open(self._repositories.get(repository))
        found = await opened.snapshots({**KIND, "server": server})
        path = f"/{RECORDS}/{customer}.json"
        if not found or path not in await opened.names(found[-1].id):
            return None
        return dict(json.loads(await opened.read(found[-1].id, path)))

    def shipments(self) -> list[Shipping]:
        """How far each repository is."""
        return [self._shipping(one) for one in self._repositories.all()]

    async def fetch(self, repository: str, server: str, file: str, target: Path) -> Shipment:
        """Fetch the newest shipment of a MariaDB's logs into a folder: this log and those after it.

        Raises:
            NotFound: there is none, or it does not have that log.
        """
        if server == self.server:
            await self._ship_to(repository)
        opened = self._repositories.open(self._repositories.get(repository))
        found = await opened.snapshots({**KIND, "server": server})
        if not found:
            raise NotFound(f"The repository {repository} has no binary logs.", "Restore without --at.")
        newest = found[-1]
        wanted = [path for path in await opened.names(newest.id) if _LOG.fullmatch(path[1:]) and path[1:] >= file]
        if f"/{file}" not in wanted:
            raise NotFound(f"The binary log {file} is not there any more.", "Restore a newer backup, or without --at.")
        await opened.restore(newest.id, target, wanted)
        told = json.loads(await opened.read(newest.id, f"/{CUSTOMERS}"))
        return Shipment(
            tuple(target / path[1:] for path in sorted(wanted)),
            datetime.fromisoformat(newest.tags["until"]),
            read(told["tenures"]),
        )

    async def customers_in(self, opened: Restic) -> dict[str, str] | None:
        """The customers that another node had at its newest shipment to a repository, ``None`` when there is none.

        Each with its id in the plane's records, empty where that is not known.
        """
        found = [one for one in await opened.snapshots(KIND) if one.tags.get("server") != self.server]
        if not found:
            return None
        return dict(json.loads(await opened.read(found[-1].id, f"/{CUSTOMERS}"))["ids"])

    async def ship(self) -> None:
        """Begin a new log and bring all that are complete to every repository.

        Each secondary one gets them at its own pace: one that is still at the shipment before gets what there is with
        the next one, and nobody waits for it.

        Raises:
            AloftError: the primary repository has not got them.
        """
        async with self._shipping_now:
            self._begun += 1
            number = self._begun
            await self._database.execute(None, ["FLUSH BINARY LOGS"])
            moment = datetime.now(UTC)
            folder = await self._gathered()
            primary = self._repositories.open(self._repositories.primary())
            tags = {**KIND, "server": self.server}
            until = {**tags, "until": moment.isoformat()}

            async def store() -> None:
                await primary.ensure()
                await primary.backup(folder, until)
                self._unforgotten += 1
                if self._unforgotten >= FORGET_EVERY:
                    await primary.forget([one.id for one in (await primary.snapshots(tags))[:-KEPT]])
                    self._unforgotten = 0

            for one in await self._idle(folder):
                work = self._note(one.name, number, moment, self._store_too(one, until))
                self._copying[one.name] = asyncio.create_task(work, name=f"binary logs to {one.name}")
                self._copying[one.name].add_done_callback(_told)
            await self._note(primary.repository.name, number, moment, store())

    async def _idle(self, folder: Path) -> list[Repository]:
        """The secondary repositories that may get the next shipment, each with a folder of its own that has it."""
        secondary = self._repositories.secondary()
        idle = [one for one in secondary if one.name not in self._copying or self._copying[one.name].done()]
        try:
            files.folder(self._copies, mode=0o700)
            for one in idle:
                await asyncio.to_thread(_mirror, folder, self._copies / one.name)
            await asyncio.to_thread(_remove_others, self._copies, {one.name for one in secondary})
        except OSError as error:
            failure = _unwritable(self._copies, error)
            self._troubles |= {one.name: str(failure) for one in idle}
            raise failure from error
        return idle

    async def _ship_to(self, name: str) -> None:
        """Have all that is written by now be in one repository.

        Raises:
            NotFound: there is no such repository.
            AloftError: it has not got it.
        """
        before = self._begun
        while self._reached.get(name, 0) <= before:
            self._repositories.get(name)
            if name in self._copying:  # of what was there before
                await asyncio.wait({self._copying[name]})
            await self.ship()
            if name in self._copying and self._reached.get(name, 0) <= before:
                await asyncio.shield(self._copying[name])

    async def _gathered(self) -> Path:
        """The folder with what is shipped, as it is now."""
        current = str((await self._database.execute(None, ["SHOW MASTER STATUS"]))[0][0])
        folder = self._paths.state / "backup/logs"
        try:
            customers = frozenset(self._customers())
            await asyncio.to_thread(_gather, self._folder, folder, current)
            await asyncio.to_thread(_gather_records, self._kept, folder / RECORDS, customers)
            self._tenures.forget(min((int(path.suffix[1:]) for path in folder.glob("binlog.*")), default=0))
            kept = {path.stem: json.loads(path.read_text()) for path in (folder / RECORDS).iterdir()}
            ids = {customer: metadata.id_in(kept.get(customer, {})) for customer in sorted(customers)}
            told = {"ids": ids, "tenures": self._tenures.told()}
            files.write(folder / CUSTOMERS, json.dumps(told), mode=0o600)
        except OSError as error:
            failure = _unwritable(folder, error)
            self._troubles |= {one.name: str(failure) for one in self._repositories.all()}
            raise failure from error
        return folder

    async def _store_too(self, repository: Repository, tags: Mapping[str, str]) -> None:
        """Bring a shipment to a secondary repository from here, whatever becomes of the primary one."""
        secondary = self._repositories.open(repository)
        await secondary.ensure()
        await secondary.backup(self._copies / repository.name, tags)

    def rest(self) -> None:
        """There is nothing to ship: what comes later is measured from now on."""
        self._busy_since = time.time()

    async def _note(self, name: str, number: int, moment: datetime, work: Coroutine[Any, Any, None]) -> None:
        """Bring the shipment of this number to one repository, and remember how that went."""
        try:
            async with asyncio.timeout(SHIP_PATIENCE_SECONDS):
                await work
        except TimeoutError as error:
            self._troubles[name] = f"It is too slow: a shipment took more than {SHIP_PATIENCE_SECONDS:.0f} s."
            raise RepositoryUnreachable(
                f"The repository {name} is too slow.", "Look at the way to it; it is tried again by itself."
            ) from error
        except AloftError as error:
            self._troubles[name] = str(error)
            raise
        self._troubles.pop(name, None)
        self._reached[name] = number
        self._shipped[name] = moment.timestamp()
        try:
            files.write(self._record, json.dumps(self._shipped), mode=0o600)
        except OSError as error:
            raise _unwritable(self._record, error) from error

    def _shipping(self, repository: Repository) -> Shipping:
        """How far one repository is; what was there before there was anything to ship does not count.

        What stands in the future was written by a clock that was wrong, and must not hide that nothing came since.
        Changes in a slot of which the repository has no backup are in nobody's replay, though they are shipped.
        """
        shipped = self._shipped.get(repository.name)
        known = (repository.credentials / "repository.json").stat().st_mtime
        now, moments = time.time(), (shipped or 0.0, self._busy_since, known if shipped is None else 0.0)
        since = max((one for one in moments if one <= now + AHEAD.total_seconds()), default=0.0)
        customers = frozenset(self._customers())
        uncovered = [one for one in self._tenures.uncovered(repository.name) if one.customer in customers]
        began = {one.customer: one.began.timestamp() for one in uncovered if known <= one.began.timestamp() <= now}
        since = min((since, *began.values()))
        behind = max(0.0, now - since) if customers else 0.0
        trouble = self._troubles.get(repository.name, "")
        if began and not trouble:
            trouble = f"What serves {', '.join(sorted(began))} now is in no backup there yet."
        return Shipping(repository.name, repository.role, shipped, behind, trouble)


def _told(copying: "asyncio.Task[None]") -> None:
    """Say why a copy was not possible: it is tried again with the next shipment."""
    if not copying.cancelled() and (error := copying.exception()) is not None:
        _log.warning("The %s could not be copied: %s", copying.get_name(), error)


def _unwritable(path: Path, error: OSError) -> TemporaryError:
    return TemporaryError(
        f"{path} cannot be written: {error.strerror}.", "Free some space there; it is tried again by itself."
    )


def _gather(source: Path, target: Path, current: str | None = None) -> None:
    """Make a folder hold links to all logs, but for the one that is written, and no other files.

    A log that has its link is left alone: another link would make restic read all of it anew.
    """
    files.folder(target, mode=0o700)
    logs = {path.name: path for path in source.iterdir() if _LOG.fullmatch(path.name)}
    wanted = {name: path for name, path in logs.items() if current is None or name < current}
    for path in target.iterdir():
        if path.name not in wanted and not path.is_dir():
            path.unlink()
    for name, path in wanted.items():
        if not (target / name).exists():
            try:
                (target / name).hardlink_to(path)
            except OSError:
                shutil.copyfile(path, target / name)


def _mirror(source: Path, target: Path) -> None:
    """Make a folder hold what is shipped, for one that may still be at it when the next is gathered."""
    _gather(source, target)
    _gather_records(source / RECORDS, target / RECORDS, {path.stem for path in (source / RECORDS).iterdir()})
    shutil.copyfile(source / CUSTOMERS, target / CUSTOMERS)


def _remove_others(folder: Path, names: Collection[str]) -> None:
    """Remove the folders of repositories that are not known any more."""
    for path in folder.iterdir():
        if path.name not in names:
            shutil.rmtree(path)


def _gather_records(source: Path, target: Path, customers: Collection[str]) -> None:
    """Make a folder hold the records of these customers, and forget those of others."""
    for folder in (source, target):
        files.folder(folder, mode=0o700)
    for path in source.iterdir():
        if path.stem not in customers:
            path.unlink()
    for path in target.iterdir():
        if not (source / path.name).exists():
            path.unlink()
    for path in source.iterdir():
        shutil.copy2(path, target / path.name)
