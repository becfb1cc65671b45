"""Ports that were found are written as they are, in each release's tables; doubtful ones are left to Neutron."""

import asyncio
import json
import os
from pathlib import Path

import pytest

import aloft
from aloft.base.paths import Paths
from aloft.controller import environment
from aloft.controller.release import releases

_PROGRAM = Path(__file__).with_name("programs") / "make_found_ports.py"


@pytest.mark.parametrize("release", releases(), ids=lambda release: release.name)
async def test_found_ports_are_written_and_doubtful_ones_are_not(release, tmp_path):
    paths = Paths()
    environment.prepare(release, paths, tmp_path / "install.log")
    process = await asyncio.create_subprocess_exec(
        paths.environment(release.name) / "bin/python",
        _PROGRAM,
        tmp_path / "neutron.db",
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(aloft.__file__).parent.parent)},
    )
    answer, _ = await process.communicate()
    told = json.loads(answer)
    rows = told.pop("rows")
    assert told.pop("made") == 3
    assert told.pop("ports") == [[f"52:54:00:00:00:{last}", "Found on h1", True] for last in ("0a", "0b", "0c")]
    assert rows.pop("ipallocations") == rows.pop("ipamallocations") == 2
    assert set(rows.values()) == {3}, rows
    assert {name for name, made in told.items() if made is not None} == set()
