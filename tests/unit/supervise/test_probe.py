"""Probes against small local servers."""

import asyncio
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from aloft.base.errors import InvalidInput
from aloft.supervise.probe import attempt, split_address
from aloft.supervise.spec import Probe

ANSWERS = {
    b"/ok": b"HTTP/1.1 200 OK\r\n\r\n",
    b"/choices": b"HTTP/1.1 300 Multiple Choices\r\n\r\n",
    b"/denied": b"HTTP/1.1 401 Unauthorized\r\n\r\n",
    b"/broken": b"HTTP/1.1 503 Service Unavailable\r\n\r\n",
    b"/noise": b"SSH-2.0-x\r\n",
    b"/hangup": b"",
}


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    words = (await reader.readline()).split()
    if words and words[1] == b"/silent":
        await reader.read()
    elif words:
        writer.write(ANSWERS[words[1]])
    writer.close()


@pytest.fixture
async def unix(tmp_path: Path) -> AsyncIterator[str]:
    async with await asyncio.start_unix_server(answer, tmp_path / "s.sock"):
        yield str(tmp_path / "s.sock")


@pytest.fixture
async def tcp() -> AsyncIterator[str]:
    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        host, port = server.sockets[0].getsockname()
        yield f"{host}:{port}"


@pytest.mark.parametrize("path", ["/ok", "/choices", "/denied"])
async def test_any_answer_below_500_is_ready(unix: str, tcp: str, path: str):
    assert await attempt(Probe("http-unix", f"{unix}:{path}")) == ""
    assert await attempt(Probe("http", f"http://{tcp}{path}")) == ""


async def test_other_answers_are_told(unix: str):
    assert "status 503" in await attempt(Probe("http-unix", f"{unix}:/broken"))
    assert "not answered with HTTP" in await attempt(Probe("http-unix", f"{unix}:/noise"))
    assert "not answered with HTTP" in await attempt(Probe("http-unix", f"{unix}:/hangup"))


async def test_silence_ends_with_the_timeout(unix: str):
    assert "no answer within 0.05 s" in await attempt(Probe("http-unix", f"{unix}:/silent", timeout=0.05))


async def test_who_listens_is_ready(unix: str, tcp: str):
    assert await attempt(Probe("unix", unix)) == ""
    assert await attempt(Probe("tcp", tcp)) == ""


async def test_who_does_not_listen_is_not(tmp_path: Path):
    assert "No such file" in await attempt(Probe("unix", str(tmp_path / "x")))
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        reason = await attempt(Probe("tcp", f"127.0.0.1:{unused.getsockname()[1]}"))
    assert "Connect call failed" in reason or "refused" in reason


async def test_a_full_queue_is_not_ready(tmp_path: Path):
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client:
        server.bind(str(tmp_path / "s"))
        server.listen(0)
        client.connect(str(tmp_path / "s"))
        assert "temporarily unavailable" in await attempt(Probe("unix", str(tmp_path / "s")))


async def test_files_and_nothing(tmp_path: Path):
    assert await attempt(Probe()) == ""
    assert "does not exist" in await attempt(Probe("file", str(tmp_path / "pid")))
    (tmp_path / "pid").touch()
    assert await attempt(Probe("file", str(tmp_path / "pid"))) == ""


async def test_commands():
    assert await attempt(Probe("command", command=("/bin/true",))) == ""
    reason = await attempt(Probe("command", command=("/bin/sh", "-c", "echo no such luck >&2; exit 3")))
    assert reason == "sh ended with 3: no such luck"
    assert "No such file" in await attempt(Probe("command", command=("/does/not/exist",)))


async def test_a_command_that_hangs_is_ended():
    reason = await attempt(Probe("command", command=("/bin/sleep", "1000"), timeout=0.05))
    assert "no answer within 0.05 s" in reason


@pytest.mark.parametrize(
    "probe", [Probe("tcp", "3306"), Probe("http", "https://x/"), Probe("http-unix", "/run/x.sock"), Probe("command")]
)
async def test_targets_of_the_wrong_form_are_refused(probe: Probe):
    with pytest.raises(InvalidInput):
        await attempt(probe)


def test_addresses():
    assert split_address("127.0.0.1:80") == ("127.0.0.1", 80)
    assert split_address("[::1]:80") == ("::1", 80)
