"""What becomes of hosts and their instances: drain, deauthorise, delete; and a region's network template."""

from typing import Any

import pytest

from .conftest import PlaneProcess, error_of
from .enrolling import agent, enrol, token

REGION = "tasks/tasks-1"
WHERE = "/v1/customers/tasks/regions/tasks-1"


@pytest.fixture(scope="module", autouse=True)
def customer(plane: PlaneProcess) -> None:
    assert plane.create("tasks")["state"] == "succeeded"


def _attach(plane: PlaneProcess, name: str, *roles: str) -> None:
    """A host that is well."""
    assert enrol(plane, name, token(plane, WHERE, *roles)["token"]).status_code == 200
    _report(plane, name, "ok")
    assert plane.client.get(f"{WHERE}/hosts/{name}").json()["state"] == "ok"


def _report(plane: PlaneProcess, name: str, state: str, **more: str) -> dict[str, Any]:
    """Have the agent say this of each role that it shall have."""
    with agent(plane, REGION, name) as speaking:
        wanted: dict[str, Any] = speaking.get("/agent/v1/state").json()
        roles = {role: {"state": state, **more} for role in wanted["roles"]}
        speaking.post("/agent/v1/report", json={"generation": wanted["generation"], "roles": roles})
        return wanted


def _ended(plane: PlaneProcess, answer: Any) -> dict[str, Any]:
    assert answer.status_code == 202, answer.text
    return plane.watch(answer.json()["operation"]["id"])


def test_a_drained_host_gets_no_new_instances_and_tells_what_must_move(plane: PlaneProcess) -> None:
    nova = plane.node.nova
    _attach(plane, "drain", "hypervisor")
    nova.put("drain", "web")
    told = _ended(plane, plane.client.post(f"{WHERE}/hosts/drain/drain", json={}))
    assert told["state"] == "succeeded"
    assert "web" in told["steps"][-1]["detail"]
    assert nova.disabled["drain"]
    assert [one["name"] for one in plane.client.get(f"{WHERE}/hosts/drain/instances").json()["items"]] == ["web"]
    assert plane.client.get(f"{WHERE}/hosts/drain").json()["drained"]
    assert _ended(plane, plane.client.post(f"{WHERE}/hosts/drain/resume"))["state"] == "succeeded"
    assert not nova.disabled["drain"]


def test_draining_moves_running_instances_live_and_others_cold(plane: PlaneProcess) -> None:
    nova = plane.node.nova
    _attach(plane, "moves", "hypervisor")
    nova.put("moves", "running")
    nova.put("moves", "off", "SHUTOFF")
    told = _ended(plane, plane.client.post(f"{WHERE}/hosts/moves/drain", json={"migrate": True}))
    assert told["state"] == "succeeded"
    assert {"os-migrateLive running", "migrate off", "confirmResize off"} <= set(nova.asked)


def test_an_instance_that_does_not_move_ends_the_operation_with_its_name(plane: PlaneProcess) -> None:
    nova = plane.node.nova
    _attach(plane, "stuck", "hypervisor")
    nova.put("stuck", "heavy")
    nova.stuck.add("heavy")
    told = _ended(plane, plane.client.post(f"{WHERE}/hosts/stuck/drain", json={"migrate": True}))
    assert told["state"] == "failed"
    assert "heavy" in told["error"]["message"]
    assert nova.disabled["stuck"]


def test_a_host_that_could_not_be_emptied_is_shown_as_drained_until_it_is_resumed(plane: PlaneProcess) -> None:
    nova = plane.node.nova
    _attach(plane, "half", "hypervisor")
    nova.put("half", "huge")
    nova.stuck.add("huge")
    wish = {"roles": [], "instances": "migrate"}
    assert _ended(plane, plane.client.put(f"{WHERE}/hosts/half/roles", json=wish))["state"] == "failed"
    assert nova.disabled["half"]
    assert plane.client.get(f"{WHERE}/hosts/half").json()["drained"]
    plane.client.put(f"{WHERE}/hosts/half/roles", json={"roles": ["hypervisor", "network"]})
    assert plane.client.get(f"{WHERE}/hosts/half").json()["drained"]
    assert _ended(plane, plane.client.post(f"{WHERE}/hosts/half/resume"))["state"] == "succeeded"
    assert not nova.disabled["half"]
    assert not plane.client.get(f"{WHERE}/hosts/half").json()["drained"]


