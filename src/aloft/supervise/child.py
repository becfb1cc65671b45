"""What a freshly forked process does to itself before it becomes the one that was asked for.

Both ways to start a process come through here: a daemon that is forked by the supervisor and then executes its command,
and a service that is forked by a zygote and then calls a function. Standard library only: zygotes run in the
environments of OpenStack releases.
"""

import contextlib
import fcntl
import io
import json
import os
import shutil
import signal
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, NoReturn

CANNOT_START = 126
"""Exit code of a child that failed before the program proper; the reason is in its log."""

LISTENERS_START = 3
"""The first descriptor that is handed over (``SD_LISTEN_FDS_START``, sd_listen_fds(3))."""

_HIGHEST_DESCRIPTOR = 1 << 20


@dataclass(frozen=True)
class Request:
    """All that a new process needs to know; the JSON form travels to zygotes.

    Args:
        name: the specification's name, ``slots/3/nova-api``.
        log: file for standard output and error.
        command: argument vector to execute, or empty when ``entry`` is called.
        entry: ``package.module:function`` to call.
        arguments: keyword arguments of ``entry``.
        user: numeric user.
        group: numeric primary group.
        groups: numeric supplementary groups.
        env: the whole environment.
        cwd: working directory.
        umask: file mode creation mask.
        cgroup: folder of the control group to join, or empty.
        clear: folders to empty.
        listen: paths of the listening sockets that come with the request.
        oom_score_adj: how willingly the kernel ends it.
        record: file that the child writes before it does anything else of note, or empty. It holds ``facts`` with the
            child's ``pid`` and ``start``. The child writes it, so that no crash of a parent can lose a running process.
        facts: see ``record``.
    """

    name: str
    log: str
    command: tuple[str, ...] = ()
    entry: str = ""
    arguments: dict[str, str] = field(default_factory=dict)
    user: int = 0
    group: int = 0
    groups: tuple[int, ...] = ()
    env: dict[str, str] = field(default_factory=dict)
    cwd: str = "/"
    umask: int = 0o027
    cgroup: str = ""
    clear: tuple[str, ...] = ()
    listen: tuple[str, ...] = ()
    oom_score_adj: int = 0
    record: str = ""
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """What process listings show."""
        return f"aloft: {self.name}"

    def to_json(self) -> dict[str, Any]:
        """The form that :meth:`from_json` reads."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Request":
        """Read a request.

        Raises:
            ValueError: a field is missing or unknown.
        """
        known = {item.name for item in fields(cls)}
        if unknown := set(data) - known:
            raise ValueError(f"unknown fields: {', '.join(sorted(unknown))}")
        values: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in data.items()
        }
        try:
            return cls(**values)
        except TypeError as error:
            raise ValueError(str(error)) from error


def start_time(pid: int) -> int | None:
    """When a process started, in clock ticks since boot (field 22 of ``/proc/PID/stat``, see proc(5)).

    Together with the pid it names a process for as long as the machine runs. ``None`` when there is no such process.
    """
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    return int(text.rpartition(")")[2].split()[19])


@contextlib.contextmanager
def signals_blocked() -> Iterator[None]:
    """Hold all signals back, so that a child never runs its parent's handlers: fork inside of this.

    The child leaves through :func:`become`, which resets the handlers before it lets signals through again.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def become(request: Request, listeners: Sequence[int] = ()) -> None:
    """Turn the calling process, just forked, into the one that is asked for, short of running its program.

    Args:
        request: what to become.
        listeners: descriptors of listening sockets that it keeps, from :data:`LISTENERS_START` on.

    Raises:
        OSError: something is missing or not allowed; the log is already open then if it could be.
    """
    os.setsid()
    _reset_signals()
    _open_log(request.log)
    _keep_only(listeners)
    if request.cgroup:
        Path(request.cgroup, "cgroup.procs").write_text("0")
    if (file := Path("/proc/self/oom_score_adj")).read_text().strip() != str(request.oom_score_adj):
        with contextlib.suppress(
            PermissionError
        ):  # lowering it takes CAP_SYS_RESOURCE, which a container's root may lack
            file.write_text(str(request.oom_score_adj))
    if request.record:
        _write_record(request)
    for folder in request.clear:
        _provide(folder, request.user, request.group)
    _take_identity(request)
    os.umask(request.umask)
    os.chdir(request.cwd)
    for folder in request.clear:
        _empty(folder)


def fail(request: Request, error: BaseException) -> NoReturn:
    """End a child that cannot become what it should be, with one legible line in the log."""
    line = f"aloft: cannot start {request.name}: {type(error).__name__}: {error}\n"
    with contextlib.suppress(OSError):
        os.write(2, line.encode(errors="backslashreplace"))
    os._exit(CANNOT_START)


def _reset_signals() -> None:
    signal.set_wakeup_fd(-1)
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        with contextlib.suppress(OSError, ValueError):  # the C library keeps two real-time signals for itself
            signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def _open_log(path: str) -> None:
    """Open the log while we are still root, so that no service owns its own; append, so that it can be truncated."""
    log = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o640)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(log, 1)
    os.dup2(log, 2)


def _keep_only(listeners: Sequence[int]) -> None:
    """Close everything beyond the standard streams but ``listeners``, which move to where they are looked for."""
    end = LISTENERS_START + len(listeners)
    moved = [fcntl.fcntl(descriptor, fcntl.F_DUPFD, end) for descriptor in listeners]
    for place, descriptor in enumerate(moved, LISTENERS_START):
        os.dup2(descriptor, place)
    os.closerange(end, _HIGHEST_DESCRIPTOR)


def environment(request: Request) -> dict[str, str]:
    """The environment of the calling process: the request's, and what tells it which sockets it was handed."""
    if not request.listen:
        return request.env
    handed = {"LISTEN_FDS": str(len(request.listen)), "LISTEN_FDNAMES": ":".join(request.listen)}
    return {**request.env, **handed, "LISTEN_PID": str(os.getpid())}


def _write_record(request: Request) -> None:
    pid = os.getpid()
    path = Path(request.record)
    draft = path.with_name(f".{path.name}.{pid}")
    content = {**request.facts, "pid": pid, "start": start_time(pid)}
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(content, file)
    draft.replace(path)


def _provide(folder: str, user: int, group: int) -> None:
    with contextlib.suppress(FileExistsError):
        os.mkdir(folder, 0o700)  # noqa: PTH102 - Path.mkdir would follow a link on its way to say that it exists
        os.chown(folder, user, group, follow_symlinks=False)


def _take_identity(request: Request) -> None:
    wanted = (request.user, request.group)
    if os.geteuid() != 0 and wanted == (os.geteuid(), os.getegid()):
        return
    os.setgroups(request.groups)
    os.setresgid(request.group, request.group, request.group)
    os.setresuid(request.user, request.user, request.user)


def _empty(folder: str) -> None:
    """Empty a folder with the service's own rights: what it may not delete was not its own."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path)
            else:
                Path(entry.path).unlink()


def speak_plainly() -> None:
    """Make Python's own output streams fit a log: UTF-8, line by line, never failing on odd text."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)
