"""Python packages of a host: the edge serves them, as whole environments, to those who have a certificate.

An environment is unpacked beside the one that is in use and takes its place in one step; the former one is kept, so
that the host can go back to it.
"""

import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import httpx

from aloft.base.builds import build
from aloft.base.errors import PermanentError, TemporaryError
from aloft.ground.uplink import Uplink

_CHUNK = 1 << 20
_END_SECONDS = 120


def bring(connect: Callable[[], Uplink], name: str, wanted: str, prefix: Path) -> bool:
    """Have an environment in the build that is wanted: the former one, where that is it, else from the edge.

    Args:
        connect: makes a connection to the region's agent API.
        name: ``tool`` or a release.
        wanted: its build.
        prefix: where it belongs.

    Returns:
        Whether it is new to this host.

    Raises:
        TemporaryError: it could not be fetched.
        PermanentError: what was fetched is not that build.
    """
    if build(former_of(prefix)) == wanted:
        go_back(prefix)
        return False
    fetch(connect(), name, wanted, prefix)
    return True


def fetch(uplink: Uplink, name: str, wanted: str, prefix: Path) -> None:
    """Bring an environment about.

    Args:
        uplink: to the region's agent API.
        name: ``tool`` or a release.
        wanted: its build.
        prefix: where it belongs.

    Raises:
        TemporaryError: it could not be fetched.
        PermanentError: what was fetched is not that build.
    """
    prefix.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(dir=prefix.parent, prefix=f".{name}."))
    fresh.chmod(0o755)
    try:
        _unpack(uplink, f"/agent/v1/packages/{name}/{wanted}", fresh)
        if build(fresh) != wanted:
            raise PermanentError(
                f"The package {name} that the edge served is not of the build {wanted}.", "Tell the provider."
            )
        _swap(fresh, prefix)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def go_back(prefix: Path) -> bool:
    """Put the former environment in the place of the present one; whether there was one."""
    former = former_of(prefix)
    if not former.exists():
        return False
    failed = failed_of(prefix)
    shutil.rmtree(failed, ignore_errors=True)
    if prefix.exists():
        prefix.rename(failed)
    former.rename(prefix)
    shutil.rmtree(failed, ignore_errors=True)
    return True


def former_of(prefix: Path) -> Path:
    """Where the environment is that was in use before this one."""
    return prefix.with_name(f".{prefix.name}.former")


def failed_of(prefix: Path) -> Path:
    """Where an environment is moved that gives way to the former one."""
    return prefix.with_name(f".{prefix.name}.failed")


def _swap(fresh: Path, prefix: Path) -> None:
    former = former_of(prefix)
    if prefix.exists():
        shutil.rmtree(former, ignore_errors=True)
        prefix.rename(former)
    fresh.rename(prefix)


def _unpack(uplink: Uplink, path: str, folder: Path) -> None:
    command = ["tar", "--extract", "--gzip", "--no-same-owner", f"--directory={folder}"]
    try:
        with (
            uplink.stream(path) as answer,
            subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as tar,
        ):
            assert tar.stdin is not None  # noqa: S101 - for the type checker: it is a pipe
            for chunk in answer.iter_bytes(_CHUNK):
                tar.stdin.write(chunk)
            _, complaint = tar.communicate(timeout=_END_SECONDS)
    except (httpx.HTTPError, OSError, subprocess.TimeoutExpired) as error:
        raise TemporaryError(f"The package could not be fetched: {error}.", "The agent tries again.") from error
    if tar.returncode:
        raise TemporaryError(
            f"The package could not be unpacked: {complaint.decode(errors='replace').strip()[-300:]}",
            "See that the disk has room; the agent tries again.",
        )
