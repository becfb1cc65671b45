"""Binary logs reach each repository at its own pace: a slow one holds up neither the primary one nor the others."""

import asyncio
import json
import time

import pytest

from aloft.base.errors import TemporaryError
from aloft.base.paths import Paths
from aloft.daytwo.repositories import Repositories, RepositoryRequest
from aloft.daytwo.restic import Snapshot
from aloft.node import binlog as shipping
from aloft.node.binlog import CUSTOMERS, Binlog
from aloft.node.registry import Registry


class Restic:
    """A repository that counts what it gets, and does not take copies while its gate is shut."""

    def __init__(self, repository):
        self.repository = repository
        self.held, self.forgotten = [], []
        self.asked, self.gate = asyncio.Event(), asyncio.Event()
        self.gate.set()
        self.trouble = None

    async def ensure(self):
        pass

    async def backup(self, folder, tags):
        self.asked.set()
        await self.gate.wait()
        if self.trouble:
            raise self.trouble
        self.held.append(next(iter(json.loads((folder / CUSTOMERS).read_text())["ids"])))
        return self.held[-1], {}

    async def forget(self, snapshots):
        self.forgotten += snapshots

    async def snapshots(self, tags):
        return [Snapshot(one, "2026-01-01T00:00:00+00:00", {**tags, "until": "2026-01-01"}) for one in self.held]

    async def names(self, snapshot):
        return ["/binlog.000001"]

    async def read(self, snapshot, path):
        return json.dumps({"ids": {}, "tenures": []})

    async def restore(self, snapshot, target, only):
        self.restored = snapshot


class Database:
    """A MariaDB that has no complete log; counts how often it began a new one."""

    def __init__(self):
        self.begun = 0

    async def execute(self, schema, statements):
        self.begun += statements == ["FLUSH BINARY LOGS"]
        return [("binlog.000001", 0)]


@pytest.fixture
def kept(tmp_path):
    """The repositories: the primary one, and two that it is copied to."""
    repositories = Repositories(Paths(tmp_path))
    repositories.primary()
    for name in ("near", "slow"):
        repositories.put(name, RepositoryRequest(url=f"/{name}", role="secondary"))
    return repositories


@pytest.fixture
def opened(kept, monkeypatch):
    found = {one.name: Restic(one) for one in kept.all()}
    monkeypatch.setattr(kept, "open", lambda repository: found[repository.name])
    return found


@pytest.fixture
def tenures(tmp_path):
    return Registry(Paths(tmp_path)).tenures


@pytest.fixture
def binlog(tmp_path, kept, opened, tenures, monkeypatch):
    monkeypatch.setattr("aloft.node.mariadb.data_folder", lambda paths: tmp_path)
    database = Database()
    return Binlog(Paths(tmp_path), database, kept, lambda: [f"s{database.begun}"], tenures)


async def copied(name):
    """Wait until what is being copied to a repository is there."""
    if under_way := {one for one in asyncio.all_tasks() if one.get_name() == f"binary logs to {name}"}:
        await asyncio.wait(under_way)


def shipped(binlog):
    return {one.name: one.shipped for one in binlog.shipments()}


async def test_a_slow_secondary_holds_up_no_shipment(binlog, opened):
    opened["slow"].gate.clear()
    for number in (1, 2, 3):
        await binlog.ship()
        assert opened["local"].held[-1] == f"s{number}"
        await copied("near")
    assert opened["near"].held == ["s1", "s2", "s3"]
    assert opened["slow"].held == [] and shipped(binlog)["slow"] is None
    opened["slow"].gate.set()
    await copied("slow")
    assert shipped(binlog)["slow"] < shipped(binlog)["local"], "it has what there was when it began"
    await binlog.ship()
    await copied("slow")
    assert shipped(binlog)["slow"] == shipped(binlog)["local"]
    assert opened["slow"].held == ["s1", "s4"]


async def test_one_that_fails_is_told_and_tried_again(binlog, opened):
    opened["slow"].trouble = TemporaryError("It is gone.")
    await binlog.ship()
    await copied("slow")
    assert {one.name: one.trouble for one in binlog.shipments() if one.trouble} == {"slow": "It is gone."}
    opened["slow"].trouble = None
    await binlog.ship()
    await copied("slow")
    assert opened["slow"].held == ["s2"] and not any(one.trouble for one in binlog.shipments())


