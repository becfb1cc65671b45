"""The releases of a node: installed where they are wanted, their zygotes started, former pins removed."""

import asyncio
import os
from collections.abc import Sequence
from typing import Any

from aloft.base.errors import AloftError
from aloft.base.paths import Paths
from aloft.controller import environment
from aloft.controller.release import Release, release, releases
from aloft.node import shared
from aloft.node.registry import Registry
from aloft.supervise.supervisor import Supervisor

ZYGOTE_SECONDS = 240.0
"""Until a release's zygotes must be ready."""


class Releases:
    """What controllers run from.

    Args:
        paths: where everything lies.
        wanted: names of the releases that new controllers may have.
        supervisor: runs the zygotes.
        registry: what the node remembers of its controllers.
    """

    def __init__(self, paths: Paths, wanted: Sequence[str], supervisor: Supervisor, registry: Registry) -> None:
        self._paths = paths
        self._wanted = wanted
        self._supervisor = supervisor
        self._registry = registry
        self._preparing: dict[str, asyncio.Task[str]] = {}
        self._failed: dict[str, str] = {}

    def states(self) -> list[dict[str, Any]]:
        """All releases: versions, and whether they are absent, installed, being prepared, failed or ready."""
        running = {status.name: status.state for status in self._supervisor.status()}
        return [
            {
                "name": which.name,
                "pins": environment.pins(which, self._paths),
                "title": which.title,
                "projects": which.projects,
                "state": self._state(which, running),
                "renewing": which.name in self._preparing,
                "reason": self._failed.get(which.name, ""),
            }
            for which in releases()
        ]

    async def prepare(self, name: str) -> None:
        """Begin to make a release ready; returns at once.

        Raises:
            NotFound: there is no such release.
        """
        self._install(release(name))

    async def start(self, name: str) -> None:
        """Make the zygotes of a release's environment run; the release's first one is installed where it is not there.

        Args:
            name: of the environment, or of a release that has only one.

        Raises:
            NotFound: there is no such release.
            AloftError: it cannot be installed, or a zygote does not come up.
        """
        which = release(environment.release_of(name))
        specs = shared.zygotes(self._paths, name)
        running = {status.name for status in self._supervisor.status()}
        if not all(spec.name in running for spec in specs):
            if not self._complete(name):
                await asyncio.shield(self._install(which))
            await self._run_zygotes(name)
        await self._supervisor.wait_ready([spec.name for spec in specs], ZYGOTE_SECONDS)

    async def start_present(self) -> None:
        """Have the zygotes run of all that is installed and that controllers, new ones or those there are, run from."""
        used = {record.spec.environment for record in self._registry.all()}
        present = (self._paths.present(name).resolve().name for name in self._wanted)
        for name in dict.fromkeys((*present, *sorted(used))):
            if self._complete(name):
                await self._run_zygotes(name)

    async def renew(self, name: str) -> str:
        """Install a release's present pins where they are not there; what they are called."""
        which = release(name)
        if not self._installed(which):
            await asyncio.shield(self._install(which))
        return environment.pins(which, self._paths)

    async def sweep(self) -> None:
        """Stop and remove what runs former pins of releases that no controller here runs from or may go back to."""
        used = {name for record in self._registry.all() for name in record.environments}
        for which in releases():
            for name in environment.unused(which, self._paths, used):
                await self._supervisor.remove(f"release/{name}")
                await asyncio.to_thread(environment.remove, which, self._paths, name)

    def _state(self, which: Release, running: dict[str, Any]) -> str:
        present = self._paths.present(which.name).resolve().name
        zygotes = [running.get(spec.name) for spec in shared.zygotes(self._paths, present)]
        if all(found == "ready" for found in zygotes):
            return "ready"
        if which.name in self._preparing or any(zygotes):
            return "preparing"
        if which.name in self._failed:
            return "failed"
        return "installed" if self._installed(which) else "absent"

    def _installed(self, which: Release) -> bool:
        """Whether a release's environment is there; run from a checkout, Aloft's own part need not be."""
        if "PYTHONPATH" in os.environ:
            return (self._paths.environment(which.name) / "bin/python").exists()
        return environment.ready(which, self._paths)

    def _complete(self, name: str) -> bool:
        """Whether an environment is there; run from a checkout, Aloft's own part need not be."""
        if "PYTHONPATH" in os.environ:
            return (self._paths.environment(name) / "bin/python").exists()
        return environment.complete(name, self._paths)

    def _install(self, which: Release) -> "asyncio.Task[str]":
        task = self._preparing.get(which.name)
        if task is None:
            self._failed.pop(which.name, None)
            task = asyncio.create_task(self._prepare(which), name=f"prepare {which.name}")
            self._preparing[which.name] = task
            task.add_done_callback(lambda done: done.cancelled() or done.exception())
        return task

    async def _prepare(self, which: Release) -> str:
        try:
            if self._installed(which):
                done = "is there"
            else:
                log = self._paths.log / "install.log"
                done = await asyncio.to_thread(environment.prepare, which, self._paths, log)
            await self._run_zygotes(self._paths.present(which.name).resolve().name)
            return done
        except AloftError as error:
            self._failed[which.name] = str(error)
            raise
        finally:
            self._preparing.pop(which.name, None)

    async def _run_zygotes(self, name: str) -> None:
        await self._supervisor.apply(f"release/{name}", shared.zygotes(self._paths, name))
