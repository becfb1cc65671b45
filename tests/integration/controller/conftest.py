"""Programs that run in a release's environment, with the projects that the release pins."""

import asyncio
import json
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

import aloft
from aloft.base.paths import Paths
from aloft.controller import environment
from aloft.controller.release import releases

_PROGRAMS = Path(__file__).with_name("programs")


@pytest.fixture(params=releases(), ids=lambda release: release.name)
def told(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str], Awaitable[Any]]:
    """Runs one of the programs, with an empty file for a database, in each release; what it tells as JSON."""
    release, paths = request.param, Paths()
    environment.prepare(release, paths, tmp_path / "install.log")

    async def run(program: str) -> Any:
        process = await asyncio.create_subprocess_exec(
            paths.environment(release.name) / "bin/python",
            _PROGRAMS / program,
            tmp_path / "empty.db",
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(Path(aloft.__file__).parent.parent)},
        )
        answer, _ = await process.communicate()
        return json.loads(answer)

    return run
