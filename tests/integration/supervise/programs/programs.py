"""What the tests have supervised: entries and preloads for zygotes, and commands (``programs.py NAME ARGUMENT...``)."""

import gc
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path


def preload() -> None:
    """Import what a service needs."""


_preloaded: list[str] = []


def preload_more() -> None:
    """What a zygote that descends from another one imports besides."""
    _preloaded.append("more")


def preload_broken() -> None:
    raise RuntimeError("the database driver is missing")


def preload_threaded() -> None:
    threading.Thread(target=threading.Event().wait, name="metrics-pusher", daemon=True).start()


def listen(path: str) -> None:
    """Serve on a unix socket until told to stop."""
    Path(path).unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen()
        while True:
            server.accept()[0].close()


def answer(path: str, refuse: str = "") -> None:
    """Tell everybody who connects to the socket that was handed over who answers, unless ``refuse`` exists."""
    if refuse and Path(refuse).exists():
        sys.exit(1)
    assert os.environ["LISTEN_PID"] == str(os.getpid())
    with socket.socket(fileno=3 + os.environ["LISTEN_FDNAMES"].split(":").index(path)) as server:
        while True:
            with server.accept()[0] as client:
                client.sendall(str(os.getpid()).encode())


def listen_late(path: str, gate: str) -> None:
    """Serve once somebody opens the gate (a fifo)."""
    Path(gate).read_bytes()
    listen(path)


def listen_once(path: str, mark: str) -> None:
    """Serve the first time, and hang without serving from then on until ``mark`` is gone."""
    if Path(mark).exists():
        Path(path).unlink(missing_ok=True)
        signal.pause()
    listen(path)


def with_helper(path: str) -> None:
    """Serve, with a helper process in another session that would outlive us."""
    subprocess.Popen(["/bin/sleep", "1000"], start_new_session=True)
    listen(path)


def stubborn(path: str) -> None:
    """Serve, and ignore polite requests to stop."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    listen(path)


def orphaning(path: str) -> None:
    """Leave an orphan that ends at once, tell its pid, and wait."""
    if os.fork() == 0:
        pid = os.fork()
        if pid == 0:
            os._exit(0)
        print(pid, flush=True)
        os._exit(0)
    os.wait()
    signal.pause()


def leave(code: str) -> None:
    """End with an exit code."""
    sys.exit(int(code))


def speak(text: str) -> None:
    sys.exit(text)


def crash(path: str = "") -> None:
    raise RuntimeError("no such table: services")


def report(path: str, extra: str = "") -> None:
    """Write down what we see of ourselves."""
    status = Path("/proc/self/status").read_text()
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    seen = {
        "extra": extra,
        "preloaded": _preloaded,
        "environment": dict(os.environ),
        "argv": sys.argv,
        "cmdline": Path("/proc/self/cmdline").read_bytes().rstrip(b"\0").decode(),
        "name": fields["Name"],
        "uid": os.getresuid(),
        "gid": os.getresgid(),
        "groups": os.getgroups(),
        "umask": fields["Umask"],
        "cwd": str(Path.cwd()),
        "session": os.getsid(0) == os.getpid(),
        "descriptors": sorted(int(entry.name) for entry in Path("/proc/self/fd").iterdir()),
        "cgroup": Path("/proc/self/cgroup").read_text(),
        "oom_score_adj": Path("/proc/self/oom_score_adj").read_text().strip(),
        "tempdir": tempfile.gettempdir(),
        "left": sorted(path.name for path in Path(tempfile.gettempdir()).iterdir()),
        "random": random.random(),  # noqa: S311 - the sequence is what is tested
        "gc": gc.isenabled(),
        "frozen": gc.get_freeze_count() > 0,
        "ignored": [number.name for number in signal.Signals if signal.getsignal(number) is signal.SIG_IGN],
        "blocked": [number.name for number in signal.pthread_sigmask(signal.SIG_BLOCK, ())],
        "threads": threading.active_count(),
        "time": time.strftime("%Z", time.localtime(0)),
    }
    draft = Path(f"{path}.draft")
    draft.write_text(json.dumps(seen))
    draft.replace(path)
    signal.pause()


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
