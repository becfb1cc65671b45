"""Nodes that are invited, added and removed, and a customer's move between them, over a real database."""

from collections.abc import Iterator
from typing import Any

import pytest

from ...running import eventually
from .conftest import PlaneProcess, error_of
from .enrolling import enrol, token
from .fake_node import Controller

SECOND = {"name": "second", "address": "192.0.2.2:7443", "state": "up", "detail": "", "controllers": 0}
THIRD = {**SECOND, "name": "third", "state": "down", "detail": "It does not answer."}


@pytest.fixture
def peers(plane: PlaneProcess) -> Iterator[dict[str, dict[str, Any]]]:
    """The node's peers: one that is up and one that is down."""
    plane.node.peers.update(second=dict(SECOND), third=dict(THIRD))
    yield plane.node.peers
    plane.node.peers.clear()


def _create(plane: PlaneProcess, name: str) -> None:
    """A customer for whom nothing is done by itself."""
    plane.create(name)
    plane.client.patch(f"/v1/customers/{name}/backup-policy", json={"enabled": False})


def _moved(name: str, node: str) -> dict[str, Any]:
    """What the node says once a customer is on another one."""
    spec = {"release": "2026.2", "services": {}, "limits": {}}
    return {"specifications": {f"{name}-1": spec}, "node": node, "writes_held_seconds": 1.5}


def _move(plane: PlaneProcess, name: str, node: str, **body: Any) -> str:
    answer = plane.client.post(f"/v1/customers/{name}/move", json={"node": node, **body})
    assert answer.status_code == 202, answer.text
    return str(answer.json()["operation"]["id"])


def _place(plane: PlaneProcess, name: str) -> str:
    return str(plane.client.get(f"/v1/customers/{name}").json()["regions"][0]["node"])


def _events(plane: PlaneProcess, name: str) -> list[str]:
    return plane.sql(f"SELECT kind FROM event WHERE customer = '{name}'").split()


def test_the_own_node_tells_its_name_and_peers_how_they_are(
    plane: PlaneProcess, peers: dict[str, dict[str, Any]]
) -> None:
    _create(plane, "mv-first")
    told = {one["name"]: one for one in plane.client.get("/v1/nodes").json()["items"]}
    assert list(told) == ["first", "second", "third"]
    assert told["first"]["own"] and told["first"]["state"] == "up" and told["first"]["controllers"] > 0
    assert (told["third"]["own"], told["third"]["state"], told["third"]["detail"]) == (False, "down", THIRD["detail"])
    assert plane.client.get("/v1/nodes/second").json()["address"] == SECOND["address"]
    assert plane.client.get("/v1/nodes/fourth").status_code == 404
    assert _place(plane, "mv-first") == "first"


def test_an_invitation_is_carried_from_one_node_to_the_other(plane: PlaneProcess) -> None:
    plane.node.invites_as = "far"
    given = plane.client.post("/v1/nodes/invitations", json={"name": "other", "address": "192.0.2.1"})
    plane.node.invites_as = "first"
    assert given.status_code == 201 and given.headers["Cache-Control"] == "no-store", given.text
    told = given.json()
    assert (told["name"], told["address"], plane.node.invited[-1]) == ("far", "192.0.2.1:7443", "other")
    assert "SECRET" not in plane.sql("SELECT CONCAT(action, subject, detail) FROM audit WHERE action = 'node.invite'")
    added = plane.client.post("/v1/nodes", json={"invitation": told["invitation"], "own_address": "192.0.2.9:7443"})
    assert added.status_code == 201 and added.json()["state"] == "up", added.text
    wanted = {"address": "192.0.2.1:7443", "authority": "AUTHORITY", "bundle": "SECRET BUNDLE"}
    assert plane.node.added["far"] == {**wanted, "own_address": "192.0.2.9:7443"}
    body = {"invitation": told["invitation"], "address": "nowhere:7443"}
    assert plane.client.post("/v1/nodes", json=body).status_code == 503
    for line in ("nonsense", told["invitation"][:-20], "é"):
        refused = plane.client.post("/v1/nodes", json={"invitation": line})
        assert refused.status_code == 400 and line not in refused.text, refused.text
    assert plane.client.post("/v1/nodes/invitations", json={"name": "first"}).status_code == 400, "itself"
    assert plane.client.post("/v1/nodes/invitations", json={"name": "No Node"}).status_code == 400
    plane.node.peers.clear()


def test_a_customer_moves_and_comes_back(plane: PlaneProcess, peers: dict[str, dict[str, Any]]) -> None:
    _create(plane, "mv-one")
    plane.node.results = None
    first = _move(plane, "mv-one", "second")
    second = plane.client.post("/v1/customers/mv-one/move", json={"node": "second"})
    assert second.status_code == 409 and first in error_of(second)["remedy"]
    wanted = {"kind": "move", "customer": "mv-one", "arguments": {"from": "first", "to": "second"}}
    assert plane.node.jobs[first] == wanted
    plane.node.results = {"move": _moved("mv-one", "second")}
    ended = plane.watch(first)
    assert ended["state"] == "succeeded", ended
    assert ended["result"] == {"node": "second", "writes_held_seconds": 1.5, "before": "first"}
    assert _place(plane, "mv-one") == "second"
    assert plane.node.puts.count("mv-one/mv-one-1") == 1, "the other node has its specification already"
    status = plane.client.get("/v1/status").json()["regions"]
    assert next(one["node"] for one in status if one["customer"] == "mv-one") == "second"
    assert plane.client.delete("/v1/nodes/second").status_code == 409
    again = plane.client.post("/v1/customers/mv-one/move", json={"node": "second"})
    assert again.status_code == 409 and "already" in error_of(again)["message"]
    plane.node.results = {"move": _moved("mv-one", "first")}
    assert plane.watch(_move(plane, "mv-one", "first"))["result"]["before"] == "second"
    assert _place(plane, "mv-one") == "first"
    assert plane.client.delete("/v1/nodes/second").status_code == 204
    assert plane.client.delete("/v1/nodes/second").status_code == 404
    assert plane.client.delete("/v1/nodes/first").status_code == 400
    assert _events(plane, "mv-one").count("customer.moved") == 2


