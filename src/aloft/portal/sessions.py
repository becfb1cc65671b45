"""Sessions: who is logged in, and the tokens that stand behind it.

A session is found by the opaque value in the browser's cookie, 256 random bits. What is kept on disk, so that a session
survives a restart of the portal, is sealed with a key that is derived from that very value: the file alone opens
nothing, and neither does a copy of it in a backup.
"""

import contextlib
import json
import os
import secrets
import sqlite3
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from hashlib import sha256
from hmac import compare_digest
from pathlib import Path
from typing import Any, Literal

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

Face = Literal["customer", "provider"]

PER_OWNER = 20
"""Sessions that one user may have; the one that was used longest ago ends when there are more."""

REMEMBERED = 500
"""Opened sessions that are kept in memory."""

SEEN_SECONDS = 60.0
"""How exactly it is known when a session was last used."""


@dataclass(frozen=True)
class User:
    """Who is logged in; ``domain`` is empty for the provider."""

    id: str
    name: str
    domain: str


@dataclass(frozen=True)
class Project:
    """A project that a user has a role in."""

    id: str
    name: str
    domain: str


@dataclass(frozen=True)
class Region:
    """A region and the labels of the services that its catalog names, such as ``compute``."""

    name: str
    services: tuple[str, ...]


@dataclass(frozen=True)
class Scope:
    """What a login is in one project.

    Args:
        project: the project that the token is for; ``None`` for the provider.
        roles: in the project, or of the account.
        regions: what can be called.
        token: what the APIs are called with.
        asked: Unix time in seconds at which this was asked for.
    """

    project: Project | None
    roles: tuple[str, ...]
    regions: tuple[Region, ...]
    token: str = field(repr=False)
    asked: float = 0.0


@dataclass(frozen=True)
class Session:
    """A login. The windows of one browser share it, and each may be in a project of its own.

    Args:
        face: who the pages are for.
        customer: whose; ``None`` for the provider.
        user: who.
        projects: those that it can be used in.
        unscoped: the token that those of projects are made from; empty for the provider.
        expires: Unix time in seconds at which the tokens end.
        scope: the project that it is used in; of a session that is kept, the one that a window begins in.
        others: further projects that it was used in.
        csrf: what unsafe requests must carry.
    """

    face: Face
    customer: str | None
    user: User
    projects: tuple[Project, ...]
    unscoped: str = field(repr=False)
    expires: float
    scope: Scope
    others: tuple[Scope, ...] = ()
    csrf: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)

    @property
    def project(self) -> Project | None:
        """The project that it is used in; ``None`` for the provider."""
        return self.scope.project

    @property
    def roles(self) -> tuple[str, ...]:
        """The user's roles there."""
        return self.scope.roles

    @property
    def regions(self) -> tuple[Region, ...]:
        """What can be called from there."""
        return self.scope.regions

    @property
    def token(self) -> str:
        """What the APIs are called with from there."""
        return self.scope.token

    @property
    def tokens(self) -> tuple[str, ...]:
        """All tokens, that which the others are made from last."""
        return (*(scope.token for scope in (self.scope, *self.others)), *([self.unscoped] if self.unscoped else []))

    def within(self, project: str) -> "Session | None":
        """The same login, used in another project; ``None`` where it was not used yet."""
        found = next(
            (scope for scope in (self.scope, *self.others) if scope.project and scope.project.id == project), None
        )
        return None if found is None else self.entering(found)

    def entering(self, scope: Scope) -> "Session":
        """The same login, used in this scope from now on; it takes the place of an older one of its project."""
        rest = (one for one in (self.scope, *self.others) if one.project != scope.project)
        return replace(self, scope=scope, others=tuple(rest))

    @property
    def administrator(self) -> bool:
        """Whether the user administers the customer, or the provider's account is an administrator's."""
        return "admin" in self.roles

    def serves(self, region: str, service: str) -> bool:
        """Whether the session's catalog has this service in this region."""
        return any(known.name == region and service in known.services for known in self.regions)

    def owner(self) -> str:
        """Who the session is counted for."""
        return f"{self.customer or ''}/{self.user.id}"


@dataclass(frozen=True)
class Open:
    """A session together with the key it was opened with."""

    key: bytes = field(repr=False)
    session: Session

    @property
    def id(self) -> bytes:
        """What it is kept under."""
        return _id(self.key)


