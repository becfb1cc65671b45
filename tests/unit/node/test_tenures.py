"""Who had which slot, from where to where in the binary log."""

from datetime import UTC, datetime

import pytest

from aloft.base.paths import Paths
from aloft.controller.spec import ControllerSpec
from aloft.node import mariadb
from aloft.node.registry import Record, Registry
from aloft.node.tenures import Tenure, Tenures, place, read

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def end():
    """How far the log goes; raised by a test as something is written."""
    return [1, 4]


@pytest.fixture
def tenures(tmp_path, end):
    return Tenures(tmp_path / "tenures.json", lambda: (end[0], end[1]))


def told(tenures):
    return [(one.key, one.slot, one.since, one.until) for one in tenures.all()]


def test_a_slot_is_each_controllers_own_for_its_time(tenures, end):
    tenures.follow({"acme/dc1": 3})
    end[1] = 100
    tenures.follow({"acme/dc1": 7})
    end[1] = 200
    tenures.follow({"acme/dc1": 7, "bolt/dc1": 3})
    assert told(tenures) == [
        ("acme/dc1", 3, (1, 4), (1, 100)), ("acme/dc1", 7, (1, 100), None), ("bolt/dc1", 3, (1, 200), None),
    ]  # fmt: skip
    first = tenures.all()[0]
    assert [first.at("acme/dc1", 3, where) for where in ((1, 3), (1, 4), (1, 100), (1, 101), (2, 4))] == [
        False, True, True, False, False,
    ]  # fmt: skip
    assert not first.at("bolt/dc1", 3, (1, 50)) and not first.at("acme/dc1", 7, (1, 50))


def test_a_way_back_is_another_time_in_the_same_slot(tenures, end):
    for slot in (3, 7, 3):
        tenures.follow({"acme/dc1": slot})
        end[1] += 100
    assert [one[1:] for one in told(tenures)] == [(3, (1, 4), (1, 104)), (7, (1, 104), (1, 204)), (3, (1, 204), None)]


def test_databases_that_are_made_anew_end_it(tenures, end):
    tenures.follow({"acme/dc1": 3, "bolt/dc1": 4})
    end[1] = 100
    tenures.begin_anew("acme/dc1")
    tenures.begin_anew("nobody/dc1")
    assert told(tenures)[0] == ("acme/dc1", 3, (1, 4), (1, 100))
    assert told(tenures)[2:] == [("acme/dc1", 3, (1, 100), None)]


def test_a_backup_covers_the_time_that_it_was_taken_in(tenures, end):
    tenures.follow({"acme/dc1": 3, "bolt/dc1": 4})
    tenures.cover({"acme/dc1": 3}, (1, 50), "local")
    assert [one.key for one in tenures.uncovered("local")] == ["bolt/dc1"]
    assert len(tenures.uncovered("far")) == 2
    end[1] = 100
    tenures.follow({"acme/dc1": 7, "bolt/dc1": 4})
    tenures.cover({"acme/dc1": 3}, (1, 60), "far")
    assert [one.key for one in tenures.uncovered("local")] == ["bolt/dc1", "acme/dc1"]


def test_they_outlive_the_node_and_go_with_the_log(tenures, end, tmp_path):
    tenures.follow({"acme/dc1": 3})
    end[:] = [2, 4]
    tenures.follow({"acme/dc1": 7})
    again = Tenures(tmp_path / "tenures.json", lambda: (2, 4))
    assert again.all() == tenures.all() == read(tenures.told())
    again.forget(before=2)
    assert len(again.all()) == 2
    again.forget(before=3)
    assert [one.slot for one in again.all()] == [7]


def test_a_registry_notes_who_lives_where(tmp_path):
    registry, spec = Registry(Paths(tmp_path)), ControllerSpec(customer="acme", region="dc1", release="r", domain="d")
    registry.put(Record(spec, 3, arriving="other"))
    assert registry.tenures.all() == ()
    registry.put(Record(spec, 3))
    registry.put(Record(spec, 7))
    registry.put(Record(spec, 7, wanted=False))
    registry.forget(spec.key)
    assert [(one.slot, one.until is None) for one in registry.tenures.all()] == [(3, False), (7, False)]


def test_a_registry_notes_what_was_cut_short(tmp_path):
    registry, spec = Registry(Paths(tmp_path)), ControllerSpec(customer="acme", region="dc1", release="r", domain="d")
    registry.put(Record(spec, 3))
    (Paths(tmp_path).state / "node/tenures.json").unlink()
    assert [one.slot for one in Registry(Paths(tmp_path)).tenures.all()] == [3]


def test_how_far_the_log_goes_is_told_without_the_server(tmp_path):
    paths = Paths(tmp_path)
    assert mariadb.log_end(paths) == (0, 0)
    data = mariadb.data_folder(paths)
    data.mkdir(parents=True)
    (data / "binlog.index").write_text(f"{data}/binlog.999999\n{data}/binlog.1000000\n")
    (data / "binlog.1000000").write_bytes(bytes(77))
    assert mariadb.log_end(paths) == (1_000_000, 77) == place("binlog.1000000", 77)
    assert place("binlog.999999", 99) < place("binlog.1000000", 4)


def test_it_says_whose_it_is():
    assert Tenure(key="acme/dc1", slot=1, since=(1, 4), began=NOW).customer == "acme"
