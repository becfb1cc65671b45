"""What comes from another node is served whole or goes again, whoever is killed or loses sight of whom."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from aloft.base.errors import NotFound, TemporaryError
from aloft.base.paths import Paths
from aloft.controller.spec import ControllerSpec
from aloft.node import arrivals
from aloft.node.arrivals import Arrivals, State
from aloft.node.jobs import JobRequest, Jobs
from aloft.node.registry import Record, Registry

MOVE = "a" * 32
SPEC = ControllerSpec(customer="acme", region="dc1", release="2026.2", domain="aloft.internal")
FURTHER = SPEC.model_copy(update={"region": "dc2", "identity": False})


class Node:
    """The node that a customer comes to, in short: its registry and its jobs lie on the disk."""

    def __init__(self, root: Path) -> None:
        self.paths = Paths(root)
        self.dropped: list[str] = []
        self.gone = asyncio.Event()
        self.asked: list[tuple[str, str]] = []
        self.answers: list[bool | Exception] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.start()

    def start(self) -> None:
        self.registry = Registry(self.paths)
        parts: dict[str, Any] = {"controllers": self, "pool": None, "database": self, "backups": self}
        self.arrivals = Arrivals(self.paths, registry=self.registry, moves=self.moves, end=self.end, **parts)
        self.jobs = Jobs(self.paths, {"arrive": self.arrivals.arrive})

    # what it is made of

    async def drop(self, key: str) -> None:
        self.registry.forget(key)
        self.dropped.append(key)
        if not self.registry.all():
            self.gone.set()

    async def publish_names(self) -> None:
        pass

    async def run_beside(self, record: Record) -> None:
        self.registry.put(record)

    async def compare_lists(self, record: Record, advice: str) -> int:
        await self.gate.wait()
        return 1

    async def log_end(self) -> tuple[str, int]:
        return "log", 4

    def check_place(self, customer: str, manifest: object) -> None:
        pass

    async def fill(self, work: object, folder: Path, manifest: object, customer: str) -> list[Record]:
        return [Record(SPEC, 1), Record(FURTHER, 2)]

    async def moves(self, origin: str, ident: str) -> bool:
        self.asked.append((origin, ident))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def end(self, ident: str) -> None:
        await self.jobs.forget(ident)

    # what is looked at

    async def arrive(self) -> None:
        self.jobs.put(MOVE, JobRequest(kind="arrive", customer="acme", arguments={"from": "one"}))
        while (told := self.jobs.status(MOVE)).state == "running":
            await self.jobs.wait(MOVE, told.revision, 10)
        assert told.state == "succeeded", told.error

    @property
    def state(self) -> State:
        return self.arrivals.state(MOVE, "acme")

    @property
    def present(self) -> list[str]:
        return [one.spec.region for one in self.registry.all()]


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Node:
    monkeypatch.setattr("aloft.daytwo.metadata.verify", lambda folder: None)
    monkeypatch.setattr(arrivals, "LOOK_SECONDS", 0.0)
    return Node(tmp_path)


async def test_one_that_is_served_stays_after_a_start(node: Node) -> None:
    await node.arrive()
    assert node.state == "arriving" and all(one.arriving == "one" for one in node.registry.all())
    await node.arrivals.serve(MOVE)
    node.start()
    await node.arrivals.sweep()
    assert node.state == "serving" and node.present == ["dc1", "dc2"]


async def test_one_that_was_not_served_is_gone_after_a_start_with_its_job(node: Node) -> None:
    await node.arrive()
    node.start()
    assert node.state == "unknown", "whoever asks before it is removed must not be told that it is served"
    await node.arrivals.sweep()
    node.jobs.resume()
    assert node.state == "unknown" and node.present == []
    with pytest.raises(NotFound):
        node.jobs.status(MOVE)


async def test_killed_between_two_regions_that_begin_to_be_served_it_serves_both(node: Node) -> None:
    await node.arrive()
    node.registry.put(replace(node.registry.present("acme/dc1"), arriving=""))
    node.start()
    assert node.state == "serving", "the other node must not go on serving"
    await node.arrivals.sweep()
    assert node.present == ["dc1", "dc2"] and not any(one.arriving for one in node.registry.all())


async def test_what_comes_goes_once_its_move_has_ended_without_it(node: Node) -> None:
    await node.arrive()
    node.answers = [True, TemporaryError("The node one does not answer."), False]
    keeping = asyncio.create_task(node.arrivals.keep())
    await asyncio.wait_for(node.gone.wait(), 10)
    keeping.cancel()
    assert node.asked == [("one", MOVE)] * 3 and node.state == "unknown"


async def test_what_is_being_started_ends_once_its_move_has_ended(node: Node) -> None:
    node.gate.clear()
    node.answers = [False]
    arriving, keeping = asyncio.create_task(node.arrive()), asyncio.create_task(node.arrivals.keep())
    await asyncio.wait_for(node.gone.wait(), 10)
    with pytest.raises(NotFound):
        await arriving
    keeping.cancel()
    assert node.state == "unknown" and node.present == []


async def test_what_comes_from_who_is_no_peer_any_more_goes(node: Node) -> None:
    await node.arrive()
    node.answers = [NotFound("This node has no peer 'one'.")]
    keeping = asyncio.create_task(node.arrivals.keep())
    await asyncio.wait_for(node.gone.wait(), 10)
    keeping.cancel()
    assert node.dropped == ["acme/dc2", "acme/dc1"], "the one with Keystone goes last"


async def test_what_was_served_is_asked_about_no_more(node: Node) -> None:
    await node.arrive()
    await node.arrivals.serve(MOVE)
    keeping = asyncio.create_task(node.arrivals.keep())
    for _ in range(20):
        await asyncio.sleep(0)
    keeping.cancel()
    assert node.asked == [] and node.present == ["dc1", "dc2"]
