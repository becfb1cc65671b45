"""The operating system's users that the plane and the portal run as."""

import grp
import pwd
from pathlib import Path

from aloft.base.invoke import invoke

NAMES = ("aloft", "aloft-portal")
"""The plane's user, whose group may use the node's socket, and the portal's, which may do nothing."""


def ensure(log: Path) -> str:
    """Make the system users, each with a group of its own, unless they are there."""
    made = []
    for name in NAMES:
        if not _has_group(name):
            invoke(["groupadd", "--system", name], log=log, timeout=60)
        if not _has_user(name):
            home = ["--home-dir", "/nonexistent", "--no-create-home", "--shell", "/usr/sbin/nologin"]
            invoke(["useradd", "--system", "--gid", name, *home, name], log=log, timeout=60)
            made.append(name)
    return f"made {' and '.join(made)}" if made else "are there"


def remove(log: Path) -> None:
    """Remove the users and the groups."""
    for name in NAMES:
        if _has_user(name):
            invoke(["userdel", name], log=log, timeout=60)
        if _has_group(name):
            invoke(["groupdel", name], log=log, timeout=60)


def _has_user(name: str) -> bool:
    return any(entry.pw_name == name for entry in pwd.getpwall())


def _has_group(name: str) -> bool:
    return any(entry.gr_name == name for entry in grp.getgrall())
