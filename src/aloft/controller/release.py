"""The OpenStack releases that this version of Aloft deploys: pins, lock, golden databases."""

import tomllib
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from aloft.base.errors import NotFound


@dataclass(frozen=True)
class Release:
    """One release.

    Args:
        name: such as ``2026.2``.
        title: for a person.
        projects: versions of the OpenStack projects.
        folder: its files: ``requirements.lock``, ``golden/<schema>.sql.gz``.
    """

    name: str
    title: str
    projects: dict[str, str]
    folder: Path

    @property
    def lock(self) -> Path:
        """Pinned requirements with hashes."""
        return self.folder / "requirements.lock"

    @property
    def golden(self) -> Path:
        """The folder of the golden databases."""
        return self.folder / "golden"


def _folder() -> Path:
    return Path(str(resources.files("aloft.controller") / "releases"))


def releases() -> tuple[Release, ...]:
    """All releases, the newest first."""
    return tuple(sorted((_read(file.parent) for file in _folder().glob("*/release.toml")), key=_age, reverse=True))


def _age(release: Release) -> tuple[int, ...]:
    return tuple(int(part) for part in release.name.split("."))


def _read(folder: Path) -> Release:
    told = tomllib.loads((folder / "release.toml").read_text())
    return Release(told["name"], told["series"], told["projects"], folder)


def release(name: str) -> Release:
    """The release of this name.

    Raises:
        NotFound: there is none; the error names those that there are.
    """
    known = releases()
    for candidate in known:
        if candidate.name == name:
            return candidate
    raise NotFound(
        f"There is no release '{name}'.", f"Releases of this version of Aloft: {', '.join(r.name for r in known)}."
    )
