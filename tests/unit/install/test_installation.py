"""The choices of `up`, and the node's settings that follow from them."""

import tomllib
from pathlib import Path

import pytest

from aloft.base.errors import Conflict, InvalidInput
from aloft.base.paths import Paths
from aloft.install import installation, nodefile
from aloft.install.installation import Installation, Wishes, decide


def test_the_first_up_takes_the_newest_release_and_the_defaults() -> None:
    chosen = decide(None, Wishes(), "2026.2")
    assert (chosen.release, chosen.domain, chosen.port) == ("2026.2", "aloft.internal", 443)


def test_the_next_up_needs_no_options() -> None:
    known = Installation(release="2026.1", port=8443)
    assert decide(known, Wishes(), "2026.2") == known
    assert decide(known, Wishes(release="2026.2"), "2026.2").release == "2026.2"


@pytest.mark.parametrize("wishes", [Wishes(port=8443), Wishes(domain="cloud.example")])
def test_what_others_were_told_cannot_change(wishes: Wishes) -> None:
    with pytest.raises(Conflict) as caught:
        decide(Installation(release="2026.2"), wishes, "2026.2")
    assert "aloft destroy" in caught.value.remedy


def test_choices_are_kept(tmp_path: Path) -> None:
    paths = Paths(tmp_path)
    assert installation.load(paths) is None
    chosen = Installation(release="2026.2", domain="cloud.example", roles=("hypervisor",))
    installation.save(paths, chosen)
    assert installation.load(paths) == chosen
    installation.file(paths).write_text("{}")
    with pytest.raises(InvalidInput):
        installation.load(paths)


def test_the_port_is_named_only_where_it_must_be() -> None:
    assert Installation(release="x").url("plane") == "https://plane.aloft.internal"
    assert Installation(release="x", port=8443).url("plane") == "https://plane.aloft.internal:8443"


def test_the_nodes_settings_keep_what_an_administrator_wrote(tmp_path: Path) -> None:
    paths = Paths(tmp_path)
    paths.etc.mkdir(parents=True)
    chosen = Installation(release="2026.2", port=8443)
    nodefile.file(paths).write_text('warm = 5\n[physical_networks.wan]\nbridge = "br-wan"\n')
    assert nodefile.write(paths, chosen)
    assert tomllib.loads(nodefile.file(paths).read_text()) == {
        "warm": 5,
        "domain": "aloft.internal",
        "edge_port": 8443,
        "releases": ["2026.2"],
        "physical_networks": {"wan": {"bridge": "br-wan"}},
    }
    assert not nodefile.write(paths, chosen)


def test_another_release_comes_first_and_the_older_stays(tmp_path: Path) -> None:
    paths = Paths(tmp_path)
    nodefile.write(paths, Installation(release="2026.1"))
    nodefile.write(paths, Installation(release="2026.2"))
    assert tomllib.loads(nodefile.file(paths).read_text())["releases"] == ["2026.2", "2026.1"]
