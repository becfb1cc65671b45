"""How a network card goes into a bridge, and out of it, with what it carries: from what is seen to commands. Pure.

How a bridge gets an address of its own and loses it is told in the same way: that, too, may cut the host off.

A card that is a port of a bridge cannot bear the host's addresses any more: the bridge's own port does. So addresses
and routes go along, and back again.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from aloft.base.errors import PermanentError

IP = "/usr/sbin/ip"
_NOT_OURS = re.compile(r"\bproto (kernel|ra|redirect)\b|^(local|broadcast|multicast|anycast|unreachable|blackhole)\b")
_STATE = re.compile(r"\b(linkdown|dead)\b")


@dataclass(frozen=True)
class Carried:
    """What a device carries for the host.

    Args:
        addresses: with prefix length, such as ``192.0.2.7/24``.
        routes: IP version and the route as ip-route(8) has it, without the device; those that the kernel makes itself
            are left out.
    """

    addresses: tuple[str, ...] = ()
    routes: tuple[tuple[int, str], ...] = ()

    def __bool__(self) -> bool:
        """Whether it carries anything."""
        return bool(self.addresses or self.routes)

    def with_(self, other: "Carried") -> "Carried":
        """Both together, in order and without repetition."""
        return Carried(
            tuple(dict.fromkeys((*self.addresses, *other.addresses))),
            tuple(dict.fromkeys((*self.routes, *other.routes))),
        )


@dataclass(frozen=True)
class Device:
    """A network device as it is.

    Args:
        mac: its address.
        carried: what it carries.
        leased: addresses that somebody else gives it for a time (DHCP).
    """

    mac: str
    carried: Carried = Carried()
    leased: tuple[str, ...] = ()


@dataclass(frozen=True)
class Command:
    """A command of a change; ``must`` is whether the change fails with it."""

    words: tuple[str, ...]
    must: bool = True


@dataclass(frozen=True)
class Change:
    """A card goes into a bridge, or out of it; or a bridge gets an address of its own, or loses it.

    Args:
        interface: the card; empty where it is about an address.
        bridge: the bridge.
        datapath: its datapath type.
        inward: into the bridge.
        mac: the card's address, which the bridge's own port gets with the host's addresses.
        carried: what goes along.
        address: the bridge's own address, with prefix length; empty where it is about a card.
    """

    interface: str
    bridge: str
    datapath: str
    inward: bool = True
    mac: str = ""
    carried: Carried = field(default_factory=Carried)
    address: str = ""

    @property
    def key(self) -> str:
        """What it is about: a card, or a bridge with its address."""
        return self.interface or f"{self.bridge} {self.address}"

    @property
    def text(self) -> str:
        """What is done, for a person."""
        if self.address:
            return f"{'Giving' if self.inward else 'Taking from'} {self.bridge} the address {self.address}"
        if self.inward:
            along = f" with {', '.join(self.carried.addresses)}" if self.carried.addresses else ""
            return f"Connecting {self.interface} to {self.bridge}{along}"
        return f"Taking {self.interface} out of {self.bridge}"

    def stored(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)

    @classmethod
    def restored(cls, told: dict[str, Any]) -> "Change":
        """What :meth:`stored` gave."""
        carried = told["carried"]
        routes = tuple((int(version), str(line)) for version, line in carried["routes"])
        return cls(**{**told, "carried": Carried(tuple(carried["addresses"]), routes)})


def device(addresses: str, routes4: str, routes6: str) -> Device:
    """A device, from ``ip -json address show dev …`` and ``ip -4/-6 route show table all dev …``.

    Raises:
        PermanentError: there is no such device.
    """
    entries = json.loads(addresses or "[]")
    if not entries:
        raise PermanentError("There is no such network card.", "Name another in the region's network template.")
    entry = entries[0]
    own = [told for told in entry.get("addr_info", []) if told.get("scope") == "global"]
    lasting = [told for told in own if not told.get("dynamic")]
    return Device(
        mac=str(entry.get("address", "")),
        carried=Carried(
            tuple(f"{told['local']}/{told['prefixlen']}" for told in lasting),
            tuple((version, line) for version, text in ((4, routes4), (6, routes6)) for line in routes(text)),
        ),
        # addresses that the kernel makes from a router's word come by themselves wherever the card leads
        leased=tuple(f"{told['local']}/{told['prefixlen']}" for told in own if _is_leased(told)),
    )


def routes(text: str) -> tuple[str, ...]:
    """The routes in the output of ip-route(8) that somebody entered; those that need no gateway first."""
    lines = [" ".join(_STATE.sub("", line).split()) for line in text.splitlines() if line.strip()]
    own = [line for line in lines if not _NOT_OURS.search(line)]
    return tuple(sorted(own, key=lambda line: " via " in line))


def steps(change: Change, vsctl: Sequence[str]) -> list[Command]:
    """The commands that bring a change about."""
    return _towards(change, vsctl, inward=change.inward)


def undoing(change: Change, vsctl: Sequence[str]) -> list[Command]:
    """The commands that take a change back, however far it came; each may be run again."""
    return _towards(change, vsctl, inward=not change.inward)


def check(change: Change, leased: Sequence[str]) -> None:
    """See to it that a change may be tried.

    Raises:
        PermanentError: the host would lose an address for good.
    """
    if change.inward and leased:
        raise PermanentError(
            f"{change.interface} cannot become a part of {change.bridge}: its address {leased[0]} is given by DHCP,"
            " and would not be renewed there.",
            f"Give the host a fixed address, or name another card than {change.interface} in the network template.",
        )


def _is_leased(told: dict[str, Any]) -> bool:
    return bool(told.get("dynamic")) and told.get("family") == "inet"


def _towards(change: Change, vsctl: Sequence[str], *, inward: bool) -> list[Command]:
    if change.address:
        return _given(change) if inward else _taken(change)
    return _inward(change, vsctl) if inward else _outward(change, vsctl)


def _given(change: Change) -> list[Command]:
    return [
        Command((IP, "address", "replace", change.address, "dev", change.bridge)),
        Command((IP, "link", "set", "dev", change.bridge, "up")),
    ]


def _taken(change: Change) -> list[Command]:
    return [Command((IP, "address", "delete", change.address, "dev", change.bridge), must=False)]


def _inward(change: Change, vsctl: Sequence[str]) -> list[Command]:
    bridge, card, moved = change.bridge, change.interface, change.carried
    settings = [f"datapath_type={change.datapath}"]
    if moved and change.mac:
        settings.append(f'other_config:hwaddr="{change.mac}"')
    return [
        Command((*vsctl, "--may-exist", "add-br", bridge, "--", "set", "Bridge", bridge, *settings)),
        Command((IP, "link", "set", "dev", bridge, "up")),
        Command((*vsctl, "--may-exist", "add-port", bridge, card)),
        Command((IP, "link", "set", "dev", card, "up")),
        *_carry(moved, card, bridge),
    ]


def _outward(change: Change, vsctl: Sequence[str]) -> list[Command]:
    bridge, card, moved = change.bridge, change.interface, change.carried
    return [
        Command((*vsctl, "--if-exists", "del-port", bridge, card)),
        Command((IP, "link", "set", "dev", card, "up")),
        *_carry(moved, bridge, card),
        Command((*vsctl, "remove", "Bridge", bridge, "other_config", "hwaddr"), must=False),
    ]


def _carry(moved: Carried, source: str, target: str) -> list[Command]:
    """Addresses leave one device and come to another, then the routes."""
    return [
        *(Command((IP, "address", "delete", address, "dev", source), must=False) for address in moved.addresses),
        *(Command((IP, "address", "replace", *_address(address), "dev", target)) for address in moved.addresses),
        *(
            Command((IP, f"-{version}", "route", "replace", *line.split(), "dev", target))
            for version, line in moved.routes
        ),
    ]


def _address(address: str) -> tuple[str, ...]:
    # duplicate address detection would leave an IPv6 address without use for a second
    return (address, "nodad") if ":" in address else (address, "broadcast", "+")
