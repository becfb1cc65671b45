"""restic itself, in folders: what is kept comes back, and what is wrong with a repository is said."""

import asyncio
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from aloft.base.errors import AloftError, NotFound, PermanentError
from aloft.daytwo import retention
from aloft.daytwo.restic import PROGRAM, Repository, RepositoryDamaged, RepositoryLocked, Restic

from .early import early

pytestmark = pytest.mark.skipif(not Path(PROGRAM).exists(), reason="needs the package restic")
TAGS = {"kind": "customer", "customer": "acme"}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return _source(tmp_path)


def _source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    (folder / "below").mkdir(parents=True)
    (folder / "below/file").write_bytes(os.urandom(256 * 64))
    return folder


def repository(tmp_path: Path, name: str) -> Restic:
    (tmp_path / f"{name}.password").write_text(f"password of {name}")
    described = Repository(name, str(tmp_path / name), "primary", tmp_path / f"{name}.password", tmp_path)
    return Restic(described, tmp_path / "cache")


async def test_what_is_kept_comes_back_also_from_a_copy(tmp_path: Path, source: Path) -> None:
    first, second = repository(tmp_path, "first"), repository(tmp_path, "second")
    await first.ensure()
    snapshot, sizes = await first.backup(source, TAGS)
    assert sizes["read"] == 256 * 64
    await first.ensure()
    again, sizes = await first.backup(source, TAGS)
    assert again != snapshot and sizes["added"] < 5000
    [kept, _] = await first.snapshots(TAGS)
    await second.ensure()
    await second.keep_copy(source, kept)
    [copied] = await second.snapshots(TAGS)
    assert copied.original == kept.id and copied.tags == TAGS
    assert copied.moment == kept.moment.replace(microsecond=0)
    assert await second.snapshots({"customer": "other"}) == []
    await second.restore(copied.id, tmp_path / "back")
    assert (tmp_path / "back/below/file").read_bytes() == (source / "below/file").read_bytes()
    await first.forget([snapshot])
    await first.prune()
    assert [one.id[:8] for one in await first.snapshots(TAGS)] == [again[:8]]
    await first.check(read=True)


async def test_what_was_kept_while_the_clock_was_ahead_is_not_the_newest(tmp_path: Path, source: Path) -> None:
    opened = repository(tmp_path, "first")
    await opened.ensure()
    ahead = _at_once(
        opened, "backup", "--time", "2099-01-01 00:00:00", "--tag", "kind=customer,customer=acme", "--json", str(source)
    )
    newest, _ = await opened.backup(source, TAGS)
    found = await opened.snapshots(TAGS)
    assert [one.id[:8] for one in found] == [json.loads(ahead.splitlines()[-1])["snapshot_id"][:8], newest[:8]]
    assert retention.outlived(found, datetime.now(UTC), days=1, least=1) == [], "it is not old either"


async def test_one_that_several_want_at_once_is_made_once(tmp_path: Path, source: Path) -> None:
    several = [repository(tmp_path, "first") for _ in range(3)]
    await asyncio.gather(*(each.ensure() for each in several))
    await several[0].backup(source, TAGS)
    assert len(await several[1].snapshots(TAGS)) == 1
    assert len(list((tmp_path / "first/keys").iterdir())) == 1


