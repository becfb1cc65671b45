"""Services to which no name leads yet answer once before one does."""

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from aloft.base.errors import TemporaryError
from aloft.controller import check


async def wake(folder: Path, *codes: int) -> int:
    """Wake a service that answers with these codes one after another, the last one for good; how often it was asked."""
    asked = 0

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        await reader.readuntil(b"\r\n\r\n")
        code = codes[min(asked, len(codes) - 1)]
        asked += 1
        writer.write(f"HTTP/1.1 {code} Said\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
        writer.close()

    socket = folder / "neutron-api.sock"
    context: Any = SimpleNamespace(slot=SimpleNamespace(socket=lambda process: socket), host=lambda label: "network")
    endpoint = SimpleNamespace(check="/v2.0/networks", label="network", process="neutron-api")
    services: Any = [SimpleNamespace(endpoints=[endpoint])]
    async with await asyncio.start_unix_server(answer, str(socket)):
        await check.wake(context, services, "token")
    return asked


async def test_a_service_that_has_only_just_begun_is_asked_again(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(check, "AGAIN_PAUSE", 0.0)
    assert await wake(tmp_path, 200) == 1
    assert await wake(tmp_path, 500, 503, 200) == 3


async def test_one_that_goes_on_with_errors_is_named(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(check, "AGAIN_SECONDS", 0.0)
    with pytest.raises(TemporaryError, match="network: HTTP 500"):
        await wake(tmp_path, 500)
