"""How soon a host works again after something between it and its region was away.

*Works* is more than being reported: nova-compute has said so anew, it answers a call that the API makes to it, OVN's
changes reach it, and neither Nova nor Neutron shows anything of it as down.
"""

import asyncio
import time
from collections.abc import Awaitable, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime

from aloft.base.errors import TemporaryError
from aloft.base.invoke import succeeds
from aloft.bench.caller import Caller, through_edge
from aloft.bench.heal import calm, kill
from aloft.bench.probes import MakeProbe, Probe, all_of, token
from aloft.bench.running import Running
from aloft.controller.context import Context

ATTEMPT_SECONDS = 5.0
GIVEN_UP_SECONDS = 180.0
PAUSE_SECONDS = 0.1


@dataclass(frozen=True)
class Outage:
    """Seconds from the kill until what was killed served again, and until the host worked."""

    served: float
    worked: float

    @property
    def after(self) -> float:
        """Seconds for which the host did not work though all that it needs was there."""
        return max(0.0, self.worked - self.served)


class Host:
    """A host, as its region's users see it.

    Args:
        running: the Aloft that has the region.
        context: the region's controller.
        name: the host's.
    """

    def __init__(self, running: Running, context: Context, name: str) -> None:
        self._running = running
        self._context = context
        self._name = name

    async def works(self, since: float) -> None:
        """Wait until the host works.

        Args:
            since: what counts as anew, seconds since 1970.

        Raises:
            TemporaryError: it does not come to that.
        """
        await asyncio.to_thread(self._ask, since)

    async def outages(self) -> dict[str, Outage]:
        """Kill what is between the host and its instances' users: the edge, the broker, and the whole controller."""
        return {kind: await self._outage(kind) for kind in ("edge", "broker", "controller")}

    async def _outage(self, kind: str) -> Outage:
        await calm(self._running)
        await self.works(0.0)
        pids = await self._running.pids()
        names = {"edge": ["edge"], "broker": ["rabbitmq"]}.get(kind, self._own(pids))
        began, wall = time.monotonic(), time.time()
        for name in names:
            kill(pids[name])
        served, worked = await asyncio.gather(
            _timed(self._served({name: pids[name] for name in names}), began), _timed(self.works(wall), began)
        )
        self._running.tell(f"{kind}: served again after {served:.1f} s, the host worked after {worked:.1f} s")
        return Outage(served, worked)

    def _own(self, names: Iterable[str]) -> list[str]:
        return [name for name in names if name.startswith(self._context.slot.process(""))]

    async def _served(self, killed: Mapping[str, int]) -> None:
        """Wait until other processes are ready in the place of those that were killed."""
        until = time.monotonic() + GIVEN_UP_SECONDS
        while time.monotonic() < until:
            told = {one["name"]: one for one in await self._running.ask("/v1/processes")}
            if all(told[name]["state"] == "ready" and told[name]["pid"] != pid for name, pid in killed.items()):
                return
            await asyncio.sleep(PAUSE_SECONDS)
        raise TemporaryError(f"Not all of {', '.join(killed)} is ready after {GIVEN_UP_SECONDS:.0f} s.")

    def _ask(self, since: float) -> None:
        edge = through_edge(self._context.edge_port, self._running.authority, ATTEMPT_SECONDS)
        until = time.monotonic() + GIVEN_UP_SECONDS
        with closing(Caller(self._context, edge)) as caller:
            probe = all_of(token, self._up(since), self._answers, self._follows, self._alive)(caller)
            while True:
                try:
                    return probe()
                except TemporaryError:
                    if time.monotonic() > until:
                        raise
                    time.sleep(PAUSE_SECONDS)

    def _up(self, since: float) -> MakeProbe:
        """Nova has heard of the host anew, and shows it as up."""
        heard = datetime.fromtimestamp(int(since), UTC)  # Nova's clock has whole seconds

        def make(caller: Caller) -> Probe:
            def probe() -> None:
                path = f"/v2.1/os-services?binary=nova-compute&host={self._name}"
                listed = caller.get("compute", path)["services"]
                if not any(one["state"] == "up" and _time(one["updated_at"]) >= heard for one in listed):
                    raise TemporaryError(f"Nova has not heard of {self._name}.")

            return probe

        return make

    def _answers(self, caller: Caller) -> Probe:
        """nova-compute answers a call of the API's."""

        def probe() -> None:
            listed = caller.get("compute", "/v2.1/os-hypervisors")["hypervisors"]
            for ident in [one["id"] for one in listed if one["hypervisor_hostname"] == self._name]:
                caller.get("compute", f"/v2.1/os-hypervisors/{ident}/uptime")

        return probe

    def _follows(self, caller: Caller) -> Probe:
        """A change in OVN's northbound database has reached the host's switch (ovn-nbctl(8), ``--wait``)."""
        database = f"--db=unix:{caller.context.slot.socket('ovn-nb')}"

        def probe() -> None:
            if not succeeds(["/usr/bin/ovn-nbctl", database, "--timeout=2", "--wait=hv", "sync"]):
                raise TemporaryError(f"{self._name} does not follow OVN.")

        return probe

    def _alive(self, caller: Caller) -> Probe:
        """Neutron shows none of the host's agents as down."""

        def probe() -> None:
            agents = caller.get("network", f"/v2.0/agents?host={self._name}")["agents"]
            if not agents or not all(one["alive"] for one in agents):
                raise TemporaryError(f"Neutron shows agents of {self._name} as down.")

        return probe


async def _timed(work: Awaitable[None], began: float) -> float:
    """Seconds from ``began`` until the work is done."""
    await work
    return time.monotonic() - began


def _time(told: str | None) -> datetime:
    """A time as Nova tells it, which is UTC and does not say so."""
    return datetime.fromisoformat(told).replace(tzinfo=UTC) if told else datetime.min.replace(tzinfo=UTC)
