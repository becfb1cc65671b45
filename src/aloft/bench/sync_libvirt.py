"""Domains of a model's host that are real ones: libvirt's, changed through libvirt and read by the agent's own code.

libvirt's test driver keeps them in memory, with everything about them that libvirt keeps of any other domain.
"""

from collections.abc import Iterator, MutableMapping
from pathlib import Path

import libvirt

from aloft.ground.inventory.reader import Reader
from aloft.sync.inventory import Domain, DomainState

MOST_PROCESSORS, MOST_KIB = 8, 8 << 20
_DOMAIN = """<domain type='test'><name>{name}</name><uuid>{uuid}</uuid><memory unit='KiB'>{most}</memory>
<currentMemory unit='KiB'>{memory}</currentMemory><vcpu current='{vcpus}'>{processors}</vcpu>
<os><type arch='x86_64'>hvm</type></os></domain>"""


class RealDomains(MutableMapping[str, Domain]):
    """A host's domains by their UUIDs; what is assigned is brought about in libvirt.

    Args:
        path: of a file that is written for the driver; a host has one of its own.
    """

    def __init__(self, path: Path) -> None:
        libvirt.registerErrorHandler(lambda *_: None, None)  # errors are raised; no need to print them, too
        path.write_text("<node/>")
        self._connection = libvirt.open(f"test://{path}")
        self._reader = Reader(self._connection, dict)

    def __iter__(self) -> Iterator[str]:
        """The UUIDs."""
        return iter([domain.uuid for domain in self._reader.domains()])

    def __len__(self) -> int:
        """How many there are."""
        return len(self._connection.listAllDomains())

    def __getitem__(self, uuid: str) -> Domain:
        """A domain as the agent reads it."""
        found = self._reader.some([uuid])[uuid]
        if found is None:
            raise KeyError(uuid)
        return found

    def __delitem__(self, uuid: str) -> None:
        """Destroy and undefine a domain."""
        if uuid not in self:
            raise KeyError(uuid)
        domain = self._connection.lookupByUUIDString(uuid)
        if domain.isActive():
            domain.destroy()
        domain.undefine()

    def __setitem__(self, uuid: str, wanted: Domain) -> None:
        """Define a domain, or change one as far as it differs."""
        if uuid in self:
            domain, now = self._connection.lookupByUUIDString(uuid), self[uuid]
        else:
            domain, now = self._define(wanted), None
        _enter(domain, wanted.state)
        if now is None or (now.vcpus, now.memory_kib) != (wanted.vcpus, wanted.memory_kib):
            for flag in _flags(domain):
                domain.setVcpusFlags(wanted.vcpus, flag)
                domain.setMemoryFlags(wanted.memory_kib, flag)
        for kind, before, after in (
            (libvirt.VIR_DOMAIN_METADATA_TITLE, now.title if now else "", wanted.title),
            (libvirt.VIR_DOMAIN_METADATA_DESCRIPTION, now.description if now else "", wanted.description),
        ):
            if before != after:
                for flag in _flags(domain):
                    domain.setMetadata(kind, after or None, None, None, flag)

    def close(self) -> None:
        """Let go of libvirt."""
        self._connection.close()

    def _define(self, wanted: Domain) -> "libvirt.virDomain":
        sizes = {"most": MOST_KIB, "processors": MOST_PROCESSORS, "memory": wanted.memory_kib, "vcpus": wanted.vcpus}
        return self._connection.defineXML(_DOMAIN.format(name=wanted.name, uuid=wanted.uuid, **sizes))


def _enter(domain: "libvirt.virDomain", state: DomainState) -> None:
    """Bring a domain into a state: running, paused or off."""
    if domain.isActive() and state == "shutoff":
        domain.destroy()
    if not domain.isActive() and state != "shutoff":
        domain.create()
    now = domain.state()[0]
    if state == "paused" and now == libvirt.VIR_DOMAIN_RUNNING:
        domain.suspend()
    elif state == "running" and now == libvirt.VIR_DOMAIN_PAUSED:
        domain.resume()


def _flags(domain: "libvirt.virDomain") -> tuple[int, ...]:
    """What starts next, and what runs, if it does: the driver takes them one at a time."""
    live = (libvirt.VIR_DOMAIN_AFFECT_LIVE,) if domain.isActive() else ()
    return (libvirt.VIR_DOMAIN_AFFECT_CONFIG, *live)
