"""What an instance's records say of where it came from: found on its host, or made by Nova, which lost them since."""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aloft.sync.facts import Facts
from aloft.sync.keys import ADOPTED, YES
from aloft.sync.made import Made

Values = Mapping[str, Any]


@dataclass(frozen=True)
class Origin:
    """What of an instance's records depends on where it came from.

    Args:
        user: identifier of its owner.
        values: columns of the instance.
        metadata: what people see.
        system_metadata: what Nova and its driver go by.
        disks: columns of its block device mappings, the one that it starts from first.
    """

    user: str
    values: Values
    metadata: Mapping[str, str]
    system_metadata: Mapping[str, str]
    disks: tuple[Values, ...] = field(default_factory=tuple)


def whole(made: Made, facts: Facts, uuid: str) -> bool:
    """Whether what Nova wrote into a definition is enough to be operated by Nova's own driver again.

    Its one disk must lie where Nova keeps it. Volumes, ephemeral disks and swap are not told in full there; what has
    those is operated as it is defined, like a virtual machine of others.
    """
    own = [disk["path"] for disk in disks_of(facts)]
    at_home = len(own) == 1 and own[0].endswith(f"/{uuid}/disk")
    flavor = made.flavor
    return bool(
        at_home and made.project and made.user and made.image and flavor
    ) and not (flavor and (flavor.ephemeral_gib or flavor.swap_mib))  # fmt: skip


def found(facts: Facts, user: str) -> Origin:
    """Of a virtual machine that Nova did not make, or of which it did not write down enough."""
    root = next((disk["target"] for disk in disks_of(facts)), "")
    disks = tuple(
        {
            "source_type": "blank",
            "device_type": disk["device"],
            "disk_bus": disk["bus"] or None,
            "boot_index": 0 if disk["target"] == root else -1,
            "device_name": f"/dev/{disk['target']}",
            "volume_size": disk["gib"],
            "delete_on_termination": False,
        }
        for disk in facts["disks"]
        if not disk.get("volume_id")
    )
    now = datetime.datetime.now(datetime.UTC)
    values = {"image_ref": "", "config_drive": "", "launched_at": now, "root_device_name": f"/dev/{root or 'vda'}"}
    return Origin(user, values, _metadata(facts, "discovered"), _described(facts), disks)


def remade(facts: Facts, made: Made, image: Values) -> Origin:
    """Of an instance that Nova made and has no record of any more.

    Args:
        facts: of its domain.
        made: what Nova wrote into its definition.
        image: that it was made from, as Glance has it: a kernel to start with is told nowhere else.
    """
    root = disks_of(facts)[0]
    created = None if made.created_at is None else datetime.datetime.fromtimestamp(made.created_at, datetime.UTC)
    drive = any((disk["path"] or "").endswith("/disk.config") for disk in facts["disks"])
    values = {
        "image_ref": made.image,
        "config_drive": "True" if drive else "",
        "launched_at": created or datetime.datetime.now(datetime.UTC),
        "root_device_name": f"/dev/{root['target']}",
        "kernel_id": image.get("kernel_id") or "",
        "ramdisk_id": image.get("ramdisk_id") or "",
    }
    disk = {
        "source_type": "image",
        "device_type": "disk",
        "disk_bus": root["bus"] or None,
        "boot_index": 0,
        "device_name": f"/dev/{root['target']}",
        "image_id": made.image,
        "delete_on_termination": True,
    }
    properties = {f"image_{name}": value for name, value in made.image_properties.items()}
    kept = {"image_base_image_ref": made.image, "image_container_format": "bare", **properties}
    return Origin(made.user, values, _metadata(facts, "rebuilt"), kept, (disk,))


def disks_of(facts: Facts) -> list[Facts]:
    """Disks proper, the one that is booted from first."""
    disks = [disk for disk in facts["disks"] if disk["device"] in ("disk", "lun")]
    return sorted(disks, key=lambda disk: disk["boot_order"] or 1000)


def names(snapshots: list[Facts]) -> str | None:
    """Snapshots' names as one text; ``None`` for none."""
    return ", ".join(one["name"] for one in snapshots)[:255] or None


def _metadata(facts: Facts, provenance: str) -> dict[str, str]:
    marks = {"aloft:provenance": provenance}
    if facts["snapshots"]:
        marks["aloft:snapshots"] = names(facts["snapshots"]) or ""
    return marks


def _described(facts: Facts) -> dict[str, str]:
    """Image properties that describe the machine as its domain has it, and the mark to operate it so."""
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
    if disks := disks_of(facts):
        told["image_hw_disk_bus"] = disks[0]["bus"] or "virtio"
    if facts["nics"] and facts["nics"][0]["model"]:
        told["image_hw_vif_model"] = facts["nics"][0]["model"]
    return told
