"""What a host lets itself be asked for."""

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from aloft.base.paths import Paths
from aloft.ground.layout import Layout
from aloft.ground.streams import Ends, Streams, console_ports

ROWS = [
    # sl local_address rem_address st tx_queue:rx_queue tr:tm->when retrnsmt uid timeout inode
    "0: 0100007F:170C 00000000:0000 0A 00000000:00000000 00:00000000 00000000 64055 0 1",
    "1: 0100007F:170D 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 2",
    "2: 00000000:170E 00000000:0000 0A 00000000:00000000 00:00000000 00000000 64055 0 3",
    "3: 0100007F:170F 0100007F:9999 01 00000000:00000000 00:00000000 00000000 64055 0 4",
]


def test_only_what_a_virtual_machine_listens_on_can_be_reached():
    assert console_ports(ROWS, 64055) == {5900}


async def test_a_stream_that_waits_again_after_the_way_was_lost_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    told: list[str] = []
    regained = asyncio.Event()
    writer: Any = SimpleNamespace(transport=SimpleNamespace(abort=lambda: None), close=lambda: None)

    async def dial(*_: object) -> Ends:
        told.append("dialled")
        if len(told) == 2:
            raise ConnectionRefusedError
        reader = asyncio.StreamReader()
        if len(told) == 1:
            reader.feed_eof()  # the region's process ends
        return reader, writer

    def tell() -> None:
        told.append("regained")
        regained.set()

    streams = Streams(Layout.of(Paths(tmp_path)), tell)
    monkeypatch.setattr(streams, "_dial", dial)
    task = asyncio.create_task(streams.run("streams", lambda: [("", 0)]))
    await regained.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert told == ["dialled", "dialled", "dialled", "regained"]
