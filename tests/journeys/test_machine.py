"""`aloft up` and `aloft down` on a machine that has customers: nothing is lost, also over a reboot."""

import os
import shutil
import signal
from pathlib import Path

import pytest

from aloft.base.paths import Paths
from aloft.ground.layout import Layout

from ..running import PATHS, aloft, eventually, https, lists_answer, ping, run
from . import machine

UNCHANGED = ("is there", "are there", "is ready", "is active", "is enrolled", "is trusted", "runs", "is up to date")


def up():
    """Run `aloft up`; gives what it says of each step."""
    said = aloft("up")
    assert said.code == 0, said
    return said


@pytest.fixture
def belongings(cloud, demo):
    """What the demo customer has, by kind and id, and a token of before."""
    return inventory(cloud), demo.token()


def inventory(cloud):
    """What the demo customer has."""
    listed = {
        "servers": cloud.compute.servers(),
        "flavors": cloud.compute.flavors(),
        "keypairs": cloud.compute.keypairs(),
        "images": cloud.image.images(),
        "networks": cloud.network.networks(),
        "ports": cloud.network.ports(),
        "floating IPs": cloud.network.ips(),
        "projects": cloud.identity.projects(),
        "users": cloud.identity.users(),
    }
    return {kind: sorted(one.id for one in things) for kind, things in listed.items()}


def nothing_is_lost(cloud, demo, belongings):
    """Whether the demo customer has what it had, and a token of before is good for the same project."""
    things, token = belongings
    assert eventually(lambda: lists_answer(demo), what="the services answer")
    assert inventory(cloud) == things
    old = https(
        "GET",
        f"{demo.endpoint('identity')}/auth/tokens",
        headers={"X-Auth-Token": demo.token(), "X-Subject-Token": token},
    )
    assert old.status_code == 200
    assert old.json()["token"]["project"]["id"] in things["projects"]
    return True


def test_a_second_up_changes_nothing(demo, address):
    settings = {path: path.stat().st_mtime_ns for path in PATHS.etc.rglob("*") if path.is_file()}
    hosts = Path("/etc/hosts").stat().st_mtime_ns
    before = machine.pids(), machine.host_pids(), machine.guests(), machine.daemon_pid("node")
    said = up()
    assert (machine.pids(), machine.host_pids(), machine.guests(), machine.daemon_pid("node")) == before
    assert {path: path.stat().st_mtime_ns for path in PATHS.etc.rglob("*") if path.is_file()} == settings
    assert Path("/etc/hosts").stat().st_mtime_ns == hosts
    for line in said.out.splitlines():
        for word in ("made ", "was made", "was started", "was uploaded", "was written"):
            assert word not in line, line
    assert ping(address)


def test_down_stops_aloft_and_leaves_instances_running_and_up_brings_all_back(cloud, demo, address, belongings):
    guests, services = machine.guests(), machine.pids()
    assert guests
    said = aloft("down")
    assert said.code == 0, said
    assert not [name for name, pid in services.items() if machine.lives(pid)]
    assert machine.guests() == guests
    assert eventually(lambda: ping(address), 10, "the instance still answers")
    assert aloft("status").code != 0
    up()
    assert machine.guests() == guests
    assert nothing_is_lost(cloud, demo, belongings)
    assert eventually(lambda: ping(address), what="the instance answers")


def reboot():
    """Take away what a reboot takes away: processes, sockets, interfaces, everything in /run."""
    layout = Layout.of(Paths())
    for pid in (*machine.guests().values(), *machine.host_pids().values()):
        if machine.lives(pid):
            os.kill(pid, signal.SIGKILL)
            eventually(lambda pid=pid: not machine.lives(pid), what=f"process {pid} ends")
    for namespace in run("ip", "netns", "list").out.splitlines():
        if namespace.startswith("ovnmeta-"):
            run("ip", "netns", "delete", namespace.split()[0])
    for folder in (PATHS.run, layout.switch_run, layout.ovn_run, layout.libvirt_run):
        shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.skipif(Path("/run/systemd/system").exists(), reason="systemd's own units would have to be rebooted")
def test_everything_comes_back_after_a_reboot(cloud, demo, address, belongings):
    said = aloft("down")
    assert said.code == 0, said
    reboot()
    assert not ping(address)
    up()
    assert nothing_is_lost(cloud, demo, belongings)
    assert eventually(lambda: ping(address), 180, "the instance answers again")
    assert cloud.compute.find_server("hello", ignore_missing=False).status == "ACTIVE"
