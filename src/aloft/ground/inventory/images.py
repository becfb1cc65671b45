"""Watches the folder into which images are put, and knows each by the hash of its content.

A file counts once nobody has written to it for a while, or at once when it was closed after writing or moved into
place. Its hash is computed once for as long as the file, its size and its time of change are the same, also over
restarts. Files that are being copied (hidden, or with a suffix that says so) do not count.
"""

import dataclasses
import hashlib
import json
import logging
import os
import select
import stat
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aloft.base import files
from aloft.base.errors import AloftError
from aloft.ground.inventory.account import Account
from aloft.ground.inventory.folders import (
    CONTENT,
    IN_CLOSE_WRITE,
    IN_CREATE,
    IN_ISDIR,
    IN_MODIFY,
    IN_MOVED_TO,
    Folders,
    Happening,
)
from aloft.sync.inventory import Image
from aloft.sync.wire import Message

_log = logging.getLogger(__name__)

SETTLE_SECONDS = 3.0
"""A file that was changed this long ago is whole, when nothing tells that it was closed."""

SCAN_SECONDS = 300.0
_UNFINISHED = (".part", ".partial", ".tmp", ".temp", ".crdownload", ".filepart", "~")
_PROPERTIES = ".properties.json"
_BLOCK = 1 << 20
_ISO_MARK, _ISO_OFFSET = b"CD001", 0x8001  # ECMA-119, 8.1
_GLANCE_FORMATS = {"vpc": "vhd", "parallels": "ploop"}


@dataclass(frozen=True)
class Known(Message):
    """What was found out about a file that had this inode, size and time of change."""

    inode: int
    size: int
    modified_ns: int
    sha256: str
    format: str
    virtual_size: int
    backing: str = ""

    def fits(self, found: os.stat_result) -> bool:
        """Whether the file is still the same."""
        return (self.inode, self.size, self.modified_ns) == (found.st_ino, found.st_size, found.st_mtime_ns)


class Unreadable(AloftError):
    """A file is no image, or cannot be read now."""


class ImageFolder:
    """Keeps an account true to a folder of images.

    Args:
        account: to write to.
        folder: where images are put; folders in it count, too.
        memory: file that remembers hashes.
        settle_seconds: see :data:`SETTLE_SECONDS`.
    """

    def __init__(self, account: Account, folder: Path, memory: Path, settle_seconds: float = SETTLE_SECONDS) -> None:
        self._account = account
        self._folder = folder
        self._memory = memory
        self._settle = settle_seconds
        self._folders = Folders()
        self._known = _recall(memory)
        self._refused: dict[str, tuple[int, int]] = {}
        self._whole: set[Path] = set()
        self._awake, self._wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._ended = False

    def run(self) -> None:
        """Watch until told to stop."""
        poll = select.poll()
        for handle in (self._awake, self._folders.fileno()):
            poll.register(handle, select.POLLIN)
        while not self._ended:
            again = self.look()
            poll.poll(again * 1000)
            for happening in self._folders.read():
                self._note(happening)

    def stop(self) -> None:
        """End ``run`` soon; from any thread."""
        self._ended = True
        os.write(self._wake, b".")

    def look(self) -> float:
        """Bring the account up to what lies in the folder; returns the seconds after which to look again."""
        try:
            images, again = self._read()
        except OSError as error:
            self._account.fail("images", f"The folder {self._folder} cannot be read: {error.strerror}.")
            return SCAN_SECONDS
        if self._account.see("images", images):
            self._remember()
        return again

    def _note(self, happening: Happening) -> None:
        """A file that was closed, or moved into place, is whole; one that is written to is not."""
        if happening.folder is None:
            return
        path = happening.folder / happening.name
        if happening.mask & (IN_CLOSE_WRITE | IN_MOVED_TO):
            self._whole.add(path)
        elif happening.mask & (IN_MODIFY | IN_CREATE) and not happening.mask & IN_ISDIR:
            self._whole.discard(path)

    def _read(self) -> tuple[list[Image], float]:
        images: list[Image] = []
        again, now = SCAN_SECONDS, time.time()
        before = {image.path: image for image in self._account.inventory.images}
        for path, found in self._files():
            name = str(path.relative_to(self._folder))
            known = self._known.get(name)
            if known is None or not known.fits(found):
                settled = found.st_mtime + self._settle - now
                if settled > 0 and path not in self._whole:
                    again = min(again, settled)
                    if name in before:
                        images.append(before[name])  # until the new content is whole, the old one is told
                    continue
                known = self._look_into(path, name, found)
            if known is not None:
                images.append(_image(name, known, _properties(path)))
        self._whole.clear()
        return images, max(again, 0.05)

    def _files(self) -> Iterator[tuple[Path, os.stat_result]]:
        """The files that count, with what the file system says of them; all folders are watched."""
        for folder, below, names in os.walk(self._folder, onerror=_raise):
            self._folders.watch(Path(folder), CONTENT | IN_MODIFY)
            below[:] = sorted(name for name in below if not name.startswith("."))
            for name in sorted(names):
                if name.startswith(".") or name.endswith((*_UNFINISHED, _PROPERTIES)):
                    continue
                path = Path(folder, name)
                try:
                    found = path.lstat()
                except FileNotFoundError:
                    continue
                if stat.S_ISREG(found.st_mode) and found.st_size:
                    yield path, found

    def _look_into(self, path: Path, name: str, found: os.stat_result) -> Known | None:
        mark = (found.st_ino, found.st_mtime_ns)
        if self._refused.get(name) == mark:
            return None
        try:
            known = examine(path)
        except Unreadable as error:
            _log.warning("%s", error)
            self._refused[name] = mark
            return None
        if known is not None:
            self._known[name] = known
        return known

    def _remember(self) -> None:
        listed = {image.path for image in self._account.inventory.images}
        self._known = {name: known for name, known in self._known.items() if name in listed}
        files.write(self._memory, json.dumps({name: known.to_json() for name, known in self._known.items()}))


