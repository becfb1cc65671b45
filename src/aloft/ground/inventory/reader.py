"""Reads libvirt: everything in a scan, or one entry after an event.

A scan asks for each domain's XML, which is cheap, and understands only what differs from the last time. What libvirt
can list at once (who starts by itself, was saved, has snapshots) is asked for once for all domains.
"""

import hashlib
import logging
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import libvirt

from aloft.base.errors import TemporaryError
from aloft.ground.inventory import definition, words
from aloft.ground.inventory.sizes import Size, Sizes
from aloft.sync.inventory import Address, Disk, Domain, DomainSnapshot, Network, Nic, Pool

_log = logging.getLogger(__name__)

_GONE = {libvirt.VIR_ERR_NO_DOMAIN, libvirt.VIR_ERR_NO_NETWORK, libvirt.VIR_ERR_NO_STORAGE_POOL}
_AGENT_ANSWERS_WITHIN = 2  # seconds


class Unreachable(TemporaryError):
    """libvirt does not answer."""


@dataclass(frozen=True)
class Lists:
    """What is asked for all domains at once: UUIDs."""

    persistent: frozenset[str]
    autostart: frozenset[str]
    saved: frozenset[str]
    with_snapshots: frozenset[str]


@dataclass(frozen=True)
class Around:
    """What domains refer to: pools by their folder, bridges of networks by name, addresses by MAC."""

    pools: Mapping[str, str]
    bridges: Mapping[str, str]
    addresses: Mapping[str, tuple[Address, ...]]


@dataclass(frozen=True)
class _Known:
    mark: bytes
    domain: Domain


