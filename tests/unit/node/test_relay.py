"""The plane asks one node, and has the answers of all."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request

from aloft.controller.spec import ControllerStatus
from aloft.node.peers import Peer
from aloft.node.relay import Relay

PEER = Peer("two", "192.0.2.2:7443", "", "")


def status(customer: str, phase: str = "ready") -> ControllerStatus:
    told = {"customer": customer, "region": f"{customer}-1", "release": "2026.2", "slot": 1, "revision": 4}
    return ControllerStatus.model_validate({**told, "phase": phase})


class Far:
    """The other node: has the customer `away`, and notes what it is asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, bytes]] = []
        self.silent = False

    def answer(self, request: httpx.Request) -> httpx.Response:
        if self.silent:
            raise httpx.ConnectError("refused")
        path = request.url.raw_path.decode()
        self.asked.append((request.method, path, request.read()))
        if path == "/v1/controllers":
            return httpx.Response(200, json=[status("away").model_dump(mode="json")])
        if path.startswith("/v1/controllers/away/away-1"):
            return httpx.Response(200, json=status("away").model_dump(mode="json"))
        if path.startswith("/v1/jobs/beef0002"):
            return httpx.Response(200, json={"id": "beef0002", "state": "running"})
        if path.startswith("/v1/jobs/"):
            return httpx.Response(404, json={"error": {"code": "NotFound", "message": "There is no such job."}})
        return httpx.Response(200, json={"far": path})


class Here:
    """What the relay needs of this node."""

    def __init__(self, far: Far) -> None:
        self._far = far

    def all(self) -> tuple[Peer, ...]:
        return (PEER,)

    def get(self, name: str) -> Peer:
        assert name == "two"
        return PEER

    def client(self, name: str, timeout: float) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url="https://two", transport=httpx.MockTransport(self._far.answer))

    def of(self, customer: str) -> str:
        return "two" if customer == "away" else ""

    def statuses(self, peer: str) -> list[ControllerStatus]:
        return [status("away")]

    def keys(self) -> tuple[str, ...]:
        return ("near/near-1",)

    def status(self, key: str) -> ControllerStatus:
        return status("near")

    def knows(self, job: str) -> bool:
        return job == "beef0001"


def own() -> FastAPI:
    app = FastAPI()

    @app.api_route("/{path:path}", methods=["GET", "PUT", "POST", "DELETE"])
    async def anything(path: str, request: Request) -> dict[str, str]:
        return {"near": f"/{path}", "body": (await request.body()).decode()}

    return app


@pytest.fixture
def far() -> Far:
    return Far()


@pytest.fixture
def ask(far: Far) -> Callable[..., Awaitable[Any]]:
    here: Any = Here(far)
    relay = Relay(own(), here, here, here, here)

    async def ask(method: str, path: str, body: Any = None) -> Any:
        transport = httpx.ASGITransport(app=relay)
        async with httpx.AsyncClient(transport=transport, base_url="http://node") as client:
            answer = await client.request(method, path, json=body)
        return answer if not answer.is_success else answer.json()

    return ask


async def test_what_is_here_is_answered_here(ask: Callable[..., Awaitable[Any]], far: Far) -> None:
    assert (await ask("GET", "/v1/controllers/near/near-1"))["near"] == "/v1/controllers/near/near-1"
    assert (await ask("GET", "/v1/health"))["near"] == "/v1/health"
    assert (await ask("GET", "/v1/logs/slots/1/nova-api?lines=3"))["near"] == "/v1/logs/slots/1/nova-api"
    assert json.loads((await ask("PUT", "/v1/jobs/beef0003", {"customer": "near"}))["body"]) == {"customer": "near"}
    assert far.asked == []


async def test_controllers_of_all_nodes_are_listed_with_their_node(ask: Callable[..., Awaitable[Any]]) -> None:
    told = await ask("GET", "/v1/controllers")
    assert [(one["customer"], one["node"], one["phase"]) for one in told] == [
        ("near", "", "ready"), ("away", "two", "ready"),
    ]  # fmt: skip
    assert (await ask("GET", "/v1/controllers/away/away-1?wait=1&known=3"))["node"] == "two"


async def test_a_silent_node_has_the_controllers_that_it_had(ask: Callable[..., Awaitable[Any]], far: Far) -> None:
    far.silent = True
    told = {one["customer"]: one for one in await ask("GET", "/v1/controllers")}
    assert told["near"]["phase"] == "ready"
    assert told["away"]["phase"] == "degraded" and "two does not answer" in told["away"]["error"]["message"]
    refused = await ask("GET", "/v1/controllers/away/away-1")
    assert refused.status_code == 503 and refused.json()["error"]["code"] == "TemporaryError"
    assert (await ask("GET", "/v1/controllers/near/near-1"))["near"]


async def test_jobs_are_where_their_customer_is(ask: Callable[..., Awaitable[Any]], far: Far) -> None:
    wanted = {"kind": "backup", "customer": "away", "arguments": {}}
    await ask("PUT", "/v1/jobs/beef0004", wanted)
    method, path, body = far.asked[-1]
    assert (method, path, json.loads(body)) == ("PUT", "/v1/jobs/beef0004", wanted)
    proof = {"kind": "prove", "customer": "", "arguments": {"of": "away"}}
    await ask("PUT", "/v1/jobs/beef0005", proof)
    assert far.asked[-1][:2] == ("PUT", "/v1/jobs/beef0005"), "it keeps nobody busy, and is where the backup is"
    assert (await ask("GET", "/v1/jobs/beef0002"))["id"] == "beef0002", "one that was begun before a start of this node"
    assert (await ask("GET", "/v1/jobs/beef0001"))["near"] == "/v1/jobs/beef0001"
    assert (await ask("GET", "/v1/jobs/beef0009"))["near"] == "/v1/jobs/beef0009", "nobody has it"


async def test_a_move_that_brought_its_customer_here_is_followed_where_it_began(
    ask: Callable[..., Awaitable[Any]], far: Far
) -> None:
    wanted = {"kind": "move", "customer": "near", "arguments": {"to": "one"}}
    assert (await ask("PUT", "/v1/jobs/beef0002", wanted))["id"] == "beef0002", "after a start of this node"
    assert (await ask("PUT", "/v1/jobs/beef0005", wanted))["near"] == "/v1/jobs/beef0005", "nobody has it yet"
    assert (await ask("PUT", "/v1/jobs/beef0006", {**wanted, "kind": "backup"}))["near"]


async def test_rules_are_known_at_both_records_and_logs_where_the_customer_is(
    ask: Callable[..., Awaitable[Any]], far: Far
) -> None:
    assert (await ask("PUT", "/v1/rules/away", {"log_days": 3}))["near"] == "/v1/rules/away"
    assert far.asked[-1][:2] == ("PUT", "/v1/rules/away")
    assert (await ask("PUT", "/v1/records/away", {}))["far"] == "/v1/records/away"
    path = "/v1/logs/slots/1/nova-api?lines=3&customer=away"
    assert (await ask("GET", path))["far"] == path
