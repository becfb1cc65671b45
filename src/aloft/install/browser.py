"""The browser that the portal's tests and benchmark drive: the system's Chromium, installed where it is missing."""

import sys
from pathlib import Path

from aloft.base.paths import Paths
from aloft.install import packages

PACKAGES = ("chromium", "fonts-dejavu-core")
PROGRAM = Path("/usr/bin/chromium")
OPTIONS = ("--no-sandbox", "--disable-gpu")
"""Root may not use Chromium's sandbox, and a test machine has no graphics."""


def install(paths: Paths) -> str:
    """Install Chromium where it is missing.

    Raises:
        PermanentError: its packages cannot be had.
    """
    return packages.ensure(PACKAGES, paths)


if __name__ == "__main__":
    sys.exit(packages.command("chromium", PACKAGES))
