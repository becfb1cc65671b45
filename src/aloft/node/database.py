"""What is done in the running MariaDB: schemas, users limited to theirs, loading and dumping.

Every method may be called again with the same arguments: it brings about what it says and leaves alone what is so
already. Each call opens its own connection over the unix socket (about 1 ms) and runs in a thread.
"""

import asyncio
import contextlib
import os
import re
import secrets
import socket
import subprocess
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pymysql
from pymysql.connections import Connection
from pymysql.constants import CLIENT

from aloft.base.errors import InvalidInput, NotFound, PermanentError, TemporaryError
from aloft.base.paths import Paths
from aloft.daytwo.dump import Taken, split

_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
_UNREACHABLE = {2002, 2003, 2006, 2013, 1040, 1053, 1205, 1213, 1969}
_NO_SCHEMA = 1049
_CONNECT_SECONDS = 10
_LOADERS = 4
_ONE_GO = 16 * 1024 * 1024  # bytes of SQL that are sent as one packet
_PRIVILEGES = (
    "SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, REFERENCES, INDEX, ALTER, CREATE TEMPORARY TABLES, LOCK TABLES, "
    "CREATE VIEW, SHOW VIEW, TRIGGER"
)
_DUMP = (
    "--single-transaction", "--skip-comments", "--skip-lock-tables", "--skip-add-locks", "--skip-add-drop-table",
    "--skip-disable-keys", "--hex-blob", "--no-tablespaces", "--order-by-primary",
)  # fmt: skip
_POSITION = ("--master-data=2",)
"""Tell the place in the binary log that the snapshot is of; MariaDB knows it without locking anything."""

_LOG_START = 4
"""Where the first event of a binary log is, after its magic number."""

_TABLE = re.compile(r"\((\w+)\.(\w+)\)")
"""How an event that introduces a table's rows names it: ``table_id: 27 (s1_nova.services)``."""

_DEADLOCK = 1213
_TURNS = 3
"""How often a transaction is tried that stands in the way of another, which MariaDB lets go first."""

_LOCK_SECONDS = 5
"""How long anything here waits for locks that others hold before it gives up."""

_PATIENCE = f"SET lock_wait_timeout = {_LOCK_SECONDS}, innodb_lock_wait_timeout = {_LOCK_SECONDS}"
_AS_A_COPY = (
    "SET sql_log_bin = 0, foreign_key_checks = 0, sql_mode = 'NO_AUTO_VALUE_ON_ZERO', tx_isolation = 'READ-COMMITTED'"
)
_UNLOGGED = "SET sql_log_bin = 0"
_REPLAYING = "BINLOG REPLAY, BINLOG ADMIN"
"""What a user needs to replay a binary log, besides rights on what it speaks of."""

_GENTLY = ("/usr/bin/nice", "-n", "10")


