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

from aloft.inside.sync.clients import Clients
from aloft.inside.sync.flavors import Flavors
from aloft.sync.facts import Facts
from aloft.sync.keys import ADOPTED, YES
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
        found: dict[str, View] = {}
        with database.get_engine().connect() as connection:
            for start in range(0, len(wanted), _CHUNK):
                query = select(*(table.c[name] for name in columns)).where(
                    table.c.uuid.in_(wanted[start : start + _CHUNK])
                )
                for row in connection.execute(query).mappings():
                    found[row["uuid"]] = _view(row)
        return found

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
        found = objects.AggregateList.get_by_host(self._context, host)
        return tuple(aggregate.name for aggregate in found)

    def adopt(self, uuid: str, facts: Facts, project: str, place: Place) -> Any:
        """Make the records of an instance, without ports; those that are there already stay. Gives its flavor."""
        flavor = self.flavors.fit(*sizes(facts), project)
        self._forget_deleted(uuid)
        with contextlib.suppress(exception.InstanceExists):
            self._create(uuid, facts, project, place, flavor)
        self._map(uuid, facts, project, place, flavor)
        self._devices(uuid, facts)
        return flavor

    def update(self, uuid: str, facts: Facts, fields: Iterable[str], place: Place | None, project: str) -> Any:
        """Bring an instance in line with its facts; gives its flavor where that has changed, else ``None``."""
        instance = objects.Instance.get_by_uuid(self._context, uuid, expected_attrs=["flavor", "metadata"])
        fields, flavor = set(fields), None
        if "name" in fields:
            instance.display_name = facts["name"][:255]
        if "description" in fields:
            instance.display_description = facts["description"][:255]
        if "state" in fields:
            instance.vm_state, instance.power_state = STATES[facts["state"]]
        if fields & {"vcpus", "memory_mib", "disks"} and place is not None:
            flavor = self._resize(instance, facts, project)
        if "host" in fields and place is not None:
            instance.host, instance.node, instance.compute_id = place.host, place.node, place.number
            instance.availability_zone = place.zone
        if "snapshots" in fields:
            instance.metadata = _with(instance.metadata, "aloft:snapshots", _names(facts["snapshots"]))
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

    def _create(self, uuid: str, facts: Facts, project: str, place: Place, flavor: Any) -> None:
        vm_state, power = STATES[facts["state"]]
        now = datetime.datetime.now(datetime.UTC)
        root = _disks(facts)[0]["target"] if _disks(facts) else "vda"
        instance = objects.Instance(
            self._context,
            uuid=uuid,
            user_id=self._clients.user,
            project_id=project,
            image_ref="",
            hostname=_hostname(facts["name"]),
            display_name=facts["name"][:255],
            display_description=facts["description"][:255],
            launch_index=0,
            reservation_id=f"r-{uuid[:8]}",
            launched_at=now,
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
            root_device_name=f"/dev/{root}",
            architecture=facts["machine"]["arch"],
            progress=100,
            locked=False,
            auto_disk_config=False,
            shutdown_terminate=False,
            disable_terminate=False,
            config_drive="",
            metadata=_metadata(facts),
            system_metadata=_system_metadata(facts),
            pci_requests=objects.InstancePCIRequests(instance_uuid=uuid, requests=[]),
            numa_topology=None,
            keypairs=objects.KeyPairList(objects=[]),
            security_groups=objects.SecurityGroupList(),
            info_cache=objects.InstanceInfoCache(instance_uuid=uuid, network_info=_network_info([])),
        )
        instance.create()

    def _map(self, uuid: str, facts: Facts, project: str, place: Place, flavor: Any) -> None:
        """Where the API finds the instance, and what the scheduler knows of it."""
        if self._cell is None:
            self._cell = objects.HostMapping.get_by_host(self._context, place.host).cell_mapping
        mapping = objects.InstanceMapping(
            self._context,
            instance_uuid=uuid,
            project_id=project,
            user_id=self._clients.user,
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
                {"scheduler_hints": {"same_host": [uuid]}},  # it is resized where it is
                None,
                place.zone,
                security_groups=objects.SecurityGroupList(),
                project_id=project,
                user_id=self._clients.user,
            ).create()

    def _devices(self, uuid: str, facts: Facts) -> None:
        present = objects.BlockDeviceMappingList.get_by_instance_uuid(self._context, uuid)
        if not present.objects:
            for mapping in self._mappings(uuid, facts):
                mapping.create()

    def _replace_disks(self, uuid: str, facts: Facts) -> None:
        for mapping in objects.BlockDeviceMappingList.get_by_instance_uuid(self._context, uuid):
            if mapping.volume_id is None:
                mapping.destroy()
        for mapping in self._mappings(uuid, facts):
            mapping.create()

    def _mappings(self, uuid: str, facts: Facts) -> list[Any]:
        root = _disks(facts)[0]["target"] if _disks(facts) else ""
        return [
            objects.BlockDeviceMapping(
                self._context,
                instance_uuid=uuid,
                source_type="blank",
                destination_type="local",
                device_type=disk["device"],
                disk_bus=disk["bus"] or None,
                boot_index=0 if disk["target"] == root else -1,
                device_name=f"/dev/{disk['target']}",
                volume_size=disk["gib"],
                delete_on_termination=False,
                guest_format=None,
                no_device=False,
            )
            for disk in facts["disks"]
            if not disk.get("volume_id")
        ]

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


def sizes(facts: Facts) -> tuple[int, int, int, int]:
    """Virtual processors, memory (MiB), root disk and further disks (GiB) of a virtual machine."""
    local = [disk["gib"] for disk in _disks(facts) if not disk.get("volume_id")]
    return max(1, facts["vcpus"]), max(1, facts["memory_mib"]), local[0] if local else 0, sum(local[1:])


def _disks(facts: Facts) -> list[Facts]:
    """Disks proper, the one that is booted from first."""
    disks = [disk for disk in facts["disks"] if disk["device"] in ("disk", "lun")]
    return sorted(disks, key=lambda disk: disk["boot_order"] or 1000)


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


def _metadata(facts: Facts) -> dict[str, str]:
    marks = {"aloft:provenance": "discovered"}
    if facts["snapshots"]:
        marks["aloft:snapshots"] = _names(facts["snapshots"]) or ""
    return marks


def _names(snapshots: list[Facts]) -> str | None:
    return ", ".join(one["name"] for one in snapshots)[:255] or None


def _with(metadata: Mapping[str, str], name: str, value: str | None) -> dict[str, str]:
    rest = {key: held for key, held in metadata.items() if key != name}
    return rest if value is None else {**rest, name: value}


def _system_metadata(facts: Facts) -> dict[str, str]:
    """Image properties that describe the machine as its domain has it."""
    machine = facts["machine"]
    told = {
        ADOPTED: YES,
        "image_base_image_ref": "",
        "image_container_format": "bare",
        "image_disk_format": "raw",
        "image_min_disk": "0",
        "image_min_ram": "0",
        "image_hw_architecture": machine["arch"],
        "image_hw_firmware_type": "uefi" if machine["firmware"] == "efi" else "bios",
    }
    if machine["type"]:
        told["image_hw_machine_type"] = machine["type"]
    if disks := _disks(facts):
        told["image_hw_disk_bus"] = disks[0]["bus"] or "virtio"
    if facts["nics"] and facts["nics"][0]["model"]:
        told["image_hw_vif_model"] = facts["nics"][0]["model"]
    return told


def _hostname(name: str) -> str:
    kept = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in name.lower()).strip("-")
    return kept[:63].rstrip("-") or "server"
