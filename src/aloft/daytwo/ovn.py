"""OVN's databases carried from one controller to another by their state: what differs is made the same, row by row.

Rows keep their UUIDs, and those that are the same already are not touched: who watches the database hears only of what
is really different, and hosts that come to it find what they know (their flows are marked by UUIDs). ``ovsdb-client
restore`` would make every row anew.
"""

import asyncio
import json
import secrets
import socket
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from aloft.base import files
from aloft.base.errors import TemporaryError
from aloft.controller.context import Slot

DATABASES = (("ovn-nb", "OVN_Northbound"), ("ovn-sb", "OVN_Southbound"))
"""By the name of its process and socket what OVN calls each; northd brings the second to what the first says."""

ATTEMPTS = 10
"""How often it is begun anew when somebody else changed the target meanwhile, as northd and Neutron do."""

ANSWER_SECONDS = 30.0
_CHUNK = 1 << 20
_VERSION = "_version"
_CHANGED = "timed out"
"""What a server says when rows are not as an operation ``wait`` wants them, and it is to wait for no time at all."""

Tables = Mapping[str, Mapping[str, Mapping[str, Any]]]
"""By table and UUID, the columns of each row as RFC 7047 writes them."""


async def carry(source: Slot, target: Slot) -> int:
    """Have a slot's running OVN databases hold what another's hold; returns how many rows were changed.

    Raises:
        TemporaryError: a database does not answer, refuses it, or is changed by others all the time.
    """
    return sum([await asyncio.to_thread(_carry, source, target, *database) for database in DATABASES])


async def hand_over(source: Slot, file: Path) -> None:
    """Write what a slot's running OVN databases hold to a new file, for :func:`take_over` on another node.

    Raises:
        TemporaryError: a database does not answer.
    """
    told = {name: await asyncio.to_thread(_read, source, name, database) for name, database in DATABASES}
    files.write(file, json.dumps(told), mode=0o600)


async def take_over(target: Slot, file: Path) -> int:
    """Have a slot's running OVN databases hold what :func:`hand_over` wrote; returns how many rows were changed.

    Raises:
        TemporaryError: a database does not answer, refuses it, or is changed by others all the time.
    """
    told: dict[str, Tables] = json.loads(await asyncio.to_thread(file.read_text))
    return sum([await asyncio.to_thread(_bring, told[name], target, name, database) for name, database in DATABASES])


def differences(wanted: Tables, found: Tables) -> list[dict[str, Any]]:
    """The operations that make the rows that were found those that are wanted. Pure; ``_version`` is left alone.

    References in them may lead to rows that come later in the same transaction.
    """
    operations: list[dict[str, Any]] = []
    for table, rows in found.items():
        goal = wanted.get(table, {})
        operations += [{"op": "delete", "table": table, "where": _is(uuid)} for uuid in rows.keys() - goal.keys()]
        for uuid, row in goal.items():
            told = {column: value for column, value in row.items() if column != _VERSION}
            if uuid not in rows:
                operations.append({"op": "insert", "table": table, "uuid": uuid, "row": told})
            elif changed := {column: value for column, value in told.items() if rows[uuid].get(column) != value}:
                operations.append({"op": "update", "table": table, "where": _is(uuid), "row": changed})
    return operations


def unchanged(found: Tables) -> list[dict[str, Any]]:
    """Operations that let a transaction fail when rows are not those any more that were found. Pure."""
    return [
        {
            "op": "wait", "table": table, "timeout": 0, "where": [], "columns": ["_uuid", _VERSION], "until": "==",
            "rows": [{"_uuid": ["uuid", uuid], _VERSION: row[_VERSION]} for uuid, row in rows.items()],
        }
        for table, rows in found.items()
    ]  # fmt: skip


