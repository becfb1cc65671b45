"""What is done to domains that were there before, against libvirt's test driver."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import libvirt
import pytest

from aloft.inside import domains
from aloft.inside.domains import StillRuns

XML = """
<domain type='test'><name>old</name><memory>65536</memory><vcpu>2</vcpu><os><type>hvm</type></os>
<devices><disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='{disk}'/>
<target dev='vda'/></disk></devices></domain>"""


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    path = tmp_path / "old.img"
    path.write_bytes(b"data" * 1024)
    return path


@pytest.fixture
def connection() -> Iterator[Any]:
    libvirt.registerErrorHandler(lambda *_: None, None)
    opened = libvirt.open("test:///default")
    yield opened
    for domain in opened.listAllDomains():
        if domain.name() != "test":
            if domain.isActive():
                domain.destroy()
            if domain.isPersistent():
                domain.undefine()
    opened.close()


@pytest.fixture
def domain(connection: Any, disk: Path) -> Any:
    defined = connection.defineXML(XML.format(disk=disk))
    defined.create()
    return defined


def test_a_restart_keeps_the_definition(domain: Any, tmp_path: Path) -> None:
    before = domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)
    domains.restart(domain, tmp_path / "definitions")
    assert domain.isActive()
    domain.destroy()
    domains.start(domain)
    domains.start(domain)
    assert domain.isActive()
    assert domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE) == before


def test_a_domain_without_a_definition_is_restarted_as_it_ran(connection: Any, disk: Path, tmp_path: Path) -> None:
    passing = connection.createXML(XML.format(disk=disk))
    uuid = passing.UUIDString()
    domains.restart(passing, tmp_path / "definitions")
    again = connection.lookupByUUIDString(uuid)
    assert (again.isActive(), again.isPersistent(), again.name()) == (1, 0, "old")
    again.destroy()


def test_a_resize_changes_the_next_start_and_keeps_the_old_definition(domain: Any, tmp_path: Path) -> None:
    domains.resize(domain, 3, 128, tmp_path / "kept")
    (kept,) = (tmp_path / "kept").iterdir()
    assert domains.use(kept.read_text())[:2] == (2, 64)
    assert kept.stat().st_mode & 0o077 == 0
    domains.restart(domain, tmp_path / "definitions")
    assert domains.use(domain.XMLDesc(0))[:2] == (3, 128)
    assert domain.name() == "old"


def test_a_domain_without_a_definition_is_not_resized(connection: Any, disk: Path, tmp_path: Path) -> None:
    passing = connection.createXML(XML.format(disk=disk))
    with pytest.raises(StillRuns):
        domains.resize(passing, 3, 128, tmp_path)
    passing.destroy()


def test_the_end_of_a_domain_keeps_its_disks_until_somebody_wants_them_gone(
    connection: Any, domain: Any, disk: Path, tmp_path: Path
) -> None:
    had = domains.remove(domain, tmp_path / "kept")
    assert [found.name() for found in connection.listAllDomains()] == ["test"]
    assert disk.exists()
    assert "<name>old</name>" in next((tmp_path / "kept").iterdir()).read_text()
    assert domains.delete_drives(connection, had) == [str(disk)]
    assert not disk.exists()
    assert domains.delete_drives(connection, had) == []


def test_a_domain_that_runs_gets_a_title(domain: Any) -> None:
    domains.describe(domain, "The web", "serves pages")
    assert domain.name() == "old"
    assert domain.metadata(libvirt.VIR_DOMAIN_METADATA_TITLE, None) == "The web"
    assert domain.metadata(libvirt.VIR_DOMAIN_METADATA_DESCRIPTION, None) == "serves pages"
    domains.describe(domain, "old", "")
    assert "title" not in domain.XMLDesc(0)
    assert "description" not in domain.XMLDesc(0)


def test_a_domain_that_is_off_gets_the_name_itself(connection: Any, domain: Any) -> None:
    domain.destroy()
    domains.describe(domain, "web", "")
    renamed = connection.lookupByUUIDString(domain.UUIDString())
    assert renamed.name() == "web"
    assert "title" not in renamed.XMLDesc(0)


def test_a_name_that_is_taken_becomes_a_title(domain: Any) -> None:
    domain.destroy()
    domains.describe(domain, "test", "")
    assert (domain.name(), domain.metadata(libvirt.VIR_DOMAIN_METADATA_TITLE, None)) == ("old", "test")


def test_what_unknown_domains_take_is_counted(connection: Any, domain: Any, tmp_path: Path) -> None:
    test = connection.lookupByName("test").UUIDString()
    here = domain.UUIDString()
    assert domains.taken(connection, {test: None}, tmp_path) == (2, 64, 1)
    assert domains.taken(connection, {test: None, here: None}, tmp_path) == (0, 0, 0)
    allocated = {"VCPU": 1, "MEMORY_MB": 64, "DISK_GB": 100}
    assert domains.taken(connection, {test: None, here: allocated}, tmp_path) == (1, 0, 0), "what is missing counts"
    assert domains.taken(connection, {test: None, here: {}}, tmp_path) == (2, 64, 1), "nothing is allocated"
