"""The client of the plane's REST API, for the command line.

Where the plane is and who calls comes from the environment (``ALOFT_URL``, ``ALOFT_TOKEN``, ``ALOFT_CA``), else from
the caller's own ``~/.config/aloft/cli.toml``, else from ``/etc/aloft/cli.toml``, which ``aloft up`` writes for root.
With ``ALOFT_CUSTOMER`` the token is a Keystone token of that customer's administrator.
"""

import atexit
import functools
import json
import os
import ssl
import sys
import time
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aloft.base.errors import (
    AloftError,
    Conflict,
    Forbidden,
    InvalidInput,
    NotFound,
    PermanentError,
    TemporaryError,
)
from aloft.base.paths import Paths

sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]  # httpx's own command line, which it can do without
import httpx  # noqa: E402  after the line above, which spares every command a quarter of a second

Json = dict[str, Any]

ANSWER_SECONDS = 60.0
RECONNECT_SECONDS = 120.0
RECONNECT_PAUSE = 0.3

_KINDS: dict[int, type[AloftError]] = {
    400: InvalidInput,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    429: TemporaryError,
    502: TemporaryError,
    503: TemporaryError,
    504: TemporaryError,
}


@dataclass(frozen=True)
class Connection:
    """Where the plane is and who calls.

    Args:
        url: ``https://…``, or ``unix:///path`` for the plane's own socket.
        token: a token of an account, or with ``customer`` a Keystone token.
        authority: file with the certificate authority of the edge; ``None`` for those that the machine trusts.
        customer: whose administrator calls; ``None`` for an account of the provider.
    """

    url: str
    token: str = field(default="", repr=False)
    authority: Path | None = None
    customer: str | None = None

    def headers(self) -> dict[str, str]:
        """What tells the plane who calls."""
        if self.customer is not None:
            return {"X-Auth-Token": self.token, "X-Aloft-Customer": self.customer}
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}


def own_file(environment: Mapping[str, str] = os.environ) -> Path:
    """The caller's own settings of the command line."""
    home = environment.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(home) / "aloft/cli.toml"


def find(environment: Mapping[str, str] = os.environ, paths: Paths | None = None) -> Connection:
    """Find out where the plane is and who calls.

    Raises:
        InvalidInput: nothing says where the plane is, or what says so cannot be read.
    """
    told: Json = {}
    machine = (paths or Paths.from_environment()).etc / "cli.toml"
    for file in (own_file(environment), machine):
        if file.exists():
            told = _read(file)
            break
    url = environment.get("ALOFT_URL") or told.get("url")
    if not url:
        raise InvalidInput(
            "It is not known where the plane is.",
            "Run as root on the machine where `aloft up` ran, or set ALOFT_URL, ALOFT_TOKEN and ALOFT_CA.",
        )
    token = environment.get("ALOFT_TOKEN") or told.get("token") or _first_line(told.get("token_file"))
    authority = environment.get("ALOFT_CA") or told.get("authority")
    return Connection(
        str(url), str(token), Path(authority) if authority else None, environment.get("ALOFT_CUSTOMER") or None
    )


