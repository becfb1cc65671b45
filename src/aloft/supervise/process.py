"""Running processes: starting them detached, watching them, and ending them, whoever their parent is.

A process is named by its pid and start time, and watched through a pidfd, which works for any process. What runs is
written down in one small record per process, by the process itself before it does anything else, so that the next
supervisor can adopt it. Records lie in a folder that only root reads, below ``/run``; they hold no secrets.
"""

import asyncio
import contextlib
import json
import logging
import os
import signal
import socket
import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from aloft.base.errors import AloftError, TemporaryError
from aloft.supervise import cgroup
from aloft.supervise.child import Request, become, environment, fail, signals_blocked, start_time
from aloft.supervise.spec import ProcessSpec

_log = logging.getLogger(__name__)

_ZYGOTE_TIMEOUT = 10.0
_KILL_TIMEOUT = 5.0


class ZygoteUnavailable(TemporaryError):
    """A zygote does not answer: it has not come up yet, or is being restarted."""


class LaunchFailed(AloftError):
    """A process could not even be forked."""


@dataclass(frozen=True)
class Record:
    """What is written down of a running process.

    Args:
        name: the specification's name.
        fingerprint: the specification's fingerprint.
        pid: process id.
        start: start time in clock ticks since boot.
        boot: the machine's boot id, since the two above repeat after a reboot.
        zygote: socket of the zygote that forked it, or empty.
        cgroup: folder of its own control group, or empty.
        stop_signal: signal number of a polite stop.
        stop_timeout: seconds until a stop becomes a kill.
        keep_on_shutdown: see the specification.
    """

    name: str
    fingerprint: str
    pid: int
    start: int
    boot: str
    zygote: str = ""
    cgroup: str = ""
    stop_signal: int = signal.SIGTERM
    stop_timeout: float = 10.0
    keep_on_shutdown: bool = False

    @classmethod
    def of(cls, spec: ProcessSpec, leaf: Path | None) -> "Record":
        """The record of a process that is about to start in the control group ``leaf``; pid and start come later."""
        return cls(
            name=spec.name,
            fingerprint=spec.fingerprint(),
            pid=0,
            start=0,
            boot=boot_id(),
            zygote=spec.zygote,
            cgroup=str(leaf or ""),
            stop_signal=spec.stop_signal,
            stop_timeout=spec.stop_timeout,
            keep_on_shutdown=spec.keep_on_shutdown,
        )


def boot_id() -> str:
    """The kernel's id of this boot."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


class Records:
    """The folder of records.

    Args:
        folder: made if it is not there.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def path(self, name: str) -> Path:
        """The file of a process."""
        return self.folder / f"{name.replace('/', ':')}.json"

    def load(self) -> dict[str, Record]:
        """All records of this boot by name; those of earlier boots and broken ones are removed."""
        found: dict[str, Record] = {}
        boot = boot_id()
        for file in self.folder.glob("*.json"):
            record = self._read(file)
            if record and record.boot == boot:
                found[record.name] = record
            else:
                file.unlink(missing_ok=True)
        return found

    def read(self, name: str) -> Record | None:
        """The record of one process."""
        return self._read(self.path(name))

    def write(self, record: Record) -> None:
        """Replace the record of a process that runs."""
        path = self.path(record.name)
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        draft.write_text(json.dumps(asdict(record)))
        draft.replace(path)

    def remove(self, name: str) -> None:
        """Forget a process."""
        self.path(name).unlink(missing_ok=True)

    @staticmethod
    def _read(file: Path) -> Record | None:
        try:
            return Record(**json.loads(file.read_text()))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError) as error:
            _log.warning("The record %s is unreadable: %s", file, error)
            return None


def request_for(spec: ProcessSpec, record: Record, path: Path) -> Request:
    """What a child needs to know to become the specified process and to write its record to ``path``."""
    return Request(
        name=spec.name,
        log=str(spec.log),
        command=spec.command,
        entry=spec.entry,
        arguments=spec.arguments,
        user=spec.user,
        group=spec.group,
        groups=spec.groups,
        env=spec.env,
        cwd=str(spec.cwd),
        umask=spec.umask,
        cgroup=record.cgroup,
        clear=tuple(str(folder) for folder in spec.clear),
        listen=tuple(str(path) for path in spec.listen),
        oom_score_adj=spec.oom_score_adj,
        record=str(path),
        facts=asdict(record),
    )


async def launch(request: Request, zygote: str, listeners: Sequence[int] = ()) -> tuple[int, int]:
    """Start a process, by fork and exec or through its zygote.

    Args:
        request: what it shall be.
        zygote: the zygote's socket, or empty.
        listeners: descriptors of the listening sockets that it gets, in the order of ``request.listen``.

    Returns:
        Process id and start time.

    Raises:
        ZygoteUnavailable: the zygote does not answer; trying again helps.
        LaunchFailed: the system or the zygote refused.
    """
    if not zygote:
        return _fork_command(request, listeners)
    answer = await ask_zygote(zygote, {"op": "fork", "request": request.to_json()}, listeners)
    if "error" in answer:
        raise LaunchFailed(f"The zygote {zygote} could not start {request.name}: {answer['error']}.")
    return int(str(answer["pid"])), int(str(answer["start"]))


