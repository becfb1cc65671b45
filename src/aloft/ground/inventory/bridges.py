"""Bridges and VLAN devices of the host, of the kernel and of Open vSwitch; and which neighbours the host has seen."""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aloft.base.errors import TemporaryError
from aloft.sync.inventory import Bridge

_IP = ("/usr/sbin/ip", "-json", "-details", "address", "show")
_VSCTL = ("/usr/bin/ovs-vsctl", "--timeout=3")
_TAPS = {"tun", "macvtap"}
_COMPLETE = 0x2  # ATF_COM of if_arp.h: the address was answered for


class CannotLook(TemporaryError):
    """The host's devices cannot be listed."""


def read(switch_socket: Path) -> tuple[Bridge, ...]:
    """All bridges and VLAN devices, in order of their names.

    Args:
        switch_socket: of Open vSwitch's database; without it there are none of its bridges.

    Raises:
        CannotLook: the devices cannot be listed.
    """
    links = json.loads(_output(_IP) or "[]")
    switched: dict[str, list[str]] = {}
    if switch_socket.is_socket():
        base = (*_VSCTL, f"--db=unix:{switch_socket}")
        names = _output((*base, "list-br")).split()
        switched = {name: _output((*base, "list-ports", name)).split() for name in names}
    return understand(links, switched)


def understand(links: list[dict[str, Any]], switched: Mapping[str, list[str]]) -> tuple[Bridge, ...]:
    """Bridges from the output of ``ip -json -details address show`` and Open vSwitch's bridges with their ports."""
    links = [link for link in links if "ifname" in link]
    taps = {link["ifname"] for link in links if _kind(link) in _TAPS}
    found = []
    for link in links:
        name, kind = link["ifname"], _kind(link)
        if name in switched:
            members = tuple(sorted(set(switched[name]) - taps))
            found.append(_bridge(link, "ovs", members=members))
        elif kind == "bridge":
            inside = {other["ifname"] for other in links if other.get("master") == name}
            found.append(_bridge(link, "linux", members=tuple(sorted(inside - taps))))
        elif kind == "vlan":
            tag = link.get("linkinfo", {}).get("info_data", {}).get("id")
            found.append(_bridge(link, "vlan", parent=link.get("link", ""), tag=tag))
    listed = {link["ifname"] for link in links}
    found += [Bridge(name, "ovs", tuple(sorted(set(switched[name]) - taps))) for name in switched.keys() - listed]
    return tuple(sorted(found, key=lambda bridge: bridge.name))


def neighbours(table: str) -> dict[str, str]:
    """Addresses by MAC, from the text of ``/proc/net/arp``; only those that answered."""
    rows = [line.split() for line in table.splitlines()[1:]]
    return {row[3].lower(): row[0] for row in rows if len(row) >= 6 and int(row[2], 16) & _COMPLETE}


def seen() -> dict[str, str]:
    """The host's neighbours now."""
    try:
        return neighbours(Path("/proc/net/arp").read_text())
    except OSError:
        return {}


def _bridge(link: dict[str, Any], kind: Any, **more: Any) -> Bridge:
    addresses = tuple(
        f"{entry['local']}/{entry['prefixlen']}"
        for entry in link.get("addr_info", [])
        if entry.get("scope") == "global" and "local" in entry
    )
    return Bridge(
        link["ifname"], kind, mtu=link.get("mtu"), up="UP" in link.get("flags", []), addresses=addresses, **more
    )


def _kind(link: dict[str, Any]) -> str:
    return str(link.get("linkinfo", {}).get("info_kind", ""))


def _output(command: tuple[str, ...]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=10)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CannotLook(f"{Path(command[0]).name} does not answer: {error}") from error
    if done.returncode:
        raise CannotLook(f"{Path(command[0]).name} does not answer: {done.stderr.strip()[:200]}")
    return done.stdout