class Server:
    """A connection to an OVSDB server (RFC 7047), for one database. Its methods block.

    Args:
        path: the server's unix socket.
        database: what is called so there.
    """

    def __init__(self, path: Path, database: str) -> None:
        self._database = database
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(ANSWER_SECONDS)
        try:
            self._socket.connect(str(path))
        except OSError as error:
            self._socket.close()
            raise self._silent(error) from error

    def close(self) -> None:
        """End the connection."""
        self._socket.close()

    def columns(self) -> dict[str, frozenset[str]]:
        """By table, the columns that are kept on disk."""
        tables = self._call("get_schema", [self._database])["tables"]
        return {
            name: frozenset(column for column, told in table["columns"].items() if not told.get("ephemeral"))
            for name, table in tables.items()
        }

    def rows(self, columns: Mapping[str, frozenset[str]]) -> Tables:
        """All rows of some tables, as they are at one moment, with some columns and ``_version``."""
        asked = [
            {"op": "select", "table": table, "where": [], "columns": ["_uuid", _VERSION, *sorted(names)]}
            for table, names in columns.items()
        ]
        found = self.transact(asked)
        return {
            table: {row.pop("_uuid")[1]: row for row in told["rows"]}
            for table, told in zip(columns, found, strict=True)
        }

    def transact(self, operations: list[dict[str, Any]]) -> list[Any]:
        """Do all of this in one transaction, or nothing; what each operation gives, a refusal among it."""
        return list(self._call("transact", [self._database, *operations]))

    def _call(self, method: str, parameters: list[Any]) -> Any:
        """Ask something; the echo that is asked for behind it tells where the answer, however long, has its end."""
        end = secrets.token_hex(16)
        asked = {"method": method, "params": parameters, "id": 0}, {"method": "echo", "params": [], "id": end}
        try:
            self._socket.sendall(b"".join(json.dumps(one).encode() for one in asked))
            said = bytearray()
            while end.encode() not in said[-300:] or not said.endswith(b"}"):
                if not (more := self._socket.recv(_CHUNK)):
                    raise ConnectionResetError("the connection was closed")
                said += more
        except OSError as error:
            raise self._silent(error) from error
        answer = next(one for one in _documents(said.decode()) if one.get("id") == 0 and "result" in one)
        if answer.get("error") is not None:
            raise TemporaryError(f"{self._database} refuses {method}: {answer['error']}.")
        return answer["result"]

    def _silent(self, error: OSError) -> TemporaryError:
        return TemporaryError(
            f"OVN's database {self._database} does not answer: {error}.", "See whether the controller runs."
        )


def _carry(source: Slot, target: Slot, process: str, database: str) -> int:
    return _bring(_read(source, process, database), target, process, database)


def _read(source: Slot, process: str, database: str) -> Tables:
    with closing(Server(source.socket(process), database)) as here:
        return here.rows(here.columns())


def _bring(wanted: Tables, target: Slot, process: str, database: str) -> int:
    """Have a database hold these rows, as far as it has their tables and columns."""
    with closing(Server(target.socket(process), database)) as there:
        kept = there.columns()
        columns = {
            table: kept[table].intersection(*(row.keys() for row in rows.values()))
            for table, rows in wanted.items()
            if table in kept
        }
        goal = {
            table: {uuid: {name: row[name] for name in columns[table]} for uuid, row in wanted[table].items()}
            for table in columns
        }
        for _ in range(ATTEMPTS):
            found = there.rows(columns)
            if not (operations := differences(goal, found)):
                return 0
            said = there.transact([*unchanged(found), *operations])
            refusals = [one for one in said if one and "error" in one]
            if not refusals:
                return len(operations)
            if refusals[0]["error"] != _CHANGED:
                raise TemporaryError(
                    f"OVN's database {database} of slot {target.number} does not take what it shall hold: "
                    f"{refusals[0]['error']} {refusals[0].get('details', '')}".strip(),
                    "See the logs of the slot's OVN processes.",
                )
    raise TemporaryError(f"OVN's database {database} of slot {target.number} is changed by others all the time.")


def _is(uuid: str) -> list[Any]:
    return [["_uuid", "==", ["uuid", uuid]]]


def _documents(text: str) -> Iterator[dict[str, Any]]:
    """JSON documents that follow each other with nothing between them."""
    decoder, place = json.JSONDecoder(), 0
    while place < len(text):
        found, place = decoder.raw_decode(text, place)
        yield found
