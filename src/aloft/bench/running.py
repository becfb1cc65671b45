"""The Aloft that runs on this machine, as a benchmark uses it: by its own command line and its node's local API."""

import asyncio
import json
import os
import re
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from aloft.base.accounts import account
from aloft.base.errors import AloftError, Conflict, InvalidInput, NotFound, PermanentError, TemporaryError
from aloft.base.paths import Paths
from aloft.bench import measure
from aloft.bench.plane import PlaneApi
from aloft.controller.context import Context, Slot
from aloft.controller.release import release
from aloft.controller.slots import load_secrets
from aloft.controller.spec import ControllerSpec
from aloft.node import settings as node_settings
from aloft.node.settings import NodeSettings

Tell = Callable[[str], None]

WARM_SECONDS = 300.0
"""Until a warm slot must be there again."""

DETACH_SECONDS = 300.0
"""Until all hosts of a customer must be gone."""

OURS = re.compile(r"bench-(create|memory|density|heal|api|host|sync|portal|backup|restore|upgrade)-\d+")
"""Names of the customers that benchmarks make; no others are ever deleted."""


async def tidy(work: Awaitable[None], tell: Tell) -> None:
    """Clean up. What goes wrong is told and not raised: it must not hide why the benchmark itself failed.

    The next benchmark removes what is left.
    """
    try:
        await work
    except AloftError as error:
        tell(f"not all could be removed: {error}")


