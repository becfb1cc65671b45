"""Nova's records of a virtual machine that Nova did not create, written through Nova's own objects."""

import datetime
import json
import uuid as uuids
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from nova import availability_zones, context, exception, objects
from nova.compute import power_state, vm_states
from nova.compute import rpcapi as compute_rpcapi
from nova.conf import CONF
from nova.db.main import api as database
from nova.db.main import models
from nova.network import model as network_model
from sqlalchemy import select

from aloft.base.errors import Conflict
from aloft.inside.sync.adoption import STATES, Adoption, Newcomer, Place, Written, sizes, space
from aloft.inside.sync.clients import Clients
from aloft.inside.sync.flavors import Flavors
from aloft.inside.sync.origins import disks_of, found, names
from aloft.inside.sync.rows import write_disks
from aloft.inside.sync.volumes import Volumes
from aloft.sync.facts import Facts
from aloft.sync.fate import Care
from aloft.sync.keys import ADOPTED, DELETE_DISKS, YES
from aloft.sync.records import View
from aloft.sync.volumes import VolumeAction, plan_volumes, volume_of, volumes_of

_CHUNK = 500

DESCRIPTIONS = {"name": "display_name", "description": "display_description"}
"""What people call an instance, and where Nova keeps it."""


class Instances:
    """Reads and writes Nova's records.

    Args:
        clients: OpenStack's APIs; adopted instances are their own user's.
    """

    def __init__(self, clients: Clients) -> None:
        self._clients = clients
        self._context = context.get_admin_context()
        self.flavors = Flavors(self._context)
        self._written: dict[str, datetime.datetime | None] = {}
        self._volumes = Volumes(clients)
        self._adoption = Adoption(clients, self._context, self.flavors, self.remove)

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
                    seen[row["uuid"]] = _view(row, self._written.get(row["uuid"]))
        return seen

    def care(self, uuid: str) -> Care | None:
        """What Nova's records say of an instance's disks; ``None`` of one that it does not know."""
        try:
            instance = objects.Instance.get_by_uuid(
                self._context, uuid, expected_attrs=["metadata", "system_metadata"]
            )  # fmt: skip
        except exception.InstanceNotFound:
            return None
        mappings = objects.BlockDeviceMappingList.get_by_instance_uuid(self._context, uuid)
        return Care(
            adopted=instance.system_metadata.get(ADOPTED) == YES,
            delete_disks=instance.metadata.get(DELETE_DISKS) == YES,
            volumes={one.volume_id: bool(one.delete_on_termination) for one in mappings if one.volume_id},
        )

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

    def adopt(self, newcomers: Sequence[Newcomer], place: Place) -> dict[str, Written]:
        """Make virtual machines on one host instances; see :meth:`Adoption.adopt`."""
        told = self._volumes.told(volume for one in newcomers for volume in volumes_of(one.facts["disks"]))
        marked = [replace(one, facts=_marked(one.facts, told)) for one in newcomers]
        written = self._adoption.adopt(marked, place)
        return {
            one.uuid: replace(written[one.uuid], volumes=self._follow_volumes(one.uuid, one.facts, (), told))
            for one in marked
        }

    def update(
        self,
        uuid: str,
        facts: Facts,
        fields: Iterable[str],
        place: Place | None,
        project: str,
        before: Iterable[Facts] = (),
    ) -> Written:
        """Bring an instance in line with its facts.

        Args:
            uuid: the instance's.
            facts: of its domain.
            fields: which of them are written.
            place: where it is.
            project: its owner's identifier.
            before: the disks that it had when both sides agreed last.

        Raises:
            Conflict: OpenStack has begun to work on it.
        """
        wanted = ["flavor", "metadata", "system_metadata"]
        instance = objects.Instance.get_by_uuid(self._context, uuid, expected_attrs=wanted)
        fields, before, resized, told = set(fields), list(before), False, {}
        adopted, followed = ADOPTED in instance.system_metadata, "disks" in fields
        if fields & {"vcpus", "memory_mib", "disks", "host"}:
            told = self._volumes.told(volumes_of([*facts["disks"], *before]))
            facts = _marked(facts, told)
        if not adopted:
            fields.discard("disks")  # Nova itself keeps account of the disks that it made
        for name in fields & DESCRIPTIONS.keys():
            setattr(instance, DESCRIPTIONS[name], facts[name][:255])
        if "state" in fields:
            instance.vm_state, instance.power_state = STATES[facts["state"]]
        if fields & {"vcpus", "memory_mib", "disks"} and place is not None:
            resized = self._resize(instance, facts, project) or "disks" in fields
        if "host" in fields and place is not None:
            instance.host, instance.node, instance.compute_id = place.host, place.node, place.number
            instance.availability_zone = place.zone
        if "snapshots" in fields:
            instance.metadata = _with(instance.metadata, "aloft:snapshots", names(facts["snapshots"]))
        self._save(instance)
        if "disks" in fields:
            self._replace_disks(uuid, facts)
        volumes = self._follow_volumes(uuid, facts, before, told) if followed else ()
        return Written(instance.flavor, space(facts, instance.flavor, adopted), resized, volumes)

    def describe(self, uuid: str, field: str, value: str) -> None:
        """Write an instance's ``name`` or ``description``.

        Raises:
            Conflict: OpenStack has begun to work on it.
        """
        instance = objects.Instance.get_by_uuid(self._context, uuid)
        setattr(instance, DESCRIPTIONS[field], value[:255])
        self._save(instance)

    def reassign(self, uuid: str, project: str) -> None:
        """Give an instance to another project, identified by ``project``.

        The instance itself goes last: by it is told whether that was done.

        Raises:
            Conflict: OpenStack has begun to work on it.
        """
        for kept in (objects.InstanceMapping, objects.RequestSpec):
            found = kept.get_by_instance_uuid(self._context, uuid)
            found.project_id = project
            found.save()
        instance = objects.Instance.get_by_uuid(self._context, uuid)
        instance.project_id = project
        self._save(instance)

    def mark(self, uuid: str, **marks: str | None) -> None:
        """Set or take away marks among an instance's metadata, where people see them."""
        instance = objects.Instance.get_by_uuid(self._context, uuid, expected_attrs=["metadata"])
        metadata = dict(instance.metadata)
        for name, value in marks.items():
            metadata = _with(metadata, f"aloft:{name}", value)
        if metadata != instance.metadata:
            instance.metadata = metadata
            self._save(instance)

    def ask(self, uuid: str) -> None:
        """Have the host bring its virtual machine in line with the instance's name and description.

        Nova never tells a host of a new name. This call of its own does nothing with libvirt's stock driver; the
        driver for adopted instances follows it.
        """
        instance = objects.Instance.get_by_uuid(self._context, uuid, expected_attrs=["system_metadata"])
        if instance.host:
            compute_rpcapi.ComputeAPI().inject_network_info(self._context, instance=instance)

    def order(self, uuid: str, action: str) -> None:
        """Ask Nova for an action on an instance, such as ``os-start``.

        Raises:
            InvalidInput, NotFound, Conflict: Nova refuses.
        """
        self._clients.call("compute", "POST", f"/servers/{uuid}/action", {action: None})

    def show_ports(self, ports: Mapping[str, list[Facts]]) -> None:
        """Show these ports as instances' network interfaces."""
        with database.get_context_manager(self._context).writer.using(self._context):
            for uuid, each in ports.items():
                self._show_ports(uuid, each)

    def _show_ports(self, uuid: str, ports: list[Facts]) -> None:
        cache = objects.InstanceInfoCache.get_by_instance_uuid(self._context, uuid)
        held = {vif["id"]: vif for vif in cache.network_info or ()}
        cache.network_info = network_model.NetworkInfo([_kept(held.get(port["id"]), _vif(port)) for port in ports])
        cache.save()
        self._interfaces(uuid, ports)

    def remove(self, uuid: str) -> None:
        """Take an instance's records away, for good: the same virtual machine may come back.

        The API cannot show an instance of which the scheduler knows nothing; so the instance itself goes first.
        """
        self._written.pop(uuid, None)
        with suppress(exception.InstanceNotFound):
            objects.Instance.get_by_uuid(self._context, uuid).destroy(hard_delete=True)
        for take in (objects.RequestSpec, objects.InstanceMapping):
            with suppress(exception.RequestSpecNotFound, exception.InstanceMappingNotFound):
                take.get_by_instance_uuid(self._context, uuid).destroy()

    def _save(self, instance: Any) -> None:
        """Write changes of an instance on which nobody else works."""
        try:
            instance.save(expected_task_state=[None])
        except exception.UnexpectedTaskStateError as error:
            raise Conflict("OpenStack is working on the instance.", "Try again when it is done.") from error
        table = models.Instance.__table__
        with database.get_engine().connect() as connection:
            query = select(table.c.updated_at).where(table.c.uuid == instance.uuid)
            self._written[instance.uuid] = connection.execute(query).scalar()

    def _follow_volumes(
        self, uuid: str, facts: Facts, before: Iterable[Facts], told: Mapping[str, Facts]
    ) -> tuple[VolumeAction, ...]:
        """Bring Nova's and Cinder's records of an instance's volumes in line with its disks; gives what was done.

        Args:
            uuid: the instance's.
            facts: of its domain.
            before: the disks that it had.
            told: what Cinder shows of all of these.
        """
        if not told:
            return ()
        mappings = objects.BlockDeviceMappingList.get_by_instance_uuid(self._context, uuid)
        mapped = {mapping.volume_id: mapping for mapping in mappings if mapping.volume_id}
        instance = objects.Instance.get_by_uuid(self._context, uuid, expected_attrs=["system_metadata"])
        rewritten = ADOPTED not in instance.system_metadata
        actions = plan_volumes(uuid, facts["disks"], before, mapped, told, rewritten)
        root = next((disk["target"] for disk in disks_of(facts)), "")
        for action in actions:
            if action.kind == "detach":
                self._detach(uuid, mapped[action.volume])
            elif action.kind != "tell":
                attachment = action.attachment or self._volumes.attach(uuid, action.volume)
                self._map(uuid, action, attachment, root)
        return tuple(actions)

    def _map(self, uuid: str, action: VolumeAction, attachment: str, root: str) -> None:
        """Have Nova know that an instance has a volume; ``root`` is the disk that it starts from."""
        disk = action.disk
        connection = self._volumes.connection(action.volume, attachment, disk)
        objects.BlockDeviceMapping(
            self._context,
            uuid=str(uuids.uuid4()),
            instance_uuid=uuid,
            source_type="volume",
            destination_type="volume",
            volume_id=action.volume,
            attachment_id=attachment,
            connection_info=json.dumps(connection),
            volume_size=disk["gib"],
            device_name=f"/dev/{disk['target']}",
            device_type=disk["device"],
            disk_bus=disk["bus"] or None,
            boot_index=0 if disk["target"] == root else -1,
            delete_on_termination=False,
            no_device=False,
        ).create()

    def _detach(self, uuid: str, mapping: Any) -> None:
        """Have Nova detach a volume whose disk is gone: it disconnects the host and tells Cinder.

        Nova looks for the disk by the volume and then by the device's name, which another disk may have by now.
        """
        mapping.device_name, mapping.boot_index = f"/dev/{mapping.volume_id}", -1
        mapping.save()
        self._clients.call("compute", "DELETE", f"/servers/{uuid}/os-volume_attachments/{mapping.volume_id}")

    def _replace_disks(self, uuid: str, facts: Facts) -> None:
        for mapping in objects.BlockDeviceMappingList.get_by_instance_uuid(self._context, uuid):
            if mapping.volume_id is None:
                mapping.destroy()
        with database.get_engine().begin() as connection:
            write_disks(connection, {uuid: found(facts, self._clients.user).disks})

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

    def _resize(self, instance: Any, facts: Facts, project: str) -> bool:
        """Give an instance the flavor for its sizes; tells whether that is another one."""
        flavor = self.flavors.fit(*sizes(facts), project)
        if instance.flavor.flavorid == flavor.flavorid:
            return False
        instance.flavor = flavor
        instance.instance_type_id = flavor.id
        instance.vcpus, instance.memory_mb = flavor.vcpus, flavor.memory_mb
        instance.root_gb, instance.ephemeral_gb = flavor.root_gb, flavor.ephemeral_gb
        spec = objects.RequestSpec.get_by_instance_uuid(self._context, instance.uuid)
        spec.flavor = flavor
        spec.save()
        return True


