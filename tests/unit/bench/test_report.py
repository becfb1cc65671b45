"""What a benchmark prints."""

import json
import math
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aloft.bench.report import Figure, Report, machine, percentile, timed

NUMBERS = st.lists(st.floats(0.001, 1e6), min_size=1, max_size=50)


@given(NUMBERS, st.floats(0.01, 1.0))
def test_a_percentile_is_the_smallest_value_that_the_part_does_not_exceed(values: list[float], part: float) -> None:
    found = percentile(values, part)
    assert found in values
    assert sum(value <= found for value in values) >= part * len(values)
    assert sum(value < found for value in values) < math.ceil(part * len(values))


@pytest.mark.parametrize(("values", "part"), [([], 0.5), ([1.0], 0.0), ([1.0], 1.1)])
def test_a_percentile_of_nothing_is_refused(values: list[float], part: float) -> None:
    with pytest.raises(ValueError, match="percentile"):
        percentile(values, part)


@given(NUMBERS, st.floats(0.001, 1e6))
def test_a_figure_of_runs_is_their_median_against_the_baseline(runs: list[float], baseline: float) -> None:
    figure = timed("ready_seconds", runs, "s", baseline=baseline, target=8.0)
    assert figure.value == median(runs)
    assert figure.ratio == pytest.approx(median(runs) / baseline)
    assert figure.ok is (median(runs) <= 8.0)


@pytest.mark.parametrize(
    ("figure", "ok"),
    [
        (Figure("a", 8.0, "s", 120.0, 8.0), True),
        (Figure("a", 8.1, "s", 120.0, 8.0), False),
        (Figure("a", 105.0, "ms", 100.0, 1.05, "ratio"), True),
        (Figure("a", 106.0, "ms", 100.0, 1.05, "ratio"), False),
        (Figure("a", 1.0, "ms", None, 1.05, "ratio"), False),
        (Figure("a", 15.0, "times", 1.0, 15.0, "least"), True),
        (Figure("a", 14.9, "times", 1.0, 15.0, "least"), False),
        (Figure("a", 14.9, "times"), None),
    ],
)
def test_a_target_is_about_the_value_the_ratio_or_at_least(figure: Figure, ok: bool | None) -> None:
    assert figure.ok is ok


def test_the_json_has_the_form_that_all_benchmarks_share() -> None:
    figure = Figure("ready_seconds", 4.56789, "s", 123.456, 8.0, runs=(4.4, 4.56789, 5.0))
    report = Report("create", (figure,), details={"stock_seconds": {"nova": 12.34567}}, notes=("one stock run",))
    told = json.loads(json.dumps(report.told({"cores": 2})))
    assert told["bench"] == "create"
    assert told["machine"] == {"cores": 2}
    assert told["figures"] == [
        {
            "name": "ready_seconds",
            "value": 4.568,
            "unit": "s",
            "baseline": 123.5,
            "ratio": 0.037,
            "target": 8.0,
            "ok": True,
        }
    ]
    assert told["details"]["runs"] == {"ready_seconds": [4.4, 4.568, 5.0]}
    assert told["details"]["stock_seconds"] == {"nova": 12.35}


def test_a_report_is_well_when_no_target_is_missed() -> None:
    told, reached, missed = Figure("a", 1, "s"), Figure("b", 1, "s", target=2), Figure("c", 3, "s", target=2)
    assert Report("x", (told, reached)).ok
    assert not Report("x", (told, reached, missed)).ok


def test_the_machine_is_told_with_what_numbers_depend_on() -> None:
    about = machine("2026.2")
    assert about["release"] == "2026.2"
    assert about["cores"] >= 1
    assert about["memory_mib"] > 0
    json.dumps(about)
