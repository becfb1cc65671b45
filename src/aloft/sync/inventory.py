"""What a host tells its region about what is on it: the wire format between the agent and the sync service.

A host keeps a numbered account of itself. It begins with a *snapshot* (everything there is) under an *epoch*, an opaque
name that is new whenever the account begins anew; *deltas* follow, numbered 1, 2, 3 … within the epoch, each with the
whole new state of one entry, or with none when the entry is gone. Whoever holds the snapshot and all deltas up to
number N holds the host as it was then (:func:`follow`). A receiver that lacks one, or does not know the epoch, asks
for a snapshot.

A part of the host that could not be looked at (libvirt does not answer, a folder cannot be read) is *failed*: it says
nothing about its entries, and what was known of them stays, stale. An empty list means that there is nothing.

Times are seconds since 1970 (UTC), sizes bytes except where a name says KiB.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from aloft.sync.wire import Json, MalformedMessage, Message

PATH = "/v1/inventory"
"""Where a :class:`Report` is posted, on the region's name ``sync.…``; the answer is an :class:`Answer`."""

ALOFT_NAMESPACE = "urn:aloft:domain:1"
"""Namespace of Aloft's own mark in a domain's metadata: ``<aloft:sync xmlns:aloft="…" exclude="yes"/>``, and whatever
else of attributes rules look at (``project="…"``)."""

NOVA_NAMESPACE = "http://openstack.org/xmlns/libvirt/nova/1.1"
"""Namespace of what Nova writes into the metadata of domains that it made (owner, flavor, name)."""

Part = Literal["domains", "networks", "bridges", "pools", "images"]
PARTS: tuple[Part, ...] = ("domains", "networks", "bridges", "pools", "images")

DomainState = Literal["nostate", "running", "blocked", "paused", "shutdown", "shutoff", "crashed", "pmsuspended"]
DiskSource = Literal["none", "file", "block", "dir", "network", "volume", "nvme", "vhostuser"]
NicSource = Literal["none", "network", "bridge", "ovs", "direct", "user", "hostdev", "vhostuser", "ethernet"]
AddressSource = Literal["lease", "agent", "arp", "config"]
Origin = Literal["event", "scan"]


PASSING_REASONS = frozenset(
    {"starting-up", "save", "dump", "snapshot", "from-snapshot", "shutting-down", "migration", "postcopy"}
)
"""Why libvirt itself pauses a domain for a moment; nobody asked for a pause."""


@dataclass(frozen=True)
class Disk(Message):
    """A disk or drive of a domain.

    Args:
        target: its name in the guest (``vda``); unique in the domain.
        bus: ``virtio``, ``sata``, ``scsi``, ``ide``, ``usb`` …
        device: what kind of drive it is.
        source: what is behind it; ``none`` for an empty drive.
        path: file, device, folder, or ``protocol:name`` of a network disk.
        pool: the storage pool that holds it, by name; empty when none does.
        volume: its name in that pool.
        format: ``raw``, ``qcow2`` … as the definition says.
        capacity: what the guest sees.
        allocation: what it took on the storage when the entry was last told; it grows all the time, so a change of it
            alone is not told.
        backing: the file that it is layered on; empty for none.
        serial: as the guest sees it; Cinder's volumes have their UUID here.
        boot_order: from 1; ``None`` when the definition does not say.
        elsewhere: whether it takes nothing of the file system that instances' disks are on, which is the space that
            Nova offers.
    """

    target: str
    bus: str = ""
    device: Literal["disk", "cdrom", "floppy", "lun"] = "disk"
    source: DiskSource = "none"
    path: str = ""
    pool: str = ""
    volume: str = ""
    format: str = ""
    capacity: int | None = None
    allocation: int | None = field(default=None, compare=False)
    backing: str = ""
    readonly: bool = False
    shareable: bool = False
    serial: str = ""
    boot_order: int | None = None
    elsewhere: bool = False


@dataclass(frozen=True)
class Address(Message):
    """An address of a NIC, and how it is known: a DHCP lease of libvirt's, the guest's agent, the host's neighbours."""

    address: str
    prefix: int
    source: AddressSource


