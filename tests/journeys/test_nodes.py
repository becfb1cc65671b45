"""A customer with its hosts and instances moves to another node and back, under a client that sees no call fail."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aloft.bench.datacenter import ADDRESS, NAME, NEAR_ADDRESS, Datacenter

from ..running import PATHS, aloft, eventually, lists_answer, ping, run, told
from . import machine
from .test_upgrade import Client, at_work, projects, watched

HOST_SECONDS = 120.0


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
        assert aloft("node", "remove", NAME, "--yes").code == 0
    finally:
        there.close()


def move(customer: str, node: str, fatal: str = "") -> Any:
    """Move a customer, with a kill of this node's process once a step has ended; what it tells."""
    begun = told("customer", "move", customer, "--node", node, "--no-wait")["id"]
    return watched(begun, fatal)


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


def test_killed_on_its_way_it_is_served_from_one_place(customer, second) -> None:
    region = customer("mover")
    told("backup", "policy", "mover", "--off")  # nothing by itself meanwhile
    told_of = move("mover", NAME, fatal="copy the metadata")  # the node comes back, and begins again
    assert told_of["node"] == place("mover") == NAME and lists_answer(region)
    move("mover", own_name())
    assert place("mover") == own_name() and lists_answer(region)
    assert not list(Path(second.machine.root / "var/lib/aloft/node/controllers").glob("mover*"))
