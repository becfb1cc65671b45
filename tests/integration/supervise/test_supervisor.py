"""The supervisor, with real processes that are killed, hang, and refuse to go."""

import asyncio
import os
import signal
import subprocess
from dataclasses import replace

import pytest

from aloft.base.errors import Conflict, InvalidInput, NotFound
from aloft.supervise.backoff import Policy
from aloft.supervise.cgroup import members
from aloft.supervise.child import start_time
from aloft.supervise.metrics import ProcessCollector
from aloft.supervise.reaper import Reaper, zombie_children
from aloft.supervise.spec import Probe
from aloft.supervise.supervisor import ProcessNotReady

from .conftest import children, eventually, gone, lives


async def test_a_killed_process_is_back(bench):
    await bench.run(bench.daemon("one"))
    first = bench.pid("one")
    os.kill(first, signal.SIGKILL)
    died = await bench.until(lambda status: status.state == "backoff")
    assert "SIGKILL" in died.reason
    back = await bench.until(lambda status: status.state == "ready")
    assert back.pid != first
    assert back.restarts == 1
    assert back.reason == ""


async def test_a_file_that_an_earlier_process_left_does_not_make_one_ready(bench):
    mark = bench.folder / "mark"
    mark.touch()
    await bench.supervisor.apply("all", [bench.daemon("one", ready=Probe("file", str(mark)))])
    await eventually(lambda: "does not exist" in bench.supervisor.status()[0].reason)
    mark.touch()
    await bench.until(lambda status: status.state == "ready")


async def test_what_comes_after_waits_and_goes_last(bench):
    order: list[tuple[str, str]] = []
    bench.supervisor.subscribe(lambda status: order.append((status.name, status.state)))
    await bench.supervisor.apply("later", [bench.daemon("b", after=("a",)), bench.daemon("c", after=("b",))])
    assert (
        await bench.until(lambda status: status.name == "b")
    ).reason == "waits for a, which nobody has asked for yet"
    await bench.supervisor.apply("first", [bench.daemon("a")])
    await bench.supervisor.wait_ready(["a", "b", "c"], 20)
    assert [name for name, state in order if state == "ready"] == ["a", "b", "c"]
    await bench.supervisor.shutdown()
    assert [name for name, state in order if state == "stopped"] == ["c", "b", "a"]


async def test_applying_again_changes_nothing_and_a_change_replaces(bench):
    specs = [bench.daemon("one"), bench.daemon("two")]
    await bench.run(*specs)
    before = [bench.pid("one"), bench.pid("two")]
    await bench.run(*specs)
    assert [bench.pid("one"), bench.pid("two")] == before
    await bench.run(replace(specs[0], env={"NEW": "1"}), replace(specs[1], stop_timeout=1.0))
    assert bench.pid("one") != before[0]
    assert bench.pid("two") == before[1]
    assert bench.supervisor.records.read("two").stop_timeout == 1.0


async def test_what_is_no_longer_in_the_group_ends(bench):
    await bench.run(bench.daemon("one"), bench.daemon("two"))
    two = bench.pid("two")
    await bench.supervisor.apply("all", [bench.daemon("one")])
    await bench.until(lambda status: status.name == "two" and status.state == "stopped")
    assert not lives(two)
    assert [status.name for status in bench.supervisor.status()] == ["one"]
    one = bench.pid("one")
    await bench.supervisor.remove("all")
    assert not lives(one)
    assert bench.supervisor.status() == []
    assert bench.supervisor.records.load() == {}


async def test_who_is_in_a_hurry_need_not_wait_for_a_stubborn_process(bench):
    await bench.run(bench.daemon("one", "stubborn", stop_timeout=600.0))
    one = bench.pid("one")
    async with asyncio.timeout(60):
        await bench.supervisor.remove("all", within=0.1)
    assert not lives(one)


async def test_a_restart_on_request_is_no_death(bench):
    await bench.run(bench.daemon("one"))
    first = bench.pid("one")
    await bench.supervisor.restart("one")
    await bench.supervisor.wait_ready(["one"], 20)
    assert bench.pid("one") != first
    with pytest.raises(NotFound):
        await bench.supervisor.restart("two")


