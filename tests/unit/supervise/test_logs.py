"""Logs are rotated under the hands of those who write and those who read."""

import asyncio
import gzip
import os
import time
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from aloft.supervise import logs
from aloft.supervise.logs import Rotation, follow, rotate, rotate_all, tail

SMALL = Rotation(max_bytes=10, keep=3)


def append(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


def test_a_writer_goes_on_in_the_truncated_file(tmp_path: Path):
    path = tmp_path / "x.log"
    with path.open("ab", buffering=0) as writer:
        for number in range(5):
            writer.write(f"line number {number}\n".encode())
            assert rotate(path, SMALL)
        writer.write(b"last\n")
    assert path.read_text() == "last\n"
    assert (tmp_path / "x.log.1").read_text() == "line number 4\n"
    assert gzip.decompress((tmp_path / "x.log.2.gz").read_bytes()) == b"line number 3\n"
    assert gzip.decompress((tmp_path / "x.log.3.gz").read_bytes()) == b"line number 2\n"
    assert len(list(tmp_path.iterdir())) == 4


def test_small_and_missing_logs_are_left_alone(tmp_path: Path):
    (tmp_path / "x.log").write_text("short\n")
    assert not rotate(tmp_path / "x.log", SMALL)
    assert not rotate(tmp_path / "y.log", SMALL)


def test_what_nobody_may_read_stays_so(tmp_path: Path):
    path = tmp_path / "x.log"
    append(path, "x" * 20)
    path.chmod(0o600)
    rotate(path, SMALL)
    append(path, "x" * 20)
    rotate(path, SMALL)
    assert {file.stat().st_mode & 0o777 for file in tmp_path.iterdir()} == {0o600}


def test_one_or_no_copy_is_kept_on_request(tmp_path: Path):
    path = tmp_path / "x.log"
    for keep, names in ((1, {"x.log", "x.log.1"}), (0, {"x.log"})):
        for _ in range(3):
            append(path, "x" * 20)
            rotate(path, Rotation(10, keep))
        assert {file.name for file in tmp_path.iterdir()} == names


def test_a_whole_tree_is_rotated(tmp_path: Path):
    (tmp_path / "slots/1").mkdir(parents=True)
    for name in ("slots/1/nova-api.log", "edge.log", "other.txt"):
        append(tmp_path / name, "x" * 20)
    (tmp_path / "link.log").symlink_to(tmp_path / "other.txt")
    assert rotate_all(tmp_path, SMALL) == [tmp_path / "edge.log", tmp_path / "slots/1/nova-api.log"]
    assert (tmp_path / "other.txt").stat().st_size == 20


@given(
    st.lists(st.text(st.characters(exclude_characters="\n", codec="utf-8"), max_size=20), max_size=50),
    st.integers(0, 60),
)
def test_the_tail_is_the_last_lines(tmp_path_factory, lines: list[str], count: int):
    path = tmp_path_factory.mktemp("tail") / "x.log"
    path.write_bytes("".join(f"{line}\n" for line in lines).encode())
    assert tail(path, count) == lines[len(lines) - min(count, len(lines)) :]


def test_the_tail_of_a_large_log_and_of_none(tmp_path: Path):
    path = tmp_path / "x.log"
    path.write_text("".join(f"{number}\n" for number in range(100_000)) + "unfinished")
    assert tail(path, 3) == ["99998", "99999", "unfinished"]
    assert tail(tmp_path / "y.log", 3) == []


async def test_a_follower_misses_nothing_when_the_log_is_rotated(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(logs, "_POLL", 0.001)
    path = tmp_path / "x.log"
    append(path, "one\ntwo\n")
    follower = follow(path, lines=1)
    assert await anext(follower) == "two"
    append(path, "three\nfour\n")
    assert await anext(follower) == "three"
    append(path, "five\n")
    assert rotate(path, SMALL)
    append(path, "six\n")
    assert [await anext(follower) for _ in range(3)] == ["four", "five", "six"]
    await follower.aclose()


async def test_a_follower_waits_for_a_log_and_for_the_end_of_a_line(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(logs, "_POLL", 0.001)
    path = tmp_path / "x.log"
    follower = follow(path, lines=1)
    waiting = asyncio.ensure_future(anext(follower))
    await asyncio.sleep(0)
    assert not waiting.done()
    append(path, "begin")
    await asyncio.sleep(0)
    append(path, "ning\n")
    assert await waiting == "beginning"
    await follower.aclose()


def test_the_owner_is_kept(tmp_path: Path):
    path = tmp_path / "x.log"
    append(path, "x" * 20)
    rotate(path, SMALL)
    assert (tmp_path / "x.log.1").stat().st_uid == os.getuid()


DAY = 86_400.0
NOW = time.time()


def _days_ago(days: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(NOW - days * DAY))


def _aged(path: Path, days: float) -> None:
    os.utime(path, (time.time() - days * DAY,) * 2)


def test_lines_that_are_too_old_go_at_once(tmp_path: Path):
    live, packed = tmp_path / "nova.log", tmp_path / "nova.log.2.gz"
    live.write_text(f"{_days_ago(9)}.123 old\n  its second line\n{_days_ago(1)} INFO new\nits second line\n")
    packed.write_bytes(gzip.compress(f"{_days_ago(30)} ancient\n".encode()))
    young = tmp_path / "ovn.log"
    young.write_text(f"{_days_ago(2).replace(' ', 'T')}.000Z|00001|young\n")
    unstamped = tmp_path / "other.log"
    unstamped.write_text("no time\n")
    with live.open("ab", buffering=0) as writer:
        logs.drop_older(tmp_path, 7 * DAY)
        writer.write(b"later\n")
    held = "".join(
        (gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()).decode()
        for path in sorted(tmp_path.glob("nova.log*"), reverse=True)
    )
    assert held == f"{_days_ago(1)} INFO new\nits second line\nlater\n"
    assert "young" in young.read_text() and unstamped.read_text() == "no time\n"


def test_logs_outlive_their_time_by_nothing_without_being_read(tmp_path: Path):
    live, marker, packed = (tmp_path / f"x.log{more}" for more in ("", ".1", ".2.gz"))
    live.write_text("one\n")
    logs.expire(tmp_path, 8 * DAY)
    assert live.read_text() == "one\n" and marker.read_text() == "", "it is noted when it was seen first"
    _aged(marker, 2.5)
    logs.expire(tmp_path, 8 * DAY)
    assert live.read_text() == "" and marker.read_text() == "one\n"
    _aged(marker, 5)
    logs.expire(tmp_path, 8 * DAY)
    assert marker.read_text() == "one\n", "its last line is five days old"
    packed.write_bytes(gzip.compress(b"zero\n"))
    for path in (marker, packed):
        _aged(path, 6.5)
    logs.expire(tmp_path, 8 * DAY)
    assert marker.read_text() == "" and not packed.exists()
