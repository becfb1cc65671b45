"""Which backups are forgotten or lack a copy, also where a clock has jumped: good ones do not get old, nor old new."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from aloft.daytwo.restic import Snapshot
from aloft.daytwo.retention import in_order, outlived, uncopied

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def made(*days_ago: float) -> list[Snapshot]:
    """Backups that were made so many days ago."""
    return [Snapshot(f"{days:g}", (NOW - timedelta(days=days)).isoformat(), {}) for days in days_ago]


def ids(found) -> list[str]:
    return [one.id for one in found]


def test_what_is_older_than_it_shall_be_goes_but_never_the_last():
    daily = in_order(made(*range(40)), NOW)
    assert ids(outlived(daily, NOW, 30, 3)) == [str(days) for days in range(39, 32, -1)]
    assert outlived(made(300, 200, 100), NOW, 30, 3) == []


def test_what_stands_in_the_future_is_not_the_newest():
    assert ids(in_order(made(0, 1, -400, 2), NOW)) == ["-400", "2", "1", "0"]
    assert ids(in_order(made(-0.001, 1), NOW)) == ["1", "-0.001"], "clocks differ a little"


def test_a_clock_that_is_ahead_makes_nothing_old():
    daily = made(*range(20, -1, -1))
    ahead = NOW + timedelta(days=400)
    assert outlived(in_order(daily, ahead), ahead, 30, 3) == []
    jumped = [*daily, *made(-400)]
    assert outlived(in_order(jumped, ahead), ahead, 30, 3) == [], "one was made meanwhile"
    assert outlived(in_order(jumped, NOW), NOW, 30, 3) == [], "and the clock is right again"


def test_nanoseconds_and_time_zones_are_understood():
    late, early = (
        Snapshot(name, told, {})
        for name, told in (("late", "2026-11-20T12:00:00.700593123+01:00"), ("early", "2026-11-20T10:59:59.9Z"))
    )
    assert ids(in_order([late, early], NOW)) == ["early", "late"]


@given(
    st.lists(st.floats(-1000, 1000), max_size=20),
    st.integers(1, 60),
    st.integers(1, 5),
)
def test_what_goes_is_old_and_enough_is_left(days, keep, least):
    ordered = in_order(made(*days), NOW)
    gone = outlived(ordered, NOW, keep, least)
    assert len(ordered) - len(gone) >= min(least, len(ordered))
    assert all(NOW - one.moment > timedelta(days=keep) for one in gone)


def copies_of(*originals: str) -> list[Snapshot]:
    return [Snapshot(f"copy of {one}", NOW.isoformat(), {}, one) for one in originals]


def test_what_came_after_the_newest_copy_is_copied_and_what_was_forgotten_there_is_not():
    daily = in_order(made(4, 3, 2, 1, 0), NOW)
    assert ids(uncopied(daily, (), ())) == ["4", "3", "2", "1", "0"]
    assert ids(uncopied(daily, copies_of("2"), ())) == ["1", "0"]
    assert ids(uncopied(daily, copies_of("2", "0"), ())) == []


def test_what_is_owed_is_copied_however_old_it_is():
    daily = in_order(made(4, 3, 2, 1, 0), NOW)
    assert ids(uncopied(daily, copies_of("4", "2", "0"), ("3", "2"))) == ["3"]


def test_a_copy_of_what_stands_in_the_future_does_not_hide_what_is_missing():
    daily = in_order(made(-400, 1, 0), NOW)
    assert ids(uncopied(daily, copies_of("-400"), ())) == ["1", "0"]
