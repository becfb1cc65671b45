"""How soon what is done on hosts shows in OpenStack, and whether both sides stay equal.

The host is simulated: this program tells its inventory to the region's socket as the edge would pass it on. Many
domains are those of libvirt's test driver, read by the agent's own code. Everything behind that is real; for Nova the
host is a nova-compute with upstream's fake driver, so that no machine has to run.
"""

import asyncio
import os
import random
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aloft.base import files
from aloft.base.errors import Conflict, TemporaryError
from aloft.bench.caller import Answer, Caller, through_edge
from aloft.bench.programs import Programs
from aloft.bench.report import Figure, Report, percentile
from aloft.bench.running import Running
from aloft.bench.sync_events import GIVEN_UP_SECONDS, HOST, SimulatedHost, events, has_address, machine, until
from aloft.bench.sync_host import AGENT_DOMAINS, Scanner, agent_cores, write
from aloft.bench.sync_libvirt import RealDomains
from aloft.bench.sync_model import Host, Model
from aloft.controller.context import Context

RUNS = 3
MANY = 1000
SETTLE_SECONDS, ASK_SECONDS = 0.1, 0.5
RANDOM_OPERATIONS, IN_A_ROW = 10_000, 250


async def run(running: Running, runs: int) -> Report:
    """Measure events of each kind, then adoption and rescan of many, then random operations on a model."""
    async with running.customer("bench-sync-1") as context:
        with hypervisor(context, running):
            ended = threading.Event()
            try:
                return await asyncio.to_thread(_measure, context, running, runs, ended)
            finally:
                ended.set()  # a thread cannot be cancelled: it looks for itself


@contextmanager
def hypervisor(context: Context, running: Running) -> Iterator[None]:
    """A host that Nova knows: nova-compute with the fake driver, as the slot's user."""
    folder = running.paths.state / "bench-sync"
    owner = {"owner": context.slot.user, "group": context.slot.user}
    for place in (folder, folder / "locks", folder / "state"):
        files.folder(place, mode=0o700, **owner)
    lines = (
        "[DEFAULT]", f"host = {HOST}", "compute_driver = fake.FakeDriver", f"state_path = {folder / 'state'}",
        "my_ip = 127.0.0.1", "cpu_allocation_ratio = 1000", "ram_allocation_ratio = 1000",
        "disk_allocation_ratio = 1000", "sync_power_state_interval = -1", "[oslo_concurrency]",
        f"lock_path = {folder / 'locks'}",
    )  # fmt: skip
    files.write(folder / "compute.conf", "\n".join(lines) + "\n", mode=0o400, **owner)
    programs = Programs(context.slot.user, folder / "state")
    program = str(context.environment / "bin/nova-compute")
    config = ("--config-file", str(context.conf / "nova/nova.conf"), "--config-file", str(folder / "compute.conf"))
    env = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "OS_NOVA_DISABLE_EVENTLET_PATCHING": "1",
        "TMPDIR": str(folder / "state"),
    }
    try:
        programs.start("nova-compute", (program, *config), log=folder / "log", env=env, drop=True)
        yield
    finally:
        programs.close()


@dataclass
class _Asker(Caller):
    """Asks until the benchmark was ended."""

    ended: threading.Event = field(default_factory=threading.Event)

    def send(self, *what: Any, **options: Any) -> Answer:
        """One request.

        Raises:
            Conflict: the benchmark was ended.
            TemporaryError: there is no answer.
        """
        _go_on(self.ended)
        return super().send(*what, **options)


def _go_on(ended: threading.Event) -> None:
    """See that the benchmark was not ended.

    Raises:
        Conflict: it was.
    """
    if ended.is_set():
        raise Conflict("The benchmark was ended.")


def _measure(context: Context, running: Running, runs: int, ended: threading.Event) -> Report:
    host = SimulatedHost(context.slot.socket("sync"))
    edge = through_edge(context.edge_port, running.authority, 60.0)
    with closing(_Asker(context, edge, ended=ended)) as caller:
        caller.authenticate()
        running.tell("waiting for the simulated host")
        first = machine(0)
        host.domains[first.uuid] = first
        host.snapshot()
        until(caller, first.uuid, has_address)
        seen = events(host, caller, running, runs)
        many = [machine(number) for number in range(MANY)]
        file = running.paths.state / "bench-sync/host.xml"
        write(many, file)
        with closing(Scanner(file, {one.nics[0].mac: one.nics[0].addresses[0].address for one in many})) as scanner:
            adopted, slowest = _adopt(host, scanner, caller, context, running)
            plugged = _settled(caller)
            running.tell(f"all ports are there {plugged:.1f} s later; scanning again")
            rescans, written = _rescan(host, scanner, caller, runs)
    cores = agent_cores(running, many[:AGENT_DOMAINS], running.paths.state / "bench-sync")
    diverged, lost = _random_operations(running, running.paths.state / "bench-sync", ended)
    every = [seconds for kind in seen.values() for seconds in kind]
    return Report(
        "sync",
        (
            Figure("event_p50_seconds", percentile(every, 0.5), "s", target=1.0, runs=tuple(every)),
            Figure("event_p95_seconds", percentile(every, 0.95), "s", target=2.0, runs=tuple(every)),
            Figure("adopt_1000_seconds", adopted, "s", target=60.0),
            Figure("api_max_seconds", slowest, "s", target=2.0),
            Figure("ports_1000_seconds", adopted + plugged, "s"),
            Figure("rescan_1000_seconds", percentile(rescans, 0.5), "s", target=3.0, runs=tuple(rescans)),
            Figure("rescan_writes", written, "entries", target=0),
            Figure("agent_cores", cores, "cores", target=0.005),
            Figure("random_ops_diverged", diverged, "differences", target=0),
            Figure("random_ops_lost", lost, "changes", target=0),
        ),
        details={"event_p50_seconds": {kind: percentile(each, 0.5) for kind, each in seen.items()}},
        notes=(
            "from telling the change to the first answer of the compute API that shows it; the host is simulated;",
            f"adopted: from the scan until the compute API lists {MANY}; ports follow (ports_1000_seconds);",
            f"agent: the process that tells of a host with {AGENT_DOMAINS} domains of libvirt's test driver, idle;",
            f"{RANDOM_OPERATIONS} random operations on a model and as many on libvirt, {IN_A_ROW} in a row",
        ),
    )


