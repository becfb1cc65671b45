"""Which machine it is that enrols, and whether it may: what tells a machine that comes again from another one. Pure.

A machine is told by its ``machine_id`` (machine-id(5)) and by the MAC addresses of its network cards. The first is new
after a reinstallation and the same on clones; the second is the other way round, but for cards that software made.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from aloft.base.errors import Conflict


@dataclass(frozen=True)
class Machine:
    """What tells a machine; ``macs`` in lower case."""

    identity: str = ""
    macs: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Attached:
    """A host that is attached already.

    Args:
        region: its region.
        name: its name.
        machine: what it said about itself.
        reports: whether it has reported and is not missing.
        expected: whether it was let in and has not reported yet.
    """

    region: str
    name: str
    machine: Machine
    reports: bool
    expected: bool = False


Verdict = Literal["new", "again"]


def same(one: Machine, other: Machine) -> bool:
    """Whether this is one machine, between two calls of its installer: by its cards, or its id where it tells none."""
    if one.macs and other.macs:
        return bool(one.macs & other.macs)
    return one.identity == other.identity


def of_facts(facts: Mapping[str, Any]) -> Machine:
    """The machine that facts are about; facts of any form are taken."""
    cards = facts.get("cards")
    macs = {
        card["mac"].lower()
        for card in (cards if isinstance(cards, list) else [])
        if isinstance(card, Mapping) and isinstance(card.get("mac"), str) and not card.get("virtual")
    }
    return Machine(str(facts.get("machine_id") or ""), frozenset(macs))


def admit(machine: Machine, customer: str, region: str, name: str, others: Iterable[Attached]) -> Verdict:
    """Whether a machine may become the host ``name``: as a ``new`` one, or ``again`` in its own place.

    Args:
        machine: the machine.
        customer: the customer's name, for what is said.
        region: the region that the token is for.
        name: the name that it wants.
        others: the hosts of the customer.

    Raises:
        Conflict: another machine has that name, this one has another name or region, or it is a clone.
    """
    verdict: Verdict = "new"
    for other in others:
        if (other.region, other.name) == (region, name):
            _check_name(machine, customer, other)
            verdict = "again"
        elif machine.identity and machine.identity == other.machine.identity:
            raise _double(machine, customer, other)
    return verdict


def _check_name(machine: Machine, customer: str, other: Attached) -> None:
    """A name is taken over from a host that is silent, or by the very same machine after a reinstallation."""
    if other.expected and not same(machine, other.machine):
        raise Conflict(
            f"Another machine has just been let in as host {other.name!r} of region {other.region!r}.",
            "Give this machine another name with --name; if the other one is no more, delete that host first with "
            f"`aloft host delete {customer} {other.region} {other.name}`.",
        )
    if other.reports and not machine.macs & other.machine.macs:
        raise Conflict(
            f"A host {other.name!r} is attached to region {other.region!r} and reports; it is another machine.",
            "Give this machine another name with --name, or delete that host first with "
            f"`aloft host delete {customer} {other.region} {other.name}`.",
        )


def _double(machine: Machine, customer: str, other: Attached) -> Conflict:
    if machine.macs and other.machine.macs and not machine.macs & other.machine.macs:
        return Conflict(
            f"This machine has the same machine id as host {other.name!r} of region {other.region!r}: one of the two is"
            " a clone of the other.",
            "Give this one an id of its own: `rm /etc/machine-id /var/lib/dbus/machine-id; systemd-machine-id-setup`,"
            " restart it, and enrol it again.",
        )
    return Conflict(
        f"This machine is attached as host {other.name!r} of region {other.region!r} already.",
        f"Use a token of that region and --name {other.name}, or delete that host first with "
        f"`aloft host delete {customer} {other.region} {other.name}`.",
    )
