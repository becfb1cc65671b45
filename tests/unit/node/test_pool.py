"""Slots are made only where the disk has room for them."""

import asyncio
import shutil
from types import SimpleNamespace

import pytest

from aloft.base.errors import PermanentError
from aloft.base.paths import Paths
from aloft.controller.spec import ControllerSpec
from aloft.node import pool as module
from aloft.node.pool import LEAST_FREE_BYTES, Pool
from aloft.node.registry import Record, Registry

SPEC = ControllerSpec(customer="acme", region="dc1", release="2026.2", domain="aloft.internal", pins="p")


@pytest.fixture
def disk(monkeypatch):
    """A disk whose free space a test says."""
    told = SimpleNamespace(total=1 << 40, used=0, free=LEAST_FREE_BYTES)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: told)
    return told


@pytest.fixture
def pool(tmp_path):
    return Pool(Paths(tmp_path), Registry(Paths(tmp_path)), None, None, 0, 1, "2026.2")


def test_a_slot_is_given_while_there_is_room(pool, disk):
    assert pool.take("2026.2") == 1


async def test_none_is_given_or_filled_on_a_disk_that_is_nearly_full(pool, disk, tmp_path):
    disk.free = LEAST_FREE_BYTES - 1
    with pytest.raises(PermanentError, match="1023 MiB free, and 1024 MiB are needed"):
        pool.take("2026.2")
    with pytest.raises(PermanentError, match="Free some space"):
        await pool.fill(Record(SPEC), tmp_path, None)
    assert not pool._registry.slots()


async def test_warm_slots_are_made_when_there_is_room_again(pool, disk, monkeypatch):
    disk.free, made, tried = 0, asyncio.Event(), asyncio.Event()

    async def ensure(number, release):
        made.set()
        await asyncio.Event().wait()

    async def pause(seconds):
        disk.free = LEAST_FREE_BYTES
        tried.set()

    monkeypatch.setattr(pool, "ensure", ensure)
    monkeypatch.setattr(module.asyncio, "sleep", pause)
    keeping = asyncio.create_task(pool.keep_warm())
    async with asyncio.timeout(10):
        await made.wait()
    assert tried.is_set()
    keeping.cancel()