class Database:
    """The node's MariaDB, as its root.

    Args:
        paths: where its socket is.
    """

    def __init__(self, paths: Paths) -> None:
        self._socket = str(paths.database_socket)

    async def ping(self) -> None:
        """Have an answer from the server.

        Raises:
            TemporaryError: there is none.
        """
        await asyncio.to_thread(self._run, None, ["SELECT 1"])

    async def schemas(self) -> frozenset[str]:
        """Names of all schemas, the server's own among them."""
        rows = await asyncio.to_thread(self._run, None, ["SHOW DATABASES"])
        return frozenset(row[0] for row in rows)

    async def schema_exists(self, name: str) -> bool:
        """Whether there is a schema of this name."""
        return _checked(name) in await self.schemas()

    async def create_schemas(self, names: Iterable[str]) -> None:
        """Make schemas exist, in utf8mb4's default collation, which OpenStack's migrations expect.

        This and removing them is not logged: replayed, it would hit whatever has the same name by then.
        """
        statements = [_UNLOGGED, *(f"CREATE DATABASE IF NOT EXISTS `{_checked(name)}`" for name in names)]
        await asyncio.to_thread(self._run, None, statements)

    async def drop_schemas(self, names: Iterable[str]) -> None:
        """Remove schemas with all that is in them."""
        statements = [_UNLOGGED, *(f"DROP DATABASE IF EXISTS `{_checked(name)}`" for name in names)]
        await asyncio.to_thread(self._run, None, statements)

    async def ensure_user(self, name: str, password: str, schemas: Iterable[str], connections: int = 100) -> None:
        """Make a user exist that may do all in these schemas and nothing elsewhere.

        Args:
            name: of the user; it may come from this machine only.
            password: its password, set anew.
            schemas: the schemas it may use; grants on others are taken away. They need not exist yet.
            connections: most connections of this user at once, so that one customer cannot use up the server's.
        """
        await self.ensure_users({name: (password, frozenset(schemas))}, connections)

    async def ensure_users(self, users: Mapping[str, tuple[str, frozenset[str]]], connections: int = 100) -> None:
        """Do the same for several users over one connection.

        Args:
            users: password and schemas by the user's name.
            connections: as for one.
        """
        patterns = {
            _checked(name): (password, {_pattern(schema) for schema in schemas})
            for name, (password, schemas) in users.items()
        }
        await asyncio.to_thread(self._ensure_users, patterns, connections)

    async def drop_user(self, name: str) -> None:
        """Remove a user and end its connections."""
        await self.drop_users([name])

    async def drop_users(self, names: Iterable[str]) -> None:
        """Remove users and end their connections."""
        await asyncio.to_thread(self._drop_users, [_checked(name) for name in names])

    @contextlib.asynccontextmanager
    async def confined(self, user: str, schemas: Iterable[str]) -> AsyncIterator[str]:
        """A user for as long as the block lasts who may replay binary logs, and change nothing but these schemas.

        Gives its password.
        """
        password = secrets.token_hex(16)
        await self.ensure_user(user, password, schemas)
        try:
            await self.execute(None, [f"GRANT {_REPLAYING} ON *.* TO '{_checked(user)}'@'localhost'"])
            yield password
        finally:
            await asyncio.shield(self.drop_user(user))

    async def execute(self, schema: str | None, statements: Sequence[str]) -> tuple[tuple[Any, ...], ...]:
        """Run statements in a schema in one transaction; the rows of the last.

        Raises:
            NotFound: there is no such schema.
            PermanentError: a statement is refused.
            TemporaryError: the server does not answer, or a lock was not to be had.
        """
        return await asyncio.to_thread(self._run, schema, statements)

    async def change(self, schema: str, statements: Sequence[str]) -> int:
        """Change rows in one transaction as a copy is changed: not logged, keys between tables not checked.

        Returns how many rows changed.

        Raises:
            PermanentError: a statement is refused.
            TemporaryError: the server does not answer, or a lock was not to be had.
        """
        return await asyncio.to_thread(self._change, schema, statements)

    @contextlib.asynccontextmanager
    async def frozen(self, tables: Mapping[str, Iterable[str]]) -> AsyncIterator[None]:
        """Keep all others from changing these tables (by schema), while they may go on reading; those that write wait.

        Raises:
            TemporaryError: transactions under way did not end in time.
        """
        listed = ", ".join(f"`{_checked(schema)}`.`{name}` READ" for schema, names in tables.items() for name in names)
        connection = await asyncio.to_thread(self._lock, f"LOCK TABLES {listed}")
        try:
            yield
        finally:
            await asyncio.to_thread(connection.close)

    async def log_end(self) -> tuple[str, int]:
        """Up to where the binary log goes: its file, and the place in it."""
        rows = await self.execute(None, ["SHOW MASTER STATUS"])
        return str(rows[0][0]), int(rows[0][1])

    async def written(self, since: tuple[str, int]) -> frozenset[tuple[str, str]]:
        """The tables, each as schema and name, whose rows somebody wrote after a place in the binary log.

        Raises:
            PermanentError: that part of the log is not there any more.
        """
        return await asyncio.to_thread(self._written, *since)

    async def bar(self, users: Iterable[str]) -> None:
        """Let users in no more, and end their connections, until they are let in again; those not there are fine."""
        names = [_checked(name) for name in users]
        statements = [f"ALTER USER IF EXISTS '{name}'@'localhost' ACCOUNT LOCK" for name in names]
        await self.execute(None, [*statements, *(f"KILL CONNECTION USER '{name}'" for name in names)])

    async def admit(self, users: Iterable[str]) -> None:
        """Let users in again that were barred; those that are not there are fine."""
        names = [_checked(name) for name in users]
        await self.execute(None, [f"ALTER USER IF EXISTS '{name}'@'localhost' ACCOUNT UNLOCK" for name in names])

    async def load(self, schema: str, sql_path: Path) -> None:
        """Load a dump into an existing schema."""
        await self.load_many({schema: sql_path})

    async def load_many(self, dumps: Mapping[str, Path]) -> None:
        """Load dumps into existing schemas, the largest first, a few at a time.

        Raises:
            NotFound: a schema does not exist.
            PermanentError: a dump does not load; what it loaded so far stays in its schema.
        """
        limit = asyncio.Semaphore(_LOADERS)

        async def one(schema: str) -> None:
            async with limit:
                await asyncio.to_thread(self._load, _checked(schema), dumps[schema])

        largest_first = sorted(dumps, key=lambda schema: dumps[schema].stat().st_size, reverse=True)
        await asyncio.gather(*(one(schema) for schema in largest_first))

    async def dump_schema(self, schema: str, target: Path) -> None:
        """Write a schema's tables and rows as SQL to a new file with mode 0600.

        The text is the same for the same content, so that two dumps can be compared.

        Raises:
            PermanentError: the schema does not exist or cannot be read.
        """
        await asyncio.to_thread(self._dump, _checked(schema), target)

    async def dump_rows(self, schema: str, tables: Iterable[str], target: Path) -> None:
        """Write the rows of some tables as SQL that, loaded, puts them in the place of those that are there.

        Raises:
            PermanentError: the schema does not exist or cannot be read.
        """
        await asyncio.to_thread(self._dump_rows, _checked(schema), sorted(tables), target)

    async def dump_together(self, targets: Mapping[str, Path]) -> Taken:
        """Write schemas as they all are at one moment, each to a new file of its own; blocks nobody.

        Raises:
            PermanentError: a schema does not exist or cannot be read, or the disk is full.
        """
        return await asyncio.to_thread(self._dump_together, {_checked(name): path for name, path in targets.items()})

    def _connect(self, schema: str | None, flags: int = 0) -> "Connection[Any]":
        link = socket.socket(socket.AF_UNIX)
        try:
            link.settimeout(_CONNECT_SECONDS)
            link.connect(self._socket)
        except OSError as error:
            link.close()  # PyMySQL would leave its own socket open here
            raise TemporaryError(f"MariaDB does not answer: {error}.", "See the log of 'mariadb'.") from error
        connection = pymysql.Connection(
            user="root", database=schema, charset="utf8mb4", autocommit=False, client_flag=flags, defer_connect=True,
            max_allowed_packet=64 * 1024 * 1024,
        )  # fmt: skip
        try:
            connection.connect(link)
        except pymysql.MySQLError as error:
            raise _translated(error, schema) from error
        return connection

    def _run(self, schema: str | None, statements: Sequence[str]) -> tuple[tuple[Any, ...], ...]:
        with closing(self._connect(schema)) as connection, connection.cursor() as cursor:
            try:
                for statement in statements:
                    cursor.execute(statement)
                connection.commit()
            except pymysql.MySQLError as error:
                raise _translated(error, schema) from error
            return tuple(cursor.fetchall())

    def _change(self, schema: str, statements: Sequence[str]) -> int:
        with closing(self._connect(schema)) as connection, connection.cursor() as cursor:
            for turns_left in reversed(range(_TURNS)):
                try:
                    cursor.execute(_PATIENCE)
                    cursor.execute(_AS_A_COPY)
                    changed = sum(cursor.execute(statement) for statement in statements)
                    connection.commit()
                except pymysql.MySQLError as error:
                    if error.args[:1] != (_DEADLOCK,) or not turns_left:
                        raise _translated(error, None) from error
                    connection.rollback()
                else:
                    break
            return int(changed)

    def _written(self, file: str, place: int) -> frozenset[tuple[str, str]]:
        found: set[tuple[str, str]] = set()
        with closing(self._connect(None)) as connection, connection.cursor() as cursor:
            try:
                cursor.execute("SHOW BINARY LOGS")
                later = sorted(row[0] for row in cursor.fetchall() if row[0] > file)
                for name, start in ((file, place), *((one, _LOG_START) for one in later)):
                    cursor.execute("SHOW BINLOG EVENTS IN %s FROM %s", (name, start))
                    told = (_TABLE.search(row[5]) for row in cursor.fetchall() if row[2] == "Table_map")
                    found |= {(one.group(1), one.group(2)) for one in told if one is not None}
            except pymysql.MySQLError as error:
                raise _translated(error, None) from error
        return frozenset(found)

    def _lock(self, statement: str) -> "Connection[Any]":
        connection = self._connect(None)
        try:
            with connection.cursor() as cursor:
                # Patience is for each table's lock, the limit for all of them.
                cursor.execute(f"{_PATIENCE}, max_statement_time = {_LOCK_SECONDS}")
                cursor.execute(statement)
        except pymysql.MySQLError as error:
            connection.close()
            raise _translated(error, None) from error
        return connection

    def _ensure_users(self, users: Mapping[str, tuple[str, set[str]]], connections: int) -> None:
        with closing(self._connect(None)) as connection, connection.cursor() as cursor:
            try:
                for name, (password, wanted) in users.items():
                    account = f"'{name}'@'localhost'"
                    for verb in ("CREATE USER IF NOT EXISTS", "ALTER USER"):
                        cursor.execute(
                            f"{verb} {account} IDENTIFIED BY %s WITH MAX_USER_CONNECTIONS {connections:d}", (password,)
                        )
                    cursor.execute("SELECT Db FROM mysql.db WHERE User = %s AND Host = 'localhost'", (name,))
                    granted = {row[0] for row in cursor.fetchall()}
                    for pattern in granted - wanted:
                        cursor.execute(f"REVOKE ALL PRIVILEGES ON `{pattern}`.* FROM {account}")
                    for pattern in wanted:
                        cursor.execute(f"GRANT {_PRIVILEGES} ON `{pattern}`.* TO {account}")
            except pymysql.MySQLError as error:
                raise _translated(error, None) from error

    def _drop_users(self, names: Sequence[str]) -> None:
        with closing(self._connect(None)) as connection, connection.cursor() as cursor:
            try:
                for name in names:
                    cursor.execute(f"DROP USER IF EXISTS '{name}'@'localhost'")
                    cursor.execute(f"KILL CONNECTION USER '{name}'")
            except pymysql.MySQLError as error:
                raise _translated(error, None) from error

    def _load(self, schema: str, sql_path: Path) -> None:
        """Send a whole dump in one go: the server takes it apart, with no way back and forth for each statement.

        What is loaded is kept elsewhere, so the binary log does not take it in.
        """
        if sql_path.stat().st_size > _ONE_GO:
            self._feed(schema, sql_path)
            return
        text = sql_path.read_text()
        prelude = "SET sql_log_bin=0, foreign_key_checks=0, unique_checks=0, sql_mode='NO_AUTO_VALUE_ON_ZERO';\n"
        with closing(self._connect(schema, CLIENT.MULTI_STATEMENTS)) as connection, connection.cursor() as cursor:
            try:
                cursor.execute(prelude + text)
                while cursor.nextset():
                    pass
                connection.commit()
            except pymysql.MySQLError as error:
                raise _translated(error, schema, f"loading {sql_path}") from error

    def _feed(self, schema: str, sql_path: Path) -> None:
        """Load what is too long for one packet, statement by statement."""
        command = ["/usr/bin/mariadb", "--no-defaults", f"--socket={self._socket}", "--user=root"]
        prelude = "SET sql_log_bin=0, foreign_key_checks=0, unique_checks=0"
        with sql_path.open("rb") as text:
            done = subprocess.run(
                [*command, f"--init-command={prelude}", schema],
                stdin=text,
                capture_output=True,
                text=True,
                timeout=3600,
            )
        if done.returncode:
            raise PermanentError(f"MariaDB refused a statement while loading {sql_path}: {done.stderr.strip()}.")

    def _dump(self, schema: str, target: Path) -> None:
        self._write_dump(target, "", schema)

    def _dump_rows(self, schema: str, tables: Sequence[str], target: Path) -> None:
        gone = "".join(f"DELETE FROM `{table}`;\n" for table in tables)  # noqa: S608 - the server's own names
        self._write_dump(target, gone, "--no-create-info", "--skip-triggers", "--complete-insert", schema, *tables)

    def _write_dump(self, target: Path, before: str, *words: str) -> None:
        command = ["/usr/bin/mariadb-dump", "--no-defaults", f"--socket={self._socket}", "--user=root", *_DUMP, *words]
        handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            os.write(handle, before.encode())
            done = subprocess.run(command, stdout=handle, stderr=subprocess.PIPE, text=True, timeout=600)
        finally:
            os.close(handle)
        if done.returncode != 0:
            target.unlink(missing_ok=True)
            raise PermanentError(f"{target.stem} could not be dumped: {done.stderr.strip()}")

    def _dump_together(self, targets: Mapping[str, Path]) -> Taken:
        command = [
            *_GENTLY,
            "/usr/bin/mariadb-dump",
            "--no-defaults",
            f"--socket={self._socket}",
            "--user=root",
            *_DUMP,
        ]
        command += [*_POSITION, "--databases", *sorted(targets)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            if process.stdout is None or process.stderr is None:
                raise PermanentError("mariadb-dump could not be listened to.")
            try:
                taken = split(process.stdout, targets)
            except OSError as error:
                process.kill()
                raise PermanentError(
                    f"A dump could not be written: {error.strerror}.", "Free some space on the disk."
                ) from error
            except BaseException:
                process.kill()
                said = process.stderr.read().decode(errors="replace").strip()
                if said:
                    raise PermanentError(f"The schemas could not be dumped: {said}") from None
                raise
            said = process.stderr.read().decode(errors="replace").strip()
        if process.returncode:
            raise PermanentError(f"The schemas could not be dumped: {said}")
        return taken


def _checked(name: str) -> str:
    """Let only names through that need no quoting anywhere."""
    if not _NAME.fullmatch(name):
        raise InvalidInput(f"'{name}' is no name for a schema or a database user.", "Use a-z, 0-9 and _, a-z first.")
    return name


def _pattern(schema: str) -> str:
    r"""A grant's schema is a pattern in which ``_`` stands for any character: ``s1\_nova``."""
    return _checked(schema).replace("_", "\\_")


def _translated(error: pymysql.MySQLError, schema: str | None, doing: str = "") -> Exception:
    code = error.args[0] if error.args else 0
    said = error.args[1] if len(error.args) > 1 else str(error)
    what = f" while {doing}" if doing else ""
    if code == _NO_SCHEMA:
        return NotFound(f"There is no schema '{schema}' in MariaDB{what}.")
    if code in _UNREACHABLE:
        return TemporaryError(f"MariaDB does not answer{what}: {said}.", "See the log of 'mariadb'.")
    return PermanentError(f"MariaDB refused a statement{what} (error {code}): {said}.")
