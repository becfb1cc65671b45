"""Hosts: tokens, enrolment, desired state, reports, roles, removal."""

import threading
from typing import Any

import httpx
import pytest

from .conftest import PlaneProcess, error_of
from .enrolling import agent, csr, enrol, token

WHERE = "/v1/customers/ground/regions/ground-1"


@pytest.fixture(scope="module", autouse=True)
def customer(plane: PlaneProcess) -> None:
    assert plane.create("ground")["state"] == "succeeded"


def _token(plane: PlaneProcess, roles: list[str], uses: int = 1) -> str:
    told = token(plane, WHERE, *roles, uses=uses)
    assert told["plane_url"] == "https://plane.aloft.internal"
    assert told["authority"] == plane.authority.read_text()
    return str(told["token"])


def _agent(plane: PlaneProcess, name: str) -> httpx.Client:
    """The agent, as the edge lets it through."""
    return agent(plane, "ground/ground-1", name)


def _recorded(plane: PlaneProcess) -> set[str]:
    """The hosts of the customer in the next records of it that the node gets."""
    while True:
        customer, rows = plane.node.records.get(timeout=60)
        if customer == "ground":
            return {row["name"] for row in rows["host"]}


def _attach_operation(plane: PlaneProcess, name: str) -> dict[str, Any]:
    items = plane.client.get("/v1/operations", params={"customer": "ground"}).json()["items"]
    return next(one for one in items if one["subject"] == f"ground/ground-1/{name}")


def test_a_machine_becomes_a_host_and_converges(plane: PlaneProcess) -> None:
    answer = enrol(plane, "h1", _token(plane, ["network", "hypervisor"]))
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert told["certificate"] == "certificate of h1"
    assert told["edge_authority"] == plane.authority.read_text()
    assert told["agent_url"] == "https://agent.ground-1.ground.aloft.internal"
    assert plane.client.get(f"{WHERE}/hosts/h1").json()["state"] == "pending"
    while "h1" not in _recorded(plane):
        pass
    agent = _agent(plane, "h1")
    state = agent.get("/agent/v1/state").json()
    assert state["roles"] == ["hypervisor", "network"]
    assert state["release"] == "2026.2"
    assert state["settings"]["roles"] == ["hypervisor", "network"]
    assert state["settings"]["network"]["physical_networks"]["external"]["bridge"] == "br-ex"
    report: dict[str, Any] = {"generation": state["generation"], "facts": {"cpus": 4}, "roles": {}}
    report["roles"] = {"hypervisor": {"state": "converging", "step": "install"}, "network": {"state": "ok"}}
    assert agent.post("/agent/v1/report", json=report).json() == {"generation": state["generation"]}
    operation = _attach_operation(plane, "h1")
    assert operation["kind"] == "host.attach"
    assert operation["state"] == "running"
    assert "hypervisor: install" in operation["steps"][-1]["detail"]
    report["roles"]["hypervisor"] = {"state": "ok"}
    agent.post("/agent/v1/report", json=report)
    assert plane.watch(operation["id"])["state"] == "succeeded"
    host = plane.client.get(f"{WHERE}/hosts/h1").json()
    assert (host["state"], host["facts"]) == ("ok", {"cpus": 4})


def test_a_token_is_good_for_its_uses_only(plane: PlaneProcess) -> None:
    token = _token(plane, [], uses=2)
    assert enrol(plane, "u1", token).status_code == 200
    assert enrol(plane, "u2", token).status_code == 200
    refused = enrol(plane, "u3", token)
    assert refused.status_code == 401
    assert plane.client.get(f"{WHERE}/hosts/u3").status_code == 404


def test_an_enrolment_whose_answer_was_lost_can_be_repeated(plane: PlaneProcess) -> None:
    token = _token(plane, [])
    assert enrol(plane, "lost", token).status_code == 200
    assert enrol(plane, "lost", token).status_code == 200
    _agent(plane, "lost").post("/agent/v1/report", json={"generation": 2})
    assert enrol(plane, "lost", token).status_code == 401


