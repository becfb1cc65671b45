"""A node in short, all of which lies on the disk, so that it can be killed at any of its doings and begin again.

Its customer writes something before each doing, also while the node is gone: to where the edge leads, unless that has
requests wait. What was written and answered must be there in the end.
"""

import asyncio
import contextlib
import json
import os
import shutil
import traceback
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace

from aloft.base.errors import TemporaryError
from aloft.base.paths import Paths
from aloft.controller.context import Slot
from aloft.controller.spec import ControllerSpec
from aloft.node.jobs import JobRequest, Jobs
from aloft.node.moves import held
from aloft.node.registry import Record, Registry

SPEC = ControllerSpec(customer="acme", region="dc1", release="2026.1", domain="aloft.internal", pins="p")
KEY, JOB, KILLED = SPEC.key, "a" * 32, 9


class World(SimpleNamespace):
    """What outlives the node: rows by slot, where the edge leads and whether it has writes wait, what runs.

    Args:
        file: where it lies.
    """

    def __init__(self, file: Path) -> None:
        super().__init__(rows={}, leads="", waits=False, runs=[], barred=[], answered=[], failed=[], silent=[])
        self.__dict__.update(json.loads(file.read_text()) if file.exists() else {})
        self._file = file

    def save(self) -> None:
        told = {name: value for name, value in self.__dict__.items() if name != "_file"}
        self._file.write_text(json.dumps(told))

    def write(self, frozen: str = "") -> None:
        """The customer writes one thing."""
        if not self.leads or self.waits or self.leads == frozen:
            return
        number = len(self.answered) + len(self.failed)
        if self.leads in self.runs and self.leads not in self.barred:
            self.rows[self.leads].append(number)
            self.answered.append(number)
        else:
            self.failed.append(number)


class Watched(Registry):
    """A registry each of whose changes is a doing of the node's."""

    def __init__(self, paths: Paths, do: Callable[[], None]) -> None:
        super().__init__(paths)
        self._do = do

    def put(self, record: Record) -> None:
        self._do()
        super().put(record)

    def forget(self, key: str) -> None:
        self._do()
        super().forget(key)

    def mark(self, slot: Slot, release: str, state: str, services: str = "") -> None:
        self._do()
        slot.state.mkdir(parents=True, exist_ok=True)
        super().mark(slot, release, state, services)


