"""What the node does when it is told again, or told otherwise, while it is at work on a controller."""

import asyncio
from dataclasses import replace

import pytest

from aloft.base.errors import NotFound
from aloft.base.paths import Paths
from aloft.controller.context import Slot
from aloft.controller.spec import ControllerSpec
from aloft.node import controllers as module
from aloft.node.controllers import Controllers
from aloft.node.registry import Record, Registry
from aloft.node.settings import NodeSettings

SPEC = ControllerSpec(customer="acme", region="dc1", release="2026.2", domain="aloft.internal")


class Pool:
    """A pool whose slots are ready at once, and whose dismantling can be held up."""

    def __init__(self):
        self.held = asyncio.Event()
        self.dismantled = []
        self.began = asyncio.Event()
        self.idle = asyncio.Event()
        self.builds = 0

    def begin_build(self):
        self.builds += 1
        self.began.set()

    def end_build(self):
        if self.dismantled:
            self.idle.set()

    def take(self, release):
        return 1

    def slot(self, number):
        return Slot(number, Paths())

    async def ensure(self, number, release):
        await asyncio.sleep(3600)

    async def dismantle(self, number):
        await self.held.wait()
        self.dismantled.append(number)


class Supervisor:
    """A supervisor that has nothing to stop."""

    async def remove(self, group, within=None):
        pass


@pytest.fixture
async def node(tmp_path, monkeypatch):
    pool = Pool()

    async def nothing(*_):
        pass

    subject = Controllers(
        Paths(tmp_path), NodeSettings(), Registry(Paths(tmp_path)), pool, Supervisor(), nothing, nothing, tmp_path, list
    )
    monkeypatch.setattr(module.processes, "endpoints", lambda *_: {})
    monkeypatch.setattr(subject, "context", lambda key: None)
    yield subject, pool
    for progress in subject._progress.values():
        if progress.task:
            progress.task.cancel()


async def test_being_asked_again_does_not_start_over(node):
    subject, pool = node
    subject.put(SPEC)
    await pool.began.wait()
    subject.put(SPEC)
    await asyncio.sleep(0)
    assert pool.builds == 1


async def test_deleting_again_and_again_does_not_keep_it_from_ending(node):
    subject, pool = node
    subject.put(SPEC)
    subject.delete(SPEC.key)
    for _ in range(20):
        subject.delete(SPEC.key)
        await asyncio.sleep(0)
    pool.held.set()
    await asyncio.wait_for(pool.idle.wait(), 5)
    assert subject.keys() == ()
    assert pool.dismantled == [1]


async def test_deleting_ends_a_creation_under_way(node):
    subject, pool = node
    subject.put(SPEC)
    await pool.began.wait()
    pool.held.set()
    subject.delete(SPEC.key)
    assert subject.status(SPEC.key).phase == "deleting"
    await asyncio.wait_for(pool.idle.wait(), 5)
    assert subject.keys() == ()


async def test_a_controller_whose_slot_is_not_prepared_is_told_of_and_gets_no_secrets_yet(node, tmp_path):
    subject, _ = node
    assert subject.put(SPEC).endpoints == {}
    with pytest.raises(NotFound, match="not prepared"):
        Controllers.context(subject, SPEC.key)
    assert not (Paths(tmp_path).slot_state(1) / "secrets.json").exists()


async def test_in_a_switch_nothing_is_written_until_the_names_lead_to_the_new_slot(node, monkeypatch):
    subject, _ = node
    registry, seen = subject._registry, []
    registry.put(Record(SPEC, slot=1))

    async def nothing(record):
        pass

    async def publish():
        seen.append((subject._held[SPEC.key], registry.get(SPEC.key).slot))

    monkeypatch.setattr(subject, "run_unseen", nothing)
    monkeypatch.setattr(subject, "publish_names", publish)
    monkeypatch.setattr(subject, "_begin", lambda key: None)
    await subject.take_over(Record(SPEC, slot=2))
    assert seen == [("all", 1), ("", 2)]


async def test_a_host_that_was_removed_after_a_backup_is_not_let_in_again_by_restoring_it(node, monkeypatch):
    subject, _ = node
    registry = subject._registry
    backed_up = Record(SPEC, slot=1).with_grant("h1", ("hypervisor",), "0a")
    registry.put(backed_up.without_grant("h1"))
    monkeypatch.setattr(subject, "_begin", lambda key: None)
    await subject.lead_to(replace(backed_up, slot=2))
    assert registry.present(SPEC.key) == Record(SPEC, slot=2, revoked=("0a",))
