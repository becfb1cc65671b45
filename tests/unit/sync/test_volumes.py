"""Which disks are Cinder's volumes."""

import pytest

from aloft.sync.volumes import volume_of

IDENT = "0b1e2d3c-1111-4222-8333-123456789abc"


@pytest.mark.parametrize(
    ("serial", "path"),
    [
        (IDENT, "/dev/sdb"),
        (IDENT.upper(), "/images/data.qcow2"),
        ("", f"/mnt/4b1/volume-{IDENT}"),
        ("", f"/mnt/4b1/volume-{IDENT}.qcow2"),
        ("WD-1", f"/dev/cinder-volumes/volume-{IDENT}"),
        ("", f"/dev/mapper/cinder--volumes-volume--{IDENT.replace('-', '--')}"),
    ],
)
def test_a_volume_is_known_by_its_serial_or_by_its_name(serial: str, path: str) -> None:
    assert volume_of(serial, path) == IDENT


@pytest.mark.parametrize(
    ("serial", "path"),
    [("", "/images/web.qcow2"), ("WD-1", f"/images/{IDENT}/disk"), (IDENT[:-1], ""), ("", f"/x/volume-{IDENT}/disk")],
)
def test_other_disks_are_none(serial: str, path: str) -> None:
    assert volume_of(serial, path) == ""
