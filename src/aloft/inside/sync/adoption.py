"""Nova's records of what becomes an instance, many in one transaction, as Nova's own objects write them."""

import datetime
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nova import objects
from nova.compute import power_state, vm_states
from nova.db.api import api as api_database
from nova.db.api import models as api_models
from nova.db.main import api as database
from nova.db.main import models
from sqlalchemy import select

from aloft.base.errors import NotFound
from aloft.inside.sync.clients import Clients
from aloft.inside.sync.flavors import Flavors
from aloft.inside.sync.origins import Origin, Values, disks_of, found, remade, whole
from aloft.inside.sync.rows import (
    NOBODY,
    specification,
    write_disks,
    write_instances,
    write_mappings,
    write_specifications,
)
from aloft.sync.facts import Facts
from aloft.sync.inventory import Domain
from aloft.sync.keys import ADOPTED
from aloft.sync.made import made as written
from aloft.sync.made import number_of
from aloft.sync.volumes import VolumeAction

STATES = {
    "active": (vm_states.ACTIVE, power_state.RUNNING),
    "paused": (vm_states.PAUSED, power_state.PAUSED),
    "stopped": (vm_states.STOPPED, power_state.SHUTDOWN),
    "suspended": (vm_states.SUSPENDED, power_state.SHUTDOWN),
    "crashed": (vm_states.STOPPED, power_state.CRASHED),
}
"""This package's words for states, as Nova's VM state and power state."""


@dataclass(frozen=True)
class Place:
    """A hypervisor as Nova knows it.

    Args:
        host: the compute service's host.
        node: the hypervisor's name.
        number: of the compute node.
        provider: the resource provider's identifier in Placement.
        zone: availability zone.
    """

    host: str
    node: str
    number: int
    provider: str
    zone: str


@dataclass(frozen=True)
class Newcomer:
    """A virtual machine that becomes an instance: as its host told it, the facts of it, and whose it is."""

    domain: Domain
    facts: Facts
    project: str

    @property
    def uuid(self) -> str:
        """Its identifier."""
        return self.domain.uuid


@dataclass(frozen=True)
class Written:
    """What was written of an instance.

    Args:
        flavor: Nova's.
        space: GiB that it takes of the disk space that Nova offers on its host.
        resized: whether it takes anything else of its host than before.
        volumes: what was done about its volumes.
    """

    flavor: Any
    space: int
    resized: bool = True
    volumes: tuple[VolumeAction, ...] = ()


@dataclass(frozen=True)
class _Birth:
    """What is written of a newcomer; ``number`` is the one that Nova knew it by, if it did."""

    newcomer: Newcomer
    origin: Origin
    flavor: Any
    number: int | None


@dataclass(frozen=True)
class _There:
    """Which records are there already, by the UUIDs of their instances; ``deleted`` are those of deleted instances."""

    alive: frozenset[str]
    deleted: frozenset[str]
    disks: frozenset[str]
    mapped: frozenset[str]
    specified: frozenset[str]


