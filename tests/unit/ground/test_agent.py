"""How the agent takes the plane's word, and how long it waits after a failure."""

import asyncio
import json
import logging

import pytest

from aloft.base.errors import Forbidden, TemporaryError
from aloft.base.paths import Paths
from aloft.ground import agent
from aloft.ground.agent import Agent
from aloft.ground.layout import Layout
from aloft.ground.roles.model import Farewell, Trace
from aloft.ground.store import Identity, Store

from .conftest import STATE

IDENTITY = Identity(
    host="host-1", customer="demo", region="demo-1", agent_url="https://agent.demo-1:8443", edge_host="plane.example"
)


@pytest.fixture
def layout(tmp_path):
    return Layout.of(Paths(tmp_path))


async def test_the_planes_word_is_kept_for_when_it_is_out_of_reach(layout):
    assert Agent(layout, IDENTITY)._take(STATE, 0) == 3
    assert Store(layout).desired().roles == ("hypervisor", "network", "image-library")
    assert (layout.state / "desired.json").stat().st_mode & 0o077 == 0


async def test_a_word_that_cannot_be_understood_changes_nothing_and_shows_no_secret(layout, caplog):
    one = Agent(layout, IDENTITY)
    one._take(STATE, 0)
    broken = json.loads(json.dumps(STATE))
    broken["generation"] = 4
    broken["settings"]["amqp"] = {"password": "hush-hush"}
    with caplog.at_level(logging.DEBUG):
        assert one._take(broken, 3) == 4
    assert "amqp" in caplog.text
    assert "hush-hush" not in caplog.text
    assert Store(layout).desired().generation == 3


def test_waits_grow_and_have_a_bound():
    pauses = [agent._pause(TemporaryError("no"), failures) for failures in range(1, 200)]
    assert 0 < pauses[0] <= 1
    assert max(pauses) <= agent._LONGEST_PAUSE
    assert 10 < agent._pause(Forbidden("no"), 1) < 30
    # a host that was deleted does not ask for ever as if somebody waited for it
    assert agent._pause(Forbidden("no"), agent._STRANGER_AFTER + 1) > 300


def test_what_roles_leave_survives_the_agent(layout):
    layout.state.mkdir(parents=True)
    store = Store(layout)
    assert store.applied() == {}
    farewell = Farewell((("/bin/one", "a"), ("/bin/two",)))
    trace = Trace((farewell,), ("libvirtd.service",), wired=True)
    store.keep_applied({"network": trace})
    assert store.applied() == {"network": trace}


def test_the_edges_port_comes_from_the_url():
    assert (IDENTITY.agent_name, IDENTITY.edge_port) == ("agent.demo-1", 8443)


async def test_a_poll_that_waits_in_a_dead_connection_is_given_up_when_a_report_has_come_through(layout):
    one = Agent(layout, IDENTITY)

    class Dead:
        async def state(self, known):
            await asyncio.Event().wait()

    heard = asyncio.create_task(one._hear(Dead(), 3))
    await asyncio.sleep(0)
    one._back.set()
    assert await heard == {}


async def test_a_poll_that_is_answered_or_fails_says_so(layout):
    one = Agent(layout, IDENTITY)

    class Plane:
        async def state(self, known):
            if known == 3:
                raise TemporaryError("away")
            return {"generation": known + 1}

    assert await one._hear(Plane(), 1) == {"generation": 2}
    with pytest.raises(TemporaryError):
        await one._hear(Plane(), 3)


def test_a_failure_of_the_link_is_logged_once_until_it_is_another(layout, caplog):
    one = Agent(layout, IDENTITY)
    for text in ("away", "away", "away", "refused"):
        one._complain(TemporaryError(text))
    assert [record.getMessage() for record in caplog.records] == ["away Trying again.", "refused Trying again."]


async def test_the_places_that_the_plane_tells_are_tried_in_turn(layout):
    one = Agent(layout, IDENTITY)
    assert one._place(3) == ("plane.example", 8443)
    others = [{"host": "198.51.100.7", "port": 443}]
    edge = {**STATE["settings"]["edge"], "others": others}
    one._take({**STATE, "settings": {**STATE["settings"], "edge": edge}}, 0)
    tried = [one._place(failures) for failures in range(4)]
    assert tried == [(edge["host"], edge["port"]), ("198.51.100.7", 443), ("plane.example", 8443), tried[0]]
    again = Agent(layout, IDENTITY)
    assert again._place(1) == ("198.51.100.7", 443), "they are known to the next agent, too"