async def ask_zygote(path: str, message: dict[str, object], listeners: Sequence[int] = ()) -> dict[str, object]:
    """Put one question to a zygote, with descriptors of sockets that go along.

    Raises:
        ZygoteUnavailable: no answer.
    """
    loop = asyncio.get_running_loop()
    question = json.dumps(message).encode() + b"\n"
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as connection:
            async with asyncio.timeout(_ZYGOTE_TIMEOUT):
                await loop.sock_connect(connection, path)
                socket.send_fds(connection, [question[:1]], listeners)  # an empty connection takes one byte at once
                await loop.sock_sendall(connection, question[1:])
                answer: dict[str, object] = json.loads(await _read_line(connection))
    except (OSError, TimeoutError, ValueError) as error:
        what = getattr(error, "strerror", None) or ("no answer" if isinstance(error, TimeoutError) else "it hung up")
        raise ZygoteUnavailable(f"The zygote {path} does not answer: {what}.") from error
    return answer


async def _read_line(connection: socket.socket) -> bytes:
    received = bytearray()
    while not received.endswith(b"\n"):
        part = await asyncio.get_running_loop().sock_recv(connection, 65536)
        if not part:
            break
        received += part
    return bytes(received)


def _fork_command(request: Request, listeners: Sequence[int]) -> tuple[int, int]:
    try:
        with signals_blocked(), warnings.catch_warnings():
            # Python warns of forks beside threads. The child touches nothing that a thread could have locked: it makes
            # system calls and executes another program.
            warnings.simplefilter("ignore", DeprecationWarning)
            pid = os.fork()
            if pid == 0:
                try:
                    become(request, listeners)
                    os.execve(request.command[0], request.command, environment(request))  # noqa: S606 - no shell is the point
                except BaseException as error:
                    fail(request, error)
    except OSError as error:
        raise LaunchFailed(f"{request.name} cannot be forked: {error.strerror}.") from error
    start = start_time(pid)
    if start is None:
        raise LaunchFailed(f"{request.name} was gone at once, and somebody else took its exit code.")
    return pid, start


class Running:
    """A live process that is being watched.

    Args:
        record: which one.
        pidfd: a pidfd that was checked to be this process's.
        on_exit: called once, in the event loop, when it has ended.
    """

    def __init__(self, record: Record, pidfd: int, on_exit: Callable[[], None]) -> None:
        self.record = record
        self.exited = asyncio.Event()
        self.pidfd = pidfd
        self._on_exit = on_exit
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(pidfd, self._ended)

    @classmethod
    def watch(cls, record: Record, on_exit: Callable[[], None]) -> "Running | None":
        """Watch a process; ``None`` if it does not live any more (a zombie of ours that is not reaped still counts)."""
        try:
            pidfd = os.pidfd_open(record.pid)
        except OSError:
            return None
        # Checked after opening: the pid cannot have been reused between the two.
        if start_time(record.pid) != record.start:
            os.close(pidfd)
            return None
        return cls(record, pidfd, on_exit)

    def _ended(self) -> None:
        self._loop.remove_reader(self.pidfd)
        self.exited.set()
        self._on_exit()

    async def exit_status(self) -> int | None:
        """How it ended, once it has: the exit code, minus a signal's number, or ``None`` when nobody knows."""
        try:
            return self._reap()
        except ChildProcessError:
            return await ask_exit_status(self.record)

    def _reap(self) -> int | None:
        result = os.waitid(os.P_PIDFD, self.pidfd, os.WEXITED | os.WNOHANG)
        if result is None:
            return None
        return result.si_status if result.si_code == os.CLD_EXITED else -result.si_status

    def send(self, number: int) -> None:
        """Send a signal to the process itself."""
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.pidfd, number)

    async def stop(self) -> None:
        """Ask politely, kill if that takes too long, and leave nothing of it behind."""
        if not self.exited.is_set():
            self.send(self.record.stop_signal)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self.record.stop_timeout):
                    await self.exited.wait()
        if not self.exited.is_set():
            _log.warning("%s did not end within %g s and is killed", self.record.name, self.record.stop_timeout)
            self.send(signal.SIGKILL)
        self.kill_rest()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_KILL_TIMEOUT):  # a process in uninterruptible sleep would keep us for ever
                await self.exited.wait()

    def kill_rest(self) -> None:
        """Kill everything that belongs to the process: its control group, or its session where it has none."""
        if self.record.cgroup:
            cgroup.kill(Path(self.record.cgroup))
            return
        for pid in session_members(self.record.pid):
            if pid != self.record.pid:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def release(self) -> None:
        """Stop watching; the process is left alone."""
        if self.pidfd >= 0:
            self._loop.remove_reader(self.pidfd)
            os.close(self.pidfd)
            self.pidfd = -1


async def ask_exit_status(record: Record) -> int | None:
    """How a zygote's child ended: the exit code, minus a signal's number, or ``None`` when the zygote cannot tell."""
    if not record.zygote:
        return None
    question: dict[str, object] = {"op": "exit", "pid": record.pid, "start": record.start}
    try:
        status = (await ask_zygote(record.zygote, question)).get("status")
    except ZygoteUnavailable:
        return None
    return status if isinstance(status, int) else None


def session_members(session: int) -> list[int]:
    """Live processes of a session."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(OSError):
                state, _, _, sid = (folder / "stat").read_text(errors="replace").rpartition(")")[2].split()[:4]
                if int(sid) == session and state not in "ZX":
                    found.append(int(folder.name))
    return found


def describe_exit(status: int | None) -> str:
    """How a process ended, for a person."""
    if status is None:
        return "ended; its exit code is not known"
    if status >= 0:
        return f"ended with exit code {status}"
    with contextlib.suppress(ValueError):
        return f"was ended by {signal.Signals(-status).name}"
    return f"was ended by signal {-status}"
