"""What customers decided is kept on the node's disk, and their logs hold no more than they want."""

import time
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from aloft.base.errors import InvalidInput
from aloft.base.paths import Paths
from aloft.controller.rules import AccessRules, CustomerRules
from aloft.controller.spec import ControllerSpec
from aloft.node import rules_api
from aloft.node.registry import Record, Registry
from aloft.node.rules import Rules

DAY = 86_400.0
NOW = time.time()


def _line(days: float) -> str:
    return f"{time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(NOW - days * DAY))} {days} days ago\n"


@pytest.fixture
def paths(tmp_path) -> Paths:
    return Paths(tmp_path)


@pytest.fixture
def rules(paths) -> Rules:
    """Two customers' controllers, the first with a slot that is kept since an upgrade; each with a log."""
    registry = Registry(paths)
    former = {"record": Record(_spec("acme"), 2).told()}
    registry.put(Record(_spec("acme"), 1, kept=former))
    registry.put(Record(_spec("bolt"), 3))
    for number in (1, 2, 3):
        paths.slot_log(number).mkdir(parents=True)
        (paths.slot_log(number) / "nova-api.log").write_text(_line(20) + _line(1))
    return Rules(paths, registry)


def _spec(customer: str) -> ControllerSpec:
    return ControllerSpec(customer=customer, region="dc1", release="2026.2", domain="aloft.internal")


def _held(paths: Paths, number: int) -> str:
    return "".join(path.read_text() for path in sorted(paths.slot_log(number).glob("nova-api.log*"), reverse=True))


@pytest.fixture
async def node(rules) -> AsyncIterator[httpx.AsyncClient]:
    async def publish() -> None:
        node.published += 1

    app = FastAPI()
    rules_api.add(app, rules, publish)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://node") as node:
        node.published = 0
        yield node


async def test_how_long_logs_are_kept_holds_when_it_is_set(node, paths):
    answer = await node.put("/v1/rules/acme", json={"log_days": 7})
    assert answer.status_code == 200 and node.published == 0, "the edge has nothing to do with it"
    assert "20 days" not in _held(paths, 1) + _held(paths, 2) and "1 days" in _held(paths, 1)
    assert _held(paths, 3) == _line(20) + _line(1), "it is another customer's"
    assert (await node.get("/v1/rules")).json()["acme"]["log_days"] == 7


async def test_networks_are_brought_about_before_the_answer(node, paths):
    await node.put("/v1/rules/bolt", json={"access": {"api": ["192.0.2.0/24"]}})
    assert node.published == 1
    assert (await node.delete("/v1/rules/bolt")).status_code == 204 and node.published == 2


def test_rules_outlive_the_node(rules, paths):
    rules.put("acme", CustomerRules(access=AccessRules(api=("192.0.2.0/24",)), log_days=3))
    assert Rules(paths, Registry(paths)).get("acme").log_days == 3
    rules.forget("acme")
    assert Rules(paths, Registry(paths)).all() == {}
    with pytest.raises(InvalidInput):
        rules.put("../other", CustomerRules())
