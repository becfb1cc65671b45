"""What a role is: a value that says what a host must have, get, run and leave behind."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from aloft.base.builds import build
from aloft.ground.facts import Facts
from aloft.ground.layout import Layout
from aloft.ground.settings import Settings
from aloft.supervise.spec import ProcessSpec


@dataclass(frozen=True)
class Lack:
    """What a host lacks for a role, and what to do about it."""

    reason: str
    remedy: str


Requirement = Callable[[Facts], Lack | None]
"""A check of the host against what a role needs."""


@dataclass(frozen=True)
class Folder:
    """A folder that shall exist."""

    path: Path
    mode: int = 0o755
    owner: int = 0
    group: int = 0


@dataclass(frozen=True)
class File:
    """A file that shall have this content; never shown, since it may hold passwords."""

    path: Path
    content: str = field(repr=False)
    mode: int = 0o600
    owner: int = 0
    group: int = 0


@dataclass(frozen=True)
class Made:
    """A file that a command makes once."""

    path: Path
    command: tuple[str, ...]


@dataclass(frozen=True)
class Device:
    """A device that a group shall be able to use, where it exists and no udev sees to that."""

    path: Path
    group: str


@dataclass(frozen=True)
class Unit:
    """A systemd unit that shall run, or shall not; meaningless where there is no systemd."""

    name: str
    running: bool = True


@dataclass(frozen=True)
class Bridge:
    """A bridge of Open vSwitch.

    Args:
        name: its name, also of its own port.
        datapath: ``system`` or ``netdev``.
        secure: forward nothing that no flow allows (the fail mode).
        address: address with prefix length of the bridge's own port, or empty.
        interface: a network card that is a port of it, or empty.
    """

    name: str
    datapath: str
    secure: bool = False
    address: str = ""
    interface: str = ""


@dataclass(frozen=True)
class Farewell:
    """What is run once a role was taken from the host and its processes have ended.

    A farewell that another role of the host has too is left to that one.

    Args:
        either: commands of which the first that succeeds is enough.
    """

    either: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Trace:
    """What a role leaves on the host, kept on disk from before it is begun until all of it is gone.

    Args:
        farewells: see :class:`Farewell`; secrets go first.
        units: systemd units that the role switched on or off.
        wired: it has to do with Open vSwitch.
    """

    farewells: tuple[Farewell, ...] = ()
    units: tuple[str, ...] = ()
    wired: bool = False


@dataclass(frozen=True)
class Role:
    """One thing that a host does.

    Args:
        name: the role.
        requirements: what the host must have; without it the role is not begun.
        packages: packages of the distribution.
        units: systemd units, where there is systemd.
        folders: folders, parents first.
        files: config files.
        made: files that commands make once.
        devices: devices that a group may use.
        processes: what the agent's supervisor runs.
        external_ids: entries of Open vSwitch's own ``external_ids``.
        bridges: bridges of Open vSwitch.
        farewells: see :class:`Farewell`.
        release: the OpenStack release whose environment its processes run from, or empty.
        holds_instances: the role cannot be taken away while virtual machines run.
    """

    name: str
    requirements: tuple[Requirement, ...] = ()
    packages: tuple[str, ...] = ()
    units: tuple[Unit, ...] = ()
    folders: tuple[Folder, ...] = ()
    files: tuple[File, ...] = ()
    made: tuple[Made, ...] = ()
    devices: tuple[Device, ...] = ()
    processes: tuple[ProcessSpec, ...] = ()
    external_ids: dict[str, str] = field(default_factory=dict)
    bridges: tuple[Bridge, ...] = ()
    farewells: tuple[Farewell, ...] = ()
    holds_instances: bool = False
    release: str = ""

    @property
    def trace(self) -> Trace:
        """What it leaves on the host."""
        files = tuple(Farewell((("/usr/bin/rm", "--force", str(file.path)),)) for file in self.files)
        return Trace((*files, *self.farewells), tuple(unit.name for unit in self.units), bool(self.bridges))


@dataclass(frozen=True)
class Context:
    """Everything that a role's declaration may ask.

    Args:
        host: the host's name in its region; also nova's ``host`` and OVN's chassis.
        release: the OpenStack release.
        roles: all roles of the host.
        settings: the region's settings.
        facts: the host's facts.
        layout: where things lie.
        source: folder of Aloft's own package, when it is not the one installed in the release's environment.
    """

    host: str
    release: str
    roles: tuple[str, ...]
    settings: Settings
    facts: Facts
    layout: Layout
    source: str = ""

    @property
    def environment(self) -> Path:
        """The release's virtual environment."""
        return self.layout.paths.present(self.release)

    def path_env(self) -> dict[str, str]:
        """The environment variables of a program of the release."""
        source = {"PYTHONPATH": self.source} if self.source else {}
        return {
            **source,
            "ALOFT_BUILD": build(self.environment),  # another environment, another process
            "PATH": f"{self.environment}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "LANG": "C.UTF-8",
            "HOME": "/root",
            "PYTHONUNBUFFERED": "1",
        }


def marked(env: dict[str, str], *files: File) -> dict[str, str]:
    """An environment that changes when config files change, so that the process is replaced then."""
    digest = hashlib.sha256("\0".join(file.content for file in files).encode()).hexdigest()
    return {**env, "ALOFT_CONFIG": digest[:16]}
