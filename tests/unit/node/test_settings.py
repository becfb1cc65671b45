"""The node's settings file."""

from pathlib import Path

import pytest

from aloft.base.errors import InvalidInput
from aloft.node import settings


def test_other_edges_are_places(tmp_path: Path) -> None:
    file = tmp_path / "node.toml"
    file.write_text('other_edges = ["198.51.100.7", "dc2.example.org:8443"]')
    assert settings.load(file).other_edges == ("198.51.100.7", "dc2.example.org:8443")
    file.write_text('other_edges = ["not a place"]')
    with pytest.raises(InvalidInput, match=r"other_edges\.0.*ADDRESS"):
        settings.load(file)


@pytest.mark.parametrize(
    ("machine", "name"), [("Node-1.example.org", "node-1"), ("db_2", "db-2"), ("-", "node"), ("x" * 60, "x" * 32)]
)
def test_a_node_is_called_as_its_machine_is(monkeypatch: pytest.MonkeyPatch, machine: str, name: str) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: machine)
    assert settings.NodeSettings().name == name


def test_a_name_has_to_be_a_label(tmp_path: Path) -> None:
    file = tmp_path / "node.toml"
    file.write_text('name = "one.two"')
    with pytest.raises(InvalidInput, match="name"):
        settings.load(file)
