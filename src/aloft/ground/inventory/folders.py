"""Which files in a folder changed: Linux's inotify, straight from the C library (inotify(7))."""

import ctypes
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

IN_MODIFY = 0x2
IN_CLOSE_WRITE = 0x8
IN_MOVED_FROM = 0x40
IN_MOVED_TO = 0x80
IN_CREATE = 0x100
IN_DELETE = 0x200
IN_DELETE_SELF = 0x400
IN_Q_OVERFLOW = 0x4000
IN_IGNORED = 0x8000
IN_ISDIR = 0x40000000

_IN_ONLYDIR = 0x1000000
_FLAGS = os.O_NONBLOCK | os.O_CLOEXEC
_HEADER = struct.Struct("iIII")
_BUFFER = 64 * 1024

CONTENT = IN_CLOSE_WRITE | IN_MOVED_FROM | IN_MOVED_TO | IN_CREATE | IN_DELETE
"""A file came, went, or was written and closed."""


@dataclass(frozen=True)
class Happening:
    """What happened to ``name`` in a folder; ``mask`` has the bits above. Without a folder events were lost."""

    folder: Path | None
    name: str
    mask: int


class Folders:
    """Watched folders; ``fileno`` can be waited on."""

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._handle = self._libc.inotify_init1(_FLAGS)
        if self._handle < 0:
            raise OSError(ctypes.get_errno(), "inotify_init1")
        self._watched: dict[int, Path] = {}

    def fileno(self) -> int:
        """The descriptor that is readable when something happened."""
        return int(self._handle)

    def watch(self, folder: Path, mask: int = CONTENT) -> bool:
        """Watch a folder (not those below it); whether it is there. Watching it again does no harm."""
        number = self._libc.inotify_add_watch(self._handle, os.fsencode(folder), mask | IN_DELETE_SELF | _IN_ONLYDIR)
        if number < 0:
            return False
        self._watched[number] = folder
        return True

    def read(self) -> Iterator[Happening]:
        """What happened since the last time; does not wait."""
        while True:
            try:
                data = os.read(self._handle, _BUFFER)
            except BlockingIOError:
                return
            offset = 0
            while offset < len(data):
                number, mask, _, length = _HEADER.unpack_from(data, offset)
                name = data[offset + _HEADER.size : offset + _HEADER.size + length].rstrip(b"\0")
                offset += _HEADER.size + length
                folder = self._watched.get(number)
                if mask & IN_IGNORED:
                    self._watched.pop(number, None)
                if folder is not None or mask & IN_Q_OVERFLOW:
                    yield Happening(folder, os.fsdecode(name), mask)

    def close(self) -> None:
        """Stop watching."""
        os.close(self._handle)
