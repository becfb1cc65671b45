"""A customer's site: hosts as separate machines, with a network of their own between them.

A host reaches the provider by one card whose firewall lets nothing out but connections to the edge's TLS port, and
nothing in. Another card leads to the site's network, which is the customer's own: overlay and physical networks.
"""

import subprocess
from pathlib import Path
from typing import Any

from ..machines import Machine, cable, ip
from ..running import PATHS, Region, eventually, told

PRIVATE = (
    "run", "opt/aloft", "var/lib/aloft", "var/log/aloft", "var/lib/openvswitch", "var/lib/libvirt", "var/cache/libvirt",
)  # fmt: skip
SWITCH = "aloft-site"
UPLINK, CARD = "eth0", "eth1"

FIREWALL = """
table inet wall {{
    chain out {{
        type filter hook output priority 0; policy accept;
        oifname "{uplink}" tcp dport 443 ip daddr {edge} accept
        oifname "{uplink}" ct state established,related accept
        oifname "{uplink}" counter drop
    }}
    chain in {{
        type filter hook input priority 0; policy accept;
        iifname "{uplink}" ct state established accept
        iifname "{uplink}" counter drop
    }}
    chain forward {{
        type filter hook forward priority 0; policy accept;
        iifname "{uplink}" drop
        oifname "{uplink}" drop
    }}
}}
"""


class FarHost:
    """A host of the site.

    Args:
        folder: for its files.
        number: its place in the site's networks, 1 to 99.
    """

    def __init__(self, folder: Path, number: int) -> None:
        self.name = f"far-{number}"
        self.number = number
        self.machine = Machine(folder / self.name, self.name, PRIVATE)
        self.run = self.machine.run
        self.edge = f"10.214.{number}.1"
        self.address = f"10.215.0.{number}"
        self._near = f"aloft-far{number}"
        cable(self.machine, UPLINK, f"10.214.{number}.2/24", self._near, near_address=f"{self.edge}/24")
        cable(self.machine, CARD, f"{self.address}/24", f"aloft-site{number}", bridge=SWITCH)
        self.run("ip", "route", "add", "default", "via", "10.215.0.254")
        self._wall = folder / f"{self.name}.nft"
        self._wall.write_text(FIREWALL.format(uplink=UPLINK, edge=self.edge))
        self.run("nft", "-f", str(self._wall))
        names = [route for route in (PATHS.state / "edge/http.map").read_text().split() if route.startswith("plane.")]
        with (self.machine.root / "etc/hosts").open("a") as hosts:
            hosts.write(f"{self.edge} {names[0]}\n")

    def paste(self, line: str, check: bool = True) -> str:
        """Paste a line into the host's shell, as root."""
        return self.run("sh", "-c", line, check=check, seconds=300)

    def cut(self) -> None:
        """Cut the link to the provider: packets are lost, nobody is told."""
        self.run("nft", "insert", "rule", "inet", "wall", "out", "oifname", UPLINK, "drop")
        self.run("nft", "insert", "rule", "inet", "wall", "in", "iifname", UPLINK, "drop")

    def mend(self) -> None:
        """Let packets to the provider pass again."""
        self.run("nft", "flush", "ruleset")
        self.run("nft", "-f", str(self._wall))

    def log(self, name: str) -> str:
        """What one of the agent's processes, or the agent itself (``agent``), logged."""
        file = self.machine.root / "var/log/aloft" / ("agent.log" if name == "agent" else f"agent/{name}.log")
        return file.read_text(errors="replace") if file.exists() else ""

    def close(self) -> None:
        """Switch the host off."""
        self.machine.close()
        for device in (self._near, f"aloft-site{self.number}"):
            subprocess.run(["ip", "link", "delete", device], check=False, capture_output=True)


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
        subprocess.run(["ip", "link", "delete", SWITCH], check=False, capture_output=True)
        ip("link", "add", SWITCH, "type", "bridge")
        ip("link", "set", SWITCH, "up")

    def host(self, number: int) -> FarHost:
        """A bare machine in the site."""
        made = FarHost(self._folder, number)
        self.hosts[made.name] = made
        return made

    def token(self, *roles: str, uses: int = 1) -> Any:
        """A fresh host token; ``line`` is what to paste."""
        where = ("--customer", self.region.customer, "--region", self.region.name)
        return told("host", "token", *where, "--roles", ",".join(roles), "--uses", str(uses))

    def attach(self, number: int, *roles: str) -> FarHost:
        """A machine that has become a host, and is well in its roles."""
        host = self.host(number)
        host.paste(self.token(*roles)["line"])
        self.wait(host, "ok")
        return host

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
        subprocess.run(["ip", "link", "delete", SWITCH], check=False, capture_output=True)
