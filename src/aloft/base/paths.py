"""Where things lie on a machine that runs Aloft.

One value object holds every path, so that tests can lay a whole tree into a temporary folder by giving another root.
"""

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Paths:
    """The folders and sockets of one Aloft installation, all below ``root``."""

    root: Path = Path("/")

    @classmethod
    def from_environment(cls) -> "Paths":
        """Read the root from ``ALOFT_ROOT`` (default ``/``)."""
        return cls(Path(os.environ.get("ALOFT_ROOT", "/")))

    @property
    def etc(self) -> Path:
        """Settings and the credentials that a person uses (``/etc/aloft``)."""
        return self.root / "etc/aloft"

    @property
    def state(self) -> Path:
        """Everything that must survive a reboot (``/var/lib/aloft``)."""
        return self.root / "var/lib/aloft"

    @property
    def run(self) -> Path:
        """Sockets and process files, gone after a reboot (``/run/aloft``)."""
        return self.root / "run/aloft"

    @property
    def log(self) -> Path:
        """Log files (``/var/log/aloft``)."""
        return self.root / "var/log/aloft"

    @property
    def opt(self) -> Path:
        """Installed programs: the tool's own environment and those of the releases (``/opt/aloft``)."""
        return self.root / "opt/aloft"

    def environment(self, name: str) -> Path:
        """A virtual environment of an OpenStack release: the first one that was made, or ``<release>-<pins>``."""
        return self.opt / "envs" / name

    def present(self, release: str) -> Path:
        """The virtual environment of a release with its present pins, which hosts and people use."""
        link = self.opt / "envs" / f".{release}.present"
        return link if link.exists() else self.environment(release)

    def slot_state(self, number: int) -> Path:
        """Config, keys and OVN databases of the controller in slot ``number``."""
        return self.state / "slots" / str(number)

    def slot_run(self, number: int) -> Path:
        """Unix sockets of the controller in slot ``number``."""
        return self.run / "slots" / str(number)

    def slot_log(self, number: int) -> Path:
        """Log files of the controller in slot ``number``."""
        return self.log / "slots" / str(number)

    @property
    def database_socket(self) -> Path:
        """MariaDB's unix socket."""
        return self.run / "mariadb/mysqld.sock"

    @property
    def node_socket(self) -> Path:
        """The node's local API (HTTP over a unix socket)."""
        return self.run / "node.sock"

    @property
    def trunk_socket(self) -> Path:
        """The node's API for other nodes, behind the edge's trunk."""
        return self.run / "trunk/node.sock"

    @property
    def edge_socket(self) -> Path:
        """HAProxy's runtime API."""
        return self.run / "edge/admin.sock"

    def zygote_socket(self, release: str, project: str) -> Path:
        """Where the zygote of an OpenStack project takes requests to fork."""
        return self.run / "zygotes" / f"{release}-{project}.sock"
