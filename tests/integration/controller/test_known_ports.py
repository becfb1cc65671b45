"""Neutron, when it connects to OVN, takes notice only of ports of which something else is on record."""

import asyncio
import json
import os
from pathlib import Path

import pytest

import aloft
from aloft.base.paths import Paths
from aloft.controller import environment
from aloft.controller.release import releases

_PROGRAM = Path(__file__).with_name("programs") / "hear_of_ports.py"


@pytest.mark.parametrize("release", releases(), ids=lambda release: release.name)
async def test_only_what_is_news_is_taken_notice_of(release, tmp_path):
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
    assert json.loads(answer) == {"up": ["just-up", "came-up", "external", "no-port"], "down": ["went-down"]}