async def _wrong(tmp_path: Path) -> None:
    opened, source = repository(tmp_path, "first"), _source(tmp_path)
    with pytest.raises(NotFound, match="is not there"):
        await opened.snapshots(TAGS)
    await opened.ensure()
    snapshot, _ = await opened.backup(source, TAGS)
    (tmp_path / "wrong").write_text("not it")
    wrong = Restic(replace(opened.repository, password=tmp_path / "wrong"), tmp_path / "cache")
    with pytest.raises(PermanentError, match="password"):
        await wrong.ensure()
    packs = sorted((tmp_path / "first/data").glob("*/*"), key=lambda path: path.stat().st_size)
    content = bytearray(packs[-1].read_bytes())
    content[len(content) // 3] ^= 255
    packs[-1].chmod(0o600)
    packs[-1].write_bytes(content)
    with pytest.raises(RepositoryDamaged):
        await opened.check(read=True)
    with pytest.raises(AloftError):
        await opened.restore(snapshot, tmp_path / "back")
    shutil.rmtree(tmp_path / "first/data")
    with pytest.raises(AloftError):
        await opened.restore(snapshot, tmp_path / "back")


test_what_is_wrong_with_a_repository_is_said = early(_wrong)


def _at_once(opened: Restic, *words: str) -> str:
    """What another restic says in the same repository."""
    command = [PROGRAM, "-r", opened.repository.url, "--no-cache", *words]
    env = {**os.environ, "RESTIC_PASSWORD_FILE": str(opened.repository.password)}
    return subprocess.run(command, env=env, check=True, capture_output=True, text=True).stdout


@contextmanager
def _at_work(opened: Restic, *words: str) -> Iterator["subprocess.Popen[bytes]"]:
    """Another restic that has locked the repository."""
    locks = Path(opened.repository.url) / "locks"
    command = [PROGRAM, "-r", opened.repository.url, "--no-cache", *words]
    env = {**os.environ, "RESTIC_PASSWORD_FILE": str(opened.repository.password)}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, env=env) as doing:
        while not any(locks.iterdir()) and doing.poll() is None:
            time.sleep(0.001)
        assert doing.poll() is None, "it ended before it was seen at work"
        yield doing


def _killed(opened: Restic, *words: str) -> None:
    """Begin a restic that locks the repository, and kill it once it has."""
    with _at_work(opened, *words) as doing:
        doing.kill()
    assert any((Path(opened.repository.url) / "locks").iterdir())


async def test_locks_of_one_that_was_killed_are_in_nobodys_way(
    tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aloft.daytwo.restic.LOCK_PAUSE_SECONDS", 0.0)
    opened, second = repository(tmp_path, "first"), repository(tmp_path, "second")
    await opened.ensure()
    snapshot, _ = await opened.backup(source, TAGS)
    _killed(opened, "backup", "--stdin")
    await opened.forget([snapshot])
    await opened.backup(source, TAGS)
    _killed(opened, "check", "--read-data")
    await opened.prune()
    _killed(opened, "check", "--read-data")
    await second.ensure()
    await opened.backup(source, TAGS)
    await second.keep_copy(source, (await opened.snapshots(TAGS))[0])
    assert len(await second.snapshots(TAGS)) == 1


async def test_one_that_is_at_work_is_waited_for(tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aloft.daytwo.restic.LOCK_PAUSE_SECONDS", 0.05)
    opened = repository(tmp_path, "first")
    await opened.ensure()
    with _at_work(opened, "backup", "--stdin") as other:
        monkeypatch.setattr("aloft.daytwo.restic.LOCK_SECONDS", 0.0)
        with pytest.raises(RepositoryLocked):
            await opened.prune()
        monkeypatch.setattr("aloft.daytwo.restic.LOCK_SECONDS", 60.0)
        waiting = asyncio.create_task(opened.prune())
        await asyncio.wait({waiting}, timeout=0.5)
        assert not waiting.done(), "it went on beside the other"
        assert other.stdin is not None
        other.stdin.close()
        await waiting


async def test_one_file_of_a_snapshot_is_read_alone(tmp_path: Path, source: Path) -> None:
    opened = repository(tmp_path, "first")
    (source / "told.json").write_text('["acme"]')
    await opened.ensure()
    snapshot, _ = await opened.backup(source, TAGS)
    assert sorted(await opened.names(snapshot)) == ["/below/file", "/told.json"]
    assert await opened.read(snapshot, "/told.json") == '["acme"]'
    await opened.restore(snapshot, tmp_path / "part", ("/below",))
    assert [path.name for path in (tmp_path / "part").rglob("*") if path.is_file()] == ["file"]
    with pytest.raises(AloftError):
        await opened.read(snapshot, "/other")
