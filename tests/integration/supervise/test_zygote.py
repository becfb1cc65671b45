"""Zygotes, with real forks."""

import asyncio
import json
import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from aloft.supervise.process import ask_zygote
from aloft.supervise.spec import Probe
from aloft.supervise.supervisor import ProcessNotReady

USER = 212345


async def test_a_child_is_what_was_asked_for(bench):
    bench.folder.chmod(0o711)
    home = bench.folder / "home"
    (home / "tmp/deep").mkdir(parents=True)
    (home / "tmp/lock").touch()
    for path in (home, home / "tmp", home / "tmp/deep", home / "tmp/lock"):
        os.chown(path, USER, USER)
    spec = bench.forked(
        "slots/3/nova-api",
        "report",
        arguments={"path": str(home / "seen"), "extra": "ü"},
        user=USER,
        group=USER,
        groups=(USER, 200777),
        env={"TMPDIR": str(home / "tmp"), "TZ": "UTC+3"},
        cwd=home,
        umask=0o077,
        clear=(home / "tmp", home / "fresh"),
        cgroup="slots/3",
        oom_score_adj=123,
        ready=Probe("file", str(home / "seen")),
    )
    os.chown(bench.folder, USER, USER)
    for parent in bench.folder.parents:
        if parent.stat().st_uid == 0 and parent != Path("/tmp") and parent != Path("/"):
            parent.chmod(0o711)
    await bench.run(bench.zygote(), spec)
    seen = json.loads((home / "seen").read_text())
    assert seen["extra"] == "ü"
    assert seen["environment"] == {"TMPDIR": str(home / "tmp"), "TZ": "UTC+3"}
    assert seen["argv"] == ["aloft: slots/3/nova-api"]
    assert seen["cmdline"] == "aloft: slots/3/nova-api"
    assert seen["name"] == "nova-api"
    assert seen["uid"] == seen["gid"] == [USER] * 3
    assert seen["groups"] == [200777, USER]
    assert seen["umask"] == "0077"
    assert seen["cwd"] == str(home)
    assert seen["session"]
    assert len(seen["descriptors"]) == 4, "input, output, errors, and the folder being listed"
    assert seen["oom_score_adj"] == "123"
    assert seen["tempdir"] == str(home / "tmp")
    assert seen["left"] == []
    assert seen["gc"]
    assert seen["frozen"]
    assert seen["ignored"] == ["SIGPIPE", "SIGXFSZ"] or seen["ignored"] == ["SIGPIPE"]
    assert seen["blocked"] == []
    assert seen["threads"] == 1
    assert seen["time"] == "UTC"
    assert (home / "fresh").stat().st_uid == USER
    if bench.supervisor.cgroups.base:
        assert f"/{bench.cgroup}/slots/3/:slots:3:nova-api" in seen["cgroup"]


async def test_children_do_not_share_random_numbers(bench):
    specs = [
        bench.forked(
            f"child{number}",
            "report",
            arguments={"path": str(bench.folder / f"seen{number}")},
            env={"TMPDIR": "/tmp"},
            ready=Probe("file", str(bench.folder / f"seen{number}")),
        )
        for number in range(5)
    ]
    await bench.run(bench.zygote(), *specs)
    assert len({json.loads((bench.folder / f"seen{number}").read_text())["random"] for number in range(5)}) == 5


async def test_children_outlive_a_zygote_that_is_killed(bench):
    await bench.run(bench.zygote(), bench.forked("child"))
    zygote, child = bench.pid("zygote"), bench.pid("child")
    os.kill(zygote, signal.SIGKILL)
    await bench.until(lambda status: status.name == "zygote" and status.state == "ready" and status.pid != zygote)
    assert bench.pid("child") == child
    assert bench.status("child").state == "ready"
    assert bench.status("child").restarts == 0
    os.kill(child, signal.SIGKILL)
    back = await bench.until(lambda status: status.name == "child" and status.state == "ready")
    assert back.pid != child


async def test_children_outlive_a_zygote_that_is_replaced(bench):
    await bench.run(bench.zygote(), bench.forked("child"))
    zygote, child = bench.pid("zygote"), bench.pid("child")
    await bench.run(bench.zygote(umask=0o022), bench.forked("child"))
    assert bench.pid("zygote") != zygote
    assert bench.pid("child") == child