async def test_one_that_hangs_is_given_up(binlog, opened, monkeypatch):
    monkeypatch.setattr(shipping, "SHIP_PATIENCE_SECONDS", 0.01)
    opened["slow"].gate.clear()
    await binlog.ship()
    await copied("slow")
    assert [one.name for one in binlog.shipments() if "too slow" in one.trouble] == ["slow"]
    opened["slow"].gate.set()
    await binlog.ship()
    await copied("slow")
    assert opened["slow"].held == ["s2"]


async def test_a_restore_from_the_primary_one_does_not_wait_for_others(binlog, opened, tmp_path):
    opened["slow"].gate.clear()
    shipment = await binlog.fetch("local", binlog.server, "binlog.000001", tmp_path)
    assert shipment.files == (tmp_path / "binlog.000001",) and opened["local"].restored == "s1"


async def test_a_restore_from_a_secondary_one_waits_until_it_has_all(binlog, opened, tmp_path):
    slow = opened["slow"]
    slow.gate.clear()
    await binlog.ship()
    await slow.asked.wait()
    fetching = asyncio.create_task(binlog.fetch("slow", binlog.server, "binlog.000001", tmp_path))
    await copied("near")
    assert not fetching.done()
    slow.gate.set()
    await fetching
    assert slow.restored == slow.held[-1] == opened["local"].held[-1] == "s2"


async def test_a_restore_from_one_that_fails_says_so(binlog, opened, tmp_path):
    opened["slow"].trouble = TemporaryError("It is gone.")
    with pytest.raises(TemporaryError, match="It is gone"):
        await binlog.fetch("slow", binlog.server, "binlog.000001", tmp_path)


@pytest.mark.parametrize(("hours", "late"), [(24, True), (0, False)])
def test_a_clock_that_was_ahead_does_not_hide_that_nothing_is_shipped(binlog, tmp_path, kept, hours, late):
    stamps = dict.fromkeys(("local", "near", "slow"), time.time() + hours * 3600)
    record = Paths(tmp_path).state / "backup/shipped.json"
    record.write_text(json.dumps(stamps))
    again = Binlog(Paths(tmp_path), Database(), kept, lambda: ["acme"], Registry(Paths(tmp_path)).tenures)
    assert [one.late for one in again.shipments()] == [late] * 3


async def test_old_shipments_are_forgotten_also_while_one_is_still_stored_elsewhere(binlog, opened, monkeypatch):
    monkeypatch.setattr(shipping, "FORGET_EVERY", 7)
    opened["slow"].gate.clear()
    for _ in range(7):
        await binlog.ship()
        await copied("near")
    assert opened["local"].forgotten == ["s1", "s2"]
    opened["slow"].gate.set()
    await copied("slow")
    assert opened["slow"].held == ["s1"], "what it was given has not changed meanwhile"


async def test_secondary_ones_get_their_shipments_though_the_primary_one_is_gone(binlog, opened):
    opened["local"].trouble = TemporaryError("It is gone.")
    with pytest.raises(TemporaryError, match="It is gone"):
        await binlog.ship()
    await copied("near")
    assert opened["near"].held == ["s1"] and [one.name for one in binlog.shipments() if one.trouble] == ["local"]


async def test_nothing_is_left_of_a_repository_that_is_not_known_any_more(binlog, kept, tmp_path):
    await binlog.ship()
    await copied("slow")
    folder = Paths(tmp_path).state / "backup/logs-copies"
    assert sorted(path.name for path in folder.iterdir()) == ["near", "slow"]
    kept.remove("slow")
    await binlog.ship()
    await copied("near")
    assert [path.name for path in folder.iterdir()] == ["near"]


async def test_changes_in_databases_of_which_there_is_no_backup_are_at_risk(binlog, tenures, monkeypatch):
    clock = [time.time()]
    monkeypatch.setattr(shipping.time, "time", lambda: clock[0])
    tenures.follow({"s1/dc1": 3, "proof-1/dc1": 4})
    clock[0] += 3600
    await binlog.ship()
    local, near, _ = binlog.shipments()
    assert local.late and "What serves s1 now is in no backup there yet" in local.trouble
    tenures.cover({"s1/dc1": 3}, (0, 0), "local")
    covered, uncovered, _ = binlog.shipments()
    assert not covered.trouble and covered.behind < local.behind and uncovered.trouble == near.trouble
