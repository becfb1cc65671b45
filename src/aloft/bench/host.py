"""Hosts: how soon one is there and back, what its agent costs, and what hundreds of agents cost the plane."""

import asyncio
import random
import ssl
import tempfile
import time
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import httpx

from aloft.bench import measure
from aloft.bench.agents import Agent, enrol_all
from aloft.bench.far import FarHost, make_switch, remove_switch
from aloft.bench.outages import Host, Outage
from aloft.bench.plane import PlaneApi, until
from aloft.bench.report import Figure, Report, percentile, timed
from aloft.bench.running import Running, tidy
from aloft.controller.context import Context

RUNS = 1
AGENTS = 300
WINDOW_SECONDS = 60.0
CHANGE_SECONDS = 0.5
IDLE_SECONDS = 40.0
CUT_SECONDS = 75.0
"""Longer than the minute after which a host is missing."""

PATIENCE_SECONDS = 300.0
SETTLE_SECONDS = 10.0
ROLES = (["network"], ["network", "hypervisor"])
"""Between these a simulated host is sent to and fro."""

TARGETS = {"enrol": 60.0, "pss": 60.0, "agent": 0.005, "state": 2.0, "plane": 0.5, "relink": 10.0}
"""What is killed between a far host and its region is measured against ``relink``, too."""


async def run(running: Running, runs: int) -> Report:
    """Measure many simulated agents first, then a real one on a far host."""
    api = running.plane()
    try:
        async with running.customer("bench-host-1") as context:
            region = (context.spec.customer, context.spec.region)
            with tempfile.TemporaryDirectory(prefix="aloft-bench-") as folder:
                crowd = await _crowd(running, api, region, Path(folder))
                figures, details = await _far(running, api, context, Path(folder), runs)
    finally:
        await api.close()
    notes = (
        f"{AGENTS} simulated agents and the edge share the machine with the plane; a change every {CHANGE_SECONDS:g} s,"
        " and one that all get at once;",
        "a far host is a machine of its own in namespaces, whose firewall lets out nothing but the edge's port",
    )
    return Report("host", (*figures, *crowd[0]), details={**details, **crowd[1]}, notes=notes)


async def _crowd(
    running: Running, api: PlaneApi, region: tuple[str, str], folder: Path
) -> tuple[tuple[Figure, ...], dict[str, dict[str, float]]]:
    """Hundreds of agents for a minute of changes."""
    heard: dict[tuple[str, int], float] = {}

    def told(name: str, desired: dict[str, Any], now: float) -> None:
        heard[name, desired["generation"]] = now

    agents = [Agent(f"sim-{number:03}", folder, told) for number in range(AGENTS)]
    running.tell(f"enrolling {AGENTS} simulated agents")
    began = time.monotonic()
    token = await api.host_token(region, ROLES[0], AGENTS)
    async with httpx.AsyncClient(base_url=api.url, verify=_trust(running), timeout=120.0) as plane:
        await enrol_all(agents, plane, token["token"])
    enrolled = time.monotonic() - began
    tasks = [asyncio.create_task(agent.run()) for agent in agents]
    try:
        await until(lambda: _all_ok(api, region[0]), "all simulated hosts are ok")
        await _warm(running, agents[0])
        await asyncio.sleep(SETTLE_SECONDS)
        running.tell(f"changing desired states for {WINDOW_SECONDS:.0f} s")
        pid = (await running.pids())["plane"]
        before, begun = measure.processor_seconds([pid]), time.monotonic()
        waits = await _change(api, region, agents, heard)
        spent = measure.growth(before, measure.processor_seconds([pid])) / (time.monotonic() - begun)
        well = await _all_ok(api, region[0])
        memory = measure.pss_mib([pid])
        running.tell(f"p95 {percentile(waits, 0.95):.2f} s, plane {spent:.2f} cores")
        await tidy(api.detach(region[0], PATIENCE_SECONDS), running.tell)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, *(agent.close() for agent in agents), return_exceptions=True)
    figures = (
        Figure("state_p95_seconds", percentile(waits, 0.95), "s", target=TARGETS["state"], runs=tuple(waits)),
        Figure("plane_cores", spent, "cores", target=TARGETS["plane"]),
        Figure("agents_ok", float(AGENTS if well else 0), "agents", target=float(AGENTS), wanted="least"),
    )
    return figures, {"simulated_agents": {"enrol_each_seconds": enrolled / AGENTS, "plane_pss_mib": memory}}


async def _change(
    api: PlaneApi, region: tuple[str, str], agents: list[Agent], heard: dict[tuple[str, int], float]
) -> list[float]:
    """Change hosts one after another, and once all of them; gives how long each change took to reach its agent."""
    customer, name = region
    asked: dict[tuple[str, int], float] = {}
    base = f"/v1/customers/{customer}/regions/{name}"
    until, number = time.monotonic() + WINDOW_SECONDS, 0
    order = random.sample(agents, len(agents))
    while time.monotonic() < until:
        agent = order[number % len(order)]
        roles = ROLES[1] if agent.desired.get("roles") == ROLES[0] else ROLES[0]
        asked[agent.name, agent.desired["generation"] + 1] = time.monotonic()
        await api.call("PUT", f"{base}/hosts/{agent.name}/roles", {"roles": roles})
        number += 1
        if number == int(WINDOW_SECONDS / CHANGE_SECONDS / 2):
            await _heard_of(asked, heard)
            now = time.monotonic()
            asked.update({(one.name, one.desired["generation"] + 1): now for one in agents})
            template = await api.call("GET", f"{base}/network-template")
            template["physical_networks"]["external"]["hosts"] = {"nobody": {"absent": True}}
            await api.call("PUT", f"{base}/network-template", template)
        await asyncio.sleep(CHANGE_SECONDS)
    await _heard_of(asked, heard)
    return [heard[key] - begun for key, begun in asked.items()]