def test_a_drained_host_is_so_after_a_reinstallation(plane: PlaneProcess) -> None:
    ours = {"machine_id": "d-1", "cards": [{"mac": "52:54:00:00:0d:01"}]}
    assert enrol(plane, "anew", token(plane, WHERE, "hypervisor")["token"], **ours).status_code == 200
    assert _ended(plane, plane.client.post(f"{WHERE}/hosts/anew/drain", json={}))["state"] == "succeeded"
    ours["machine_id"] = "d-2"
    assert enrol(plane, "anew", token(plane, WHERE, "hypervisor")["token"], **ours).status_code == 200
    assert plane.node.nova.disabled["anew"]
    assert plane.client.get(f"{WHERE}/hosts/anew").json()["drained"]


def test_a_host_with_instances_keeps_its_role_until_told_what_becomes_of_them(plane: PlaneProcess) -> None:
    nova = plane.node.nova
    _attach(plane, "busy", "hypervisor", "network")
    nova.put("busy", "db")
    for refused in (
        plane.client.put(f"{WHERE}/hosts/busy/roles", json={"roles": ["network"]}),
        plane.client.delete(f"{WHERE}/hosts/busy"),
    ):
        assert refused.status_code == 409
        assert "db" in error_of(refused)["message"]
        assert "--instances" in error_of(refused)["remedy"]
    answer = plane.client.put(f"{WHERE}/hosts/busy/roles", json={"roles": ["network"], "instances": "delete"})
    operation = answer.json()["operation"]["id"]
    plane.watch(operation, until=lambda told: "waiting for the host" in told["steps"][2]["detail"])
    assert _report(plane, "busy", "ok")["roles"] == ["network"]
    assert plane.watch(operation)["state"] == "succeeded"
    assert "busy" in nova.forgotten
    assert not [agent for agent in nova.agents_gone if agent.startswith("busy")], "its gateway goes on"
    assert not nova.servers["busy"]


def test_instances_that_are_kept_run_on_without_their_host(plane: PlaneProcess) -> None:
    nova = plane.node.nova
    _attach(plane, "keeps", "hypervisor")
    nova.put("keeps", "old")
    answer = plane.client.delete(f"{WHERE}/hosts/keeps", params={"instances": "keep"})
    operation = answer.json()["operation"]["id"]
    plane.watch(operation, until=lambda told: "waiting for the host" in told["steps"][2]["detail"])
    wanted = _report(plane, "keeps", "ok")
    assert wanted["roles"] == []
    assert wanted["keep_instances"]
    assert plane.watch(operation)["state"] == "succeeded"
    assert "old" in nova.servers["keeps"]
    assert plane.client.get(f"{WHERE}/hosts/keeps").status_code == 404
    states = [one["state"] for one in plane.client.get(f"{WHERE}/hosts/keeps/history").json()["items"]]
    assert states[-1] == "pending"
    assert "ok" in states


def test_neutron_knows_a_removed_network_host_no_more(plane: PlaneProcess) -> None:
    assert enrol(plane, "gateway", token(plane, WHERE, "network")["token"]).status_code == 200
    assert _ended(plane, plane.client.delete(f"{WHERE}/hosts/gateway"))["state"] == "succeeded"
    gone = [agent for agent in plane.node.nova.agents_gone if agent.startswith("gateway-")]
    assert gone == ["gateway-gateway", "gateway-metadata"]
    assert "gateway" not in plane.node.nova.forgotten