@dataclass(frozen=True)
class Nic(Message):
    """A network interface of a domain.

    Args:
        mac: in lower case with colons; a domain's NICs are told apart by it.
        target: the device on the host (``vnet3``, ``tap…``) while the domain runs.
        model: ``virtio``, ``e1000`` …
        source: what it is plugged into. ``ovs`` is a bridge of Open vSwitch.
        name: the libvirt network, the bridge or the device that ``source`` speaks of.
        bridge: the bridge that it is plugged into in the end, where it can be known (a network's own bridge, too).
        portgroup: of the libvirt network.
        vlans: tags in the definition; several for a trunk.
        interface_id: Open vSwitch's, by which OVN and Neutron know the port.
        link_up: whether the cable is in.
        boot_order: from 1; ``None`` when the definition does not say.
        addresses: as far as they can be known.
    """

    mac: str
    target: str = ""
    model: str = ""
    source: NicSource = "none"
    name: str = ""
    bridge: str = ""
    portgroup: str = ""
    vlans: tuple[int, ...] = ()
    interface_id: str = ""
    link_up: bool = True
    boot_order: int | None = None
    addresses: tuple[Address, ...] = ()


@dataclass(frozen=True)
class DomainSnapshot(Message):
    """A snapshot of a domain that libvirt knows.

    Args:
        state: the domain's state then, or ``disk-snapshot``.
        current: whether it is the one that the domain goes on from.
    """

    name: str
    created_at: float
    state: str = ""
    description: str = ""
    parent: str = ""
    current: bool = False


@dataclass(frozen=True)
class Graphics(Message):
    """A way to see the domain's screen; ``port`` is ``None`` while it has none."""

    type: str
    listen: str = ""
    port: int | None = None


@dataclass(frozen=True)
class Domain(Message):
    """A virtual machine of libvirt's.

    Args:
        uuid: with dashes, lower case.
        state: libvirt's.
        reason: libvirt's, as a word (``booted``, ``user``, ``saved``, ``migrated``, ``unknown`` …).
        persistent: whether it has a definition that outlives its end.
        managed_save: whether it was saved, and its next start resumes it.
        vcpus: online now (or at the next start while it is off).
        vcpus_max: most that it can have without a new start.
        memory_kib: now (the balloon's), or at the next start while it is off.
        memory_max_kib: most that it can have without a new start.
        next_vcpus: those of the definition where a running domain differs from it, else ``None``.
        next_memory_kib: likewise.
        disks: in the definition's order.
        nics: in the definition's order.
        console: whether it has a serial console.
        console_log: file that the serial console is logged to; empty for none.
        metadata: of the definition: namespace → the XML element. What Nova wrote is under :data:`NOVA_NAMESPACE`.
        arch: ``x86_64`` …
        machine: QEMU's machine type (``pc-q35-7.2``).
        firmware: ``bios`` or ``efi``.
        secure_boot: whether the firmware checks what it starts.
        hypervisor: libvirt's type: ``kvm``, ``qemu``, ``test`` …
        xml_hash: SHA-256 of the definition; two equal ones are equal in everything that libvirt keeps.
    """

    uuid: str
    name: str
    state: DomainState
    title: str = ""
    description: str = ""
    reason: str = ""
    persistent: bool = True
    autostart: bool = False
    managed_save: bool = False
    vcpus: int = 1
    vcpus_max: int = 1
    memory_kib: int = 0
    memory_max_kib: int = 0
    next_vcpus: int | None = None
    next_memory_kib: int | None = None
    disks: tuple[Disk, ...] = ()
    nics: tuple[Nic, ...] = ()
    snapshots: tuple[DomainSnapshot, ...] = ()
    graphics: tuple[Graphics, ...] = ()
    console: bool = False
    console_log: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    arch: str = "x86_64"
    machine: str = ""
    firmware: Literal["bios", "efi"] = "bios"
    secure_boot: bool = False
    hypervisor: str = "kvm"
    xml_hash: str = ""

    @property
    def key(self) -> str:
        """What the entry is known by among its kind."""
        return self.uuid

    @property
    def passing(self) -> bool:
        """Whether it is only for a moment in its state: on its way up or down, or held for a snapshot."""
        return self.state == "shutdown" or (self.state == "paused" and self.reason in PASSING_REASONS)

    @property
    def made_by_nova(self) -> bool:
        """Whether Nova wrote its definition."""
        return NOVA_NAMESPACE in self.metadata


@dataclass(frozen=True)
class Subnet(Message):
    """A range of addresses on a libvirt network, the host's own address in it, and whether libvirt gives leases."""

    cidr: str
    gateway: str = ""
    dhcp: bool = False


