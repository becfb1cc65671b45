"""Hosts: tokens, enrolment, desired state, reports, roles, removal."""

import threading
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from .conftest import PlaneProcess, error_of

WHERE = "/v1/customers/ground/regions/ground-1"


def _csr(name: str) -> str:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    key = ec.generate_private_key(ec.SECP256R1())
    request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    return request.public_bytes(serialization.Encoding.PEM).decode()


@pytest.fixture(scope="module", autouse=True)
def customer(plane: PlaneProcess) -> None:
    assert plane.create("ground")["state"] == "succeeded"


def _token(plane: PlaneProcess, roles: list[str], uses: int = 1) -> str:
    answer = plane.client.post(f"{WHERE}/host-tokens", json={"roles": roles, "uses": uses})
    assert answer.status_code == 201
    assert answer.json()["plane_url"] == "https://plane.aloft.internal"
    assert answer.json()["authority"] == plane.authority.read_text()
    return str(answer.json()["token"])


def _enrol(plane: PlaneProcess, name: str, token: str) -> httpx.Response:
    body = {"token": token, "csr": _csr(name), "name": name, "facts": {"cpus": 2}}
    return plane.as_().post("/v1/enrol", json=body)


def _agent(plane: PlaneProcess, name: str) -> httpx.Client:
    """The agent, as the edge lets it through."""
    return plane.as_(X_Aloft_Host=name, X_Aloft_Region="ground/ground-1")


def _attach_operation(plane: PlaneProcess, name: str) -> dict[str, Any]:
    items = plane.client.get("/v1/operations", params={"customer": "ground"}).json()["items"]
    return next(one for one in items if one["subject"] == f"ground/ground-1/{name}")


def test_a_machine_becomes_a_host_and_converges(plane: PlaneProcess) -> None:
    answer = _enrol(plane, "h1", _token(plane, ["network", "hypervisor"]))
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert told["certificate"] == "certificate of h1"
    assert told["edge_authority"] == plane.authority.read_text()
    assert told["agent_url"] == "https://agent.ground-1.ground.aloft.internal"
    assert plane.client.get(f"{WHERE}/hosts/h1").json()["state"] == "pending"
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
    assert _enrol(plane, "u1", token).status_code == 200
    assert _enrol(plane, "u2", token).status_code == 200
    refused = _enrol(plane, "u3", token)
    assert refused.status_code == 401
    assert plane.client.get(f"{WHERE}/hosts/u3").status_code == 404


def test_an_enrolment_whose_answer_was_lost_can_be_repeated(plane: PlaneProcess) -> None:
    token = _token(plane, [])
    assert _enrol(plane, "lost", token).status_code == 200
    assert _enrol(plane, "lost", token).status_code == 200
    _agent(plane, "lost").post("/agent/v1/report", json={"generation": 2})
    assert _enrol(plane, "lost", token).status_code == 401


def test_a_host_that_reports_is_not_taken_over(plane: PlaneProcess) -> None:
    assert _enrol(plane, "taken", _token(plane, [])).status_code == 200
    _agent(plane, "taken").post("/agent/v1/report", json={"generation": 1})
    answer = _enrol(plane, "taken", _token(plane, []))
    assert answer.status_code == 409


@pytest.mark.parametrize(("status", "left"), [(503, False), (400, True)])
def test_a_node_that_does_not_grant(plane: PlaneProcess, status: int, left: bool) -> None:
    name, token = f"refused-{status}", _token(plane, [])
    plane.node.grant_error = status
    try:
        assert _enrol(plane, name, token).status_code == status
    finally:
        plane.node.grant_error = 0
    if left:
        operation = _attach_operation(plane, name)
        assert operation["state"] == "failed"
    assert _enrol(plane, name, token).status_code == 200


@pytest.mark.parametrize(
    ("change", "status"),
    [({"csr": "nonsense"}, 400), ({"name": "Not A Name"}, 400), ({"token": "nonsense"}, 401)],
)
def test_what_is_no_enrolment(plane: PlaneProcess, change: dict[str, str], status: int) -> None:
    body = {"token": _token(plane, []), "csr": _csr("x"), "name": "x", **change}
    assert plane.as_().post("/v1/enrol", json=body).status_code == status


def test_a_revoked_token_is_worthless(plane: PlaneProcess) -> None:
    answer = plane.client.post(f"{WHERE}/host-tokens", json={}).json()
    listed = plane.client.get(f"{WHERE}/host-tokens").json()["items"]
    assert answer["id"] in [one["id"] for one in listed]
    assert all("token" not in one for one in listed)
    assert plane.client.delete(f"{WHERE}/host-tokens/{answer['id']}").status_code == 204
    assert _enrol(plane, "revoked", answer["token"]).status_code == 401


def test_the_agent_hears_of_other_roles_at_once(plane: PlaneProcess) -> None:
    assert _enrol(plane, "poll", _token(plane, ["network"])).status_code == 200
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
    assert _enrol(plane, "quiet", _token(plane, [])).status_code == 200
    agent = _agent(plane, "quiet")
    told = agent.get("/agent/v1/state", params={"known": 1, "wait": 0.01}).json()
    assert told["generation"] == 1


def test_a_customer_with_hosts_is_not_deleted(plane: PlaneProcess) -> None:
    assert _enrol(plane, "stays", _token(plane, [])).status_code == 200
    for path in ("/v1/customers/ground",):
        answer = plane.client.delete(path)
        assert answer.status_code == 409
        assert "ground-1/stays" in error_of(answer)["message"]
        assert "aloft host delete" in error_of(answer)["remedy"]


def test_a_deleted_host_is_known_no_more(plane: PlaneProcess) -> None:
    assert _enrol(plane, "leaves", _token(plane, [])).status_code == 200
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
