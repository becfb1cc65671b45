"""What is done to a domain that was there before Nova: with the definition that it has, never with another one.

The functions over XML are pure; the others take libvirt's own objects. Nothing of OpenStack is needed.
"""

import contextlib
import logging
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import libvirt

from aloft.base import files
from aloft.base.errors import Conflict, InvalidInput, TemporaryError
from aloft.sync.facts import GIB
from aloft.sync.inventory import NOVA_NAMESPACE
from aloft.sync.volumes import volume_of

Element = ElementTree.Element

_log = logging.getLogger(__name__)

_JOB_SECONDS = 0.5
_PLAIN = {"file", "block"}


class NotResizable(InvalidInput):
    """A definition that spreads memory and processors over NUMA nodes says nothing of how to spread others."""


class CopyFailed(TemporaryError):
    """A disk could not be copied."""


class StillRuns(Conflict):
    """A domain that runs without a definition cannot be given another one."""


@dataclass(frozen=True)
class Drive:
    """A disk of a domain: its name in the guest, where it lies, its format, and the serial that the guest sees."""

    target: str
    path: str
    format: str
    serial: str

    @property
    def volume(self) -> str:
        """The identifier of the volume of Cinder's that it may be; empty where it is none."""
        return volume_of(self.serial, self.path)


# The definition


def resized(xml: str, vcpus: int, memory_mib: int) -> str:
    """A definition with other processors and memory, and everything else as it was.

    Raises:
        NotResizable: it has NUMA nodes.
    """
    root = _parse(xml)
    if root.find("cpu/numa") is not None:
        raise NotResizable(
            "The virtual machine's definition has NUMA nodes, which a flavor does not describe.",
            "Change its definition on the host.",
        )
    _set_processors(root, vcpus)
    for name in ("memory", "currentMemory"):
        item = root.find(name)
        if item is None:
            item = ElementTree.SubElement(root, name)
        item.set("unit", "KiB")
        item.text = str(memory_mib * 1024)
    return ElementTree.tostring(root, encoding="unicode")


def drives(xml: str) -> list[Drive]:
    """The disks that hold data of the domain's own, the one that it starts from first.

    CD-ROMs, floppies, read-only and shared disks are left out, and what is neither a file nor a device of the host.
    """
    found = []
    for item in _parse(xml).findall("devices/disk"):
        source, target = item.find("source"), item.find("target")
        path = "" if source is None else source.get("file") or source.get("dev") or ""
        if item.get("device", "disk") != "disk" or item.get("type") not in _PLAIN or not path or target is None:
            continue
        if item.find("readonly") is not None or item.find("shareable") is not None:
            continue
        boot, driver = item.find("boot"), item.find("driver")
        order = int(boot.get("order", "0")) if boot is not None else 1 << 16
        form = driver.get("type", "raw") if driver is not None else "raw"
        found.append((order, Drive(target.get("dev", ""), path, form, item.findtext("serial", ""))))
    return [drive for _, drive in sorted(found, key=lambda pair: pair[0])]


def serial_log(xml: str) -> str:
    """The file that the serial console is written to; empty for none."""
    root = _parse(xml)
    for item in (*root.findall("devices/serial"), *root.findall("devices/console")):
        for kind, place, name in (("", "log", "file"), ("file", "source", "path")):
            found = item.find(place)
            if found is not None and found.get(name) and kind in ("", item.get("type")):
                return found.get(name, "")
    return ""


