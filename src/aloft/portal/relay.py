"""The pass-through to the APIs: bodies stream both ways, the token is put in here and never comes out."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass

import httpx
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from aloft.base.errors import TemporaryError
from aloft.portal.answers import SessionEnded, Unreachable
from aloft.portal.sessions import Open

AT_ONCE = 32
"""Requests of one session that are under way at a time; the others wait."""

WAIT_SECONDS = 60.0

REQUEST_HEADERS = frozenset(
    {
        *("accept", "content-type", "content-length", "range", "if-match", "if-none-match", "user-agent"),
        *("openstack-api-version", "x-openstack-nova-api-version", "x-openstack-ironic-api-version"),
        *("x-openstack-manila-api-version", "last-event-id"),
    }
)
"""What passes to an API; above all no cookie and no token of the page's own making."""

RESPONSE_HEADERS = frozenset(
    {
        *("content-type", "content-length", "content-range", "content-md5", "etag", "retry-after", "accept-ranges"),
        *("openstack-api-version", "x-openstack-nova-api-version", "x-openstack-request-id", "x-compute-request-id"),
        *("vary", "last-modified"),
    }
)
"""What passes from an API; above all no ``X-Subject-Token`` and no cookie."""

SHOWN_AS_IT_IS = ("application/json", "text/plain", "text/event-stream")


@dataclass(frozen=True)
class Target:
    """An API: its name at the edge, what it is called in an error, and what shows it who calls."""

    host: str
    title: str
    credentials: Mapping[str, str]


class Relay:
    """Passes requests on.

    Args:
        client: of the edge's listener without TLS.
        holds: whether the token of a session is still believed.
    """

    def __init__(self, client: httpx.AsyncClient, holds: Callable[[Open], Awaitable[bool]]) -> None:
        self._client = client
        self._holds = holds
        self._under_way: dict[bytes, int] = {}
        self._free = asyncio.Condition()

    async def pass_on(self, request: Request, opened: Open, target: Target, path: bytes) -> Response:
        """Pass a request on, and its answer back.

        Args:
            request: as the page made it.
            opened: its session.
            target: the API.
            path: path and query there, as bytes, still escaped.

        Raises:
            SessionEnded: the token is worth nothing any more.
            Unreachable: the API does not answer.
        """
        places = contextlib.AsyncExitStack()
        await places.enter_async_context(self._place(opened.id))
        try:
            answer = await self._send(request, target, path)
            places.push_async_callback(answer.aclose)
            if answer.status_code == 401:
                await self._explain(opened, target)
            if answer.status_code in (502, 503, 504) and _from_the_edge(answer):
                raise _unreachable(target, answer.status_code)
        except BaseException:
            await places.aclose()
            raise
        return StreamingResponse(
            _body(answer),
            answer.status_code,
            _passed_back(answer),
            background=BackgroundTask(places.aclose),
        )

    async def _send(self, request: Request, target: Target, path: bytes) -> httpx.Response:
        headers = {name: value for name, value in request.headers.items() if name in REQUEST_HEADERS}
        headers |= {"host": target.host, "accept-encoding": "identity", **target.credentials}
        has_body = "content-length" in request.headers or "transfer-encoding" in request.headers
        passed = self._client.build_request(
            request.method,
            self._client.base_url.copy_with(raw_path=path),
            headers=headers,
            content=request.stream() if has_body else None,
        )
        try:
            return await self._client.send(passed, stream=True)
        except httpx.TimeoutException as error:
            raise _unreachable(target, 504) from error
        except httpx.TransportError as error:
            raise _unreachable(target, 502) from error

    async def _explain(self, opened: Open, target: Target) -> None:
        """Tell a session that has ended from an API that cannot reach its Keystone."""
        if await self._holds(opened):
            raise _unreachable(target, 503)
        raise SessionEnded("Your session has ended.", "Log in again.")

    @contextlib.asynccontextmanager
    async def _place(self, ident: bytes) -> AsyncIterator[None]:
        """Hold one of the session's places.

        Raises:
            TemporaryError: none became free in time.
        """
        try:
            async with asyncio.timeout(WAIT_SECONDS), self._free:
                await self._free.wait_for(lambda: self._under_way.get(ident, 0) < AT_ONCE)
                self._under_way[ident] = self._under_way.get(ident, 0) + 1
        except TimeoutError as error:
            raise TemporaryError("Too many requests of your session are under way.", "Try again.") from error
        try:
            yield
        finally:
            async with self._free:
                self._under_way[ident] -= 1
                if not self._under_way[ident]:
                    del self._under_way[ident]
                self._free.notify_all()


async def _body(answer: httpx.Response) -> AsyncIterator[bytes]:
    """The answer's body as it comes; one that breaks off ends the connection, so that it is not taken for whole."""
    async for part in answer.aiter_raw():
        yield part


def _passed_back(answer: httpx.Response) -> dict[str, str]:
    headers = dict(_wanted(answer.headers))
    kind = headers.get("content-type", "").partition(";")[0].strip()
    if kind and kind not in SHOWN_AS_IT_IS:
        headers["content-disposition"] = "attachment"
    return headers


def _wanted(headers: httpx.Headers) -> Iterator[tuple[str, str]]:
    return ((name, value) for name, value in headers.items() if name in RESPONSE_HEADERS)


def _from_the_edge(answer: httpx.Response) -> bool:
    """Whether the edge answers in place of an API that does not: OpenStack's services name each request."""
    return not any(name in answer.headers for name in ("x-openstack-request-id", "x-compute-request-id"))


def _unreachable(target: Target, status: int) -> Unreachable:
    return Unreachable(f"{target.title} does not answer.", "Try again in a moment; all else goes on working.", status)
