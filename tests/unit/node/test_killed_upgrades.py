"""An upgrade and the way back, with a kill of the node at each doing: it goes on, or is as before; nothing is lost."""

import contextlib
import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from aloft.node import losses, switches, upgrades
from aloft.node.copies import Own
from aloft.node.jobs import JobRequest
from aloft.node.losses import NO_TABLE, Loss
from aloft.node.registry import Record
from aloft.node.upgrades import Upgrades

from .world import JOB, KEY, SPEC, Node, World, each, ended, life, lives, served

TABLE = {"nova": {"instances": ["carry"]}}
IN_WINDOW = JobRequest(
    kind="upgrade", customer="acme", arguments={"release": "2026.2", "closes": "2020-01-01T03:00:00+00:00"}
)
UPGRADE = JobRequest(kind="upgrade", customer="acme", arguments={"release": "2026.2"})
ROLLBACK = JobRequest(kind="rollback", customer="acme", arguments={"release": "2026.2", "pins": "q"})


class Metadata:
    """Backups' part in upgrades: the copy, the slot that is filled from it, and the end of both."""

    def __init__(self, node: Node) -> None:
        self.node = node

    def sources(self, customer):
        return {SPEC.region: None}

    @contextlib.asynccontextmanager
    async def staging(self, name):
        yield Path("/nowhere")

    async def fill(self, work, folder, manifest, customer):
        node = self.node
        number = node.registry.free()
        node.registry.mark(node.slot(number), SPEC.release, "preparing")
        node.world.rows[str(number)] = list(manifest)
        node.registry.mark(node.slot(number), SPEC.release, "held")
        return [Record(SPEC.model_copy(update={"customer": customer}), number)]

    async def compare_lists(self, record, remedy):
        return 1

    async def remove(self, customer):
        for record in self.node.registry.all():
            if record.spec.customer == customer:
                await self.node.drop(record.spec.key)

    async def discard(self, record):
        for number in record.slots:
            if self.node.registry.held(number):
                self.node.dismantle(number)


class Copies:
    """Rows as the world has them: those of a slot are one table."""

    def __init__(self, node: Node) -> None:
        self.node = node

    async def nothing(self, *_):
        return []

    unfinished = insist_seen = insist_unchanged = nothing

    async def same(self, *_):
        return {}

    checksums = versions = same

    async def carrying(self, source, target, own):
        return TABLE

    async def written(self, slots, since, dependents):
        return frozenset({"nova.instances"})

    async def dependents(self, slot):
        return frozenset()

    async def size(self, slot):
        return 1.0

    async def differences(self, source, target, before):
        return Own({}, {}), {}

    async def differing(self, carrying, source, target):
        return carrying

    async def bring_over(self, carrying, source, target):
        self.node.do()
        if carrying.get("nova"):
            self.node.world.rows[str(target.number)] = list(self.node.world.rows[str(source.number)])
        return 0


class Losses:
    """What the way back cannot carry: what there is at that moment, when nobody can write."""

    def __init__(self, node: Node) -> None:
        self.node = node

    async def find(self, here, there, own):
        assert self.node.world.waits, "somebody could still write"
        rows = [{"id": number} for number in self.node.world.rows[str(here.number)]]
        return [Loss("neutron.fresh", NO_TABLE, rows)]


def handlers(node: Node):
    """The real handlers, with what they need; this is a process of its own."""

    async def nothing(*_):
        return []

    async def collect(*_):
        node.do()
        return list(node.world.rows[node.world.leads])

    async def pins(name):
        return "q"

    places = {
        upgrades: {
            "metadata": SimpleNamespace(collect=collect),
            "migrate": SimpleNamespace(migrate=nothing, upgrade_checks=nothing),
            "golden": SimpleNamespace(versions=lambda which: {}),
            "environment": SimpleNamespace(changes=lambda before, after: []),
            "slots": SimpleNamespace(write_files=lambda context, services: None, declared=lambda: "all"),
            "Copies": lambda database: Copies(node),
            "losses": SimpleNamespace(Losses=lambda database: Losses(node), keep=losses.keep),
        },
        switches: {
            "metadata": SimpleNamespace(copy_keys=lambda source, target: None),
            "ovn": SimpleNamespace(carry=nothing),
            "forget_cached": nothing,
        },
    }
    for module, values in places.items():
        for name, value in values.items():
            setattr(module, name, value)
    switching = switches.Switches(node, node.registry, node, node, Copies(node), node)
    made = Upgrades(node.paths, node, node.registry, node, node, Metadata(node), switching, nothing, pins, nothing)
    return {"upgrade": made.upgrade, "rollback": made.rollback}


@pytest.fixture
def root(tmp_path):
    """A node whose customer has written something."""
    return served(tmp_path)


def whole(root, serves, release, kept=()):
    """See that all is served from there, nothing that was written is missing, and nothing is left over."""
    node = Node(root)
    record = node.registry.present(KEY)
    assert (record.slot, record.spec.release) == (serves, release)
    assert node.registry.slots() == {serves, *kept} == set(record.slots)
    assert [one.spec.key for one in node.registry.all()] == [KEY]
    world = node.world
    assert (world.leads, world.waits, world.runs) == (str(serves), False, [str(serves)])
    assert world.failed == [] and world.rows[str(serves)] == world.answered, "something that was written is lost"
    return record


def upgraded(root):
    assert not life(root, handlers, UPGRADE)
    forget(root)


def forget(root):
    """Let the job be another one's."""
    (root / f"var/lib/aloft/node/jobs/{JOB}.json").unlink()


def test_an_upgrade_goes_on_after_a_kill_anywhere(root):
    def prove(copy, doings):
        done = lives(copy, handlers, UPGRADE, doings)
        told = ended(copy)
        assert told.state == "succeeded", told
        (new,) = {record.slot for record in Node(copy).registry.all()}
        record = whole(copy, new, "2026.2", kept=[1])
        assert record.kept["record"]["slot"] == 1 and new != 1
        return done

    assert each(root, prove) > 15


def test_an_upgrade_that_does_not_work_leaves_all_as_it_was_after_a_kill_anywhere(root):
    world = World(root / "world.json")
    world.silent = [2, 3, 4]
    world.save()

    def prove(copy, doings):
        done = lives(copy, handlers, UPGRADE, doings)
        assert ended(copy).state == "failed" and "does not answer" in ended(copy).error.message
        assert whole(copy, 1, "2026.1").kept == {}
        return done

    assert each(root, prove) > 15


def test_an_upgrade_that_takes_longer_than_its_window_leaves_all_as_it_was(root):
    assert not life(root, handlers, IN_WINDOW)
    assert ended(root).state == "failed" and "window of 'acme' closed" in ended(root).error.message
    assert whole(root, 1, "2026.1").kept == {}


def test_the_way_back_goes_on_after_a_kill_anywhere_and_tells_what_is_lost(root):
    upgraded(root)

    def prove(copy, doings):
        done = lives(copy, handlers, ROLLBACK, doings)
        told = ended(copy)
        assert told.state == "succeeded", told
        [text] = told.result["lost"]
        [kept] = json.loads((Path(told.result["lost_folder"]) / f"{SPEC.region}.json").read_text())
        assert text == f"neutron.fresh: {len(kept['rows'])} rows" and kept["what"] == "neutron.fresh"
        assert whole(copy, 1, "2026.1").kept == {}
        return done

    assert each(root, prove) > 15
