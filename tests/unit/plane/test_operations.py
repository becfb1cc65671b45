"""The journal of an operation as a state machine."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aloft.plane import operations
from aloft.plane.operations import Failure, IllegalTransition, Journal, Step

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LATER = NOW + timedelta(seconds=5)

steps = st.lists(
    st.builds(Step, st.sampled_from("abcd"), st.sampled_from(("pending", "running", "done", "failed"))), max_size=5
)
changes = st.one_of(
    st.just(lambda j: operations.start(j, NOW)),
    steps.map(lambda s: lambda j: operations.with_steps(j, s)),
    st.builds(Step, st.sampled_from("abcd"), st.just("running")).map(lambda s: lambda j: operations.with_step(j, s)),
    st.just(lambda j: operations.succeed(j, LATER)),
    st.just(lambda j: operations.fail(j, Failure("x", "It broke."), LATER)),
    st.just(lambda j: operations.cancel(j, "No longer wanted.", LATER)),
)


@given(st.lists(changes, max_size=12))
def test_progress_and_revision_never_go_back_and_an_end_is_final(
    path: list[Callable[[Journal], Journal]],
) -> None:
    journal = Journal()
    for change in path:
        if not journal.open:
            with pytest.raises(IllegalTransition):
                change(journal)
            continue
        after = change(journal)
        assert after.progress >= journal.progress
        assert 0 <= after.progress <= 1
        assert (after.revision > journal.revision) == (after != journal)
        journal = after
    assert (journal.ended is not None) == (not journal.open)
    assert (journal.error is not None) == (journal.state in ("failed", "cancelled"))


def test_starting_again_after_a_crash_changes_nothing() -> None:
    running = operations.start(Journal(), NOW)
    assert operations.start(running, LATER) == running


def test_success_closes_every_step() -> None:
    journal = operations.with_steps(Journal(), (Step("a", "done", NOW, NOW), Step("b", "running", NOW)))
    ended = operations.succeed(journal, LATER)
    assert [step.state for step in ended.steps] == ["done", "done"]
    assert ended.steps[1].ended == LATER
    assert ended.progress == 1.0


def test_failure_marks_the_step_that_ran() -> None:
    journal = operations.with_steps(Journal(), (Step("a", "done"), Step("b", "running"), Step("c")))
    ended = operations.fail(journal, Failure("x", "It broke.", "Mend it."), LATER)
    assert [step.state for step in ended.steps] == ["done", "failed", "pending"]
    assert ended.error == Failure("x", "It broke.", "Mend it.")
    assert ended.progress == pytest.approx(1 / 3)


def test_progress_reckons_with_steps_that_are_still_to_come() -> None:
    journal = operations.with_steps(Journal(expected=4), (Step("a", "done"),))
    assert journal.progress == pytest.approx(1 / 4)
    assert operations.with_steps(Journal(), (Step("a", "done"),)).progress < 1
    assert operations.succeed(journal, LATER).progress == 1


def test_a_step_replaces_the_one_of_its_name() -> None:
    journal = operations.with_steps(Journal(), (Step("a"), Step("b")))
    journal = operations.with_step(journal, Step("a", "done"))
    journal = operations.with_step(journal, Step("c"))
    assert journal.progress == pytest.approx(1 / 2)
    assert [(step.name, step.state) for step in journal.steps] == [("a", "done"), ("b", "pending"), ("c", "pending")]
