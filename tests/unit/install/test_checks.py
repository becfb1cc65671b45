"""The stages of ``aloft test`` and their order."""

import itertools
from pathlib import Path

import pytest

from aloft.base.errors import InvalidInput
from aloft.install import checks
from aloft.install.checks import Stage


def with_tests(folder: Path) -> Path:
    (folder / "tests/integration").mkdir(parents=True)
    (folder / "tests/journeys").mkdir()
    return folder


def test_everything_runs_around_a_fresh_installation(tmp_path: Path) -> None:
    names = [stage.name for stage in checks.stages([], with_tests(tmp_path), Path("/bin"))]
    assert names.index("unit tests") < names.index("clean machine") < names.index("aloft up")
    assert names.index("aloft up") < names.index("integration tests") < names.index("journeys tests")
    assert names[-1] == "aloft destroy"


def test_one_kind_alone_touches_nothing_else(tmp_path: Path) -> None:
    chosen = checks.stages(["unit"], with_tests(tmp_path), Path("/bin"))
    assert {stage.kind for stage in chosen} == {"unit"}


@pytest.mark.parametrize("kinds", [["journeys"], ["integration"], ["integration", "journeys"]])
def test_what_stands_for_far_machines_is_there_first_whatever_needs_it(tmp_path: Path, kinds: list[str]) -> None:
    names = [stage.name for stage in checks.stages(kinds, with_tests(tmp_path), Path("/bin"))]
    assert names[0] == "far side" and names.count("far side") == 1
    assert names[-1] == f"{kinds[-1]} tests"


def test_an_unknown_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no tests called magic"):
        checks.stages(["magic"], tmp_path, Path("/bin"))


def stage(name: str, vital: bool = False) -> Stage:
    return Stage(name, "machine", (name,), vital)


def ticking() -> "itertools.count[int]":
    return itertools.count()


def test_after_a_vital_failure_only_the_last_stage_cleans_up() -> None:
    clock = ticking()
    chosen = [stage("lint"), stage("up", vital=True), stage("journeys"), stage("destroy")]
    results = checks.run(chosen, lambda s: s.name != "up", lambda: float(next(clock)))
    assert [result.outcome for result in results] == ["passed", "failed", "skipped", "passed"]


def test_a_failed_check_does_not_hide_the_next() -> None:
    clock = ticking()
    results = checks.run([stage("lint"), stage("types")], lambda s: s.name != "lint", lambda: float(next(clock)))
    assert [result.outcome for result in results] == ["failed", "passed"]


def test_the_summary_names_what_did_not_pass() -> None:
    clock = ticking()
    results = checks.run([stage("lint"), stage("types")], lambda s: s.name != "lint", lambda: float(next(clock)))
    assert "Not passed: lint." in checks.summary(results)
    assert "Everything passed." in checks.summary(results[1:])


def test_the_logs_of_a_failure_are_shown(tmp_path: Path) -> None:
    (tmp_path / "node.log").write_text("".join(f"line {number}\n" for number in range(100)))
    shown = checks.evidence(tmp_path)
    assert "line 99" in shown
    assert "line 10\n" not in shown
    assert "agent.log" not in shown
