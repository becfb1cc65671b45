"""Nova's records of a virtual machine that Nova did not create, written through Nova's own objects."""

import contextlib
import datetime
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from nova import availability_zones, context, exception, objects
from nova.compute import power_state, vm_states
from nova.compute import rpcapi as compute_rpcapi
from nova.db.main import api as database
from nova.db.main import models
from nova.network import model as network_model
from oslo_db.exception import DBDuplicateEntry
from sqlalchemy import select

from aloft.base.errors import NotFound
from aloft.inside.sync.clients import Clients
from aloft.inside.sync.flavors import Flavors
from aloft.inside.sync.origins import Origin, Values, disks_of, found, names, remade, whole
from aloft.sync.facts import Facts
from aloft.sync.inventory import Domain
from aloft.sync.keys import ADOPTED
from aloft.sync.made import made as written
from aloft.sync.made import number_of
from aloft.sync.records import View

STATES = {
    "active": (vm_states.ACTIVE, power_state.RUNNING),
    "paused": (vm_states.PAUSED, power_state.PAUSED),
    "stopped": (vm_states.STOPPED, power_state.SHUTDOWN),
    "suspended": (vm_states.SUSPENDED, power_state.SHUTDOWN),
    "crashed": (vm_states.STOPPED, power_state.CRASHED),
}
"""This package's words for states, as Nova's VM state and power state."""

_CHUNK = 500


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