@dataclass(frozen=True)
class Running:
    """A running Aloft.

    Args:
        paths: where it lies.
        settings: its node's.
        tell: takes a line about what is being done.
    """

    paths: Paths
    settings: NodeSettings
    tell: Tell

    @classmethod
    async def find(cls, paths: Paths, tell: Tell) -> "Running":
        """The one on this machine.

        Raises:
            InvalidInput: the caller is not root.
            Conflict: Aloft is not up, or not well.
        """
        if os.geteuid() != 0:
            raise InvalidInput(
                "A benchmark makes customers and looks at their processes, which needs root.", "Use sudo."
            )
        found = cls(paths, node_settings.load(paths.etc / "node.toml"), tell)
        try:
            health = await found.health()
        except TemporaryError as error:
            raise Conflict("Aloft is not up on this machine.", "Start it with `sudo ./aloft up`.") from error
        unwell = [one["name"] for one in health["components"] if one["state"] != "ready"]
        if unwell:
            raise Conflict(f"Not all of Aloft is ready: {', '.join(unwell)}.", "See `aloft doctor`, or wait a minute.")
        return found

    @property
    def release(self) -> str:
        """The release that new customers get."""
        return release(self.settings.releases[0]).name

    @property
    def authority(self) -> Path:
        """CA of the edge's certificates."""
        return self.paths.etc / "ca.pem"

    @property
    def edge_group(self) -> int:
        """Numeric group of HAProxy."""
        return account("haproxy").group

    async def ask(self, path: str) -> Any:
        """What the node's local API says.

        Raises:
            TemporaryError: it says nothing.
            NotFound: there is no such thing.
            PermanentError: it refuses.
        """
        transport = httpx.AsyncHTTPTransport(uds=str(self.paths.node_socket))
        try:
            async with httpx.AsyncClient(transport=transport, base_url="http://node", timeout=10) as client:
                answer = await client.get(path)
        except httpx.HTTPError as error:
            raise TemporaryError(f"The node does not answer: {error or type(error).__name__}.") from error
        if answer.is_success:
            return answer.json()
        kind = NotFound if answer.status_code == 404 else PermanentError
        raise kind(f"The node answered {path} with {answer.status_code}.")

    async def health(self) -> dict[str, Any]:
        """The node's own health."""
        told: dict[str, Any] = await self.ask("/v1/health")
        return told

    async def pids(self) -> dict[str, int]:
        """Process ids by the names in the node's tree."""
        return {one["name"]: one["pid"] for one in await self.ask("/v1/processes") if one["pid"]}

    def plane(self) -> PlaneApi:
        """The plane's REST API, as root's account."""
        port = "" if self.settings.edge_port == 443 else f":{self.settings.edge_port}"
        token = (self.paths.etc / "token").read_text().strip()
        return PlaneApi(f"https://plane.{self.settings.domain}{port}", token, self.authority)

    def node_pid(self) -> int:
        """The node's own process."""
        return measure.listener(self.paths.node_socket)

    async def wait_warm(self, slots: int | None = None) -> None:
        """Wait until warm slots are there, so that a run begins as it would on a machine that had time to prepare.

        Args:
            slots: how many; all that the node keeps when left out.

        Raises:
            TemporaryError: they do not come.
        """
        wanted = self.settings.warm if slots is None else min(slots, self.settings.warm)
        until, told = time.monotonic() + WARM_SECONDS, False
        while (await self.health())["warm_slots"] < wanted:
            if not told:
                self.tell(f"waiting for {wanted} warm slots")
                told = True
            if time.monotonic() > until:
                raise TemporaryError(
                    f"There are no {wanted} warm slots after {WARM_SECONDS:.0f} s.", "See `aloft logs node`."
                )
            await asyncio.sleep(0.5)

    async def command(self, *arguments: str) -> Any:
        """Run ``aloft`` as a person would, and return the JSON it prints.

        Raises:
            PermanentError: it failed.
        """
        program = str(Path(sys.executable).with_name("aloft"))
        process = await asyncio.create_subprocess_exec(
            program, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        out, said = await process.communicate()
        if process.returncode:
            raise PermanentError(
                f"`aloft {' '.join(arguments)}` failed: {said.decode(errors='replace').strip()[-800:]}"
            )
        return json.loads(out) if out.strip() else None

    @asynccontextmanager
    async def customer(self, name: str, *options: str) -> AsyncIterator[Context]:
        """A customer for as long as the block lasts, without the scheduled backup that would come in the middle."""
        try:
            context = await self.create(name, *options)
            await self.command("backup", "policy", name, "--off", "--json")
            yield context
        finally:
            await tidy(self.delete(name), self.tell)

    async def create(self, name: str, *options: str) -> Context:
        """Make a customer, and wait until it is ready; ``options`` are those of ``aloft customer create``."""
        self.tell(f"creating {name}")
        await self.command("customer", "create", name, *options, "--json")
        return await self.context(name, f"{name}-1")

    async def delete(self, name: str) -> None:
        """Delete a customer that a benchmark made; one that is not there is gone already."""
        if not OURS.fullmatch(name):
            raise InvalidInput(f"The customer {name} was not made by a benchmark.")
        self.tell(f"deleting {name}")
        for attempt in range(3):
            try:
                if name not in await self.customers():
                    return
                await self._detach(name)
                await self.command("customer", "delete", name, "--yes", "--json")
            except AloftError:
                if attempt == 2:
                    raise
                await asyncio.sleep(5)

    async def _detach(self, name: str) -> None:
        """Delete the hosts of a customer; those whose agents are gone go once they are missing."""
        api = self.plane()
        try:
            await api.detach(name, DETACH_SECONDS)
        finally:
            await api.close()

    async def customers(self) -> list[str]:
        """Names of all customers."""
        return [one["name"] for one in await self.command("customer", "list", "--json")]

    async def sweep(self) -> None:
        """Delete the customers that an interrupted benchmark left."""
        for name in await self.customers():
            if OURS.fullmatch(name):
                await self.delete(name)

    async def context(self, customer: str, region: str) -> Context:
        """The controller of a customer: names, slot, secrets."""
        status = await self.ask(f"/v1/controllers/{customer}/{region}")
        spec = ControllerSpec(customer=customer, region=region, release=status["release"], domain=self.settings.domain)
        slot = Slot(status["slot"], self.paths)
        return Context(spec, slot, load_secrets(slot), self.settings.edge_port)
