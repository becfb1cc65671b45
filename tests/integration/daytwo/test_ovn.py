"""OVN's databases are carried between real servers: by their differences, with rows as they are known to hosts."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from aloft.base.errors import TemporaryError
from aloft.base.paths import Paths
from aloft.controller.context import Slot
from aloft.controller.services.ovn import SCHEMAS
from aloft.daytwo import ovn

SERVER, NB = "/usr/sbin/ovsdb-server", "OVN_Northbound"
FILES = {"ovn-nb": "ovn-nb.ovsschema", "ovn-sb": "ovn-sb.ovsschema"}

pytestmark = pytest.mark.skipif(
    not Path(SERVER).exists() or not shutil.which("ovn-nbctl"), reason="needs the package ovn-central"
)


@contextmanager
def _running(slot: Slot) -> Iterator[Slot]:
    """A slot's two databases, empty at first."""
    slot.run.mkdir(parents=True)
    with ExitStack() as stack:
        for name, schema in FILES.items():
            file = slot.run / f"{name}.db"
            subprocess.run(["ovsdb-tool", "create", file, SCHEMAS / schema], check=True)
            command = [SERVER, "--detach", "--no-chdir", "-vconsole:off", "-vsyslog:off"]
            command += [f"--pidfile={slot.run}/{name}.pid", f"--unixctl={slot.run}/{name}.ctl"]
            subprocess.run([*command, f"--remote=punix:{slot.socket(name)}", file], check=True)
            stack.callback(subprocess.run, ["ovs-appctl", "-t", slot.run / f"{name}.ctl", "exit"], check=True)
        yield slot


@pytest.fixture
def slots(tmp_path: Path) -> Iterator[tuple[Slot, Slot]]:
    with _running(Slot(1, Paths(tmp_path))) as source, _running(Slot(2, Paths(tmp_path))) as target:
        yield source, target


def _nb(slot: Slot, *words: str) -> None:
    subprocess.run(["ovn-nbctl", f"--db=unix:{slot.socket('ovn-nb')}", *words], check=True)


def _rows(slot: Slot, table: str = "Logical_Switch_Port") -> dict[str, Any]:
    with closing(ovn.Server(slot.socket("ovn-nb"), NB)) as server:
        return dict(server.rows({table: server.columns()[table]})[table])


def _content(slot: Slot, table: str = "Logical_Switch_Port") -> dict[str, Any]:
    return {uuid: {k: v for k, v in row.items() if k != "_version"} for uuid, row in _rows(slot, table).items()}


def _same(source: Slot, target: Slot) -> bool:
    return all(
        _content(source, table) == _content(target, table) for table in ("Logical_Switch", "Logical_Switch_Port")
    )


async def test_what_differs_is_carried_and_the_rest_is_not_touched(slots: tuple[Slot, Slot]) -> None:
    source, target = slots
    for number in range(3):
        _nb(source, "ls-add", f"s{number}", "--", "lsp-add", f"s{number}", f"p{number}")
    _nb(target, "ls-add", "other", "--", "lsp-add", "other", "p0")
    assert await ovn.carry(source, target) > 0
    assert _same(source, target) and len(_rows(target)) == 3
    before = {row["name"]: row["_version"] for row in _rows(target).values()}
    _nb(source, "lsp-set-addresses", "p1", "unknown", "--", "ls-del", "s2", "--", "ls-add", "s3")
    assert await ovn.carry(source, target) > 0
    assert _same(source, target)
    after = {row["name"]: row["_version"] for row in _rows(target).values()}
    assert after["p0"] == before["p0"] and after["p1"] != before["p1"] and "p2" not in after
    assert await ovn.carry(source, target) == 0


async def test_what_was_written_to_a_file_is_taken_over(slots: tuple[Slot, Slot], tmp_path: Path) -> None:
    source, target = slots
    _nb(source, "ls-add", "s", "--", "lsp-add", "s", "p")
    _nb(target, "ls-add", "other", "--", "lr-add", "router")
    await ovn.hand_over(source, tmp_path / "rows")
    assert (tmp_path / "rows").stat().st_mode & 0o777 == 0o600
    assert await ovn.take_over(target, tmp_path / "rows") > 0
    assert _same(source, target) and _rows(target, "Logical_Router") == {}
    assert await ovn.take_over(target, tmp_path / "rows") == 0


async def test_what_somebody_writes_meanwhile_does_not_stay(
    slots: tuple[Slot, Slot], monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = slots
    _nb(source, "ls-add", "s", "--", "lsp-add", "s", "p")
    reading, writes = ovn.unchanged, iter([("ls-add", "by-neutron"), ("ls-add", "once-more")])

    def interrupted(found: ovn.Tables) -> list[dict[str, Any]]:
        if words := next(writes, None):
            _nb(target, *words)
        return reading(found)

    monkeypatch.setattr(ovn, "unchanged", interrupted)
    await ovn.carry(source, target)
    assert _same(source, target)


async def test_many_rows_are_carried_at_once(slots: tuple[Slot, Slot]) -> None:
    source, target = slots
    words = [word for number in range(2000) for word in ("--", "lsp-add", "s", f"port-{number}")]
    _nb(source, "ls-add", "s", *words)
    await ovn.carry(source, target)
    assert _same(source, target) and len(_rows(target)) == 2000


async def test_what_is_refused_is_told_and_changes_nothing(
    slots: tuple[Slot, Slot], monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = slots
    _nb(source, "ls-add", "s")
    bad = {"op": "insert", "table": "Logical_Switch", "row": {"no-column": 1}}
    monkeypatch.setattr(ovn, "differences", lambda wanted, found: [bad])
    with pytest.raises(TemporaryError, match="no-column"):
        await ovn.carry(source, target)
    assert _rows(target, "Logical_Switch") == {}


async def test_a_database_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(TemporaryError, match="does not answer"):
        await ovn.carry(Slot(1, Paths(tmp_path)), Slot(2, Paths(tmp_path)))


def test_rows_are_read_as_the_server_writes_them(slots: tuple[Slot, Slot]) -> None:
    _nb(slots[0], "ls-add", 'a "name" with {braces}')
    (row,) = _content(slots[0], "Logical_Switch").values()
    assert row["name"] == 'a "name" with {braces}' and json.dumps(row)
