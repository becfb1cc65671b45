"""A release's own commands on a controller's databases: migrations, online data migrations, upgrade checks."""

import asyncio
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from aloft.base.errors import PermanentError
from aloft.controller import programs
from aloft.controller.context import Context
from aloft.controller.declare import Service

LAST_LINES = 40

Verdict = Literal["success", "warning", "failure", "error"]

_VERDICTS: dict[int, Verdict] = {0: "success", 1: "warning", 2: "failure"}
"""Exit codes of oslo.upgradecheck; with all others the check itself went wrong, and says nothing of the controller."""


@dataclass(frozen=True)
class Check:
    """What a project's upgrade check said: ``detail`` is its table where it was not content."""

    project: str
    verdict: Verdict
    detail: str = ""


async def migrate(context: Context, services: Iterable[Service], behind: Callable[[str], bool]) -> None:
    """Run the migrations of all services: the schemas', then those of data that run while services do.

    Args:
        context: the controller.
        services: whose.
        behind: whether a schema is not as the release has it yet; the commands of others are left out.

    Raises:
        PermanentError: one failed; the error has its last lines.
    """
    limit = asyncio.Semaphore(os.cpu_count() or 2)
    await asyncio.gather(*(_each(context, service, limit, behind) for service in services))


async def upgrade_checks(context: Context, services: Iterable[Service]) -> list[Check]:
    """Run the projects' upgrade checks (``nova-status upgrade check`` …) against a controller."""
    limit = asyncio.Semaphore(os.cpu_count() or 2)

    async def one(service: Service) -> Check:
        async with limit:
            code, said = await _run(context, service.status)
        verdict = _VERDICTS.get(code, "error")
        return Check(service.name, verdict, "" if verdict == "success" else said)

    return list(await asyncio.gather(*(one(service) for service in services if service.status)))


async def _each(context: Context, service: Service, limit: asyncio.Semaphore, behind: Callable[[str], bool]) -> None:
    commands = service.upgrade or dict(zip(service.schemas, service.migrate, strict=False))
    schemas = [command for schema, command in commands.items() if behind(schema)]
    for command in (*schemas, *service.online):
        async with limit:
            code, said = await _run(context, command)
        if code:
            raise PermanentError(
                f"'{command[0]} {command[-1]}' of {context.spec.release} failed with {context.spec.key}:\n{said}",
                "Nothing has changed for the customer. Look at what it says.",
            )


async def _run(context: Context, command: tuple[str, ...]) -> tuple[int, str]:
    """Run one command of the release; its exit code and its last lines."""
    ended = await programs.run(context, *(part.format(conf=context.conf) for part in command))
    return ended.code, ended.last(LAST_LINES)