class Node:
    """The parts of a node that jobs use, in place of the real ones.

    Args:
        root: where all lies.
        doings: after how many of them it is killed.
    """

    def __init__(self, root: Path, doings: int = 1 << 30) -> None:
        self.paths = Paths(root)
        self.left = doings
        self.frozen_slot = ""
        self.world = World(root / "world.json")
        self.registry = Watched(self.paths, self.do)

    def do(self) -> None:
        """One thing more is about to be done."""
        if not self.left:
            self.world.save()
            os._exit(KILLED)
        self.left -= 1
        self.world.write(self.frozen_slot)
        self.world.save()

    def start(self) -> None:
        """What a node does at its start: what is on record runs, all else is stopped or swept up."""
        served = [record for record in self.registry.all() if record.wanted]
        self.world.runs = [str(record.slot) for record in served]
        self.lead()
        jobs = Jobs(self.paths, {})
        for number in self.registry.slots() - self.registry.claimed() - held(jobs.journals("restore")):
            self.dismantle(number)
        self.world.save()

    def lead(self) -> None:
        """Lead the customer's name to where it is served, and let writes go on."""
        record = self.registry.get(KEY)
        self.world.leads, self.world.waits = ("" if record is None else str(record.slot)), False

    def slot(self, number: int) -> Slot:
        return Slot(number, self.paths)

    def dismantle(self, number: int) -> None:
        self.do()
        state = self.slot(number).state
        (state / "slot.json").unlink(missing_ok=True)
        state.rmdir()
        self.world.rows.pop(str(number), None)

    # Controllers

    def context_of(self, record):
        return SimpleNamespace(environment=Path("/nowhere"))

    async def run_unseen(self, record, services=None):
        self.do()
        self.world.runs = sorted({*self.world.runs, str(record.slot)})

    async def run_beside(self, record):
        await self.run_unseen(record)
        self.registry.put(record)

    async def token(self, record):
        return "token"

    async def wake(self, record, token):
        assert token == "token"
        self.do()

    async def settled(self, key):
        self.do()
        if self.registry.present(key).slot in self.world.silent:
            raise TemporaryError("It does not answer.", "Look why.")

    async def publish_names(self):
        self.do()

    async def hold(self, key, how):
        self.do()
        self.world.waits = bool(how)

    async def lead_to(self, record):
        former = self.registry.get(record.spec.key)
        for slot in former.slots if former is not None else ():
            self.registry.hold(slot)
        self.registry.put(record)
        self.do()
        self.lead()
        return former

    async def take_over(self, record):
        await self.run_unseen(record)
        await self.hold(record.spec.key, "all")
        former = await self.lead_to(record)
        if former is not None:
            await self.stop(former)

    async def stop(self, record, within=None):
        self.do()
        self.world.runs = [one for one in self.world.runs if one != str(record.slot)]

    async def lay_aside(self, key):
        record = self.registry.present(key)
        await self.stop(record)
        self.registry.forget(key)

    async def drop(self, key):
        if (record := self.registry.get(key)) is not None:
            await self.stop(record)
            self.dismantle(record.slot)
            self.registry.forget(key)

    # The edge, the broker and MariaDB

    async def settle(self, slot, within, *, writes=False, among=None):
        self.do()
        return frozenset()

    async def delete_user(self, name):
        self.do()

    async def dump_together(self, targets):
        self.do()

    async def log_end(self):
        return ("binlog.000001", 4)

    @contextlib.asynccontextmanager
    async def frozen(self, tables):
        self.do()
        self.frozen_slot = self.world.leads
        try:
            yield
        finally:
            self.frozen_slot = ""

    async def bar(self, users):
        self.do()
        self.world.barred = sorted({*self.world.barred, _number(users)})

    async def admit(self, users):
        self.do()
        self.world.barred = [one for one in self.world.barred if one != _number(users)]


def _number(users: list[str]) -> str:
    return users[0].partition("_")[0].removeprefix("s")


def life(
    root: Path, handlers: "Callable[[Node], dict[str, Callable[..., Awaitable[object]]]]", request, doings=1 << 30
):
    """One life of the node, in a process of its own: it goes on with the job, or begins it; whether it was killed."""
    if not (child := os.fork()):
        code = 1
        os.fsync = lambda file: None  # the machine goes on: it is the process that ends
        try:
            node = Node(root, doings)
            asyncio.run(_live(node, handlers(node), request))
            node.world.save()
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (0, KILLED), "the node had a fault of its own"
    world = World(root / "world.json")
    for _ in range(3 if code else 0):  # nobody is there, and the edge goes on
        world.write()
    world.save()
    return bool(code)


async def _live(node: Node, handlers, request: JobRequest) -> None:
    node.start()
    jobs = Jobs(node.paths, handlers)
    jobs.resume()
    status = jobs.put(JOB, request)
    while status.state == "running":
        status = await jobs.wait(JOB, status.revision, 60)


def lives(root: Path, handlers, request: JobRequest, doings: int) -> bool:
    """Two lives, the first of which ends after so many doings; whether the job ended before that."""
    if not life(root, handlers, request, doings):
        return True
    assert not life(root, handlers, request)
    return False


def served(root: Path) -> Path:
    """A node that has one customer, who goes on to write; its folder."""
    node = Node(root)
    node.registry.mark(node.slot(1), SPEC.release, "held")
    node.registry.put(Record(SPEC, 1))
    node.world.rows["1"] = []
    node.start()
    return root


def ended(root: Path):
    """How the job ended."""
    return Jobs(Paths(root), {}).status(JOB)


def each(root: Path, prove: Callable[[Path, int], bool]) -> int:
    """Do it again and again on a copy, with a kill one doing later each time, until it gets to its end."""
    for doings in range(1000):
        copy = root.parent / f"{root.name}-{doings}"
        shutil.copytree(root, copy)
        if prove(copy, doings):
            return doings
        shutil.rmtree(copy)
    raise AssertionError("it never ends")
