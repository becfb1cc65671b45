"""What Placement is told of virtual machines; Placement is a table here."""

from typing import Any

import pytest

from aloft.base.errors import Conflict, InvalidInput, NotFound
from aloft.inside.sync.allocations import Allocations, Taken

HOST = "rp"
RESOURCES = {"VCPU": 2, "MEMORY_MB": 1024, "DISK_GB": 100}


class Placement:
    """One host with so much of each class; takes what fits, all or nothing, as Placement does."""

    user = "sync"

    def __init__(self, **totals: int) -> None:
        self.totals = totals
        self.reserved = dict.fromkeys(totals, 0)
        self.held: dict[str, dict[str, int]] = {}
        self.conflicts = 0
        self.writes = 0

    def call(self, service: str, method: str, path: str, body: Any, headers: dict[str, str]) -> Any:
        assert service == "placement"
        parts = path.strip("/").split("/")
        if method != "GET":
            self.writes += 1
        if parts[0] == "allocations":
            return self._allocations(method, parts[1:], body)
        assert parts[:2] == ["resource_providers", HOST]
        return self._provider(method, parts[2:], body)

    def _provider(self, method: str, parts: list[str], body: Any) -> Any:
        if parts == ["allocations"]:
            return {
                "allocations": {one: {"resources": has, "consumer_generation": 1} for one, has in self.held.items()}
            }
        if parts == ["usages"]:
            return {"usages": {name: self._used(name) for name in self.totals}}
        if parts == ["inventories"]:
            return {"inventories": {name: self._inventory(name) for name in self.totals}}
        if method == "GET":
            return self._inventory(parts[1])
        if self.conflicts:
            self.conflicts -= 1
            raise Conflict("the generation is another one")
        self.reserved[parts[1]] = body["reserved"]
        return None

    def _allocations(self, method: str, parts: list[str], body: Any) -> Any:
        if method == "GET":
            held = self.held.get(parts[0])
            return {"allocations": {HOST: {"resources": held}} if held else {}}
        if method == "DELETE":
            if self.held.pop(parts[0], None) is None:
                raise NotFound("no such consumer")
            return None
        wanted = body if method == "POST" else {parts[0]: body}
        asked = {one: told["allocations"][HOST]["resources"] for one, told in wanted.items()}
        before, self.held = self.held, self.held | asked
        if unknown := {name for has in asked.values() for name in has} - self.totals.keys():
            self.held = before
            raise InvalidInput(f"no inventory of {unknown}")
        if any(self._used(name) > self.totals[name] - self.reserved[name] for name in self.totals):
            self.held = before
            raise Conflict("no room")
        return None

    def _used(self, name: str) -> int:
        return sum(has.get(name, 0) for has in self.held.values())

    def _inventory(self, name: str) -> dict[str, Any]:
        about = {"min_unit": 1, "max_unit": self.totals[name], "step_size": 1, "allocation_ratio": 1.0}
        return {"total": self.totals[name], "reserved": self.reserved[name], "resource_provider_generation": 1, **about}


def taken(**resources: int) -> Taken:
    return Taken(RESOURCES | resources, HOST, "p")


@pytest.fixture
def placement() -> Placement:
    return Placement(VCPU=8, MEMORY_MB=8192, DISK_GB=150)


def test_what_fits_is_written_at_once(placement: Placement) -> None:
    allocations = Allocations(placement)  # type: ignore[arg-type]  # as much of it as is needed
    allocations.write({"a": taken(), "b": taken(DISK_GB=0)})
    assert placement.held == {"a": RESOURCES, "b": {"VCPU": 2, "MEMORY_MB": 1024}}
    assert (placement.writes, allocations.reasons()) == (1, {})


def test_of_what_does_not_fit_the_part_that_does_is_written_and_the_rest_later(placement: Placement) -> None:
    """A disk that is larger than what is left of the host's is no reason to give its processors away."""
    allocations = Allocations(placement)  # type: ignore[arg-type]  # as much of it as is needed
    allocations.write({"a": taken(), "b": taken()})
    assert placement.held == {"a": RESOURCES, "b": RESOURCES | {"DISK_GB": 50}}
    assert allocations.reasons().keys() == {"b"}
    writes = placement.writes
    allocations.retry()
    assert placement.writes == writes, "nothing is written while nothing more fits"
    placement.totals["DISK_GB"] = 200
    allocations.retry()
    assert placement.held["b"] == RESOURCES
    assert allocations.reasons() == {}


def test_a_class_that_a_host_does_not_offer_is_left_out(placement: Placement) -> None:
    del placement.totals["DISK_GB"]
    allocations = Allocations(placement)  # type: ignore[arg-type]  # as much of it as is needed
    allocations.write({"a": taken()})
    assert placement.held == {"a": {"VCPU": 2, "MEMORY_MB": 1024}}


def test_those_that_fit_go_before_parts_of_others(placement: Placement) -> None:
    allocations = Allocations(placement)  # type: ignore[arg-type]  # as much of it as is needed
    allocations.write({"large": taken(DISK_GB=1000), "small": taken()})
    assert placement.held == {"small": RESOURCES, "large": RESOURCES | {"DISK_GB": 50}}


def test_what_leaves_openstack_and_runs_on_is_reserved_at_once(placement: Placement) -> None:
    allocations = Allocations(placement)  # type: ignore[arg-type]  # as much of it as is needed
    allocations.write({"a": taken()})
    placement.conflicts = 1
    allocations.remove("a", runs_on=True)
    assert (placement.held, placement.reserved) == ({}, RESOURCES)


def test_what_is_gone_takes_nothing(placement: Placement) -> None:
    allocations = Allocations(placement)  # type: ignore[arg-type]  # as much of it as is needed
    allocations.write({"a": taken()})
    allocations.remove("a", runs_on=False)
    allocations.remove("a", runs_on=False)
    assert (placement.held, set(placement.reserved.values())) == ({}, {0})