class Store:
    """Keeps sessions in a SQLite file.

    Args:
        path: the file; only its owner may read it.
        idle: seconds after which an unused session ends.
        clock: Unix time in seconds.
    """

    def __init__(self, path: Path, idle: float, clock: Callable[[], float] = time.time) -> None:
        self._idle = idle
        self._clock = clock
        self._opened: OrderedDict[bytes, Session] = OrderedDict()
        self._file = _connect(path)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def create(self, session: Session) -> tuple[Open, str]:
        """Keep a new session; gives it, and the value for the cookie."""
        self.sweep()
        key = os.urandom(32)
        opened = Open(key, session)
        now = self._clock()
        self._file.execute(
            "INSERT INTO session (id, owner, sealed, expires, seen) VALUES (?, ?, ?, ?, ?)",
            (opened.id, _owner(session), _seal(key, session), session.expires, now),
        )
        self._file.execute(
            "DELETE FROM session WHERE owner = ? AND id NOT IN"
            " (SELECT id FROM session WHERE owner = ? ORDER BY seen DESC, rowid DESC LIMIT ?)",
            (_owner(session), _owner(session), PER_OWNER),
        )
        self._remember(opened)
        return opened, urlsafe_b64encode(key).decode().rstrip("=")

    def find(self, cookie: str | None) -> Open | None:
        """The session that a cookie opens, if it has not ended; it counts as used now."""
        key = _key(cookie)
        if key is None:
            return None
        row = self._file.execute("SELECT sealed, expires, seen FROM session WHERE id = ?", (_id(key),)).fetchone()
        now = self._clock()
        if row is None or row[1] <= now or row[2] + self._idle <= now:
            if row is not None:
                self._delete(_id(key))
            return None
        session = self._opened.get(_id(key)) or _unseal(key, row[0])
        if session is None:
            return None
        opened = Open(key, session)
        self._remember(opened)
        self.use(opened)
        return opened

    def use(self, opened: Open) -> None:
        """Count a session as used now."""
        now = self._clock()
        self._file.execute(
            "UPDATE session SET seen = ? WHERE id = ? AND seen < ?", (now, opened.id, now - SEEN_SECONDS)
        )

    def lives(self, opened: Open) -> bool:
        """Whether a session has not ended meanwhile; this does not count as use."""
        row = self._file.execute("SELECT expires, seen FROM session WHERE id = ?", (opened.id,)).fetchone()
        return row is not None and row[0] > self._clock() and row[1] + self._idle > self._clock()

    def kept(self, opened: Open) -> Session | None:
        """A session as it is kept now, by whichever window it was changed; ``None`` when it has ended."""
        if not self.lives(opened):
            return None
        row = self._file.execute("SELECT sealed FROM session WHERE id = ?", (opened.id,)).fetchone()
        return self._opened.get(opened.id) or _unseal(opened.key, row[0])

    def holds(self, opened: Open) -> bool:
        """Whether a session lives and is still used in the project that it was opened in."""
        kept, project = self.kept(opened), opened.session.project
        return kept is not None and (project is None or kept.within(project.id) is not None)

    def change(self, opened: Open, session: Session) -> Open:
        """Keep another state of a session; its CSRF value stays."""
        fresh = Open(opened.key, replace(session, csrf=opened.session.csrf))
        self._file.execute(
            "UPDATE session SET sealed = ?, expires = ? WHERE id = ?",
            (_seal(fresh.key, fresh.session), session.expires, fresh.id),
        )
        self._remember(fresh)
        return fresh

    def end(self, opened: Open) -> None:
        """Forget a session."""
        self._delete(opened.id)

    def sweep(self) -> None:
        """Forget the sessions that have ended."""
        now = self._clock()
        self._file.execute("DELETE FROM session WHERE expires <= ? OR seen <= ?", (now, now - self._idle))

    def _delete(self, ident: bytes) -> None:
        self._opened.pop(ident, None)
        self._file.execute("DELETE FROM session WHERE id = ?", (ident,))

    def _remember(self, opened: Open) -> None:
        self._opened[opened.id] = opened.session
        self._opened.move_to_end(opened.id)
        while len(self._opened) > REMEMBERED:
            self._opened.popitem(last=False)


def right_csrf(session: Session, shown: str | None) -> bool:
    """Whether a request carries the session's CSRF value."""
    return shown is not None and compare_digest(session.csrf.encode(), shown.encode())


def _connect(path: Path) -> sqlite3.Connection:
    """Open the file; one that a power cut has spoilt is replaced, which logs everybody out and does no other harm."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    for _ in (1, 2):
        file = sqlite3.connect(path, isolation_level=None)
        try:
            file.execute("PRAGMA journal_mode = WAL")
            file.execute("PRAGMA synchronous = NORMAL")
            file.execute(
                "CREATE TABLE IF NOT EXISTS session"
                " (id BLOB PRIMARY KEY, owner BLOB, sealed BLOB, expires REAL, seen REAL)"
            )
            file.execute("CREATE INDEX IF NOT EXISTS session_owner ON session (owner)")
            return file
        except sqlite3.DatabaseError:
            file.close()
            path.unlink(missing_ok=True)
    raise sqlite3.DatabaseError(f"{path} cannot be opened")


def _key(cookie: str | None) -> bytes | None:
    if cookie is None or len(cookie) != 43:
        return None
    with contextlib.suppress(ValueError):
        return urlsafe_b64decode(cookie + "=")
    return None


def _id(key: bytes) -> bytes:
    return sha256(b"session id" + key).digest()


def _owner(session: Session) -> bytes:
    return sha256(session.owner().encode()).digest()


def _cipher(key: bytes) -> AESGCM:
    return AESGCM(sha256(b"session key" + key).digest())


def _seal(key: bytes, session: Session) -> bytes:
    nonce = os.urandom(12)
    return nonce + _cipher(key).encrypt(nonce, json.dumps(asdict(session)).encode(), None)


def _unseal(key: bytes, sealed: bytes) -> Session | None:
    """What was sealed; ``None`` when it was sealed by an Aloft that kept something else."""
    try:
        told = json.loads(_cipher(key).decrypt(sealed[:12], sealed[12:], None))
        return _session(told)
    except (InvalidTag, KeyError, TypeError, ValueError):
        return None


def _session(told: dict[str, Any]) -> Session:
    return Session(
        **{
            **told,
            "user": User(**told["user"]),
            "projects": tuple(Project(**one) for one in told["projects"]),
            "scope": _scope(told["scope"]),
            "others": tuple(_scope(one) for one in told["others"]),
        }
    )


def _scope(told: dict[str, Any]) -> Scope:
    return Scope(
        project=told["project"] and Project(**told["project"]),
        roles=tuple(told["roles"]),
        regions=tuple(Region(one["name"], tuple(one["services"])) for one in told["regions"]),
        token=told["token"],
        asked=told["asked"],
    )
