"""MariaDB's binary log: what changed since a moment, replayed into other schemas, and shipped to the repositories.

The log is of rows. It is replayed schema by schema, each under the name that it has in its new place; a table that has
more columns there (a newer release's) takes the rows with those columns' defaults.
"""

import asyncio
import re
import secrets
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from aloft.base import files
from aloft.base.errors import NotFound, PermanentError
from aloft.base.paths import Paths
from aloft.daytwo.repositories import Repositories
from aloft.node import mariadb
from aloft.node.database import Database

SHIP_SECONDS = 40.0
"""Between two shipments: with what one takes, nothing that changed is on one machine alone for more than a minute."""

KIND = {"kind": "log"}
"""The tag of snapshots that hold binary logs."""

KEPT = ("--keep-last", "5")
"""Each shipment holds all logs that there are, so few are kept."""

FORGET_EVERY = 30
"""Shipments between two times that old ones are forgotten."""

_LOG = re.compile(r"binlog\.\d{6,}")


async def replay(
    paths: Paths,
    logs: Sequence[Path],
    start: int,
    schemas: Mapping[str, str],
    until: datetime | None = None,
) -> None:
    """Bring schemas forward by what the binary log says of others.

    Args:
        paths: where MariaDB's socket is.
        logs: the files in order.
        start: position in the first.
        schemas: for each schema that the log speaks of the one that is brought forward.
        until: events from this moment on are left out (the log knows whole seconds).

    Raises:
        PermanentError: a change cannot be replayed.
    """
    for source, target in schemas.items():
        await asyncio.to_thread(_replay_one, paths, logs, start, source, target, until)


def _replay_one(
    paths: Paths, logs: Sequence[Path], start: int, source: str, target: str, until: datetime | None
) -> None:
    stop = (f"--stop-datetime={until.astimezone(UTC):%Y-%m-%d %H:%M:%S}",) if until else ()
    read = ["/usr/bin/mariadb-binlog", "--no-defaults", "--disable-log-bin", f"--start-position={start}", *stop]
    read += [f"--database={source}", f"--rewrite-db={source}->{target}", *map(str, logs)]
    write = ["/usr/bin/mariadb", "--no-defaults", f"--socket={paths.database_socket}", "--user=root"]
    env = {"PATH": "/usr/bin:/bin", "TZ": "UTC", "LC_ALL": "C.UTF-8"}
    with subprocess.Popen(read, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env) as reader:
        applied = subprocess.run(write, stdin=reader.stdout, capture_output=True, text=True, env=env, check=False)
        if reader.stdout is not None:
            reader.stdout.close()
        said = reader.stderr.read().decode(errors="replace").strip() if reader.stderr is not None else ""
    trouble = applied.stderr.strip() or (said if reader.returncode else "")
    if applied.returncode or reader.returncode:
        raise PermanentError(
            f"The changes of {source} could not be replayed: {trouble[-400:]}.",
            "Restore without --at, or from another backup.",
        )


class Binlog:
    """The binary logs of the node's MariaDB.

    Args:
        paths: where everything lies.
        database: MariaDB.
        repositories: where the logs are shipped to.
    """

    def __init__(self, paths: Paths, database: Database, repositories: Repositories) -> None:
        self._paths = paths
        self._database = database
        self._repositories = repositories
        self._folder = mariadb.data_folder(paths)
        self._last_forgotten = 0
        self.shipped: dict[str, float] = {}

    @property
    def server(self) -> str:
        """Which MariaDB's logs these are: random, and made when it is first asked for."""
        file = self._paths.state / "backup/server"
        if not file.exists():
            files.folder(file.parent, mode=0o700)
            files.write(file, secrets.token_hex(8), mode=0o600)
        return file.read_text()

    async def fetch(self, repository: str, server: str, file: str, target: Path) -> list[Path]:
        """Fetch the newest shipment of a MariaDB's logs into a folder; this log and those after it, in order.

        Raises:
            NotFound: there is none, or it does not have that log.
        """
        if server == self.server:
            await self.ship()
        opened = self._repositories.open(self._repositories.get(repository))
        found = await opened.snapshots({**KIND, "server": server})
        if not found:
            raise NotFound(f"The repository {repository} has no binary logs.", "Restore without --at.")
        await opened.restore(found[-1].id, target)
        return _since(target, file)

    async def ship(self) -> None:
        """Begin a new log and bring all that are complete to every repository that backups are kept in.

        Raises:
            AloftError: a repository could not be reached; the others have got them.
        """
        await self._database.execute(None, ["FLUSH BINARY LOGS"])
        moment = datetime.now(UTC)
        current = str((await self._database.execute(None, ["SHOW MASTER STATUS"]))[0][0])
        folder = self._paths.state / "backup/logs"
        await asyncio.to_thread(_gather, self._folder, folder, current)
        primary = self._repositories.open(self._repositories.primary())
        await primary.ensure()
        tags = {**KIND, "server": self.server}
        snapshot, _ = await primary.backup(folder, {**tags, "until": moment.isoformat()})
        self.shipped[primary.repository.name] = moment.timestamp()
        self._last_forgotten = (self._last_forgotten + 1) % FORGET_EVERY
        if not self._last_forgotten:
            await primary.forget(tags, KEPT)
        for one in self._repositories.secondary():
            secondary = self._repositories.open(one)
            await secondary.ensure(like=primary)
            await secondary.copy_from(primary, (snapshot,))
            self.shipped[one.name] = moment.timestamp()


def _since(folder: Path, file: str) -> list[Path]:
    found = sorted(path for path in folder.iterdir() if _LOG.fullmatch(path.name) and path.name >= file)
    if not found or found[0].name != file:
        raise NotFound(f"The binary log {file} is not there any more.", "Restore a newer backup, or without --at.")
    return found


def _gather(source: Path, target: Path, current: str) -> None:
    """Make a folder hold links to all complete logs, and nothing else."""
    files.folder(target, mode=0o700)
    wanted = {path.name: path for path in source.iterdir() if _LOG.fullmatch(path.name) and path.name < current}
    for path in target.iterdir():
        if path.name not in wanted:
            path.unlink()
    for name, path in wanted.items():
        if not (target / name).exists():
            try:
                (target / name).hardlink_to(path)
            except OSError:
                shutil.copyfile(path, target / name)