def test_one_line_pasted_on_machines_of_one_name_makes_a_host_of_the_first(plane: PlaneProcess) -> None:
    token = _token(plane, [], uses=2)
    first = {"machine_id": "n-1", "cards": [{"mac": "52:54:00:00:01:01"}]}
    second = {"machine_id": "n-2", "cards": [{"mac": "52:54:00:00:01:02"}]}
    assert enrol(plane, "debian", token, **first).status_code == 200
    refused = enrol(plane, "debian", token, **second)
    assert refused.status_code == 409
    assert "--name" in error_of(refused)["remedy"]
    assert enrol(plane, "debian", token, **first).status_code == 200
    assert enrol(plane, "debian-2", token, **second).status_code == 200, "what was refused used nothing up"


def test_a_host_that_reports_is_not_taken_over(plane: PlaneProcess) -> None:
    assert enrol(plane, "taken", _token(plane, [])).status_code == 200
    _agent(plane, "taken").post("/agent/v1/report", json={"generation": 1})
    answer = enrol(plane, "taken", _token(plane, []))
    assert answer.status_code == 409


@pytest.mark.parametrize(("status", "left"), [(503, False), (400, True)])
def test_a_node_that_does_not_grant(plane: PlaneProcess, status: int, left: bool) -> None:
    name, token = f"refused-{status}", _token(plane, [])
    plane.node.grant_error = status
    try:
        assert enrol(plane, name, token).status_code == status
    finally:
        plane.node.grant_error = 0
    if left:
        operation = _attach_operation(plane, name)
        assert operation["state"] == "failed"
    assert enrol(plane, name, token).status_code == 200


@pytest.mark.parametrize(
    ("change", "status"),
    [({"csr": "nonsense"}, 400), ({"name": "Not A Name"}, 400), ({"token": "nonsense"}, 401)],
)
def test_what_is_no_enrolment(plane: PlaneProcess, change: dict[str, str], status: int) -> None:
    body = {"token": _token(plane, []), "csr": csr("x"), "name": "x", **change}
    assert plane.as_().post("/v1/enrol", json=body).status_code == status


def test_a_token_is_not_good_after_its_time(plane: PlaneProcess) -> None:
    late = _token(plane, [])
    plane.sql("UPDATE host_token SET expires_at = '2020-01-01' ORDER BY created_at DESC LIMIT 1")
    answer = enrol(plane, "late", late)
    assert answer.status_code == 401
    assert "was good until 2020-01-01" in error_of(answer)["message"]
    assert "aloft host token" in error_of(answer)["remedy"]


def test_a_machine_of_one_region_does_not_enrol_in_another(plane: PlaneProcess) -> None:
    ours = {"machine_id": "m-7", "cards": [{"mac": "52:54:00:00:00:07"}]}
    assert enrol(plane, "settled", _token(plane, ["network"]), **ours).status_code == 200
    made = plane.client.post("/v1/customers/ground/regions", json={"name": "ground-2"}).json()
    assert plane.watch(made["operation"]["id"])["state"] == "succeeded"
    other = token(plane, "/v1/customers/ground/regions/ground-2")["token"]
    answer = enrol(plane, "settled", other, **ours)
    assert answer.status_code == 409
    assert "attached as host 'settled' of region 'ground-1'" in error_of(answer)["message"]
    assert "aloft host delete ground ground-1 settled" in error_of(answer)["remedy"]
    assert enrol(plane, "settled", other, machine_id="m-8").status_code == 200


