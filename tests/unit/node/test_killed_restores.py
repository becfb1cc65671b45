"""A restore with a kill of the node at each doing: nothing has changed before its move, and it goes on to its end."""

import json
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from aloft.daytwo.dump import Taken
from aloft.daytwo.metadata import Manifest, RegionPart
from aloft.node import backups
from aloft.node.backups import Backups
from aloft.node.jobs import JobRequest, Jobs
from aloft.node.registry import Record
from aloft.node.replay import Shipment

from .world import KEY, SPEC, Node, each, ended, life, served

RESTORE = JobRequest(
    kind="restore", customer="acme", arguments={"repository": "local", "snapshot": "s", "at": "latest"}
)
BACKED_UP = [1000, 1001]
LOGGED = 1002


class Restic:
    """A repository with one backup, of which there is all that a restore asks for."""

    def __init__(self, node):
        self.node = node
        self.repository = SimpleNamespace(name="local")

    async def restore(self, snapshot, folder):
        self.node.do()
        (folder / "secrets.json").write_text("nobody else's")
        self.node.do()
        (folder / "records.json").write_text(json.dumps({"name": "acme"}))

    async def snapshots(self, tags):
        return []


class Pool:
    """Slots that are filled as the real ones are: marked, loaded, looked at, marked again."""

    def __init__(self, node):
        self.node, self.slot = node, node.slot

    async def fill(self, record, folder, finish):
        node = self.node
        slot = node.slot(node.registry.free())
        node.registry.mark(slot, SPEC.release, "preparing")
        node.do()
        node.world.rows[str(slot.number)] = list(BACKED_UP)
        await finish(slot)
        node.registry.mark(slot, SPEC.release, "held")
        return Record(record.spec, slot.number)

    async def dismantle(self, number):
        self.node.dismantle(number)


def handlers(node):
    """The real handler, with what it needs; this is a process of its own."""
    restic = Restic(node)
    part = RegionPart(slot=1, record=Record(SPEC, 1).told(), tables={name: {} for name in backups.metadata.schemas()})
    made = Manifest(
        customer="acme", made=datetime(2026, 1, 1, tzinfo=UTC), log=("binlog.000001", 4), server="s",
        regions={SPEC.region: part}, digests={},
    )  # fmt: skip

    async def dump_together(targets):
        node.do()
        return Taken({name: {} for name in targets}, made.log)

    async def fetch(name, server, file, folder):
        node.do()
        return Shipment((), made.made, node.registry.tenures.all())

    async def newer(name, server, customer):
        return {"name": "acme"}

    async def replay(paths, database, logs, start, stop, schemas, user):
        node.do()
        node.world.rows[next(iter(schemas.values())).partition("_")[0].removeprefix("s")].append(LOGGED)

    async def repair(context):
        node.do()

    backups.metadata.verify = lambda folder: made
    backups.environment.complete = lambda name, paths: True
    backups.replay = replay
    backups.Moves.carry_out.__globals__["sync_ovn"] = repair
    node.context = lambda key: None
    real = Backups(
        node.paths, node, node.registry, Pool(node), SimpleNamespace(dump_together=dump_together), node,
        SimpleNamespace(open=lambda repository: restic, get=lambda name: restic.repository),
        SimpleNamespace(fetch=fetch, records=newer), node.paths.etc, SPEC.domain,
    )  # fmt: skip
    return {"restore": real.restore}


@pytest.fixture
def root(tmp_path):
    """A node whose customer goes on to write."""
    return served(tmp_path)


def test_a_restore_goes_on_after_a_kill_anywhere(root):
    moved = []

    def prove(copy, doings):
        done = not life(copy, handlers, RESTORE, doings)
        if not done:
            node = Node(copy)
            if not any(Jobs(node.paths, {}).journals("restore")):
                assert node.registry.present(KEY).slot == 1 and node.world.leads == "1"
                assert node.world.rows["1"] == node.world.answered, "what was written is not there any more"
            else:
                moved.append(doings)
            assert not life(copy, handlers, RESTORE)
        assert ended(copy).state == "succeeded", ended(copy)
        node = Node(copy)
        (serves,) = node.registry.slots()
        assert node.registry.present(KEY).slot == serves != 1
        world = node.world
        assert (world.leads, world.waits, world.runs, world.failed) == (str(serves), False, [str(serves)], [])
        assert world.rows[str(serves)][: len(BACKED_UP) + 1] == [*BACKED_UP, LOGGED]
        assert not any((node.paths.state / "backup/staging").iterdir()), "copies of secrets are left"
        return done

    assert each(root, prove) > 15
    assert moved and moved[0] > 5, "nothing was killed before the move"


def test_a_moment_that_the_log_does_not_reach_is_refused(root):
    request = RESTORE.model_copy(update={"arguments": {**RESTORE.arguments, "at": "2026-01-01T00:00:01+00:00"}})
    assert not life(root, handlers, request)
    assert ended(root).state == "failed"
    assert "nothing later than 2026-01-01 00:00:00" in ended(root).error.message
    assert Node(root).registry.present(KEY).slot == 1
