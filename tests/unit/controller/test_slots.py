"""Preparing a slot, and completing one that was prepared before a service was added."""

from pathlib import Path

from aloft.base.paths import Paths
from aloft.controller import slots
from aloft.controller.context import Slot
from aloft.controller.services import ALL


class Recorder:
    """A database that only remembers what was asked of it."""

    def __init__(self) -> None:
        self.loaded: set[str] = set()
        self.dropped: set[str] = set()
        self.users: set[str] = set()

    async def drop_schemas(self, names):
        self.dropped |= set(names)

    async def create_schemas(self, names):
        assert set(names) <= self.dropped

    async def load_many(self, dumps):
        self.loaded |= set(dumps)

    async def execute(self, schema, statements):
        assert schema.removeprefix("s7_") in names_of_schemas()
        return ()

    async def ensure_users(self, users, connections=0):
        self.users |= set(users)


def names_of_schemas():
    return [name for service in ALL for name in service.schemas]


async def test_only_schemas_that_are_missing_are_loaded(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(slots.files, "write", lambda path, text, **_: path.write_text(text))
    slot = Slot(7, Paths(tmp_path))
    slot.state.mkdir(parents=True)
    held = slots.load_secrets(slot)
    golden = {name: tmp_path / name for name in names_of_schemas()}
    first, *rest = names_of_schemas()
    (slot.state / "databases-loaded").write_text("\n".join(rest))
    database = Recorder()
    await slots.make_databases(slot, held, golden, database)
    assert database.loaded == database.dropped == {slot.schema(first)}
    assert database.users == {user for user, _ in slots.user_names(slot).values()}
    again = Recorder()
    await slots.make_databases(slot, held, golden, again)
    assert not again.dropped


def test_what_a_slot_is_prepared_for_changes_with_the_services() -> None:
    assert slots.declared(ALL) != slots.declared(ALL[1:])
    assert slots.declared(ALL) == slots.declared(tuple(reversed(ALL)))
