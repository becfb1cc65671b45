"""The roles that a host can have."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from aloft.ground.facts import Facts
from aloft.ground.roles import hypervisor, image_library, network
from aloft.ground.roles.model import Context, Lack, Requirement, Role

ALL: Mapping[str, Callable[[Context], Role]] = {
    hypervisor.NAME: hypervisor.role,
    network.NAME: network.role,
    image_library.NAME: image_library.role,
}

REQUIREMENTS: Mapping[str, Sequence[Requirement]] = {
    hypervisor.NAME: hypervisor.REQUIREMENTS,
    network.NAME: network.REQUIREMENTS,
    image_library.NAME: image_library.REQUIREMENTS,
}


def lacking(facts: Facts) -> dict[str, list[Lack]]:
    """What a host lacks for each role, so that a person can tell what it is good for before it has one."""
    return {name: [lack for check in checks if (lack := check(facts))] for name, checks in REQUIREMENTS.items()}


def report(facts: Facts) -> dict[str, Any]:
    """What the plane is told of a host: its facts, with what it lacks for each role."""
    lacks = {name: [asdict(lack) for lack in found] for name, found in lacking(facts).items()}
    return {**facts.as_report(), "lacks": lacks}
