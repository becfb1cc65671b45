"""A node that is killed while it backs a customer up does that to its end when it is there again; nothing is half."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aloft.daytwo.restic import PROGRAM
from aloft.node.backups import ROOM_BYTES

NODE = Path(__file__).with_name("programs") / "backing_up.py"
STEPS = ("collect the metadata", "store in local", "read back", "copy to second")

pytestmark = pytest.mark.skipif(not Path(PROGRAM).exists(), reason="needs the package restic")


def _run(root: Path, fatal: str = "") -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, str(NODE), str(root), fatal]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def _ended(root: Path, fault: str = "") -> Any:
    done = _run(root, fault)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("fatal", STEPS)
def test_a_backup_goes_on_after_a_kill_at_each_step(tmp_path: Path, fatal: str) -> None:
    killed = _run(tmp_path, fatal)
    assert killed.returncode == -signal.SIGKILL, killed
    told = _ended(tmp_path)
    assert told["state"] == "succeeded", told
    assert told["result"]["copies"] == {"second": ""}
    assert told["last"].startswith(told["result"]["snapshot"])
    assert told["last"] in told["copies"]
    assert _tidy(tmp_path)


def test_a_place_for_copies_that_is_gone_is_told_and_costs_no_backup(tmp_path: Path) -> None:
    (tmp_path / "var/lib/aloft").mkdir(parents=True)
    (tmp_path / "var/lib/aloft/second").write_text("no folder any more")
    told = _ended(tmp_path)
    assert told["state"] == "succeeded" and told["last"].startswith(told["result"]["snapshot"])
    assert "second" in told["result"]["copies"]["second"]


def test_a_backup_with_a_wrong_key_fails_with_that_reason_and_leaves_nothing(tmp_path: Path) -> None:
    assert _ended(tmp_path)["state"] == "succeeded"
    shutil.rmtree(tmp_path / "var/lib/aloft/node/jobs")
    password = tmp_path / "var/lib/aloft/backup/repositories/local/password"
    password.chmod(0o600)
    password.write_text("another one")
    told = _ended(tmp_path)
    assert told["state"] == "failed" and "the password is not its own" in told["error"]
    assert len(list((tmp_path / "var/lib/aloft/backup/local/snapshots").iterdir())) == 1
    assert _tidy(tmp_path)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of the node's own."""
    _mount("-t", "tmpfs", "-o", f"size={ROOM_BYTES + (8 << 20)}", "tmpfs", str(tmp_path))
    yield tmp_path
    subprocess.run(["umount", str(tmp_path)], check=True)


def _mount(*words: str) -> None:
    subprocess.run(["mount", *words], check=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_a_disk_that_fills_up_is_told_and_backups_go_on_when_it_has_room(disk: Path) -> None:
    told = _ended(disk, "full")
    assert told["state"] == "failed" and "No space left on device" in told["error"], told
    assert _tidy(disk)
    (disk / "something-else").write_bytes(bytes(32 << 20))
    shutil.rmtree(disk / "var/lib/aloft/node/jobs")
    told = _ended(disk)
    assert told["state"] == "failed" and "MiB are needed" in told["error"], told
    (disk / "something-else").unlink()
    shutil.rmtree(disk / "var/lib/aloft/node/jobs")
    assert _ended(disk)["state"] == "succeeded"
    assert _tidy(disk)


def _tidy(root: Path) -> bool:
    """Whether no copies of secrets are left."""
    return not any((root / "var/lib/aloft/backup/staging").iterdir())
