"""The two long-lived programs that ``up`` starts: the node and the agent.

Under systemd each is a unit. Without systemd each has a keeper (``keeper.py``) that starts it again when it dies. Both
programs look after their own children: they adopt what still runs when they come back, and when they are asked politely
to end (SIGTERM) they stop what is theirs to stop, so here only the one process is signalled.
"""

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from aloft.base import files
from aloft.base.errors import PermanentError
from aloft.base.invoke import answer, invoke, succeeds
from aloft.base.paths import Paths
from aloft.ground import succession
from aloft.install.packages import systemd_runs

UNIT_FOLDER = Path("/etc/systemd/system")
SYSTEM_PYTHON = Path("/usr/bin/python3")
RUNS = "runs"
"""What :func:`start` says when there was nothing to do."""

STOP_TIMEOUT = 180.0
"""Seconds that a daemon may take to stop everything it looks after."""

UNIT = """\
# Written by `aloft up`; changes are overwritten.
[Unit]
Description={description}
After=network-online.target{after}
Wants=network-online.target

[Service]
ExecStart={command}
Restart=always
RestartSec=1
KillMode=process
TimeoutStopSec={timeout:.0f}
Delegate=yes
TasksMax=infinity
LimitNOFILE=1048576
OOMScoreAdjust=-900
StandardOutput=append:{log}
StandardError=append:{log}

[Install]
WantedBy=multi-user.target
"""


@dataclass(frozen=True)
class Daemon:
    """One of the two programs.

    Args:
        name: ``aloft-node`` or ``aloft-agent``; the unit's name.
        module: what Python runs.
        description: for a person.
        after: units that it starts after.
        script: whether a script starts it, which outlives what it starts (:mod:`aloft.ground.succession`).
    """

    name: str
    module: str
    description: str
    after: tuple[str, ...] = ()
    script: bool = False

    def command(self, paths: Paths) -> tuple[str, ...]:
        """Argument vector."""
        if self.script:
            return ("/bin/sh", str(succession.script_path(paths)))
        return (str(paths.opt / "tool/bin/python"), "-m", self.module, "run")

    def log(self, paths: Paths) -> Path:
        """What it prints."""
        return paths.log / f"{self.name.removeprefix('aloft-')}.log"

    def pid_file(self, paths: Paths) -> Path:
        """The keeper's file, where there is no systemd."""
        return paths.run / f"{self.name}.pid"


NODE = Daemon("aloft-node", "aloft.node", "Aloft node: OpenStack controllers")
AGENT = Daemon("aloft-agent", "aloft.ground", "Aloft agent: this host's roles", ("aloft-node.service",), script=True)


def unit_text(daemon: Daemon, paths: Paths) -> str:
    """The systemd unit of a daemon."""
    return UNIT.format(
        description=daemon.description,
        after="".join(f" {unit}" for unit in daemon.after),
        command=" ".join(daemon.command(paths)),
        timeout=STOP_TIMEOUT,
        log=daemon.log(paths),
    )


def pids(pid_file: Path) -> tuple[int, int]:
    """Process ids of a keeper and of its daemon; 0 for one that does not run."""
    try:
        words = pid_file.read_text().split()
    except OSError:
        return 0, 0
    found = [int(word) if word.isdigit() else 0 for word in words[:2]] + [0, 0]
    keeper, daemon = found[0], found[1]
    return (keeper if "keeper.py" in _command_line(keeper) else 0), (
        daemon if "-m aloft." in _command_line(daemon) else 0
    )


def running(daemon: Daemon, paths: Paths) -> bool:
    """Whether the daemon runs and is looked after."""
    if systemd_runs():
        return succeeds(["systemctl", "is-active", "--quiet", daemon.name])
    return all(pids(daemon.pid_file(paths)))


def start(daemon: Daemon, paths: Paths, log: Path, *, again: bool = False) -> str:
    """Start the daemon unless it runs, with the code that is installed now; says in a few words what was done.

    Args:
        daemon: which one.
        paths: where everything lies.
        log: where the steps' output goes.
        again: start one that runs anew, since something else that it reads has changed.
    """
    code = _code(paths)
    stamp = paths.run / f"{daemon.name}.code"
    current = stamp.exists() and stamp.read_text() == code
    runs = running(daemon, paths)
    if runs and current and not again:
        return RUNS
    outcome = "was started"
    if runs:
        _end_one(daemon, paths)
        outcome = "was started again" if current else "was started again with the new version"
    _launch(daemon, paths, log)
    files.write(stamp, code, mode=0o644)
    return outcome


