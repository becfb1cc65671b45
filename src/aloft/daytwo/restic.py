"""restic, which keeps backups: encrypted, deduplicated, in a folder, over SFTP or in S3.

Passwords and credentials reach it by files, never by arguments. What it complains about is turned into errors that say
what a person can do.
"""

import asyncio
import json
import os
import shlex
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from aloft.base.errors import AloftError, Conflict, NotFound, PermanentError, TemporaryError
from aloft.daytwo import retention

PROGRAM = "/usr/bin/restic"
PATIENCE_SECONDS = 3600.0
LOCK_SECONDS = 600.0
"""For how long another restic at work in the same repository is waited for."""

LOCK_PAUSE_SECONDS = 2.0
HOST = "aloft"
"""What snapshots name as their host, so that the node that made them does not matter."""

ORIGINAL = "original"
"""The tag of a copy with the id of what it is a copy of, in the repository that has that."""

Role = Literal["primary", "secondary"]


class RepositoryUnreachable(TemporaryError):
    """The repository is not there, or does not answer; it may come back."""


class RepositoryLocked(Conflict):
    """Another restic is at work there, or was when it was killed."""


class RepositoryDamaged(PermanentError):
    """The repository holds something else than what was written to it."""


@dataclass(frozen=True)
class Repository:
    """A place for backups.

    Args:
        name: what people call it.
        url: as restic has it: a folder, ``sftp:user@host:/folder`` (with a port ``sftp://user@host:2222//folder``),
            ``s3:https://host/bucket``, or ``append:`` in the place of ``sftp:`` for a folder that is served over SSH by
            ``rclone serve restic --append-only``.
        role: backups are written to the primary one and copied to secondary ones.
        password: file with the password that encrypts it.
        credentials: folder with ``aws`` (an AWS credentials file), or ``ssh`` (a private key) and ``known-hosts`` (the
            far side's host keys; else those that root on this machine knows), as the url needs.
        origin: name of the node that made it known; empty for a person.
    """

    name: str
    url: str
    role: Role
    password: Path
    credentials: Path
    origin: str = ""


@dataclass(frozen=True)
class Snapshot:
    """A backup in a repository; ``time`` is RFC 3339, ``original`` the id of what it is a copy of, or empty."""

    id: str
    time: str
    tags: Mapping[str, str]
    original: str = ""

    @property
    def moment(self) -> datetime:
        """When it was made, by the clock of that time."""
        return datetime.fromisoformat(self.time)

    @classmethod
    def read(cls, told: Mapping[str, Any]) -> "Snapshot":
        """From restic's JSON; tags are ``name=value``."""
        pairs = (tag.partition("=") for tag in told.get("tags") or ())
        tags = {name: value for name, _, value in pairs}
        return cls(str(told["id"]), str(told["time"]), tags, tags.pop(ORIGINAL, ""))


_making: dict[str, asyncio.Lock] = {}
"""By address: a repository that two make at once has the key of one and the content of the other."""