class Adoption:
    """Makes the records of instances, without ports.

    Args:
        clients: OpenStack's APIs; adopted instances are their own user's.
        context: an administrator's.
        flavors: Nova's.
        remove: takes away what there is of an instance.
    """

    def __init__(self, clients: Clients, context: Any, flavors: Flavors, remove: Callable[[str], None]) -> None:
        self._clients = clients
        self._context = context
        self._flavors = flavors
        self._remove = remove
        self._cell: Any = None

    def adopt(self, newcomers: Sequence[Newcomer], place: Place) -> dict[str, Written]:
        """Make the records that are not there yet.

        Each database's are written in one transaction: committing costs more than writing.

        Args:
            newcomers: on one host.
            place: where they are.
        """
        there = self._there([newcomer.uuid for newcomer in newcomers])
        for uuid in there.deleted:
            self._forget_deleted(uuid)
        births = [self._birth(newcomer) for newcomer in newcomers]
        fresh = [birth for birth in births if birth.newcomer.uuid not in there.alive]
        bare = [birth for birth in births if birth.newcomer.uuid not in there.disks]
        self._tell_api(
            [birth for birth in births if birth.newcomer.uuid not in there.mapped],
            [birth for birth in births if birth.newcomer.uuid not in there.specified],
            place,
        )
        with database.get_engine().begin() as connection:
            write_instances(connection, [_columns(birth, place) for birth in fresh])
            write_disks(connection, {birth.newcomer.uuid: birth.origin.disks for birth in bare})
        for birth in births:
            if birth.number:
                _renumber(birth.newcomer.uuid, birth.number, birth.origin.values["launched_at"])
        return {
            birth.newcomer.uuid: Written(
                birth.flavor, space(birth.newcomer.facts, birth.flavor, ADOPTED in birth.origin.system_metadata)
            )
            for birth in births
        }

    def _there(self, uuids: list[str]) -> _There:
        instances, disks = models.Instance.__table__, models.BlockDeviceMapping.__table__
        mappings, specs = api_models.InstanceMapping.__table__, api_models.RequestSpec.__table__
        with database.get_engine().connect() as connection:
            rows = connection.execute(
                select(instances.c.uuid, instances.c.deleted).where(instances.c.uuid.in_(uuids))
            ).all()
            deleted = frozenset(uuid for uuid, gone in rows if gone)
            owners = select(disks.c.instance_uuid).where(disks.c.instance_uuid.in_(uuids), disks.c.deleted == 0)
            having = frozenset(connection.execute(owners).scalars())
        with api_database.get_engine().connect() as connection:
            mapped, specified = (
                frozenset(
                    connection.execute(select(table.c.instance_uuid).where(table.c.instance_uuid.in_(uuids))).scalars()
                )
                for table in (mappings, specs)
            )
        alive = frozenset(uuid for uuid, _ in rows) - deleted
        return _There(alive, deleted, having - deleted, mapped - deleted, specified - deleted)

    def _birth(self, newcomer: Newcomer) -> _Birth:
        facts, project, domain = newcomer.facts, newcomer.project, newcomer.domain
        made = written(domain)
        number = number_of(domain)
        ours = number and made.project == project and whole(made, facts, domain.uuid)
        image = self._image(made.image) if ours else None
        if ours and image is not None and made.flavor is not None:
            return _Birth(newcomer, remade(facts, made, image), self._flavors.restore(made.flavor, project), number)
        flavor = self._flavors.fit(*sizes(facts), project)
        return _Birth(newcomer, found(facts, self._clients.user), flavor, None)

    def _image(self, ident: str) -> Mapping[str, Any] | None:
        """An image as Glance has it; ``None`` when it has gone."""
        try:
            return dict(self._clients.call("image", "GET", f"/v2/images/{ident}"))
        except NotFound:
            return None

    def _forget_deleted(self, uuid: str) -> None:
        """Take away what is left of a deleted instance with this identifier."""
        table = models.Instance.__table__
        with database.get_engine().begin() as connection:
            connection.execute(table.update().where(table.c.uuid == uuid).values(deleted=0))
        self._remove(uuid)

    def _tell_api(self, unmapped: list[_Birth], unspecified: list[_Birth], place: Place) -> None:
        """Write where the API finds instances, and what the scheduler knows of them: both before they are there."""
        if self._cell is None:
            self._cell = objects.HostMapping.get_by_host(self._context, place.host).cell_mapping
        mappings = [
            {
                "instance_uuid": birth.newcomer.uuid,
                "cell_id": self._cell.id,
                "project_id": birth.newcomer.project,
                "user_id": birth.origin.user,
                "queued_for_delete": False,
            }
            for birth in unmapped
        ]
        texts: dict[tuple[object, ...], str] = {}
        specifications = [
            {"instance_uuid": birth.newcomer.uuid, "spec": self._specification(birth, place, texts)}
            for birth in unspecified
        ]
        with api_database.get_engine().begin() as connection:
            write_mappings(connection, mappings)
            write_specifications(connection, specifications)

    def _specification(self, birth: _Birth, place: Place, texts: dict[tuple[object, ...], str]) -> str:
        """What the scheduler knows of an instance.

        Args:
            birth: of the instance.
            place: where it is.
            texts: what it knows of others, who differ in nothing but their UUID; grows.
        """
        adopted, owner = ADOPTED in birth.origin.system_metadata, (birth.newcomer.project, birth.origin.user)
        kind = (adopted, birth.flavor.id, *owner)
        if kind not in texts:
            hints = {"same_host": [NOBODY]} if adopted else {}
            texts[kind] = specification(self._context, birth.flavor, *owner, place.zone, hints)
        return texts[kind].replace(NOBODY, birth.newcomer.uuid)