async def test_a_zygote_is_forked_from_another(bench):
    below = bench.forked(
        "below",
        arguments={"path": bench.socket("below"), "preload": "programs:preload_more"},
    )
    below = replace(below, entry="aloft.supervise.zygote:serve")
    seen = bench.folder / "seen"
    child = bench.forked(
        "slots/3/a-rather-long-name-of-a-service",
        "report",
        arguments={"path": str(seen)},
        env={"TMPDIR": "/tmp"},
        zygote=bench.socket("below"),
        after=("below",),
        ready=Probe("file", str(seen)),
    )
    await bench.run(bench.zygote(), below, child)
    told = json.loads(seen.read_text())
    assert told["cmdline"] == "aloft: slots/3/a-rather-long-name-of-a-service"
    assert told["preloaded"] == ["more"]
    assert len(told["descriptors"]) == 4
    first, second, service = (bench.pid(name) for name in ("zygote", "below", child.name))
    os.kill(first, signal.SIGKILL)
    await bench.until(lambda status: status.name == "zygote" and status.state == "ready" and status.pid != first)
    assert (bench.pid("below"), bench.pid(child.name)) == (second, service)
    os.kill(second, signal.SIGKILL)
    await bench.until(lambda status: status.name == "below" and status.state == "ready" and status.pid != second)
    assert bench.pid(child.name) == service
    os.kill(service, signal.SIGKILL)
    await bench.until(lambda status: status.name == child.name and status.state == "ready" and status.pid != service)


@pytest.mark.parametrize(
    ("entry", "arguments", "words", "logged"),
    [
        ("leave", {"code": "7"}, "ended with exit code 7", ""),
        ("speak", {"text": "no configuration"}, "ended with exit code 1", "no configuration"),
        ("crash", {}, "ended with exit code 1", "RuntimeError: no such table: services"),
        ("missing", {}, "ended with exit code 1", "AttributeError"),
    ],
)
async def test_exit_codes_of_children_are_learnt(bench, entry, arguments, words, logged):
    await bench.run(bench.zygote())
    await bench.supervisor.apply("child", [bench.forked("child", entry, arguments=arguments)])
    status = await bench.until(lambda status: status.state == "backoff")
    assert words in status.reason
    assert logged in bench.log("child").read_text()


async def test_a_child_that_cannot_become_what_it_should_says_why(bench):
    await bench.run(bench.zygote())
    await bench.supervisor.apply("child", [bench.forked("child", cwd=Path("/does/not/exist"))])
    status = await bench.until(lambda status: status.state == "backoff")
    assert "cannot start child: FileNotFoundError" in status.reason
    assert "/does/not/exist" in status.reason


@pytest.mark.parametrize(
    ("preload", "words"),
    [
        (
            "programs:preload_broken",
            "preload programs:preload_broken failed: RuntimeError: the database driver is missing",
        ),
        ("programs:preload_threaded", "left threads running, so forking is not safe: metrics-pusher"),
        ("no_such_module:preload", "No module named 'no_such_module'"),
        ("programs", "not of the form package.module:function"),
    ],
)
async def test_a_zygote_that_cannot_serve_says_why(bench, preload, words):
    await bench.supervisor.apply("zygote", [bench.zygote(preload)])
    with pytest.raises(ProcessNotReady) as caught:
        await bench.supervisor.wait_ready(["zygote"], 60)
    assert caught.value.status.state == "crash-loop"
    assert words in str(caught.value)


async def test_a_child_waits_for_a_zygote_that_is_not_there(bench):
    await bench.supervisor.apply("child", [bench.forked("child", after=())])
    status = await bench.until(lambda status: status.state == "waiting" and "zygote" in status.reason)
    assert "No such file" in status.reason
    await bench.run(bench.zygote(), group="zygote")
    await bench.supervisor.wait_ready(["child"], 20)
    assert bench.status("child").restarts == 0


async def test_a_zygote_answers_questions_and_survives_nonsense(bench):
    await bench.run(bench.zygote(), bench.forked("child"))
    path = bench.socket("zygote")
    assert (bench.folder / "zygote.sock").stat().st_mode & 0o777 == 0o600
    assert await ask_zygote(path, {"op": "ping"}) == {"pid": bench.pid("zygote"), "children": 1}
    assert "unknown op" in str(await ask_zygote(path, {"op": "dance"}))
    assert "bad request" in str(await ask_zygote(path, {"op": "fork", "request": {"name": "x"}}))
    assert "bad request" in str(await ask_zygote(path, {}))
    _, writer = await asyncio.open_unix_connection(path)
    writer.write(b"not even a line")
    writer.close()
    assert await ask_zygote(path, {"op": "exit", "pid": 1, "start": 1}) == {"status": None}