class Instances:
    """Reads and writes Nova's records.

    Args:
        clients: OpenStack's APIs; adopted instances are their own user's.
    """

    def __init__(self, clients: Clients) -> None:
        self._clients = clients
        self._context = context.get_admin_context()
        self._cell: Any = None
        self.flavors = Flavors(self._context)

    def views(self, uuids: Iterable[str]) -> dict[str, View]:
        """What Nova has of these instances, those deleted lately among them."""
        table = models.Instance.__table__
        columns = (
            "uuid", "display_name", "display_description", "vm_state", "power_state", "vcpus", "memory_mb", "host",
            "project_id", "task_state", "updated_at", "created_at", "deleted",
        )  # fmt: skip
        wanted = list(uuids)
        seen: dict[str, View] = {}
        with database.get_engine().connect() as connection:
            for start in range(0, len(wanted), _CHUNK):
                query = select(*(table.c[name] for name in columns)).where(
                    table.c.uuid.in_(wanted[start : start + _CHUNK])
                )
                for row in connection.execute(query).mappings():
                    seen[row["uuid"]] = _view(row)
        return seen

    def place(self, host: str) -> Place | None:
        """The hypervisor on a host; ``None`` while Nova does not know one there."""
        try:
            node = objects.ComputeNode.get_first_node_by_host_for_old_compat(self._context, host)
            objects.HostMapping.get_by_host(self._context, host)
        except (exception.ComputeHostNotFound, exception.HostMappingNotFound):
            return None
        zone = availability_zones.get_host_availability_zone(self._context, host)
        return Place(host, node.hypervisor_hostname, node.id, node.uuid, zone)

    def aggregates(self, host: str) -> tuple[str, ...]:
        """Names of the aggregates that a host is in."""
        aggregates = objects.AggregateList.get_by_host(self._context, host)
        return tuple(aggregate.name for aggregate in aggregates)

    def adopt(self, domain: Domain, facts: Facts, project: str, place: Place) -> Any:
        """Make the records of an instance, without ports; those that are there already stay. Gives its flavor.

        Args:
            domain: as the host told it.
            facts: of it.
            project: whose it is.
            place: where it is.
        """
        uuid, made = domain.uuid, written(domain)
        origin, number = found(facts, self._clients.user), number_of(domain)
        ours = number and made.project == project and whole(made, facts, uuid)
        image = self._image(made.image) if ours else None
        if ours and image is not None and made.flavor is not None:
            origin, flavor = remade(facts, made, image), self.flavors.restore(made.flavor, project)
        else:
            number = None
            flavor = self.flavors.fit(*sizes(facts), project)
        self._forget_deleted(uuid)
        with contextlib.suppress(exception.InstanceExists):
            self._create(uuid, facts, project, place, flavor, origin)
        if number:
            _renumber(uuid, number, origin.values["launched_at"])
        self._map(uuid, project, place, flavor, origin)
        if not objects.BlockDeviceMappingList.get_by_instance_uuid(self._context, uuid).objects:
            self._make_disks(uuid, origin.disks)
        return flavor

    def _image(self, ident: str) -> Mapping[str, Any] | None:
        """An image as Glance has it; ``None`` when it has gone."""
        try:
            return dict(self._clients.call("image", "GET", f"/v2/images/{ident}"))
        except NotFound:
            return None

    def update(self, uuid: str, facts: Facts, fields: Iterable[str], place: Place | None, project: str) -> Any:
        """Bring an instance in line with its facts; gives its flavor where that has changed, else ``None``."""
        wanted = ["flavor", "metadata", "system_metadata"]
        instance = objects.Instance.get_by_uuid(self._context, uuid, expected_attrs=wanted)
        fields, flavor = set(fields), None
        if ADOPTED not in instance.system_metadata:
            fields.discard("disks")  # Nova itself keeps account of the disks that it made
        if "name" in fields:
            instance.display_name = facts["name"][:255]
        if "description" in fields:
            instance.display_description = facts["description"][:255]
        if "state" in fields:
            instance.vm_state, instance.power_state = STATES[facts["state"]]
        if "disks" in fields:
            facts = self._with_volumes(uuid, facts)
        if fields & {"vcpus", "memory_mib", "disks"} and place is not None:
            flavor = self._resize(instance, facts, project)
        if "host" in fields and place is not None:
            instance.host, instance.node, instance.compute_id = place.host, place.node, place.number
            instance.availability_zone = place.zone
        if "snapshots" in fields:
            instance.metadata = _with(instance.metadata, "aloft:snapshots", names(facts["snapshots"]))
        instance.save()
        if "disks" in fields:
            self._replace_disks(uuid, facts)
        return flavor

    def mark(self, uuid: str, **marks: str | None) -> None:
        """Set or take away marks among an instance's metadata, where people see them."""
        instance = objects.Instance.get_by_uuid(self._context, uuid, expected_attrs=["metadata"])
        metadata = dict(instance.metadata)
        for name, value in marks.items():
            metadata = _with(metadata, f"aloft:{name}", value)
        if metadata != instance.metadata:
            instance.metadata = metadata
            instance.save()

    def ask(self, uuid: str) -> None:
        """Have the host bring its virtual machine in line with the instance's name and description.

        Nova never tells a host of a new name. This call of its own does nothing with libvirt's stock driver; the
        driver for adopted instances follows it.
        """
        instance = objects.Instance.get_by_uuid(self._context, uuid, expected_attrs=["system_metadata"])
        if instance.host:
            compute_rpcapi.ComputeAPI().inject_network_info(self._context, instance=instance)

    def show_ports(self, uuid: str, ports: list[Facts]) -> None:
        """Show these ports as the instance's network interfaces."""
        cache = objects.InstanceInfoCache.get_by_instance_uuid(self._context, uuid)
        cache.network_info = _network_info(ports)
        cache.save()
        self._interfaces(uuid, ports)

    def remove(self, uuid: str) -> None:
        """Take an instance's records away, for good: the same virtual machine may come back."""
        for take in (objects.RequestSpec, objects.InstanceMapping):
            try:
                take.get_by_instance_uuid(self._context, uuid).destroy()
            except (exception.RequestSpecNotFound, exception.InstanceMappingNotFound):
                continue
        try:
            objects.Instance.get_by_uuid(self._context, uuid).destroy(hard_delete=True)
        except exception.InstanceNotFound:
            return

    def _forget_deleted(self, uuid: str) -> None:
        """Take away what is left of a deleted instance with this identifier."""
        elevated = self._context.elevated(read_deleted="only")
        try:
            objects.Instance.get_by_uuid(elevated, uuid)
        except exception.InstanceNotFound:
            return
        with database.get_engine().begin() as connection:
            connection.execute(
                models.Instance.__table__.update().where(models.Instance.__table__.c.uuid == uuid).values(deleted=0)
            )
        self.remove(uuid)

    def _create(self, uuid: str, facts: Facts, project: str, place: Place, flavor: Any, origin: Origin) -> None:
        vm_state, power = STATES[facts["state"]]
        instance = objects.Instance(
            self._context,
            uuid=uuid,
            user_id=origin.user,
            project_id=project,
            hostname=_hostname(facts["name"]),
            display_name=facts["name"][:255],
            display_description=facts["description"][:255],
            launch_index=0,
            reservation_id=f"r-{uuid[:8]}",
            launched_on=place.host,
            host=place.host,
            node=place.node,
            compute_id=place.number,
            availability_zone=place.zone,
            vm_state=vm_state,
            power_state=power,
            task_state=None,
            vcpus=flavor.vcpus,
            memory_mb=flavor.memory_mb,
            root_gb=flavor.root_gb,
            ephemeral_gb=flavor.ephemeral_gb,
            instance_type_id=flavor.id,
            flavor=flavor,
            old_flavor=None,
            new_flavor=None,
            architecture=facts["machine"]["arch"],
            progress=100,
            locked=False,
            auto_disk_config=False,
            shutdown_terminate=False,
            disable_terminate=False,
            metadata=dict(origin.metadata),
            system_metadata=dict(origin.system_metadata),
            pci_requests=objects.InstancePCIRequests(instance_uuid=uuid, requests=[]),
            numa_topology=None,
            keypairs=objects.KeyPairList(objects=[]),
            security_groups=objects.SecurityGroupList(),
            info_cache=objects.InstanceInfoCache(instance_uuid=uuid, network_info=_network_info([])),
            **origin.values,
        )
        instance.create()

    def _map(self, uuid: str, project: str, place: Place, flavor: Any, origin: Origin) -> None:
        """Where the API finds the instance, and what the scheduler knows of it."""
        if self._cell is None:
            self._cell = objects.HostMapping.get_by_host(self._context, place.host).cell_mapping
        mapping = objects.InstanceMapping(
            self._context,
            instance_uuid=uuid,
            project_id=project,
            user_id=origin.user,
            cell_mapping=self._cell,
            queued_for_delete=False,
        )
        with contextlib.suppress(DBDuplicateEntry):
            mapping.create()
        try:
            objects.RequestSpec.get_by_instance_uuid(self._context, uuid)
        except exception.RequestSpecNotFound:
            objects.RequestSpec.from_components(
                self._context,
                uuid,
                {},
                flavor,
                None,
                objects.InstancePCIRequests(instance_uuid=uuid, requests=[]),
                {"scheduler_hints": {"same_host": [uuid]}} if ADOPTED in origin.system_metadata else {},
                None,
                place.zone,
                security_groups=objects.SecurityGroupList(),
                project_id=project,
                user_id=origin.user,
            ).create()

    def _with_volumes(self, uuid: str, facts: Facts) -> Facts:
        """Facts in which disks that are Cinder's, and shown with their identifier as the serial, are marked as such."""
        mappings = objects.BlockDeviceMappingList.get_by_instance_uuid(self._context, uuid)
        volumes = {mapping.volume_id for mapping in mappings} - {None}
        disks = [
            {**disk, "volume_id": disk["serial"]} if disk["serial"] in volumes else disk for disk in facts["disks"]
        ]
        return {**facts, "disks": disks}

    def _replace_disks(self, uuid: str, facts: Facts) -> None:
        for mapping in objects.BlockDeviceMappingList.get_by_instance_uuid(self._context, uuid):
            if mapping.volume_id is None:
                mapping.destroy()
        self._make_disks(uuid, found(facts, self._clients.user).disks)

    def _make_disks(self, uuid: str, disks: Iterable[Values]) -> None:
        for disk in disks:
            objects.BlockDeviceMapping(
                self._context,
                instance_uuid=uuid,
                destination_type="local",
                guest_format=None,
                no_device=False,
                **disk,
            ).create()

    def _interfaces(self, uuid: str, ports: list[Facts]) -> None:
        present = objects.VirtualInterfaceList.get_by_instance_uuid(self._context, uuid)
        wanted = {port["id"]: port for port in ports}
        for interface in present:
            if wanted.pop(interface.uuid, None) is None:
                interface.destroy()
        for ident, port in wanted.items():
            objects.VirtualInterface(
                self._context, uuid=ident, address=f"{port['mac_address']}/{ident}", instance_uuid=uuid, tag=None
            ).create()

    def _resize(self, instance: Any, facts: Facts, project: str) -> Any:
        flavor = self.flavors.fit(*sizes(facts), project)
        if instance.flavor.flavorid == flavor.flavorid:
            return None
        instance.flavor = flavor
        instance.instance_type_id = flavor.id
        instance.vcpus, instance.memory_mb = flavor.vcpus, flavor.memory_mb
        instance.root_gb, instance.ephemeral_gb = flavor.root_gb, flavor.ephemeral_gb
        spec = objects.RequestSpec.get_by_instance_uuid(self._context, instance.uuid)
        spec.flavor = flavor
        spec.save()
        return flavor