def test_an_administrator_has_a_host_try_again(plane: PlaneProcess) -> None:
    path = f"{WHERE}/hosts/tries"
    assert enrol(plane, "tries", _token(plane, [])).status_code == 200
    assert plane.client.post(f"{path}/retry").status_code == 409
    roles = plane.client.put(f"{path}/roles", json={"roles": ["network"]}).json()["operation"]["id"]
    agent = _agent(plane, "tries")
    state = agent.get("/agent/v1/state", params={"known": 1, "wait": 50}).json()
    failed = {"state": "failed", "reason": "Connecting eth1 cut the host off.", "remedy": "Look at the switch."}
    agent.post("/agent/v1/report", json={"generation": state["generation"], "roles": {"network": failed}})
    assert plane.watch(roles)["state"] == "failed"
    asked = plane.client.post(f"{path}/retry")
    assert asked.status_code == 202
    after = agent.get("/agent/v1/state", params={"known": state["generation"], "wait": 50}).json()
    assert (state["attempt"], after["attempt"]) == (0, 1)
    agent.post("/agent/v1/report", json={"generation": after["generation"], "roles": {"network": {"state": "ok"}}})
    assert plane.watch(asked.json()["operation"]["id"])["state"] == "succeeded"
    plane.client.put(f"{path}/roles", json={"roles": ["network", "image-library"]})
    assert agent.get("/agent/v1/state", params={"known": after["generation"], "wait": 50}).json()["attempt"] == 1


def test_a_revoked_token_is_worthless(plane: PlaneProcess) -> None:
    answer = plane.client.post(f"{WHERE}/host-tokens", json={}).json()
    listed = plane.client.get(f"{WHERE}/host-tokens").json()["items"]
    assert answer["id"] in [one["id"] for one in listed]
    assert all("token" not in one for one in listed)
    assert plane.client.delete(f"{WHERE}/host-tokens/{answer['id']}").status_code == 204
    assert enrol(plane, "revoked", answer["token"]).status_code == 401


def test_the_agent_hears_of_other_roles_at_once(plane: PlaneProcess) -> None:
    assert enrol(plane, "poll", _token(plane, ["network"])).status_code == 200
    agent, heard = _agent(plane, "poll"), []
    known = agent.get("/agent/v1/state").json()["generation"]

    def poll() -> None:
        heard.append(agent.get("/agent/v1/state", params={"known": known, "wait": 50}).json())

    waiting = threading.Thread(target=poll)
    waiting.start()
    answer = plane.client.put(f"{WHERE}/hosts/poll/roles", json={"roles": ["image-library"]})
    waiting.join()
    assert heard[0]["roles"] == ["image-library"]
    assert heard[0]["generation"] > known
    assert plane.node.controllers["ground/ground-1"].hosts["poll"] == {
        "csr": None,
        "roles": ["image-library"],
        "replace": False,
    }
    report = {
        "generation": heard[0]["generation"],
        "roles": {"image-library": {"state": "failed", "reason": "no disk"}},
    }
    agent.post("/agent/v1/report", json=report)
    ended = plane.watch(answer.json()["operation"]["id"])
    assert ended["state"] == "failed"
    assert "no disk" in ended["error"]["message"]


def test_a_poll_without_news_tells_the_state_as_it_is(plane: PlaneProcess) -> None:
    assert enrol(plane, "quiet", _token(plane, [])).status_code == 200
    agent = _agent(plane, "quiet")
    told = agent.get("/agent/v1/state", params={"known": 1, "wait": 0.01}).json()
    assert told["generation"] == 1


def test_a_pending_host_shows_what_it_is_and_lacks_and_holds_no_login(plane: PlaneProcess) -> None:
    lacks = {"hypervisor": [{"reason": "It has no KVM.", "remedy": "Switch it on."}], "network": []}
    assert enrol(plane, "waits", _token(plane, []), cpus=8, lacks=lacks).status_code == 200
    assert _agent(plane, "waits").get("/agent/v1/state").json()["settings"] == {}
    told = plane.client.get(f"{WHERE}/hosts/waits").json()
    assert (told["state"], told["facts"]["cpus"], told["lacks"]) == ("pending", 8, lacks)
    plane.client.put(f"{WHERE}/hosts/waits/roles", json={"roles": ["network", "hypervisor"]})
    told = plane.client.get(f"{WHERE}/hosts/waits").json()
    assert "recommended alone" in told["warnings"][0]


