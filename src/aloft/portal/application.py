"""The application: its routes, and what has to be there for as long as it runs."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TypeVar
from urllib.parse import quote

import httpx
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from aloft.base.errors import AloftError, Forbidden, InvalidInput, NotFound
from aloft.base.throttle import Throttle
from aloft.portal import console
from aloft.portal.access import Access
from aloft.portal.answers import (
    SafeHeaders,
    TooManyFailures,
    Unauthenticated,
    Unreachable,
    WrongOrigin,
    error_answer,
    nothing,
)
from aloft.portal.console import Consoles
from aloft.portal.events.broker import Notifications
from aloft.portal.events.hub import Hub, Hubs
from aloft.portal.events.stream import Place, Streams
from aloft.portal.identity import Identity, credentials
from aloft.portal.pages import Pages
from aloft.portal.relay import Relay, Target
from aloft.portal.sessions import Open, Session, Store, right_csrf
from aloft.portal.settings import Settings

Model = TypeVar("Model", bound=BaseModel)

COOKIE = "__Host-aloft"
"""The prefix makes browsers insist on Secure, the path / and no domain (RFC 6265bis, section 4.1.3)."""

PROJECT = "x-aloft-project"
"""The project that a page is of; where a header cannot be sent (events, consoles), the query has ``project``."""

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
CONNECTIONS = 400
BELIEVED_SECONDS = 15.0
"""For how long a page that is loaded is shown projects, roles and regions without asking Keystone again."""

LOGIN_BYTES = 10_000


class Login(BaseModel):
    """Who wants in."""

    model_config = ConfigDict(extra="forbid")

    user: str = Field(min_length=1, max_length=255)
    password: SecretStr = Field(min_length=1, max_length=4096)
    domain: str = Field("Default", min_length=1, max_length=64)
    project: str | None = Field(None, max_length=64)


class Choice(BaseModel):
    """Another project."""

    model_config = ConfigDict(extra="forbid")

    project: str = Field(min_length=1, max_length=64)


class Portal:
    """The routes, and what they share.

    Args:
        settings: of the portal.
        transport: how the edge's listener without TLS is reached; ``None`` is over TCP.
    """

    def __init__(self, settings: Settings, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self.settings = settings
        self.stopping = False
        limits = httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=40, keepalive_expiry=30.0)
        timeout = httpx.Timeout(300.0, connect=5.0, pool=60.0)
        self.client = httpx.AsyncClient(
            base_url=settings.internal_url,
            limits=limits,
            timeout=timeout,
            transport=transport,
            trust_env=False,
            verify=False,  # noqa: S501 - no TLS
        )
        self.store = Store(settings.state / "sessions.sqlite", settings.idle_seconds)
        self.identity = Identity(self.client, settings.domain)
        self.throttle = Throttle()
        self.access = Access(self.store, self.identity, self.wake)
        self.relay = Relay(self.client, self.access.holds)
        self.pages = Pages(settings.pages)
        self.consoles = Consoles(self.store, self.client, settings.domain)
        self.notifications = Notifications(settings)
        self.hubs = Hubs(self._follow)
        self.streams = Streams(self.access, self.store, self.hubs, self.client, settings.domain, lambda: self.stopping)

    def stop(self) -> None:
        """End all streams, so that the process can end."""
        self.stopping = True
        self.wake()

    def wake(self) -> None:
        """Have all that stays open look whether its session lives."""
        self.streams.wake()
        self.consoles.wake()

    @asynccontextmanager
    async def running(self, app: Starlette) -> AsyncIterator[None]:
        """What has to be there for as long as requests are answered."""
        try:
            yield
        finally:
            self.hubs.close()
            await self.client.aclose()
            self.store.close()

    def _follow(self, customer: str, hub: Hub) -> "asyncio.Task[None]":
        return asyncio.create_task(self.notifications.follow(customer, hub), name=f"events of {customer}")

    # Who asks

    def _host(self, connection: HTTPConnection) -> str:
        return connection.headers.get("host", "").partition(":")[0].lower()

    def _customer(self, connection: HTTPConnection) -> str | None:
        """The customer whose portal was asked; ``None`` is the provider's.

        Raises:
            NotFound: the name is no portal's.
        """
        host, domain = self._host(connection), self.settings.domain
        if host == f"portal.{domain}":
            return None
        customer = host.removeprefix("portal.").removesuffix(f".{domain}")
        if host != f"portal.{customer}.{domain}" or not customer or "." in customer:
            raise NotFound("No portal has this name.")
        return customer

    def _session(self, connection: HTTPConnection) -> Open:
        """The session of a request.

        Raises:
            Unauthenticated: there is none at this portal.
        """
        opened = self.store.find(connection.cookies.get(COOKIE))
        if opened is None or opened.session.customer != self._customer(connection):
            raise Unauthenticated("Nobody is logged in.", "Log in.")
        return opened

    async def _in_project(self, connection: HTTPConnection, project: str | None) -> Open:
        """The session of a request, used in the project of the page that it comes from.

        Raises:
            Unauthenticated: there is none at this portal.
            NotFound: the user has no role in that project.
        """
        opened = self._session(connection)
        if project is None or opened.session.customer is None:
            return opened
        return await self.access.enter(opened, project)

    async def _of_page(self, request: Request) -> Open:
        """The session of a page's request, in the project of the page.

        Raises:
            Unauthenticated: there is none at this portal.
            Forbidden: it would change something and does not come from the portal's own pages.
            NotFound: the user has no role in that project.
        """
        self._safe(request, self._session(request))
        return await self._in_project(request, request.headers.get(PROJECT))

    def _own_page(self, connection: HTTPConnection) -> None:
        """See to it that a request comes from the portal's own pages: browsers tell its origin truly.

        Raises:
            WrongOrigin: it does not.
        """
        if connection.headers.get("origin") != self.settings.origin(self._host(connection)):
            raise WrongOrigin(
                "This request does not come from the portal's own pages.", "Open the portal and try there."
            )

    def _safe(self, request: Request, opened: Open) -> None:
        """See to it that a request that changes something carries the session's CSRF value.

        Raises:
            Forbidden: it does not.
        """
        if request.method not in SAFE_METHODS and not right_csrf(opened.session, request.headers.get("x-aloft-csrf")):
            raise Forbidden(
                "The request lacks the header X-Aloft-CSRF with the session's value.", "Load the page anew."
            )

    # Sessions

    async def face(self, request: Request) -> Response:
        """What the login page has to know."""
        customer = self._customer(request)
        face = "provider" if customer is None else "customer"
        told = {"face": face, "customer": customer, "domain": self.settings.domain, "version": version("aloft")}
        return JSONResponse(told)

    async def log_in(self, request: Request) -> Response:
        """Begin a session."""
        self._own_page(request)
        customer = self._customer(request)
        login = await _body(request, Login)
        keys = (f"user {customer or ''}/{login.domain}/{login.user}", f"address {_address(request)}")
        wait = self.throttle.wait(*keys)
        if wait:
            raise TooManyFailures(wait)
        password = login.password.get_secret_value()
        try:
            if customer is None:
                session = await self.identity.log_in_provider(login.user, password)
            else:
                session = await self.identity.log_in(customer, login.user, password, login.domain, login.project)
        except Unauthenticated:
            self.throttle.failed(*keys)
            raise
        self.throttle.succeeded(keys[0])
        before = self.store.find(request.cookies.get(COOKIE))
        if before is not None:
            self.store.end(before)
        _, cookie = self.store.create(session)
        answer = JSONResponse(self._told(session))
        answer.set_cookie(COOKIE, cookie, path="/", secure=True, httponly=True, samesite="strict")
        return answer

    async def show(self, request: Request) -> Response:
        """The session."""
        opened = await self._of_page(request)
        with contextlib.suppress(Unreachable):  # then it is shown as it was
            opened = await self.access.renew(opened, time.time() - BELIEVED_SECONDS)
        return JSONResponse(self._told(opened.session))

    def _told(self, session: Session) -> dict[str, object]:
        return told(session, self.streams.place(session.customer))

    async def log_out(self, request: Request) -> Response:
        """End the session."""
        opened = self._session(request)
        self._safe(request, opened)
        self.store.end(opened)
        self.wake()
        answer = nothing()
        answer.delete_cookie(COOKIE, path="/", secure=True, httponly=True, samesite="strict")
        await self.identity.log_out(opened.session)
        return answer

    async def change_project(self, request: Request) -> Response:
        """Go on in another project; windows that are open in others stay there."""
        opened = self._session(request)
        self._safe(request, opened)
        choice = await _body(request, Choice)
        if opened.session.customer is None:
            raise InvalidInput("The provider has no projects.")
        entered = await self._in_project(request, choice.project)
        return JSONResponse(self._told(self.store.change(entered, entered.session).session))

    # What passes through

    async def openstack(self, request: Request) -> Response:
        """Pass on to a region's API."""
        opened = await self._of_page(request)
        session, region, service = opened.session, request.path_params["region"], request.path_params["service"]
        if not session.serves(region, service):
            raise NotFound(f"There is no {service[:40]} in a region {region[:40]}.", "See the session's regions.")
        name = service if service == "identity" else f"{service}.{region}"
        target = Target(
            f"{name}.{session.customer}.{self.settings.domain}",
            f"The service {service} of {region}",
            {"x-auth-token": session.token},
        )
        return await self.relay.pass_on(request, opened, target, _rest(request, 3))

    async def plane(self, request: Request) -> Response:
        """Pass on to the plane's REST."""
        opened = await self._of_page(request)
        target = Target(f"plane.{self.settings.domain}", "The plane", credentials(opened.session))
        return await self.relay.pass_on(request, opened, target, b"/v1" + _rest(request, 2))

    async def events(self, request: Request) -> Response:
        """The event stream."""
        opened = await self._in_project(request, request.query_params.get("project"))
        place = Place.parse(request.headers.get("last-event-id") or request.query_params.get("after"))
        return StreamingResponse(self.streams.of(opened, place), media_type="text/event-stream")

    async def console(self, page: WebSocket) -> None:
        """An instance's screen."""
        offered = page.scope.get("subprotocols", [])
        await page.accept("binary" if "binary" in offered else None)
        region, instance = page.path_params["region"], page.path_params["instance"]

        async def join() -> None:
            self._own_page(page)
            opened = await self._in_project(page, page.query_params.get("project"))
            if opened.session.customer is None or not opened.session.serves(region, "compute"):
                raise NotFound("There is no such region.")
            await self.consoles.join(page, opened, region, instance)

        await console.serve(page, asyncio.create_task(join()))

    # Pages

    async def asset(self, request: Request) -> Response:
        """A built file."""
        return self.pages.asset(request, request.path_params["name"])

    async def page(self, request: Request) -> Response:
        """The page."""
        self._customer(request)
        return self.pages.page(request, request.path_params["path"])