class Restic:
    """One repository.

    Args:
        repository: which.
        cache: folder of restic's cache, root's alone.
        program: restic itself.
    """

    def __init__(self, repository: Repository, cache: Path, program: str = PROGRAM) -> None:
        self.repository = repository
        self._cache = cache
        self._program = program

    async def ensure(self) -> None:
        """Make the repository where there is none.

        Raises:
            AloftError: it cannot be made, or opened with this password.
        """
        async with _making.setdefault(self.repository.url, asyncio.Lock()):
            try:
                await self._run("cat", "config")
            except NotFound:
                await self._run("init", "--repository-version", "2")

    async def backup(
        self, folder: Path, tags: Mapping[str, str], moment: datetime | None = None
    ) -> tuple[str, dict[str, int]]:
        """Keep a folder; returns the snapshot's id, and how many bytes were read and added.

        Args:
            folder: everything in it is kept, by relative names.
            tags: what the snapshot is found by.
            moment: when it was made, if not now; in whole seconds.
        """
        words = [word for name, value in tags.items() for word in ("--tag", f"{name}={value}")]
        if moment is not None:
            words += ["--time", f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}"]
        said = await self._run("backup", "--json", "--host", HOST, *words, ".", cwd=folder)
        told = json.loads(said.splitlines()[-1])
        return str(told["snapshot_id"]), {"read": told["total_bytes_processed"], "added": told["data_added"]}

    async def snapshots(self, tags: Mapping[str, str]) -> list[Snapshot]:
        """The snapshots that have all of these tags, the oldest first (:func:`aloft.daytwo.retention.in_order`)."""
        wanted = ",".join(f"{name}={value}" for name, value in tags.items())
        said = await self._run("snapshots", "--json", "--no-lock", *(("--tag", wanted) if wanted else ()))
        return retention.in_order((Snapshot.read(one) for one in json.loads(said) or ()), datetime.now(UTC))

    async def restore(self, snapshot: str, target: Path, only: Sequence[str] = ()) -> None:
        """Lay a snapshot's files into a folder; what was damaged in the repository is noticed.

        Args:
            snapshot: its id.
            target: the folder.
            only: files and folders in it, such as ``/edge-ca``; all when none is named.

        Raises:
            NotFound: there is no such snapshot.
            RepositoryDamaged: it cannot be read as it was written.
        """
        chosen = [word for path in only for word in ("--include", path)]
        await self._run("restore", snapshot, "--target", str(target), "--no-lock", *chosen)

    async def names(self, snapshot: str) -> list[str]:
        """The paths of all files in a snapshot, such as ``/manifest.json``."""
        said = await self._run("ls", "--json", "--no-lock", snapshot)
        told = (json.loads(line) for line in said.splitlines())
        return [str(one["path"]) for one in told if one.get("type") == "file"]

    async def read(self, snapshot: str, path: str) -> str:
        """The text of one file of a snapshot.

        Raises:
            NotFound: there is no such snapshot.
            AloftError: it has no such file, or cannot be read.
        """
        return await self._run("dump", "--no-lock", snapshot, path)

    async def check(self, read: bool) -> None:
        """See that all of the repository fits together; with ``read``, that every byte is what was written.

        Raises:
            RepositoryDamaged: it is not.
        """
        await self._run("check", "--no-lock", *(("--read-data",) if read else ()))

    async def keep_copy(self, folder: Path, snapshot: Snapshot) -> None:
        """Keep the files of another repository's snapshot as a copy of it.

        Both repositories are used one after the other, each with its own credentials: one restic that copies has one
        way to reach servers and one S3 account for both.

        Args:
            folder: the snapshot's files.
            snapshot: what it is there.
        """
        await self.backup(folder, {**snapshot.tags, ORIGINAL: snapshot.id}, snapshot.moment)

    async def forget(self, snapshots: Sequence[str]) -> None:
        """Forget snapshots by their ids."""
        if snapshots:
            await self._run("forget", *snapshots)

    async def prune(self) -> None:
        """Give back the space of what was forgotten."""
        await self._run("prune", "--max-unused", "10%")

    async def unlock(self) -> None:
        """Remove locks of processes that are no more."""
        await self._run("unlock")

    async def _run(self, *words: str, cwd: Path | None = None) -> str:
        """Run restic; returns its standard output.

        One that is at work there is waited for; the locks of one that was killed are removed.

        Raises:
            AloftError: it failed.
        """
        until = time.monotonic() + LOCK_SECONDS
        while True:
            try:
                return await self._run_once(*words, cwd=cwd)
            except RepositoryLocked:
                if time.monotonic() > until:
                    raise
                await self._run_once("unlock")
                await asyncio.sleep(LOCK_PAUSE_SECONDS)

    async def _run_once(self, *words: str, cwd: Path | None = None) -> str:
        command = (self._program, *_options(self.repository), "--cache-dir", str(self._cache), *words)
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                cwd=cwd,
                env=_environment(self.repository),
            )
        except OSError as error:
            raise PermanentError(f"restic could not be started: {error}.", "Install the package restic.") from error
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                out, said = await process.communicate()
        except TimeoutError as error:
            raise RepositoryUnreachable(
                f"The repository {self.repository.name} is too slow: restic {words[0]} did not end.",
                "Look at the way to it, then try again.",
            ) from error
        finally:
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        if process.returncode:
            raise complaint(self.repository.name, words[0], said.decode(errors="replace"))
        return out.decode()


