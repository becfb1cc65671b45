"""Sockets that outlive their processes: who connects while one is being replaced waits, and is answered."""

import os
import signal
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from aloft.supervise.spec import Probe, ProcessSpec

from .conftest import PATIENCE, gone


def answering(bench, kind: str, *arguments: str) -> list[ProcessSpec]:
    """A process that answers on a socket that it is handed, and what it takes."""
    path = bench.socket("one")
    keywords = dict(zip(("path", "refuse"), (path, *arguments), strict=False))
    changes = {"listen": (Path(path),), "ready": Probe("none")}
    if kind == "command":
        return [bench.daemon("one", "answer", path, *arguments, **changes)]
    return [bench.zygote(), bench.forked("one", "answer", arguments=keywords, **changes)]


def connect(bench) -> socket.socket:
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(PATIENCE)
    try:
        client.connect(bench.socket("one"))
    except OSError:
        client.close()
        raise
    return client


def file(bench) -> int:
    return Path(bench.socket("one")).lstat().st_ino


def remove_file(bench) -> None:
    Path(bench.socket("one")).unlink()


def refused(bench) -> bool:
    try:
        connect(bench).close()
    except ConnectionRefusedError:
        return True
    return False


def who_answers(client: socket.socket) -> int:
    with client:
        return int(client.recv(100))


@pytest.mark.parametrize("kind", ["command", "zygote"])
async def test_connections_wait_for_the_next_process(bench, kind):
    await bench.run(*answering(bench, kind))
    first = bench.pid("one")
    assert who_answers(connect(bench)) == first
    os.kill(first, signal.SIGKILL)
    await gone(first)
    waiting = [connect(bench) for _ in range(20)]
    back = await bench.until(lambda status: status.name == "one" and status.state == "ready")
    assert {who_answers(client) for client in waiting} == {back.pid}


async def test_the_next_supervisor_takes_the_sockets_back(bench):
    specs = answering(bench, "command")
    await bench.run(*specs)
    first, made = bench.pid("one"), file(bench)
    await bench.supervisor.detach()
    bench.another()
    await bench.run(*specs)
    assert bench.pid("one") == first
    os.kill(first, signal.SIGKILL)
    await gone(first)
    waiting = connect(bench)
    back = await bench.until(lambda status: status.state == "ready")
    assert who_answers(waiting) == back.pid != first
    assert file(bench) == made


async def test_a_replaced_process_has_the_same_socket(bench):
    specs = answering(bench, "command")
    await bench.run(*specs)
    first, made = bench.pid("one"), file(bench)
    await bench.run(replace(specs[0], env={"NEW": "1"}))
    assert who_answers(connect(bench)) == bench.pid("one") != first
    assert file(bench) == made


async def test_nobody_waits_for_a_crash_loop(bench):
    mark = bench.folder / "mark"
    await bench.run(*answering(bench, "command", str(mark)))
    mark.touch()
    os.kill(bench.pid("one"), signal.SIGKILL)
    await bench.until(lambda status: status.state == "crash-loop")
    assert refused(bench)
    mark.unlink()
    back = await bench.until(lambda status: status.state == "ready")
    assert who_answers(connect(bench)) == back.pid


async def test_a_file_that_was_removed_is_there_again_after_a_restart(bench):
    await bench.run(*answering(bench, "command"))
    remove_file(bench)
    await bench.supervisor.restart("one")
    back = await bench.until(lambda status: status.state == "ready" and status.restarts == 1)
    assert who_answers(connect(bench)) == back.pid


async def test_what_is_no_longer_wanted_listens_no_longer(bench):
    await bench.run(*answering(bench, "command"))
    await bench.supervisor.remove("all")
    assert refused(bench)
