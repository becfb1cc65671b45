"""Requests that write are held for a switch only once none is being answered any more."""

from types import SimpleNamespace

import pytest

from aloft.base.errors import Conflict
from aloft.controller.spec import ControllerSpec
from aloft.node import switches
from aloft.node.registry import Record
from aloft.node.switches import ATTEMPTS, Switches

FORMER = Record(ControllerSpec(customer="acme", region="dc1", release="2026.1", domain="aloft.internal"), 4)


class Edge:
    """An edge, and a controller behind it that goes on answering some requests.

    Args:
        slow: for each look at what writes, the streams that had no answer in time.
    """

    def __init__(self, *slow):
        self.slow = list(slow)
        self.done = []

    async def hold(self, key, how):
        self.done.append(how or "let go")

    async def settle(self, slot, within, *, writes=False, among=None):
        assert slot == 4
        if writes:
            return frozenset(self.slow.pop(0) if self.slow else ())
        self.done.append(f"wait for {' '.join(sorted(among))}")
        return frozenset()

    async def unfinished(self, slot):
        return []


@pytest.fixture(autouse=True)
def hasty(monkeypatch):
    monkeypatch.setattr(switches, "PAUSE_SECONDS", 0)


async def hold(edge):
    pool = SimpleNamespace(slot=lambda number: SimpleNamespace(number=number))
    return await Switches(edge, None, pool, None, edge, edge).hold([FORMER])


async def test_what_ends_soon_is_waited_for_with_all_else_held():
    edge = Edge()
    await hold(edge)
    assert edge.done == ["outside", "all"]


async def test_a_slow_request_that_writes_has_the_hold_begun_again_when_it_has_ended():
    edge = Edge(["0x1"])
    await hold(edge)
    assert edge.done == ["outside", "let go", "wait for 0x1", "outside", "all"]


async def test_a_slow_request_of_another_service_has_it_begun_again_too():
    edge = Edge([], ["0x2"])
    await hold(edge)
    assert edge.done == ["outside", "all", "let go", "wait for 0x2", "outside", "all"]


async def test_requests_that_never_end_are_told_and_nothing_stays_held():
    edge = Edge(*[["0x1"]] * 99)
    with pytest.raises(Conflict, match="requests that write to acme/dc1"):
        await hold(edge)
    assert edge.done.count("outside") == ATTEMPTS and edge.done[-2:] == ["let go", "wait for 0x1"]
