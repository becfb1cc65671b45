"""What an upgrade and the way back take of a customer with many records, as clients see it that never try again."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from aloft.base.errors import Conflict, PermanentError, TemporaryError
from aloft.bench import population
from aloft.bench.caller import Caller, through_edge
from aloft.bench.report import Report, timed
from aloft.bench.restore import load_by_hand
from aloft.bench.running import Running
from aloft.controller.context import Context
from aloft.node.database import Database

RUNS = 1
CUSTOMER = "bench-upgrade-1"
READS = (("identity", "/v3/projects"), ("compute", "/v2.1/servers?limit=100"), ("network", "/v2.0/networks"))
WRITES = (("identity", "/v3/projects", "project"), ("network", "/v2.0/networks", "network"))
HELD_TARGET, ROLLBACK_TARGET = 10.0, 10.0
LED = "lead the names there"
IN_PLACE = ("migrate ", "start the new controller")
PAUSE_SECONDS = 0.1
SHOWN = 3
SERVED = "UPDATE volumes SET status = 'available', service_uuid = (SELECT MIN(uuid) FROM services)"
"""No storage is behind the customer's volumes; Cinder's upgrade check wants a service for each."""

Call = Callable[[Caller], object]


@dataclass
class Seen:
    """What one client saw of one kind of call.

    Args:
        seconds: of each call that was answered as it should be.
        refused: seconds from the first of each row of calls that were not, to the next that was.
        failures: what was said instead.
    """

    seconds: list[float] = field(default_factory=list)
    refused: float = 0.0
    failures: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Round:
    """An upgrade and the way back, as the operations tell them, and what clients saw meanwhile."""

    there: Any
    back: Any
    seen: dict[str, list[Seen]]

    @property
    def refused(self) -> float:
        """The longest, in seconds, that reads of one kind were refused."""
        return max(one.refused for one in self.seen["reads"])

    @property
    def held(self) -> float:
        """Seconds of the longest call that writes."""
        return max(seconds for one in self.seen["writes"] for seconds in one.seconds)

    @property
    def back_in(self) -> float:
        """Seconds from asking for the way back until the older release serves."""
        ended = next(step["ended"] for step in self.back["steps"] if step["name"] == LED)
        return _moment(ended) - _moment(self.back["created"])


async def run(running: Running, runs: int) -> Report:
    """Upgrade a customer and go back, each time under clients that read and write without a pause."""
    older = await _older(running)
    rounds: list[Round] = []
    async with running.customer(CUSTOMER, "--release", older) as context:
        database = Database(running.paths)
        with closing(Caller(context, through_edge(context.edge_port, running.authority))) as caller:
            running.tell("filling it with records")
            await population.fill(context, caller, database)
            await database.execute(context.slot.schema("cinder"), [SERVED])
        by_hand = await load_by_hand(running, context, database)
        for _ in range(runs):
            rounds.append(await _there_and_back(running, context))
    last = rounds[-1]
    in_place = sum(seconds for name, seconds in _steps(last.there).items() if name.startswith(IN_PLACE))
    return Report(
        "upgrade",
        (
            timed("reads_refused_seconds", [one.refused for one in rounds], "s", baseline=in_place, target=0.0),
            timed("writes_held_seconds", [one.held for one in rounds], "s", baseline=in_place, target=HELD_TARGET),
            timed("rollback_seconds", [one.back_in for one in rounds], "s", baseline=by_hand, target=ROLLBACK_TARGET),
        ),
        details={
            "upgrade_steps": _steps(last.there),
            "rollback_steps": _steps(last.back),
            "held_by_the_edge": {
                "there": last.there["result"]["writes_held_seconds"],
                "back": last.back["result"]["writes_held_seconds"],
            },
            "longest_calls": {
                f"{kind} {about[0]}": max(one.seconds)
                for kind, each in (("reads", READS), ("writes", WRITES))
                for about, one in zip(each, last.seen[kind], strict=True)
            },
            "calls": {kind: sum(len(one.seconds) for one in seen) for kind, seen in last.seen.items()},
        },
        notes=(
            f"{population.INSTANCES} instances, {population.PORTS} ports, {population.VOLUMES} volumes and"
            f" {population.USERS} users as records; {older} to {running.release} and back; writes_held_seconds is the"
            " longest call of a client that writes, there or back; rollback_seconds ends when the older release serves;"
            " the baseline of the two former is what the procedure in place has services stopped for: the same"
            " migrations and the start of the new services, as long as they took in this run; that of the latter is"
            " dumping and loading the schemas by hand, with no service started",
            *(f"refused: {told}" for one in rounds for each in one.seen["reads"] for told in each.failures[:SHOWN]),
        ),
    )


async def _there_and_back(running: Running, context: Context) -> Round:
    with _clients(running, context) as seen:
        there = await running.command("upgrade", "start", CUSTOMER, "--release", running.release, "--json")
        back = await running.command("upgrade", "rollback", CUSTOMER, "--yes", "--json")
    found = Round(there, back, seen)
    if failures := [one for each in seen["writes"] for one in each.failures]:
        raise PermanentError(f"{len(failures)} calls that write failed: {failures[0]}")
    running.tell(f"writes waited up to {found.held:.1f} s, back in {found.back_in:.1f} s")
    return found


async def _older(running: Running) -> str:
    """The newest release that is older than the one that new customers get, made ready."""
    known = sorted(one["name"] for one in await running.command("release", "list", "--json"))
    older = [str(name) for name in known if name < running.release]
    if not older:
        raise Conflict(f"There is no release that is older than {running.release}.", "See `aloft release list`.")
    await running.command("release", "prepare", older[-1], "--json")
    return older[-1]


@contextmanager
def _clients(running: Running, context: Context) -> Iterator[dict[str, list[Seen]]]:
    """Clients of every kind, at work for as long as the block lasts; what those for ``reads`` and ``writes`` saw."""
    stop = threading.Event()
    connect = through_edge(context.edge_port, running.authority)
    with closing(Caller(context, connect)) as first:
        first.authenticate()
    calls: dict[str, list[Call]] = {"reads": [*map(_reading, READS)], "writes": [*map(_writing, WRITES)]}
    seen = {kind: [Seen() for _ in each] for kind, each in calls.items()}

    def at_work(call: Call, seen: Seen) -> None:
        with closing(Caller(context, connect, first.token)) as caller:
            _watch(lambda: call(caller), seen, stop)

    pairs = [pair for kind, each in calls.items() for pair in zip(each, seen[kind], strict=True)]
    threads = [threading.Thread(target=at_work, args=pair, daemon=True) for pair in pairs]
    for thread in threads:
        thread.start()
    try:
        yield seen
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def _watch(call: Callable[[], object], seen: Seen, stop: threading.Event) -> None:
    """Call again and again, and note how that was answered."""
    since: float | None = None
    while not stop.wait(PAUSE_SECONDS):
        began = time.monotonic()
        try:
            call()
        except TemporaryError as error:
            seen.failures.append(str(error))
            since = began if since is None else since
            continue
        if since is not None:
            seen.refused += time.monotonic() - since
            since = None
        seen.seconds.append(time.monotonic() - began)
    if since is not None:
        seen.refused += time.monotonic() - since


def _reading(about: tuple[str, str]) -> Call:
    return lambda caller: caller.get(*about)


def _writing(about: tuple[str, str, str]) -> Call:
    label, path, kind = about
    return lambda caller: caller.expect(201, "POST", label, path, {kind: {"name": f"bench-{time.time_ns()}"}})


def _steps(told: Any) -> dict[str, float]:
    """Seconds of each of an operation's steps."""
    return {step["name"]: _moment(step["ended"]) - _moment(step["started"]) for step in told["steps"] if step["ended"]}


def _moment(told: str) -> float:
    return datetime.fromisoformat(told).timestamp()
