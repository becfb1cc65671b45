"""How much memory one customer's processes take after ordinary use, against the stock way."""

import asyncio
from contextlib import closing

from aloft.bench import measure, stock
from aloft.bench.caller import Caller, through_edge
from aloft.bench.report import Figure, Report, timed
from aloft.bench.running import Running
from aloft.bench.workload import mixed
from aloft.controller.context import FIRST_USER

RUNS = 3
CALLS = 200
TARGET_MIB = 400.0
TARGET_SHARE = 0.4


async def run(running: Running, runs: int) -> Report:
    """Use new customers one after another, then one controller the stock way, and measure each."""
    sums, parts = [], {}
    for number in range(1, runs + 1):
        parts = await _customer(running, f"bench-memory-{number}")
        sums.append(sum(parts.values()))
        running.tell(f"{sums[-1]:.0f} MiB")
    shared = {name: pid for name, pid in (await running.pids()).items() if not name.startswith("slots/")}
    customers = frozenset(pid for pid in measure.descendants(shared.values()) if measure.user(pid) >= FIRST_USER)
    apart = {name: measure.pss_mib(measure.descendants([pid]) - customers) for name, pid in shared.items()}
    live = len(await running.customers())
    running.tell("one controller the stock way; this takes minutes")
    async with stock.laid_out(running) as other:
        await other.start()
        await asyncio.to_thread(_use, other.caller())
        baseline = measure.pss_mib(measure.of_user(other.user))
        other_parts = {
            name: measure.pss_mib(other.programs.pids(name)) for name in other.programs.names if name != "proxy"
        }
    pss = timed("pss_mib", sums, "MiB", baseline=baseline, target=TARGET_MIB)
    share = Figure("pss_share", pss.value / baseline, "of stock", 1.0, TARGET_SHARE)
    return Report(
        "memory",
        (pss, share),
        details={"aloft_pss_mib": parts, "stock_pss_mib": other_parts, "shared_by_all_customers_pss_mib": apart},
        notes=(
            f"after {CALLS} API calls; {live} other customers were live, which share the zygotes' pages;",
            "MariaDB, RabbitMQ and the proxy are left out on both sides",
        ),
    )


async def _customer(running: Running, name: str) -> dict[str, float]:
    """Memory of each process of a new customer after use."""
    async with running.customer(name) as context:
        await asyncio.to_thread(_use, Caller(context, through_edge(context.edge_port, running.authority)))
        ours = measure.of_user(context.slot.user)
        prefix = context.slot.process("")
        named = {n.removeprefix(prefix): pid for n, pid in (await running.pids()).items() if n.startswith(prefix)}
        parts = {n: measure.pss_mib([pid]) for n, pid in named.items()}
        if rest := ours - frozenset(named.values()):
            parts["their children"] = measure.pss_mib(rest)
        return parts


def _use(caller: Caller) -> None:
    with closing(caller):
        mixed(caller, CALLS)
