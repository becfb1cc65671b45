"""What hosts install: archives of the environments of this machine, made when one is first asked for.

An environment (the agent's own, or that of a release) is handed out as it is: a host has the same distribution, and
unpacks it at the same place. An archive is named by the build that it holds; the former one is kept for hosts that are
about to go back to it.
"""

import contextlib
import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from aloft.base import files
from aloft.base.builds import build
from aloft.base.errors import NotFound, TemporaryError
from aloft.base.paths import Paths
from aloft.ground.installer import TOOL, Platform

_KEPT = 2
_PACK_SECONDS = 600
_LEFT_OUT = ("tests", "CACHEDIR.TAG")
"""What no host needs. Compiled modules stay: compiling them costs a host more than fetching them."""


class Packages:
    """The archives.

    Args:
        paths: where the environments are.
        folder: where archives are kept.
    """

    def __init__(self, paths: Paths, folder: Path) -> None:
        self._paths = paths
        self._folder = folder
        self._lock = threading.Lock()

    def platform(self) -> Platform:
        """What the environments were made for."""
        return Platform(f"{sys.version_info.major}.{sys.version_info.minor}", os.uname().machine)

    def current(self, name: str) -> str:
        """The build of an environment that this machine has; empty when it has none, or none that is complete."""
        try:
            return build(self._prefix(name))
        except NotFound:
            return ""

    def archive(self, name: str, wanted: str = "") -> Path:
        """A gzipped tar archive of an environment.

        Args:
            name: ``tool`` (the agent) or a release.
            wanted: the build; the present one when it is left out.

        Raises:
            NotFound: there is no such environment, or none of that build any more.
            TemporaryError: it could not be packed.
        """
        with self._lock:
            present = self.current(name)
            file = self._folder / f"{name}-{wanted or present}.tar.gz"
            if file.exists():
                return file
            if not present or wanted not in ("", present):
                raise NotFound(f"There is no package {name} {wanted}".rstrip() + " here.")
            files.folder(self._folder, mode=0o700)
            for unfinished in self._folder.glob("*.part"):
                unfinished.unlink()
            self._pack(self._prefix(name), file)
            if self.current(name) != present:
                file.unlink()
                raise TemporaryError(f"The package {name} is being renewed.", "Try again in a moment.")
            self._sweep(name)
            return file

    def _prefix(self, name: str) -> Path:
        known = {path.parents[1].name for path in self._paths.environment("*").parent.glob("*/bin/python")}
        if name == TOOL:
            return self._paths.opt / TOOL
        if name not in known:
            raise NotFound(f"There is no package {name!r} here.")
        return self._paths.present(name)

    def _pack(self, prefix: Path, file: Path) -> None:
        handle, fresh = tempfile.mkstemp(dir=self._folder, suffix=".part")
        os.close(handle)
        exclusions = [f"--exclude={name}" for name in _LEFT_OUT]
        # modules that another user's process compiled may be readable by that user alone; the host compiles those anew
        unreadable = ["--ignore-failed-read", "--warning=no-failed-read"]
        tar = ["tar", "--create", "--use-compress-program=gzip -1", f"--file={fresh}", *unreadable, *exclusions]
        owner = ["--owner=0", "--group=0", "--numeric-owner", f"--directory={prefix}", "."]
        try:
            done = subprocess.run([*tar, *owner], capture_output=True, text=True, check=False, timeout=_PACK_SECONDS)
            if done.returncode:
                raise TemporaryError(f"The package {prefix.name} could not be packed: {done.stderr.strip()[-300:]}")
            Path(fresh).replace(file)
        finally:
            with contextlib.suppress(FileNotFoundError):
                Path(fresh).unlink()

    def _sweep(self, name: str) -> None:
        """Remove all but the latest archives of an environment."""
        found = sorted(self._folder.glob(f"{name}-*.tar.gz"), key=lambda path: path.stat().st_mtime, reverse=True)
        for old in found[_KEPT:]:
            old.unlink()