async def test_a_crash_loop_is_told_at_once_with_the_log(bench):
    await bench.supervisor.apply("all", [bench.daemon("one", "crash")])
    with pytest.raises(ProcessNotReady) as caught:
        await bench.supervisor.wait_ready(["one"], 60)
    assert caught.value.status.state == "crash-loop"
    assert caught.value.status.restarts >= 5
    assert "RuntimeError: no such table: services" in str(caught.value)
    assert "ended with exit code" in str(caught.value)


async def test_a_crash_loop_ends_with_a_better_specification(bench):
    await bench.supervisor.apply("all", [bench.daemon("one", "leave", "3")])
    await bench.until(lambda status: status.state == "crash-loop")
    await bench.run(bench.daemon("one"))
    assert bench.status("one").state == "ready"


async def test_a_slow_start_is_not_a_crash_loop(bench):
    os.mkfifo(bench.folder / "gate")
    spec = bench.daemon("one", "listen_late", bench.socket("one"), str(bench.folder / "gate"))
    await bench.supervisor.apply("all", [spec])
    status = await bench.until(lambda status: status.pid is not None)
    assert status.state == "starting"
    with pytest.raises(ProcessNotReady, match="it is starting: unix probe"):
        await bench.supervisor.wait_ready(["one"], 0.05)
    await asyncio.to_thread((bench.folder / "gate").write_bytes, b"")
    await bench.supervisor.wait_ready(["one"], 20)
    assert bench.status("one").pid == status.pid
    assert bench.status("one").restarts == 0


async def test_a_start_that_takes_too_long_is_tried_anew(bench):
    os.mkfifo(bench.folder / "gate")
    spec = bench.daemon("one", "listen_late", bench.socket("one"), str(bench.folder / "gate"), start_timeout=0.3)
    await bench.supervisor.apply("all", [spec])
    status = await bench.until(lambda status: status.state == "backoff")
    assert "was not ready within 0.3 s" in status.reason
    assert status.restarts == 1


async def test_who_hangs_is_unready_and_then_replaced(bench):
    mark = bench.folder / "mark"
    await bench.run(bench.daemon("one", "listen_once", bench.socket("one"), str(mark)))
    first = bench.pid("one")
    mark.touch()
    bench.folder.joinpath("one.sock").unlink()
    status = await bench.until(lambda status: status.state == "unready")
    assert status.pid == first
    mark.unlink()
    status = await bench.until(lambda status: status.state == "backoff")
    assert "was not ready for" in status.reason
    await bench.until(lambda status: status.state == "ready")
    assert not lives(first)


async def test_who_does_not_go_is_killed(bench):
    await bench.run(bench.daemon("one", "stubborn", stop_timeout=0.1))
    pid = bench.pid("one")
    await bench.supervisor.remove("all")
    assert not lives(pid)


async def test_helpers_end_with_their_process(bench):
    if not bench.supervisor.cgroups.base:
        pytest.skip("this machine has no writable control groups")
    await bench.run(bench.daemon("one", "with_helper"))
    pid, leaf = bench.supervisor.pids("one")
    helpers = set(members(leaf)) - {pid}
    assert len(helpers) == 1
    os.kill(pid, signal.SIGKILL)
    await gone(helpers.pop())
    await bench.until(lambda status: status.state == "ready")
    assert len(members(leaf)) == 2


async def test_a_command_that_cannot_be_executed_says_why(bench):
    await bench.supervisor.apply("all", [bench.daemon("one", command=("/does/not/exist",))])
    status = await bench.until(lambda status: status.state == "backoff")
    assert "cannot start one: FileNotFoundError" in status.reason


async def test_wrong_groups_change_nothing(bench):
    await bench.run(bench.daemon("one"))
    pid = bench.pid("one")
    with pytest.raises(Conflict, match="belongs to the group all"):
        await bench.supervisor.apply("other", [bench.daemon("one")])
    with pytest.raises(InvalidInput, match="circle"):
        await bench.supervisor.apply("all", [bench.daemon("one", after=("two",)), bench.daemon("two", after=("one",))])
    assert bench.pid("one") == pid
    with pytest.raises(NotFound):
        await bench.supervisor.wait_ready(["two"], 1)


