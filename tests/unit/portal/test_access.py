"""Projects and roles that are given and taken while somebody is logged in."""

import asyncio
import time
from datetime import UTC, datetime

import httpx
import pytest
from starlette.applications import Starlette

from aloft.portal import application
from aloft.portal.application import COOKIE, Portal
from aloft.portal.events.model import Event
from aloft.portal.events.stream import CHANGED, ENDED, Place
from aloft.portal.sessions import Open

from .test_application import Edge, browser, built, code, edge, log_in

__all__ = ["browser", "built", "edge"]

FIRST, SECOND = ({"X-Aloft-Project": project} for project in ("p1", "p2"))


@pytest.fixture(autouse=True)
def asked_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(application, "BELIEVED_SECONDS", 0.0)


async def shown(browser: httpx.AsyncClient, **headers: str) -> tuple[str, list[str], list[str]]:
    session = (await browser.get("/session", headers=headers)).json()
    return session["project"]["id"], [project["id"] for project in session["projects"]], session["roles"]


async def test_projects_and_roles_are_shown_as_they_are_now(browser: httpx.AsyncClient, edge: Edge) -> None:
    await log_in(browser)
    edge.projects, edge.roles = ["p1", "p2", "p3"], ["admin"]
    assert await shown(browser) == ("p2", ["p1", "p2", "p3"], ["admin"])


async def test_keystone_is_not_asked_twice_for_nothing(
    browser: httpx.AsyncClient, edge: Edge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(application, "BELIEVED_SECONDS", 3600.0)
    await log_in(browser)
    edge.asked.clear()
    await shown(browser)
    assert not edge.asked


async def test_a_project_that_was_taken_away_is_left(browser: httpx.AsyncClient, edge: Edge) -> None:
    await log_in(browser)
    await shown(browser, **FIRST)
    edge.projects = ["p2"]
    assert code(await browser.get("/session", headers=FIRST)) == (404, "not_found")
    assert await shown(browser) == ("p2", ["p2"], ["member"])


async def test_the_only_project_in_use_may_be_taken_away(browser: httpx.AsyncClient, edge: Edge) -> None:
    await log_in(browser)
    edge.projects = ["p1"]
    assert code(await browser.get("/session", headers=SECOND)) == (404, "not_found")
    assert await shown(browser) == ("p1", ["p1"], ["member"])


async def test_nobody_stays_without_a_project(browser: httpx.AsyncClient, edge: Edge) -> None:
    await log_in(browser)
    edge.projects = []
    assert code(await browser.get("/session")) == (401, "session_ended")
    assert code(await browser.get("/session")) == (401, "unauthenticated")


async def test_a_session_is_shown_while_keystone_is_silent(browser: httpx.AsyncClient, edge: Edge) -> None:
    session = await log_in(browser)
    edge.silent = True
    assert (await browser.get("/session")).json() == session


async def test_a_token_that_was_revoked_alone_is_replaced(browser: httpx.AsyncClient, edge: Edge) -> None:
    await log_in(browser)
    edge.nova, edge.revoked = httpx.Response(401), True
    edge.asked.clear()
    assert code(await browser.get("/os/demo-1/compute/v2.1/servers")) == (503, "region_unreachable")
    assert "/v3/auth/tokens" in [request.url.path for request in edge.asked if request.method == "POST"]
    assert (await browser.get("/session")).status_code == 200


class Stream:
    """A page's event stream in a hub that a test fills."""

    def __init__(self, portal: Portal, cookie: str) -> None:
        found = portal.store.find(cookie)
        assert found is not None
        self.opened: Open = found
        self.portal = portal
        self._told = portal.streams.of(found, Place())

    async def next(self) -> str:
        """What the page is told next."""
        return await anext(self._told)

    async def ends(self) -> bool:
        """Whether nothing follows."""
        return await anext(self._told, None) is None

    def tell(self, kind: str, user: str | None = None) -> None:
        at = datetime.fromtimestamp(time.time(), UTC).isoformat()
        self.portal.hubs.publish("demo", Event(kind, "x", "changed", at, user=user))

    async def close(self) -> None:
        await self._told.aclose()  # type: ignore[attr-defined]  # it is a generator


@pytest.fixture
async def stream(
    browser: httpx.AsyncClient, built: tuple[Starlette, Portal], monkeypatch: pytest.MonkeyPatch
) -> Stream:
    async def nothing(*_: object) -> None:
        await asyncio.Event().wait()

    _, portal = built
    monkeypatch.setattr(portal.notifications, "follow", nothing)
    await log_in(browser)
    stream = Stream(portal, browser.cookies[COOKIE])
    assert "hello" in await stream.next()
    return stream


@pytest.mark.parametrize("kind", ["role", "project", "group"])
async def test_a_page_is_told_of_new_projects_at_once(stream: Stream, edge: Edge, kind: str) -> None:
    edge.projects = ["p1", "p2", "p3"]
    stream.tell(kind)
    assert await stream.next() == CHANGED
    assert await stream.ends()


async def test_a_project_that_was_taken_away_tells_nothing_more(stream: Stream, edge: Edge) -> None:
    edge.projects = ["p1"]
    stream.tell("role", "u1")
    assert await stream.next() == CHANGED
    assert await stream.ends()
    assert not stream.portal.store.holds(stream.opened), "a console in it ends, too"


async def test_a_user_who_was_switched_off_is_logged_out(stream: Stream, edge: Edge) -> None:
    edge.believes = False
    stream.tell("user", "u1")
    assert await stream.next() == ENDED
    assert await stream.ends()


async def test_what_concerns_others_asks_keystone_nothing(stream: Stream, edge: Edge) -> None:
    edge.asked.clear()
    stream.tell("role", "u2")
    stream.tell("flavor")
    assert "flavor" in await stream.next()
    assert not edge.asked
    await stream.close()