def use(xml: str) -> tuple[int, int, list[str]]:
    """What a domain takes of its host: processors, memory in MiB, paths of disks."""
    root = _parse(xml)
    vcpu, memory = root.find("vcpu"), root.find("memory")
    vcpus = int(vcpu.get("current") or vcpu.text or "1") if vcpu is not None else 1
    kib = int(memory.text or "0") if memory is not None else 0  # libvirt itself always writes KiB
    return vcpus, -(-kib // 1024), [drive.path for drive in drives(xml)]


# The domain


def start(domain: Any) -> None:
    """Start a domain as it is defined; where it was saved it goes on from there."""
    if not domain.isActive():
        domain.create()


def restart(domain: Any, keep: Path) -> None:
    """End a domain at once and start it as it is defined, or, without a definition, as it ran.

    Args:
        domain: the domain. One without a definition gets one should it not start again: it is not lost.
        keep: see :func:`defined`.
    """
    if domain.isPersistent():
        if domain.isActive():
            domain.destroy()
        domain.create()
        return
    xml = _definition(domain)
    connection = domain.connect()
    with defined(connection, domain.UUIDString(), keep):
        domain.destroy()
        connection.createXML(xml)


@contextlib.contextmanager
def defined(connection: Any, uuid: str, keep: Path) -> Iterator[None]:
    """Have what a domain is defined as put back, should what is done meanwhile fail and have lost it.

    The definition is in a file until that is done, so a process that was killed meanwhile leaves it to the next try.

    Args:
        connection: to libvirt.
        uuid: the domain's; one that is not there is what a try before may have left in a file.
        keep: folder for the file.
    """
    file = keep / f"{uuid}.xml"
    domain = _domain(connection, uuid)
    if domain is not None:
        files.folder(keep, mode=0o700)
        files.write(file, _definition(domain))
    try:
        yield
    except BaseException:
        _put_back(connection, uuid, file)
        raise
    file.unlink(missing_ok=True)


def _put_back(connection: Any, uuid: str, file: Path) -> None:
    """Define a domain that is no more as its file says; the file goes only once there is a domain."""
    if not file.exists():
        return
    try:
        if _domain(connection, uuid) is None:
            connection.defineXML(file.read_text())
            _log.warning("%s was lost when it failed to start; it is defined again as it was", uuid)
    except libvirt.libvirtError:
        _log.exception("%s cannot be defined again; its definition is %s", uuid, file)
        return
    file.unlink()


def _domain(connection: Any, uuid: str) -> Any:
    """A domain; ``None`` where there is none."""
    try:
        return connection.lookupByUUIDString(uuid)
    except libvirt.libvirtError as error:
        if error.get_error_code() != libvirt.VIR_ERR_NO_DOMAIN:
            raise
        return None


def resize(domain: Any, vcpus: int, memory_mib: int, keep: Path) -> None:
    """Give a domain's definition other processors and memory; it has them from its next start on.

    Args:
        domain: the domain, which has a definition.
        vcpus: processors.
        memory_mib: memory in MiB.
        keep: folder for the definition that it had.

    Raises:
        NotResizable: see :func:`resized`.
        StillRuns: it has no definition.
    """
    if not domain.isPersistent():
        raise StillRuns("The virtual machine runs without a definition.", "Define it on the host (virsh define).")
    before = keep_definition(domain, keep)
    after = resized(before, vcpus, memory_mib)
    domain.connect().defineXML(after)


def remove(domain: Any, keep: Path) -> list[Drive]:
    """End a domain and take its definition away; its disks, and its firmware's variables, stay.

    Args:
        domain: the domain.
        keep: folder for the definition that it had.

    Returns:
        The disks that it had.
    """
    xml = keep_definition(domain, keep)
    persistent = domain.isPersistent()
    if domain.isActive():
        domain.destroy()
    if persistent:
        domain.undefineFlags(_how_to_undefine(domain, xml))
    return drives(xml)


def delete_drives(connection: Any, gone: Iterable[Drive]) -> list[str]:
    """Delete disks: through the storage pool that holds them, or as the files that they are; devices are kept.

    So is whatever may be a volume of Cinder's, which alone says when that goes. Nova's own records of volumes are not
    asked: they may have been lost.

    Returns:
        The paths of those that are no more.
    """
    deleted = []
    for drive in gone:
        if drive.volume:
            _log.warning("The disk %s is kept: it may be the volume %s of Cinder's", drive.path, drive.volume)
            continue
        volume = None
        with contextlib.suppress(libvirt.libvirtError):
            volume = connection.storageVolLookupByPath(drive.path)
        if volume is not None:
            volume.delete(0)
        elif Path(drive.path).is_file():
            Path(drive.path).unlink()
        else:
            continue
        deleted.append(drive.path)
    return deleted


def copy_drive(domain: Any, drive: Drive, target: Path, patience: float) -> None:
    """Copy a disk of a running domain into a new qcow2 file, as it is at one moment, while the domain runs on.

    Args:
        domain: a domain that runs.
        drive: one of its disks.
        target: the file; it must not be there yet.
        patience: seconds.

    Raises:
        CopyFailed: it could not be copied.
    """
    try:
        domain.backupBegin(_backup(domain.XMLDesc(0), drive, target), None)
        end = time.monotonic() + patience
        while domain.jobStats().get("type", libvirt.VIR_DOMAIN_JOB_NONE) != libvirt.VIR_DOMAIN_JOB_NONE:
            if time.monotonic() > end:
                domain.abortJob()
                raise CopyFailed(f"The disk {drive.path} was not copied within {patience:.0f} s.")
            time.sleep(_JOB_SECONDS)
        done = domain.jobStats(libvirt.VIR_DOMAIN_JOB_STATS_COMPLETED)
    except libvirt.libvirtError as error:
        raise CopyFailed(f"The disk {drive.path} cannot be copied: {error}") from error
    if not done.get("success", done.get("type") == libvirt.VIR_DOMAIN_JOB_COMPLETED):
        raise CopyFailed(f"The disk {drive.path} was not copied: {done.get('errmsg') or 'QEMU does not say why'}.")


def describe(domain: Any, name: str, description: str) -> None:
    """Have a domain called ``name`` and described so.

    One that is off gets the name itself. One that runs cannot: it gets a title, which libvirt's tools show, too; and so
    does one that has a title already.
    """
    title = "" if name == domain.name() else name
    if title and not domain.isActive() and not _described(domain, libvirt.VIR_DOMAIN_METADATA_TITLE):
        with contextlib.suppress(libvirt.libvirtError):  # such as a name that another one has
            domain.rename(name, 0)
            title = ""
    flags = libvirt.VIR_DOMAIN_AFFECT_LIVE if domain.isActive() else 0
    flags |= libvirt.VIR_DOMAIN_AFFECT_CONFIG if domain.isPersistent() else 0
    for kind, text in (
        (libvirt.VIR_DOMAIN_METADATA_TITLE, title),
        (libvirt.VIR_DOMAIN_METADATA_DESCRIPTION, description),
    ):
        if _described(domain, kind) != text:
            domain.setMetadata(kind, text or None, None, None, flags)


def _described(domain: Any, kind: int) -> str:
    """A domain's title or description; empty for none."""
    try:
        return str(domain.metadata(kind, None, 0))
    except libvirt.libvirtError as error:
        if error.get_error_code() != libvirt.VIR_ERR_NO_DOMAIN_METADATA:
            raise
        return ""


def keep_definition(domain: Any, folder: Path) -> str:
    """Write a domain's definition into a file of its own, and return it.

    Passwords are part of it, so only root may read it.
    """
    xml = _definition(domain)
    files.folder(folder, mode=0o700)
    files.write(folder / f"{domain.UUIDString()}-{time.time_ns()}.xml", xml)
    return xml


def _definition(domain: Any) -> str:
    """What a domain starts as, with its passwords."""
    return str(domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE | libvirt.VIR_DOMAIN_XML_SECURE))