def told(session: Session, place: Place) -> dict[str, object]:
    """A session as the page sees it, and how far the events have come."""
    return {
        "face": session.face,
        "customer": session.customer,
        "user": vars(session.user),
        "project": None if session.project is None else vars(session.project),
        "projects": [vars(project) for project in session.projects],
        "roles": list(session.roles),
        "administrator": session.administrator,
        "regions": [{"name": region.name, "services": list(region.services)} for region in session.regions],
        "csrf": session.csrf,
        "expires": _iso(session.expires),
        "events": str(place),
    }


def build(settings: Settings, transport: httpx.AsyncBaseTransport | None = None) -> tuple[Starlette, Portal]:
    """The application over these settings, and what can be told to end its streams."""
    portal = Portal(settings, transport)
    routes = [
        Route("/face", portal.face),
        Route("/session", portal.show, methods=["GET"]),
        Route("/session", portal.log_in, methods=["POST"]),
        Route("/session", portal.log_out, methods=["DELETE"]),
        Route("/session/project", portal.change_project, methods=["PUT"]),
        Route("/os/{region}/{service}/{path:path}", portal.openstack, methods=METHODS),
        Route("/api/v1/{path:path}", portal.plane, methods=METHODS),
        Route("/events", portal.events),
        WebSocketRoute("/console/{region}/{instance}", portal.console),
        Route("/assets/{name:path}", portal.asset),
        Route("/{path:path}", portal.page),
    ]
    app = Starlette(
        routes=routes,
        middleware=[Middleware(SafeHeaders)],
        exception_handlers={AloftError: error_answer},
        lifespan=portal.running,
    )
    return app, portal


def _rest(request: Request, segments: int) -> bytes:
    """The path after its first segments, and the query, escaped as they came."""
    raw = bytes(request.scope.get("raw_path") or quote(request.url.path).encode())
    rest = b"/" + raw.partition(b"?")[0].split(b"/", segments + 1)[-1]
    query = bytes(request.scope["query_string"])
    return rest + b"?" + query if query else rest


def _address(request: Request) -> str:
    """The client's address as the edge tells it."""
    return request.headers.get("x-forwarded-for", "").rpartition(",")[2].strip()


async def _body(request: Request, model: type[Model]) -> Model:
    """A small JSON body.

    Raises:
        InvalidInput: it is none of that form.
    """
    data = bytearray()
    async for part in request.stream():
        data += part
        if len(data) > LOGIN_BYTES:
            raise InvalidInput("The request is too long.")
    try:
        return model.model_validate_json(bytes(data))
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_input=False))
        raise InvalidInput(f"The request is not valid: {wrong}.", "Correct it.") from error


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()
