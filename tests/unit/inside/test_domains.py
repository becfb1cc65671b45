"""A definition that was there before is changed only where it is meant to be."""

from xml.etree import ElementTree

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


def test_the_log_of_the_serial_console() -> None:
    assert domains.serial_log(XML) == "/log/web"
    assert domains.serial_log("<domain><devices><serial type='pty'/></devices></domain>") == ""
    file = "<domain><devices><console type='file'><source path='/c'/></console></devices></domain>"
    assert domains.serial_log(file) == "/c"
