"""A user of a controller: gets tokens and calls the services through the edge, as any client does.

The same code calls a customer of Aloft and the stock controller that it is compared with.
"""

import http.client
import json
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aloft.base.errors import TemporaryError
from aloft.controller.context import Context

ANSWER_SECONDS = 60.0

Json = dict[str, Any]


@dataclass(frozen=True)
class Answer:
    """What came back.

    Args:
        status: HTTP status.
        headers: of the answer, names in lower case.
        body: the decoded JSON, ``None`` when it is none.
        seconds: from sending the request to having read the answer.
    """

    status: int
    headers: dict[str, str]
    body: Any
    seconds: float


Connect = Callable[[str], http.client.HTTPConnection]
"""Opens a connection for a host name."""


def through_edge(port: int, authority: Path, timeout: float = ANSWER_SECONDS) -> Connect:
    """Connections to the TLS port of an edge on this machine, with the name in the handshake."""
    trusted = ssl.create_default_context(cafile=str(authority))

    return lambda host: _Named(host, port, trusted, timeout)


class _Named(http.client.HTTPConnection):
    """A TLS connection to this machine that names another host in its handshake."""

    def __init__(self, name: str, port: int, trusted: ssl.SSLContext, timeout: float) -> None:
        super().__init__("127.0.0.1", port, timeout=timeout)
        self._name = name
        self._trusted = trusted

    def connect(self) -> None:
        """Connect, and shake hands."""
        super().connect()
        self.sock = self._trusted.wrap_socket(self.sock, server_hostname=self._name)


@dataclass
class Caller:
    """A customer's administrator.

    Args:
        context: the controller.
        connect: how to reach it.
    """

    context: Context
    connect: Connect
    token: str = ""
    _open: dict[str, http.client.HTTPConnection] = field(default_factory=dict)

    def authenticate(self) -> float:
        """Get a token and keep it; returns the seconds it took.

        Raises:
            TemporaryError: there is none to be had.
        """
        domain = {"name": "Default"}
        user = {"name": "admin", "domain": domain, "password": self.context.secrets.admin}
        body = {
            "auth": {
                "identity": {"methods": ["password"], "password": {"user": user}},
                "scope": {"project": {"name": "admin", "domain": domain}},
            }
        }
        answer = self.send("POST", "identity", "/v3/auth/tokens", body, token=False)
        if answer.status != 201:
            raise TemporaryError(f"Keystone gives no token: HTTP {answer.status}.")
        self.token = answer.headers["x-subject-token"]
        return answer.seconds

    def send(
        self, method: str, label: str, path: str, body: Json | None = None, *, token: bool = True, version: str = ""
    ) -> Answer:
        """One request to the service with the endpoint ``label``, on a connection that is kept.

        Args:
            method: HTTP verb.
            label: of the endpoint.
            path: and query.
            body: JSON to send.
            token: send the token along.
            version: of the API, as ``OpenStack-API-Version`` has it.

        Raises:
            TemporaryError: there is no answer.
        """
        host = self.context.host(label)
        headers = {"Host": host, "Accept": "application/json"}
        if token:
            headers["X-Auth-Token"] = self.token
        if version:
            headers["OpenStack-API-Version"] = version
        if body is not None:
            headers["Content-Type"] = "application/json"
        text = None if body is None else json.dumps(body)
        began = time.perf_counter()
        answer, data = self._exchange(label, (method, path, text, headers))
        seconds = time.perf_counter() - began
        told = {name.lower(): value for name, value in answer.getheaders()}
        return Answer(answer.status, told, _decoded(data), seconds)

    def _exchange(
        self, label: str, request: tuple[str, str, str | None, dict[str, str]]
    ) -> tuple[http.client.HTTPResponse, bytes]:
        """Send a request and read the answer; on a new connection when a kept one turns out to have been closed."""
        while True:
            kept = label in self._open
            connection = self._open.pop(label, None) or self.connect(self.context.host(label))
            try:
                connection.request(*request)
                answer = connection.getresponse()
                data = answer.read()
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                if kept and not isinstance(error, TimeoutError):
                    continue
                told = str(error) or type(error).__name__
                raise TemporaryError(f"{self.context.host(label)} does not answer: {told}.") from error
            self._open[label] = connection
            return answer, data

    def get(self, label: str, path: str) -> Any:
        """What a service says to a GET.

        Raises:
            TemporaryError: something else than 200.
        """
        return self.expect(200, "GET", label, path)

    def expect(self, status: int, method: str, label: str, path: str, body: Json | None = None) -> Any:
        """The decoded body of an answer that must have this status.

        Raises:
            TemporaryError: it has another.
        """
        answer = self.send(method, label, path, body)
        if answer.status != status:
            raise TemporaryError(
                f"{method} {path} of {label} was answered with {answer.status}: {str(answer.body)[:300]}"
            )
        return answer.body

    def close(self) -> None:
        """Close all connections."""
        for connection in self._open.values():
            connection.close()
        self._open.clear()


def _decoded(data: bytes) -> Any:
    try:
        return json.loads(data) if data else None
    except ValueError:
        return None
