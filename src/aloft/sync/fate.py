"""What becomes of an instance's disks when it is deleted in OpenStack: what its driver will do, told beforehand."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from aloft.sync.inventory import Disk
from aloft.sync.volumes import volume_of


@dataclass(frozen=True)
class Care:
    """What Nova's records say of an instance's disks.

    Args:
        adopted: whether its domain was there first, and is operated as it is defined.
        delete_disks: whether its user said that the disks of such an instance go with it.
        volumes: Cinder's volumes that are attached: identifier → whether it goes with the instance.
    """

    adopted: bool = False
    delete_disks: bool = False
    volumes: Mapping[str, bool] = field(default_factory=dict)


@dataclass(frozen=True)
class Fate:
    """What becomes of one disk, and why, in words; ``volume`` is Cinder's identifier of it, if it has one."""

    target: str
    path: str
    device: str
    bytes: int | None
    volume: str
    fate: Literal["kept", "deleted"]
    reason: str


def fates(uuid: str, disks: Iterable[Disk], care: Care) -> list[Fate]:
    """What becomes of each disk of an instance; drives with nothing in them are left out.

    Args:
        uuid: the instance's.
        disks: of its domain.
        care: see there.
    """
    found = []
    for disk in disks:
        if not disk.path:
            continue
        volume = volume_of(disk.serial, disk.path)
        goes, reason = _of_volume(volume, care) if volume else _of_host(uuid, disk, care)
        fate: Literal["kept", "deleted"] = "deleted" if goes else "kept"
        found.append(Fate(disk.target, disk.path, disk.device, disk.capacity, volume, fate, reason))
    return found


def _of_volume(volume: str, care: Care) -> tuple[bool, str]:
    if volume not in care.volumes:
        return False, "it may be a volume that Nova does not know of"
    return care.volumes[volume], "a volume that goes with it" if care.volumes[volume] else "a volume that stays"


def _of_host(uuid: str, disk: Disk, care: Care) -> tuple[bool, str]:
    if not care.adopted:
        ours = uuid in disk.path or uuid in disk.volume
        return ours, "OpenStack made it" if ours else "OpenStack did not make it"
    if not care.delete_disks:
        return False, "it was there before"
    if disk.device != "disk":
        return False, f"it is in a drive ({disk.device})"
    if disk.readonly or disk.shareable:
        return False, "it is read-only or shared"
    if disk.source == "file" or (disk.source == "block" and disk.pool):
        return True, "aloft:delete_disks says so"
    return False, "it is no file, and in no storage pool of the host"