def _options(repository: Repository) -> tuple[str, ...]:
    """How the repository is reached; a key for SSH is named by its file."""
    scheme, _, rest = repository.url.partition(":")
    if scheme == "append":
        place, folder = _far_side(rest)
        program = f"{_ssh(repository.credentials, place)} rclone"
        serve = f"serve restic --stdio --append-only {shlex.quote(folder)}"
        return ("-r", "rclone:", "-o", f"rclone.program={program}", "-o", f"rclone.args={serve}")
    if scheme == "sftp" and (repository.credentials / "ssh").exists():
        place, _ = _far_side(rest)
        return ("-r", repository.url, "-o", f"sftp.command={_ssh(repository.credentials, place)} -s sftp")
    return ("-r", repository.url)


def _far_side(rest: str) -> tuple[str, str]:
    """What ssh is to be told of ``user@host:/folder``, or of ``//user@host:port//folder``, and the folder there."""
    if not rest.startswith("//"):
        place, _, folder = rest.rpartition(":")
        return shlex.quote(place), folder
    place, _, folder = rest[2:].partition("/")
    host, _, port = place.partition(":")
    return f"-p {shlex.quote(port or '22')} {shlex.quote(host)}", folder


def _ssh(credentials: Path, place: str) -> str:
    """The command that reaches the far side; it never asks anything."""
    known = credentials / "known-hosts"
    trusted = f" -o UserKnownHostsFile={shlex.quote(str(known))}" if known.exists() else ""
    key = shlex.quote(str(credentials / "ssh"))
    return f"ssh -i {key} -o BatchMode=yes -o ConnectTimeout=10{trusted} {place}"


def _environment(repository: Repository) -> dict[str, str]:
    return {
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": str(repository.credentials),
        "TMPDIR": os.environ.get("TMPDIR", "/var/tmp"),  # noqa: S108 - packs are put together there, by names of restic's own
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "RESTIC_PASSWORD_FILE": str(repository.password),
        "AWS_SHARED_CREDENTIALS_FILE": str(repository.credentials / "aws"),
    }


_COMPLAINTS: tuple[tuple[tuple[str, ...], type[AloftError], str, str], ...] = (
    (
        ("wrong password or no key found",),
        PermanentError,
        "cannot be opened: the password is not its own",
        "Give the password with which it was made.",
    ),
    (("no space left on device", "disk quota exceeded"), PermanentError, "has no room left", "Free some space there."),
    (
        ("read-only file system", "permission denied", "access denied", "operation not permitted"),
        PermanentError,
        "cannot be written to",
        "See whether it is mounted read-only, and what the account that is used may do.",
    ),
    (("no matching id found", "no snapshot found"), NotFound, "has no such backup", "See `aloft backup list`."),
    (
        ("unable to create lock", "already locked"),
        RepositoryLocked,
        "is locked by another restic",
        "Wait until that has ended; locks of what is no more are removed half an hour later.",
    ),
    (
        ("dial tcp", "connection refused", "connection reset", "no such host"),
        RepositoryUnreachable,
        "cannot be reached",
        "Look at the way to it, then try again.",
    ),
    (
        ("is there a repository at the following location", "unable to open config file", "does not exist"),
        NotFound,
        "is not there",
        "See whether its disk is mounted and its address right.",
    ),
    (
        (
            "ciphertext verification failed",
            "hash mismatch",
            "repository contains errors",
            "invalid data",
            "not found in",
        ),
        RepositoryDamaged,
        "is damaged",
        "Restore from another repository; `restic rebuild-index` and `restic prune` may mend this one.",
    ),
)


def complaint(name: str, command: str, said: str) -> AloftError:
    """The error that restic's own words stand for.

    Args:
        name: of the repository.
        command: of restic.
        said: its standard error.
    """
    lowered = said.lower()
    last = " ".join(line.strip() for line in said.strip().splitlines()[-3:])[-400:]
    for words, kind, what, remedy in _COMPLAINTS:
        if any(word in lowered for word in words):
            return kind(f"The repository {name} {what} (restic {command}: {last}).", remedy)
    return RepositoryUnreachable(
        f"The repository {name} could not be used (restic {command}: {last or 'no reason given'}).",
        "Look at the way to it, then try again.",
    )
