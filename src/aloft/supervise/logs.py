"""Log files of supervised processes: rotating, reading the end, following.

Processes append to their log through a descriptor that was opened for them, so a log is rotated by copying and
truncating: ``x.log`` → ``x.log.1`` (plain, so that followers can finish reading it) → ``x.log.2.gz`` → … What is
written between the last read and the truncation is lost; the copy is repeated until nothing is left to read, which
makes that moment microseconds.
"""

import asyncio
import gzip
import logging
import os
import re
import shutil
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

_log = logging.getLogger(__name__)

_BLOCK = 1 << 16
_POLL = 0.2
_STAMPED = re.compile(rb"(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)")


@dataclass(frozen=True)
class Rotation:
    """When and how logs are rotated.

    Args:
        max_bytes: a larger file is rotated.
        keep: rotated files that are kept.
    """

    max_bytes: int = 20 * 1024 * 1024
    keep: int = 5


def rotate(path: Path, rotation: Rotation) -> bool:
    """Rotate one log if it is too large; returns whether it was."""
    try:
        if path.stat().st_size <= rotation.max_bytes:
            return False
    except FileNotFoundError:
        return False
    _aged(path, rotation.keep + 1).unlink(missing_ok=True)
    for age in range(rotation.keep, 1, -1):
        if _aged(path, age).exists():
            _aged(path, age).replace(_aged(path, age + 1))
    if _aged(path, 1).exists():
        _compress(_aged(path, 1), _aged(path, 2))
    _copy_and_truncate(path, _aged(path, 1))
    _aged(path, rotation.keep + 1).unlink(missing_ok=True)
    return True


def rotate_all(folder: Path, rotation: Rotation) -> list[Path]:
    """Rotate every ``*.log`` below a folder that is too large; returns which."""
    return [path for path in sorted(folder.rglob("*.log")) if not path.is_symlink() and rotate(path, rotation)]


def expire(folder: Path, seconds: float) -> None:
    """See to it that no log in a folder holds lines that are older than this.

    A log is rotated when a quarter of that time has passed since it was last, and what was rotated goes after three
    quarters. An empty rotated file notes when a log was seen first.
    """
    now = time.time()
    for path in sorted(folder.glob("*.log")):
        rotated, former = path.stat(), _aged(path, 1)
        if not former.exists():
            former.touch(mode=rotated.st_mode & 0o777)
            os.chown(former, rotated.st_uid, rotated.st_gid)
        elif rotated.st_size and now - former.stat().st_mtime > seconds / 4:
            rotate(path, Rotation(max_bytes=0))
        for old in folder.glob(f"{path.name}.[0-9]*"):
            if old != former and now - old.stat().st_mtime > seconds * 3 / 4:
                old.unlink()
        if former.stat().st_size and now - former.stat().st_mtime > seconds * 3 / 4:
            os.truncate(former, 0)


def drop_older(folder: Path, seconds: float) -> None:
    """Drop at once what was written longer ago than this, by the time at the beginning of each line.

    Logs without such times are left to :func:`expire`.
    """
    limit = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(time.time() - seconds)).encode()
    for path in sorted(folder.glob("*.log")):
        with path.open("rb") as file:
            begins = next((stamp for line in file if (stamp := _stamp(line))), limit)
        if begins < limit:
            rotate(path, Rotation(max_bytes=0))
        for old in folder.glob(f"{path.name}.[0-9]*"):
            _keep_since(old, limit)


async def keep_rotated(folder: Path, rotation: Rotation, interval: float = 60.0) -> None:
    """Rotate below a folder for ever, off the event loop; what fails (a full disk) is tried again next time."""
    while True:
        try:
            await asyncio.to_thread(rotate_all, folder, rotation)
        except OSError as error:
            _log.warning("Logs below %s could not be rotated: %s", folder, error)
        await asyncio.sleep(interval)


