"""When the schedule asks for what."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from aloft.plane.backups import (
    COPY,
    COPY_AGAIN,
    PROVE,
    RETAIN,
    RETRIES,
    RUN,
    SETTLING,
    Sight,
    due,
    last_time,
    wanted_since,
)

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
GOOD = Sight(
    enabled=True, at="02:00", created=NOW - timedelta(days=9), tried=NOW - timedelta(hours=9), newest=None,
    proving=False, retained=NOW - timedelta(hours=8),
)  # fmt: skip


def test_what_was_done_today_is_not_done_again():
    assert due(GOOD, NOW) is None


def test_each_day_has_its_backup():
    assert due(GOOD, NOW + timedelta(hours=13)) is None
    assert due(GOOD, NOW + timedelta(hours=14)) == RUN


def test_a_failed_backup_is_tried_again_later_each_time_and_then_the_next_night():
    for failures, wait in enumerate(RETRIES, 1):
        failed = replace(GOOD, failures=failures, tried=NOW - wait)
        assert due(failed, NOW) == RUN
        assert due(failed, NOW - timedelta(seconds=1)) is None
    given_up = replace(GOOD, failures=len(RETRIES) + 1)
    assert due(given_up, NOW + timedelta(hours=13)) is None
    assert due(given_up, NOW + timedelta(hours=14)) == RUN


def test_what_failed_before_the_last_night_or_move_is_not_counted():
    assert wanted_since("02:00", None, NOW) == NOW - timedelta(hours=10)
    assert wanted_since("02:00", NOW - timedelta(hours=11), NOW) == NOW - timedelta(hours=10)
    assert wanted_since("02:00", NOW - timedelta(hours=1), NOW) == NOW - timedelta(hours=1)


def test_a_new_customer_is_backed_up_when_it_has_settled():
    new = replace(GOOD, created=NOW, tried=None)
    assert due(new, NOW) is None
    assert due(new, NOW + SETTLING) == RUN


def test_a_backup_is_proved_once_then_old_ones_are_forgotten():
    assert due(replace(GOOD, newest="b"), NOW) == PROVE
    assert due(replace(GOOD, newest="b", proving=True), NOW) is None
    assert due(replace(GOOD, newest="b", proving=True, retained=None), NOW) == RETAIN
    assert due(replace(GOOD, retained=NOW - timedelta(days=1)), NOW) == RETAIN


def test_copies_that_are_owed_are_made_before_the_next_backup_is():
    owing = replace(GOOD, owed=True, newest="b")
    assert due(owing, NOW) == COPY
    assert due(replace(owing, copied=NOW - COPY_AGAIN), NOW) == COPY
    assert due(replace(owing, copied=NOW - COPY_AGAIN / 2), NOW) == PROVE
    assert due(replace(owing, owed=False), NOW) == PROVE


def test_who_was_moved_to_other_databases_is_backed_up_at_once():
    assert due(replace(GOOD, moved=NOW - timedelta(minutes=1)), NOW) == RUN
    assert due(replace(GOOD, moved=NOW - timedelta(hours=10)), NOW) is None


def test_what_is_switched_off_is_left_alone():
    assert due(replace(GOOD, enabled=False, tried=None), NOW) is None


@given(st.times(), st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)))
def test_the_last_time_is_within_a_day(at, now):
    last = last_time(f"{at:%H:%M}", now)
    assert timedelta(0) <= now - last < timedelta(days=1)
    assert (last.hour, last.minute) == (at.hour, at.minute)
