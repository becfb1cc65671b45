"""Hosts' users in a customer's Keystone: made once, with the roles that they need, and gone for good."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from aloft.base.errors import TemporaryError
from aloft.base.paths import Paths
from aloft.controller.context import Context, Secrets, Slot
from aloft.controller.spec import ControllerSpec
from aloft.node import keystone
from aloft.node.keystone import Keystone

SPEC = ControllerSpec(customer="acme", region="dc1", release="2026.2", domain="aloft.internal")
ROLES = {"r-admin": "admin", "r-service": "service", "r-reader": "reader"}


class Server:
    """What Keystone does of its API v3, as far as it is asked: users, and their roles in one project."""

    def __init__(self) -> None:
        self.users: dict[str, dict[str, Any]] = {}
        self.held: dict[str, set[str]] = {}
        self.asked: list[str] = []
        self.away = False

    def answer(self, request: httpx.Request) -> httpx.Response:
        assert request.url.host == "identity.acme.aloft.internal"
        if self.away:
            raise httpx.ConnectError("nobody listens")
        body = json.loads(request.content or b"{}")
        parts = request.url.path.strip("/").split("/")[1:]
        if parts == ["auth", "tokens"]:
            return self._token(body["auth"])
        assert request.headers["X-Auth-Token"] == "of admin"
        self.asked.append(f"{request.method} {parts[0]}")
        by = dict(request.url.params)
        match request.method, parts:
            case "GET", ["users"]:
                return _listed("users", [one for one in self.users.values() if by.get("name") in (None, one["name"])])
            case "GET", ["projects"]:
                return _listed("projects", [{"id": "p", "name": by["name"]}])
            case "GET", ["roles"]:
                return _listed("roles", [{"id": ident, "name": name} for ident, name in ROLES.items()])
            case "GET", ["role_assignments"]:
                return _listed("role_assignments", [{"role": {"id": one}} for one in self.held[by["user.id"]]])
            case "POST", ["users"]:
                made = {"id": f"u{len(self.users)}", **body["user"]}
                self.users[made["id"]], self.held[made["id"]] = made, set()
                return httpx.Response(201, json={"user": made})
            case "PATCH", ["users", ident]:
                self.users[ident] |= body["user"]
                return httpx.Response(200, json={"user": self.users[ident]})
            case "DELETE", ["users", ident]:
                del self.users[ident], self.held[ident]
            case "PUT", ["projects", "p", "users", ident, "roles", role]:
                self.held[ident].add(role)
            case "DELETE", ["projects", "p", "users", ident, "roles", role]:
                self.held[ident].discard(role)
            case other:
                raise AssertionError(other)
        return httpx.Response(204)

    def _token(self, auth: dict[str, Any]) -> httpx.Response:
        user = auth["identity"]["password"]["user"]
        known = {one["name"]: one["password"] for one in self.users.values()} | {"admin": "admin's"}
        if known.get(user["name"]) != user["password"]:
            return httpx.Response(401)
        return httpx.Response(201, json={"token": {}}, headers={"X-Subject-Token": f"of {user['name']}"})

    def roles(self, name: str) -> set[str]:
        """The roles of the only user of that name."""
        (ident,) = (ident for ident, user in self.users.items() if user["name"] == name)
        return {ROLES[role] for role in self.held[ident]}


def _listed(name: str, entries: list[dict[str, Any]]) -> httpx.Response:
    return httpx.Response(200, json={name: entries})


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    made = Server()
    transport: Callable[..., httpx.MockTransport] = lambda uds: httpx.MockTransport(made.answer)  # noqa: E731
    monkeypatch.setattr(keystone.httpx, "AsyncHTTPTransport", transport)
    return made


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return Context(SPEC, Slot(3, Paths(tmp_path)), Secrets({}, {}, {}, admin="admin's", metadata=""))


async def test_a_user_is_made_with_its_roles_and_asked_for_no_more(server: Server, context: Context) -> None:
    made = Keystone()
    await made.keep_user(context, "host.dc1.h1", "secret", {"admin", "service"})
    assert server.roles("host.dc1.h1") == {"admin", "service"}
    asked = len(server.asked)
    await made.keep_user(context, "host.dc1.h1", "secret", {"admin", "service"})
    assert len(server.asked) == asked


async def test_a_user_that_is_there_is_changed_no_more_than_it_has_to(server: Server, context: Context) -> None:
    await Keystone().keep_user(context, "host.dc1.h1", "secret", {"admin", "service"})
    server.asked.clear()
    await Keystone().keep_user(context, "host.dc1.h1", "secret", {"admin", "service"})
    assert {asked.split()[0] for asked in server.asked} == {"GET"}
    await Keystone().keep_user(context, "host.dc1.h1", "secret", {"service"})
    assert server.roles("host.dc1.h1") == {"service"}
    assert not {"POST users", "PATCH users"} & set(server.asked)
    await Keystone().keep_user(context, "host.dc1.h1", "another", {"service"})
    assert [user["password"] for user in server.users.values()] == ["another"]


async def test_a_user_that_was_removed_is_made_anew(server: Server, context: Context) -> None:
    made = Keystone()
    await made.keep_user(context, "host.dc1.h1", "secret", {"service"})
    await made.delete_user(context, "host.dc1.h1")
    assert not server.users
    await made.delete_user(context, "host.dc1.h1")
    await made.keep_user(context, "host.dc1.h1", "secret", {"service"})
    assert server.roles("host.dc1.h1") == {"service"}


async def test_a_keystone_that_is_away_is_asked_again_later(server: Server, context: Context) -> None:
    server.away = True
    made = Keystone()
    with pytest.raises(TemporaryError, match="acme"):
        await made.keep_user(context, "host.dc1.h1", "secret", {"service"})
    server.away = False
    await made.keep_user(context, "host.dc1.h1", "secret", {"service"})
    assert server.roles("host.dc1.h1") == {"service"}


async def test_users_of_one_beginning_are_removed_except_those_that_are_kept(server: Server, context: Context) -> None:
    made = Keystone()
    for name in ("host.dc1.h1", "host.dc1.h2", "host.dc2.h1", "ann"):
        await made.keep_user(context, name, "secret", {"service"})
    await made.keep_only(context, "host.dc1.", {"host.dc1.h2"})
    assert [user["name"] for user in server.users.values()] == ["host.dc1.h2", "host.dc2.h1", "ann"]
    await made.keep_user(context, "host.dc1.h1", "secret", {"service"})
    assert server.roles("host.dc1.h1") == {"service"}