def test_hosts_follow_a_customer_that_is_seen_elsewhere(plane: PlaneProcess) -> None:
    _create(plane, "mv-hosts")
    where, key = "/v1/customers/mv-hosts/regions/mv-hosts-1", "mv-hosts/mv-hosts-1"
    assert enrol(plane, "h1", token(plane, where, "hypervisor")["token"]).status_code == 200
    hosts = plane.node.controllers[key].hosts
    eventually(lambda: hosts.get("h1", {}).get("roles") == ["hypervisor"], what="the host has its grant")
    plane.node.put_on(key, "second")  # the operation that moved it never tells its end
    eventually(lambda: _place(plane, "mv-hosts") == "second", what="it is seen there")
    eventually(lambda: hosts.get("h1", {}).get("roles") == ["hypervisor"], what="the host has a grant there")


def test_moves_that_cannot_be(plane: PlaneProcess, peers: dict[str, dict[str, Any]]) -> None:
    _create(plane, "mv-two")
    for node, status, word in (
        ("fourth", 400, "no node"),
        ("first", 409, "already"),
        ("third", 409, "does not answer"),
    ):
        refused = plane.client.post("/v1/customers/mv-two/move", json={"node": node})
        assert refused.status_code == status and word in error_of(refused)["message"], refused.text
        assert error_of(refused)["remedy"]
    assert plane.client.post("/v1/customers/nobody/move", json={"node": "second"}).status_code == 404
    days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
    shut = days[(int(plane.sql("SELECT WEEKDAY(UTC_TIMESTAMP())")) + 3) % 7]
    window = {"days": [shut], "at": "01:00", "hours": 2}
    assert plane.client.patch("/v1/customers/mv-two/settings", json={"window": window}).status_code == 200
    refused = plane.client.post("/v1/customers/mv-two/move", json={"node": "second"})
    assert refused.status_code == 409 and "window" in error_of(refused)["message"]
    plane.node.results = {}
    ended = plane.watch(_move(plane, "mv-two", "second", any_time=True))
    assert (ended["state"], ended["error"]["message"]) == ("failed", "It broke.")
    assert _place(plane, "mv-two") == "first"
    assert "customer.move-failed" in _events(plane, "mv-two")


def test_a_move_is_aborted(plane: PlaneProcess, peers: dict[str, dict[str, Any]]) -> None:
    _create(plane, "mv-stop")
    path = "/v1/customers/mv-stop/move/abort"
    assert plane.client.post(path).status_code == 409, "there is none"
    plane.node.results = None
    begun = _move(plane, "mv-stop", "second")
    assert plane.client.post(path).json()["operation"]["id"] == begun
    ended = plane.watch(begun)
    assert (ended["state"], ended["error"]["message"]) == ("failed", "It was aborted.")
    assert _place(plane, "mv-stop") == "first"


def test_a_customer_with_a_way_back_from_its_upgrade_stays(
    plane: PlaneProcess, peers: dict[str, dict[str, Any]]
) -> None:
    plane.create("mv-kept", region={"release": "2026.1"})
    told = {"mv-kept-1": {"release": "2026.2", "services": {}, "limits": {}}}
    plane.node.results = {"upgrade": {"specifications": told}, "finish": {}, "move": {}}
    plane.node.controllers["mv-kept/mv-kept-1"].body["release"] = "2026.2"
    begun = plane.client.post("/v1/customers/mv-kept/upgrade", json={}).json()["operation"]["id"]
    assert plane.watch(begun)["state"] == "succeeded"
    refused = plane.client.post("/v1/customers/mv-kept/move", json={"node": "second"})
    assert refused.status_code == 409 and "aloft upgrade finish mv-kept" in error_of(refused)["remedy"]
    finish = plane.client.post("/v1/customers/mv-kept/upgrade/finish").json()["operation"]["id"]
    assert plane.watch(finish)["state"] == "succeeded"
    plane.node.results = {"move": _moved("mv-kept", "second")}
    assert plane.watch(_move(plane, "mv-kept", "second"))["state"] == "succeeded"


def test_rules_of_another_planes_customer_stay_while_it_is_on_this_node(plane: PlaneProcess) -> None:
    told = {"customer": "guest", "region": "guest-1", "release": "2026.2", "identity": True}
    rules = {"log_days": 3}
    plane.node.rules.update(guest=rules, gone=rules)
    plane.node.controllers["guest/guest-1"] = Controller(told, 99)
    plane.node.await_forgotten("gone")
    assert plane.node.rules["guest"] == rules
    del plane.node.controllers["guest/guest-1"]
    plane.node.await_forgotten("guest")


def test_a_node_that_is_gone_for_good_is_removed_with_its_controllers(
    plane: PlaneProcess, peers: dict[str, dict[str, Any]]
) -> None:
    _create(plane, "mv-lost")
    plane.node.results = {"move": _moved("mv-lost", "second")}
    assert plane.watch(_move(plane, "mv-lost", "second"))["state"] == "succeeded"
    assert plane.client.delete("/v1/nodes/second").status_code == 409
    assert plane.client.delete("/v1/nodes/second", params={"lost": True}).status_code == 204
    (told,) = [one for one in plane.client.get("/v1/audit").json()["items"] if one["detail"].get("lost")]
    assert (told["action"], told["subject"]) == ("node.remove", "second")
