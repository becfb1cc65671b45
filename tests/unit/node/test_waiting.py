"""Requests that wait until their name is open again."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from aloft.node.waiting import WaitingRoom, alone

REQUEST = b"POST /v3/projects HTTP/1.1\r\nHost: identity.acme\r\nContent-Length: 4\r\n\r\nbody"


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[WaitingRoom]:
    made = WaitingRoom(tmp_path / "waiting.sock", os.getgid())
    await made.start()
    yield made
    await made.stop()


async def service(socket: Path | None, name: bytes) -> asyncio.Server:
    """A service that tells its name and what it was asked; without a socket on some port of 127.0.0.1."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        body = await reader.readexactly(4)
        writer.write(name + b" " + head.split(b"\r\n")[0] + b" " + body)
        writer.close()

    if socket is None:
        return await asyncio.start_server(answer, "127.0.0.1", 0)
    return await asyncio.start_unix_server(answer, str(socket))


async def ask(socket: Path) -> bytes:
    reader, writer = await asyncio.open_unix_connection(str(socket))
    writer.write(REQUEST)
    answer = await reader.read()
    writer.close()
    return answer


async def test_what_waits_goes_on_where_its_name_leads_then(room: WaitingRoom, tmp_path: Path) -> None:
    async with await service(tmp_path / "new.sock", b"new"):
        room.close_for(["identity.acme"])
        asking = asyncio.create_task(ask(tmp_path / "waiting.sock"))
        room.settle({"identity.acme": str(tmp_path / "old.sock")}, ["identity.acme"])
        done, _ = await asyncio.wait({asking}, timeout=0.05)
        assert not done, "it did not wait"
        room.settle({"identity.acme": str(tmp_path / "new.sock")}, [])
        assert await asking == b"new POST /v3/projects HTTP/1.1 body"


async def test_what_waits_goes_on_to_another_node(room: WaitingRoom, tmp_path: Path) -> None:
    async with await service(None, b"far") as far:
        port = far.sockets[0].getsockname()[1]
        room.settle({"identity.acme": f"127.0.0.1:{port}"}, [])
        assert await ask(tmp_path / "waiting.sock") == b"far POST /v3/projects HTTP/1.1 body"


async def test_what_nobody_answers_is_told_so(room: WaitingRoom, tmp_path: Path) -> None:
    room.settle({"other.acme": str(tmp_path / "new.sock")}, [])
    assert (await ask(tmp_path / "waiting.sock")).startswith(b"HTTP/1.1 503 ")


def test_a_request_is_passed_on_with_the_wish_to_be_the_last() -> None:
    head = b"GET / HTTP/1.1\r\nConnection: keep-alive\r\nHost: a\r\n\r\n"
    assert alone(head) == b"GET / HTTP/1.1\r\nConnection: close\r\nHost: a\r\n\r\n"
