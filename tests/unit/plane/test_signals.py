"""Waiting for commits, and the loop that brings records to rest."""

import asyncio
from collections.abc import Callable

from aloft.base.errors import TemporaryError
from aloft.plane.reconcile.loop import Loop
from aloft.plane.signals import Signals, Wake


async def test_a_ring_from_another_thread_wakes_who_listens() -> None:
    signals = Signals()
    signals.bind(asyncio.get_running_loop())
    with signals.listen("a") as wake, signals.listen("b") as other:
        await asyncio.to_thread(signals.ring, ["a"])
        assert await wake.wait(10)
        assert not await other.wait(0)


async def test_what_rings_between_looking_and_waiting_is_not_missed() -> None:
    signals = Signals()
    signals.bind(asyncio.get_running_loop())
    with signals.listen("a") as wake:
        wake.clear()
        signals.ring(["a"])
        assert await wake.wait(10)
        wake.clear()
        assert not await wake.wait(0)


async def test_the_loop_tries_again_after_a_fault_and_looks_again_when_rung() -> None:
    signals = Signals()
    signals.bind(asyncio.get_running_loop())
    calls: list[str] = []
    done = asyncio.Event()

    async def handle(identity: str, wake: Wake) -> None:
        calls.append(identity)
        if len(calls) == 1:
            raise TemporaryError("not yet")
        if len(calls) == 2:
            signals.ring(["work/region/r1"])
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        if len(calls) == 3:
            done.set()

    async def resync(poke: Callable[[str, str], None]) -> None:
        poke("region", "r1")

    loop = Loop({"region": handle}, resync, 3600, signals)
    running = asyncio.create_task(loop.run())
    async with asyncio.timeout(30):
        await done.wait()
    assert calls == ["r1", "r1", "r1"]
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_a_commit_rings_the_loop() -> None:
    signals = Signals()
    signals.bind(asyncio.get_running_loop())
    seen: asyncio.Queue[str] = asyncio.Queue()

    async def handle(identity: str, wake: Wake) -> None:
        seen.put_nowait(identity)

    async def resync(poke: Callable[[str, str], None]) -> None:
        pass

    loop = Loop({"host": handle}, resync, 3600, signals)
    running = asyncio.create_task(loop.run())
    signals.ring(["work/host/h1", "events"])
    async with asyncio.timeout(30):
        assert await seen.get() == "h1"
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
