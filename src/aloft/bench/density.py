"""What it is like when many customers live on one node: does each work, how fast, and what do they cost idle."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from contextlib import AsyncExitStack, closing
from statistics import median

from aloft.base.errors import TemporaryError
from aloft.bench import measure, stock
from aloft.bench.caller import Caller, through_edge
from aloft.bench.report import Figure, Report, percentile, timed
from aloft.bench.running import Running
from aloft.controller.check import check
from aloft.controller.context import FIRST_USER, Context
from aloft.controller.services import enabled

RUNS = 1
CUSTOMERS = 20
TOKENS = 200
SETTLE_SECONDS = 30.0
IDLE_SECONDS = 60.0
TARGET_RATIO = 2.0
TARGET_CORES = 0.3


async def run(running: Running, runs: int) -> Report:
    """Fill the node with customers, measure, empty it again, and measure one idle controller of the stock way."""
    async with AsyncExitStack() as stack:
        first = await _next(running, stack, 1)
        await running.wait_warm()
        alone = [await _token_p95(running, [first]) for _ in range(runs)]
        running.tell(f"p95 of a token with one customer: {median(alone) * 1000:.0f} ms")
        contexts = [first, *[await _next(running, stack, number) for number in range(2, CUSTOMERS + 1)]]
        await running.wait_warm()
        working = [await _works(running, context) for context in contexts]
        crowded = [await _token_p95(running, contexts) for _ in range(runs)]
        running.tell(f"p95 of a token with {CUSTOMERS} customers: {median(crowded) * 1000:.0f} ms")
        idle = [await _idle_cores(running, contexts) for _ in range(runs)]
        pss = [measure.pss_mib(measure.of_user(context.slot.user)) for context in contexts]
    other = await _stock_idle_cores(running)
    ratios = [one / median(alone) for one in crowded]
    return Report(
        "density",
        (
            timed("token_p95_ratio", ratios, "times", baseline=1.0, target=TARGET_RATIO),
            timed(
                "idle_cores",
                [sum(one.values()) for one in idle],
                "cores",
                baseline=other * CUSTOMERS,
                target=TARGET_CORES,
            ),
            Figure("customers_passing", sum(working), "customers", CUSTOMERS, CUSTOMERS, "least"),
            timed("customer_pss_mib", pss, "MiB"),
        ),
        details={
            "token_p95_ms": {"one customer": median(alone) * 1000, f"{CUSTOMERS} customers": median(crowded) * 1000},
            "idle_cores": {"one stock controller": other, **_by_kind(idle[-1])},
        },
        notes=(
            f"{TOKENS} tokens, one after another, the customers in turn; processor time over {IDLE_SECONDS:.0f} s of"
            " the customers' processes and of all that they share, without scheduled backups;"
            f" its baseline is {CUSTOMERS} times the processes of one stock controller",
        ),
    )


async def _next(running: Running, stack: AsyncExitStack, number: int) -> Context:
    return await stack.enter_async_context(running.customer(f"bench-density-{number}"))


async def _works(running: Running, context: Context) -> bool:
    try:
        await check(context, enabled(context.spec), running.authority, 30)
    except TemporaryError as error:
        running.tell(str(error))
        return False
    return True


async def _token_p95(running: Running, contexts: list[Context]) -> float:
    """Seconds; the first token of each customer warms it up and does not count."""

    def measured() -> float:
        callers = [Caller(context, through_edge(context.edge_port, running.authority)) for context in contexts]
        for caller in callers:
            caller.authenticate()
        seconds = [callers[number % len(callers)].authenticate() for number in range(TOKENS)]
        for caller in callers:
            caller.close()
        return percentile(seconds, 0.95)

    return await asyncio.to_thread(measured)


async def _idle_cores(running: Running, contexts: list[Context]) -> dict[str, float]:
    """Cores that these customers and all that customers share use while nobody asks for anything, by process."""
    running.tell(f"idle for {SETTLE_SECONDS + IDLE_SECONDS:.0f} s")
    users = frozenset(context.slot.user for context in contexts)

    async def used() -> dict[int, float]:
        shared = [pid for name, pid in (await running.pids()).items() if not name.startswith("slots/")]
        below = measure.descendants([running.node_pid(), *shared])
        others = {pid for pid in below if measure.user(pid) >= FIRST_USER and measure.user(pid) not in users}
        return measure.processor_seconds((below - others).union(*map(measure.of_user, users)))

    await asyncio.sleep(SETTLE_SECONDS)
    before = await used()
    await asyncio.sleep(IDLE_SECONDS)
    after = await used()
    names = {pid: name for name, pid in (await running.pids()).items()} | {running.node_pid(): "node"}
    cores: defaultdict[str, float] = defaultdict(float)
    for pid, seconds in after.items():
        cores[names.get(pid, "others")] += (seconds - before.get(pid, 0.0)) / IDLE_SECONDS
    return cores


def _by_kind(cores: Mapping[str, float]) -> dict[str, float]:
    """The same with all customers' processes of a kind as one, the largest first."""
    kinds: defaultdict[str, float] = defaultdict(float)
    for name, used in cores.items():
        kinds[f"all customers' {name.split('/', 2)[2]}" if name.startswith("slots/") else name] += used
    return dict(sorted(kinds.items(), key=lambda one: -one[1]))


async def _stock_idle_cores(running: Running) -> float:
    """Cores that the processes of one stock controller use while nobody asks for anything."""
    running.tell("one controller the stock way; this takes minutes")
    async with stock.laid_out(running) as other:
        await other.start()
        with closing(other.caller()) as caller:
            await asyncio.to_thread(caller.authenticate)
        running.tell(f"idle for {SETTLE_SECONDS + IDLE_SECONDS:.0f} s")
        await asyncio.sleep(SETTLE_SECONDS)
        before = measure.processor_seconds(measure.of_user(other.user))
        await asyncio.sleep(IDLE_SECONDS)
        return measure.growth(before, measure.processor_seconds(measure.of_user(other.user))) / IDLE_SECONDS
