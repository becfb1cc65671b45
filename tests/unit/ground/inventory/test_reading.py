"""The small things that are read off the host."""

import os
from pathlib import Path

import pytest

from aloft.ground.inventory import bridges, words
from aloft.ground.inventory.account import Account
from aloft.ground.inventory.images import ImageFolder, Known, examine
from aloft.ground.inventory.sizes import Size, Sizes
from aloft.sync.inventory import Bridge

LINKS = [
    {"ifname": "br0", "flags": ["UP"], "mtu": 1500, "linkinfo": {"info_kind": "bridge"},
     "addr_info": [{"local": "192.0.2.1", "prefixlen": 24, "scope": "global"}, {"local": "fe80::1", "scope": "link"}]},
    {"ifname": "eth0", "flags": ["UP"], "master": "br0"},
    {"ifname": "vnet0", "flags": ["UP"], "master": "br0", "linkinfo": {"info_kind": "tun"}},
    {"ifname": "eth0.7", "flags": [], "link": "eth0", "linkinfo": {"info_kind": "vlan", "info_data": {"id": 7}}},
    {"ifname": "br-int", "flags": [], "linkinfo": {"info_kind": "openvswitch"}},
]  # fmt: skip


def test_bridges_without_the_cards_of_domains() -> None:
    assert bridges.understand(LINKS, {"br-int": ["vnet0", "patch"], "br-far": []}) == (
        Bridge("br-far", "ovs"),
        Bridge("br-int", "ovs", ("patch",), up=False),
        Bridge("br0", "linux", ("eth0",), mtu=1500, addresses=("192.0.2.1/24",)),
        Bridge("eth0.7", "vlan", parent="eth0", tag=7, up=False),
    )


def test_neighbours_that_answered() -> None:
    table = (
        "IP address       HW type     Flags       HW address            Mask     Device\n"
        "192.0.2.7        0x1         0x2         52:54:00:AA:00:01     *        br0\n"
        "192.0.2.8        0x1         0x0         00:00:00:00:00:00     *        br0\n"
    )
    assert bridges.neighbours(table) == {"52:54:00:aa:00:01": "192.0.2.7"}


def test_states_and_events_have_names() -> None:
    assert (words.state(1), words.reason(1, 5), words.reason(5, 99)) == ("running", "unpaused", "unknown")
    assert words.lifecycle(2, 0) == "lifecycle/started/booted"
    assert words.lifecycle(99, 0) == "lifecycle"


def test_sizes_are_read_off_the_files(tmp_path: Path) -> None:
    sizes = Sizes()
    raw, layered = tmp_path / "raw", tmp_path / "qcow2"
    raw.write_bytes(b"x" * 4096)
    layered.write_bytes(b"QFI\xfb" + bytes(20) + (5 << 30).to_bytes(8, "big"))
    assert sizes.measure(str(raw), "raw").capacity == 4096
    assert sizes.measure(str(layered), "qcow2").capacity == 5 << 30
    assert sizes.measure(str(tmp_path / "none"), "raw") == Size()
    assert sizes.measure(str(raw), "raw").file_system == os.statvfs(tmp_path).f_fsid
    assert sizes.measure("/proc/version", "raw").file_system not in (None, os.statvfs(tmp_path).f_fsid)
    assert not sizes.changed(str(raw), "raw")
    raw.write_bytes(b"x" * 8192)
    assert sizes.changed(str(raw), "raw")


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The files that were hashed."""
    hashed: list[Path] = []

    def look(path: Path) -> Known:
        hashed.append(path)
        found = path.stat()
        return Known(found.st_ino, found.st_size, found.st_mtime_ns, path.read_text(), "raw", 1)

    monkeypatch.setattr("aloft.ground.inventory.images.examine", look)
    return hashed


def test_an_image_is_hashed_once_also_over_restarts(tmp_path: Path, seen: list[Path]) -> None:
    folder, memory = tmp_path / "images", tmp_path / "hashes.json"
    folder.mkdir()
    (folder / "a.img").write_text("one")
    (folder / "a.img.properties.json").write_text('{"os_distro": "debian"}')
    (folder / "b.img.part").write_text("being copied")
    for _ in range(2):
        account = Account(lambda: 1.0)
        watched = ImageFolder(account, folder, memory, settle_seconds=0)
        watched.look()
        watched.look()
        (image,) = account.inventory.images
        assert (image.path, image.sha256, image.properties) == ("a.img", "one", {"os_distro": "debian"})
    assert seen == [folder / "a.img"]


def test_a_file_that_is_still_written_to_does_not_count(tmp_path: Path, seen: list[Path]) -> None:
    (tmp_path / "a.img").write_text("one")
    account = Account(lambda: 1.0)
    watched = ImageFolder(account, tmp_path, tmp_path.parent / "hashes.json", settle_seconds=1000)
    assert 0 < watched.look() <= 1000
    assert account.inventory.images == ()
    assert seen == []


def test_a_folder_that_cannot_be_read_is_told_as_failed(tmp_path: Path) -> None:
    account = Account(lambda: 1.0)
    ImageFolder(account, tmp_path / "none", tmp_path / "hashes.json").look()
    assert "cannot be read" in account.inventory.failed["images"]


def test_a_cd_is_told_from_a_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aloft.ground.inventory.images._qemu_says", lambda _: {"format": "raw", "virtual-size": 40000})
    cd = tmp_path / "cd.iso"
    cd.write_bytes(bytes(0x8001) + b"CD001" + bytes(100))
    known = examine(cd)
    assert known is not None
    assert (known.format, known.virtual_size) == ("iso", 40000)
