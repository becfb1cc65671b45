"""What hosts install: packed when it is asked for, named by what it holds."""

import subprocess

import pytest

from aloft.base.builds import STAMP, build
from aloft.base.errors import NotFound
from aloft.base.paths import Paths
from aloft.plane.packages import Packages


@pytest.fixture
def paths(tmp_path):
    paths = Paths(tmp_path)
    for prefix in (paths.opt / "tool", paths.environment("2026.2")):
        (prefix / "bin").mkdir(parents=True)
        (prefix / "bin/python").write_text("python")
        (prefix / "lib/tests").mkdir(parents=True)
        (prefix / "lib/tests/test_x.py").write_text("")
        (prefix / STAMP).write_text(prefix.name)
    return paths


@pytest.fixture
def packages(paths, tmp_path):
    return Packages(paths, tmp_path / "packages")


def content(archive):
    return subprocess.run(["tar", "-tzf", archive], capture_output=True, text=True, check=True).stdout.split()


def test_an_environment_is_packed_without_what_no_host_needs(packages):
    names = content(packages.archive("2026.2"))
    assert "./bin/python" in names
    assert f"./{STAMP}" in names
    assert not [name for name in names if "tests" in name]


def test_it_is_packed_once(packages):
    first = packages.archive("tool")
    mark = first.stat().st_mtime_ns
    assert packages.archive("tool", packages.current("tool")) == first
    assert first.stat().st_mtime_ns == mark


def test_the_former_build_stays_and_older_ones_go(packages, paths):
    builds = []
    for number in range(3):
        (paths.opt / "tool" / STAMP).write_text(f"build {number}")
        builds.append(build(paths.opt / "tool"))
        packages.archive("tool")
    assert packages.archive("tool", builds[1]).exists()
    with pytest.raises(NotFound):
        packages.archive("tool", builds[0])


@pytest.mark.parametrize("name", ["2031.1", "..", "../../etc", ""])
def test_nothing_else_is_handed_out(packages, name):
    with pytest.raises(NotFound):
        packages.archive(name)


def test_an_environment_that_is_not_finished_is_none(packages, paths):
    (paths.environment("2026.2") / STAMP).unlink()
    assert packages.current("2026.2") == ""
    with pytest.raises(NotFound):
        packages.archive("2026.2")
