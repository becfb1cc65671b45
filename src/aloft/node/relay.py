"""One node API for several nodes: what concerns customers on a peer is passed on to it.

The plane asks the node that it runs on for everything. This stands in front of that node's API and passes on, through
the trunk, what is about customers whose controllers are on another node, and about jobs there.
"""

import json
import logging
import re
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, Protocol
from urllib.parse import parse_qs

import httpx

from aloft.base.errors import TemporaryError
from aloft.controller.spec import ControllerStatus, Phase, Problem
from aloft.node.controllers import Controllers
from aloft.node.jobs import Jobs
from aloft.node.peers import Peer, Peers

_log = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

MOVE = "move"
"""The kind of job that is where its customer was."""

ANSWER_SECONDS = 90.0
"""Longer than anybody waits for news at the node's API."""

LIST_SECONDS = 3.0
"""How long a list may wait for a peer's part."""

_CONTROLLERS = "/v1/controllers"
_CONTROLLER = re.compile(r"/v1/controllers/(?P<customer>[^/]+)/.+")
_RULES = re.compile(r"/v1/rules/(?P<customer>[^/]+)")
_RECORDS = re.compile(r"/v1/records/(?P<customer>[^/]+)")
_LOGS = re.compile(r"/v1/logs/.+")
_JOB = re.compile(r"/v1/jobs/(?P<job>[^/]+)(/abort)?")
_PASSED = {b"content-type", b"accept"}


class Places(Protocol):
    """Knows where customers are."""

    def of(self, customer: str) -> str: ...  # noqa: D102
    def statuses(self, peer: str) -> list[ControllerStatus]: ...  # noqa: D102


