"""A folder as one stream of bytes, for its way to another node, and back to a folder there."""

import asyncio
import os
import tarfile
from collections.abc import AsyncIterable, AsyncIterator
from pathlib import Path, PurePosixPath

from aloft.base import files
from aloft.base.errors import InvalidInput

_PIECE = 1 << 20


def pack(folder: Path, target: Path) -> None:
    """Write a folder's files and folders to a new file, which only root reads.

    Raises:
        OSError: it cannot be written.
    """
    handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as out, tarfile.open(fileobj=out, mode="w|", format=tarfile.PAX_FORMAT) as tar:
        for path in sorted(folder.rglob("*")):
            tar.add(path, str(path.relative_to(folder)), recursive=False)


def unpack(source: Path, folder: Path) -> None:
    """Make a folder of what :func:`pack` wrote; only root reads what is in it.

    Raises:
        InvalidInput: it holds anything but files and folders, or one that would lie elsewhere.
        OSError: it cannot be written.
    """
    files.folder(folder, mode=0o700)
    try:
        with tarfile.open(source, mode="r|") as tar:
            for member in tar:
                _unpack_one(tar, member, folder)
    except tarfile.TarError as error:
        raise InvalidInput(f"What came is not whole: {error}.", "Send it again.") from error


def _unpack_one(tar: tarfile.TarFile, member: tarfile.TarInfo, folder: Path) -> None:
    name = PurePosixPath(member.name)
    if name.is_absolute() or ".." in name.parts or not (member.isdir() or member.isfile()):
        raise InvalidInput(f"What came holds '{member.name}', which does not belong there.")
    target = folder / name
    if member.isdir():
        files.folder(target, mode=0o700)
        return
    files.folder(target.parent, mode=0o700)
    handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as out:
        content = tar.extractfile(member)
        while content is not None and (piece := content.read(_PIECE)):
            out.write(piece)


async def pieces(source: Path) -> AsyncIterator[bytes]:
    """A file's content, piece by piece."""
    with source.open("rb") as opened:
        while piece := await asyncio.to_thread(opened.read, _PIECE):
            yield piece


async def keep(coming: AsyncIterable[bytes], target: Path) -> None:
    """Write what comes to a file, which only root reads.

    Raises:
        OSError: it cannot be written.
    """
    handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as out:
        async for piece in coming:
            await asyncio.to_thread(out.write, piece)