def stop(daemon: Daemon, paths: Paths, log: Path) -> str:
    """Stop the daemon and all that it looks after; says in a few words what was done.

    Raises:
        PermanentError: it did not end in time.
    """
    (paths.run / f"{daemon.name}.code").unlink(missing_ok=True)
    if systemd_runs():
        if not (UNIT_FOLDER / f"{daemon.name}.service").exists():
            return "was not there"
        invoke(["systemctl", "disable", "--now", daemon.name], log=log, timeout=STOP_TIMEOUT + 30)
        return "was stopped"
    keeper, process = pids(daemon.pid_file(paths))
    if not keeper and not process:
        return "did not run"
    for pid in (keeper, process):
        _signal(pid, signal.SIGTERM)
    end = time.monotonic() + STOP_TIMEOUT
    while any(pids(daemon.pid_file(paths))) or Path(f"/proc/{process}").exists():
        if time.monotonic() > end:
            raise PermanentError(
                f"{daemon.description} (process {process}) did not stop within {STOP_TIMEOUT:.0f} s.",
                f"Look into {daemon.log(paths)}; then end it with `kill -9 {process}` and run the command again.",
            )
        time.sleep(0.1)
    daemon.pid_file(paths).unlink(missing_ok=True)
    return "was stopped"


def forget(daemon: Daemon) -> None:
    """Remove the daemon's unit."""
    unit = UNIT_FOLDER / f"{daemon.name}.service"
    if unit.exists():
        unit.unlink()
        answer(["systemctl", "daemon-reload"])


def _launch(daemon: Daemon, paths: Paths, log: Path) -> None:
    files.journal(daemon.log(paths)).close()
    if daemon.script:
        files.write(succession.script_path(paths), succession.script(paths), mode=0o700)
    if systemd_runs():
        files.write(UNIT_FOLDER / f"{daemon.name}.service", unit_text(daemon, paths), mode=0o644)
        invoke(["systemctl", "daemon-reload"], log=log, timeout=60)
        invoke(["systemctl", "enable", daemon.name], log=log, timeout=60)
        invoke(["systemctl", "start", daemon.name], log=log, timeout=60)
        return
    keeper, process = pids(daemon.pid_file(paths))
    _signal(keeper, signal.SIGKILL)
    _signal(process, signal.SIGKILL)
    python = SYSTEM_PYTHON if SYSTEM_PYTHON.exists() else Path(sys.executable)
    program = Path(__file__).with_name("keeper.py")
    with files.journal(daemon.log(paths)) as out:
        subprocess.Popen(
            [python, "-I", "-S", program, daemon.pid_file(paths), daemon.log(paths), *daemon.command(paths)],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
            cwd="/",
            env=_clean_environment(paths),
        )


def _end_one(daemon: Daemon, paths: Paths) -> None:
    """End the daemon's own process, leaving its children to be adopted by the one that follows."""
    if systemd_runs():
        answer(["systemctl", "kill", "--kill-whom=main", "--signal=KILL", daemon.name])
        return
    keeper, process = pids(daemon.pid_file(paths))
    _signal(keeper, signal.SIGKILL)
    _signal(process, signal.SIGKILL)


def _clean_environment(paths: Paths) -> dict[str, str]:
    """What a daemon started by hand gets, so that it is the same as one started by systemd."""
    kept = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "HOME": "/root"}
    return kept | ({"ALOFT_ROOT": str(paths.root)} if paths.root != Path("/") else {})


def _code(paths: Paths) -> str:
    """What the installed code is, as the bootstrap stamped it."""
    stamp = paths.opt / "tool/aloft-stamp.json"
    return stamp.read_text() if stamp.exists() else ""


def _signal(pid: int, number: signal.Signals) -> None:
    if pid > 1:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return


def _command_line(pid: int) -> str:
    try:
        return (
            Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace") if pid > 1 else ""
        )
    except OSError:
        return ""
