"""Every error has one shape."""

import httpx
import pytest
from fastapi import FastAPI

from aloft.base import errors as base
from aloft.plane.api import errors, types
from aloft.plane.errors import NodeUnreachable, Unauthenticated


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        (base.InvalidInput, 400, "invalid_input"),
        (Unauthenticated, 401, "unauthenticated"),
        (base.Forbidden, 403, "forbidden"),
        (base.NotFound, 404, "not_found"),
        (base.Conflict, 409, "conflict"),
        (base.TemporaryError, 503, "temporary"),
        (NodeUnreachable, 503, "node_unreachable"),
        (base.PermanentError, 500, "permanent"),
        (base.AloftError, 500, "internal"),
    ],
)
def test_each_kind_has_its_status(kind: type[base.AloftError], status: int, code: str) -> None:
    assert errors.status_and_code(kind("It happened.", "Do this.")) == (status, code)


@pytest.fixture
def client() -> httpx.AsyncClient:
    app = FastAPI()
    errors.install(app)

    @app.get("/conflict")
    def conflict() -> None:
        raise base.Conflict("It is in use.", "Free it first.")

    @app.get("/defect")
    def defect() -> None:
        raise RuntimeError("a secret in a traceback")

    @app.post("/customers")
    def create(body: types.NewCustomer) -> None:
        pass

    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://plane")


async def test_an_error_says_what_and_what_to_do(client: httpx.AsyncClient) -> None:
    answer = await client.get("/conflict")
    assert answer.status_code == 409
    assert answer.json() == {"error": {"code": "conflict", "message": "It is in use.", "remedy": "Free it first."}}


async def test_a_wrong_body_is_explained_in_the_same_shape(client: httpx.AsyncClient) -> None:
    answer = await client.post("/customers", json={"name": 3, "region": {"sevices": {}}})
    error = answer.json()["error"]
    assert answer.status_code == 400
    assert error["code"] == "invalid_input"
    assert "name: input should be a valid string" in error["message"]
    assert "region.sevices" in error["message"]


async def test_a_body_that_is_not_json(client: httpx.AsyncClient) -> None:
    answer = await client.post("/customers", content="{", headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "invalid_input"


async def test_an_unknown_path_and_method(client: httpx.AsyncClient) -> None:
    assert (await client.get("/nowhere")).json()["error"]["code"] == "not_found"
    assert (await client.delete("/conflict")).json()["error"]["code"] == "method_not_allowed"


async def test_a_defect_is_told_by_reference_only(client: httpx.AsyncClient) -> None:
    answer = await client.get("/defect")
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert "reference" in answer.json()["error"]["message"]
