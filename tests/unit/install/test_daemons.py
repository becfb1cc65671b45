"""The two daemons: their units, and the keeper where there is no systemd."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from aloft.base.paths import Paths
from aloft.install import daemons, keeper

PATHS = Paths(Path("/"))


def test_a_unit_leaves_the_children_to_be_adopted() -> None:
    text = daemons.unit_text(daemons.AGENT, PATHS)
    assert "ExecStart=/bin/sh /var/lib/aloft/start-agent.sh\n" in text
    assert "KillMode=process" in text
    assert "Delegate=yes" in text
    assert "After=network-online.target aloft-node.service" in text


def test_a_pid_file_counts_only_while_its_processes_are_what_they_were(tmp_path: Path) -> None:
    file = tmp_path / "aloft-node.pid"
    assert daemons.pids(file) == (0, 0)
    file.write_text(f"{os.getpid()}\n{os.getpid()}\n")
    assert daemons.pids(file) == (0, 0)
    file.write_text("half")
    assert daemons.pids(file) == (0, 0)


@given(st.floats(0, 59), st.floats(0.5, 60))
def test_a_daemon_that_keeps_dying_is_started_less_and_less_often(lived: float, pause: float) -> None:
    assert pause <= keeper.next_pause(lived, pause) <= keeper.LONGEST_PAUSE


def test_a_daemon_that_lived_long_is_started_again_at_once() -> None:
    assert keeper.next_pause(3600, 60) == keeper.SHORTEST_PAUSE


def wait_for(condition: "object", timeout: float = 20.0) -> None:
    end = time.monotonic() + timeout
    while not condition():  # type: ignore[operator]  # any callable
        assert time.monotonic() < end, "it did not come to be in time"
        time.sleep(0.01)


def test_a_killed_daemon_comes_back_and_a_stopped_one_does_not(tmp_path: Path) -> None:
    pid_file, log = tmp_path / "daemon.pid", tmp_path / "daemon.log"
    program = [sys.executable, "-I", "-S", Path(keeper.__file__), pid_file, log, "/bin/sleep", "600"]
    with subprocess.Popen(program) as process:
        wait_for(pid_file.exists)
        first = int(pid_file.read_text().split()[1])
        os.kill(first, signal.SIGKILL)
        wait_for(lambda: int(pid_file.read_text().split()[1]) != first)
        assert "ended with -9" in log.read_text()
        process.terminate()
        assert process.wait(timeout=20) == 0
    assert not pid_file.exists()
