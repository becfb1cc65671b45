"""The plane's records go with the binary logs, and a restore to the latest moment takes them."""

import json

import pytest

from aloft.base.errors import InvalidInput
from aloft.base.paths import Paths
from aloft.daytwo.metadata import brought_forward, hosts_of
from aloft.daytwo.repositories import Repositories
from aloft.daytwo.restic import Snapshot
from aloft.node.binlog import RECORDS, Binlog
from aloft.node.registry import Registry

OLD = {"region": [{"id": "r"}], "host": [{"id": "a"}], "audit": [{"id": 1}]}
NEW = {"region": [{"id": "r"}], "host": [{"id": "a"}, {"id": "b"}]}


class Restic:
    """A repository that keeps what a shipment holds."""

    def __init__(self, repository):
        self.repository = repository
        self.held = {}

    async def ensure(self):
        pass

    async def backup(self, folder, tags):
        self.held = {f"/{path.relative_to(folder)}": path.read_text() for path in folder.rglob("*") if path.is_file()}
        return "s", {}

    async def snapshots(self, tags):
        return [Snapshot("s", "2026-01-01T00:00:00+00:00", tags)] if self.held else []

    async def names(self, snapshot):
        return list(self.held)

    async def read(self, snapshot, path):
        return self.held[path]


class Database:
    """A MariaDB that has no complete log."""

    async def execute(self, schema, statements):
        return [("binlog.000001", 0)]


@pytest.fixture
def served():
    return {"acme", "bolt"}


@pytest.fixture
def binlog(tmp_path, served, monkeypatch):
    paths = Paths(tmp_path)
    repositories = Repositories(paths)
    restic = Restic(repositories.primary())
    monkeypatch.setattr(repositories, "open", lambda repository: restic)
    monkeypatch.setattr("aloft.node.mariadb.data_folder", lambda paths: tmp_path)
    return Binlog(paths, Database(), repositories, lambda: served, Registry(paths).tenures)


async def test_records_are_shipped_as_they_are_at_that_time(binlog):
    binlog.keep_records("acme", OLD)
    await binlog.ship()
    assert await binlog.records("local", binlog.server, "acme") == OLD
    binlog.keep_records("acme", NEW)
    await binlog.ship()
    assert await binlog.records("local", binlog.server, "acme") == NEW
    assert await binlog.records("local", binlog.server, "bolt") is None


async def test_a_shipment_names_the_customers_by_their_ids(binlog):
    binlog.keep_records("acme", {**OLD, "customer": [{"id": "c1", "name": "acme"}]})
    await binlog.ship()
    opened = binlog._repositories.open(None)
    assert await binlog.customers_in(opened) == {"acme": "c1", "bolt": ""}


async def test_those_of_a_customer_that_is_no_more_are_not_kept(binlog, served, tmp_path):
    binlog.keep_records("acme", OLD)
    binlog.keep_records("bolt", NEW)
    await binlog.ship()
    served.remove("acme")
    await binlog.ship()
    assert await binlog.records("local", binlog.server, "acme") is None
    kept = [path for path in tmp_path.rglob(f"{RECORDS}/*.json") if path.stem == "acme"]
    assert kept == []


def test_only_a_customer_has_records(binlog):
    with pytest.raises(InvalidInput, match="cannot be a customer's name"):
        binlog.keep_records("../acme", OLD)


def test_a_backups_records_are_brought_forward():
    assert brought_forward(OLD, NEW) == {**NEW, "audit": [{"id": 1}]}
    assert brought_forward(OLD, {}) == OLD


def test_they_stay_where_the_regions_are_others():
    assert brought_forward(OLD, json.loads(json.dumps(NEW).replace('"r"', '"other"'))) == OLD


def test_a_regions_hosts_are_told_from_its_customers_records():
    rows = {"region": [{"id": "r", "name": "dc1"}, {"id": "s", "name": "dc2"}]}
    hosts = [{"region_id": "r", "name": "h1"}, {"region_id": "s", "name": "h2"}]
    assert hosts_of({**rows, "host": hosts}, "dc1") == {"h1"}
    assert hosts_of({**rows, "host": hosts}, "dc3") == hosts_of({}, "dc1") == frozenset()
