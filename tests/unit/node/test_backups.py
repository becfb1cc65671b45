"""What a backup needs before it is begun."""

import pytest

from aloft.base.errors import PermanentError
from aloft.base.paths import Paths
from aloft.controller.context import Slot
from aloft.controller.spec import ControllerSpec
from aloft.daytwo.repositories import Repositories
from aloft.node.backups import Backups
from aloft.node.jobs import JobRequest, Work
from aloft.node.registry import Record, Registry

SPEC = ControllerSpec(customer="acme", region="dc1", release="2026.2", domain="aloft.internal")


class Pool:
    """A pool that knows its slots by their numbers."""

    def __init__(self, paths):
        self.paths = paths

    def slot(self, number):
        return Slot(number, self.paths)


async def test_a_backup_needs_room(tmp_path, monkeypatch):
    paths = Paths(tmp_path)
    registry = Registry(paths)
    subject = Backups(
        paths, None, registry, Pool(paths), None, None, Repositories(paths), None, tmp_path, "aloft.internal"
    )
    registry.put(Record(SPEC, 1))
    monkeypatch.setattr("aloft.node.backups.ROOM_BYTES", 1 << 60)
    monkeypatch.setattr(registry, "prepared", lambda number: True)
    work = Work("a" * 32, JobRequest(kind="backup", customer="acme", arguments={"records": {}}), lambda: None)
    with pytest.raises(PermanentError, match="Free some space"):
        await subject.backup(work)