def _renumber(uuid: str, number: int, created: datetime.datetime) -> None:
    """Give an instance that Nova made its number back, after which Nova has named its domain, and its age.

    Whichever instance has that number now, which is one of others' domains, gets a new one. Nothing refers to numbers.
    """
    table = models.Instance.__table__
    with database.get_engine().begin() as connection:
        held = connection.execute(select(table.c.uuid).where(table.c.id == number)).scalar()
        if held not in (None, uuid):
            fresh = connection.execute(table.insert().values(uuid=_NOBODY, deleted=1)).inserted_primary_key[0]
            connection.execute(table.delete().where(table.c.id == fresh))
            connection.execute(table.update().where(table.c.id == number).values(id=fresh))
        if held != uuid:
            connection.execute(
                table.insert().values(id=number, uuid=_NOBODY, deleted=1)
            )  # later numbers begin after it
            connection.execute(table.delete().where(table.c.id == number))
        row = {"id": number, "created_at": created.replace(tzinfo=None)}
        connection.execute(table.update().where(table.c.uuid == uuid).values(**row))


_NOBODY = "00000000-0000-0000-0000-000000000000"


def sizes(facts: Facts) -> tuple[int, int, int, int]:
    """Virtual processors, memory (MiB), root disk and further disks (GiB) of a virtual machine."""
    local = [disk["gib"] for disk in disks_of(facts) if not disk.get("volume_id")]
    return max(1, facts["vcpus"]), max(1, facts["memory_mib"]), local[0] if local else 0, sum(local[1:])


