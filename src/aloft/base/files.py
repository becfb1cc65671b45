"""Files that are whole or not there, with the owner and mode that they are meant to have from the first moment.

A reader never sees half a file, and a secret is never readable by others for an instant: the content goes to a new file
in the same folder, gets its owner and mode, is flushed to the disk, and takes the old file's place in one step.
"""

import contextlib
import os
import stat
import tempfile
from pathlib import Path
from typing import TextIO

from aloft.base.errors import PermanentError


def write(
    path: Path, content: str | bytes, *, mode: int = 0o600, owner: int | None = None, group: int | None = None
) -> bool:
    """Make a file have this content, mode and owner; leave it alone when it has them.

    Args:
        path: the file; its folder must exist.
        content: text (written as UTF-8) or bytes.
        mode: permission bits.
        owner: numeric user; ``None`` is whoever runs this.
        group: numeric group; ``None`` is the group of whoever runs this.

    Returns:
        Whether the content was changed (not whether its mode or owner were).

    Raises:
        PermanentError: the file cannot be written.
    """
    data = content.encode() if isinstance(content, str) else content
    owner = os.geteuid() if owner is None else owner
    group = os.getegid() if group is None else group
    try:
        if _holds(path, data):
            _settle(path, mode, owner, group)
            return False
        _replace(path, data, mode, owner, group)
    except OSError as error:
        raise _cannot("write", path, error) from error
    return True


def folder(path: Path, *, mode: int = 0o755, owner: int | None = None, group: int | None = None) -> None:
    """Make a folder exist with this mode and owner; folders above it that are missing are made with mode 0755.

    Args:
        path: the folder.
        mode: permission bits, with the set-group-id bit where wanted.
        owner: numeric user; ``None`` is whoever runs this.
        group: numeric group; ``None`` is the group of whoever runs this.

    Raises:
        PermanentError: the folder cannot be made, or something else has its name.
    """
    owner = os.geteuid() if owner is None else owner
    group = os.getegid() if group is None else group
    try:
        path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            path.mkdir(mode=mode & 0o700)
        if not stat.S_ISDIR(path.lstat().st_mode):
            raise NotADirectoryError(20, "Not a directory")
        _settle(path, mode, owner, group)
    except OSError as error:
        raise _cannot("make the folder", path, error) from error


def journal(path: Path) -> TextIO:
    """Open a log for appending; others than root and its group do not read it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
    os.fchmod(handle, 0o640)
    return os.fdopen(handle, "a", encoding="utf-8")


def flush_folder(path: Path) -> None:
    """Make the names in a folder (a rename, a removal) survive a power cut."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _holds(path: Path, data: bytes) -> bool:
    try:
        return stat.S_ISREG(path.lstat().st_mode) and path.read_bytes() == data
    except FileNotFoundError:
        return False


def _settle(path: Path, mode: int, owner: int, group: int) -> None:
    """Set owner, then mode (a change of owner clears the set-group-id bit)."""
    found = path.lstat()
    if (found.st_uid, found.st_gid) != (owner, group):
        os.chown(path, owner, group, follow_symlinks=False)
        found = path.lstat()
    if stat.S_IMODE(found.st_mode) != mode:
        path.chmod(mode)


def _replace(path: Path, data: bytes, mode: int, owner: int, group: int) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            if (owner, group) != (os.geteuid(), os.getegid()):
                os.fchown(file.fileno(), owner, group)
            os.fchmod(file.fileno(), mode)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    flush_folder(path.parent)


def _cannot(what: str, path: Path, error: OSError) -> PermanentError:
    remedy = "Free some space on its file system." if error.errno in (28, 122) else "Check the folder and its owner."
    return PermanentError(f"Cannot {what} {path}: {error.strerror or error}.", remedy)
