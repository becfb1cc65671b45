"""libvirt's XML as entries of the inventory: pure functions (libvirt.org/format.html)."""

import hashlib
import ipaddress
from collections.abc import Iterator
from typing import Any, cast
from xml.etree import ElementTree

from aloft.sync.inventory import (
    Disk,
    DiskSource,
    Domain,
    DomainSnapshot,
    Graphics,
    Network,
    Nic,
    NicSource,
    Pool,
    Subnet,
)

Element = ElementTree.Element

_UNITS = {"b": 1, "bytes": 1, "kb": 1000, "k": 1024, "kib": 1024, "mb": 1000**2, "m": 1 << 20, "mib": 1 << 20,
          "gb": 1000**3, "g": 1 << 30, "gib": 1 << 30, "tb": 1000**4, "t": 1 << 40, "tib": 1 << 40}  # fmt: skip
_DISK_SOURCES = {"file", "block", "dir", "network", "volume", "nvme", "vhostuser"}
_NIC_SOURCES = {"network", "bridge", "direct", "user", "hostdev", "vhostuser", "ethernet"}


def parse(xml: str) -> Element:
    """What libvirt tells, as a tree; it is the host's own libvirt, which lets no entities through."""
    return ElementTree.fromstring(xml)  # noqa: S314 - see above


def domain(live: str, stored: str) -> Domain:
    """A domain as its XML tells: without its state, sizes of disks, addresses and what else XML does not hold.

    Args:
        live: as it is now.
        stored: the definition that its next start uses; the same as ``live`` for one that runs without.
    """
    root = parse(live)
    next_root = parse(stored) if stored != live else root
    vcpus, vcpus_max = _vcpus(root)
    memory, memory_max = _memory(root)
    next_vcpus, next_memory = _vcpus(next_root)[0], _memory(next_root)[0]
    os_type = root.find("os/type")
    return Domain(
        uuid=root.findtext("uuid", "").lower(),
        name=root.findtext("name", ""),
        state="nostate",
        title=next_root.findtext("title", ""),
        description=next_root.findtext("description", ""),
        vcpus=vcpus,
        vcpus_max=vcpus_max,
        memory_kib=memory,
        memory_max_kib=memory_max,
        next_vcpus=next_vcpus if next_vcpus != vcpus else None,
        next_memory_kib=next_memory if next_memory != memory else None,
        disks=tuple(_disk(item) for item in root.findall("devices/disk")),
        nics=tuple(_nic(item) for item in root.findall("devices/interface")),
        graphics=tuple(_graphics(item) for item in root.findall("devices/graphics")),
        console=root.find("devices/serial") is not None or root.find("devices/console") is not None,
        console_log=console_log(root),
        metadata=_metadata(next_root),
        arch=os_type.get("arch", "") if os_type is not None else "",
        machine=os_type.get("machine", "") if os_type is not None else "",
        firmware="efi" if _is_efi(root) else "bios",
        secure_boot=_attribute(root, "os/loader", "secure") == "yes",
        hypervisor=root.get("type", ""),
        xml_hash=hashlib.sha256(stored.encode()).hexdigest(),
    )


def console_log(root: Element) -> str:
    """The file that a domain's serial console is written to; empty for none."""
    for device in (*root.findall("devices/serial"), *root.findall("devices/console")):
        kept = _attribute(device, "log", "file")
        if kept or (device.get("type") == "file"):
            return kept or _attribute(device, "source", "path")
    return ""


def network(xml: str) -> Network:
    """A network of libvirt's, without what XML does not hold: whether it is active, persistent, starts by itself."""
    root = parse(xml)
    forward = root.find("forward")
    mode = "isolated" if forward is None else forward.get("mode", "nat")
    if _attribute(root, "virtualport", "type") == "openvswitch":
        mode = "ovs"
    mtu = _attribute(root, "mtu", "size")
    return Network(
        uuid=root.findtext("uuid", "").lower(),
        name=root.findtext("name", ""),
        mode=mode,
        bridge=_attribute(root, "bridge", "name") or _attribute(root, "forward", "dev"),
        mtu=int(mtu) if mtu.isdecimal() else None,
        vlans=_tags(root),
        portgroups={group.get("name", ""): _tags(group) for group in root.findall("portgroup")},
        subnets=tuple(_subnets(root)),
    )


def pool(xml: str) -> Pool:
    """A storage pool, without what XML does not hold."""
    root = parse(xml)
    return Pool(
        uuid=root.findtext("uuid", "").lower(),
        name=root.findtext("name", ""),
        type=root.get("type", ""),
        path=root.findtext("target/path", ""),
        capacity=int(root.findtext("capacity", "0")),
    )


