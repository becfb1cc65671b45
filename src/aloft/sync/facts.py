"""What OpenStack shows of a domain: from the wire format to plain values that can be compared, kept and told."""

from collections.abc import Iterable, Mapping
from typing import Any

from aloft.sync.inventory import Disk, Domain, Inventory, Network, Nic
from aloft.sync.made import made

Facts = dict[str, Any]
"""Field → value, of JSON's types only."""

GIB = 1 << 30

FOUND = "Found on "
"""How the description of networks and ports begins that were made for what was found outside of OVN."""

SETTLED = ("name", "description")
"""Fields that both sides may change: the later change holds."""

FOLLOWED = ("state", "vcpus", "memory_mib", "host", "disks", "nics", "snapshots", "machine")
"""Fields in which the host is always right."""

STATES = {
    "nostate": "stopped",
    "running": "active",
    "blocked": "active",
    "shutdown": "active",
    "paused": "paused",
    "shutoff": "stopped",
    "crashed": "crashed",
    "pmsuspended": "suspended",
}
"""libvirt's states as the words that this package uses: active, paused, stopped, suspended, crashed."""

INTEGRATION = "br-int"
"""The bridge that OVN owns: what is plugged into it is where its port says, and nowhere else."""

PRIVATE_MODES = ("isolated", "nat", "route", "open")


def facts(domain: Domain, host: str, inventory: Inventory, before: Mapping[str, Any] | None = None) -> Facts:
    """What OpenStack shall show of a domain.

    Args:
        domain: as the host told it.
        host: its name.
        inventory: the rest of the host, for networks.
        before: the facts that held last; they say which of two numbers (now, and at the next start) has changed since,
            where a card leads whose network libvirt does not know any more, and which addresses a card had of which
            none is known now: a virtual machine that is off, or has not said anything yet, has not lost them.
    """
    before = before or {}
    networks = {network.name: network for network in inventory.networks}
    cards = {nic["mac"]: nic for nic in before.get("nics", ())}
    state = "suspended" if domain.managed_save and domain.state == "shutoff" else STATES[domain.state]
    if domain.passing:
        state = before.get("state", "active")
    memory = domain.memory_kib // 1024
    next_memory = memory if domain.next_memory_kib is None else domain.next_memory_kib // 1024
    next_vcpus = domain.vcpus if domain.next_vcpus is None else domain.next_vcpus
    return {
        "name": domain.title or made(domain).name or domain.name,
        "description": domain.description,
        "state": state,
        "vcpus": _moved("vcpus", domain.vcpus, next_vcpus, before),
        "memory_mib": _moved("memory_mib", memory, next_memory, before),
        "sizes": {"vcpus": [domain.vcpus, next_vcpus], "memory_mib": [memory, next_memory]},
        "host": host,
        "disks": [_disk(disk) for disk in domain.disks],
        "nics": [_nic(nic, host, networks, made(domain).ports, cards) for nic in domain.nics],
        "snapshots": [
            {"name": one.name, "created_at": one.created_at, "state": one.state, "description": one.description}
            for one in domain.snapshots
        ],
        "machine": {
            "arch": domain.arch,
            "type": domain.machine,
            "firmware": domain.firmware,
            "secure_boot": domain.secure_boot,
        },
    }


def _moved(field: str, now: int, upcoming: int, before: Mapping[str, Any]) -> int:
    """The size that counts: that of the two which has changed since; what runs now, where nothing is known."""
    old_now, old_upcoming = before.get("sizes", {}).get(field, (now, now))
    if now != old_now or field not in before:
        return now
    return upcoming if upcoming != old_upcoming else int(before[field])


def _disk(disk: Disk) -> Facts:
    return {
        "target": disk.target,
        "bus": disk.bus,
        "device": disk.device,
        "source": disk.source,
        "path": disk.path,
        "pool": disk.pool,
        "volume": disk.volume,
        "format": disk.format,
        "gib": -(-(disk.capacity or 0) // GIB),
        "serial": disk.serial,
        "boot_order": disk.boot_order,
        "elsewhere": disk.elsewhere,
    }


def _nic(
    nic: Nic, host: str, networks: Mapping[str, Network], ports: Iterable[str], cards: Mapping[str, Facts]
) -> Facts:
    network = networks.get(nic.name) if nic.source == "network" else None
    lost = nic.source == "network" and network is None
    before = cards.get(nic.mac.lower(), {"place": "", "addresses": []})
    leads = (before["place"] if lost else "") or place(nic, host, network)
    addresses = [[one.address, one.prefix] for one in nic.addresses if not one.address.startswith("fe80:")]
    return {
        "mac": nic.mac.lower(),
        "model": nic.model,
        "place": leads,
        "interface_id": nic.interface_id or next((port for port in ports if _tap(port) == nic.target), ""),
        "link_up": nic.link_up,
        "addresses": addresses or (before["addresses"] if leads == before["place"] else []),
    }


def _tap(port: str) -> str:
    """The device that Nova makes for a port of OVN's."""
    return f"tap{port}"[:14]


def place(nic: Nic, host: str, network: Network | None) -> str:
    """Where a NIC is plugged in, as a name that is the same for all NICs that reach each other there.

    ``bridge/NAME/TAG`` for a bridge (tag 0: none): bridges of the same name on several hosts are taken for one network,
    as hosts' bridges are named for what they lead to. ``host/HOST/NAME`` for what does not leave the host. Empty for a
    device that somebody else plugs in, as Nova does, and for OVN's own bridge: the NIC does not say where that leads.
    """
    if nic.source == "ethernet" or INTEGRATION in (nic.bridge, nic.name):
        return ""
    vlans = nic.vlans or (_vlans(network, nic.portgroup) if network else ())
    if network is not None and network.mode in PRIVATE_MODES:
        return network_place(network, host)
    if nic.source in ("bridge", "ovs", "direct", "network") and (nic.bridge or nic.name):
        return f"bridge/{nic.bridge or nic.name}/{vlans[0] if len(vlans) == 1 else 0}"
    return f"host/{host}/{nic.name or nic.source}"


def _vlans(network: Network, portgroup: str) -> tuple[int, ...]:
    return tuple(network.portgroups.get(portgroup, ())) or network.vlans


def network_place(network: Network, host: str) -> str:
    """The place (see :func:`place`) that a libvirt network stands for, without the tags of its port groups."""
    if network.mode in PRIVATE_MODES:
        return f"host/{host}/{network.name}"
    return f"bridge/{network.bridge}/{network.vlans[0] if len(network.vlans) == 1 else 0}"