class PlaneClient:
    """The plane's REST API.

    Every call raises the error of :mod:`aloft.base.errors` that fits the answer, with the plane's own words:
    :class:`TemporaryError` when the plane does not answer.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        transport = None
        base = connection.url.rstrip("/")
        if base.startswith("unix://"):
            transport = httpx.HTTPTransport(uds=base.removeprefix("unix://"))
            base = "http://plane"
        self._client = httpx.Client(
            base_url=base,
            transport=transport,
            headers=connection.headers(),
            verify=_trust(connection.authority),
            timeout=httpx.Timeout(ANSWER_SECONDS, connect=10.0),
            trust_env=False,
        )

    def call(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, params: Mapping[str, Any] | None = None
    ) -> Any:
        """One request; gives what the answer's JSON says, ``None`` when it says nothing."""
        given = {name: value for name, value in (params or {}).items() if value is not None}
        try:
            answer = self._client.request(method, path, json=body, params=given)
        except httpx.HTTPError as error:
            raise self._silent(error) from error
        if answer.is_error:
            raise refusal(answer)
        return answer.json() if answer.content else None

    def items(self, path: str, params: Mapping[str, Any] | None = None) -> list[Json]:
        """A list of things."""
        return list(self.call("GET", path, params=params)["items"])

    def text(self, path: str, params: Mapping[str, Any]) -> Iterator[str]:
        """A stream of text that may go on and on, such as a log."""
        try:
            with self._client.stream(
                "GET", path, params=dict(params), timeout=httpx.Timeout(10.0, read=None)
            ) as answer:
                if answer.is_error:
                    answer.read()
                    raise refusal(answer)
                yield from answer.iter_text()
        except httpx.HTTPError as error:
            raise self._silent(error) from error

    def watch(self, operation: str) -> Iterator[Json]:
        """The operation now and after each change, until it has ended.

        A connection that breaks (the plane was restarted) is made again, going on after the last change that was seen.

        Raises:
            TemporaryError: the plane has not answered for two minutes.
        """
        last, silent_since = -1, None
        while True:
            try:
                for told in self._events(f"/v1/operations/{operation}/watch", last):
                    last, silent_since = told["revision"], None
                    yield told
                    if told["ended"] is not None:
                        return
            except TemporaryError:
                silent_since = silent_since or time.monotonic()
                if time.monotonic() - silent_since > RECONNECT_SECONDS:
                    raise
                time.sleep(RECONNECT_PAUSE)

    def follow(self, path: str) -> Iterator[Json]:
        """What a stream of server-sent events tells, until the plane ends it."""
        yield from self._events(path, -1)

    def close(self) -> None:
        """Close every connection."""
        self._client.close()

    def _events(self, path: str, last: int) -> Iterator[Json]:
        headers = {"Last-Event-ID": str(last)} if last >= 0 else {}
        timeout = httpx.Timeout(10.0, read=60.0)
        try:
            with self._client.stream("GET", path, headers=headers, timeout=timeout) as answer:
                if answer.is_error:
                    answer.read()
                    raise refusal(answer)
                for line in answer.iter_lines():
                    if line.startswith("data: "):
                        yield json.loads(line.removeprefix("data: "))
        except httpx.HTTPError as error:
            raise self._silent(error) from error

    def _silent(self, error: httpx.HTTPError) -> TemporaryError:
        return TemporaryError(
            f"The plane at {self._connection.url} does not answer: {error or type(error).__name__}.",
            "See with `aloft doctor` whether Aloft runs on the provider's machine, and try again.",
        )


def connect(connection: Connection | None = None) -> PlaneClient:
    """The client of this process for a connection (the one that :func:`find` finds); closed when the process ends."""
    return _open(connection or find())


@functools.cache
def _open(connection: Connection) -> PlaneClient:
    client = PlaneClient(connection)
    atexit.register(client.close)
    return client


def refusal(answer: httpx.Response) -> AloftError:
    """The error that an answer stands for, in the plane's words."""
    message, remedy = f"The plane answered with status {answer.status_code}.", ""
    try:
        told = answer.json()["error"]
        message, remedy = str(told["message"]), str(told.get("remedy", ""))
    except (ValueError, KeyError, TypeError):
        pass
    return _KINDS.get(answer.status_code, PermanentError)(message, remedy)


def _trust(authority: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=None if authority is None else str(authority))
    except OSError as error:
        raise InvalidInput(
            f"The certificate authority in {authority} cannot be read: {error.strerror or error}.",
            "Check ALOFT_CA, or `authority` in cli.toml.",
        ) from error


def _read(file: Path) -> Json:
    try:
        return tomllib.loads(file.read_text())
    except OSError as error:
        raise InvalidInput(
            f"{file} cannot be read: {error.strerror}.", "Run as root, or log in with `aloft account login`."
        ) from error
    except tomllib.TOMLDecodeError as error:
        raise InvalidInput(f"{file} is not TOML: {error}.", "Correct it.") from error


def _first_line(file: object) -> str:
    if not file:
        return ""
    try:
        return Path(str(file)).read_text().partition("\n")[0].strip()
    except OSError as error:
        raise InvalidInput(f"The token in {file} cannot be read: {error.strerror}.", "Run as root.") from error
