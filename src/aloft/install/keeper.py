"""Keeps one daemon alive on a machine without systemd: starts it, and starts it again when it dies.

Run as a program by its path, with the standard library only, so that it is small::

    python3 -I -S keeper.py PID_FILE LOG PROGRAM [ARGUMENT…]

``PID_FILE`` holds the keeper's own process id in its first line and the daemon's in its second. SIGTERM is passed on,
and the keeper ends with the daemon; a daemon that ends by itself, or is killed, is started again, after one second at
first and up to a minute later when it keeps dying.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

SHORTEST_PAUSE = 1.0
LONGEST_PAUSE = 60.0
LONG_LIFE = 60.0
"""A daemon that lived this long (seconds) is started again with the shortest pause."""


def next_pause(lived: float, pause: float) -> float:
    """How long to wait before the next start, after a life of ``lived`` seconds and a last wait of ``pause``."""
    return SHORTEST_PAUSE if lived >= LONG_LIFE else min(LONGEST_PAUSE, pause * 2)


class Keeper:
    """One daemon and its keeper.

    Args:
        pid_file: where the two process ids are written.
        log: file that takes what the daemon prints.
        command: argument vector of the daemon.
    """

    def __init__(self, pid_file: Path, log: Path, command: list[str]) -> None:
        self._pid_file = pid_file
        self._log = log
        self._command = command
        self._stopping = False
        self._daemon: subprocess.Popen[bytes] | None = None

    def run(self) -> int:
        """Keep the daemon until told to stop; returns the exit code."""
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, self._stop)
        pause = SHORTEST_PAUSE / 2
        while not self._stopping:
            began = time.monotonic()
            code = self._life()
            if self._stopping:
                break
            pause = next_pause(time.monotonic() - began, pause)
            self._say(f"{' '.join(self._command)} ended with {code}; it is started again in {pause:.0f} s")
            self._wait(pause)
        self._pid_file.unlink(missing_ok=True)
        return 0

    def _life(self) -> int:
        """Start the daemon, and wait until it has ended."""
        with self._log.open("ab") as log:
            self._daemon = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        fresh = self._pid_file.with_suffix(".new")
        fresh.write_text(f"{os.getpid()}\n{self._daemon.pid}\n")
        fresh.replace(self._pid_file)
        return self._daemon.wait()

    def _wait(self, seconds: float) -> None:
        """Wait, but not longer than until the order to stop."""
        end = time.monotonic() + seconds
        while not self._stopping and time.monotonic() < end:
            time.sleep(0.2)

    def _stop(self, *_: object) -> None:
        self._stopping = True
        if self._daemon is not None and self._daemon.poll() is None:
            self._daemon.terminate()

    def _say(self, what: str) -> None:
        with self._log.open("a", encoding="utf-8") as log:
            log.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} keeper: {what}\n")


if __name__ == "__main__":
    sys.exit(Keeper(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]).run())
