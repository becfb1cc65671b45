"""How soon everything is answered again after kill -9 of each kind of process, and whether anything was lost."""

import asyncio
import functools
import os
import select
import signal
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from statistics import median

from aloft.base.errors import AloftError, NotFound, TemporaryError
from aloft.bench import probes, stock
from aloft.bench.caller import Caller, through_edge
from aloft.bench.probes import Probe
from aloft.bench.records import fill, snapshot
from aloft.bench.report import Figure, Report
from aloft.bench.running import Running
from aloft.bench.stock import Stock
from aloft.controller.context import Context

RUNS = 1
TARGET_SECONDS = 5.0
GIVEN_UP_SECONDS = 120.0
CALM_SECONDS = 180.0
ATTEMPT_SECONDS = 10.0
PAUSE_SECONDS = 0.02
PORTS, SERVERS = 5, 3


@dataclass(frozen=True)
class Kind:
    """A kind of process that is killed.

    Args:
        name: of the process in the node's tree, or ``node`` for the node itself.
        probe: makes the call that needs it.
    """

    name: str
    probe: Callable[[], Probe]


async def run(running: Running, runs: int) -> Report:
    """Kill each kind of process of a customer and of what customers share, then the stock controller's."""
    seconds: dict[str, list[float]] = {}
    lost: set[str] = set()
    async with running.customer("bench-heal-1") as context:
        with closing(_caller(context, running)) as caller:
            await asyncio.to_thread(fill, caller, PORTS, SERVERS)
            for _ in range(runs):
                for kind in await _kinds(running, context, caller):
                    before = await _records(running, caller)
                    seconds.setdefault(kind.name, []).append(await _heal(running, kind))
                    gone = before - await _records(running, caller)
                    running.tell(f"{kind.name}: {seconds[kind.name][-1]:.2f} s, {len(gone)} records lost")
                    lost |= gone
    other = await _stock(running)
    return _report({name.rpartition("/")[2]: median(each) for name, each in seconds.items()}, other, lost)


def _report(ours: dict[str, float], other: dict[str, float], lost: set[str]) -> Report:
    never = [name for name, each in ours.items() if each >= GIVEN_UP_SECONDS]
    heal = Figure(
        "heal_seconds",
        median(ours.values()),
        "s",
        median(other.values()),
        TARGET_SECONDS,
        runs=tuple(ours.values()),
    )
    return Report(
        "heal",
        (
            heal,
            Figure("kinds_not_healed", len(never), "kinds", target=0),
            Figure("records_lost", len(lost), "records", target=0),
        ),
        details={"heal_seconds": ours, "stock_seconds": other},
        notes=(
            "the spread is that of the kinds; from kill -9 to the next answered call that needs the process;",
            "stock: the same program killed and started again at once, cold; it has no supervisor of its own",
            *(f"lost: {one}" for one in sorted(lost)),
        ),
    )


def _caller(context: Context, running: Running) -> Caller:
    return Caller(context, through_edge(context.edge_port, running.authority, ATTEMPT_SECONDS))


async def _kinds(running: Running, context: Context, caller: Caller) -> list[Kind]:
    """The customer's processes, the zygotes, and what all customers share; the node last."""
    edge = through_edge(context.edge_port, running.authority, ATTEMPT_SECONDS)
    plane = f"plane.{context.spec.domain}"
    shared: dict[str, Callable[[], Probe]] = {
        "mariadb": functools.partial(probes.everything, caller),
        "rabbitmq": functools.partial(probes.server, caller),
        "edge": functools.partial(probes.everything, caller),
        "plane": functools.partial(probes.plane, edge, plane),
    }
    pids = await running.pids()
    prefix = context.slot.process("")
    kinds = []
    for name in sorted(pids):
        first, _, rest = name.partition("/")
        if name.startswith(prefix):
            kinds.append(Kind(name, functools.partial(probes.of_process(name.removeprefix(prefix)), caller)))
        elif first == "zygotes":
            kinds.append(Kind(name, functools.partial(probes.zygote, running.paths.zygote_socket(*rest.split("/")))))
        elif name in shared:
            kinds.append(Kind(name, shared[name]))
    return [*kinds, Kind("node", functools.partial(_node, running, context.spec.key))]


