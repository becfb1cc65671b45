"""Who serves a customer that moves is what the other node says, whoever is killed when."""

import contextlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from aloft.base.errors import Conflict, PermanentError, TemporaryError
from aloft.base.paths import Paths
from aloft.controller.context import Slot
from aloft.controller.spec import ControllerSpec
from aloft.node import handover
from aloft.node.handover import Handed, Handover
from aloft.node.jobs import JobRequest, Work
from aloft.node.registry import Record, Registry

SPEC = ControllerSpec(customer="acme", region="dc1", release="2026.2", domain="aloft.internal")
FURTHER = SPEC.model_copy(update={"region": "dc2", "identity": False})


class Killed(BaseException):
    """The node is gone from one moment to the next."""


class Other:
    """The node to which it moves."""

    def __init__(self) -> None:
        self.serves = False
        self.deaf = 0
        self.refuses = False
        self.called_off = 0

    async def serve(self, ident: str) -> None:
        if self.refuses:
            raise TemporaryError("The node two does not answer.")
        self.serves = True

    async def state(self, ident: str, customer: str) -> str:
        if self.deaf:
            self.deaf -= 1
            raise TemporaryError("The node two does not answer.")
        return "serving" if self.serves else "arriving"

    async def call_off(self, ident: str) -> None:
        self.called_off += 1


class Node:
    """The node that it leaves, in short: its registry lies on the disk."""

    def __init__(self, root: Path, other: Other, monkeypatch: pytest.MonkeyPatch) -> None:
        self.paths, self.other = Paths(root), other
        self.registry = Registry(self.paths)
        self.journal: dict[str, Any] = {}
        self.done: list[str] = []
        self.killed_at = ""
        for number, spec in ((1, SPEC), (2, FURTHER)):
            self.slot(number).state.mkdir(parents=True)
            self.registry.mark(self.slot(number), spec.release, "held")
            self.registry.put(Record(spec, number))
        monkeypatch.setattr(handover, "AGAIN_SECONDS", 0.0)

    def _do(self, what: str) -> None:
        if what == self.killed_at:
            raise Killed
        self.done.append(what)

    def slot(self, number: int) -> Slot:
        return Slot(number, self.paths)

    async def hold(self, key: str, how: str) -> None:
        self._do(f"hold {key} {how or 'nothing'}")

    async def let_go(self, key: str) -> None:
        self._do(f"let go {key}")
        self.registry.forget(key)

    async def retire(self, record: Record) -> None:
        self._do(f"retire {record.slot}")

    async def discard(self, record: Record) -> None:
        self._do(f"discard {record.slot}")

    @contextlib.asynccontextmanager
    async def reach(self, name: str) -> Any:
        yield self.other

    @contextlib.asynccontextmanager
    async def frozen(self, records: list[Record]) -> Any:
        yield
        self.done.append("thawed")

    async def refresh(self, name: str) -> None:
        self._do("refresh")

    def keep(self, journal: Any) -> None:
        self._do("note")
        self.journal = dict(journal)

    async def move(self) -> Any:
        request = JobRequest(kind="move", customer="acme", arguments={"to": "two"})
        work = Work("a" * 32, request, lambda: None, self.journal, self.keep)
        moving = Handover(
            self.paths, "one", self, self.registry, self, None, self, self, None, None, self.reach, self.refresh
        )  # type: ignore[arg-type]  # as much of them as is needed

        async def part(*_: object) -> Any:
            return None

        for name in ("_prepare", "_send_last"):
            setattr(moving, name, part)
        moving._frozen = self.frozen  # type: ignore[method-assign]
        moving._switches = _Switches(self)  # type: ignore[assignment]
        return await moving.move(work)

    def start_anew(self) -> None:
        self.killed_at = ""
        self.registry = Registry(self.paths)


class _Switches:
    def __init__(self, node: Node) -> None:
        self._node = node

    async def quiet(self, work: Work, records: list[Record]) -> None:
        pass

    async def hold(self, records: list[Record]) -> float:
        self._node._do("hold all")
        return 0.0

    async def retire(self, record: Record) -> None:
        await self._node.retire(record)


@pytest.fixture
def other() -> Other:
    return Other()


@pytest.fixture
def node(tmp_path: Path, other: Other, monkeypatch: pytest.MonkeyPatch) -> Node:
    return Node(tmp_path, other, monkeypatch)


def serving(node: Node) -> list[str]:
    return [record.spec.region for record in node.registry.all()]


async def test_it_is_let_go_before_it_is_stopped(node: Node, other: Other) -> None:
    told = await node.move()
    assert other.serves and serving(node) == []
    assert told["node"] == "two" and set(told["specifications"]) == {"dc1", "dc2"}
    order = ["hold all", "note", "refresh", "let go acme/dc1", "let go acme/dc2", "retire 1", "retire 2", "thawed"]
    order.append("discard 1")
    assert [one for one in node.done if one in order] == order


async def test_one_that_cannot_be_reached_for_the_call_leaves_all_as_it_was(node: Node, other: Other) -> None:
    other.refuses = True
    with pytest.raises(PermanentError, match="nothing has changed"):
        await node.move()
    assert serving(node) == ["dc1", "dc2"] and not any(one.leaving for one in node.registry.all())
    assert other.called_off and node.journal == {}
    assert {"hold acme/dc1 nothing", "hold acme/dc2 nothing"} <= set(node.done)


async def test_writes_wait_until_the_other_says_who_serves(node: Node, other: Other) -> None:
    other.deaf = 3
    await node.move()
    assert other.serves and serving(node) == []


@pytest.mark.parametrize("at", ["note", "refresh", "let go acme/dc1", "let go acme/dc2", "retire 1", "discard 2"])
async def test_killed_after_the_last_rows_were_sent_it_ends_as_the_other_node_says(
    node: Node, other: Other, at: str
) -> None:
    node.killed_at = at
    with pytest.raises(Killed):
        await node.move()
    node.start_anew()
    if at == "note":  # nothing was asked of the other yet, and writes have to go on
        assert not other.serves and not any(one.leaving for one in node.registry.all())
    told = await node.move()
    assert told["node"] == "two" and other.serves and serving(node) == []
    assert node.done.count("discard 1") >= 1 and "discard 2" in node.done


async def test_killed_before_the_call_was_heard_it_goes_on_here(node: Node, other: Other) -> None:
    handed = Handed(to="two", records=tuple(one.told() for one in node.registry.all()), held=1.0)
    for record in node.registry.all():
        node.registry.put(replace(record, leaving="two"))
    node.journal = handed.model_dump(mode="json")
    with pytest.raises(PermanentError, match="does not serve"):
        await node.move()
    assert serving(node) == ["dc1", "dc2"] and not any(one.leaving for one in node.registry.all())
    assert other.called_off == 1 or other.called_off == 2


@pytest.mark.parametrize(
    ("change", "match"),
    [({"kept": {"record": {"slot": 9}}}, "neither finished nor rolled back"), ({"arriving": "three"}, "on its way")],
)
async def test_what_cannot_be_moved_as_it_is_stays(
    node: Node, other: Other, change: dict[str, Any], match: str
) -> None:
    node.registry.put(replace(node.registry.present("acme/dc1"), **change))
    with pytest.raises(Conflict, match=match):
        await node.move()
    assert serving(node) == ["dc1", "dc2"] and not other.called_off
