"""What processes use, by this very process and its child."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from aloft.bench import measure


@pytest.fixture
def child() -> Iterator[int]:
    """A child that has started, and its own child."""
    program = (
        "import subprocess, sys; c = subprocess.Popen(['cat'], stdin=subprocess.PIPE); "
        "print(c.pid, flush=True); sys.stdin.read(); c.stdin.close(); c.wait()"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process.pid


def test_a_child_and_its_child_are_descendants(child: int) -> None:
    found = measure.descendants([child])
    assert child in found
    assert len(found) == 2
    assert found < measure.descendants([os.getpid()])
    assert measure.parent(child) == os.getpid()


def test_processes_are_found_by_their_user(child: int) -> None:
    assert measure.user(child) == os.geteuid()
    assert {child, os.getpid()} <= measure.of_user(os.geteuid())
    assert measure.of_user(299_997) == frozenset()


def test_memory_and_processor_time_are_what_the_kernel_says(child: int) -> None:
    assert measure.pss_mib([os.getpid()]) > 1
    assert measure.pss_mib([os.getpid(), child]) > measure.pss_mib([child]) > 0
    assert measure.processor_seconds([os.getpid()])[os.getpid()] > 0


def test_what_is_gone_counts_nothing() -> None:
    with subprocess.Popen(["/bin/true"]) as process:
        process.wait()
    assert measure.pss_mib([process.pid]) == 0
    assert measure.processor_seconds([process.pid]) == {}
    assert measure.user(process.pid) == -1


def test_growth_counts_new_processes_whole_and_ended_ones_not() -> None:
    assert measure.growth({1: 5.0, 2: 7.0}, {1: 6.5, 3: 2.0}) == 3.5


def test_the_listener_of_a_socket_is_found(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s"))
        server.listen()
        assert measure.listener(tmp_path / "s") == os.getpid()
