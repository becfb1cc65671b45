"""A customer's metadata as a folder of files: put together from a running controller, checked, laid out into a slot.

The folder knows nothing of slot numbers: it can be laid out into any slot of any node.

======================================  ====================================================================
``manifest.json``                       what is there: regions, digests of every file and every table
``regions/<region>/databases/*.sql``    the schemas, all regions' at one moment
``regions/<region>/ovn/*.db``           OVN's databases
``regions/<region>/slot/…``             secrets, keys, the region's CA, hosts' secrets
``records.json``                        the plane's own records of the customer
``edge-ca/…``                           the CA of the provider's edge, which hosts and users trust
======================================  ====================================================================
"""

import asyncio
import hashlib
import json
import shutil
import subprocess
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from aloft.base import files
from aloft.base.errors import PermanentError, TemporaryError
from aloft.controller.context import Slot
from aloft.controller.services import ALL
from aloft.controller.spec import ControllerSpec
from aloft.daytwo import ovn
from aloft.daytwo.dump import Taken
from aloft.daytwo.restic import RepositoryDamaged

SLOT_PARTS = ("secrets.json", "keys", "ca", "hosts")
"""What of a slot's folder cannot be made again."""

_KEYS, _SEEDED = Path("keys"), Path("conf/keystone/seeded")
"""Keystone's keys, and what it was made to hold, in a slot's folder."""

Dump = Callable[[Mapping[str, Path]], Coroutine[Any, Any, Taken]]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class RegionPart(_Model):
    """What a backup says of one region.

    Args:
        slot: where it lived, which is how the binary log names its schemas.
        record: the node's record of it.
        tables: for each schema the digest of each table.
    """

    slot: int
    record: dict[str, Any]
    tables: dict[str, dict[str, str]]

    @property
    def spec(self) -> ControllerSpec:
        """What the controller was."""
        return ControllerSpec.model_validate(self.record["spec"])


class Manifest(_Model):
    """What a backup holds.

    Args:
        customer: whose.
        made: when the databases were as they are in it.
        log: the binary log's file and position at that moment.
        server: which MariaDB's log that is.
        regions: by name.
        digests: SHA-256 of every file but this one, by relative name.
    """

    customer: str
    made: datetime
    log: tuple[str, int]
    server: str
    regions: dict[str, RegionPart]
    digests: dict[str, str]


@dataclass(frozen=True)
class Source:
    """A region that is backed up: its slot and the node's record of it."""

    slot: Slot
    record: Mapping[str, Any]


async def collect(
    folder: Path,
    customer: str,
    sources: Mapping[str, Source],
    records: Mapping[str, Any],
    edge_authority: Path,
    server: str,
    dump: Dump,
) -> Manifest:
    """Put a customer's metadata together; nothing of the customer's is held up by it.

    Args:
        folder: an empty folder that only root reads.
        customer: whose.
        sources: the customer's regions by name.
        records: the plane's records of the customer.
        edge_authority: folder of the edge's CA.
        server: which MariaDB is dumped.
        dump: dumps schemas at one moment.

    Raises:
        PermanentError: something cannot be read, or there is no room.
    """
    targets: dict[str, Path] = {}
    for region, source in sources.items():
        databases = folder / "regions" / region / "databases"
        databases.mkdir(parents=True)
        targets |= {source.slot.schema(name): databases / f"{name}.sql" for name in schemas()}
    made = datetime.now(UTC)
    taken = await dump(targets)
    for region, source in sources.items():
        await save_ovn(source.slot, folder / "regions" / region / "ovn")
    await asyncio.to_thread(_add_files, folder, sources, records, edge_authority)
    return await asyncio.to_thread(_seal, folder, customer, made, taken, server, sources)


def schemas() -> tuple[str, ...]:
    """The schemas that every slot has."""
    return tuple(name for service in ALL for name in service.schemas)


def verify(folder: Path) -> Manifest:
    """See that a folder is, byte by byte, what was put together.

    Raises:
        RepositoryDamaged: it is not.
    """
    try:
        manifest = Manifest.model_validate_json((folder / "manifest.json").read_bytes())
    except (OSError, ValidationError) as error:
        raise _damaged("its manifest cannot be read") from error
    found = digests(folder)
    if wrong := {
        name for name in found.keys() | manifest.digests.keys() if found.get(name) != manifest.digests.get(name)
    }:
        raise _damaged(f"{len(wrong)} files differ from what was backed up, {min(wrong)} among them")
    return manifest


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 of every file but the manifest, by relative name."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path != folder / "manifest.json"
    }


def dumps(folder: Path, region: str) -> dict[str, Path]:
    """The files to load, by schema."""
    return {name: folder / "regions" / region / "databases" / f"{name}.sql" for name in schemas()}


def lay_out(folder: Path, region: str, slot: Slot) -> None:
    """Put a region's keys, secrets, CA and OVN databases into a slot whose folders are there."""
    part = folder / "regions" / region
    for name in SLOT_PARTS:
        source, target = part / "slot" / name, slot.state / name
        if source.is_dir():
            shutil.copytree(source, target, dirs_exist_ok=True)
        elif source.exists():
            shutil.copyfile(source, target)
    for path in (slot.state / "secrets.json", *_tree(slot.state / "ca"), *_tree(slot.state / "hosts")):
        _own(path, 0)
    for path in _tree(slot.state / "keys"):
        _own(path, slot.user)
    for name, _ in ovn.DATABASES:
        shutil.copyfile(part / "ovn" / f"{name}.db", slot.state / "ovn" / f"{name}.db")
        _own(slot.state / "ovn" / f"{name}.db", slot.user)


