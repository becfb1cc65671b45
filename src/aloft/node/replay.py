"""Replaying MariaDB's binary log into other schemas, up to a moment.

The log is of rows. It is replayed schema by schema, each under the name that it has in its new place; a table that has
more columns there (a newer release's) takes the rows with those columns' defaults. It is done as a user who may do
nothing elsewhere: statements that change tables are replayed as they were written, and could name others.

A moment is looked up in the log as the place after the last transaction that began before it. Where a clock was put
back meanwhile, that is the last time that it showed this moment, so that nothing true is left out.
"""

import asyncio
import mmap
import struct
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from aloft.base.errors import InvalidInput, NotFound, PermanentError
from aloft.base.paths import Paths
from aloft.node.database import Database
from aloft.node.tenures import Place, Tenure, place

_HEADER = struct.Struct("<IBIIIH")
"""When, type, server, length, place of the next, flags: the header of each event of the log.

https://mariadb.com/kb/en/2-binlog-event-header/
"""

_START = 4
"""Where the first event of a log is, after its magic number."""

_GTID = 162
"""The type of event with which every transaction begins."""

_REMEDY = "Restore without --at, or from another backup."


@dataclass(frozen=True)
class Shipment:
    """What a repository has of a MariaDB's binary log.

    Args:
        files: the logs in order.
        until: up to when they have all changes.
        tenures: which controllers had which slots.
    """

    files: tuple[Path, ...]
    until: datetime
    tenures: tuple[Tenure, ...]


@dataclass(frozen=True)
class Reach:
    """Up to where the changes of some slots are replayed.

    Args:
        stop: the place in the log; ``None`` is its end.
        moment: what that brings back.
        remark: what is to be known of it, in words.
    """

    stop: Place | None
    moment: datetime
    remark: str = ""


@dataclass(frozen=True)
class Sought:
    """A moment in a log.

    Args:
        stop: the place after the last transaction that began before it; ``None`` when none began after it.
        again: whether some before that place began after the moment: a clock was put back.
    """

    stop: Place | None
    again: bool


def reach(shipment: Shipment, slots: Mapping[str, int], start: Place, until: datetime | None) -> Reach:
    """Up to where a backup of some controllers can and shall be brought forward.

    Args:
        shipment: the log.
        slots: slot by ``customer/region``.
        start: the backup's place in the log.
        until: the moment that is asked for; ``None`` is the last there is.

    Raises:
        NotFound: it is not known whose the slots' changes are.
        InvalidInput: the moment is later than what the log has of these controllers.
    """
    found = {
        key: next((one for one in shipment.tenures if one.at(key, slot, start)), None) for key, slot in slots.items()
    }
    if unknown := sorted(key for key, one in found.items() if one is None):
        raise NotFound(f"The binary log does not tell which changes after that backup are those of {unknown[0]}.")
    ended = min(
        ((one.until, one.ended, key) for key, one in found.items() if one and one.until and one.ended), default=None
    )
    if until is not None and until > shipment.until:
        raise InvalidInput(
            f"There is nothing later than {_told(shipment.until)} in the binary log that was found.",
            "Name a moment up to then.",
        )
    if until is None:
        if ended is None:
            return Reach(None, shipment.until)
        return Reach(ended[0], ended[1], f"what changed after that, when {ended[2]} got other databases, is lost")
    sought = seek(shipment.files, start, until)
    stop = sought.stop
    if ended is not None and until <= ended[1] and (stop is None or stop <= ended[0]):
        stop = stop or ended[0]
    elif ended is not None:
        raise InvalidInput(
            f"That backup reaches up to {_told(ended[1])}: {ended[2]} got other databases then.",
            "Name a moment up to then, or a backup that was made after it: aloft backup list "
            f"{ended[2].partition('/')[0]}",
        )
    return Reach(stop, until, "a clock was put back: it is the last time that it showed this" * sought.again)


def seek(logs: Sequence[Path], start: Place, moment: datetime) -> Sought:
    """Look a moment up in logs, in whole seconds, from a place in the first of them on.

    Raises:
        PermanentError: a log is damaged.
    """
    second, after, later, again = int(moment.timestamp()), None, False, False
    for where, began in _transactions(logs, start):
        if began < second:
            after, again = None, again or later
        elif after is None:
            after, later = where, True
    return Sought(after, again)


def _transactions(logs: Sequence[Path], start: Place) -> Iterator[tuple[Place, int]]:
    """Where each transaction begins, and when it was (Unix seconds)."""
    for path in logs:
        number, _ = place(path.name, 0)
        position = start[1] if number == start[0] else _START
        size = path.stat().st_size
        if position >= size:
            continue
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            while position + _HEADER.size <= size:
                when, kind, _, length, _, _ = _HEADER.unpack_from(content, position)
                if length < _HEADER.size:
                    raise PermanentError(f"The binary log {path.name} is damaged at {position}.", _REMEDY)
                if kind == _GTID:
                    yield (number, position), when
                position += length


async def replay(
    paths: Paths,
    database: Database,
    logs: Sequence[Path],
    start: Place,
    stop: Place | None,
    schemas: Mapping[str, str],
    user: str,
) -> None:
    """Bring schemas forward by what the binary log says of others.

    Args:
        paths: where MariaDB's socket is.
        database: MariaDB.
        logs: the files in order.
        start: the place from which on it is replayed, in the first.
        stop: the place up to which; ``None`` is the end.
        schemas: for each schema that the log speaks of the one that is brought forward.
        user: name of a user who is made for it, and may do nothing elsewhere.

    Raises:
        PermanentError: a change cannot be replayed.
    """
    wanted = [path for path in logs if stop is None or place(path.name, _START) < stop]
    if not wanted or (stop is not None and stop <= start):
        return
    bounds = [f"--start-position={start[1]}"]
    if stop is not None and place(wanted[-1].name, 0)[0] == stop[0]:
        bounds.append(f"--stop-position={stop[1]}")
    async with database.confined(user, schemas.values()) as password:
        for source, target in schemas.items():
            read = [*bounds, f"--database={source}", f"--rewrite-db={source}->{target}", *map(str, wanted)]
            write = [f"--socket={paths.database_socket}", f"--user={user}"]
            await asyncio.to_thread(_replay_one, source, read, write, password)


def _replay_one(source: str, read: Sequence[str], write: Sequence[str], password: str) -> None:
    env = {"PATH": "/usr/bin:/bin", "TZ": "UTC", "LC_ALL": "C.UTF-8"}
    reading = ["/usr/bin/mariadb-binlog", "--no-defaults", "--disable-log-bin", *read]
    writing = ["/usr/bin/mariadb", "--no-defaults", *write]
    with subprocess.Popen(reading, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env) as reader:
        applied = subprocess.run(
            writing,
            stdin=reader.stdout,
            capture_output=True,
            text=True,
            env={**env, "MYSQL_PWD": password},
            check=False,
        )
        if reader.stdout is not None:
            reader.stdout.close()
        said = reader.stderr.read().decode(errors="replace").strip() if reader.stderr is not None else ""
    trouble = applied.stderr.strip() or (said if reader.returncode else "")
    if applied.returncode or reader.returncode:
        raise PermanentError(f"The changes of {source} could not be replayed: {trouble[-400:]}.", _REMEDY)


def _told(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}"