async def _heard_of(asked: dict[tuple[str, int], float], heard: dict[tuple[str, int], float]) -> None:
    """Wait until every change has reached its agent."""

    async def all_heard() -> bool:
        return asked.keys() <= heard.keys()

    await until(all_heard, "every change has reached its agent")


async def _far(
    running: Running, api: PlaneApi, context: Context, folder: Path, runs: int
) -> tuple[tuple[Figure, ...], dict[str, dict[str, float]]]:
    """Real agents on far hosts, one after another."""
    region = (context.spec.customer, context.spec.region)
    await asyncio.to_thread(make_switch)
    enrols, relinks, memory, cores = [], [], [], []
    outages: dict[str, list[Outage]] = {}
    try:
        for number in range(1, runs + 1):
            host = FarHost(folder, number, running.paths)
            try:
                running.tell("pasting the line on a far host")
                token = await api.host_token(region, ["hypervisor"], 1)
                began = time.monotonic()
                await asyncio.to_thread(host.paste, token["line"])
                await until(partial(_is, api, region[0], host.name, "ok"), "the far host is ok")
                enrols.append(time.monotonic() - began)
                running.tell(f"ok after {enrols[-1]:.1f} s; watching its agent for {IDLE_SECONDS:.0f} s")
                await asyncio.sleep(SETTLE_SECONDS)
                pids = _agents(host)
                before = measure.processor_seconds(pids)
                await asyncio.sleep(IDLE_SECONDS)
                cores.append(measure.growth(before, measure.processor_seconds(pids)) / IDLE_SECONDS)
                memory.append(measure.pss_mib(pids))
                seen = Host(running, context, host.name)
                await seen.works(0.0)
                relinks.append(await _relink(running, api, region[0], host, seen))
                for kind, outage in (await seen.outages()).items():
                    outages.setdefault(kind, []).append(outage)
                await tidy(api.detach(region[0], PATIENCE_SECONDS), running.tell)
            finally:
                host.close()
    finally:
        await asyncio.to_thread(remove_switch)
    figures = (
        timed("enrol_seconds", enrols, "s", target=TARGETS["enrol"]),
        timed("agent_pss_mib", memory, "MiB", target=TARGETS["pss"]),
        timed("agent_cores", cores, "cores", target=TARGETS["agent"]),
        timed("relink_seconds", relinks, "s", target=TARGETS["relink"]),
        *(
            timed(f"after_{kind}_seconds", [one.after for one in each], "s", target=TARGETS["relink"])
            for kind, each in outages.items()
        ),
    )
    return figures, {"kill_to_work_seconds": {kind: median(o.worked for o in each) for kind, each in outages.items()}}


async def _relink(running: Running, api: PlaneApi, customer: str, host: FarHost, seen: Host) -> float:
    """Seconds from the link's return until the host is reported well again, and works."""
    running.tell(f"cutting the link for {CUT_SECONDS:.0f} s")
    await asyncio.to_thread(host.cut)
    await asyncio.sleep(CUT_SECONDS)
    await asyncio.to_thread(host.mend)
    began, wall = time.monotonic(), datetime.now(UTC)
    reported = partial(_is, api, customer, host.name, "ok", wall)
    await asyncio.gather(until(reported, "the far host is back"), seen.works(wall.timestamp()))
    seconds = time.monotonic() - began
    running.tell(f"back after {seconds:.1f} s")
    return seconds


async def _warm(running: Running, agent: Agent) -> None:
    """Have the plane pack what hosts install, which it does once for each build, and longer than the edge waits."""
    running.tell("packing what hosts install")
    for name, build in agent.desired["packages"].items():
        if build:
            path = f"/agent/v1/packages/{name}/{build}"
            await until(partial(agent.fetch, path), f"{name} is packed")


async def _all_ok(api: PlaneApi, customer: str) -> bool:
    return all(one["state"] == "ok" for one in await api.hosts(customer))


async def _is(api: PlaneApi, customer: str, name: str, state: str, since: datetime | None = None) -> bool:
    found = next((one for one in await api.hosts(customer) if one["name"] == name), None)
    if found is None or found["state"] != state:
        return False
    return since is None or datetime.fromisoformat(found["reported"]) > since


def _agents(host: FarHost) -> list[int]:
    """The agent's own process on a far host, without the processes that it keeps."""
    found = []
    for pid in measure.descendants([host.machine.pid]):
        command = Path(f"/proc/{pid}/cmdline")
        words = command.read_bytes().split(b"\0") if command.exists() else []
        if b"aloft.ground" in words and b"run" in words:
            found.append(pid)
    return found


def _trust(running: Running) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(running.authority))
