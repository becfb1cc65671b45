"""Which disks are Cinder's volumes, and what becomes of Nova's and Cinder's records of them: a pure plan.

A volume shows its identifier as the serial of its disk, as Nova attaches it; backends that keep volumes as files or
logical volumes name them ``volume-IDENTIFIER`` (Cinder's ``volume_name_template``).
"""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from aloft.sync.facts import Facts

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_NAMED = re.compile(rf"(?:^|[/-])volume-({_UUID.pattern})(?:\.[^/]*)?$")


@dataclass(frozen=True)
class VolumeAction:
    """One thing to do about the records of a volume.

    Args:
        kind: ``attach`` (neither Cinder nor Nova know that it is), ``map`` (Nova does not, Cinder does), ``detach``, or
            ``tell`` (it cannot be followed).
        volume: identifier.
        disk: the facts of the disk that it is, or was.
        attachment: Cinder's identifier of the attachment, for ``map``.
        note: why it cannot be followed.
    """

    kind: Literal["attach", "map", "detach", "tell"]
    volume: str
    disk: Facts
    attachment: str = ""
    note: str = ""


def volume_of(serial: str, path: str) -> str:
    """The identifier of the volume that a disk may be, whatever Cinder says; empty for a disk that is none."""
    if _UUID.fullmatch(serial.lower()):
        return serial.lower()
    named = _NAMED.search(path.lower().replace("--", "-"))  # the device mapper doubles dashes
    return named[1] if named else ""


def volumes_of(disks: Iterable[Facts]) -> dict[str, Facts]:
    """Those of the disks that may be volumes, by the volumes' identifiers."""
    found = {volume_of(disk["serial"], disk["path"]): disk for disk in disks}
    return {volume: disk for volume, disk in found.items() if volume}


def plan_volumes(
    uuid: str,
    disks: Iterable[Facts],
    before: Iterable[Facts],
    mapped: Collection[str],
    told: Mapping[str, Mapping[str, Any]],
    rewritten: bool,
) -> list[VolumeAction]:
    """What to do about the volumes of an instance.

    What OpenStack itself attaches or detaches is on record before it is done, and passes through states of its own; the
    host tells of it a moment later. So only what came or went since the host told last is looked at.

    Args:
        uuid: the instance's.
        disks: that its virtual machine has.
        before: those that it had when both sides agreed last; none for one that is adopted.
        mapped: volumes that Nova has on record for it.
        told: volumes as Cinder shows them.
        rewritten: whether Nova writes the virtual machine's definition anew at each start. It takes a volume that
            Cinder did not connect for a device of the host, so one that is a file would keep it from starting.
    """
    now, had = volumes_of(disks), volumes_of(before)
    actions = [
        _came(uuid, volume, disk, told[volume], rewritten)
        for volume, disk in now.items()
        if volume in told and volume not in mapped and volume not in had
    ]
    for volume, disk in had.items():
        if volume not in now and volume in mapped and told.get(volume, {}).get("status") == "in-use":
            actions.append(VolumeAction("detach", volume, disk))
    return actions


def _came(uuid: str, volume: str, disk: Facts, told: Mapping[str, Any], rewritten: bool) -> VolumeAction:
    for attachment in told.get("attachments", ()):
        if attachment["server_id"] == uuid:
            return VolumeAction("map", volume, disk, attachment["attachment_id"])
    status = told["status"]
    if status != "available" and not (status == "in-use" and told.get("multiattach")):
        why = f"Cinder says that it is {status}"
    elif rewritten and disk["source"] != "block":
        why = "it is a file, which an instance that Nova made would not start with; attach it in OpenStack"
    else:
        return VolumeAction("attach", volume, disk)
    return VolumeAction("tell", volume, disk, note=f"the disk {disk['target']} is this volume and not followed: {why}")
