"""An initramfs written by hand: the "newc" cpio format, gzip-compressed.

The kernel's own description of the format is ``Documentation/driver-api/early-userspace/buffer-format.rst``.
"""

import gzip
import stat
from dataclasses import dataclass


@dataclass(frozen=True)
class Entry:
    """One member of the archive.

    Args:
        path: where it lies, without a leading slash.
        mode: file type and permissions, as in ``st_mode``.
        content: bytes of a file, or the target of a symbolic link; empty for folders and devices.
        device: major and minor number, for a character device.
    """

    path: str
    mode: int
    content: bytes = b""
    device: tuple[int, int] = (0, 0)


def folder(path: str) -> Entry:
    """A folder that everybody may read."""
    return Entry(path, stat.S_IFDIR | 0o755)


def program(path: str, content: bytes) -> Entry:
    """An executable file."""
    return Entry(path, stat.S_IFREG | 0o755, content)


def document(path: str, content: bytes) -> Entry:
    """A plain file."""
    return Entry(path, stat.S_IFREG | 0o644, content)


def character_device(path: str, major: int, minor: int) -> Entry:
    """A character device node."""
    return Entry(path, stat.S_IFCHR | 0o600, b"", (major, minor))


def pack(entries: list[Entry]) -> bytes:
    """The compressed archive of these entries, in their order; the same entries give the same bytes."""
    parts = [_member(number, entry) for number, entry in enumerate(entries, start=1)]
    parts.append(_member(0, Entry("TRAILER!!!", 0)))
    return gzip.compress(b"".join(parts), compresslevel=6, mtime=0)


def _member(inode: int, entry: Entry) -> bytes:
    name = entry.path.encode() + b"\0"
    fields = (
        inode, entry.mode, 0, 0, 1, 0, len(entry.content), 0, 0, *entry.device, len(name), 0,
    )  # fmt: skip
    header = b"070701" + b"".join(b"%08X" % value for value in fields)
    return _padded(header + name) + _padded(entry.content)


def _padded(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % 4)
