"""Accounts, tokens, and what a customer's administrator can and cannot see."""

from collections.abc import Iterator

import httpx
import pytest

from .conftest import PlaneProcess, error_of

PASSWORD = "a long enough password"


@pytest.fixture(scope="module")
def anna(plane: PlaneProcess) -> Iterator[httpx.Client]:
    """The administrator of alpha; beta is another customer."""
    for name in ("alpha", "beta"):
        assert plane.create(name)["state"] == "succeeded"
        plane.node.tokens[(f"identity.{name}.aloft.internal", f"token-of-{name}")] = ["admin", "member"]
    plane.node.tokens[("identity.alpha.aloft.internal", "token-of-a-member")] = ["member"]
    with plane.as_(X_Auth_Token="token-of-alpha", X_Aloft_Customer="alpha") as client:
        yield client


def test_nobody_gets_in_without_a_token(plane: PlaneProcess) -> None:
    for headers in ({}, {"Authorization": "Bearer nonsense"}, {"Authorization": "Basic YTpi"}):
        answer = plane.as_(**headers).get("/v1/customers")
        assert answer.status_code == 401
        assert error_of(answer)["code"] == "unauthenticated"
    assert plane.as_().get("/v1/health").json()["status"] == "ok"


def test_every_route_but_the_open_ones_wants_a_token(plane: PlaneProcess) -> None:
    stranger = plane.as_()
    open_routes = {("get", "/v1/health"), ("post", "/v1/tokens"), ("post", "/v1/enrol")}
    open_routes |= {("get", "/v1/install"), ("get", "/v1/install/authority")}
    for path, methods in plane.client.get("/v1/openapi.json").json()["paths"].items():
        for method in methods:
            if (method, path) in open_routes or path.startswith("/agent/"):
                continue
            answer = stranger.request(method, path.replace("{", "").replace("}", ""), json={})
            assert answer.status_code == 401, (method, path)


def test_a_customers_administrator_sees_their_own(anna: httpx.Client) -> None:
    assert anna.get("/v1/me").json() == {"kind": "customer", "name": "anna", "customer": "alpha", "roles": []}
    assert [one["name"] for one in anna.get("/v1/customers").json()["items"]] == ["alpha"]
    assert [one["customer"] for one in anna.get("/v1/regions").json()["items"]] == ["alpha"]
    assert {one["customer"] for one in anna.get("/v1/operations").json()["items"]} == {"alpha"}
    assert {one["customer"] for one in anna.get("/v1/events").json()["items"]} == {"alpha"}
    assert anna.get("/v1/customers/alpha/regions/alpha-1").status_code == 200


def test_another_customer_looks_as_if_it_did_not_exist(plane: PlaneProcess, anna: httpx.Client) -> None:
    beta = plane.client.get("/v1/operations", params={"customer": "beta"}).json()["items"][0]["id"]
    paths = ("", "/regions", "/regions/beta-1", "/regions/beta-1/hosts", "/regions/beta-1/host-tokens", "/credentials")
    for path in paths:
        there = anna.get(f"/v1/customers/beta{path}")
        nowhere = anna.get(f"/v1/customers/nosuch{path}")
        assert (there.status_code, nowhere.status_code) == (404, 404)
        assert there.text.replace("beta", "nosuch") == nowhere.text
    assert anna.get("/v1/operations", params={"customer": "beta"}).json()["items"] == []
    for path in (f"/v1/operations/{beta}", f"/v1/operations/{beta}/watch"):
        assert anna.get(path).status_code == 404
    assert anna.delete("/v1/customers/beta").status_code == 404
    answer = anna.post("/v1/customers/beta/regions/beta-1/host-tokens", json={})
    assert answer.status_code == 404


def test_what_is_the_providers_is_refused_and_noted(plane: PlaneProcess, anna: httpx.Client) -> None:
    for method, path in (
        ("GET", "/v1/accounts"),
        ("GET", "/v1/nodes"),
        ("GET", "/v1/status"),
        ("GET", "/v1/logs/mariadb"),
        ("GET", "/v1/customers/alpha/credentials"),
        ("DELETE", "/v1/customers/alpha"),
        ("DELETE", "/v1/customers/alpha/regions/alpha-1"),
    ):
        answer = anna.request(method, path)
        assert answer.status_code == 403, path
        assert error_of(answer)["code"] == "forbidden"
    entries = plane.client.get("/v1/audit", params={"customer": "alpha"}).json()["items"]
    assert ("customer:alpha/anna", "customer.write", "refused") in [
        (one["actor"], one["action"], one["outcome"]) for one in entries
    ]


def test_a_customer_reads_its_own_part_of_the_audit_log(plane: PlaneProcess, anna: httpx.Client) -> None:
    anna.request("DELETE", "/v1/customers/alpha")
    assert {one["customer"] for one in anna.get("/v1/audit").json()["items"]} == {"alpha"}
    assert anna.get("/v1/audit", params={"customer": "beta"}).json()["items"] == []


