"""The operating system's user that the plane and the edge's sockets belong to."""

import grp
import pwd
from pathlib import Path

from aloft.base.invoke import invoke

NAME = "aloft"


def ensure(log: Path) -> str:
    """Make the system user and group ``aloft`` unless they are there."""
    made = []
    if not _has_group():
        invoke(["groupadd", "--system", NAME], log=log, timeout=60)
        made.append("group")
    if not _has_user():
        home = ["--home-dir", "/nonexistent", "--no-create-home", "--shell", "/usr/sbin/nologin"]
        invoke(["useradd", "--system", "--gid", NAME, *home, NAME], log=log, timeout=60)
        made.append("user")
    return f"made the {' and '.join(made)} {NAME}" if made else "are there"


def remove(log: Path) -> None:
    """Remove the user and the group."""
    if _has_user():
        invoke(["userdel", NAME], log=log, timeout=60)
    if _has_group():
        invoke(["groupdel", NAME], log=log, timeout=60)


def _has_user() -> bool:
    return any(entry.pw_name == NAME for entry in pwd.getpwall())


def _has_group() -> bool:
    return any(entry.gr_name == NAME for entry in grp.getgrall())
