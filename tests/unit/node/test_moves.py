"""A move switches all regions or none, and goes on where the end of the node interrupted it."""

import asyncio
from dataclasses import replace

import pytest

from aloft.base.errors import PermanentError, TemporaryError
from aloft.base.paths import Paths
from aloft.controller.context import Slot
from aloft.controller.spec import ControllerSpec
from aloft.node.jobs import JobRequest, Work
from aloft.node.moves import Move, Moves, held
from aloft.node.registry import Record, Registry

SPEC = ControllerSpec(customer="acme", region="dc1", release="2026.2", domain="aloft.internal")
FURTHER = SPEC.model_copy(update={"region": "dc2", "identity": False})
OLD = [Record(SPEC, 1), Record(FURTHER, 2)]
NEW = [Record(SPEC, 7, hosts={"h1": ("hypervisor",)}), Record(FURTHER, 8)]


class Killed(BaseException):
    """The node is gone from one moment to the next."""


class Machine:
    """A node in short: its registry and slots lie on the disk, and it can be killed at any of its doings."""

    def __init__(self, root):
        self.paths = Paths(root)
        self.registry = Registry(self.paths)
        self.silent: set[int] = set()
        self.done: list[str] = []
        self.doings_left = 10_000
        self.journal: dict = {}

    def fill(self, records):
        for record in records:
            slot = self.slot(record.slot)
            slot.state.mkdir(parents=True)
            self.registry.mark(slot, SPEC.release, "held")

    def slot(self, number):
        return Slot(number, self.paths)

    def _do(self, what):
        if not self.doings_left:
            raise Killed
        self.doings_left -= 1
        self.done.append(what)

    async def take_over(self, record):
        self._do(f"take over {record.slot}")
        former = self.registry.get(record.spec.key)
        if former is not None:
            self.registry.mark(self.slot(former.slot), SPEC.release, "held")
        self._do(f"register {record.slot}")
        self.registry.put(record)

    async def settled(self, key):
        self._do(f"settle {key}")
        if self.registry.get(key).slot in self.silent:
            raise TemporaryError("It does not answer.", "Look why.")

    async def drop(self, key):
        self._do(f"drop {key}")
        await self.dismantle(self.registry.get(key).slot)
        self.registry.forget(key)

    async def dismantle(self, number):
        self._do(f"dismantle {number}")
        (self.slot(number).state / "slot.json").unlink()
        self.slot(number).state.rmdir()

    async def delete_user(self, name):
        self._do(f"delete {name}")

    def keep(self, journal):
        self._do("note")
        self.journal = dict(journal)

    async def carry_out(self, move=None):
        """Begin a move, or go on with the one that is written down."""
        work = Work("a" * 32, JobRequest(kind="restore", customer="acme"), lambda: None, self.journal, self.keep)
        moves = Moves(self, self.registry, self, self)
        return await moves.carry_out(work, move or Move.model_validate(self.journal))

    def sweep(self):
        """What the node does when it starts."""
        self.doings_left = 10_000
        self.registry = Registry(self.paths)
        for number in self.registry.slots() - self.registry.claimed() - held([self.journal]):
            (self.slot(number).state / "slot.json").unlink()
            self.slot(number).state.rmdir()

    def served(self):
        return [record.slot for record in self.registry.all()]


@pytest.fixture
def machine(tmp_path):
    made = Machine(tmp_path)
    made.fill([*OLD, *NEW])
    for record in OLD:
        made.registry.put(record)
    return made


def plan(machine, records=NEW):
    return Moves(machine, machine.registry, machine, machine).plan(records, False, {"made": "then"})


async def test_all_regions_are_served_from_the_new_slots(machine):
    assert await machine.carry_out(plan(machine)) == {"made": "then"}
    assert machine.served() == [7, 8] and machine.registry.slots() == {7, 8}
    assert Move.model_validate(machine.journal).stage == "done"


@pytest.mark.parametrize("silent", [7, 8])
async def test_what_served_before_serves_again_if_one_does_not_answer(machine, silent):
    machine.silent = {silent}
    with pytest.raises(PermanentError, match="does not answer") as told:
        await machine.carry_out(plan(machine))
    assert told.value.remedy == "Look why."
    assert machine.served() == [1, 2] and machine.registry.slots() == {1, 2}
    assert "delete s7-host-h1" in machine.done


async def test_a_customer_that_was_gone_is_gone_again(tmp_path):
    machine = Machine(tmp_path)
    machine.fill(NEW)
    machine.silent = {8}
    with pytest.raises(PermanentError):
        await machine.carry_out(plan(machine))
    assert machine.served() == [] and machine.registry.slots() == set()
    assert machine.done.index("drop acme/dc2") < machine.done.index("drop acme/dc1"), "Keystone goes last"


@pytest.mark.parametrize("silent", [None, 7, 8])
@pytest.mark.parametrize("gone", [False, True])
@pytest.mark.parametrize("doings", range(30))
async def test_killed_anywhere_it_goes_on_and_ends_whole(tmp_path, silent, gone, doings):
    machine = Machine(tmp_path)
    machine.fill([*([] if gone else OLD), *NEW])
    for record in () if gone else OLD:
        machine.registry.put(record)
    machine.silent, machine.doings_left = {silent}, doings
    try:
        await machine.carry_out(plan(machine))
    except Killed:
        before = machine.served()
        machine.sweep()
        assert machine.served() == before
        if not machine.journal:
            assert machine.served() == ([] if gone else [1, 2]), "what was not written down has changed nothing"
            return
        if silent is None:
            assert await machine.carry_out() == {"made": "then"}
        else:
            with pytest.raises(PermanentError, match="does not answer"):
                await machine.carry_out()
        machine.sweep()
    except PermanentError:
        assert silent is not None
    wanted = [7, 8] if silent is None else [] if gone else [1, 2]
    assert machine.served() == wanted and machine.registry.slots() == set(wanted)


async def test_what_serves_already_is_not_switched_again(machine):
    machine.doings_left = 4
    with pytest.raises(Killed):
        await machine.carry_out(plan(machine))
    assert machine.served() == [7, 2]
    machine.sweep()
    machine.done.clear()
    await machine.carry_out()
    assert [what for what in machine.done if what.startswith("take over")] == ["take over 8"]


async def test_the_end_of_the_node_is_no_reason_to_go_back(machine):
    async def stopped(key):
        raise asyncio.CancelledError

    machine.settled = stopped
    with pytest.raises(asyncio.CancelledError):
        await machine.carry_out(plan(machine))
    assert Move.model_validate(machine.journal).stage == "forward"
    assert held([machine.journal]) == {1, 2, 7, 8}


def test_what_has_ended_needs_no_slots(machine):
    move = plan(machine, [replace(NEW[0], slot=None)])
    assert held([move.model_dump(mode="json"), {}]) == {1}
    assert held([move.model_copy(update={"stage": "done"}).model_dump(mode="json")]) == frozenset()