class Relay:
    """The application that stands in front of another.

    Args:
        application: the node's own API.
        peers: other nodes.
        places: where customers are.
        controllers: those of this node.
        jobs: those of this node.
    """

    def __init__(
        self, application: Application, peers: Peers, places: Places, controllers: Controllers, jobs: Jobs
    ) -> None:
        self._application = application
        self._peers = peers
        self._places = places
        self._controllers = controllers
        self._jobs = jobs
        self._clients: dict[Peer, httpx.AsyncClient] = {}
        self._jobs_at: dict[str, str] = {}
        self._last: dict[str, list[ControllerStatus]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or not self._peers.all():
            await self._application(scope, receive, send)
        elif scope["path"] == _CONTROLLERS:
            await _answer(send, 200, [one.model_dump(mode="json") for one in await self._everywhere()])
        elif found := _JOB.fullmatch(scope["path"]):
            await self._job(found["job"], scope, receive, send)
        elif found := _RULES.fullmatch(scope["path"]):
            body = await _body(receive)
            if peer := self._places.of(found["customer"]):  # the edge here lets in or not, its logs are there
                await self._pass_quietly(peer, scope, body)
            await self._application(scope, _again(body, receive), send)
        elif peer := self._places.of(_customer(scope)):
            await self._pass(peer, scope, await _body(receive), send)
        else:
            await self._application(scope, receive, send)

    async def close(self) -> None:
        """End the connections to other nodes."""
        for client in self._clients.values():
            await client.aclose()

    async def _job(self, job: str, scope: Scope, receive: Receive, send: Send) -> None:
        body = await _body(receive)
        peer = "" if self._jobs.knows(job) else self._jobs_at.get(job, "")
        if not peer and not self._jobs.knows(job):
            if scope["method"] == "PUT":
                wanted = json.loads(body or b"{}")
                peer = self._places.of(_whose(wanted))
                if not peer and wanted.get("kind") == MOVE:  # it may have come here by this very job
                    peer = await self._who_has(job)
            else:
                peer = await self._who_has(job)
        if not peer:
            await self._application(scope, _again(body, receive), send)
            return
        self._jobs_at[job] = peer
        if scope["method"] == "DELETE":
            self._jobs_at.pop(job, None)
        await self._pass(peer, scope, body, send)

    async def _who_has(self, job: str) -> str:
        """The peer that knows a job which this node does not; empty where none does.

        Raises:
            TemporaryError: one of them cannot be asked: it may be the one.
        """
        for peer in self._peers.all():
            try:
                answer = await self._client(peer).get(f"/v1/jobs/{job}", timeout=LIST_SECONDS)
            except httpx.HTTPError:
                if self._places.statuses(peer.name):
                    return peer.name
                continue
            if answer.is_success:
                return peer.name
        return ""

    async def _everywhere(self) -> list[ControllerStatus]:
        """All controllers: those of this node, and those of its peers; of a silent one those that it had."""
        here = [self._controllers.status(key) for key in self._controllers.keys()]  # noqa: SIM118 - a method of its own
        found = {(one.customer, one.region): one for one in here}
        for peer in self._peers.all():
            try:
                answer = await self._client(peer).get(_CONTROLLERS, timeout=LIST_SECONDS)
                answer.raise_for_status()
                told = [ControllerStatus.model_validate(one) for one in answer.json()]
                self._last[peer.name] = told
            except (httpx.HTTPError, ValueError) as error:
                _log.info("%s does not tell its controllers: %s", peer.name, error)
                problem = Problem(message=f"The node {peer.name} does not answer.", remedy="See `aloft node list`.")
                silent: Phase = "degraded"
                known = self._last.get(peer.name) or self._places.statuses(peer.name)
                told = [one.model_copy(update={"phase": silent, "error": problem}) for one in known]
            for one in told:
                if self._places.of(one.customer) == peer.name:
                    found[one.customer, one.region] = one.model_copy(update={"node": peer.name})
        return list(found.values())

    async def _pass(self, name: str, scope: Scope, body: bytes, send: Send) -> None:
        """Have a peer answer."""
        try:
            request = self._request(name, scope, body)
            answer = await self._client(self._peers.get(name)).send(request, stream=True)
        except httpx.HTTPError as error:
            _log.info("%s does not answer: %s", name, error)
            told = TemporaryError(f"The node {name} does not answer.", "See `aloft node list`.")
            refused = {"code": type(told).__name__, "message": told.message, "remedy": told.remedy}
            await _answer(send, 503, {"error": refused})
            return
        try:
            if answer.is_success and _CONTROLLER.fullmatch(scope["path"]) and scope["path"].count("/") == 4:
                await answer.aread()
                if answer.content:
                    await _answer(send, answer.status_code, {**answer.json(), "node": name})
                    return
            await _stream(answer, send)
        finally:
            await answer.aclose()

    async def _pass_quietly(self, name: str, scope: Scope, body: bytes) -> None:
        """Have a peer know something, too; it is told again when it changes."""
        try:
            await self._client(self._peers.get(name)).send(self._request(name, scope, body))
        except httpx.HTTPError as error:
            _log.warning("%s could not be told of %s: %s", name, scope["path"], error)

    def _request(self, name: str, scope: Scope, body: bytes) -> httpx.Request:
        query = scope["query_string"].decode()
        headers = [(key.decode(), value.decode()) for key, value in scope["headers"] if key in _PASSED]
        return self._client(self._peers.get(name)).build_request(
            scope["method"], f"{scope['path']}{'?' if query else ''}{query}", headers=headers, content=body or None
        )

    def _client(self, peer: Peer) -> httpx.AsyncClient:
        if peer not in self._clients:
            self._clients[peer] = self._peers.client(peer.name, ANSWER_SECONDS)
        return self._clients[peer]


def _customer(scope: Scope) -> str:
    """The customer whom a request is about; empty where it is about none, or about something of this node."""
    for pattern in (_CONTROLLER, _RECORDS):
        if found := pattern.fullmatch(scope["path"]):
            return str(found["customer"])
    if _LOGS.fullmatch(scope["path"]):
        return str((parse_qs(scope["query_string"].decode()).get("customer") or [""])[0])
    return ""


def _whose(request: Mapping[str, Any]) -> str:
    """The customer whom a job is about, though it may keep none busy: a proof says whose backup it is about."""
    return str(request.get("customer") or request.get("arguments", {}).get("of", ""))


async def _body(receive: Receive) -> bytes:
    whole = b""
    while True:
        message = await receive()
        whole += bytes(message.get("body", b""))
        if not message.get("more_body"):
            return whole


def _again(body: bytes, receive: Receive) -> Receive:
    """What comes with a request whose body was read already."""
    waiting = [body]

    async def again() -> MutableMapping[str, Any]:
        if waiting:
            return {"type": "http.request", "body": waiting.pop(), "more_body": False}
        return await receive()

    return again


async def _stream(answer: httpx.Response, send: Send) -> None:
    """Pass an answer on as it comes."""
    headers = [(key, value) for key, value in answer.headers.raw if key.lower() in _PASSED]
    await send({"type": "http.response.start", "status": answer.status_code, "headers": headers})
    async for piece in answer.aiter_bytes():
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _answer(send: Send, status: int, content: Any) -> None:
    body = json.dumps(content).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})
