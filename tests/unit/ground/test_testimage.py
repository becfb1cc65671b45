"""Putting the test image together, from kernel modules to the archive."""

import gzip
import stat
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aloft.base.errors import PermanentError
from aloft.ground import initramfs, testimage
from aloft.ground.testimage import Kernel


def module(*needs):
    return b"\x7fELF\0license=GPL\0depends=" + ",".join(needs).encode() + b"\0name=x\0"


KERNEL = Kernel(
    image=b"kernel",
    modules={
        "virtio_pci": module("virtio", "virtio-ring"), "virtio": module(), "virtio_ring": module(),
        "virtio_blk": module("virtio"), "virtio_net": module("virtio", "net_failover"),
        "net_failover": module("failover"),
        "failover": module(), "virtio_rng": module("virtio"), "evdev": module(),
    },
    builtin=frozenset({"button"}),
)  # fmt: skip


def test_modules_come_after_what_they_need():
    order = testimage.load_order(KERNEL, testimage.MODULES)
    for name in order:
        assert all(order.index(need) < order.index(name) for need in testimage.module_needs(KERNEL.modules[name]))
    assert "button" not in order
    assert len(order) == len(set(order))


def test_a_missing_driver_is_named():
    with pytest.raises(PermanentError, match="virtio_scsi"):
        testimage.load_order(KERNEL, ["virtio_scsi"])


def test_the_guest_is_complete():
    entries = {entry.path: entry for entry in testimage.contents(KERNEL, b"busybox")}
    assert {"init", "bin/busybox", "bin/lease", "etc/acpi/PWRF/00000080", "modules/order"} <= entries.keys()
    order = entries["modules/order"].content.decode().split()
    assert {f"modules/{name}.ko" for name in order} <= entries.keys()


paths = st.from_regex(r"[a-z]{1,12}", fullmatch=True)


@pytest.mark.skipif(not testimage.BUSYBOX.exists(), reason="asks busybox's cpio")
@given(st.dictionaries(paths, st.binary(max_size=200), max_size=6))
def test_the_archive_is_one_that_cpio_reads(tmp_path_factory, files):
    folder = tmp_path_factory.mktemp("cpio")
    packed = initramfs.pack([initramfs.program(name, content) for name, content in files.items()])
    subprocess.run([testimage.BUSYBOX, "cpio", "-i", "-d"], input=gzip.decompress(packed), cwd=folder, check=True)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == files
    assert all(stat.S_IMODE(path.stat().st_mode) & 0o111 for path in folder.iterdir())


def test_the_same_content_gives_the_same_archive():
    entries = testimage.contents(KERNEL, b"busybox")
    assert initramfs.pack(entries) == initramfs.pack(entries)
