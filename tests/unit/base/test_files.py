"""Files are whole or not there, with the mode they are meant to have."""

import os
import stat
from pathlib import Path

import pytest

from aloft.base import files
from aloft.base.errors import PermanentError


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_write_says_whether_it_changed_something(tmp_path: Path) -> None:
    file = tmp_path / "a"
    assert files.write(file, "one", mode=0o640)
    assert not files.write(file, b"one", mode=0o640)
    assert files.write(file, "two", mode=0o640)
    assert file.read_text() == "two"
    assert mode(file) == 0o640


def test_mode_is_put_right_without_rewriting(tmp_path: Path) -> None:
    file = tmp_path / "a"
    files.write(file, "secret", mode=0o644)
    before = file.stat().st_ino
    assert not files.write(file, "secret", mode=0o600)
    assert (file.stat().st_ino, mode(file)) == (before, 0o600)


def test_readers_keep_the_old_file_until_the_new_one_is_whole(tmp_path: Path) -> None:
    file = tmp_path / "a"
    files.write(file, "old")
    with file.open() as reader:
        files.write(file, "new")
        assert reader.read() == "old"
    assert file.read_text() == "new"


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "a"
    files.write(file, "old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(PermanentError, match="No space left") as caught:
        files.write(file, "new")
    assert "space" in caught.value.remedy
    assert [entry.name for entry in tmp_path.iterdir()] == ["a"]
    assert file.read_text() == "old"


def test_a_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("keep")
    (tmp_path / "a").symlink_to(victim)
    files.write(tmp_path / "a", "new")
    assert victim.read_text() == "keep"
    assert not (tmp_path / "a").is_symlink()


def test_folders_get_their_mode(tmp_path: Path) -> None:
    folder = tmp_path / "x" / "y"
    for wanted in (0o2710, 0o700):
        files.folder(folder, mode=wanted)
        assert mode(folder) == wanted
    (tmp_path / "file").write_text("")
    with pytest.raises(PermanentError):
        files.folder(tmp_path / "file")
