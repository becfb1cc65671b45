"""The node's settings file: ``up`` writes what was chosen into it and keeps what an administrator wrote besides."""

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aloft.base import files
from aloft.base.paths import Paths
from aloft.install.installation import Installation
from aloft.node import settings

HEADING = "# The node's settings. `aloft up` sets domain, edge_port and releases; the rest is yours.\n"


def file(paths: Paths) -> Path:
    """Where the node reads its settings."""
    return paths.etc / "node.toml"


def toml(values: Mapping[str, Any], table: str = "") -> str:
    """A mapping of numbers, texts, lists of them and mappings, as TOML (whose plain values are written as in JSON)."""
    plain = {key: value for key, value in values.items() if not isinstance(value, Mapping)}
    lines = [f"[{table}]"] if table and plain else []
    lines += [f"{key} = {json.dumps(value)}" for key, value in plain.items()]
    text = "".join(f"{line}\n" for line in lines)
    for key, value in values.items():
        if isinstance(value, Mapping):
            inner = toml(value, f"{table}.{key}" if table else key)
            text += f"\n{inner}" if inner else ""
    return text


def write(paths: Paths, installation: Installation) -> bool:
    """Bring the file up to date; returns whether it changed.

    Raises:
        InvalidInput: what the administrator wrote is not valid.
    """
    target = file(paths)
    settings.load(target)
    found = tomllib.loads(target.read_text()) if target.exists() else {}
    others = [name for name in found.get("releases", ()) if name != installation.release]
    chosen = {
        "domain": installation.domain,
        "edge_port": installation.port,
        "releases": [installation.release, *others],
    }
    if target.exists() and chosen.items() <= found.items():
        return False
    files.folder(target.parent)
    return files.write(target, HEADING + toml({**found, **chosen}), mode=0o644)
