"""What a backup of a customer with many records takes, what its APIs notice of it, and what is ever at risk."""

import asyncio
import shutil
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from statistics import median

from aloft.base.errors import TemporaryError
from aloft.bench import population
from aloft.bench.caller import Caller, through_edge
from aloft.bench.report import Figure, Report, percentile, timed
from aloft.bench.running import Running, tidy
from aloft.controller.context import Context
from aloft.daytwo import metadata
from aloft.node.database import Database

RUNS = 3
SECOND = "bench-second"
CALLS = (("identity", "/v3/projects"), ("compute", "/v2.1/servers?limit=100"), ("network", "/v2.0/networks"))
NORMAL_SECONDS = 20.0
WATCH_SECONDS = 130.0
FIRST_TARGET, AGAIN_TARGET, RATIO_TARGET, RISK_TARGET = 20.0, 8.0, 1.3, 60.0


async def run(running: Running, runs: int) -> Report:
    """Back up a customer for the first time, then again and again unchanged, while its APIs are called."""
    async with running.customer("bench-backup-1") as context, second_repository(running):
        await running.command("backup", "policy", "bench-backup-1", "--off", "--json")
        database = Database(running.paths)
        with closing(Caller(context, through_edge(context.edge_port, running.authority))) as caller:
            running.tell("filling it with records")
            await population.fill(context, caller, database)
            by_hand = await dump_by_hand(context, database)
            normal = await asyncio.to_thread(_latencies, caller, NORMAL_SECONDS)
            first, meanwhile = await _backup(running, caller)
            again = []
            for _ in range(runs):
                seconds, more = await _backup(running, caller)
                again.append(seconds)
                meanwhile += more
        running.tell(f"watching the second repository for {WATCH_SECONDS:.0f} s")
        risk = await _at_risk(running)
    usual = percentile(normal, 0.95)
    return Report(
        "backup",
        (
            Figure("backup_first_seconds", first, "s", by_hand, FIRST_TARGET),
            timed("backup_again_seconds", again, "s", baseline=by_hand, target=AGAIN_TARGET),
            Figure("api_p95_ratio", percentile(meanwhile, 0.95) / usual, "times", 1.0, RATIO_TARGET),
            Figure("at_risk_seconds", max(risk), "s", None, RISK_TARGET, runs=(min(risk), median(risk), max(risk))),
        ),
        details={"api_p95_ms": {"normal": usual * 1000, "meanwhile": percentile(meanwhile, 0.95) * 1000}},
        notes=(
            f"{population.INSTANCES} instances, {population.PORTS} ports, {population.VOLUMES} volumes and"
            f" {population.USERS} users as records; the baseline is mariadb-dump of the same schemas into a folder;"
            " a backup is stored, read back, compared and copied to a second repository",
        ),
    )


@asynccontextmanager
async def second_repository(running: Running) -> AsyncIterator[str]:
    """A secondary repository in a folder for as long as the block lasts."""
    folder = Path(tempfile.mkdtemp(prefix="aloft-bench-", dir="/var/tmp"))
    await running.command("backup", "repository", "add", SECOND, str(folder / SECOND), "--secondary", "--json")
    try:
        yield SECOND
    finally:
        await tidy(_forget(running), running.tell)
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


async def dump_by_hand(context: Context, database: Database, target: Path | None = None) -> float:
    """Seconds that mariadb-dump takes for a customer's schemas; the dumps stay in ``target`` when it is given."""
    with tempfile.TemporaryDirectory(prefix="aloft-bench-") as temporary:
        folder = target or Path(temporary)
        began = time.monotonic()
        await database.dump_together({context.slot.schema(name): folder / f"{name}.sql" for name in metadata.schemas()})
        return time.monotonic() - began


async def _forget(running: Running) -> None:
    await running.command("backup", "repository", "remove", SECOND, "--yes")


async def _backup(running: Running, caller: Caller) -> tuple[float, list[float]]:
    """Seconds of one backup, and those of the calls meanwhile."""
    began = time.monotonic()
    stop = asyncio.Event()
    calling = asyncio.create_task(_call_until(caller, stop))
    try:
        await running.command("backup", "run", caller.context.spec.customer, "--json")
        seconds = time.monotonic() - began
    finally:
        stop.set()
        latencies = await calling
    running.tell(f"backed up in {seconds:.1f} s, {len(latencies)} calls meanwhile")
    return seconds, latencies


async def _call_until(caller: Caller, stop: asyncio.Event) -> list[float]:
    found: list[float] = []
    while not stop.is_set():
        found += await asyncio.to_thread(_latencies, caller, 0.0)
    return found


def _latencies(caller: Caller, seconds: float) -> list[float]:
    """Seconds of list calls, one after another, at least one of each."""
    found: list[float] = []
    until = time.monotonic() + seconds
    while not found or time.monotonic() < until:
        for label, path in CALLS:
            answer = caller.send("GET", label, path)
            if answer.status != 200:
                raise TemporaryError(f"GET {path} of {label} was answered with {answer.status}.")
            found.append(answer.seconds)
    return found


async def _at_risk(running: Running) -> list[float]:
    """How old, each second, the oldest change may be that the second repository lacks."""
    found: list[float] = []
    until = time.monotonic() + WATCH_SECONDS
    while time.monotonic() < until:
        told = await running.ask("/v1/repositories")
        found += [float(one["behind"]) for one in told if one["name"] == SECOND]
        await asyncio.sleep(1)
    return found
