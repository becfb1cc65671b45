"""The golden databases are what the projects' own migrations give."""

import pytest

from aloft.base.paths import Paths
from aloft.controller import environment, golden
from aloft.controller.release import releases
from aloft.node.database import Database


@pytest.mark.parametrize("release", releases(), ids=lambda release: release.name)
async def test_the_artifact_equals_what_the_migrations_give(release, tmp_path):
    paths = Paths()
    environment.prepare(release, paths, tmp_path / "install.log")
    made = await golden.make(release, Database(paths), paths)
    assert golden.differences(golden.read(release), made) == []