def test_a_role_that_does_not_go_fails_the_operation(plane: PlaneProcess) -> None:
    _attach(plane, "sticky", "network")
    operation = plane.client.delete(f"{WHERE}/hosts/sticky").json()["operation"]["id"]
    plane.watch(operation, until=lambda told: "waiting for the host" in told["steps"][2]["detail"])
    with agent(plane, REGION, "sticky") as speaking:
        wanted = speaking.get("/agent/v1/state").json()
        told = {"network": {"state": "failed", "reason": "the bridge is in use"}}
        speaking.post("/agent/v1/report", json={"generation": wanted["generation"], "roles": told})
    ended = plane.watch(operation)
    assert ended["state"] == "failed"
    assert "the bridge is in use" in ended["error"]["message"]


def test_a_changed_template_reaches_neutron_and_every_host(plane: PlaneProcess) -> None:
    _attach(plane, "wired", "network")
    before = _report(plane, "wired", "ok")
    template = plane.client.get(f"{WHERE}/network-template").json()
    template["physical_networks"]["office"] = {"vlans": ["100-199"], "bridge": "br-office", "interface": "eth2"}
    template["physical_networks"]["external"]["hosts"] = {"wired": {"interface": "ens9"}}
    assert _ended(plane, plane.client.put(f"{WHERE}/network-template", json=template))["state"] == "succeeded"
    after = _report(plane, "wired", "ok")
    assert after["generation"] > before["generation"]
    assert after["settings"]["network"]["physical_networks"] == {
        "external": {"bridge": "br-ex", "interface": "ens9", "address": None},
        "office": {"bridge": "br-office", "interface": "eth2", "address": None},
    }
    assert plane.node.controllers[REGION].body["network"]["physical_networks"]["office"]["vlans"] == ["100-199"]


def test_a_template_that_cannot_be_is_refused_with_a_remedy(plane: PlaneProcess) -> None:
    body = {"physical_networks": {"office": {"vlans": ["200-100"]}}}
    answer = plane.client.put(f"{WHERE}/network-template", json=body)
    assert answer.status_code == 400
    assert "200-100" in error_of(answer)["message"]
    assert error_of(answer)["remedy"]


def test_hosts_know_the_image_libraries_of_their_region(plane: PlaneProcess) -> None:
    _attach(plane, "hyper", "hypervisor")
    first = _report(plane, "hyper", "ok")
    _attach(plane, "lib1", "image-library")
    _attach(plane, "lib2", "image-library")
    told = _report(plane, "hyper", "ok")
    assert told["generation"] > first["generation"]
    assert [one["host"] for one in told["settings"]["image_library"]["libraries"]] == ["lib1", "lib2"]


def test_a_customers_administrator_does_all_this_for_their_own_regions_only(plane: PlaneProcess) -> None:
    plane.node.tokens["identity.tasks.aloft.internal", "token-of-tasks"] = ["admin"]
    anna = plane.as_(X_Auth_Token="token-of-tasks", X_Aloft_Customer="tasks")
    issued = anna.post(f"{WHERE}/host-tokens", json={"roles": ["network"]})
    assert issued.status_code == 201
    assert enrol(plane, "annas", issued.json()["token"]).status_code == 200
    _report(plane, "annas", "ok")
    assert anna.get(f"{WHERE}/hosts/annas/history").status_code == 200
    template = anna.get(f"{WHERE}/network-template").json()
    template["overlay"]["type"] = "vxlan"
    assert _ended(plane, anna.put(f"{WHERE}/network-template", json=template))["state"] == "succeeded"
    assert _report(plane, "annas", "ok")["settings"]["network"]["overlay"]["type"] == "vxlan"
    assert _ended(plane, anna.post(f"{WHERE}/hosts/annas/drain", json={}))["actor"] == "customer:tasks/anna"
    assert anna.get(f"{WHERE}/rollout").status_code == 200
    operation = anna.delete(f"{WHERE}/hosts/annas").json()["operation"]["id"]
    plane.watch(operation, until=lambda told: "waiting for the host" in told["steps"][2]["detail"])
    _report(plane, "annas", "ok")
    assert plane.watch(operation)["state"] == "succeeded"
    for method, path in (("GET", "hosts"), ("GET", "network-template"), ("POST", "host-tokens")):
        other = f"/v1/customers/ground/regions/ground-1/{path}"
        assert anna.request(method, other, json={}).status_code == 404
