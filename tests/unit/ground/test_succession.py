"""How the agent gives way to another build of itself, and how the former one comes back."""

import os
import subprocess
from pathlib import Path

import pytest

from aloft.base.builds import STAMP, build
from aloft.base.errors import TemporaryError
from aloft.base.paths import Paths
from aloft.ground import packages, succession
from aloft.ground.layout import Layout
from aloft.ground.retries import Retries
from aloft.ground.succession import Succession


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    made = Layout.of(Paths(tmp_path))
    made.state.mkdir(parents=True)
    environment(made.paths.opt / "tool", "first")
    return made


def environment(prefix: Path, text: str) -> str:
    """An environment whose Python says which one it is; returns its build."""
    program = prefix / "bin/python"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\necho {text} $@\n")
    program.chmod(0o755)
    (prefix / STAMP).write_text(text)
    return build(prefix)


def start(layout: Layout) -> str:
    """Start the agent by its script; which one it is."""
    script = succession.script_path(layout.paths)
    script.write_text(succession.script(layout.paths))
    return subprocess.run(["/bin/sh", script], capture_output=True, text=True, check=True).stdout.splitlines()[-1]


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> None:
    """The edge has the build ``second``."""

    def fetch(uplink: object, name: str, wanted: str, prefix: Path) -> None:
        prefix.rename(packages.former_of(prefix))
        assert environment(prefix, "second") == wanted

    monkeypatch.setattr(packages, "fetch", fetch)


async def follow(layout: Layout, wanted: str) -> tuple[bool, str]:
    """Have the agent follow; whether it gave way, and what it warns of."""
    left: list[bool] = []
    one = Succession(layout, lambda: left.append(True))
    await one.follow(wanted, lambda: None, Retries())  # type: ignore[arg-type, return-value]  # not asked by fetch()
    return bool(left), one.warning


def second(tmp_path: Path) -> str:
    return environment(tmp_path / "elsewhere", "second")


async def test_a_build_that_reaches_the_plane_stays(layout, served, tmp_path):
    wanted = second(tmp_path)
    assert await follow(layout, wanted) == (True, "")
    assert start(layout) == "second -m aloft.ground run"
    Succession(layout).confirm()
    for _ in range(succession.STARTS + 1):
        assert start(layout).startswith("second")
    assert await follow(layout, wanted) == (False, "")


async def test_a_build_that_does_not_reach_the_plane_gives_way_and_is_not_tried_again(layout, served, tmp_path):
    before, wanted = build(layout.paths.opt / "tool"), second(tmp_path)
    await follow(layout, wanted)
    for _ in range(succession.STARTS):
        assert start(layout).startswith("second")
    assert start(layout).startswith("first")
    left, warning = await follow(layout, wanted)
    assert not left
    assert wanted in warning
    assert Succession(layout).refused == {"tool": wanted}
    assert await follow(layout, before) == (False, "")
    left, _ = await follow(layout, wanted)
    assert left, "it may be tried again, once another one was wanted"


async def test_what_ran_before_comes_back_without_being_fetched(layout, served, tmp_path, monkeypatch):
    before = build(layout.paths.opt / "tool")
    await follow(layout, second(tmp_path))
    Succession(layout).confirm()
    monkeypatch.delattr(packages, "fetch")
    assert await follow(layout, before) == (True, "")
    assert start(layout).startswith("first")


async def test_one_that_cannot_be_fetched_is_told_and_the_present_one_works_on(layout, monkeypatch):
    def fetch(*_: object) -> None:
        raise TemporaryError("The edge is busy.")

    monkeypatch.setattr(packages, "fetch", fetch)
    left, warning = await follow(layout, "0123456789abcdef")
    assert not left
    assert "The edge is busy" in warning
    assert start(layout).startswith("first")


async def test_one_on_trial_that_does_not_reach_the_plane_in_time_ends(layout, served, tmp_path, monkeypatch):
    await follow(layout, second(tmp_path))
    monkeypatch.setattr(succession, "TRIAL_SECONDS", 0.0)

    class Left(Exception):
        pass

    def leave() -> None:
        raise Left

    with pytest.raises(Left):
        await Succession(layout, leave).watch()


def test_the_script_survives_its_own_end_in_the_middle(layout):
    tool = layout.paths.opt / "tool"
    tool.rename(packages.failed_of(tool))
    environment(packages.former_of(tool), "former")
    (layout.state / "trial").write_text(f"0123 {succession.STARTS}\n")
    assert start(layout).startswith("former")
    assert not os.path.lexists(packages.failed_of(tool))


def test_a_former_release_comes_back_without_being_fetched_though_the_edge_has_it_no_more(layout, monkeypatch):
    prefix = layout.paths.opt / "envs/2026.2"
    first = environment(packages.former_of(prefix), "first")
    environment(prefix, "second")

    def fetch(*_: object) -> None:
        raise TemporaryError("The plane answered with status 404.")

    monkeypatch.setattr(packages, "fetch", fetch)
    assert not packages.bring(lambda: None, "2026.2", first, prefix)  # type: ignore[arg-type, return-value]
    assert build(prefix) == first
    with pytest.raises(TemporaryError, match="404"):
        packages.bring(lambda: None, "2026.2", "0123456789abcdef", prefix)  # type: ignore[arg-type, return-value]
