"""What an instance's records say of where it came from."""

from dataclasses import replace
from typing import Any

from aloft.inside.sync.origins import found, remade, whole
from aloft.sync.keys import ADOPTED
from aloft.sync.made import Flavor, Made

UUID = "00000000-0000-0000-0000-000000000001"
MADE = Made("p1", "u1", "web", 1795168800.0, "i1", {"disk_format": "raw"}, Flavor("m1", "f1", 1, 64, 1, 0, 0))


def disk(path: str, target: str = "vda", device: str = "disk") -> dict[str, Any]:
    return {
        "target": target, "bus": "virtio", "device": device, "path": path, "gib": 1, "serial": "", "boot_order": None,
    }  # fmt: skip


def facts(*disks: dict[str, Any]) -> dict[str, Any]:
    machine = {"arch": "x86_64", "type": "q35", "firmware": "efi", "secure_boot": False}
    return {"disks": list(disks), "snapshots": [], "nics": [], "machine": machine}


HOME = disk(f"/instances/{UUID}/disk")
DRIVE = disk(f"/instances/{UUID}/disk.config", "hda", "cdrom")


def test_what_nova_keeps_at_home_and_wrote_down_in_full_is_novas_again() -> None:
    assert whole(MADE, facts(HOME, DRIVE), UUID)


def test_other_disks_swap_and_what_was_not_written_down_make_it_be_operated_as_it_is() -> None:
    assert not whole(MADE, facts(HOME, disk("/dev/sdb", "vdb")), UUID)
    assert not whole(MADE, facts(disk("/images/x.qcow2")), UUID)
    assert MADE.flavor is not None
    assert not whole(replace(MADE, flavor=replace(MADE.flavor, swap_mib=64)), facts(HOME), UUID)
    assert not whole(replace(MADE, image=""), facts(HOME), UUID)
    assert not whole(replace(MADE, flavor=None), facts(HOME), UUID)


def test_novas_own_has_its_image_kernel_and_age_and_is_not_marked_as_adopted() -> None:
    origin = remade(facts(HOME, DRIVE), MADE, {"kernel_id": "k1", "ramdisk_id": None})
    assert ADOPTED not in origin.system_metadata
    assert (origin.user, origin.values["image_ref"], origin.values["kernel_id"]) == ("u1", "i1", "k1")
    assert (origin.values["config_drive"], origin.values["ramdisk_id"]) == ("True", "")
    assert origin.values["launched_at"].timestamp() == MADE.created_at
    (kept,) = origin.disks
    assert (kept["source_type"], kept["image_id"], kept["delete_on_termination"]) == ("image", "i1", True)


def test_others_disks_are_kept_when_it_is_deleted() -> None:
    origin = found(facts(disk("/images/x.qcow2"), DRIVE), "sync")
    assert origin.system_metadata[ADOPTED] == "yes"
    assert origin.system_metadata["image_hw_firmware_type"] == "uefi"
    assert [one["delete_on_termination"] for one in origin.disks] == [False, False]
    assert [one["boot_index"] for one in origin.disks] == [0, -1]
