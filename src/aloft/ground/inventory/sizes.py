"""How large disks are, read off the files themselves: cheap, and without asking QEMU or waiting for its locks."""

import os
import stat
from dataclasses import dataclass
from pathlib import Path

_QCOW2 = b"QFI\xfb"
_QCOW2_SIZE = slice(24, 32)  # big-endian (qemu's docs/interop/qcow2.txt)


@dataclass(frozen=True)
class Size:
    """Bytes that a guest sees, bytes that are taken on the storage, and the file system; ``None`` for the unknown.

    Folders and files of one file system (``statvfs``) have the same number; a block device is on none (-1).
    """

    capacity: int | None = None
    allocation: int | None = None
    file_system: int | None = None


class Sizes:
    """Remembers what was read as long as the file's size and time of change stay the same."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[tuple[int, int, int], Size]] = {}

    def measure(self, path: str, form: str) -> Size:
        """The size of a file or block device that holds a disk in the format ``form`` (libvirt's word)."""
        try:
            found = Path(path).stat()
            mark = (found.st_ino, found.st_size, found.st_mtime_ns)
            before = self._known.get(path)
            if before and before[0] == mark and not stat.S_ISBLK(found.st_mode):
                return before[1]
            file_system = -1 if stat.S_ISBLK(found.st_mode) else os.statvfs(path).f_fsid
            size = Size(_capacity(path, form, found), found.st_blocks * 512, file_system)
        except OSError:
            self._known.pop(path, None)
            return Size()
        self._known[path] = (mark, size)
        return size

    def changed(self, path: str, form: str) -> bool:
        """Whether the disk has another capacity than it had when it was measured last."""
        before = self._known.get(path)
        return before is not None and self.measure(path, form).capacity != before[1].capacity

    def forget_all_but(self, paths: set[str]) -> None:
        """Forget files that no domain has any more."""
        self._known = {path: known for path, known in self._known.items() if path in paths}


def _capacity(path: str, form: str, found: os.stat_result) -> int | None:
    if form not in ("", "raw", "qcow2"):
        return None
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        if form == "qcow2":
            head = os.pread(handle, 32, 0)
            return int.from_bytes(head[_QCOW2_SIZE], "big") if head.startswith(_QCOW2) else None
        return os.lseek(handle, 0, os.SEEK_END) if stat.S_ISBLK(found.st_mode) else found.st_size
    finally:
        os.close(handle)
