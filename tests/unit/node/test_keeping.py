"""What the node does for ever goes on after a fault."""

import asyncio

from aloft.node.main import keep_at


async def test_what_runs_for_ever_begins_again_after_a_fault():
    tried, well = [], asyncio.Event()

    async def ship() -> None:
        tried.append(len(tried))
        if len(tried) < 3:
            raise OSError(28, "No space left on device")
        well.set()
        await asyncio.Event().wait()

    keeping = asyncio.create_task(keep_at("shipping", ship, pause=0.0))
    await asyncio.wait_for(well.wait(), 10)
    assert tried == [0, 1, 2] and not keeping.done()
    keeping.cancel()
