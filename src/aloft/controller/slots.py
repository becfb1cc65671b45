"""Slots: preparing all that a controller needs except its name, and taking it apart.

Each function brings about what it says and may be called again after a crash at any point.
"""

import base64
import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path

from aloft.base import files
from aloft.base.pki import Authority
from aloft.controller.context import Context, Secrets, Slot
from aloft.controller.declare import Service
from aloft.controller.ports import Broker, Database
from aloft.controller.services import ALL


def user_names(slot: Slot, services: Iterable[Service] = ALL) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Database user and schemas of each service that has any."""
    return {
        service.name: (slot.database_user(service.name), service.schemas) for service in services if service.schemas
    }


def host_secret(slot: Slot, host: str) -> Path:
    """The file with what a host logs in with; it is there for as long as the host has a grant."""
    return slot.state / "hosts" / f"{host}.secret"


def host_database_user(slot: Slot, host: str) -> str:
    """The database user of a host; host names have letters that a user's cannot."""
    return slot.database_user(f"host_{hashlib.sha256(host.encode()).hexdigest()[:16]}")


def database_users(slot: Slot) -> list[str]:
    """All who may write in the slot's databases: its services, and hosts; not each of these needs to be there."""
    hosts = sorted(file.stem for file in (slot.state / "hosts").glob("*.secret"))
    return [*(user for user, _ in user_names(slot).values()), *(host_database_user(slot, host) for host in hosts)]


def declared(services: Iterable[Service] = ALL) -> str:
    """What a slot is prepared for, in short: it changes when a service comes that wants a schema or a broker user."""
    wants = sorted(f"{one.name}({','.join(one.schemas)}{';broker' if one.broker else ''})" for one in services)
    return " ".join(wants)


def load_secrets(slot: Slot) -> Secrets:
    """The slot's secrets, made and stored for root only when there are none yet.

    Services that are new since then get theirs added.
    """
    path = slot.state / "secrets.json"
    told = json.loads(path.read_text()) if path.exists() else {"database": {}, "broker": {}, "keystone": {}}
    wanted = {
        "database": {service.name for service in ALL if service.schemas},
        "broker": {service.name for service in ALL if service.broker},
        "keystone": {service.name for service in ALL if service.roles},
    }
    if all(names <= told[kind].keys() for kind, names in wanted.items()):
        return Secrets(**told)
    fresh = asdict(Secrets.generate(**wanted))
    merged = {**fresh, **told, **{kind: {**fresh[kind], **told[kind]} for kind in wanted}}
    files.write(path, json.dumps(merged, indent=1), mode=0o600)
    return Secrets(**merged)


def make_folders(slot: Slot, edge_group: int) -> None:
    """Make the slot's folders: nobody else reads them; the edge's group may pass to the sockets, not list them."""
    files.folder(slot.state.parent, mode=0o711)
    files.folder(slot.run.parent, mode=0o711)
    files.folder(slot.log.parent, mode=0o711)
    owner = {"owner": slot.user, "group": slot.user}
    files.folder(slot.state, mode=0o710, owner=0, group=slot.user)
    for name in ("conf", "keys", "locks", "nova", "neutron", "cinder", "glance", "ovn", "tmp"):
        files.folder(slot.state / name, mode=0o700, **owner)
    files.folder(slot.log, mode=0o750, owner=0, group=slot.user)
    make_run_folder(slot, edge_group)


def make_run_folder(slot: Slot, edge_group: int) -> None:
    """Make the folder of the sockets, which a reboot takes away."""
    files.folder(slot.run.parent, mode=0o711)
    files.folder(slot.run, mode=0o2710, owner=slot.user, group=edge_group)


def make_keys(slot: Slot) -> None:
    """Make Keystone's Fernet keys for tokens, receipts and credentials.

    0 is the staged key, 1 the primary one, as ``keystone-manage fernet_setup`` makes them.
    """
    for repository in ("fernet", "receipt", "credential"):
        folder = slot.state / "keys" / repository
        files.folder(folder, mode=0o700, owner=slot.user, group=slot.user)
        for number in ("0", "1"):
            if not (folder / number).exists():
                key = base64.urlsafe_b64encode(os.urandom(32))
                files.write(folder / number, key, mode=0o600, owner=slot.user, group=slot.user)


def authority(slot: Slot) -> Authority:
    """The region's CA, which signs its hosts' certificates; its key is root's alone."""
    return Authority.open(slot.state / "ca", "Aloft region authority")


async def make_databases(slot: Slot, held: Secrets, dumps: Mapping[str, Path], database: Database) -> None:
    """Make the slot's databases from dumps, golden ones or a backup's, and their users; those that are there stay."""
    await load_databases(slot, dumps, database)
    await _write_rows(slot, ALL, database)
    await database.ensure_users(
        {
            user: (held.database[service], frozenset(slot.schema(name) for name in names))
            for service, (user, names) in user_names(slot).items()
        }
    )


async def renew_databases(
    slot: Slot, services: Iterable[Service], dumps: Mapping[str, Path], database: Database
) -> None:
    """Make the databases of some services anew from golden ones; what is in them is gone. Their users stay."""
    services = tuple(services)
    targets = {slot.schema(name): dumps[name] for service in services for name in service.schemas}
    await database.drop_schemas(targets)
    await database.create_schemas(targets)
    await database.load_many(targets)
    await _write_rows(slot, services, database)


async def _write_rows(slot: Slot, services: Iterable[Service], database: Database) -> None:
    for service in services:
        for schema, statements in service.rows(slot).items():
            await database.execute(slot.schema(schema), list(statements))


async def load_databases(slot: Slot, dumps: Mapping[str, Path], database: Database) -> None:
    """Load the slot's schemas from scratch: what an interrupted load left is dropped first.

    A marker file names those that are complete; they are never loaded again.

    Args:
        slot: whose.
        dumps: file by schema, without the slot's prefix.
        database: MariaDB.
    """
    marker = slot.state / "databases-loaded"
    names = [name for service in ALL for name in service.schemas]
    complete = frozenset(marker.read_text().split()) if marker.exists() else frozenset()
    targets = {slot.schema(name): dumps[name] for name in names if name not in complete}
    if targets:
        await database.drop_schemas(targets)
        await database.create_schemas(targets)
        await database.load_many(targets)
        files.write(marker, "\n".join(sorted(names)), mode=0o600)


async def make_broker_users(slot: Slot, held: Secrets, broker: Broker) -> None:
    """Make the slot's virtual host and its services' users."""
    await broker.ensure_vhost(slot.vhost)
    for service, password in held.broker.items():
        await broker.ensure_user(slot.broker_user(service), password, slot.vhost)


def write_files(context: Context, services: Iterable[Service]) -> None:
    """Write the services' config files, readable by the slot's user alone."""
    owner = {"owner": context.slot.user, "group": context.slot.user}
    context.conf.mkdir(parents=True, exist_ok=True)
    for service in services:
        for name, content in service.files(context).items():
            path = context.conf / name
            files.folder(path.parent, mode=0o700, **owner)
            files.write(path, content, mode=0o400, **owner)


async def dismantle(slot: Slot, database: Database, broker: Broker) -> None:
    """Remove everything that was prepared for the slot."""
    await database.drop_users(database_users(slot))
    await database.drop_schemas(slot.schema(name) for service in ALL for name in service.schemas)
    for service in ALL:
        if service.broker:
            await broker.delete_user(slot.broker_user(service.name))
    await broker.delete_vhost(slot.vhost)
    for folder in (slot.run, slot.log, slot.state):
        if folder.exists():
            shutil.rmtree(folder)
