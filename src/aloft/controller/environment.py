"""Makes a release's environment: a virtual environment with the release's locked packages and Aloft's own wheel.

uv, its settings for this machine's package registry, and the wheel are what ``aloft.install.bootstrap`` left behind. A
stamp, written last, says what an environment was made from; one without a stamp was not finished and is gone on with.
"""

import contextlib
import fcntl
import hashlib
import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from aloft.base.builds import STAMP
from aloft.base.errors import PermanentError
from aloft.base.invoke import CommandFailed, CommandStalled, invoke
from aloft.base.paths import Paths
from aloft.controller.release import Release

PYTHON = Path("/usr/bin/python3")
ATTEMPTS = 3
REMEDY = "Check the network and the package registry (pip.conf, UV_DEFAULT_INDEX, SSL_CERT_FILE), then try again."


@dataclass(frozen=True)
class Stamp:
    """What an environment was made from: hashes of the release's lock and of Aloft's wheel."""

    lock: str
    wheel: str


def ready(release: Release, paths: Paths) -> bool:
    """Whether the release's environment is complete and up to date."""
    return _read(paths.environment(release.name)) == _wanted(release, paths)


def prepare(release: Release, paths: Paths, log: Path) -> str:
    """Bring the release's environment about, and say in a few words what was done.

    Args:
        release: which one.
        paths: where Aloft lies.
        log: file that the installer's output goes to.

    Raises:
        PermanentError: uv or the wheel is missing, or a package could not be installed; trying again goes on.
    """
    prefix = paths.environment(release.name)
    prefix.parent.mkdir(parents=True, exist_ok=True)
    with _alone(prefix.parent / f".{release.name}.lock"):
        wanted, found = _wanted(release, paths), _read(prefix)
        if wanted == found:
            return "is there"
        uv, settings = installer(paths)
        python = prefix / "bin/python"
        (prefix / STAMP).unlink(missing_ok=True)
        if found is None or found.lock != wanted.lock:
            if not python.exists():
                invoke([uv, "venv", "--quiet", "--python", PYTHON, prefix], log=log, timeout=60)
            _install([uv, "pip", "sync", "--require-hashes", "--python", python, release.lock], settings, log)
        install: list[str | Path] = [uv, "pip", "install", "--no-deps", "--reinstall", "--offline", "--python", python]
        _install([*install, wheel(paths)], settings, log)
        (prefix / STAMP).write_text(json.dumps(asdict(wanted)))
        return "was made" if found is None else "was brought up to date"


def wheel(paths: Paths) -> Path:
    """Aloft's own wheel, as the bootstrap built it.

    Raises:
        PermanentError: it was not built.
    """
    built = sorted((paths.opt / "wheel").glob("aloft-*.whl"))
    if not built:
        raise PermanentError(
            f"Aloft's own package is not in {paths.opt / 'wheel'}.", "Run `sudo ./aloft up` from a checkout."
        )
    return built[-1]


def _wanted(release: Release, paths: Paths) -> Stamp:
    return Stamp(_hash(release.lock), _hash(wheel(paths)))


def _hash(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _read(prefix: Path) -> Stamp | None:
    try:
        return Stamp(**json.loads((prefix / STAMP).read_text()))
    except (OSError, ValueError, TypeError):
        return None


def installer(paths: Paths) -> tuple[Path, dict[str, str]]:
    """Uv, and its settings for this machine's registry.

    Raises:
        PermanentError: the bootstrap did not leave it behind.
    """
    home = paths.opt / "bootstrap"
    uv, settings = home / "bin/uv", home / "registry.json"
    if not uv.exists() or not settings.exists():
        raise PermanentError(f"The package installer is not in {home}.", "Run `sudo ./aloft up` from a checkout.")
    return uv, json.loads(settings.read_text())


def _install(command: list[str | Path], settings: dict[str, str], log: Path) -> None:
    """Run the installer, again when it fails: what it had is kept, so each attempt gets further."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            invoke(command, log=log, timeout=900, env=settings)
        except (CommandFailed, CommandStalled) as error:
            if attempt == ATTEMPTS:
                raise PermanentError(f"OpenStack could not be installed. {error.message}", REMEDY) from error
            time.sleep(2.0 * attempt)
        else:
            return


@contextlib.contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Hold a lock, so that an environment is made by one process at a time."""
    with lock.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
