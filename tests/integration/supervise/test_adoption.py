"""Processes outlive their supervisor, and the next one takes them over."""

import asyncio
import os
import signal
import sys
from dataclasses import replace

import pytest

from .conftest import PATIENCE, PROGRAMS, SOURCE, gone, lives
from .programs.node import specs


@pytest.fixture
async def abandoned(bench):
    """Three services whose supervisor, a process of its own, was killed; their pids by name."""
    arguments = (str(bench.folder), bench.cgroup, "3")
    node = await asyncio.create_subprocess_exec(
        sys.executable,
        str(PROGRAMS / "node.py"),
        *arguments,
        env={"PYTHONPATH": str(SOURCE)},
        stdout=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(PATIENCE):
        assert await node.stdout.readline() == b"ready\n"
    os.kill(node.pid, signal.SIGKILL)
    await node.wait()
    found = {name: record.pid for name, record in bench.supervisor.records.load().items()}
    assert len(found) == 3
    assert all(lives(pid) for pid in found.values())
    return found


async def test_the_next_supervisor_adopts(bench, abandoned):
    await bench.run(*specs(bench.folder, 3))
    await bench.supervisor.settle()
    assert {status.name: status.pid for status in bench.supervisor.status()} == abandoned
    assert all(status.restarts == 0 for status in bench.supervisor.status())


async def test_the_adopted_are_healed_too(bench, abandoned):
    await bench.run(*specs(bench.folder, 3))
    os.kill(abandoned["slots/1/service"], signal.SIGKILL)
    died = await bench.until(lambda status: status.state == "backoff")
    assert died.name == "slots/1/service"
    back = await bench.until(lambda status: status.state == "ready")
    assert back.pid != abandoned["slots/1/service"]


async def test_what_changed_meanwhile_is_replaced(bench, abandoned):
    changed = [replace(spec, env={"NEW": "1"}) if "/0/" in spec.name else spec for spec in specs(bench.folder, 3)]
    await bench.run(*changed)
    assert not lives(abandoned["slots/0/service"])
    assert bench.pid("slots/0/service") != abandoned["slots/0/service"]
    assert bench.pid("slots/1/service") == abandoned["slots/1/service"]


async def test_what_nobody_wants_any_more_ends_when_all_is_settled(bench, abandoned):
    await bench.run(*specs(bench.folder, 1))
    assert lives(abandoned["slots/2/service"])
    await bench.supervisor.settle()
    assert lives(abandoned["slots/0/service"])
    assert not lives(abandoned["slots/1/service"])
    assert not lives(abandoned["slots/2/service"])


async def test_strays_without_a_record_end_too(bench, abandoned):
    if not bench.supervisor.cgroups.base:
        pytest.skip("this machine has no writable control groups")
    bench.supervisor.records.remove("slots/2/service")
    await bench.run(*specs(bench.folder, 1))
    await bench.supervisor.settle()
    await gone(abandoned["slots/2/service"])


async def test_what_died_meanwhile_is_started(bench, abandoned):
    os.kill(abandoned["slots/2/service"], signal.SIGKILL)
    await gone(abandoned["slots/2/service"])
    await bench.run(*specs(bench.folder, 3))
    assert bench.pid("slots/2/service") != abandoned["slots/2/service"]


async def test_detaching_leaves_all_running(bench):
    await bench.run(bench.zygote(), bench.forked("child"), bench.daemon("one"))
    before = [bench.pid(name) for name in ("zygote", "child", "one")]
    await bench.supervisor.detach()
    assert all(lives(pid) for pid in before)
    bench.another()
    await bench.run(bench.zygote(), bench.forked("child"), bench.daemon("one"))
    assert [bench.pid(name) for name in ("zygote", "child", "one")] == before


async def test_shutting_down_ends_what_was_never_applied_again(bench, abandoned):
    await bench.supervisor.shutdown()
    assert not any(lives(pid) for pid in abandoned.values())
