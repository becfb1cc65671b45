"""How long it takes until all customers of a lost datacenter are served in a second one, and their hosts report there.

The first datacenter is this machine's Aloft, the second one a machine of its own beside it. Each customer has a
simulated host, which is told where its names lead now when the restoration begins, as by DNS.
"""

import asyncio
import contextlib
import ssl
import time
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from aloft.base.errors import PermanentError
from aloft.bench.agents import Agent
from aloft.bench.datacenter import ADDRESS, Datacenter
from aloft.bench.plane import PlaneApi, until
from aloft.bench.running import Running, tidy

REPOSITORY = "bench-disaster"
ROLES = ["network"]
CUSTOMERS_AT_A_TIME = 2


async def measure(running: Running, names: list[str]) -> float:
    """Seconds from the command until all these customers' hosts have reported to the second datacenter.

    Raises:
        PermanentError: not all customers came back.
        TemporaryError: not all hosts came.
    """
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="aloft-bench-", dir="/var/tmp")))
        second = Datacenter(folder / "second", running.paths, running.settings.domain)
        stack.callback(second.close)
        shelf = second.keep_backups()
        running.tell("bringing a second datacenter up")
        await asyncio.to_thread(second.up)
        where = ("--ssh-key", str(shelf.key), "--known-hosts", str(shelf.known_hosts), "--secondary")
        await running.command("backup", "repository", "add", REPOSITORY, shelf.url, *where, "--json")
        stack.push_async_callback(_forget, running)
        api = running.plane()
        stack.push_async_callback(api.close)
        gate = asyncio.Semaphore(CUSTOMERS_AT_A_TIME)
        agents = await asyncio.gather(*(_customer(running, api, gate, stack, name, folder) for name in names))
        asked = datetime.now(UTC).timestamp()

        async def shipped() -> bool:
            there = next(one for one in await running.ask("/v1/repositories") if one["name"] == REPOSITORY)
            return bool((there["shipped"] or 0.0) >= asked)

        await until(shipped, "what came after the backups is shipped")
        password = folder / "password"
        password.write_text((await api.call("GET", f"/v1/repositories/{REPOSITORY}/password"))["password"])
        running.tell(f"restoring {len(names)} customers there")
        began = time.monotonic()
        for agent in agents:
            await agent.move(ADDRESS)
        told = await asyncio.to_thread(second.restore_all, REPOSITORY, shelf, password)
        if lost := [one for one in names if told["restores"].get(one, {}).get("state") != "succeeded"]:
            raise PermanentError(f"Not all customers came back: {', '.join(lost)}.", f"It said: {told}")

        async def reported() -> bool:
            return all(agent.reported > began for agent in agents)

        await until(reported, "all hosts have reported there")
        return time.monotonic() - began


async def _customer(
    running: Running, api: PlaneApi, gate: asyncio.Semaphore, stack: AsyncExitStack, name: str, folder: Path
) -> Agent:
    """A customer with a backup, and the agent of its host, at work."""
    async with gate:
        context = await stack.enter_async_context(running.customer(name))
        region = (name, context.spec.region)
        token = await api.host_token(region, ROLES, 1)
        agent = Agent(f"{name}-host", folder, lambda *_: None)
        async with httpx.AsyncClient(base_url=api.url, verify=_trust(running), timeout=60.0) as plane:
            await agent.enrol(plane, token["token"])
        await running.command("backup", "run", name, "--json")  # it knows the host, as the plane's records are in it
    working = asyncio.create_task(agent.run())

    async def end() -> None:
        working.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await working
        await agent.close()

    stack.push_async_callback(end)
    return agent


async def _forget(running: Running) -> None:
    await tidy(_remove(running), running.tell)


async def _remove(running: Running) -> None:
    await running.command("backup", "repository", "remove", REPOSITORY, "--yes")


def _trust(running: Running) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(running.authority))
