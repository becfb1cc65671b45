"""Makes a release's environment: a virtual environment with the release's locked packages and Aloft's own wheel.

uv, its settings for this machine's package registry, and the wheel are what ``aloft.install.bootstrap`` left behind. A
stamp, written last, says what an environment was made from; one that was not finished is made anew.

Pins change within a release, when security fixes come. Controllers run on with those they have until they are upgraded,
so other pins get an environment of their own beside the one that is there, ``<release>-<pins>``, and a link says which
is the present one. What one is locked to is written into it and never changes.
"""

import contextlib
import fcntl
import hashlib
import json
import re
import shutil
import time
from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from aloft.base.builds import STAMP
from aloft.base.errors import PermanentError
from aloft.base.invoke import CommandFailed, CommandStalled, invoke
from aloft.base.paths import Paths
from aloft.controller.release import Release

PYTHON = Path("/usr/bin/python3")
LOCKED = "aloft-locked"
"""The file in an environment with the hash of what it is locked to."""

_PINS_DIGITS = 8
_DISTRIBUTION = re.compile(r"(.+)-([^-]+)\.dist-info")
ATTEMPTS = 3
REMEDY = "Check the network and the package registry (pip.conf, UV_DEFAULT_INDEX, SSL_CERT_FILE), then try again."


@dataclass(frozen=True)
class Stamp:
    """What an environment was made from: hashes of the release's lock and of Aloft's wheel."""

    lock: str
    wheel: str


@dataclass(frozen=True)
class Change:
    """A package whose version differs between two environments; empty where it is not there."""

    name: str
    before: str
    after: str


def ready(release: Release, paths: Paths) -> bool:
    """Whether the release's environment with its present pins, and those of others, are complete and up to date."""
    if _read(paths.present(release.name)) != _wanted(release, paths):
        return False
    return all(_current(prefix, paths) for prefix in _others(release, paths))


def complete(name: str, paths: Paths) -> bool:
    """Whether an environment, with whatever pins, has all it needs."""
    return _current(paths.environment(name), paths)


def pins(release: Release, paths: Paths) -> str:
    """The present pins of a release as this machine names them; empty for those that it was first made with."""
    return paths.present(release.name).resolve().name.removeprefix(release.name).removeprefix("-")


def release_of(environment: str) -> str:
    """The release that an environment is of."""
    return environment.partition("-")[0]


def changes(before: Path, after: Path) -> list[Change]:
    """The packages whose versions differ between two environments, by name."""
    here, there = _packages(before), _packages(after)
    differing = sorted(name for name in here.keys() | there.keys() if here.get(name) != there.get(name))
    return [Change(name, here.get(name, ""), there.get(name, "")) for name in differing]


def unused(release: Release, paths: Paths, used: Collection[str]) -> list[str]:
    """The names of environments of former pins that nobody uses; the first one is kept in any case.

    Args:
        release: whose.
        paths: where Aloft lies.
        used: names of environments that controllers run from, or may go back to.
    """
    kept = {*used, paths.present(release.name).resolve().name}
    found = paths.environment(release.name).parent.glob(f"{release.name}-*")
    return sorted(prefix.name for prefix in found if prefix.name not in kept)


def remove(release: Release, paths: Paths, name: str) -> None:
    """Remove an environment that nothing runs from, unless it has the present pins by now."""
    with _alone(_lock(release, paths)):
        if name != paths.present(release.name).resolve().name:
            shutil.rmtree(paths.environment(name))


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
    with _alone(_lock(release, paths)):
        if ready(release, paths):
            return "is there"
        wanted = _wanted(release, paths)
        if _locked(prefix) not in ("", wanted.lock):
            prefix = paths.environment(f"{release.name}-{wanted.lock[:_PINS_DIGITS]}")
        found = _read(prefix)
        if found != wanted:
            _make(release, prefix, wanted, paths, log)
        for other in _others(release, paths):
            if not _current(other, paths):
                _renew(other, paths, log)
        _present(release, prefix, paths)
        return "was made" if found is None else "was brought up to date"


def _make(release: Release, prefix: Path, wanted: Stamp, paths: Paths, log: Path) -> None:
    """Make an environment with the release's present pins; one that has all but Aloft's own package gets that."""
    uv, settings = installer(paths)
    python = prefix / "bin/python"
    if _locked(prefix) != wanted.lock:
        if prefix.exists():  # a package whose installation was cut off would count as installed
            shutil.rmtree(prefix)
        invoke([uv, "venv", "--quiet", "--python", PYTHON, prefix], log=log, timeout=60)
        _install([uv, "pip", "sync", "--require-hashes", "--python", python, release.lock], settings, log)
        (prefix / LOCKED).write_text(wanted.lock)
    _renew(prefix, paths, log)


def _renew(prefix: Path, paths: Paths, log: Path) -> None:
    """Give an environment, which has all else, Aloft's present package."""
    uv, settings = installer(paths)
    lock = _locked(prefix)
    (prefix / LOCKED).write_text(lock)
    (prefix / STAMP).unlink(missing_ok=True)
    install: list[str | Path] = [uv, "pip", "install", "--no-deps", "--reinstall", "--offline"]
    _install([*install, "--python", prefix / "bin/python", wheel(paths)], settings, log)
    (prefix / STAMP).write_text(json.dumps(asdict(Stamp(lock, _hash(wheel(paths))))))


def _present(release: Release, prefix: Path, paths: Paths) -> None:
    """Say which environment has the present pins, in one step."""
    first = paths.environment(release.name)
    link = first.with_name(f".{release.name}.present")
    if prefix == first:
        link.unlink(missing_ok=True)
        return
    fresh = link.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(prefix.name)
    fresh.rename(link)


def _others(release: Release, paths: Paths) -> list[Path]:
    """The environments of a release, with whatever pins."""
    first = paths.environment(release.name)
    return [prefix for prefix in (first, *first.parent.glob(f"{release.name}-*")) if _locked(prefix)]


def _current(prefix: Path, paths: Paths) -> bool:
    """Whether an environment has Aloft's present package."""
    found = _read(prefix)
    return found is not None and found.wheel == _hash(wheel(paths))


def _locked(prefix: Path) -> str:
    """What an environment is locked to; empty for one that does not have all of that yet."""
    file, found = prefix / LOCKED, _read(prefix)
    if file.exists():
        return file.read_text()
    return "" if found is None else found.lock


def _lock(release: Release, paths: Paths) -> Path:
    return paths.environment(release.name).with_name(f".{release.name}.lock")


def _packages(prefix: Path) -> dict[str, str]:
    """The versions of an environment's packages by their names."""
    folders = prefix.glob("lib/python3*/site-packages/*.dist-info")
    found = (_DISTRIBUTION.fullmatch(folder.name) for folder in folders)
    return {one.group(1).lower().replace("_", "-"): one.group(2) for one in found if one}


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