def test_a_token_opens_nothing_at_another_customer(plane: PlaneProcess, anna: httpx.Client) -> None:
    for token, customer in (("token-of-alpha", "beta"), ("token-of-alpha", "nosuch"), ("nonsense", "alpha")):
        answer = plane.as_(X_Auth_Token=token, X_Aloft_Customer=customer).get("/v1/customers")
        assert answer.status_code == 401
    member = plane.as_(X_Auth_Token="token-of-a-member", X_Aloft_Customer="alpha").get("/v1/customers")
    assert member.status_code == 401
    assert "role" in error_of(member)["message"]


def test_events_of_others_are_not_streamed(plane: PlaneProcess, anna: httpx.Client) -> None:
    with anna.stream("GET", "/v1/events/stream") as events:
        for name in ("beta", "alpha"):
            path = f"/v1/customers/{name}/regions/{name}-1"
            plane.client.patch(path, json={"limits": {"memory_mib": 800}})
        first = next(line for line in events.iter_lines() if line.startswith("data: "))
    assert '"customer":"alpha"' in first


def _log_in(plane: PlaneProcess, name: str) -> httpx.Client:
    answer = plane.as_().post("/v1/tokens", json={"account": name, "password": PASSWORD})
    assert answer.status_code == 201, answer.text
    return plane.as_(Authorization=f"Bearer {answer.json()['token']}")


def test_accounts_log_in_and_do_what_their_roles_allow(plane: PlaneProcess) -> None:
    for name, role in (("olga", "operator"), ("axel", "auditor")):
        body = {"name": name, "roles": [role], "password": PASSWORD}
        assert plane.client.post("/v1/accounts", json=body).status_code == 201
    olga, axel = _log_in(plane, "olga"), _log_in(plane, "axel")
    assert axel.get("/v1/customers").status_code == 200
    assert axel.get("/v1/audit").status_code == 200
    assert axel.post("/v1/customers", json={"name": "audited"}).status_code == 403
    assert axel.get("/v1/logs/mariadb").status_code == 403
    assert olga.get("/v1/logs/mariadb").status_code == 200
    assert olga.post("/v1/accounts", json={"name": "x", "roles": ["admin"]}).status_code == 403
    assert olga.get("/v1/customers/alpha/credentials").status_code == 403


def test_a_wrong_password_tells_nothing_and_is_noted(plane: PlaneProcess) -> None:
    plane.client.post("/v1/accounts", json={"name": "paul", "roles": ["auditor"], "password": PASSWORD})
    wrong = plane.as_().post("/v1/tokens", json={"account": "paul", "password": "a wrong password"})
    nobody = plane.as_().post("/v1/tokens", json={"account": "nobody", "password": "a wrong password"})
    assert (wrong.status_code, nobody.status_code) == (401, 401)
    assert wrong.text == nobody.text
    entry = plane.client.get("/v1/audit").json()["items"][0]
    assert (entry["action"], entry["outcome"]) == ("token.create", "refused")


def test_a_changed_account_loses_its_tokens(plane: PlaneProcess) -> None:
    plane.client.post("/v1/accounts", json={"name": "rita", "roles": ["auditor"], "password": PASSWORD})
    rita = _log_in(plane, "rita")
    assert len(rita.get("/v1/tokens").json()["items"]) == 1
    plane.client.patch("/v1/accounts/rita", json={"disabled": True})
    assert rita.get("/v1/me").status_code == 401
    login = plane.as_().post("/v1/tokens", json={"account": "rita", "password": PASSWORD})
    assert login.status_code == 401


def test_logging_out(plane: PlaneProcess) -> None:
    plane.client.post("/v1/accounts", json={"name": "lena", "roles": ["auditor"], "password": PASSWORD})
    lena, other = _log_in(plane, "lena"), _log_in(plane, "lena")
    assert lena.delete("/v1/tokens/current").status_code == 204
    assert lena.get("/v1/me").status_code == 401
    assert other.get("/v1/me").status_code == 200


def test_the_last_administrator_stays(plane: PlaneProcess) -> None:
    for answer in (
        plane.client.delete("/v1/accounts/admin"),
        plane.client.patch("/v1/accounts/admin", json={"disabled": True}),
        plane.client.patch("/v1/accounts/admin", json={"roles": ["auditor"]}),
    ):
        assert answer.status_code == 409
    assert plane.client.get("/v1/me").status_code == 200


def test_secrets_do_not_reach_the_log(plane: PlaneProcess) -> None:
    plane.as_().post("/v1/tokens", json={"account": "admin", "password": PASSWORD, "nonsense": 1})
    text = plane.log.read_text()
    assert PASSWORD not in text
    assert plane.token_file.read_text().strip() not in text


def test_whoever_guesses_passwords_has_to_wait(plane: PlaneProcess) -> None:
    guesser = plane.as_(X_Forwarded_For="192.0.2.7")
    guess = {"account": "nobody-here", "password": "guess guess guess"}
    answers = [guesser.post("/v1/tokens", json=guess) for _ in range(10)]
    assert [answer.status_code for answer in answers[:5]] == [401] * 5
    held = next(answer for answer in answers if answer.status_code == 429)
    assert error_of(held)["code"] == "throttled"
    assert int(held.headers["Retry-After"]) >= 1
    other = {**guess, "account": "somebody-else"}
    assert plane.as_(X_Forwarded_For="192.0.2.8").post("/v1/tokens", json=other).status_code == 401
