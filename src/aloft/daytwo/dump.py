"""A dump of many schemas at one point, taken apart into a file for each schema and a digest for each table.

``mariadb-dump`` reads all schemas in one transaction, so that they are of one moment, and blocks nobody. Its text has a
line ``USE `schema`;`` before each schema; no line of data can look like that, as line breaks in data are escaped.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from aloft.base.errors import PermanentError

_USE = re.compile(rb"USE `([a-z0-9_]+)`;\n")
_TABLE = re.compile(rb"CREATE TABLE `([^`]+)` \(\n")
_POSITION = re.compile(rb"-- CHANGE MASTER TO MASTER_LOG_FILE='([^']+)', MASTER_LOG_POS=(\d+)")
_SCHEMA_MADE = b"CREATE DATABASE "


@dataclass
class Taken:
    """What a dump was found to hold.

    Args:
        tables: for each schema the SHA-256 of each table's text, definition and rows.
        log: the binary log that was written when the dump began, and the position in it; empty when there is none.
    """

    tables: dict[str, dict[str, str]] = field(default_factory=dict)
    log: tuple[str, int] = ("", 0)


def split(lines: Iterable[bytes], targets: Mapping[str, Path]) -> Taken:
    """Write each schema of a dump to its own file, which loads by itself.

    Args:
        lines: of ``mariadb-dump --databases``.
        targets: file by schema; each is made anew, with mode 0600.

    Raises:
        PermanentError: the dump lacks a schema, or has another.
    """
    taken, header = Taken(), bytearray()
    out: BinaryIO | None = None
    schema = table = ""
    digests: dict[str, hashlib._Hash] = {}
    try:
        for line in lines:
            if found := _USE.fullmatch(line):
                _close(out, taken, schema, digests)
                schema, table = found.group(1).decode(), ""
                out = _open(targets, schema)
                out.write(header)
                continue
            if out is None:
                if position := _POSITION.match(line):
                    taken.log = (position.group(1).decode(), int(position.group(2)))
                elif not line.startswith(_SCHEMA_MADE):
                    header += line
                continue
            if line.startswith((_SCHEMA_MADE, b"-- ")):
                continue
            if found := _TABLE.fullmatch(line):
                table = found.group(1).decode()
                digests[table] = hashlib.sha256()
            if table and not line.startswith(b"/*!"):
                digests[table].update(line)
            out.write(line)
    finally:
        _close(out, taken, schema, digests)
    if missing := targets.keys() - taken.tables.keys():
        raise PermanentError(f"The dump lacks the schema {min(missing)}.", "Look at the log of 'mariadb'.")
    return taken


def _open(targets: Mapping[str, Path], schema: str) -> BinaryIO:
    if schema not in targets:
        raise PermanentError(f"The dump holds a schema that was not asked for: {schema}.")
    targets[schema].touch(mode=0o600)
    return targets[schema].open("wb")


def _close(out: BinaryIO | None, taken: Taken, schema: str, digests: "dict[str, hashlib._Hash]") -> None:
    if out is None:
        return
    out.close()
    taken.tables[schema] = {table: digest.hexdigest() for table, digest in digests.items()}
    digests.clear()
