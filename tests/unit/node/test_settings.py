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
