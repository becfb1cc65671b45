"""How long a customer with many records takes from the command to serving again, and many customers at once."""

import time
from contextlib import AsyncExitStack, closing
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from aloft.base.errors import PermanentError
from aloft.bench import population
from aloft.bench.backup import dump_by_hand, second_repository
from aloft.bench.caller import Caller, through_edge
from aloft.bench.disaster import measure
from aloft.bench.report import Figure, Report, timed
from aloft.bench.running import Running
from aloft.controller.context import Context, Slot
from aloft.daytwo import metadata
from aloft.node.database import Database

RUNS = 3
CUSTOMERS = 10
SCRATCH = 99_997
"""A slot's number that no customer ever gets; only its schemas are made, by hand."""

RESTORE_TARGET, DISASTER_TARGET = 30.0, 300.0
SERVING = "serve from the new place"


async def run(running: Running, runs: int) -> Report:
    """Restore one customer in its place a few times, then many in a second datacenter with one command."""
    async with AsyncExitStack() as stack:
        context = await stack.enter_async_context(running.customer("bench-restore-1"))
        await stack.enter_async_context(second_repository(running))
        await running.command("backup", "policy", "bench-restore-1", "--off", "--json")
        database = Database(running.paths)
        with closing(Caller(context, through_edge(context.edge_port, running.authority))) as caller:
            running.tell("filling it with records")
            await population.fill(context, caller, database)
        by_hand = await load_by_hand(running, context, database)
        made = (await running.command("backup", "run", "bench-restore-1", "--json"))["result"]["backup"]
        restored = [await _restore(running, made) for _ in range(runs)]
    disaster = await measure(running, [f"bench-restore-{number}" for number in range(2, CUSTOMERS + 2)])
    return Report(
        "restore",
        (
            timed("restore_seconds", restored, "s", baseline=by_hand, target=RESTORE_TARGET),
            Figure("disaster_seconds", disaster, "s", by_hand * CUSTOMERS, DISASTER_TARGET),
        ),
        notes=(
            "restore_seconds ends when the restored controller serves; its baseline is dumping and loading the same"
            f" schemas by hand, with no service started; disaster_seconds is one `restore-all` of {CUSTOMERS} customers"
            " in a second datacenter, from what was shipped there, until a simulated host of each has reported; the"
            " lost one still runs beside it on the same machine; its baseline is that by hand, one after another",
        ),
    )


async def _restore(running: Running, backup: str) -> float:
    """Seconds from the command until the restored controller serves."""
    told = await running.command("backup", "restore", "bench-restore-1", "--backup", backup, "--yes", "--json")
    began = _moment(told["created"])
    ended = next((_moment(step["ended"]) for step in told["steps"] if step["name"] == SERVING), None)
    if ended is None:
        raise PermanentError("The restoration does not tell when it served.", "See `aloft operation list`.")
    running.tell(f"restored in {ended - began:.1f} s")
    return ended - began


async def load_by_hand(running: Running, context: Context, database: Database) -> float:
    """Seconds that dumping a customer's schemas and loading them into others takes."""
    scratch = Slot(SCRATCH, running.paths)
    targets = [scratch.schema(name) for name in metadata.schemas()]
    with TemporaryDirectory(prefix="aloft-bench-") as folder:
        dumped = await dump_by_hand(context, database, Path(folder))
        await database.drop_schemas(targets)
        began = time.monotonic()
        try:
            await database.create_schemas(targets)
            await database.load_many(
                {scratch.schema(name): Path(folder) / f"{name}.sql" for name in metadata.schemas()}
            )
            return dumped + time.monotonic() - began
        finally:
            await database.drop_schemas(targets)


def _moment(told: str) -> float:
    return datetime.fromisoformat(told).timestamp()