def test_a_machine_enrols_again_only_in_its_own_place(plane: PlaneProcess) -> None:
    ours = {"machine_id": "m-1", "cards": [{"mac": "52:54:00:00:00:01"}]}
    assert enrol(plane, "again", _token(plane, ["network"]), **ours).status_code == 200
    _agent(plane, "again").post("/agent/v1/report", json={"generation": 1, "facts": ours})
    elsewhere = enrol(plane, "other-name", _token(plane, []), **ours)
    assert elsewhere.status_code == 409
    assert "attached as host 'again'" in error_of(elsewhere)["message"]
    clone = enrol(plane, "clone", _token(plane, []), machine_id="m-1", cards=[{"mac": "52:54:00:00:00:02"}])
    assert clone.status_code == 409
    assert "clone" in error_of(clone)["message"]
    assert "systemd-machine-id-setup" in error_of(clone)["remedy"]
    reinstalled = {**ours, "machine_id": "m-2"}
    assert enrol(plane, "again", _token(plane, []), **reinstalled).status_code == 200
    assert plane.node.controllers["ground/ground-1"].hosts["again"]["replace"]
    assert plane.client.get(f"{WHERE}/hosts/again").json()["roles"] == ["network"]


def test_a_certificate_is_renewed_by_the_present_one(plane: PlaneProcess) -> None:
    assert enrol(plane, "renews", _token(plane, ["network"])).status_code == 200
    told = _agent(plane, "renews").post("/agent/v1/certificate", json={"csr": csr("renews")}).json()
    assert told["certificate"] == "certificate of renews"
    assert not plane.node.controllers["ground/ground-1"].hosts["renews"]["replace"]
    assert _agent(plane, "unknown").post("/agent/v1/certificate", json={"csr": csr("x")}).status_code == 404


def test_reports_without_news_cost_no_history_and_are_still_signs_of_life(plane: PlaneProcess) -> None:
    assert enrol(plane, "calm", _token(plane, ["network"])).status_code == 200
    agent = _agent(plane, "calm")
    body = {"generation": 1, "facts": {"free_disk_mib": 7}, "roles": {"network": {"state": "ok"}}}
    agent.post("/agent/v1/report", json=body)
    first = plane.client.get(f"{WHERE}/hosts/calm").json()["reported"]
    agent.post("/agent/v1/report", json={**body, "facts": {"free_disk_mib": 6}})
    assert plane.client.get(f"{WHERE}/hosts/calm").json()["reported"] > first
    history = plane.client.get(f"{WHERE}/hosts/calm/history").json()["items"]
    assert [one["state"] for one in history] == ["ok", "pending"]


def test_logins_do_not_lie_in_the_open_in_the_database(plane: PlaneProcess) -> None:
    assert enrol(plane, "sealed", _token(plane, ["network"])).status_code == 200
    dump = plane.sql("SELECT granted FROM host WHERE name = 'sealed'")
    assert dump.startswith("gAAAA")
    assert "network" not in dump


def test_a_customer_with_hosts_is_not_deleted(plane: PlaneProcess) -> None:
    assert enrol(plane, "stays", _token(plane, [])).status_code == 200
    for path in ("/v1/customers/ground",):
        answer = plane.client.delete(path)
        assert answer.status_code == 409
        assert "ground-1/stays" in error_of(answer)["message"]
        assert "aloft host delete" in error_of(answer)["remedy"]


def test_a_deleted_host_is_known_no_more(plane: PlaneProcess) -> None:
    assert enrol(plane, "leaves", _token(plane, [])).status_code == 200
    operation = plane.client.delete(f"{WHERE}/hosts/leaves").json()["operation"]["id"]
    assert plane.watch(operation)["state"] == "succeeded"
    assert "ground/ground-1/leaves" in plane.node.revoked
    assert plane.client.get(f"{WHERE}/hosts/leaves").status_code == 404
    assert _agent(plane, "leaves").get("/agent/v1/state").status_code == 404


def test_the_headers_of_the_edge_open_nothing_else(plane: PlaneProcess) -> None:
    agent = _agent(plane, "h1")
    assert agent.get("/v1/hosts").status_code == 401
    assert plane.as_().get("/agent/v1/state").status_code in (400, 401)
    other = plane.as_(X_Aloft_Host="h1", X_Aloft_Region="ground/other")
    assert other.get("/agent/v1/state").status_code == 404
