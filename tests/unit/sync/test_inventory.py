"""Whoever has a snapshot and all deltas has the host."""

import json
from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aloft.sync.inventory import (
    Address,
    Bridge,
    Delta,
    Disk,
    Domain,
    Entry,
    Graphics,
    Image,
    Inventory,
    Network,
    Nic,
    Part,
    Pool,
    Subnet,
    compare,
    follow,
)
from aloft.sync.wire import MalformedMessage

names = st.sampled_from([f"n{number}" for number in range(6)])
addresses = st.builds(Address, st.sampled_from(["192.0.2.7", "2001:db8::7"]), st.just(24), st.just("lease"))
nics = st.builds(Nic, mac=names, addresses=st.lists(addresses, max_size=2).map(tuple), vlans=st.just((7,)))
disks = st.builds(Disk, target=names, capacity=st.none() | st.integers(0, 9))
domains = st.builds(
    Domain,
    uuid=names,
    name=names,
    state=st.sampled_from(["running", "shutoff"]),
    disks=st.lists(disks, max_size=2).map(tuple),
    nics=st.lists(nics, max_size=2).map(tuple),
    graphics=st.just((Graphics("vnc", "127.0.0.1", 5900),)) | st.just(()),
    metadata=st.dictionaries(names, names, max_size=1),
)
networks = st.builds(
    Network,
    uuid=names,
    name=names,
    subnets=st.just((Subnet("192.0.2.0/24"),)),
    portgroups=st.just({"blue": (3, 4)}),
)
bridges = st.builds(Bridge, name=names, kind=st.sampled_from(["linux", "vlan"]), tag=st.none() | st.integers(1, 9))
pools = st.builds(Pool, uuid=names, name=names, type=st.just("dir"))
images = st.builds(
    Image,
    path=names,
    size=st.integers(0, 3),
    modified_ns=st.just(1),
    sha256=names,
    format=st.just("raw"),
    virtual_size=st.just(1),
)


def unique(entries: st.SearchStrategy[Entry]) -> st.SearchStrategy[tuple[Entry, ...]]:
    return st.lists(entries, max_size=4, unique_by=lambda entry: entry.key).map(
        lambda found: tuple(sorted(found, key=lambda entry: entry.key))
    )


inventories = st.builds(
    Inventory,
    taken_at=st.floats(0, 9),
    domains=unique(domains),
    networks=unique(networks),
    bridges=unique(bridges),
    pools=unique(pools),
    images=unique(images),
    failed=st.dictionaries(st.sampled_from(["domains", "images"]), st.just("no answer"), max_size=1),
)


def as_deltas(before: Inventory, after: Inventory) -> list[Delta]:
    return [
        Delta(number, after.taken_at, part, key, entry.to_json() if entry else None, error)
        for number, (part, key, entry, error) in enumerate(compare(before, after), 1)
    ]


@given(inventories)
def test_an_inventory_survives_the_journey(inventory: Inventory) -> None:
    assert Inventory.from_json(json.loads(json.dumps(inventory.to_json()))) == inventory


@given(inventories, inventories)
def test_what_differs_brings_one_to_the_other(before: Inventory, after: Inventory) -> None:
    reached = follow(before, as_deltas(before, after))
    for part in ("domains", "networks", "bridges", "pools", "images"):
        wanted = before if part in after.failed else after
        assert getattr(reached, part) == getattr(wanted, part)
    assert dict(reached.failed) == dict(after.failed)


@given(inventories)
def test_nothing_differs_from_itself(inventory: Inventory) -> None:
    assert compare(inventory, replace(inventory, taken_at=99.0)) == []


def test_what_a_disk_takes_is_no_change() -> None:
    def inventory(allocation: int) -> Inventory:
        return Inventory(1.0, domains=(Domain("u", "n", "running", disks=(Disk("vda", allocation=allocation),)),))

    assert compare(inventory(1), inventory(2)) == []


@pytest.mark.parametrize(
    ("part", "value"), [("domains", {"uuid": "other", "name": "n", "state": "running"}), ("pools", {"name": "n"})]
)
def test_a_delta_must_fit_its_part_and_key(part: Part, value: Mapping[str, str]) -> None:
    with pytest.raises(MalformedMessage):
        Delta(1, 1.0, part, "u", value).entry()
