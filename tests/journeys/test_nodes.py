"""Customers move to another node and back, under a client that sees no call fail, whatever is killed or lost."""

import os
import shutil
import signal
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from aloft.base.paths import Paths
from aloft.bench.datacenter import ADDRESS, NAME, NEAR_ADDRESS, PROGRAMS, Datacenter
from aloft.node.registry import Registry

from ..running import PATHS, Region, aloft, eventually, forget, https, lists_answer, ping, run, told
from . import machine
from .test_upgrade import Client, at_work, followed, projects, watched

HOST_SECONDS = 120.0
VAULT = "vault"


@pytest.fixture(scope="module")
def second(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Datacenter]:
    """Another node, which this one knows."""
    folder = tmp_path_factory.mktemp("second")
    there = Datacenter(folder, PATHS, "aloft.internal")
    try:
        there.up()
        (own,) = [one["name"] for one in told("node", "list") if one["own"]]
        invitation = folder / "invitation"
        invitation.write_text(there.aloft("node", "invite", own, "--address", ADDRESS))
        near = NEAR_ADDRESS.partition("/")[0]
        added = told("node", "add", "--invitation-file", str(invitation), "--own-address", near)
        assert (added["name"], added["state"]) == (NAME, "up"), added
        yield there
        if NAME in {one["name"] for one in told("node", "list")}:
            assert aloft("node", "remove", NAME, "--yes").code == 0
    finally:
        there.close()


def move(customer: str, node: str) -> None:
    assert told("customer", "move", customer, "--node", node)["state"] == "succeeded"


def place(customer: str) -> str:
    return str(told("customer", "show", customer)["regions"][0]["node"])


def own_name() -> str:
    return next(str(one["name"]) for one in told("node", "list") if one["own"])


def host_is_well() -> bool:
    return [one["state"] for one in told("host", "list", "demo")] == ["ok"]


def works(cloud: Any, server: Any, address: str) -> None:
    """What is done in OpenStack reaches the machine, and what virsh does is in OpenStack."""
    eventually(host_is_well, HOST_SECONDS, "the host is well")
    eventually(lambda: all(one.is_alive for one in cloud.network.agents()), HOST_SECONDS, "its agents are alive")
    domain = cloud.compute.get_server(server.id).instance_name
    cloud.compute.suspend_server(server.id)
    eventually(lambda: cloud.compute.get_server(server.id).status == "SUSPENDED", HOST_SECONDS, "it is suspended")
    cloud.compute.resume_server(server.id)
    eventually(lambda: cloud.compute.get_server(server.id).status == "ACTIVE", HOST_SECONDS, "it runs again")
    assert not run("virsh", "suspend", domain).code
    eventually(lambda: cloud.compute.get_server(server.id).status == "PAUSED", HOST_SECONDS, "it is seen to be paused")
    assert not run("virsh", "resume", domain).code
    eventually(lambda: cloud.compute.get_server(server.id).status == "ACTIVE", HOST_SECONDS, "it is seen to run")
    eventually(lambda: ping(address), HOST_SECONDS, "it answers")


def forget_made(cloud: Any, client: Client) -> None:
    for project in client.made:
        cloud.identity.delete_project(project)


def test_a_customer_moves_to_another_node_and_back_while_it_works(demo, cloud, address, second) -> None:
    server = cloud.compute.find_server("hello", ignore_missing=False)
    here, running = own_name(), machine.guests()
    with at_work(demo) as client:
        move("demo", NAME)
        assert place("demo") == NAME
        assert machine.guests() == running and ping(address)
        assert client.failed == []
        assert lists_answer(demo)
    assert set(client.made) <= projects(demo, client.token), "something that was written is lost"
    forget_made(cloud, client)
    works(cloud, server, address)
    assert [one["name"] for one in told("node", "list") if one["controllers"]] == [NAME]
    assert "demo" not in second.aloft("customer", "list")
    with at_work(demo) as client:
        move("demo", here)
        assert place("demo") == here
        assert client.failed == []
    assert set(client.made) <= projects(demo, client.token), "something that was written is lost"
    forget_made(cloud, client)
    works(cloud, server, address)
    eventually(lambda: nothing_is_left(second, "demo"), what="nothing is left of it on the other node")


@pytest.fixture(scope="module")
def mover(second: Datacenter) -> Iterator[Region]:
    """A customer without hosts."""
    forget("mover")
    assert told("customer", "create", "mover")["state"] == "succeeded"
    told("backup", "policy", "mover", "--off")  # nothing by itself meanwhile
    yield Region("mover", "mover-1")
    forget("mover")


def comes(second: Datacenter, customer: str) -> bool:
    """Whether the other node has begun to start a customer's controllers."""
    return any((second.machine.root / "var/lib/aloft/node/controllers").glob(f"{customer}*"))


