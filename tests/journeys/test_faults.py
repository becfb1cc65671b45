"""Kill -9 of each kind of process: it heals without a person and without loss, and nobody else notices."""

import json
import os
import signal
import subprocess
from contextlib import contextmanager

import pytest

from aloft.controller.services import ALL

from ..running import ALOFT, Region, aloft, eventually, forget, lists_answer, ping, told
from . import machine
from .test_looking import SERVICES

HEAL_SECONDS = 90
SHARED = ("mariadb", "rabbitmq", "edge", "plane")
LISTENING = {process.name for service in ALL for process in service.processes if process.listens}
PROJECTS = ("keystone", "nova", "neutron", "glance", "cinder", "common")
HOST = (
    "link", "ovsdb-server", "ovs-vswitchd", "ovn-controller", "virtlogd", "libvirtd", "nova-compute",
    "neutron-ovn-metadata-agent", "glance-api",
)  # fmt: skip


@pytest.fixture(scope="module")
def bystander(installed):
    """Another customer, whose processes must live through it all."""
    forget("bystander")
    assert told("customer", "create", "bystander")["state"] == "succeeded"
    told("backup", "policy", "bystander", "--off")
    yield Region("bystander", "bystander-1")
    forget("bystander")


def well(*customers):
    """Whether everything on the node is ready and each customer's services answer."""
    unwell = [one["name"] for one in machine.states() if one["state"] != "ready"]
    assert not unwell, unwell
    return all(lists_answer(customer) for customer in customers)


@pytest.fixture
def before(bystander, address):
    """Process ids of all that runs, once everything is ready."""
    eventually(well, HEAL_SECONDS, "everything is ready before")
    return machine.pids()


def in_use(pids):
    """Without the zygotes of a release that had customers before: a new node does not keep them."""
    return {name: pid for name, pid in pids.items() if not name.startswith("zygotes/") or "/2026.2/" in name}


def kill(pid):
    assert machine.lives(pid)
    os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("service", sorted(SERVICES))
def test_a_killed_service_comes_back_and_no_other_is_restarted(demo, address, before, service):
    name = demo.slot.process(service)
    kill(before[name])
    if service in LISTENING:
        eventually(lambda: not machine.lives(before[name]), HEAL_SECONDS, f"{service} is gone")
        assert lists_answer(demo), "a call in the gap was not answered by the next process"

    def healed():
        return machine.pids()[name] != before[name] and well(demo)

    assert eventually(healed, HEAL_SECONDS, f"{service} is back")
    assert ping(address)
    after = machine.pids()
    assert {one for one in before if after.get(one) != before[one]} == {name}


@pytest.mark.parametrize("project", PROJECTS)
def test_a_killed_zygote_comes_back_and_keeps_its_children(demo, before, project):
    name = f"zygotes/2026.2/{project}"
    kill(before[name])
    assert eventually(lambda: machine.pids()[name] != before[name] and well(demo), HEAL_SECONDS, f"{name} is back")
    after = machine.pids()
    slots = {one for one in before if one.startswith("slots/")}
    assert {one for one in slots if after.get(one) != before[one]} == set()


@pytest.mark.parametrize("shared", SHARED)
def test_a_killed_shared_process_comes_back_and_no_service_is_restarted(demo, bystander, address, before, shared):
    kill(before[shared])

    def healed():
        return machine.pids()[shared] != before[shared] and well(demo, bystander)

    assert eventually(healed, HEAL_SECONDS, f"{shared} is back")
    assert ping(address)
    after = machine.pids()
    assert {one for one in before if after.get(one) != before[one]} == {shared}


@pytest.mark.parametrize("daemon", machine.DAEMONS)
def test_a_killed_daemon_comes_back_and_adopts_what_runs(demo, bystander, address, before, daemon):
    pid, on_host, guests = machine.daemon_pid(daemon), machine.host_pids(), machine.guests()
    kill(pid)

    def healed():
        return machine.daemon_pid(daemon) != pid and machine.lives(machine.daemon_pid(daemon)) and well(demo, bystander)

    assert eventually(healed, HEAL_SECONDS, f"the {daemon} is back")
    assert ping(address)
    assert in_use(machine.pids()) == in_use(before)
    assert (machine.host_pids(), machine.guests()) == (on_host, guests)


@pytest.mark.parametrize("process", HOST)
def test_a_killed_process_of_the_host_comes_back_and_the_instance_runs_on(demo, address, before, cloud, process):
    name = f"agent/{process}"
    on_host, guests = machine.host_pids(), machine.guests()
    if name not in on_host:
        pytest.skip(f"{process} is not the agent's on this machine")
    kill(on_host[name])

    def healed():
        now = machine.host_pids()[name]
        return now != on_host[name] and machine.lives(now) and ping(address) and well(demo)

    assert eventually(healed, HEAL_SECONDS, f"{process} is back")
    assert guests
    assert machine.guests() == guests
    assert machine.pids() == before
    up = eventually(
        lambda: [one for one in cloud.compute.services(binary="nova-compute") if one.state == "up"],
        HEAL_SECONDS,
        "nova-compute is up",
    )
    assert up


@contextmanager
def watched(operation):
    """Follow an operation on the command line while something happens to Aloft; it must succeed in the end."""
    command = [ALOFT, "operation", "watch", operation, "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as watcher:
        first = watcher.stderr.readline()
        yield first
        out, rest = watcher.communicate(timeout=300)
    assert watcher.returncode == 0, first + rest
    assert json.loads(out)["state"] == "succeeded"


@pytest.fixture
def survivor(before):
    """The name of a customer that is made under fire, and nothing of whom is left in the end."""
    forget("survivor")
    yield Region("survivor", "survivor-1")
    forget("survivor")
    left = {one for one in machine.pids() if one.startswith("slots/")}
    assert left == {one for one in before if one.startswith("slots/")}


@pytest.mark.parametrize("victim", ["plane", "node"])
def test_creating_a_customer_goes_on_after_a_kill(demo, survivor, before, victim):
    begun = told("customer", "create", survivor.customer, "--no-wait")
    with watched(begun["id"]) as step:
        assert step.startswith("done")
        kill(machine.daemon_pid("node") if victim == "node" else before["plane"])
    assert told("operation", "show", begun["id"])["actor"] == begun["actor"]
    assert eventually(lambda: well(survivor, demo), HEAL_SECONDS, "the customer answers")


def test_deleting_a_customer_goes_on_after_a_kill_of_plane_and_node(demo, survivor, before):
    assert told("customer", "create", survivor.customer)["state"] == "succeeded"
    begun = told("customer", "delete", survivor.customer, "--yes", "--no-wait")
    kill(machine.daemon_pid("node"))
    kill(before["plane"])
    eventually(lambda: told("operation", "show", begun["id"])["ended"], HEAL_SECONDS, "the operation ends")
    assert told("operation", "show", begun["id"])["state"] == "succeeded"
    assert aloft("customer", "show", survivor.customer).code == 1
    assert eventually(lambda: well(demo), HEAL_SECONDS, "demo answers")
