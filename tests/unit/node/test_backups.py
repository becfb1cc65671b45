"""A restoration that does not come to answer leaves everything as it was."""

from dataclasses import replace

import pytest

from aloft.base.errors import PermanentError, TemporaryError
from aloft.base.paths import Paths
from aloft.controller.context import Slot
from aloft.controller.spec import ControllerSpec
from aloft.daytwo.repositories import Repositories
from aloft.node.backups import Backups
from aloft.node.jobs import JobRequest, Work
from aloft.node.registry import Record, Registry

SPEC = ControllerSpec(customer="acme", region="dc1", release="2026.2", domain="aloft.internal")


class Controllers:
    """Controllers that take over at once, and answer unless they are told not to."""

    def __init__(self, registry):
        self.registry = registry
        self.silent: set[int] = set()
        self.dropped: list[str] = []

    async def take_over(self, record):
        former = self.registry.get(record.spec.key)
        self.registry.put(record)
        return former

    async def settled(self, key):
        if self.registry.get(key).slot in self.silent:
            raise TemporaryError("It does not answer.")

    async def drop(self, key):
        self.dropped.append(key)
        self.registry.forget(key)


class Pool:
    """A pool that remembers what was taken apart."""

    def __init__(self, paths):
        self.paths = paths
        self.dismantled: list[int] = []

    def slot(self, number):
        return Slot(number, self.paths)

    async def dismantle(self, number):
        self.dismantled.append(number)


class Broker:
    """A broker that remembers which users were removed."""

    def __init__(self):
        self.deleted: list[str] = []

    async def delete_user(self, name):
        self.deleted.append(name)


@pytest.fixture
def parts(tmp_path):
    paths = Paths(tmp_path)
    registry = Registry(paths)
    controllers, pool, broker = Controllers(registry), Pool(paths), Broker()
    subject = Backups(paths, controllers, registry, pool, None, broker, Repositories(paths), None, tmp_path)
    return subject, registry, controllers, pool, broker


async def test_what_served_before_is_returned_when_all_goes_well(parts):
    subject, registry, _, pool, _ = parts
    registry.put(Record(SPEC, 1))
    formers = await subject._switch([Record(SPEC, 7)], repair=False)
    assert [former.slot for former in formers] == [1]
    assert registry.get(SPEC.key).slot == 7
    assert pool.dismantled == []


async def test_what_served_before_serves_again(parts):
    subject, registry, controllers, pool, broker = parts
    registry.put(Record(SPEC, 1))
    controllers.silent = {7}
    with pytest.raises(TemporaryError):
        await subject._switch([Record(SPEC, 7, hosts={"h1": ("hypervisor",)})], repair=False)
    assert registry.get(SPEC.key).slot == 1
    assert (pool.dismantled, broker.deleted) == ([7], ["s7-host-h1"])


async def test_a_customer_that_was_gone_is_gone_again(parts):
    subject, registry, controllers, _, _ = parts
    controllers.silent = {7, 8}
    further = replace(Record(SPEC, 8), spec=SPEC.model_copy(update={"region": "dc2", "identity": False}))
    with pytest.raises(TemporaryError):
        await subject._switch([Record(SPEC, 7), further], repair=False)
    assert registry.all() == ()
    assert controllers.dropped == ["acme/dc2", "acme/dc1"], "the region with Keystone goes last"


async def test_a_backup_needs_room(parts, monkeypatch):
    subject, registry, _, _, _ = parts
    registry.put(Record(SPEC, 1))
    monkeypatch.setattr("aloft.node.backups.ROOM_BYTES", 1 << 60)
    monkeypatch.setattr(registry, "prepared", lambda number: True)
    work = Work("a" * 32, JobRequest(kind="backup", customer="acme", arguments={"records": {}}), lambda: None)
    with pytest.raises(PermanentError, match="Free some space"):
        await subject.backup(work)
