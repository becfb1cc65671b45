"""A far host on this machine: a machine of its own that reaches the provider only through the edge's TLS port.

It reaches the provider by one card whose firewall lets nothing out but connections to the edge's TLS port, and nothing
in. Another card leads to the site's network, which is the customer's own and carries the overlay. A host may have a
third card, which leads to the network outside, as this machine is in it.
"""

import shutil
import subprocess
from pathlib import Path

from aloft.base.errors import Conflict
from aloft.base.paths import Paths
from aloft.bench.machines import Machine, cable, ip

PRIVATE = (
    "run", "opt/aloft", "var/lib/aloft", "var/log/aloft", "var/lib/openvswitch", "var/lib/libvirt", "var/cache/libvirt",
)  # fmt: skip
SWITCH, OUTSIDE = "aloft-site", "aloft-out"
UPLINK, CARD, OUTWARD = "eth0", "eth1", "eth2"
GATEWAY = "10.215.0.254"
OUTSIDE_ADDRESS = "172.24.8.1/24"
"""This machine's own address in the network outside."""
OTHER_EDGE = "10.216.0.1"
"""Another address of this machine, by which all hosts reach its edge, too."""

FIREWALL = """
table inet wall {{
    chain out {{
        type filter hook output priority 0; policy accept;
        oifname "{uplink}" tcp dport 443 ip daddr {{ {edges} }} accept
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
        paths: where the Aloft of this machine, the provider, lies.

    Raises:
        Conflict: this machine lacks what the firewall needs.
    """

    def __init__(self, folder: Path, number: int, paths: Paths) -> None:
        if shutil.which("nft") is None:
            raise Conflict("This machine has no nft.", "Install it: apt-get install nftables")
        self.name = f"far-{number}"
        self.number = number
        self.machine = Machine(folder / self.name, self.name, PRIVATE)
        self.run = self.machine.run
        self.edge = f"10.214.{number}.1"
        self.address = f"10.215.0.{number}"
        self._near = f"aloft-far{number}"
        cable(self.machine, UPLINK, f"10.214.{number}.2/24", self._near, near_address=f"{self.edge}/24")
        cable(self.machine, CARD, f"{self.address}/24", f"{SWITCH}{number}", bridge=SWITCH)
        self.run("ip", "route", "add", "default", "via", GATEWAY)
        self.run("ip", "route", "add", OTHER_EDGE, "via", self.edge)
        wall = folder / f"{self.name}.nft"
        wall.write_text(FIREWALL.format(uplink=UPLINK, edges=f"{self.edge}, {OTHER_EDGE}"))
        self.run("nft", "-f", str(wall))
        names = [route for route in (paths.state / "edge/http.map").read_text().split() if route.startswith("plane.")]
        with (self.machine.root / "etc/hosts").open("a") as hosts:
            hosts.write(f"{self.edge} {names[0]}\n")

    def lead_outside(self) -> None:
        """Give the host a card in the network outside, without an address of its own."""
        cable(self.machine, OUTWARD, "", f"{OUTSIDE}{self.number}", bridge=OUTSIDE)

    def paste(self, line: str, check: bool = True) -> str:
        """Paste a line into the host's shell, as root."""
        return self.run("sh", "-c", line, check=check, seconds=300)

    def cut(self) -> None:
        """Cut the link to the provider: packets are lost, nobody is told."""
        self._lose("", "")

    def lose(self, edge: str) -> None:
        """Lose what goes to one of the edge's addresses, and comes from there."""
        self._lose(f"ip daddr {edge}", f"ip saddr {edge}")

    def _lose(self, there: str, back: str) -> None:
        """Lose packets where they arrive: a sender whose own firewall drops them would know."""
        chain = "chain in {{ type filter hook input priority -10; policy accept; iifname {} {} drop; }}"
        ends = (("nft",), self._near, there), (tuple(self.machine.command("nft")), UPLINK, back)
        for nft, card, which in ends:
            rules = f"table inet {self._near} {{ {chain.format(card, which)}\n}}\n"
            subprocess.run([*nft, "-f", "-"], input=rules, text=True, check=True)

    def mend(self) -> None:
        """Let packets to the provider pass again."""
        for nft in (("nft",), tuple(self.machine.command("nft"))):
            subprocess.run([*nft, "delete", "table", "inet", self._near], check=False, capture_output=True)

    def log(self, name: str) -> str:
        """What one of the agent's processes, or the agent itself (``agent``), logged."""
        file = self.machine.root / "var/log/aloft" / ("agent.log" if name == "agent" else f"agent/{name}.log")
        return file.read_text(errors="replace") if file.exists() else ""

    def close(self) -> None:
        """Switch the host off."""
        self.mend()
        self.machine.close()
        for device in (self._near, f"{SWITCH}{self.number}", f"{OUTSIDE}{self.number}"):
            subprocess.run(["ip", "link", "delete", device], check=False, capture_output=True)


def make_switch() -> None:
    """Make the site's network and the one outside, in the place of those that were left."""
    remove_switch()
    for name in (SWITCH, OUTSIDE):
        ip("link", "add", name, "type", "bridge")
        ip("link", "set", name, "up")
    ip("address", "add", OUTSIDE_ADDRESS, "dev", OUTSIDE)
    ip("address", "add", OTHER_EDGE, "dev", OUTSIDE)


def remove_switch() -> None:
    """Remove both networks, as far as they are there."""
    for name in (SWITCH, OUTSIDE):
        subprocess.run(["ip", "link", "delete", name], check=False, capture_output=True)