def snapshot(xml: str, *, current: bool) -> DomainSnapshot:
    """A snapshot of a domain."""
    root = parse(xml)
    return DomainSnapshot(
        name=root.findtext("name", ""),
        created_at=float(root.findtext("creationTime", "0")),
        state=root.findtext("state", ""),
        description=root.findtext("description", ""),
        parent=root.findtext("parent/name", ""),
        current=current,
    )


def _disk(item: Element) -> Disk:
    target, source = item.find("target"), item.find("source")
    kind = item.get("type", "file")
    path, pool_name, volume = _place(kind, source)
    found = cast(DiskSource, kind) if kind in _DISK_SOURCES and (path or volume) else "none"
    device = item.get("device", "disk")
    return Disk(
        target=target.get("dev", "") if target is not None else "",
        bus=target.get("bus", "") if target is not None else "",
        device=cast(Any, device if device in ("disk", "cdrom", "floppy", "lun") else "disk"),
        source=found,
        path=path,
        pool=pool_name,
        volume=volume,
        format=_attribute(item, "driver", "type"),
        backing=_attribute(item, "backingStore/source", "file"),
        readonly=item.find("readonly") is not None,
        shareable=item.find("shareable") is not None,
        serial=item.findtext("serial", ""),
        boot_order=_boot_order(item),
    )


def _place(kind: str, source: Element | None) -> tuple[str, str, str]:
    """Path, pool and volume of a disk's source."""
    if source is None:
        return "", "", ""
    if kind == "volume":
        return "", source.get("pool", ""), source.get("volume", "")
    if kind == "network":
        name = source.get("name", "")
        return (f"{source.get('protocol', '')}:{name}" if name else ""), "", ""
    return source.get("file") or source.get("dev") or source.get("dir") or source.get("path") or "", "", ""


def _nic(item: Element) -> Nic:
    source = item.find("source")
    kind = item.get("type", "")
    given = source.attrib if source is not None else {}
    port = item.find("virtualport")
    switched = port is not None and port.get("type") == "openvswitch"
    found = "ovs" if switched and kind == "bridge" else kind if kind in _NIC_SOURCES else "none"
    return Nic(
        mac=_attribute(item, "mac", "address").lower(),
        target=_attribute(item, "target", "dev"),
        model=_attribute(item, "model", "type"),
        source=cast(NicSource, found),
        name=given.get("network") or given.get("bridge") or given.get("dev") or "",
        bridge=given.get("bridge", ""),
        portgroup=given.get("portgroup", ""),
        vlans=_tags(item),
        interface_id=_attribute(item, "virtualport/parameters", "interfaceid"),
        link_up=_attribute(item, "link", "state") != "down",
        boot_order=_boot_order(item),
    )


def _graphics(item: Element) -> Graphics:
    port = item.get("port", "")
    listen = item.get("listen") or _attribute(item, "listen", "address")
    return Graphics(item.get("type", ""), listen, int(port) if port.isdecimal() else None)


def _metadata(root: Element) -> dict[str, str]:
    """Each program's element, by its namespace."""
    return {
        item.tag[1:].partition("}")[0]: ElementTree.tostring(item, encoding="unicode").strip()
        for item in root.findall("metadata/*")
        if item.tag.startswith("{")
    }


def _subnets(root: Element) -> Iterator[Subnet]:
    for item in root.findall("ip"):
        address = item.get("address", "")
        mask = item.get("prefix") or item.get("netmask") or ("64" if item.get("family") == "ipv6" else "24")
        if address:
            cidr = ipaddress.ip_interface(f"{address}/{mask}").network
            yield Subnet(str(cidr), address, item.find("dhcp") is not None)


def _tags(item: Element) -> tuple[int, ...]:
    return tuple(int(tag.get("id", "0")) for tag in item.findall("vlan/tag"))


def _vcpus(root: Element) -> tuple[int, int]:
    item = root.find("vcpu")
    if item is None:
        return 1, 1
    most = int(item.text or "1")
    return int(item.get("current", most)), most


def _memory(root: Element) -> tuple[int, int]:
    """Memory now and at most, in KiB."""
    most = _kib(root.find("memory"))
    return _kib(root.find("currentMemory")) or most, most


def _kib(item: Element | None) -> int:
    if item is None:
        return 0
    return int(item.text or "0") * _UNITS[item.get("unit", "KiB").lower()] // 1024


def _is_efi(root: Element) -> bool:
    return _attribute(root, "os", "firmware") == "efi" or _attribute(root, "os/loader", "type") == "pflash"


def _boot_order(item: Element) -> int | None:
    order = _attribute(item, "boot", "order")
    return int(order) if order.isdecimal() else None


def _attribute(root: Element, path: str, name: str) -> str:
    item = root.find(path)
    return item.get(name, "") if item is not None else ""
