"""What becomes of disks is told as the driver will do it."""

from typing import Any

import pytest

from aloft.sync.fate import Care, fates
from aloft.sync.inventory import Disk

INSTANCE = "11111111-1111-1111-1111-111111111111"
VOLUME = "22222222-2222-2222-2222-222222222222"
ADOPTED = Care(adopted=True)
WITH_DISKS = Care(adopted=True, delete_disks=True)


def disk(**about: Any) -> Disk:
    return Disk(**{"target": "vda", "source": "file", "path": "/images/web.qcow2", **about})


@pytest.mark.parametrize(
    ("seen", "care", "fate"),
    [
        (disk(), ADOPTED, "kept"),
        (disk(), WITH_DISKS, "deleted"),
        (disk(device="cdrom"), WITH_DISKS, "kept"),
        (disk(readonly=True), WITH_DISKS, "kept"),
        (disk(shareable=True), WITH_DISKS, "kept"),
        (disk(source="block", path="/dev/sdb"), WITH_DISKS, "kept"),
        (disk(source="block", path="/dev/vg/web", pool="vg"), WITH_DISKS, "deleted"),
        (disk(source="network", path="rbd:pool/web"), WITH_DISKS, "kept"),
        (disk(path=f"/instances/{INSTANCE}/disk"), Care(), "deleted"),
        (disk(), Care(), "kept"),
        (disk(serial=VOLUME), Care(volumes={VOLUME: True}), "deleted"),
        (disk(serial=VOLUME), Care(adopted=True, delete_disks=True, volumes={VOLUME: False}), "kept"),
        (disk(path=f"/dev/cinder/volume-{VOLUME}", source="block"), WITH_DISKS, "kept"),
    ],
)
def test_the_fate_of_a_disk(seen: Disk, care: Care, fate: str) -> None:
    ((told),) = fates(INSTANCE, [seen, Disk("hdc", device="cdrom")], care)
    assert told.fate == fate
    assert told.reason
