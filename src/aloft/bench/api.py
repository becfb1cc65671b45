"""How fast an API answers, against the same application with the same configuration and records under uWSGI."""

import asyncio
import shutil
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from statistics import median

from aloft.base import files
from aloft.base.errors import TemporaryError
from aloft.bench import proxy
from aloft.bench.caller import Caller, through_edge
from aloft.bench.programs import Programs, free_ports
from aloft.bench.proxy import Door
from aloft.bench.records import fill
from aloft.bench.report import Figure, Report, percentile
from aloft.bench.running import Running
from aloft.bench.uwsgi import Uwsgi
from aloft.controller.context import Context
from aloft.controller.processes import processes
from aloft.controller.services import enabled

RUNS = 3
WARMING = 20
STARTING_SECONDS = 120.0
TARGET_RATIO = 1.05
PORTS, SERVERS = 20, 5

SERVED = {"identity": "keystone", "compute": "nova-api", "network": "neutron-api"}
"""The processes that are compared, by the labels of their endpoints."""


@dataclass(frozen=True)
class Side(Context):
    """The same controller under names that tell by which server its applications are served.

    Args:
        side: ``aloft`` or ``uwsgi``; equally long, so that requests are, too.
    """

    side: str = ""

    def host(self, label: str) -> str:
        """A name of the controller at the benchmark's proxy."""
        return f"{self.side}.{super().host(label)}"


@dataclass(frozen=True)
class Call:
    """A request that is timed.

    Args:
        name: of the figure.
        times: how often in each run, on each side.
        make: sends it; returns the seconds until the answer was there.
    """

    name: str
    times: int
    make: Callable[[Caller], float]


def _listing(label: str, path: str) -> Callable[[Caller], float]:
    def make(caller: Caller) -> float:
        answer = caller.send("GET", label, path)
        if answer.status != 200:
            raise TemporaryError(f"GET {path} was answered with {answer.status}.")
        return answer.seconds

    return make


CALLS = (
    Call("token_p50_ms", 50, Caller.authenticate),
    Call("servers_p50_ms", 150, _listing("compute", "/v2.1/servers/detail")),
    Call("ports_p50_ms", 150, _listing("network", "/v2.0/ports")),
)


async def run(running: Running, runs: int) -> Report:
    """Serve one customer's Keystone, Nova and Neutron a second time by uWSGI, and ask both in turn."""
    async with running.customer("bench-api-1") as context:
        with closing(Caller(context, through_edge(context.edge_port, running.authority))) as caller:
            await asyncio.to_thread(fill, caller, PORTS, SERVERS)
        async with _both(running, context) as (ours, other):
            measured = {call.name: await asyncio.to_thread(_compare, call, ours, other, runs) for call in CALLS}
    details = {}
    for name, (left, right) in measured.items():
        joined = ([one for r in left for one in r], [one for r in right for one in r])
        details[name.replace("_p50_ms", "_ms")] = {
            f"{side} {kind}": percentile(values, part) * 1000
            for side, values in zip(("aloft", "uwsgi"), joined, strict=True)
            for kind, part in (("p50", 0.5), ("p95", 0.95))
        }
    return Report(
        "api",
        tuple(_figure(name, left, right) for name, (left, right) in measured.items()),
        details=details,
        notes=(
            f"{PORTS} ports, {SERVERS} servers; requests in turn (A B, B A, ...), one at a time, on kept connections;",
            "both sides behind the same HAProxy, on the same databases, Keystone, memcached and configuration",
        ),
    )


def _figure(name: str, ours: list[list[float]], other: list[list[float]]) -> Figure:
    left, right = (tuple(percentile(one, 0.5) * 1000 for one in side) for side in (ours, other))
    return Figure(name, median(left), "ms", median(right), TARGET_RATIO, "ratio", left)


def _compare(call: Call, ours: Caller, other: Caller, runs: int) -> tuple[list[list[float]], list[list[float]]]:
    """Seconds of each answer, by runs, of both sides. Who is asked first changes with each pair."""
    for _ in range(WARMING):
        call.make(ours)
        call.make(other)
    left: list[list[float]] = []
    right: list[list[float]] = []
    for _ in range(runs):
        sides = ((ours, left), (other, right))
        for _, seconds in sides:
            seconds.append([])
        for number in range(call.times):
            for caller, seconds in sides if number % 2 else reversed(sides):
                seconds[-1].append(call.make(caller))
    return left, right


@asynccontextmanager
async def _both(running: Running, context: Context) -> AsyncIterator[tuple[Caller, Caller]]:
    """Callers of the two sides, behind one proxy, for as long as the block lasts."""
    root = running.paths.state / "bench"
    shutil.rmtree(root, ignore_errors=True)
    files.folder(root, mode=0o711)
    programs = Programs(context.slot.user, root)
    try:
        running.tell("starting the same applications under uWSGI")
        uwsgi = await asyncio.to_thread(Uwsgi.install, root / "uwsgi", context.environment, running.paths)
        _serve(uwsgi, programs, context, running.edge_group)
        *ports, tls = free_ports(2 * len(SERVED) + 1)
        sides = {side: Side(context.spec, context.slot, context.secrets, tls, side) for side in ("aloft", "uwsgi")}
        doors = {}
        for label, name in SERVED.items():
            for side, socket in (("aloft", context.slot.socket(name)), ("uwsgi", root / "run" / f"{name}.sock")):
                doors[f"{side}-{label}"] = Door(sides[side].host(label), ports.pop(), f"unix@{socket}")
        connect = through_edge(tls, proxy.start(programs, root / "proxy", tls, doors))
        with closing(Caller(sides["aloft"], connect)) as ours, closing(Caller(sides["uwsgi"], connect)) as other:
            for caller in (ours, other):
                await _until_answering(programs, caller)
            yield ours, other
    finally:
        await asyncio.to_thread(programs.close)
        shutil.rmtree(root, ignore_errors=True)


def _serve(uwsgi: Uwsgi, programs: Programs, context: Context, edge_group: int) -> None:
    """Serve the customer's applications by uWSGI: as the same user, with the same environment."""
    root, user = programs.cwd, context.slot.user
    files.folder(root / "run", mode=0o2710, owner=user, group=edge_group)
    files.folder(root / "log", mode=0o700)
    specs = {spec.name: spec for spec in processes(context, enabled(context.spec))}
    for name in SERVED.values():
        temporary = root / "tmp" / name
        files.folder(temporary, mode=0o700, owner=user, group=user)
        env = uwsgi.env({**specs[context.slot.process(name)].env, "TMPDIR": str(temporary)})
        command = uwsgi.command(name, root / "run" / f"{name}.sock")
        programs.start(name, command, log=root / "log" / f"{name}.log", env=env, drop=True)


async def _until_answering(programs: Programs, caller: Caller) -> None:
    until = time.monotonic() + STARTING_SECONDS
    while True:
        programs.check()
        try:
            for call in CALLS:
                await asyncio.to_thread(call.make, caller)
            return
        except TemporaryError:
            if time.monotonic() > until:
                raise
            await asyncio.sleep(0.2)
