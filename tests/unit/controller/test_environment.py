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


def finish(release: Release, paths: Paths, name: str = "") -> None:
    prefix = paths.environment(name or release.name)
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


@pytest.fixture
def installer(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """An installer that makes nothing but folders; for which environments it was run, in order."""
    (paths.opt / "bootstrap/bin").mkdir(parents=True)
    (paths.opt / "bootstrap/bin/uv").touch()
    (paths.opt / "bootstrap/registry.json").write_text("{}")
    asked: list[str] = []

    def run(command: list[str | Path], **_: object) -> None:
        words = list(map(str, command))
        prefix = Path(words[-1]) if "venv" in words else Path(words[words.index("--python") + 1]).parents[1]
        (prefix / "bin").mkdir(parents=True, exist_ok=True)
        (prefix / "bin/python").touch()
        asked.append(f"{'venv' if 'venv' in words else 'sync' if 'sync' in words else 'wheel'} {prefix.name}")

    monkeypatch.setattr(environment, "invoke", run)
    return asked


def test_other_pins_get_an_environment_of_their_own(
    release: Release, paths: Paths, tmp_path: Path, installer: list[str]
) -> None:
    environment.prepare(release, paths, tmp_path / "log")
    assert (environment.pins(release, paths), installer) == ("", ["venv 2026.2", "sync 2026.2", "wheel 2026.2"])
    installer.clear()
    release.lock.write_text("nova==2")
    environment.prepare(release, paths, tmp_path / "log")
    named = environment.pins(release, paths)
    fresh = f"2026.2-{named}"
    assert installer == [f"venv {fresh}", f"sync {fresh}", f"wheel {fresh}"], "the one in use was touched"
    assert environment.ready(release, paths) and environment.release_of(fresh) == "2026.2"
    assert environment.complete("2026.2", paths) and paths.present("2026.2").resolve().name == fresh
    installer.clear()
    (paths.opt / "wheel/aloft-1-py3-none-any.whl").write_text("another")
    assert not environment.complete("2026.2", paths)
    environment.prepare(release, paths, tmp_path / "log")
    assert sorted(installer) == ["wheel 2026.2", f"wheel {fresh}"]
    release.lock.write_text("nova==1")
    environment.prepare(release, paths, tmp_path / "log")
    assert environment.pins(release, paths) == "", "the first one has these pins"
    assert environment.unused(release, paths, {fresh}) == [], "somebody needs it"
    assert environment.unused(release, paths, set()) == [fresh]
    environment.remove(release, paths, "2026.2")
    environment.remove(release, paths, fresh)
    assert not paths.environment(fresh).exists() and environment.complete("2026.2", paths)


def test_an_environment_that_was_not_finished_takes_other_pins(
    release: Release, paths: Paths, tmp_path: Path, installer: list[str]
) -> None:
    (paths.environment("2026.2") / "bin").mkdir(parents=True)
    release.lock.write_text("nova==2")
    environment.prepare(release, paths, tmp_path / "log")
    assert environment.pins(release, paths) == "" and environment.ready(release, paths)


def test_packages_whose_versions_differ_are_told(tmp_path: Path) -> None:
    for name in ("a/lib/python3.11/site-packages/Oslo_Utils-1.0", "a/lib/python3.11/site-packages/nova-1.0"):
        (tmp_path / f"{name}.dist-info").mkdir(parents=True)
    for name in ("b/lib/python3.11/site-packages/oslo_utils-1.1", "b/lib/python3.11/site-packages/nova-1.0"):
        (tmp_path / f"{name}.dist-info").mkdir(parents=True)
    assert environment.changes(tmp_path / "a", tmp_path / "b") == [environment.Change("oslo-utils", "1.0", "1.1")]
