"""Consoles between a page that a test plays and a console proxy on a websocket of its own."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from starlette.websockets import WebSocket
from websockets.asyncio.server import Server, ServerConnection
from websockets.asyncio.server import serve as serve_proxy

from aloft.base.errors import NotFound
from aloft.portal.answers import SessionEnded
from aloft.portal.console import Consoles, NoConsoleNow, serve
from aloft.portal.sessions import Open, Project, Region, Scope, Session, Store, User

CONSOLE = {"remote_console": {"url": "https://console.demo-1.demo.example/vnc.html?path=%3Ftoken%3Dtold"}}
POINTER = b"\x05\x00\x00\x01\x00\x01"
ASK_FOR_PICTURE = b"\x03\x01\x00\x00"


class Page:
    """The page's end of its websocket."""

    def __init__(self) -> None:
        self.sends: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.gets: asyncio.Queue[bytes] = asyncio.Queue()
        self.closed: tuple[int, str] | None = None

    async def receive(self) -> dict[str, Any]:
        return await self.sends.get()

    async def send_bytes(self, data: bytes) -> None:
        await self.gets.put(data)

    async def close(self, code: int = 1000, reason: str = "") -> None:
        self.closed = code, reason

    def say(self, data: bytes) -> None:
        self.sends.put_nowait({"type": "websocket.receive", "bytes": data})


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def proxy() -> AsyncIterator[Server]:
    async def echo(connection: ServerConnection) -> None:
        async for message in connection:
            await connection.send(message)

    async with serve_proxy(echo, "127.0.0.1", 0) as server:
        yield server


@pytest.fixture
async def opening(
    tmp_path: Path, clock: Clock, proxy: Server
) -> AsyncIterator[Callable[[httpx.Response], tuple[Consoles, Store, Open]]]:
    stores: list[Store] = []

    def make(nova: httpx.Response) -> tuple[Consoles, Store, Open]:
        port = next(iter(proxy.sockets)).getsockname()[1]
        client = httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}", transport=httpx.MockTransport(lambda _request: nova)
        )
        stores.append(Store(tmp_path / "sessions.sqlite", 600.0, clock))
        project = Project("p1", "demo", "Default")
        scope = Scope(project, ("member",), (Region("demo-1", ("compute",)),), "token")
        user = User("u1", "ann", "Default")
        opened, _ = stores[-1].create(Session("customer", "demo", user, (project,), "unscoped", 2e12, scope))
        return Consoles(stores[-1], client, "example"), stores[-1], opened

    yield make
    for store in stores:
        store.close()


Opening = Callable[[httpx.Response], tuple[Consoles, Store, Open]]


def join(consoles: Consoles, page: Page, opened: Open) -> "asyncio.Task[None]":
    return asyncio.create_task(consoles.join(cast(WebSocket, page), opened, "demo-1", "i1"))


async def test_a_console_carries_both_ways_until_the_page_goes(opening: Opening) -> None:
    consoles, _, opened = opening(httpx.Response(200, json=CONSOLE))
    page = Page()
    joined = join(consoles, page, opened)
    page.say(b"to the screen and back")
    assert await page.gets.get() == b"to the screen and back"
    page.sends.put_nowait({"type": "websocket.disconnect"})
    await joined


async def test_a_console_ends_with_its_session(opening: Opening) -> None:
    consoles, store, opened = opening(httpx.Response(200, json=CONSOLE))
    page = Page()
    joined = join(consoles, page, opened)
    page.say(b"it is open")
    await page.gets.get()
    store.end(opened)
    consoles.wake()
    await serve(cast(WebSocket, page), joined)
    assert page.closed is not None
    assert page.closed[0] == 4401
    assert "session has ended" in page.closed[1]


async def test_a_console_is_not_opened_in_a_session_that_has_just_ended(opening: Opening) -> None:
    consoles, store, opened = opening(httpx.Response(200, json=CONSOLE))
    store.end(opened)
    with pytest.raises(SessionEnded):
        await join(consoles, Page(), opened)


@pytest.mark.parametrize(("said", "lives"), [(POINTER, True), (ASK_FOR_PICTURE, False)])
async def test_who_works_in_a_console_uses_the_session(
    opening: Opening, clock: Clock, said: bytes, lives: bool
) -> None:
    consoles, store, opened = opening(httpx.Response(200, json=CONSOLE))
    page = Page()
    joined = join(consoles, page, opened)
    clock.now += 500
    page.say(said)
    await page.gets.get()
    clock.now += 500
    assert store.lives(opened) is lives
    page.sends.put_nowait({"type": "websocket.disconnect"})
    await asyncio.wait([joined])


@pytest.mark.parametrize(("status", "error"), [(404, NotFound), (400, NotFound), (409, NoConsoleNow)])
async def test_nova_says_why_there_is_none(opening: Opening, status: int, error: type[Exception]) -> None:
    consoles, _, opened = opening(httpx.Response(status, json={"conflictingRequest": {"message": "Not ready."}}))
    with pytest.raises(error, match=r"Not ready\."):
        await join(consoles, Page(), opened)