def examine(path: Path) -> Known | None:
    """Hash a file and see what it is; ``None`` when it was changed meanwhile.

    Raises:
        Unreadable: it cannot be read, or QEMU's tools cannot say what it is.
    """
    try:
        before = path.stat()
        digest = hashlib.sha256()
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
            file.seek(_ISO_OFFSET)
            is_iso = file.read(len(_ISO_MARK)) == _ISO_MARK
        told = _qemu_says(path)
        after = path.stat()
    except OSError as error:
        raise Unreadable(f"The image {path} cannot be read: {error.strerror or error}.") from error
    form = str(told.get("format", "raw"))
    known = Known(
        before.st_ino,
        before.st_size,
        before.st_mtime_ns,
        digest.hexdigest(),
        "iso" if is_iso and form == "raw" else _GLANCE_FORMATS.get(form, form),
        int(told.get("virtual-size", before.st_size)),
        str(told.get("backing-filename", "")),
    )
    return known if known.fits(after) else None


def _qemu_says(path: Path) -> dict[str, Any]:
    command = ("/usr/bin/qemu-img", "info", "--output=json", "--force-share", str(path))
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    except subprocess.TimeoutExpired as error:
        raise Unreadable(f"qemu-img cannot say what {path} is: it did not answer within 30 s.") from error
    if done.returncode:
        raise Unreadable(f"qemu-img cannot say what {path} is: {done.stderr.strip()[:200]}")
    return dict(json.loads(done.stdout))


def _image(name: str, known: Known, properties: dict[str, str]) -> Image:
    facts = {field.name: getattr(known, field.name) for field in dataclasses.fields(known) if field.name != "inode"}
    return Image(path=name, properties=properties, **facts)


def _properties(path: Path) -> dict[str, str]:
    """What the file beside an image says, as texts (JSON's, of what is no text); nothing when it is no object."""
    beside = path.with_name(path.name + _PROPERTIES)
    try:
        told = json.loads(beside.read_text())
    except (OSError, ValueError):
        return {}
    if not isinstance(told, dict):
        return {}
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in told.items()}


def _recall(memory: Path) -> dict[str, Known]:
    try:
        return {name: Known.from_json(data) for name, data in json.loads(memory.read_text()).items()}
    except (OSError, ValueError, AttributeError, AloftError):
        return {}


def _raise(error: OSError) -> None:
    raise error