class Reader:
    """Reads one libvirt. Not for several threads at once.

    Args:
        connection: to it.
        neighbours: tells which addresses the host has seen, by MAC.
        instances: folder of Nova's instances; without one, all disks are taken to be on its file system.
    """

    def __init__(
        self, connection: Any, neighbours: Callable[[], Mapping[str, str]], instances: Path | None = None
    ) -> None:
        self._connection = connection
        self._neighbours = neighbours
        self._instances = instances
        self._sizes = Sizes()
        self._known: dict[str, _Known] = {}
        self._around = Around({}, {}, {})

    def version(self) -> str:
        """URI, libvirt's version and the hypervisor's, as one text."""
        connection = self._connection
        library, program = self._ask(lambda: (connection.getLibVersion(), connection.getVersion()))
        return f"{connection.getURI()} libvirt {_dotted(library)} {connection.getType()} {_dotted(program)}"

    def networks(self) -> tuple[Network, ...]:
        """All networks, in order of their keys."""
        found = [self._network(item) for item in self._ask(self._connection.listAllNetworks)]
        return tuple(sorted((item for item in found if item), key=lambda item: item.key))

    def pools(self) -> tuple[Pool, ...]:
        """All storage pools, in order of their keys."""
        found = [self._pool(item) for item in self._ask(self._connection.listAllStoragePools)]
        return tuple(sorted((item for item in found if item), key=lambda item: item.key))

    def look_around(self, networks: Iterable[Network], pools: Iterable[Pool]) -> None:
        """Take note of what domains refer to; addresses are asked for."""
        addresses: dict[str, list[Address]] = {}
        for mac, address in self._neighbours().items():
            addresses.setdefault(mac, []).append(Address(address, 128 if ":" in address else 32, "arp"))
        for network in networks:
            if network.active and any(subnet.dhcp for subnet in network.subnets):
                for mac, lease in self._leases(network.name):
                    others = [known for known in addresses.get(mac, []) if known.address != lease.address]
                    addresses[mac] = [lease, *others]
        self._around = Around(
            {pool.path: pool.name for pool in pools if pool.path},
            {network.name: network.bridge for network in networks if network.bridge},
            {mac: tuple(sorted(known, key=lambda item: item.address)) for mac, known in addresses.items()},
        )

    def domains(self) -> tuple[Domain, ...]:
        """All domains, in order of their keys.

        Raises:
            Unreachable: libvirt does not answer.
        """
        listed = self._ask(self._connection.listAllDomains)
        lists = self._lists()
        found = {domain.key: domain for item in listed if (domain := self._domain(item, lists))}
        self._known = {key: known for key, known in self._known.items() if key in found}
        self._sizes.forget_all_but({disk.path for domain in found.values() for disk in domain.disks})
        return tuple(found[key] for key in sorted(found))

    def some(self, uuids: Iterable[str]) -> dict[str, Domain | None]:
        """Some domains by their UUIDs; ``None`` for those that libvirt does not have.

        Raises:
            Unreachable: libvirt does not answer.
        """
        lists = self._lists()
        return {uuid: self._one(uuid, lists) for uuid in uuids}

    def uuid_of(self, name: str) -> str | None:
        """The UUID of the domain with this name, or ``None``."""
        item = self._maybe(lambda: self._connection.lookupByName(name))
        return item.UUIDString() if item is not None else None

    def resized(self, domains: Iterable[Domain]) -> set[str]:
        """UUIDs of domains of which a disk has another capacity than when it was read last; asks libvirt nothing."""
        return {
            domain.uuid
            for domain in domains
            for disk in domain.disks
            if disk.source in ("file", "block") and self._sizes.changed(disk.path, disk.format)
        }

    # One of each kind

    def _one(self, uuid: str, lists: Lists) -> Domain | None:
        item = self._maybe(lambda: self._connection.lookupByUUIDString(uuid))
        return self._domain(item, lists) if item is not None else None

    def _domain(self, item: Any, lists: Lists) -> Domain | None:
        uuid = item.UUIDString()
        state = self._maybe(item.state)
        live = self._maybe(lambda: item.XMLDesc(0))
        if live is None or state is None:
            return None
        active = item.isActive() == 1 if uuid in lists.persistent else True
        both = active and uuid in lists.persistent
        stored = self._maybe(lambda: item.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)) if both else live
        if stored is None:
            return None
        known = self._understand(uuid, live, stored)
        return replace(
            known,
            state=words.state(state[0]),
            reason=words.reason(state[0], state[1]),
            persistent=uuid in lists.persistent,
            autostart=uuid in lists.autostart,
            managed_save=uuid in lists.saved,
            disks=tuple(self._measured(disk) for disk in known.disks),
            nics=self._addressed(item, known, live) if active else tuple(self._wired(nic) for nic in known.nics),
            snapshots=self._snapshots(item) if uuid in lists.with_snapshots else (),
        )

    def _understand(self, uuid: str, live: str, stored: str) -> Domain:
        mark = hashlib.blake2b(f"{live}\0{stored}".encode()).digest()
        known = self._known.get(uuid)
        if known is None or known.mark != mark:
            known = self._known[uuid] = _Known(mark, definition.domain(live, stored))
        return known.domain

    def _measured(self, disk: Disk) -> Disk:
        size = self._sizes.measure(disk.path, disk.format) if disk.source in ("file", "block") else None
        path = Path(disk.path)
        pool = self._around.pools.get(str(path.parent), "") if disk.path.startswith("/") else ""
        return replace(
            disk,
            capacity=size.capacity if size else None,
            allocation=size.allocation if size else None,
            pool=disk.pool or pool,
            volume=disk.volume or (path.name if pool else ""),
            elsewhere=disk.source == "network" or (size is not None and self._elsewhere(size)),
        )

    def _elsewhere(self, size: Size) -> bool:
        """Whether a disk is on another file system than Nova's instances, as far as that can be told."""
        if self._instances is None or size.file_system is None:
            return False
        try:
            return size.file_system != os.statvfs(self._instances).f_fsid
        except OSError:
            return False

    def _wired(self, nic: Nic) -> Nic:
        if nic.source == "network" and not nic.bridge:
            return replace(nic, bridge=self._around.bridges.get(nic.name, ""))
        return replace(nic, bridge=nic.name) if nic.source in ("bridge", "ovs") else nic

    def _addressed(self, item: Any, domain: Domain, live: str) -> tuple[Nic, ...]:
        told = self._told_by_agent(item) if "org.qemu.guest_agent" in live and "state='connected'" in live else {}
        return tuple(
            replace(self._wired(nic), addresses=told.get(nic.mac) or self._around.addresses.get(nic.mac, ()))
            for nic in domain.nics
        )

    def _told_by_agent(self, item: Any) -> dict[str, tuple[Address, ...]]:
        """What the guest says that its addresses are, without loopback and link-local ones."""
        self._maybe(lambda: item.agentSetResponseTimeout(_AGENT_ANSWERS_WITHIN))
        source = libvirt.VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_AGENT
        answer = self._maybe(lambda: item.interfaceAddresses(source)) or {}
        return {
            (entry.get("hwaddr") or "").lower(): tuple(
                Address(found["addr"], int(found["prefix"]), "agent")
                for found in entry.get("addrs") or ()
                if not found["addr"].startswith(("127.", "fe80:"))
            )
            for entry in answer.values()
        }

    def _snapshots(self, item: Any) -> tuple[DomainSnapshot, ...]:
        current = self._maybe(item.snapshotCurrent)
        name = current.getName() if current is not None else ""
        found = []
        for listed in self._maybe(item.listAllSnapshots) or ():
            xml = self._maybe(listed.getXMLDesc)
            if xml:
                found.append(definition.snapshot(xml, current=listed.getName() == name))
        return tuple(sorted(found, key=lambda entry: (entry.created_at, entry.name)))

    def _network(self, item: Any) -> Network | None:
        xml = self._maybe(item.XMLDesc)
        if xml is None:
            return None
        persistent = item.isPersistent() == 1
        return replace(
            definition.network(xml),
            active=item.isActive() == 1,
            persistent=persistent,
            autostart=persistent and bool(self._maybe(item.autostart)),
        )

    def _pool(self, item: Any) -> Pool | None:
        xml = self._maybe(item.XMLDesc)
        if xml is None:
            return None
        persistent = item.isPersistent() == 1
        return replace(
            definition.pool(xml),
            active=item.isActive() == 1,
            persistent=persistent,
            autostart=persistent and bool(self._maybe(item.autostart)),
        )

    def _leases(self, name: str) -> list[tuple[str, Address]]:
        network = self._maybe(lambda: self._connection.networkLookupByName(name))
        leases = self._maybe(network.DHCPLeases) if network is not None else None
        return [
            (lease["mac"].lower(), Address(lease["ipaddr"], int(lease["prefix"]), "lease"))
            for lease in leases or ()
            if lease.get("mac") and lease.get("ipaddr")
        ]

    def _lists(self) -> Lists:
        def listed(flag: int) -> frozenset[str]:
            return frozenset(item.UUIDString() for item in self._ask(lambda: self._connection.listAllDomains(flag)))

        return Lists(
            persistent=listed(libvirt.VIR_CONNECT_LIST_DOMAINS_PERSISTENT),
            autostart=listed(libvirt.VIR_CONNECT_LIST_DOMAINS_AUTOSTART),
            saved=listed(libvirt.VIR_CONNECT_LIST_DOMAINS_MANAGEDSAVE),
            with_snapshots=listed(libvirt.VIR_CONNECT_LIST_DOMAINS_HAS_SNAPSHOT),
        )

    def _ask(self, question: Callable[[], Any]) -> Any:
        """An answer of libvirt's; without one nothing can be said about the host."""
        try:
            return question()
        except libvirt.libvirtError as error:
            raise Unreachable(f"libvirt does not answer: {error}") from error

    def _maybe(self, question: Callable[[], Any]) -> Any:
        """An answer about one thing, or ``None`` when that is gone or cannot be asked.

        Raises:
            Unreachable: it is libvirt that does not answer.
        """
        try:
            return question()
        except libvirt.libvirtError as error:
            if error.get_error_code() not in _GONE and not _alive(self._connection):
                raise Unreachable(f"libvirt does not answer: {error}") from error
            return None


def _alive(connection: Any) -> bool:
    try:
        return bool(connection.isAlive() == 1)
    except libvirt.libvirtError:
        return False


def _dotted(number: int) -> str:
    return f"{number // 1_000_000}.{number // 1000 % 1000}.{number % 1000}"
