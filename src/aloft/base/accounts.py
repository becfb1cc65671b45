"""Accounts of the operating system that packages bring along."""

import grp
import pwd
from dataclasses import dataclass

from aloft.base.errors import PermanentError


@dataclass(frozen=True)
class Account:
    """An operating system user and its primary group, as numbers."""

    user: int
    group: int


def account(name: str) -> Account:
    """Look up a user by name.

    Raises:
        PermanentError: there is no such user, so its package is not installed.
    """
    try:
        entry = pwd.getpwnam(name)
    except KeyError as error:
        raise PermanentError(
            f"This machine has no user '{name}'.", f"Install the package that brings it ({_package(name)})."
        ) from error
    return Account(entry.pw_uid, entry.pw_gid)


def group(name: str) -> int | None:
    """The number of a group, or ``None`` when there is none of that name."""
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        return None


def _package(user: str) -> str:
    return {"mysql": "mariadb-server", "rabbitmq": "rabbitmq-server", "haproxy": "haproxy"}.get(user, user)
