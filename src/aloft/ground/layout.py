"""Where things lie on a host."""

from dataclasses import dataclass
from pathlib import Path

from aloft.base.paths import Paths


@dataclass(frozen=True)
class Layout:
    """The agent's folders and the sockets of the programs that it looks after.

    Args:
        paths: the installation that the host is part of.
        state: the agent's own folder; others may pass through it (QEMU opens disks below it), but not list it.
    """

    paths: Paths
    state: Path

    @classmethod
    def of(cls, paths: Paths, state: Path | None = None) -> "Layout":
        """The usual layout, ``state`` being ``/var/lib/aloft/agent`` when it is not given."""
        return cls(paths, state or paths.state / "agent")

    @property
    def run(self) -> Path:
        """Sockets and process records of the agent."""
        return self.paths.run / "agent"

    @property
    def log(self) -> Path:
        """Logs of the agent and of all that it runs."""
        return self.paths.log / "agent"

    @property
    def config(self) -> Path:
        """Rendered config files (root only)."""
        return self.state / "config"

    @property
    def bundle(self) -> Path:
        """The host's certificate and its private key, which never leaves the host, in one file."""
        return self.state / "host.pem"

    @property
    def authority(self) -> Path:
        """What the edge's certificate is verified by."""
        return self.state / "authority.crt"

    @property
    def region_authority(self) -> Path:
        """What the certificates of the region's other hosts are verified by."""
        return self.state / "region.crt"

    @property
    def instances(self) -> Path:
        """Disks of the instances."""
        return self.state / "instances"

    @property
    def images(self) -> Path:
        """Images of the image library."""
        return self.state / "images"

    @property
    def image_folder(self) -> Path:
        """Where the customer's people put images for the region to offer."""
        return self.images / "folder"

    @property
    def image_socket(self) -> Path:
        """Where the image library listens when the plane names no other place."""
        return self.run / "images/library.sock"

    @property
    def disks_socket(self) -> Path:
        """Where the folder of instances is offered to the site's other hypervisors, through the link."""
        return self.run / "disks/disks.sock"

    @property
    def southbound_socket(self) -> Path:
        """Where the link offers OVN's southbound database of the region, to root alone."""
        return self.run / "ovn.sock"

    @property
    def switch_run(self) -> Path:
        """Sockets of Open vSwitch."""
        return self.paths.root / "run/openvswitch"

    @property
    def switch_socket(self) -> Path:
        """Open vSwitch's database."""
        return self.switch_run / "db.sock"

    @property
    def switch_database(self) -> Path:
        """The file of Open vSwitch's database; the distribution's own place."""
        return self.paths.root / "etc/openvswitch/conf.db"

    @property
    def ovn_run(self) -> Path:
        """Sockets of ovn-controller."""
        return self.paths.root / "run/ovn"

    @property
    def libvirt_run(self) -> Path:
        """Sockets of libvirt."""
        return self.paths.root / "run/libvirt"

    @property
    def libvirt_definitions(self) -> Path:
        """What libvirt keeps of each virtual machine: ``NAME.xml``."""
        return self.paths.root / "etc/libvirt/qemu"
