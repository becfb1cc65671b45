"""The portal's routes over a Keystone, a Nova and a plane that answer as the real ones do."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from aloft.base.throttle import FREE
from aloft.portal.application import COOKIE, Portal, build
from aloft.portal.settings import Settings

DEMO = "https://portal.demo.example"
PROVIDER = "https://portal.example"
LOGIN = {"user": "ann", "password": "right"}
CATALOG = [
    {"type": kind, "endpoints": [{"interface": "public", "region_id": "demo-1", "url": f"https://{host}/v3"}]}
    for kind, host in (
        ("identity", "identity.demo.example"),
        ("compute", "compute.demo-1.demo.example"),
        ("block-storage", "volume.demo-1.demo.example"),
        ("stolen", "plane.example"),
        ("other", "compute.demo-1.acme.example"),
    )
]


class Edge:
    """What stands behind the edge: it keeps what it was asked, and answers by name."""

    def __init__(self) -> None:
        self.asked: list[httpx.Request] = []
        self.believes = True
        self.silent = False
        self.revoked = False
        self.projects = ["p1", "p2"]
        self.roles = ["member"]
        self.nova = httpx.Response(
            200, json={"servers": []}, headers={"x-openstack-request-id": "r", "set-cookie": "evil=1"}
        )

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        self.asked.append(request)
        told = {"identity.demo.example": self._keystone, "plane.example": self._plane}.get(
            request.headers["host"], lambda request: self.nova
        )(request)
        return httpx.Response(told.status_code, headers=told.headers, stream=httpx.ByteStream(told.content))

    def _keystone(self, request: httpx.Request) -> httpx.Response:
        if self.silent:
            return httpx.Response(503)
        if not self.believes:
            return httpx.Response(404 if request.method == "HEAD" else 401)
        if request.url.path == "/v3/auth/tokens" and request.method == "POST":
            return self._token(json.loads(request.content)["auth"])
        if request.method == "HEAD":
            return httpx.Response(404 if self.revoked else 200)
        answers: dict[str, Any] = {
            "/v3/auth/projects": {
                "projects": [{"id": one, "name": f"project-{one}", "domain_id": "default"} for one in self.projects]
            },
            "/v3/auth/domains": {"domains": []},
            "/v3/users/u1": {"user": {"default_project_id": "p2"}},
        }
        return httpx.Response(200, json=answers.get(request.url.path, {}))

    def _token(self, auth: dict[str, Any]) -> httpx.Response:
        if "password" in auth["identity"] and auth["identity"]["password"]["user"]["password"] != "right":
            return httpx.Response(401)
        token: dict[str, Any] = {
            "user": {"id": "u1", "name": "ann", "domain": {"name": "Default"}},
            "expires_at": "2126-01-01T00:00:00.000000Z",
        }
        if auth["scope"] == "unscoped":
            return httpx.Response(201, json={"token": token}, headers={"X-Subject-Token": "unscoped"})
        project = auth["scope"]["project"]["id"]
        token |= {
            "project": {"id": project, "name": project, "domain": {"name": "Default"}},
            "roles": [{"name": name} for name in self.roles],
            "catalog": CATALOG,
        }
        return httpx.Response(201, json={"token": token}, headers={"X-Subject-Token": f"token-{project}"})

    def _plane(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/v1/tokens":
            told = {"token": "provider-token", "expires": "2126-01-01T00:00:00Z"}
            return httpx.Response(201, json=told)
        return httpx.Response(200, json={"kind": "account", "name": "root", "roles": ["admin"]})


@pytest.fixture
def edge() -> Edge:
    return Edge()


@pytest.fixture
async def built(tmp_path: Path, edge: Edge) -> AsyncIterator[tuple[Starlette, Portal]]:
    settings = Settings(domain="example", state=tmp_path, pages=tmp_path / "pages/current")
    app, portal = build(settings, httpx.MockTransport(edge))
    async with portal.running(app):
        yield app, portal


@pytest.fixture
async def browser(built: tuple[Starlette, Portal]) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(built[0]), base_url=DEMO) as client:
        yield client


async def log_in(browser: httpx.AsyncClient, origin: str = DEMO) -> dict[str, Any]:
    answer = await browser.post(f"{origin}/session", json=LOGIN, headers={"Origin": origin})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


async def test_a_login_shows_who_and_what_but_no_token(browser: httpx.AsyncClient) -> None:
    session = await log_in(browser)
    assert session["project"]["id"] == "p2", "the user's default project"
    assert session["regions"] == [{"name": "demo-1", "services": ["compute", "identity", "volume"]}]
    assert not session["administrator"]
    again = await browser.get("/session")
    assert again.json() == session
    assert "token-p2" not in again.text
    assert "unscoped" not in again.text


async def test_the_cookie_is_out_of_reach(browser: httpx.AsyncClient) -> None:
    answer = await browser.post("/session", json=LOGIN, headers={"Origin": DEMO})
    cookie = answer.headers["set-cookie"].lower()
    assert all(word in cookie for word in ("httponly", "secure", "samesite=strict", "path=/", "__host-"))
    assert "domain" not in cookie


@pytest.mark.parametrize("origin", [None, "https://evil.example", PROVIDER, "null"])
async def test_nobody_is_logged_in_from_elsewhere(browser: httpx.AsyncClient, origin: str | None) -> None:
    answer = await browser.post("/session", json=LOGIN, headers={} if origin is None else {"Origin": origin})
    assert code(answer) == (403, "wrong_origin")


async def test_guessing_is_slowed_down(browser: httpx.AsyncClient, edge: Edge) -> None:
    wrong = {**LOGIN, "password": "wrong"}
    for _ in range(FREE):
        assert code(await browser.post("/session", json=wrong, headers={"Origin": DEMO})) == (401, "unauthenticated")
    edge.asked.clear()
    answer = await browser.post("/session", json=LOGIN, headers={"Origin": DEMO})
    assert code(answer) == (429, "throttled")
    assert int(answer.headers["Retry-After"]) >= 1
    assert not edge.asked


@pytest.mark.parametrize(
    "body", [b"", b"[]", b'{"user": "a"}', b'{"user": "a", "password": "b", "c": 1}', b"x" * 20_000]
)
async def test_a_login_that_is_none(browser: httpx.AsyncClient, body: bytes) -> None:
    assert code(await browser.post("/session", content=body, headers={"Origin": DEMO})) == (400, "invalid_input")


async def test_an_error_of_a_login_holds_no_password(browser: httpx.AsyncClient) -> None:
    body = {"user": "a", "password": "secret-word", "domain": ""}
    answer = await browser.post("/session", json=body, headers={"Origin": DEMO})
    assert "secret-word" not in answer.text


async def test_a_request_passes_with_the_token_and_without_the_cookie(browser: httpx.AsyncClient, edge: Edge) -> None:
    await log_in(browser)
    answer = await browser.get(
        "/os/demo-1/compute/v2.1/servers/detail?name=a%2Fb",
        headers={"OpenStack-API-Version": "compute 2.96", "X-Auth-Token": "forged", "X-Forwarded-For": "1.2.3.4"},
    )
    assert answer.json() == {"servers": []}
    asked = edge.asked[-1]
    assert asked.headers["host"] == "compute.demo-1.demo.example"
    assert asked.url.raw_path == b"/v2.1/servers/detail?name=a%2Fb"
    assert asked.headers["x-auth-token"] == "token-p2"
    assert asked.headers["openstack-api-version"] == "compute 2.96"
    assert "cookie" not in asked.headers
    assert "set-cookie" not in answer.headers
    assert "sandbox" in answer.headers["content-security-policy"]


async def test_a_body_passes_as_it_is(browser: httpx.AsyncClient, edge: Edge) -> None:
    session = await log_in(browser)
    headers = {"X-Aloft-CSRF": session["csrf"], "Content-Type": "application/octet-stream"}
    await browser.put("/os/demo-1/compute/v2.1/x%20y", content=b"\x00\xff" * 5, headers=headers)
    assert edge.asked[-1].content == b"\x00\xff" * 5
    assert edge.asked[-1].url.raw_path == b"/v2.1/x%20y"


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_changes_need_the_csrf_value(browser: httpx.AsyncClient, edge: Edge, method: str) -> None:
    await log_in(browser)
    edge.asked.clear()
    for path in ("/os/demo-1/compute/v2.1/servers/x", "/api/v1/customers"):
        answer = await browser.request(method, path, headers={"X-Aloft-CSRF": "guess"})
        assert code(answer) == (403, "forbidden")
    assert not edge.asked


@pytest.mark.parametrize("path", ["/os/demo-1/stolen/x", "/os/demo-1/plane/x", "/os/demo-2/compute/x", "/os/x/y/z"])
async def test_only_the_catalog_is_reached(browser: httpx.AsyncClient, edge: Edge, path: str) -> None:
    await log_in(browser)
    edge.asked.clear()
    assert code(await browser.get(path)) == (404, "not_found")
    assert not edge.asked


@pytest.mark.parametrize("path", ["/session", "/os/demo-1/compute/v2.1/servers", "/api/v1/me", "/events"])
async def test_nothing_without_a_session(browser: httpx.AsyncClient, path: str) -> None:
    assert code(await browser.get(path)) == (401, "unauthenticated")


async def test_a_session_is_of_one_portal_only(browser: httpx.AsyncClient) -> None:
    await log_in(browser)
    cookie = {"Cookie": f"{COOKIE}={browser.cookies[COOKIE]}"}
    assert (await browser.get(f"{DEMO}/session", headers=cookie)).status_code == 200
    for other in ("https://portal.acme.example", PROVIDER):
        assert code(await browser.get(f"{other}/session", headers=cookie)) == (401, "unauthenticated")
    assert code(await browser.get("https://portal.example.evil/session", headers=cookie)) == (404, "not_found")


async def test_another_project(browser: httpx.AsyncClient, edge: Edge) -> None:
    session = await log_in(browser)
    headers = {"X-Aloft-CSRF": session["csrf"]}
    answer = await browser.put("/session/project", json={"project": "p1"}, headers=headers)
    assert answer.json()["project"]["id"] == "p1"
    await browser.get("/os/demo-1/compute/v2.1/servers")
    assert edge.asked[-1].headers["x-auth-token"] == "token-p1"
    refused = await browser.put("/session/project", json={"project": "p9"}, headers=headers)
    assert code(refused) == (404, "not_found")


async def test_each_window_stays_in_its_project(browser: httpx.AsyncClient, edge: Edge) -> None:
    session = await log_in(browser)
    csrf = {"X-Aloft-CSRF": session["csrf"]}
    first, second = {"X-Aloft-Project": "p1"}, {"X-Aloft-Project": "p2"}
    await browser.put("/session/project", json={"project": "p1"}, headers=csrf)
    await browser.put("/session/project", json={"project": "p2"}, headers=csrf)
    edge.asked.clear()
    for window in (first, second, first):
        await browser.get("/os/demo-1/compute/v2.1/servers", headers=window)
        await browser.delete("/os/demo-1/compute/v2.1/servers/x", headers=window | csrf)
        await browser.get("/api/v1/me", headers=window)
        shown = (await browser.get("/session", headers=window)).json()
        assert shown["project"]["id"] == window["X-Aloft-Project"]
    asked = [request.headers["x-auth-token"] for request in edge.asked]
    assert asked == ["token-p1"] * 3 + ["token-p2"] * 3 + ["token-p1"] * 3
    assert (await browser.get("/session")).json()["project"]["id"] == "p2", "where a new window begins"


async def test_a_project_that_a_window_was_left_in_is_entered_by_itself(browser: httpx.AsyncClient, edge: Edge) -> None:
    await log_in(browser)
    window = {"X-Aloft-Project": "p1"}
    edge.asked.clear()
    asking = [browser.get("/os/demo-1/compute/v2.1/servers", headers=window) for _ in range(3)]
    assert {answer.status_code for answer in await asyncio.gather(*asking)} == {200}
    scoped = [request for request in edge.asked if request.url.path == "/v3/auth/tokens"]
    assert len(scoped) == 1, "one token for all"
    assert (await browser.get("/session")).json()["project"]["id"] == "p2", "where a new window begins"


@pytest.mark.parametrize("path", ["/os/demo-1/compute/v2.1/servers", "/api/v1/me", "/session", "/events?project=p9"])
async def test_nothing_is_asked_for_in_a_project_of_others(browser: httpx.AsyncClient, edge: Edge, path: str) -> None:
    await log_in(browser)
    edge.asked.clear()
    assert code(await browser.get(path, headers={"X-Aloft-Project": "p9"})) == (404, "not_found")
    assert {request.headers["host"] for request in edge.asked} == {"identity.demo.example"}


async def test_logging_out_revokes_the_tokens(browser: httpx.AsyncClient, edge: Edge) -> None:
    session = await log_in(browser)
    await browser.get("/session", headers={"X-Aloft-Project": "p1"})
    answer = await browser.delete("/session", headers={"X-Aloft-CSRF": session["csrf"]})
    assert answer.status_code == 204
    revoked = [request.headers["x-subject-token"] for request in edge.asked if request.method == "DELETE"]
    assert revoked == ["token-p2", "token-p1", "unscoped"]
    assert code(await browser.get("/session")) == (401, "unauthenticated")


async def test_a_session_whose_token_was_revoked_ends(browser: httpx.AsyncClient, edge: Edge) -> None:
    await log_in(browser)
    edge.nova, edge.believes = httpx.Response(401), False
    assert code(await browser.get("/os/demo-1/compute/v2.1/servers")) == (401, "session_ended")
    assert code(await browser.get("/session")) == (401, "unauthenticated")


async def test_an_api_that_cannot_ask_keystone_does_not_end_the_session(browser: httpx.AsyncClient, edge: Edge) -> None:
    await log_in(browser)
    edge.nova = httpx.Response(401)
    assert code(await browser.get("/os/demo-1/compute/v2.1/servers")) == (503, "region_unreachable")
    assert (await browser.get("/session")).status_code == 200


@pytest.mark.parametrize(("headers", "passes"), [({}, False), ({"x-openstack-request-id": "r"}, True)])
async def test_a_region_that_is_down(
    browser: httpx.AsyncClient, edge: Edge, headers: dict[str, str], passes: bool
) -> None:
    await log_in(browser)
    edge.nova = httpx.Response(503, json={"what": "nova says"}, headers=headers)
    answer = await browser.get("/os/demo-1/compute/v2.1/servers")
    if passes:
        assert answer.json() == {"what": "nova says"}
    else:
        assert code(answer) == (503, "region_unreachable")
        assert "demo-1" in answer.json()["error"]["message"]


async def test_data_is_never_a_page(browser: httpx.AsyncClient, edge: Edge) -> None:
    await log_in(browser)
    edge.nova = httpx.Response(200, html="<script>alert(1)</script>")
    answer = await browser.get("/os/demo-1/compute/x")
    assert answer.headers["content-disposition"] == "attachment"
    assert "sandbox" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_the_provider(browser: httpx.AsyncClient, edge: Edge) -> None:
    session = await log_in(browser, PROVIDER)
    assert (session["face"], session["administrator"], session["projects"]) == ("provider", True, [])
    answer = await browser.get(f"{PROVIDER}/api/v1/customers?limit=5")
    assert answer.status_code == 200
    assert edge.asked[-1].headers["authorization"] == "Bearer provider-token"
    assert edge.asked[-1].url.raw_path == b"/v1/customers?limit=5"


async def test_the_plane_gets_a_customers_identity(browser: httpx.AsyncClient, edge: Edge) -> None:
    await log_in(browser)
    await browser.get("/api/v1/hosts")
    asked = edge.asked[-1]
    assert (asked.headers["x-auth-token"], asked.headers["x-aloft-customer"]) == ("token-p2", "demo")
    assert "authorization" not in asked.headers


@pytest.fixture
def build_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "pages/abc"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html>the page")
    (folder / "favicon.svg").write_text("<svg/>")
    (folder / "assets/app-1.js").write_text("let a")
    (folder / "assets/app-1.js.gz").write_bytes(b"packed")
    (tmp_path / "pages/current").symlink_to("abc")
    (tmp_path / "secret.txt").write_text("hidden text")
    return folder


@pytest.mark.parametrize("path", ["/", "/instances", "/instances/abc?tab=console", "/a/b/c.d"])
async def test_every_path_is_the_page(browser: httpx.AsyncClient, build_folder: Path, path: str) -> None:
    answer = await browser.get(path)
    assert "the page" in answer.text
    policy = answer.headers["content-security-policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert answer.headers["cache-control"] == "no-cache"


async def test_built_files_are_kept_and_compressed(browser: httpx.AsyncClient, build_folder: Path) -> None:
    plain = await browser.get("/assets/app-1.js", headers={"Accept-Encoding": "identity"})
    assert plain.text == "let a"
    assert "immutable" in plain.headers["cache-control"]
    async with browser.stream("GET", "/assets/app-1.js", headers={"Accept-Encoding": "gzip"}) as packed:
        assert packed.headers["content-encoding"] == "gzip"
        assert [part async for part in packed.aiter_raw()] == [b"packed"]
    assert (await browser.get("/favicon.svg")).headers["content-type"] == "image/svg+xml"


async def test_an_older_build_still_serves_its_files(browser: httpx.AsyncClient, build_folder: Path) -> None:
    older = build_folder.parent / "old/assets"
    older.mkdir(parents=True)
    (older / "app-0.js").write_text("old")
    assert (await browser.get("/assets/app-0.js")).text == "old"


@pytest.mark.parametrize(
    "path", ["/assets/nothing.js", "/assets/../../../secret.txt", "/assets/..%2f..%2f..%2fsecret.txt"]
)
async def test_no_other_file_is_served(browser: httpx.AsyncClient, build_folder: Path, path: str) -> None:
    answer = await browser.get(path)
    assert "hidden text" not in answer.text


async def test_without_pages_it_says_so(browser: httpx.AsyncClient) -> None:
    answer = await browser.get("/")
    assert answer.status_code == 503
    assert "not installed" in answer.text