def _view(row: Mapping[Any, Any]) -> View:
    changed = row["updated_at"] or row["created_at"]
    return View(
        row["uuid"],
        row["display_name"] or "",
        row["display_description"] or "",
        _state(row["vm_state"], row["power_state"]),
        row["vcpus"] or 0,
        row["memory_mb"] or 0,
        row["host"] or "",
        row["project_id"],
        busy=row["task_state"] is not None or row["vm_state"] == vm_states.BUILDING,
        deleted=bool(row["deleted"]),
        updated_at=changed.replace(tzinfo=datetime.UTC).timestamp() if changed else 0.0,
    )


def _state(vm_state: str | None, power: int | None) -> str:
    if vm_state == vm_states.STOPPED and power == power_state.CRASHED:
        return "crashed"
    return vm_state or ""


def _network_info(ports: list[Facts]) -> Any:
    return network_model.NetworkInfo([_vif(port) for port in ports])


def _vif(port: Facts) -> Any:
    """A port as Nova's cache has it (:mod:`nova.network.model`)."""
    subnets = []
    for address in port["fixed_ips"]:
        cidr = port["cidrs"].get(address["subnet_id"], f"{address['ip_address']}/32")
        version = 6 if ":" in cidr else 4
        subnets.append(
            network_model.Subnet(
                cidr=cidr, ips=[network_model.FixedIP(address=address["ip_address"], version=version)], version=version
            )
        )
    return network_model.VIF(
        id=port["id"],
        address=port["mac_address"],
        network=network_model.Network(id=port["network_id"], label=port["label"], subnets=subnets),
        type=port["vif_type"],
        devname=f"tap{port['id']}"[:14],
        ovs_interfaceid=port["id"],
        active=True,
        preserve_on_delete=False,
    )


def _with(metadata: Mapping[str, str], name: str, value: str | None) -> dict[str, str]:
    rest = {key: held for key, held in metadata.items() if key != name}
    return rest if value is None else {**rest, name: value}


def _hostname(name: str) -> str:
    kept = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in name.lower()).strip("-")
    return kept[:63].rstrip("-") or "server"
