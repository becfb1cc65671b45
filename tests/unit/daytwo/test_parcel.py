"""What is packed on one node is the same on another, and nothing gets out of its folder there."""

import io
import tarfile
from pathlib import Path

import pytest

from aloft.base.errors import InvalidInput
from aloft.daytwo import parcel


async def sent(packed: Path, to: Path) -> Path:
    await parcel.keep(parcel.pieces(packed), to)
    return to


async def test_a_folder_arrives_as_it_was_for_root_only(tmp_path: Path) -> None:
    folder = tmp_path / "from"
    (folder / "deep/empty").mkdir(parents=True)
    (folder / "deep/file").write_bytes(b"\0" * 3_000_000)
    (folder / "a").write_text("text")
    (folder / "a").chmod(0o644)
    parcel.pack(folder, tmp_path / "packed")
    parcel.unpack(await sent(tmp_path / "packed", tmp_path / "came"), tmp_path / "to")
    assert {str(path.relative_to(tmp_path / "to")) for path in (tmp_path / "to").rglob("*")} == {
        "a", "deep", "deep/empty", "deep/file",
    }  # fmt: skip
    assert (tmp_path / "to/deep/file").read_bytes() == b"\0" * 3_000_000
    assert (tmp_path / "to/a").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "to/deep").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("name", ["../out", "/out", "in/../../out"])
def test_nothing_lies_outside(tmp_path: Path, name: str) -> None:
    with tarfile.open(tmp_path / "packed", "w") as tar:
        member = tarfile.TarInfo(name)
        member.size = 1
        tar.addfile(member, io.BytesIO(b"x"))
    with pytest.raises(InvalidInput, match="does not belong"):
        parcel.unpack(tmp_path / "packed", tmp_path / "to")
    assert not (tmp_path / "out").exists()


def test_links_are_refused(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "packed", "w") as tar:
        member = tarfile.TarInfo("link")
        member.type, member.linkname = tarfile.SYMTYPE, "/etc/shadow"
        tar.addfile(member)
    with pytest.raises(InvalidInput):
        parcel.unpack(tmp_path / "packed", tmp_path / "to")


async def test_half_of_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "from").mkdir()
    (tmp_path / "from/file").write_bytes(b"x" * 100_000)
    parcel.pack(tmp_path / "from", tmp_path / "packed")
    (tmp_path / "half").write_bytes((tmp_path / "packed").read_bytes()[:50_000])
    with pytest.raises(InvalidInput, match="not whole"):
        parcel.unpack(tmp_path / "half", tmp_path / "to")