async def test_many_processes_start_a_few_at_a_time(bench):
    supervisor = bench.another(parallel=2)
    starting: set[str] = set()
    most = 0

    def count(status):
        nonlocal most
        (starting.add if status.state == "starting" else starting.discard)(status.name)
        most = max(most, len(starting))

    supervisor.subscribe(count)
    await bench.run(*(bench.daemon(f"p{number}") for number in range(8)))
    assert most == 2


async def test_what_shall_be_kept_outlives_a_shutdown(bench):
    kept = bench.daemon("switch", keep_on_shutdown=True)
    await bench.run(kept, bench.daemon("one"))
    pid = bench.pid("switch")
    await bench.supervisor.shutdown()
    assert lives(pid)
    bench.another()
    await bench.run(kept)
    assert bench.pid("switch") == pid
    assert bench.status("switch").restarts == 0


async def test_a_program_without_a_control_group_ends_with_its_session_only(bench):
    await bench.run(bench.daemon("one", "with_helper", cgroup=""))
    (helper,) = children(bench.pid("one"))
    await bench.supervisor.remove("all")
    assert lives(helper)
    os.kill(helper, signal.SIGKILL)
    await gone(helper)


async def test_orphans_of_daemons_are_buried_at_once(bench):
    await bench.run(bench.daemon("one", "orphaning", ready=Probe("none")))
    log = bench.log("one")
    await eventually(lambda: log.exists() and log.read_text().endswith("\n"))
    orphan = int(log.read_text())
    await eventually(lambda: start_time(orphan) is None)


async def test_exit_codes_are_left_to_who_asks_for_them(bench):
    await bench.run(bench.daemon("one"))
    ours = [
        await asyncio.create_subprocess_exec("/bin/sh", "-c", "exit 7", start_new_session=own) for own in (True, False)
    ]
    held = subprocess.Popen(["/bin/sh", "-c", "exit 7"])  # noqa: ASYNC220 - nobody asks for it at first
    await eventually(lambda: held.pid in zombie_children())
    os.kill(bench.pid("one"), signal.SIGKILL)
    assert "SIGKILL" in (await bench.until(lambda status: status.state == "backoff")).reason
    assert [await process.wait() for process in ours] == [7, 7]
    assert held.wait() == 7


async def test_who_is_not_asked_for_is_buried_in_the_end(bench):
    held = subprocess.Popen(["/bin/true"])  # noqa: ASYNC220 - the point is that nobody waits for it
    await eventually(lambda: held.pid in zombie_children())
    reaper = Reaper(patience=10.0)
    assert held.pid not in reaper.round(100.0)
    assert held.pid not in reaper.round(109.0)
    assert held.pid in reaper.round(110.0)
    assert held.pid not in zombie_children()
    held.poll()


async def test_a_second_supervisor_is_refused(bench):
    first = bench.supervisor
    await bench.run(bench.daemon("one"))
    second = bench.another()
    with pytest.raises(Conflict, match="Another supervisor"):
        await second.open()
    bench.supervisor = first


async def test_a_failing_listener_disturbs_nobody(bench, caplog):
    def fail(status):
        raise RuntimeError("portal is gone")

    bench.supervisor.subscribe(fail)
    await bench.run(bench.daemon("one"))
    assert "portal is gone" in caplog.text


async def test_figures_for_prometheus(bench):
    await bench.run(bench.daemon("one"), bench.daemon("two", cgroup=""))
    families = {family.name: family for family in ProcessCollector(bench.supervisor).collect()}
    for name in ("aloft_process_up", "aloft_process_resident_memory_bytes", "aloft_process_cpu_seconds"):
        values = {sample.labels["name"]: sample.value for sample in families[name].samples}
        assert values.keys() == {"one", "two"}
        assert all(value > 0 for value in values.values())
    assert [sample.value for sample in families["aloft_process_restarts"].samples] == [0, 0]


async def test_delays_grow_between_deaths(bench):
    bench.another(policy=Policy(first=0.01, cap=1.0))
    reasons: list[str] = []
    bench.supervisor.subscribe(lambda status: reasons.append(status.reason) if "next try" in status.reason else None)
    await bench.supervisor.apply("all", [bench.daemon("one", "leave", "3")])
    await bench.until(lambda status: status.state == "crash-loop" and status.restarts >= 6)
    delays = [float(reason.rpartition("next try in ")[2].removesuffix(" s")) for reason in reasons]
    assert delays == sorted(delays)
    assert delays[-1] > delays[0]
