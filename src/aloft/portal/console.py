"""An instance's screen: a websocket of the page, joined with one to the console proxy of the region's Nova.

Nova's proxy looks at the origin of browsers; here it talks to the back end, which has looked at it and sends none. The
page names the instance; the console's own token is asked for and used here and never reaches the page. A console ends
with the session that it was opened in.
"""

import asyncio
import contextlib
import time
from urllib.parse import parse_qs, quote, urlsplit

import httpx
import structlog
from starlette.websockets import WebSocket, WebSocketDisconnect
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from aloft.base.errors import AloftError, Forbidden, NotFound, TemporaryError
from aloft.portal.answers import SessionEnded, Unauthenticated, Unreachable
from aloft.portal.sessions import Open, Session, Store

OPEN_SECONDS = 20.0
LOOK_SECONDS = 15.0
"""Between two looks at whether the session of a console lives."""

INPUT = frozenset({4, 5, 6, 255})
"""First bytes of what a person does: key, pointer, clipboard (RFC 6143, section 7.5), and QEMU's keys."""
MICROVERSION = "compute 2.8"
"""The version that asks for consoles of every kind in one way (Nova's remote-consoles)."""


class NoConsoleNow(TemporaryError):
    """An instance has no console in its present state."""


CLOSE_CODES: tuple[tuple[type[AloftError], int], ...] = (
    (Unauthenticated, 4401),
    (Forbidden, 4403),
    (NotFound, 4404),
    (NoConsoleNow, 4409),
    (AloftError, 4502),
)

log = structlog.get_logger("aloft.portal.console")


class Consoles:
    """Opens consoles.

    Args:
        store: of the sessions.
        client: of the edge's listener without TLS.
        domain: DNS domain below which every name lies.
    """

    def __init__(self, store: Store, client: httpx.AsyncClient, domain: str) -> None:
        self._store = store
        self._client = client
        self._domain = domain
        self._open: set[asyncio.Event] = set()

    def wake(self) -> None:
        """Have every console look whether its session has ended."""
        for bell in self._open:
            bell.set()

    async def join(self, page: WebSocket, opened: Open, region: str, instance: str) -> None:
        """Carry bytes both ways until one side ends, or the session.

        Args:
            page: accepted already.
            opened: the session of whoever asks.
            region: where the instance is.
            instance: its id.

        Raises:
            SessionEnded: the session has ended meanwhile.
            NotFound: there is no such instance, or it has no console of this kind.
            NoConsoleNow: it has none in its state.
            Unreachable: Nova, its console proxy or the host does not answer.
        """
        url = await self._console(opened.session, region, instance)
        base = self._client.base_url
        try:
            proxy = await connect(
                url,
                host=base.host,
                port=base.port,
                subprotocols=["binary"],  # type: ignore[list-item]  # websockets makes a type of a string
                compression=None,
                max_size=None,
                open_timeout=OPEN_SECONDS,
                ping_interval=None,
            )
        except (OSError, TimeoutError, WebSocketException) as error:
            raise _silent(region) from error
        async with proxy:
            await self._carry(page, proxy, opened)

    async def _carry(self, page: WebSocket, proxy: ClientConnection, opened: Open) -> None:
        ways = {
            asyncio.create_task(_down(page, proxy)),
            asyncio.create_task(self._up(page, proxy, opened)),
            asyncio.create_task(self._lives(opened)),
        }
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            outcomes = await asyncio.gather(*ways, return_exceptions=True)
            with contextlib.suppress(WebSocketException):
                await proxy.close()
        for outcome in outcomes:
            if isinstance(outcome, SessionEnded):
                raise outcome
            if isinstance(outcome, Exception) and not isinstance(outcome, ConnectionClosed):
                log.info("a console broke off", error=str(outcome))

    async def _up(self, page: WebSocket, proxy: ClientConnection, opened: Open) -> None:
        while True:
            message = await page.receive()
            if message["type"] == "websocket.disconnect":
                return
            data = message.get("bytes") or message.get("text")
            if data:
                if data[0] in INPUT:
                    self._store.use(opened)
                await proxy.send(data)

    async def _lives(self, opened: Open) -> None:
        """Wait for the session's end.

        Raises:
            SessionEnded: that is it.
        """
        bell = asyncio.Event()
        self._open.add(bell)
        try:
            while self._store.holds(opened):
                bell.clear()
                left = opened.session.expires - time.time()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(max(0.0, min(LOOK_SECONDS, left))):
                        await bell.wait()
        finally:
            self._open.discard(bell)
        raise SessionEnded("Your session has ended.", "Log in again.")

    async def _console(self, session: Session, region: str, instance: str) -> str:
        """Ask Nova for a console; gives the address of its websocket, with the console's token."""
        headers = {
            "Host": f"compute.{region}.{session.customer}.{self._domain}",
            "X-Auth-Token": session.token,
            "OpenStack-API-Version": MICROVERSION,
        }
        wish = {"remote_console": {"protocol": "vnc", "type": "novnc"}}
        path = f"/v2.1/servers/{quote(instance, safe='')}/remote-consoles"
        try:
            answer = await self._client.post(path, json=wish, headers=headers, timeout=OPEN_SECONDS)
        except httpx.TransportError as error:
            raise _silent(region) from error
        if answer.status_code == 401:
            raise Unauthenticated("Your session has ended.", "Log in again.")
        if answer.status_code == 403:
            raise Forbidden("You may not see this instance's console.")
        if answer.status_code == 409:
            raise NoConsoleNow(_reason(answer) or "This instance has no console now.", "Start it first.")
        if answer.status_code in (400, 404):
            raise NotFound(_reason(answer) or "This instance has no console.")
        if not answer.is_success:
            raise _silent(region)
        shown = urlsplit(answer.json()["remote_console"]["url"])
        token = parse_qs(urlsplit(parse_qs(shown.query)["path"][0]).query)["token"][0]
        return f"ws://{shown.hostname}/websockify?token={quote(token)}"


async def serve(page: WebSocket, work: "asyncio.Future[None] | asyncio.Task[None]") -> None:
    """Await a console's end, and close the page's websocket with a reason where it ended badly."""
    try:
        await work
        await page.close()
    except AloftError as error:
        code = next(code for kind, code in CLOSE_CODES if isinstance(error, kind))
        await page.close(code, str(error).encode()[:120].decode(errors="ignore"))
    except (WebSocketDisconnect, RuntimeError) as error:
        log.debug("the page went away", error=str(error))


async def _down(page: WebSocket, proxy: ClientConnection) -> None:
    async for message in proxy:
        if isinstance(message, bytes):
            await page.send_bytes(message)
        else:
            await page.send_text(message)


def _reason(answer: httpx.Response) -> str:
    """Nova's own words, from ``{"<kind>": {"message": …}}``."""
    with contextlib.suppress(ValueError, AttributeError, StopIteration, TypeError):
        return str(next(iter(answer.json().values()))["message"])
    return ""


def _silent(region: str) -> Unreachable:
    return Unreachable(f"The console in {region} cannot be reached.", "Look whether its host is connected.", 502)
