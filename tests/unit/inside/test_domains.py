"""A definition that was there before is changed only where it is meant to be."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from xml.etree import ElementTree

import libvirt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aloft.inside import domains
from aloft.inside.domains import Drive, NotResizable

XML = """
<domain type='kvm'><name>web</name>
  <memory unit='KiB'>2097152</memory><currentMemory unit='KiB'>1048576</currentMemory>
  <vcpu placement='static' current='1'>2</vcpu>
  <cpu mode='host-model'><topology sockets='1' dies='1' cores='2' threads='1'/></cpu>
  <devices>
    <disk type='file' device='cdrom'><source file='/iso/cd.iso'/><target dev='hda'/><readonly/><boot order='1'/></disk>
    <disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='/d/data'/><target dev='vdb'/></disk>
    <disk type='block' device='disk'><source dev='/dev/vg/root'/><target dev='vda'/><boot order='2'/>
      <serial>s</serial></disk>
    <disk type='file' device='disk'><source file='/d/shared'/><target dev='vdc'/><shareable/></disk>
    <disk type='network' device='disk'><source protocol='rbd' name='p/i'/><target dev='vdd'/></disk>
    <serial type='pty'><log file='/log/web'/></serial>
  </devices>
</domain>"""


def processors(xml: str) -> tuple[str | None, str | None, dict[str, str]]:
    root = ElementTree.fromstring(xml)  # noqa: S314 - written above
    vcpu, topology = root.find("vcpu"), root.find("cpu/topology")
    assert vcpu is not None
    return vcpu.text, vcpu.get("current"), dict(topology.attrib) if topology is not None else {}


def test_fewer_processors_leave_room_for_those_there_were() -> None:
    assert processors(domains.resized(XML, 1, 512))[:2] == ("2", "1")


def test_more_processors_keep_the_shape_of_sockets_where_it_fits() -> None:
    most, current, topology = processors(domains.resized(XML, 6, 512))
    assert (most, current, topology["sockets"], topology["cores"]) == ("6", None, "3", "2")
    assert processors(domains.resized(XML, 5, 512)) == ("5", None, {})


@given(st.integers(1, 64), st.integers(1, 1 << 20))
def test_a_size_is_reached_whatever_was_before_and_nothing_else_changes(vcpus: int, memory: int) -> None:
    after = domains.resized(XML, vcpus, memory)
    used = domains.use(after)
    assert used[:2] == (vcpus, memory)
    assert domains.drives(after) == domains.drives(XML)
    assert domains.resized(after, vcpus, memory) == after


def test_numa_nodes_are_not_guessed() -> None:
    with pytest.raises(NotResizable, match="NUMA"):
        domains.resized(XML.replace("<topology", "<numa><cell/></numa><topology"), 2, 512)


def test_drives_are_the_domains_own_disks_with_the_one_it_starts_from_first() -> None:
    assert domains.drives(XML) == [
        Drive("vda", "/dev/vg/root", "raw", "s"),
        Drive("vdb", "/d/data", "qcow2", ""),
    ]


VOLUME = "0b1e2d3c-1111-4222-8333-123456789abc"


def test_a_disk_that_may_be_a_volume_of_cinders_is_never_deleted(
    connection: libvirt.virConnect, tmp_path: Path
) -> None:
    """Whatever Nova has on record: after its databases were lost it knows of no volumes."""
    pool = connection.storagePoolCreateXML("<pool type='dir'><name>p</name><target><path>/p</path></target></pool>")
    for name in ("own", "volume"):
        pool.createXML(f"<volume><name>{name}</name><capacity>1024</capacity></volume>")
    paths = {name: str(tmp_path / name) for name in ("data", "by-serial", f"volume-{VOLUME}")}
    for path in paths.values():
        Path(path).touch()
    had = [
        Drive("vda", paths["data"], "raw", "s"),
        Drive("vdb", paths["by-serial"], "raw", VOLUME),
        Drive("vdc", paths[f"volume-{VOLUME}"], "raw", ""),
        Drive("vdd", "/p/own", "raw", ""),
        Drive("vde", "/p/volume", "raw", VOLUME),
    ]
    assert domains.delete_drives(connection, had) == [paths["data"], "/p/own"]
    assert sorted(file.name for file in tmp_path.iterdir()) == ["by-serial", "node.xml", f"volume-{VOLUME}"]
    assert pool.listVolumes() == ["volume"]


def test_the_log_of_the_serial_console() -> None:
    assert domains.serial_log(XML) == "/log/web"
    assert domains.serial_log("<domain><devices><serial type='pty'/></devices></domain>") == ""
    file = "<domain><devices><console type='file'><source path='/c'/></console></devices></domain>"
    assert domains.serial_log(file) == "/c"


IDENT = "6f1f1d7e-0000-4000-8000-000000000001"
DEFINED = f"""<domain type='test'><name>web</name><uuid>{IDENT}</uuid><title>ours</title><memory>1024</memory>
<vcpu>1</vcpu><os><type arch='x86_64'>hvm</type></os></domain>"""


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[libvirt.virConnect]:
    libvirt.registerErrorHandler(lambda *_: None, None)  # errors are raised; no need to print them, too
    (tmp_path / "node.xml").write_text("<node/>")
    opened = libvirt.open(f"test://{tmp_path / 'node.xml'}")
    yield opened
    opened.close()


class FailedError(Exception):
    pass


def lose(connection: libvirt.virConnect, keep: Path) -> None:
    """What Nova's hard reboot does when it fails."""
    with suppress(FailedError), domains.defined(connection, IDENT, keep):
        with suppress(libvirt.libvirtError):
            connection.lookupByUUIDString(IDENT).undefine()
        raise FailedError


def titled(connection: libvirt.virConnect) -> str:
    return connection.lookupByUUIDString(IDENT).metadata(libvirt.VIR_DOMAIN_METADATA_TITLE, None)


def test_a_definition_that_a_failed_start_lost_is_put_back(connection: libvirt.virConnect, tmp_path: Path) -> None:
    connection.defineXML(DEFINED)
    lose(connection, tmp_path / "kept")
    assert titled(connection) == "ours"
    assert list((tmp_path / "kept").iterdir()) == []


def test_what_a_start_defined_stays_and_nothing_is_kept(connection: libvirt.virConnect, tmp_path: Path) -> None:
    connection.defineXML(DEFINED)
    with domains.defined(connection, IDENT, tmp_path / "kept"):
        connection.lookupByUUIDString(IDENT).undefine()
        connection.defineXML(DEFINED.replace("ours", "new"))
    assert titled(connection) == "new"
    assert list((tmp_path / "kept").iterdir()) == []


def test_what_a_process_that_was_killed_left_is_put_back_by_the_next_try(
    connection: libvirt.virConnect, tmp_path: Path
) -> None:
    keep = tmp_path / "kept"
    keep.mkdir()
    (keep / f"{IDENT}.xml").write_text(DEFINED)
    lose(connection, keep)
    assert titled(connection) == "ours"


def test_a_new_domain_that_fails_to_start_is_not_kept(connection: libvirt.virConnect, tmp_path: Path) -> None:
    lose(connection, tmp_path / "kept")
    with pytest.raises(libvirt.libvirtError):
        connection.lookupByUUIDString(IDENT)


def test_a_domain_without_a_definition_gets_one_when_it_does_not_start_again(
    connection: libvirt.virConnect, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise FailedError

    domain = connection.createXML(DEFINED)
    monkeypatch.setattr(libvirt.virConnect, "createXML", refuse)
    with pytest.raises(FailedError):
        domains.restart(domain, tmp_path / "kept")
    assert titled(connection) == "ours"
