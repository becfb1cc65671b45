"""Release environments: when one counts as ready, and what is said when something to make it with is missing."""

import json
from pathlib import Path

import pytest

from aloft.base import builds
from aloft.base.errors import PermanentError
from aloft.base.paths import Paths
from aloft.controller import environment
from aloft.controller.release import Release


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    paths = Paths(tmp_path)
    (paths.opt / "wheel").mkdir(parents=True)
    (paths.opt / "wheel/aloft-1-py3-none-any.whl").write_text("wheel")
    return paths


@pytest.fixture
def release(tmp_path: Path) -> Release:
    folder = tmp_path / "release"
    folder.mkdir()
    (folder / "requirements.lock").write_text("nova==1")
    return Release("2026.2", "OpenStack", {}, folder)


def finish(release: Release, paths: Paths) -> None:
    prefix = paths.environment(release.name)
    prefix.mkdir(parents=True)
    wanted = environment._wanted(release, paths)
    (prefix / builds.STAMP).write_text(json.dumps({"lock": wanted.lock, "wheel": wanted.wheel}))


def test_an_environment_without_a_stamp_is_not_ready(release: Release, paths: Paths) -> None:
    paths.environment(release.name).mkdir(parents=True)
    assert not environment.ready(release, paths)


def test_a_finished_environment_is_ready_and_left_alone(release: Release, paths: Paths, tmp_path: Path) -> None:
    finish(release, paths)
    assert environment.ready(release, paths)
    assert environment.prepare(release, paths, tmp_path / "log") == "is there"
    assert not (tmp_path / "log").exists()


def test_a_new_lock_or_wheel_makes_it_anew(release: Release, paths: Paths) -> None:
    finish(release, paths)
    release.lock.write_text("nova==2")
    assert not environment.ready(release, paths)
    release.lock.write_text("nova==1")
    (paths.opt / "wheel/aloft-1-py3-none-any.whl").write_text("another")
    assert not environment.ready(release, paths)


def test_without_the_installer_the_way_to_get_it_is_told(release: Release, paths: Paths, tmp_path: Path) -> None:
    with pytest.raises(PermanentError) as caught:
        environment.prepare(release, paths, tmp_path / "log")
    assert "aloft up" in caught.value.remedy


def test_without_the_wheel_the_way_to_get_it_is_told(release: Release, tmp_path: Path) -> None:
    with pytest.raises(PermanentError, match="not in"):
        environment.wheel(Paths(tmp_path / "empty"))
