"""Is it ready? One attempt at a :class:`~aloft.supervise.spec.Probe`, cheap since hundreds run every ten seconds."""

import asyncio
import contextlib
import os
import signal
import socket
from pathlib import Path
from urllib.parse import urlsplit

from aloft.base.errors import InvalidInput
from aloft.supervise.spec import Probe

_LONGEST_STATUS_LINE = 4096
_FIRST_SERVER_ERROR = 500


async def attempt(probe: Probe) -> str:
    """Try once.

    Returns:
        An empty string if it is ready, else why it is not, for a person.

    Raises:
        InvalidInput: the probe's target has not the form that its kind wants.
    """
    try:
        async with asyncio.timeout(probe.timeout):
            return await _attempt(probe)
    except TimeoutError:
        return f"{probe.kind} probe of {_subject(probe)} had no answer within {probe.timeout:g} s"
    except OSError as error:
        return f"{probe.kind} probe of {_subject(probe)}: {error.strerror or error}"


async def _attempt(probe: Probe) -> str:
    match probe.kind:
        case "none":
            return ""
        case "file":
            return _look(Path(probe.target))
        case "unix":
            _connect_unix(probe.target).close()
            return ""
        case "tcp":
            (await _connect_tcp(*split_address(probe.target))).close()
            return ""
        case "http-unix":
            path, separator, url = probe.target.partition(":")
            if not separator or not url.startswith("/"):
                raise InvalidInput(f"The probe target {probe.target!r} is not of the form path-of-socket:/http/path.")
            return await _ask(_connect_unix(path), "localhost", url)
        case "http":
            parts = urlsplit(probe.target)
            if parts.scheme != "http" or not parts.hostname:
                raise InvalidInput(f"The probe target {probe.target!r} is not a URL of the form http://host:port/path.")
            url = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            return await _ask(await _connect_tcp(parts.hostname, parts.port or 80), parts.netloc, url)
        case "command":
            return await _run(probe.command)


def _look(path: Path) -> str:
    return "" if path.exists() else f"{path} does not exist yet"


def split_address(target: str) -> tuple[str, int]:
    """Split ``host:port``; an IPv6 host stands in brackets.

    Raises:
        InvalidInput: it has another form.
    """
    host, _, port = target.rpartition(":")
    if not host or not port.isdigit():
        raise InvalidInput(f"The probe target {target!r} is not of the form host:port.")
    return host.strip("[]"), int(port)


def _subject(probe: Probe) -> str:
    return probe.target or (probe.command[0] if probe.command else "")


def _connect_unix(path: str) -> socket.socket:
    """Connect at once or fail at once: a unix socket with a full backlog answers EAGAIN."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        connection.connect(path)
    except OSError:
        connection.close()
        raise
    return connection


async def _connect_tcp(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    connection = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        await asyncio.get_running_loop().sock_connect(connection, (host, port))
    except BaseException:
        connection.close()
        raise
    return connection


async def _ask(connection: socket.socket, host: str, url: str) -> str:
    """Send a GET and judge the status line (RFC 9112, section 4)."""
    loop = asyncio.get_running_loop()
    request = f"GET {url} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: aloft-probe\r\nConnection: close\r\n\r\n"
    with connection:
        await loop.sock_sendall(connection, request.encode())
        received = bytearray()
        while b"\n" not in received and len(received) < _LONGEST_STATUS_LINE:
            part = await loop.sock_recv(connection, _LONGEST_STATUS_LINE)
            if not part:
                break
            received += part
    words = bytes(received).split(b"\n")[0].split()
    if len(words) < 2 or not words[0].startswith(b"HTTP/") or not words[1].isdigit():
        return f"GET {url} was not answered with HTTP"
    status = int(words[1])
    return "" if status < _FIRST_SERVER_ERROR else f"GET {url} was answered with status {status}"


async def _run(command: tuple[str, ...]) -> str:
    if not command:
        raise InvalidInput("A command probe needs a command.")
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    try:
        _, errors = await process.communicate()
    except BaseException:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
        raise
    if process.returncode == 0:
        return ""
    last = errors.decode(errors="replace").strip().rpartition("\n")[2]
    return f"{Path(command[0]).name} ended with {process.returncode}" + (f": {last}" if last else "")
