"""What a supervised process is: the declaration that the supervisor brings about and keeps.

A specification is a value. Two equal specifications mean the same process, so a supervisor that finds a running process
with the same fingerprint adopts it instead of starting another, and one with another fingerprint is replaced.
"""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

ALIVE = "/aloft/alive"
"""Path at which a service that is forked from a zygote answers an ``http-unix`` probe, cheaply."""

ProbeKind = Literal["none", "unix", "tcp", "http-unix", "http", "file", "command"]


@dataclass(frozen=True)
class Probe:
    """How to tell that a process is ready.

    Args:
        kind: ``unix`` and ``tcp`` connect; ``http-unix`` and ``http`` want any answer below 500; ``file`` wants the
            file to exist; ``command`` wants exit code 0; ``none`` is ready once it has run for a tenth of a
            second (a program that cannot be executed has not).
        target: socket path, ``host:port``, ``path-of-socket:/http/path``, URL, or file path.
        command: for ``command``, the argument vector.
        timeout: seconds for one attempt.
    """

    kind: ProbeKind = "none"
    target: str = ""
    command: tuple[str, ...] = ()
    timeout: float = 5.0


@dataclass(frozen=True)
class Limits:
    """What a control group may use; ``None`` is unlimited. Memory in MiB, CPU in cores."""

    memory_mib: int | None = None
    cpu_cores: float | None = None
    processes: int | None = None


@dataclass(frozen=True)
class ProcessSpec:
    """One process that shall run.

    Exactly one of ``command`` and ``zygote`` is given. With ``zygote`` the process is forked from a preloaded parent
    that listens on that socket, and runs ``entry`` (``package.module:function``) with ``arguments`` as its keyword
    arguments.

    Args:
        name: unique in the tree, ``/``-separated, the last part is the service: ``slots/3/nova-api``.
        command: argument vector; the first is an absolute path.
        zygote: socket path of the zygote.
        entry: function that the child runs; it serves until it is told to stop.
        arguments: string keyword arguments of ``entry``.
        user: numeric user the process runs as.
        group: numeric primary group.
        groups: numeric supplementary groups.
        env: the whole environment (nothing is inherited).
        cwd: working directory.
        log: file that takes standard output and error, opened for appending.
        umask: file mode creation mask.
        after: names of processes that must be ready before this one starts.
        ready: how readiness is told.
        start_timeout: seconds until a start that is not ready counts as failed.
        stop_signal: signal number of a polite stop.
        stop_timeout: seconds until a stop becomes a kill.
        cgroup: control group below Aloft's own, such as ``slots/3``; empty for none.
        limits: limits of that control group.
        clear: folders that are emptied before each start, such as the process's temporary folder.
        listen: unix sockets that the supervisor makes and keeps while the process is restarted, so that who connects
            meanwhile waits. The process gets them by the protocol of sd_listen_fds(3), named by their paths.
        keep_on_shutdown: stays alive when the supervisor is asked to stop everything (a VM's switch, for instance).
        oom_score_adj: how willingly the kernel ends it when memory runs out (-1000 to 1000).
    """

    name: str
    log: Path
    command: tuple[str, ...] = ()
    zygote: str = ""
    entry: str = ""
    arguments: dict[str, str] = field(default_factory=dict)
    user: int = 0
    group: int = 0
    groups: tuple[int, ...] = ()
    env: dict[str, str] = field(default_factory=dict)
    cwd: Path = Path("/")
    umask: int = 0o027
    after: tuple[str, ...] = ()
    ready: Probe = Probe()
    start_timeout: float = 60.0
    stop_signal: int = 15
    stop_timeout: float = 10.0
    cgroup: str = ""
    limits: Limits = Limits()
    clear: tuple[Path, ...] = ()
    listen: tuple[Path, ...] = ()
    keep_on_shutdown: bool = False
    oom_score_adj: int = 0

    def fingerprint(self) -> str:
        """A hash over everything that makes a running process the one that is specified (not ``after`` or probes)."""
        running = asdict(self)
        for key in ("after", "ready", "start_timeout", "stop_timeout", "stop_signal", "keep_on_shutdown", "limits"):
            del running[key]
        return hashlib.sha256(json.dumps(running, sort_keys=True, default=str).encode()).hexdigest()


ProcessState = Literal["waiting", "starting", "ready", "unready", "backoff", "crash-loop", "stopping", "stopped"]


@dataclass(frozen=True)
class ProcessStatus:
    """What the supervisor knows of one process.

    Args:
        name: the specification's name.
        state: ``waiting`` for what comes before it, ``starting``, ``ready``, ``unready`` (runs, probe fails),
            ``backoff`` (died, will be started again), ``crash-loop`` (died again and again; still retried, slowly),
            ``stopping``, ``stopped``.
        pid: process id while it runs.
        since: Unix time of the last change of state, seconds.
        restarts: starts after the first.
        reason: why it is in this state, for a person; empty when ready.
    """

    name: str
    state: ProcessState
    pid: int | None = None
    since: float = 0.0
    restarts: int = 0
    reason: str = ""