def tail(path: Path, lines: int) -> list[str]:
    """The last lines of a log, oldest first; none if there is no log."""
    whole, rest, _ = _tail(path, lines)
    return ([*whole, rest.decode(errors="replace")] if rest else whole)[-lines:] if lines else []


async def follow(path: Path, lines: int = 0) -> AsyncIterator[str]:
    """The last ``lines`` of a log, then each line as it is written, for ever; one that is not there yet is awaited."""
    last, rest, position = await asyncio.to_thread(_tail, path, lines)
    for line in last:
        yield line
    while True:
        chunks, position = await asyncio.to_thread(_read_on, path, position)
        for chunk in chunks:
            *whole, rest = (rest + chunk).split(b"\n")
            for part in whole:
                yield part.decode(errors="replace")
        if not chunks:
            await asyncio.sleep(_POLL)


def _tail(path: Path, lines: int) -> tuple[list[str], bytes, int]:
    """The last whole lines, what there is of the next, and where that ends."""
    try:
        with path.open("rb") as file:
            end = position = file.seek(0, os.SEEK_END)
            text = b""
            while position > 0 and text.count(b"\n") <= lines:
                step = min(_BLOCK, position)
                position -= step
                file.seek(position)
                text = file.read(step) + text
    except FileNotFoundError:
        return [], b"", 0
    *whole, rest = text.split(b"\n")
    return [line.decode(errors="replace") for line in whole[max(0, len(whole) - lines) :]], rest, end


def _read_on(path: Path, position: int) -> tuple[list[bytes], int]:
    """What was written since ``position``; if the log was rotated meanwhile, the rest of the old one comes first."""
    size = _size(path)
    if size == position:
        return [], position
    chunks = []
    if size < position:
        old = _aged(path, 1)
        if _size(old) > position:
            chunks.append(_read(old, position, -1))
        position = 0
    data = _read(path, position, _BLOCK)
    return [*chunks, data] if data else chunks, position + len(data)


def _read(path: Path, position: int, count: int) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(position)
            return file.read(count)
    except FileNotFoundError:
        return b""


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _aged(path: Path, age: int) -> Path:
    return path.with_name(f"{path.name}.{age}" + (".gz" if age > 1 else ""))


def _compress(source: Path, target: Path) -> None:
    with source.open("rb") as plain, gzip.open(target, "wb", compresslevel=6) as packed:
        _same_access(source, target)
        shutil.copyfileobj(plain, packed)
    source.unlink()


def _copy_and_truncate(source: Path, target: Path) -> None:
    with source.open("r+b") as live, target.open("wb") as copy:
        _same_access(source, target)
        while block := live.read(_BLOCK):
            copy.write(block)
        live.truncate(0)


def _stamp(line: bytes) -> bytes:
    """When a line was written, as ``2026-11-20 14:03:10``; empty when it does not say."""
    found = _STAMPED.match(line)
    return b" ".join(found.groups()) if found else b""


def _keep_since(path: Path, limit: bytes) -> None:
    """Keep of a rotated log what comes from the first line on that was written at ``limit`` or later."""
    packed, status = path.suffix == ".gz", path.stat()
    with gzip.open(path, "rb") if packed else path.open("rb") as file:
        lines = file.readlines()
    stamps = [_stamp(line) for line in lines]
    if not any(stamp and stamp < limit for stamp in stamps):
        return
    kept = lines[next((place for place, stamp in enumerate(stamps) if stamp >= limit), len(lines)) :]
    fresh = path.with_name(f"{path.name}.fresh")
    with gzip.open(fresh, "wb", compresslevel=6) if packed else fresh.open("wb") as out:
        _same_access(path, fresh)
        out.writelines(kept)
    os.utime(fresh, (status.st_atime, status.st_mtime))
    fresh.replace(path)


def _same_access(source: Path, target: Path) -> None:
    status = source.stat()
    target.chmod(status.st_mode & 0o777)
    os.chown(target, status.st_uid, status.st_gid)