def taken(connection: Any, known: Mapping[str, Mapping[str, int] | None], folder: Path) -> tuple[int, int, int]:
    """What domains take of the host beyond what Placement has counted: processors, memory in MiB, disk in GiB.

    Args:
        connection: to libvirt.
        known: what of the host is allocated to each instance on it, and to whatever else has an allocation, by UUID and
            Placement's classes; ``None`` for one that is not to be looked at. Nor are instances that Nova made: they
            are given what they take before they are there, and keep that under another name while they are moved.
        folder: disks count that lie on the same file system.
    """
    vcpus = memory = size = 0
    for domain in connection.listAllDomains():
        held = known.get(domain.UUIDString(), {})
        if held is None:
            continue
        with contextlib.suppress(libvirt.libvirtError):  # it went away meanwhile
            xml = domain.XMLDesc(0)
            if domain.UUIDString() in known and NOVA_NAMESPACE in xml:
                continue
            its_vcpus, its_memory, paths = use(xml)
            vcpus += max(0, its_vcpus - held.get("VCPU", 0))
            memory += max(0, its_memory - held.get("MEMORY_MB", 0))
            size += max(0, sum(_on_disk(paths, folder)) - held.get("DISK_GB", 0) * GIB)
    return vcpus, memory, -(-size // GIB)


def _on_disk(paths: Iterable[str], folder: Path) -> Iterator[int]:
    """Bytes that files take on the file system of ``folder``."""
    for path in paths:
        with contextlib.suppress(OSError):
            if os.statvfs(path).f_fsid == os.statvfs(folder).f_fsid:
                yield Path(path).stat().st_blocks * 512


def _how_to_undefine(domain: Any, xml: str) -> int:
    """What libvirt is told: it refuses to forget records that it is not told about, and flags that it does not know."""
    flags = libvirt.VIR_DOMAIN_UNDEFINE_MANAGED_SAVE | libvirt.VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA
    with contextlib.suppress(libvirt.libvirtError):
        if domain.listAllCheckpoints():
            flags |= libvirt.VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA
    if _parse(xml).find("os/nvram") is not None:
        flags |= libvirt.VIR_DOMAIN_UNDEFINE_KEEP_NVRAM
    return int(flags)


def _backup(xml: str, drive: Drive, target: Path) -> str:
    """The order to copy one disk and no other (libvirt.org/formatbackup.html)."""
    order = ElementTree.Element("domainbackup", mode="push")
    disks = ElementTree.SubElement(order, "disks")
    for item in _parse(xml).findall("devices/disk/target"):
        name = item.get("dev", "")
        disk = ElementTree.SubElement(disks, "disk", name=name, backup="yes" if name == drive.target else "no")
        if name == drive.target:
            disk.set("type", "file")
            ElementTree.SubElement(disk, "driver", type="qcow2")
            ElementTree.SubElement(disk, "target", file=str(target))
    return ElementTree.tostring(order, encoding="unicode")


def _set_processors(root: Element, vcpus: int) -> None:
    item = root.find("vcpu")
    if item is None:
        item = ElementTree.SubElement(root, "vcpu")
    before = int(item.text or "1")
    most = max(before, vcpus)
    item.text = str(most)
    if most == vcpus:
        item.attrib.pop("current", None)
    else:
        item.set("current", str(vcpus))
    single, cpu = root.find("vcpus"), root.find("cpu")
    if single is not None:
        root.remove(single)
    topology = cpu.find("topology") if cpu is not None else None
    if cpu is not None and topology is not None and most != before:
        each = int(topology.get("cores", "1")) * int(topology.get("threads", "1")) * int(topology.get("dies", "1"))
        if most % each:
            cpu.remove(topology)
        else:
            topology.set("sockets", str(most // each))


def _parse(xml: str) -> Element:
    return ElementTree.fromstring(xml)  # noqa: S314 - written by the host's own libvirt