def _columns(birth: _Birth, place: Place) -> Values:
    """An instance as :func:`aloft.inside.sync.rows.write_instances` takes it."""
    facts, flavor, origin, uuid = birth.newcomer.facts, birth.flavor, birth.origin, birth.newcomer.uuid
    vm_state, power = STATES[facts["state"]]
    return {
        "uuid": uuid,
        "user_id": origin.user,
        "project_id": birth.newcomer.project,
        "hostname": _hostname(facts["name"]),
        "display_name": facts["name"][:255],
        "display_description": facts["description"][:255],
        "launch_index": 0,
        "reservation_id": f"r-{uuid[:8]}",
        "launched_on": place.host,
        "host": place.host,
        "node": place.node,
        "compute_id": place.number,
        "availability_zone": place.zone,
        "vm_state": vm_state,
        "power_state": power,
        "task_state": None,
        "vcpus": flavor.vcpus,
        "memory_mb": flavor.memory_mb,
        "root_gb": flavor.root_gb,
        "ephemeral_gb": flavor.ephemeral_gb,
        "instance_type_id": flavor.id,
        "flavor": flavor,
        "architecture": facts["machine"]["arch"],
        "progress": 100,
        "locked": False,
        "auto_disk_config": False,
        "metadata": origin.metadata,
        "system_metadata": origin.system_metadata,
        "kernel_id": None,
        "ramdisk_id": None,
        **origin.values,
        "launched_at": origin.values["launched_at"].replace(tzinfo=None),
    }


def sizes(facts: Facts) -> tuple[int, int, int, int]:
    """Virtual processors, memory (MiB), root disk and further disks (GiB) of a virtual machine."""
    local = [disk["gib"] for disk in disks_of(facts) if not disk.get("volume_id")]
    return max(1, facts["vcpus"]), max(1, facts["memory_mib"]), local[0] if local else 0, sum(local[1:])


def space(facts: Facts, flavor: Any, adopted: bool) -> int:
    """GiB that a virtual machine's disks take of the space that Nova offers on its host: that of one file system.

    Those of an instance that Nova made are on it, and Nova goes by the flavor.
    """
    if not adopted:
        return int(flavor.root_gb + flavor.ephemeral_gb)
    return sum(disk["gib"] for disk in disks_of(facts) if not (disk.get("volume_id") or disk["elsewhere"]))


def _renumber(uuid: str, number: int, created: datetime.datetime) -> None:
    """Give an instance that Nova made its number back, after which Nova has named its domain, and its age.

    Whichever instance has that number now, which is one of others' domains, gets a new one. Nothing refers to numbers.
    """
    table = models.Instance.__table__
    with database.get_engine().begin() as connection:
        held = connection.execute(select(table.c.uuid).where(table.c.id == number)).scalar()
        if held not in (None, uuid):
            fresh = connection.execute(table.insert().values(uuid=NOBODY, deleted=1)).inserted_primary_key[0]
            connection.execute(table.delete().where(table.c.id == fresh))
            connection.execute(table.update().where(table.c.id == number).values(id=fresh))
        if held != uuid:
            connection.execute(table.insert().values(id=number, uuid=NOBODY, deleted=1))  # later numbers begin after it
            connection.execute(table.delete().where(table.c.id == number))
        row = {"id": number, "created_at": created.replace(tzinfo=None)}
        connection.execute(table.update().where(table.c.uuid == uuid).values(**row))


def _hostname(name: str) -> str:
    kept = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in name.lower()).strip("-")
    return kept[:63].rstrip("-") or "server"