def nothing_is_left(second: Datacenter, customer: str) -> bool:
    """Whether the other node has nothing of a customer: no controller, no metadata, no job, no slot."""
    paths = Paths(second.machine.root)
    there = [*(paths.state / "node/arrivals").glob("*"), *(paths.state / "node/jobs").glob("*")]
    registry = Registry(paths)
    return not comes(second, customer) and not there and registry.slots() <= registry.warm().keys()


def state_of(node: str) -> str:
    return next(str(one["state"]) for one in told("node", "list") if one["name"] == node)


def make_project(region: Region, token: str) -> str:
    body = {"project": {"name": uuid4().hex, "domain_id": "default"}}
    head = {"X-Auth-Token": token}
    made = https("POST", region.endpoint("identity") + "/projects", headers=head, json=body, timeout=60)
    assert made.status_code == 201, made.text
    return str(made.json()["project"]["id"])


def test_a_move_that_is_aborted_leaves_all_as_it_was(mover, second) -> None:
    before = mover.pids()
    with at_work(mover) as client:
        begun = told("customer", "move", "mover", "--node", NAME, "--no-wait")["id"]
        ended = followed(begun, f"send it to {NAME}", lambda: told("customer", "abort-move", "mover"))
    assert ended["state"] == "failed" and "aborted" in ended["error"]["message"], ended
    assert client.failed == []
    assert place("mover") == own_name() and mover.pids() == before
    eventually(lambda: nothing_is_left(second, "mover"), what="nothing is left of it on the other node")


def test_the_other_node_is_killed_while_it_comes_and_all_is_as_it_was(mover, second) -> None:
    before = mover.pids()
    begun = told("customer", "move", "mover", "--node", NAME, "--no-wait")["id"]
    eventually(lambda: comes(second, "mover"), what="it comes there")
    second.machine.run("kill", "-9", (second.machine.root / "run/aloft/aloft-node.pid").read_text().split()[1])
    said = aloft("operation", "watch", begun, "--json")
    assert said.code == 1 and said.json["state"] == "failed", said
    assert place("mover") == own_name() and mover.pids() == before and lists_answer(mover)
    eventually(lambda: state_of(NAME) == "up", HOST_SECONDS, "the other node is back")
    eventually(lambda: nothing_is_left(second, "mover"), HOST_SECONDS, "nothing is left of it there")


def test_killed_while_it_comes_it_is_served_from_one_place_with_all_that_was_written(mover, second) -> None:
    begun = told("customer", "move", "mover", "--node", NAME, "--no-wait")["id"]
    eventually(lambda: comes(second, "mover"), what="it comes there")
    token = mover.token()
    after_the_copy = make_project(mover, token)
    os.kill(machine.daemon_pid("node"), signal.SIGKILL)  # it comes back, and begins again
    told_of = watched(begun)
    assert told_of["node"] == place("mover") == NAME and lists_answer(mover)
    assert after_the_copy in projects(mover, token), "what was written after the first copy is lost"


@pytest.mark.skipif(not all(map(shutil.which, PROGRAMS)), reason="needs the packages openssh-server and rclone")
def test_who_was_on_a_node_that_is_lost_for_good_comes_back_from_a_repository(demo, cloud, address, second) -> None:
    server, running = cloud.compute.find_server("hello", ignore_missing=False), machine.guests()
    forget("mover")  # it is there by now, and need not come back, too
    move("demo", NAME)
    shelf = second.keep_backups_near()
    told(
        *("backup", "repository", "add", VAULT, shelf.url, "--secondary"),
        *("--ssh-key", str(shelf.key), "--known-hosts", str(shelf.known_hosts)),
    )
    try:
        eventually(lambda: VAULT in second.aloft("backup", "repository", "list"), what="the other node knows it, too")
        token = demo.token()
        kept = make_project(demo, token)
        copies = told("backup", "run", "demo")["result"]["copies"]
        assert copies[VAULT] == "", copies
        second.lose()
        eventually(lambda: state_of(NAME) == "down", what="it is seen to be down")
        assert machine.guests() == running and ping(address)
        assert aloft("node", "remove", NAME, "--yes").code == 1, "customers are on it"
        assert aloft("node", "remove", NAME, "--lost", "--yes").code == 0
        restored = told("backup", "restore", "demo", "--repository", VAULT, "--yes")
        assert restored["state"] == "succeeded", restored
    finally:
        aloft("backup", "repository", "remove", VAULT, "--yes")
    assert place("demo") == own_name() and lists_answer(demo)
    assert kept in projects(demo, token), "what was backed up is not there"
    assert machine.guests() == running and ping(address)
    works(cloud, server, address)
    cloud.identity.delete_project(kept)