def _marked(facts: Facts, volumes: Iterable[str]) -> Facts:
    """Facts in which disks that are these volumes of Cinder's are marked as such."""
    known = frozenset(volumes)
    disks = [
        {**disk, "volume_id": volume} if (volume := volume_of(disk["serial"], disk["path"])) in known else disk
        for disk in facts["disks"]
    ]
    return {**facts, "disks": disks}


def _view(row: Mapping[Any, Any], written: datetime.datetime | None) -> View:
    """A row of Nova's.

    Args:
        row: see there.
        written: when this service changed it last, as the database has it.
    """
    changed = row["updated_at"] or row["created_at"]
    ours = row["updated_at"] in (None, written)
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
        updated_at=_seconds(changed),
        done_at=0.0 if ours else _seconds(changed),
    )


def _seconds(at: datetime.datetime | None) -> float:
    return at.replace(tzinfo=datetime.UTC).timestamp() if at else 0.0


def _state(vm_state: str | None, power: int | None) -> str:
    if vm_state == vm_states.STOPPED and power == power_state.CRASHED:
        return "crashed"
    return vm_state or ""


def _kept(held: Any, fresh: Any) -> Any:
    """What Nova itself has of a port, which is more, as long as it says the same."""
    same = held is not None and all(
        look(held) == look(fresh)
        for look in (
            lambda vif: (vif["type"], vif["network"]["id"], vif["network"]["bridge"]),
            lambda vif: {ip["address"] for ip in vif.fixed_ips()},
        )
    )
    return held if same else fresh


def _vif(port: Facts) -> Any:
    """A port as Nova's cache has it (:mod:`nova.network.model`)."""
    subnets = []
    details = port.get("binding:vif_details") or {}
    switched = port["vif_type"] == network_model.VIF_TYPE_OVS
    bridge = details.get("bridge_name") or (CONF.neutron.ovs_bridge if switched else None)
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
        network=network_model.Network(
            id=port["network_id"],
            bridge=bridge,
            label=port["network"]["name"],
            subnets=subnets,
            tenant_id=port["network"]["project_id"],
            mtu=port["network"]["mtu"],
        ),
        type=port["vif_type"],
        devname=f"tap{port['id']}"[:14],
        ovs_interfaceid=port["id"],
        active=True,
        vnic_type=port.get("binding:vnic_type") or network_model.VNIC_TYPE_NORMAL,
        details=details,
        profile=port.get("binding:profile") or {},
        preserve_on_delete=False,
    )


def _with(metadata: Mapping[str, str], name: str, value: str | None) -> dict[str, str]:
    rest = {key: held for key, held in metadata.items() if key != name}
    return rest if value is None else {**rest, name: value}