def copy_keys(source: Slot, target: Slot) -> None:
    """Give a slot another's Keystone keys, so that tokens of the one are good at the other.

    What the one's Keystone was made to hold, the other's holds already: it is told so.
    """
    take_keys(source.state, target)


def give_keys(source: Slot, folder: Path) -> None:
    """Put a slot's Keystone keys into a folder, for :func:`take_keys`."""
    for name in (_KEYS, _SEEDED):
        _copy(source.state / name, folder / name)


def take_keys(folder: Path, target: Slot) -> None:
    """Give a slot the Keystone keys that lie in a folder."""
    shutil.copytree(folder / _KEYS, target.state / _KEYS, dirs_exist_ok=True)
    _copy(folder / _SEEDED, target.state / _SEEDED)
    for path in (*_tree(target.state / _KEYS), *_tree(target.state / _SEEDED)):
        _own(path, target.user)


def _add_files(folder: Path, sources: Mapping[str, Source], records: Mapping[str, Any], edge_authority: Path) -> None:
    """Add what lies in files."""
    for region, source in sources.items():
        for name in SLOT_PARTS:
            _copy(source.slot.state / name, folder / "regions" / region / "slot" / name)
    _copy(edge_authority, folder / "edge-ca")
    files.write(folder / "records.json", json.dumps(records, indent=1), mode=0o600)


def _seal(
    folder: Path, customer: str, made: datetime, taken: Taken, server: str, sources: Mapping[str, Source]
) -> Manifest:
    """Add the manifest."""
    regions = {
        region: RegionPart(
            slot=source.slot.number,
            record=dict(source.record),
            tables={name: taken.tables[source.slot.schema(name)] for name in schemas()},
        )
        for region, source in sources.items()
    }
    manifest = Manifest(
        customer=customer, made=made, log=taken.log, server=server, regions=regions, digests=digests(folder)
    )
    text = manifest.model_dump_json(indent=1)
    files.write(folder / "manifest.json", text, mode=0o600)
    return Manifest.model_validate_json(text)


async def save_ovn(slot: Slot, target: Path) -> None:
    """Save OVN's databases of a running controller into a folder.

    Raises:
        TemporaryError: one does not answer.
    """
    files.folder(target, mode=0o700)
    for name, database in ovn.DATABASES:
        with (target / f"{name}.db").open("wb") as out:
            process = await asyncio.create_subprocess_exec(
                "/usr/bin/ovsdb-client", "--timeout=60", "backup", f"unix:{slot.socket(name)}", database,
                stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.PIPE,
            )  # fmt: skip
            _, said = await process.communicate()
        if process.returncode:
            raise TemporaryError(
                f"OVN's database {database} of slot {slot.number} could not be saved: {said.decode().strip()}",
                "See whether the controller runs: aloft status.",
            )


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target)
    elif source.exists():
        shutil.copyfile(source, target)


def _tree(folder: Path) -> Iterable[Path]:
    return (folder, *folder.rglob("*")) if folder.exists() else ()


def _own(path: Path, owner: int) -> None:
    """Give a file or folder to its owner, and keep it from others."""
    path.chmod(0o700 if path.is_dir() else 0o600)
    shutil.chown(path, owner, owner)


def _damaged(what: str) -> RepositoryDamaged:
    return RepositoryDamaged(f"The backup is damaged: {what}.", "Restore another one, or from another repository.")


def difference(wanted: Mapping[str, Mapping[str, str]], found: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Names of the tables in which two sets of digests differ, as ``schema.table``."""
    return sorted(
        f"{schema}.{table}"
        for schema in wanted.keys() | found.keys()
        for table in wanted.get(schema, {}).keys() | found.get(schema, {}).keys()
        if wanted.get(schema, {}).get(table) != found.get(schema, {}).get(table)
    )


def room_for(folder: Path, needed: int) -> None:
    """See that a folder's file system has room.

    Args:
        folder: which exists.
        needed: bytes.

    Raises:
        PermanentError: it has not.
    """
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise PermanentError(
            f"{folder} has {free >> 20} MiB free, and {needed >> 20} MiB are needed.",
            "Free some space on that file system.",
        )


def brought_forward(records: Mapping[str, Any], newer: Mapping[str, Any]) -> dict[str, Any]:
    """The plane's records in a backup, with those of its tables that are known from later.

    Where the customer has other regions by then, they stay as they are: a backup has no databases of these.
    """
    regions = [{row["id"] for row in rows.get("region", ())} for rows in (records, newer)]
    return {**records, **newer} if regions[0] == regions[1] else dict(records)


def hosts_of(records: Mapping[str, Any], region: str) -> frozenset[str]:
    """The names of a region's hosts in the plane's records of a customer."""
    ids = {row["id"] for row in records.get("region", ()) if row["name"] == region}
    return frozenset(row["name"] for row in records.get("host", ()) if row["region_id"] in ids)


def id_in(records: Mapping[str, Any]) -> str:
    """A customer's id in the plane's records of it; empty where there are none."""
    return next((str(row["id"]) for row in records.get("customer", ())), "")