def _adopt(
    host: SimulatedHost, scanner: Scanner, caller: Caller, context: Context, running: Running
) -> tuple[float, float]:
    """Seconds until as many domains as there are to be are instances, and of the slowest API call meanwhile."""
    running.tell(f"adopting {MANY}")
    ended = threading.Event()
    slowest = [0.0]

    def ask() -> None:
        with closing(Caller(context, through_edge(context.edge_port, running.authority, 60.0))) as other:
            other.authenticate()
            while not ended.wait(ASK_SECONDS):
                for label, path in (("compute", "/v2.1/servers?limit=20"), ("network", "/v2.0/networks")):
                    slowest[0] = max(slowest[0], other.send("GET", label, path).seconds)

    asking = threading.Thread(target=ask)
    asking.start()
    began = time.monotonic()
    try:
        host.domains = {one.uuid: one for one in scanner.scan()}
        host.snapshot()
        while _instances(caller) < MANY:
            if time.monotonic() - began > GIVEN_UP_SECONDS:
                raise TemporaryError(f"There are {_instances(caller)} instances only.")
            time.sleep(ASK_SECONDS)
        return time.monotonic() - began, slowest[0]
    finally:
        ended.set()
        asking.join()


def _instances(caller: Caller) -> int:
    """How many there are: sync is asked first, which is cheap; once it has all, the compute API has to list them."""
    adopted = int(caller.get("sync-api", "/v1/status")["instances"].get("adopted", 0))
    if adopted < MANY:
        return adopted
    listed, marker = 0, ""
    while page := caller.get("compute", f"/v2.1/servers?all_tenants=1&status=ACTIVE&limit=500{marker}")["servers"]:
        listed, marker = listed + len(page), f"&marker={page[-1]['id']}"
    return listed


def _settled(caller: Caller) -> float:
    """Seconds until there is nothing more to do."""
    began = time.monotonic()
    while any(one.get("working") for one in caller.get("sync-api", "/v1/status")["hosts"]):
        if time.monotonic() - began > GIVEN_UP_SECONDS:
            raise TemporaryError("Sync does not come to an end.")
        time.sleep(SETTLE_SECONDS)
    return time.monotonic() - began


def _rescan(host: SimulatedHost, scanner: Scanner, caller: Caller, runs: int) -> tuple[list[float], int]:
    """Seconds of a full scan of what has not changed, and how many entries the trail got of it."""

    def last() -> int:
        return int(caller.get("sync-api", "/v1/log?limit=1")["items"][0]["id"])

    before, seconds = last(), []
    for _ in range(runs):
        began = time.monotonic()
        host.domains = {one.uuid: one for one in scanner.scan()}
        host.snapshot()
        _settled(caller)
        seconds.append(time.monotonic() - began)
    return seconds, last() - before


def _random_operations(running: Running, folder: Path, ended: threading.Event) -> tuple[int, int]:
    """Differences between both sides, and changes that nobody knows of any more, after many random operations.

    Half of the models' hosts have domains of libvirt's, the other half plain values.
    """
    running.tell(f"{RANDOM_OPERATIONS} random operations on a model, and as many on libvirt")
    diverged = lost = 0
    for turn in range(2 * RANDOM_OPERATIONS // IN_A_ROW):
        _go_on(ended)
        seed = int.from_bytes(os.urandom(4), "big")
        with ExitStack() as stack:
            hosts = {name: Host() for name in ("h1", "h2")}
            if turn % 2:
                for name, one in hosts.items():
                    one.domains = stack.enter_context(closing(RealDomains(folder / f"{name}.xml")))
            model = Model(random.Random(seed), hosts)  # noqa: S311  # nothing secret
            for _ in range(IN_A_ROW):
                model.step()
            model.settle()
            if model.diverged() or model.lost():
                running.tell(f"seed {seed}: {model.diverged()} {model.lost()}")
            diverged += len(model.diverged())
            lost += len(model.lost())
    return diverged, lost