@dataclass(frozen=True)
class Network(Message):
    """A network of libvirt's.

    Args:
        mode: ``isolated``, ``nat``, ``route``, ``open``, ``bridge``, ``ovs`` (a bridge of Open vSwitch), ``private``,
            ``vepa``, ``passthrough`` or ``hostdev``.
        bridge: the bridge that it makes or uses.
        vlans: tags that all of its ports get.
        portgroups: name → tags.
    """

    uuid: str
    name: str
    active: bool = True
    persistent: bool = True
    autostart: bool = False
    mode: str = "isolated"
    bridge: str = ""
    mtu: int | None = None
    vlans: tuple[int, ...] = ()
    portgroups: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    subnets: tuple[Subnet, ...] = ()

    @property
    def key(self) -> str:
        """What the entry is known by among its kind."""
        return self.uuid


@dataclass(frozen=True)
class Bridge(Message):
    """A bridge of the kernel's or of Open vSwitch's, or a VLAN device.

    Args:
        kind: ``vlan`` is a device that sends and takes frames with one tag through ``parent``.
        members: the devices in it that belong to the host (not the domains' own taps), in order of their names.
        parent: a VLAN's device.
        tag: a VLAN's.
        addresses: the host's own on it, with their prefix.
    """

    name: str
    kind: Literal["linux", "ovs", "vlan"]
    members: tuple[str, ...] = ()
    parent: str = ""
    tag: int | None = None
    mtu: int | None = None
    up: bool = True
    addresses: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """What the entry is known by among its kind."""
        return self.name


@dataclass(frozen=True)
class Pool(Message):
    """A storage pool of libvirt's; ``path`` is its folder or device, where it has one."""

    uuid: str
    name: str
    type: str
    active: bool = True
    persistent: bool = True
    autostart: bool = False
    path: str = ""
    capacity: int = 0

    @property
    def key(self) -> str:
        """What the entry is known by among its kind."""
        return self.uuid


@dataclass(frozen=True)
class Image(Message):
    """A file in the image library's folder that has not changed for a while.

    Args:
        path: below the folder.
        size: of the file.
        modified_ns: its time of change, in nanoseconds since 1970.
        sha256: of its content.
        format: Glance's word for its disk format: ``qcow2``, ``raw``, ``iso``, ``vmdk``, ``vhdx``, ``vdi`` …
        virtual_size: of the disk that it holds.
        backing: the file that it is layered on, which makes it unfit for an image; empty for none.
        properties: what the file beside it (``NAME.properties.json``) says.
    """

    path: str
    size: int
    modified_ns: int
    sha256: str
    format: str
    virtual_size: int
    backing: str = ""
    properties: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """What the entry is known by among its kind."""
        return self.path


Entry = Domain | Network | Bridge | Pool | Image
KINDS: Mapping[Part, type[Entry]] = {
    "domains": Domain,
    "networks": Network,
    "bridges": Bridge,
    "pools": Pool,
    "images": Image,
}


@dataclass(frozen=True)
class Inventory(Message):
    """Everything on a host, as far as it could be looked at.

    Args:
        taken_at: when.
        hypervisor: libvirt's URI, and the versions of libvirt and QEMU, as one text; empty while it is out of reach.
        domains: in order of their keys, as all parts are.
        failed: parts that cannot be looked at now, and why: what is listed of them is what was seen last.
    """

    taken_at: float
    hypervisor: str = ""
    domains: tuple[Domain, ...] = ()
    networks: tuple[Network, ...] = ()
    bridges: tuple[Bridge, ...] = ()
    pools: tuple[Pool, ...] = ()
    images: tuple[Image, ...] = ()
    failed: Mapping[str, str] = field(default_factory=dict)

    def entries(self, part: Part) -> dict[str, Entry]:
        """The entries of a part, by their keys."""
        listed: tuple[Entry, ...] = getattr(self, part)
        return {entry.key: entry for entry in listed}

    def with_entries(self, part: Part, entries: Iterable[Entry]) -> "Inventory":
        """The same with other entries in a part."""
        changes: dict[str, Any] = {part: tuple(sorted(entries, key=lambda entry: entry.key))}
        return replace(self, **changes)


