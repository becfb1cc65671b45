"""The browser that the portal's tests and benchmark drive: the system's Chromium, installed where it is missing."""

import sys
from pathlib import Path

from aloft.base.errors import AloftError
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
    lacking = packages.missing_here(PACKAGES)
    packages.install(lacking, log=paths.log / "up.log", record=paths.state / "packages.json")
    return f"installed {', '.join(lacking)}" if lacking else "is there"


def main() -> int:
    """``python -m aloft.install.browser``."""
    try:
        print(f"chromium: {install(Paths.from_environment())}")
    except AloftError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