def _node(running: Running, key: str) -> Probe:
    """The node answers, and knows the controller as ready."""

    def probe() -> None:
        if asyncio.run(running.ask(f"/v1/controllers/{key}"))["phase"] != "ready":
            raise TemporaryError(f"The controller {key} is not ready.")

    return probe


async def _heal(running: Running, kind: Kind) -> float:
    """Seconds from the kill to the answer."""
    await calm(running)
    pid = running.node_pid() if kind.name == "node" else (await running.pids())[kind.name]
    return await asyncio.to_thread(_kill_and_ask, pid, kind.probe())


def _kill_and_ask(pid: int, probe: Probe) -> float:
    began = time.monotonic()
    kill(pid)
    return _ask(probe, began)


def kill(pid: int) -> None:
    """End a process, and wait until it is really gone, so that no call is answered by what is dying."""
    handle = os.pidfd_open(pid)
    try:
        os.kill(pid, signal.SIGKILL)
        select.select([handle], [], [], 5.0)
    finally:
        os.close(handle)


def _ask(probe: Probe, began: float) -> float:
    while time.monotonic() - began < GIVEN_UP_SECONDS:
        try:
            probe()
        except (TemporaryError, NotFound):
            time.sleep(PAUSE_SECONDS)
        else:
            return time.monotonic() - began
    return GIVEN_UP_SECONDS


async def calm(running: Running) -> None:
    """Wait until everything is ready and no slot is being prepared, so that each kill is the only trouble there is.

    Raises:
        TemporaryError: that does not come.
    """
    until = time.monotonic() + CALM_SECONDS
    while True:
        try:
            processes = await running.ask("/v1/processes")
            unready = [one["name"] for one in processes if one["state"] != "ready"]
            if not unready:
                return await running.wait_warm()
        except TemporaryError:
            unready = ["node"]
        if time.monotonic() > until:
            raise TemporaryError(f"These are not ready after {CALM_SECONDS:.0f} s: {', '.join(unready)}.")
        await asyncio.sleep(0.2)


async def _records(running: Running, caller: Caller) -> frozenset[str]:
    """What must not be lost: the customer's own records, and what the plane and the node know of the customer.

    Raises:
        TemporaryError: one of them cannot be asked.
    """
    until, wanted = time.monotonic() + CALM_SECONDS, caller.context.spec.customer
    while True:
        try:
            found = await asyncio.to_thread(snapshot, caller)
            plane = {f"customer {name}" for name in await running.customers() if name == wanted}
            told = await running.ask("/v1/controllers")
            node = {f"controller {one['region']} in slot {one['slot']}" for one in told if one["customer"] == wanted}
            return found | plane | node
        except AloftError:
            if time.monotonic() > until:
                raise
            await asyncio.sleep(0.5)


async def _stock(running: Running) -> dict[str, float]:
    """Seconds of a cold restart of each of the stock controller's programs, by the same calls."""
    running.tell("one controller the stock way; this takes minutes")
    async with stock.laid_out(running) as other:
        await other.start()
        with closing(other.caller()) as caller:
            await asyncio.to_thread(fill, caller, 1, 1)
            return {
                name: await asyncio.to_thread(_restart, other, caller, name)
                for name in other.programs.names
                if name in probes.OF_PROGRAMS
            }


def _restart(other: Stock, caller: Caller, name: str) -> float:
    """Seconds from the kill of a program, which is started again at once, to the answer."""
    probe = probes.OF_PROGRAMS[name](caller)
    began = time.monotonic()
    other.programs.kill(name)
    other.start_process(name)
    return _ask(probe, began)
