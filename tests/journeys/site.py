"""A customer's site: hosts as separate machines, with a network of their own between them, and instances on them."""

import itertools
import re
from pathlib import Path
from typing import Any

from aloft.bench.far import FarHost, make_switch, remove_switch
from aloft.ground.layout import Layout

from ..running import PATHS, Region, eventually, told


class Site:
    """The site's network, and the hosts in it.

    Args:
        folder: for the hosts' files.
        region: whose site it is.
    """

    def __init__(self, folder: Path, region: Region) -> None:
        self.region = region
        self.hosts: dict[str, FarHost] = {}
        self._folder = folder
        make_switch()

    def host(self, number: int) -> FarHost:
        """A bare machine in the site."""
        made = FarHost(self._folder, number, PATHS)
        self.hosts[made.name] = made
        return made

    def token(self, *roles: str, uses: int = 1) -> Any:
        """A fresh host token; ``line`` is what to paste."""
        where = ("--customer", self.region.customer, "--region", self.region.name)
        return told("host", "token", *where, "--roles", ",".join(roles), "--uses", str(uses))

    def template(self, *options: str) -> None:
        """Change the region's network template."""
        told("network-template", "set", self.region.customer, self.region.name, *options)

    def show(self, host: FarHost) -> Any:
        """What the plane says of a host."""
        return told("host", "show", self.region.customer, self.region.name, host.name)

    def wait(self, host: FarHost, state: str, seconds: float = 180.0) -> Any:
        """Wait until a host is in a state."""

        def look() -> Any:
            shown = self.show(host)
            assert shown["state"] == state, shown
            return shown

        return eventually(look, seconds, f"{host.name} is {state}")

    def close(self) -> None:
        """Switch everything off."""
        for host in self.hosts.values():
            host.close()
        remove_switch()


def libvirt_of(host: FarHost) -> str:
    """By which URI a host's libvirt is reached from this machine."""
    return f"qemu+unix:///system?socket={host.machine.root}/run/libvirt/libvirt-sock"


def domain_xml(ident: str, name: str, disk: Path) -> str:
    """The definition of a small virtual machine without network cards, whose disk other hosts can reach, too."""
    return f"""<domain type='qemu'><name>{name}</name><uuid>{ident}</uuid>
  <memory unit='MiB'>32</memory><vcpu>1</vcpu><os><type arch='x86_64' machine='q35'>hvm</type></os>
  <devices>
    <disk type='file' device='disk'><driver name='qemu' type='qcow2' cache='none'/><source file='{disk}'/>
      <target dev='vda' bus='virtio'/></disk>
  </devices></domain>"""


class Guest:
    """The shell of an instance of the test image, at its serial console.

    Args:
        server: the instance.
        host: the host that it is on.
    """

    _numbers = itertools.count(1)

    def __init__(self, server: Any, host: FarHost) -> None:
        self.server = server
        self.host = host
        self._console = host.machine.root / str(Layout.of(PATHS).instances).lstrip("/") / server.id / "console.log"

    def does(self, command: str, seconds: float = 60.0) -> bool:
        """Have a command run in the guest; whether it succeeded."""
        number = next(self._numbers)
        terminal = self.host.run("virsh", "ttyconsole", self.server.id).strip()
        with Path(terminal).open("w") as wire:
            wire.write(f"{command}; echo done-{number}-$?\n")
            wire.flush()
            found = eventually(lambda: self._found(rf"done-{number}-(\d+)"), seconds, f"the guest ran {command}")
        return found == "0"

    def reaches(self, address: str) -> bool:
        """Whether an address answers a ping from within."""
        return self.does(f"ping -c 1 -W 2 {address} >/dev/null")

    def reads_page(self, address: str) -> bool:
        """Whether another guest's page can be read from within."""
        return self.does(rf"printf 'GET / HTTP/1.0\r\n\r\n' | nc -w 3 {address} 80 | grep -q hello")

    def _found(self, pattern: str) -> str:
        match = re.search(pattern, self._console.read_text(errors="replace"))
        return match[1] if match else ""
