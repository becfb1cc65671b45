"""What becomes of the networks that were made for places on hosts, once those places are gone: a pure plan.

A network stays while one of the hosts that had its bridge or libvirt network has it, and for the time of grace after
that. As with virtual machines nothing is deleted on weak evidence: a host that is silent or cannot look says nothing,
more than a given share of a host's networks gone at once is not believed, and a place that no host ever told as a
bridge or network of its own, such as the device behind a macvtap card, is not known to be gone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from aloft.sync.facts import INTEGRATION, PRIVATE_MODES, network_place
from aloft.sync.inventory import Inventory
from aloft.sync.policy import Settings

AGAIN_SECONDS = 60.0
"""How long after it was refused a network's removal is tried again."""

_PARTS = frozenset({"networks", "bridges"})

Base = Mapping[str, Any]
"""What is remembered of a network: ``host`` (for which it was made), ``hosts`` (those that had the place: since when it
is missed there, or ``None``), in ``kept`` why it is still there although its place is gone, and in ``held`` that it was
missed with more others than is believed: then it stays until its place is back."""


@dataclass(frozen=True)
class NetworkAction:
    """One thing to do about a network.

    Args:
        kind: ``note`` (only remember), ``miss`` (mark it: its place is gone), ``return`` (take the mark away), or
            ``remove``.
        place: that it was made for.
        base: what to remember of it.
    """

    kind: Literal["note", "miss", "return", "remove"]
    place: str
    base: Base


def plan_networks(
    host: str,
    inventory: Inventory,
    known: Mapping[str, Base],
    settings: Settings,
    now: float,
    refused: Mapping[str, float],
) -> tuple[list[NetworkAction], float | None]:
    """What to do about networks by what one host tells.

    Args:
        host: its name.
        inventory: of the host.
        known: what is remembered of each network, by place.
        settings: the time of grace, and what is not believed.
        now: the time.
        refused: when the removal of a place's network was refused last.

    Returns:
        What to do, and when to look again though nothing is told.
    """
    if _PARTS & inventory.failed.keys():
        return [], None
    actions: list[NetworkAction] = []
    missing: list[tuple[str, Base]] = []
    there = _Places(host, inventory)
    for place, base in known.items():
        hosts = dict(base.get("hosts", {}))
        if place not in there:
            if host in hosts:
                missing.append((place, base))
        elif hosts.get(host, now) is not None:
            after = {"host": base["host"], "hosts": {**hosts, host: None}}
            actions.append(NetworkAction("return" if gone_since(base) is not None else "note", place, after))
    doubted = _doubted(host, known, missing, settings)
    due: float | None = None
    for place, base in missing:
        action, again = _missed(host, place, base, settings, now, refused.get(place), doubted)
        if action is not None:
            actions.append(action)
        if again is not None:
            due = again if due is None else min(due, again)
    return actions, due


def gone_since(base: Base) -> float | None:
    """When the last host that had the place lost it; ``None`` while one has it, or none ever told that it had."""
    missed = list(base.get("hosts", {}).values())
    return max(missed) if missed and None not in missed else None


def offerable(inventory: Inventory, host: str) -> frozenset[str]:
    """The places on a host that can be provider networks.

    Those are bridges, VLAN devices that are not in a bridge, libvirt's networks, and the VLANs of their port groups. A
    bridge that a libvirt network makes or uses is offered as that network; OVN's own is none.
    """
    taken = {INTEGRATION, *(network.bridge for network in inventory.networks)}
    inner = {member for bridge in inventory.bridges for member in bridge.members}
    places = {
        f"bridge/{bridge.name}/0"
        for bridge in inventory.bridges
        if bridge.name not in taken and not (bridge.kind == "vlan" and bridge.name in inner)
    }
    for network in inventory.networks:
        places.add(network_place(network, host))
        if network.mode not in PRIVATE_MODES:
            places |= {f"bridge/{network.bridge}/{tags[0]}" for tags in network.portgroups.values() if len(tags) == 1}
    return frozenset(place for place in places if not place.startswith("bridge//"))


class _Places:
    """The places that a host has bridges or networks for."""

    def __init__(self, host: str, inventory: Inventory) -> None:
        self._networks = {network_place(network, host) for network in inventory.networks}
        self._bridges = {bridge.name for bridge in inventory.bridges}
        self._bridges |= {network.bridge for network in inventory.networks}

    def __contains__(self, place: str) -> bool:
        kind, first, _ = place.split("/", 2)
        return place in self._networks or (kind == "bridge" and first in self._bridges)


def _doubted(host: str, known: Mapping[str, Base], missing: list[tuple[str, Base]], settings: Settings) -> bool:
    """Whether more is gone from the host at once than is believed; what is in use without its place is old news."""
    ours = sum(host in base.get("hosts", {}) for base in known.values())
    gone = sum(not base.get("kept") for _, base in missing)
    return gone >= settings.gone_least and gone > settings.gone_share * ours


def _missed(
    host: str, place: str, base: Base, settings: Settings, now: float, refused: float | None, doubted: bool
) -> tuple[NetworkAction | None, float | None]:
    """What to do about a network whose place the host does not have any more, and when to look again."""
    doubted = doubted and not base.get("kept")
    held = {"held": True} if doubted else {}
    if base["hosts"][host] is None:
        after = {**base, **held, "hosts": {**base["hosts"], host: now}}
        kind: Literal["miss", "note"] = "note" if gone_since(after) is None else "miss"
        return NetworkAction(kind, place, after), None if "held" in after else now + settings.grace_seconds
    if base.get("held"):
        return None, None  # that fewer are missing by now says nothing about why this one is
    if doubted:
        return NetworkAction("note", place, {**base, **held}), None
    since = gone_since(base)
    if since is None:
        return None, None
    again = since + settings.grace_seconds if refused is None else refused + AGAIN_SECONDS
    return (NetworkAction("remove", place, base), None) if now >= again else (None, again)