@dataclass(frozen=True)
class Delta(Message):
    """One change on a host.

    Args:
        sequence: from 1, without gaps within an epoch.
        at: when it was seen.
        part: which part of the inventory.
        key: which entry; empty when the delta says that the part fails, or is well again.
        value: the entry as it is now; ``None`` when it is gone (or when the delta is about the part).
        error: why the part cannot be looked at; empty when it is well.
        origin: whether libvirt told it, or a scan found it.
        cause: what was told, as ``lifecycle/started/booted``; empty when only a scan found it.
        who: who did it, as far as known: a user of the host; empty when it is not known.
    """

    sequence: int
    at: float
    part: Part
    key: str = ""
    value: Mapping[str, Any] | None = None
    error: str = ""
    origin: Origin = "scan"
    cause: str = ""
    who: str = ""

    def entry(self) -> Entry | None:
        """The entry as it is now, or ``None`` when it is gone.

        Raises:
            MalformedMessage: the value does not fit the part, or has another key.
        """
        if self.value is None:
            return None
        entry = KINDS[self.part].from_json(self.value)
        if entry.key != self.key:
            raise MalformedMessage(f"The delta for {self.part} {self.key!r} holds {entry.key!r}.")
        return entry


@dataclass(frozen=True)
class Report(Message):
    """What a host posts: either a snapshot (which begins an epoch, and stands for number 0) or deltas in order.

    One without either asks whether everything has arrived; it is sent now and then as a sign of life.

    Args:
        epoch: of the account.
        sent_at: by the host's clock.
        snapshot: begins the epoch.
        deltas: follow each other without gaps.
        lost: deltas that were dropped because the backlog was full; a snapshot follows.
    """

    epoch: str
    sent_at: float
    snapshot: Inventory | None = None
    deltas: tuple[Delta, ...] = ()
    lost: int = 0


@dataclass(frozen=True)
class Answer(Message):
    """What the region answers: everything up to ``acknowledged`` is safe with it and may be forgotten by the host.

    Args:
        epoch: that it speaks of.
        acknowledged: number of the last delta that was kept; 0 after a snapshot.
        snapshot: whether the host shall begin anew, because something is missing.
    """

    epoch: str
    acknowledged: int = 0
    snapshot: bool = False


def compare(before: Inventory, after: Inventory) -> list[tuple[Part, str, Entry | None, str]]:
    """What changed from one inventory to the next: part, key, new entry (``None``: gone), error of the part.

    Entries of a part that has failed are not compared: nothing is known about them.
    """
    changes: list[tuple[Part, str, Entry | None, str]] = []
    for part in PARTS:
        error = after.failed.get(part, "")
        if error != before.failed.get(part, ""):
            changes.append((part, "", None, error))
        if error:
            continue
        old, new = before.entries(part), after.entries(part)
        changes += [(part, key, entry, "") for key, entry in new.items() if old.get(key) != entry]
        changes += [(part, key, None, "") for key in old.keys() - new.keys()]
    return changes


def follow(inventory: Inventory, deltas: Iterable[Delta]) -> Inventory:
    """An inventory after deltas, in their order.

    Raises:
        MalformedMessage: a delta's value does not fit its part.
    """
    touched: dict[Part, dict[str, Entry]] = {}
    failed, at = dict(inventory.failed), inventory.taken_at
    for delta in deltas:
        at = delta.at
        if not delta.key:
            failed.pop(delta.part, None)
            if delta.error:
                failed[delta.part] = delta.error
            continue
        entries = touched.setdefault(delta.part, inventory.entries(delta.part))
        entry = delta.entry()
        if entry is None:
            entries.pop(delta.key, None)
        else:
            entries[delta.key] = entry
    for part, entries in touched.items():
        inventory = inventory.with_entries(part, entries.values())
    return replace(inventory, taken_at=at, failed=failed)


def read_report(data: Json) -> Report:
    """Read a report, with the deltas' order checked.

    Raises:
        MalformedMessage: it is not one, or its deltas do not follow each other.
    """
    report = Report.from_json(data)
    for first, second in zip(report.deltas, report.deltas[1:], strict=False):
        if second.sequence != first.sequence + 1:
            raise MalformedMessage(f"Delta {second.sequence} comes after {first.sequence}.")
    if report.snapshot is not None and report.deltas and report.deltas[0].sequence != 1:
        raise MalformedMessage(f"Delta {report.deltas[0].sequence} comes after a snapshot.")
    return report
