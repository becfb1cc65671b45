from dataclasses import replace
from pathlib import Path

import pytest

from aloft.base.paths import Paths
from aloft.controller.context import Slot
from aloft.controller.spec import ControllerSpec
from aloft.node.registry import Record, Registry


@pytest.fixture
def paths(tmp_path):
    return Paths(tmp_path)


def record(customer="acme", slot=None, **more):
    spec = ControllerSpec(customer=customer, region="dc1", release="2026.2", domain="aloft.internal")
    return Record(spec, slot, **more)


def test_what_is_put_is_there_after_a_restart(paths):
    kept = record(slot=2, hosts={"h1": ("hypervisor",)})
    Registry(paths).put(kept)
    assert Registry(paths).get("acme/dc1") == kept


def test_what_is_forgotten_stays_forgotten(paths):
    registry = Registry(paths)
    registry.put(record())
    registry.forget("acme/dc1")
    assert Registry(paths).all() == ()


def test_names_with_the_same_letters_are_kept_apart(paths):
    registry = Registry(paths)
    registry.put(record("a-b"))
    registry.put(record("a"))
    assert {each.spec.customer for each in registry.all()} == {"a-b", "a"}


def test_a_warm_slot_is_prepared_and_unclaimed(paths):
    registry = Registry(paths)
    for number, state in ((1, "warm"), (2, "preparing"), (3, "warm")):
        slot = Slot(number, paths)
        slot.state.mkdir(parents=True)
        registry.mark(slot, "2026.2", state)
    registry.put(record(slot=3))
    assert registry.warm() == {1: "2026.2"}
    assert registry.free() == 4


def test_a_slot_number_is_never_given_twice(paths):
    registry = Registry(paths)
    assert registry.free(frozenset({1, 2})) == 3
    registry.put(record("one", slot=registry.free()))
    registry.put(record("two", slot=registry.free()))
    assert sorted(registry.claimed()) == [1, 2]


def test_a_host_whose_grant_is_taken_back_leaves_its_certificates_revoked(paths):
    given = record(slot=1).with_grant("h1", ("hypervisor",), "0a").with_grant("h1", ("network",), "0b")
    both = given.with_grant("h2", (), "0c").with_grant("h2", ("hypervisor",))
    assert both.hosts == {"h1": ("network",), "h2": ("hypervisor",)}
    left = both.without_grant("h1")
    assert (left.hosts, left.revoked) == ({"h2": ("hypervisor",)}, ("0a", "0b"))
    again = left.with_grant("h1", (), "0d")
    Registry(paths).put(again)
    assert Registry(paths).get("acme/dc1") == again
    assert again.revoked == ("0a", "0b")


def test_what_takes_a_controllers_place_lets_in_nobody_who_was_removed_since():
    kept = record(slot=1).with_grant("stays", ("network",), "0a").with_grant("goes", (), "0b")
    present = kept.without_grant("goes").with_grant("stays", (), "0c", anew=True).with_grant("comes", (), "0d")
    restored = replace(kept, slot=2).with_hosts_of(present)
    assert restored == replace(present, slot=2)
    forgot = replace(kept, slot=2).with_hosts_of(record(slot=1).with_grant("stays", (), "0c"))
    assert (forgot.hosts, forgot.revoked) == ({"stays": ()}, ("0b",)), "it was removed, and by whom is not known"


def test_hosts_that_the_plane_does_not_know_are_let_in_no_more():
    kept = record(slot=1).with_grant("known", ("network",), "0a").with_grant("unknown", (), "0b")
    assert kept.with_hosts({"known", "other"}) == kept.without_grant("unknown")


def test_the_slot_that_is_kept_for_the_way_back_belongs_to_the_controller(tmp_path: Path) -> None:
    spec = ControllerSpec(customer="acme", region="dc1", release="2026.1", domain="aloft.internal")
    former = Record(spec, slot=3)
    upgraded = Record(spec.model_copy(update={"release": "2026.2"}), slot=4, kept={"record": former.told()})
    Registry(Paths(tmp_path)).put(upgraded)
    again = Registry(Paths(tmp_path))
    assert again.claimed() == {3, 4}
    found = again.get("acme/dc1")
    assert found is not None and Record.read(found.kept["record"]) == former
