"""How steady a host's state is shown."""

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from aloft.plane.reconcile.bearing import FALL_SECONDS, Bearing, restored, steady, stored
from aloft.plane.reconcile.decisions import HostState

NOW = datetime(2026, 5, 1, tzinfo=UTC)


def _walk(*seen: tuple[float, HostState], generation: int = 1) -> list[str]:
    """The states shown when these are seen at these seconds, starting well."""
    bearing, shown = Bearing("ok", NOW, 1), []
    for second, state in seen:
        now = NOW + timedelta(seconds=second)
        bearing = steady(bearing, state, now, generation, now)
        shown.append(bearing.state)
    return shown


def test_a_short_dip_is_not_shown() -> None:
    assert _walk((0, "degraded"), (5, "degraded"), (8, "ok"), (11, "degraded"), (20, "ok")) == ["ok"] * 5


def test_a_fall_that_lasts_is_shown() -> None:
    assert _walk((0, "degraded"), (FALL_SECONDS, "degraded")) == ["ok", "degraded"]


def test_failure_and_silence_are_shown_at_once() -> None:
    assert _walk((0, "failed")) == ["failed"]
    assert _walk((0, "missing"), (1, "ok")) == ["missing", "ok"]


def test_a_change_of_what_is_wanted_is_shown_at_once() -> None:
    assert _walk((0, "converging"), generation=2) == ["converging"]


def test_the_first_recovery_is_shown_at_once_and_later_ones_later() -> None:
    fall: list[tuple[float, HostState]] = [(0, "degraded"), (10, "degraded"), (20, "ok")]
    assert _walk(*fall)[-1] == "ok"
    again = [*fall, (30, "degraded"), (40, "degraded"), (41, "ok"), (50, "ok"), (51, "ok")]
    assert _walk(*again)[-4:] == ["degraded", "degraded", "degraded", "ok"]


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(0.1, 30), st.sampled_from(["ok", "degraded"])), max_size=200))
def test_however_often_it_is_seen_to_change_it_is_not_shown_to_flap(seen: list[tuple[float, HostState]]) -> None:
    bearing, now, changes = Bearing("ok", NOW, 1), NOW, []
    for pause, state in seen:
        now += timedelta(seconds=pause)
        after = steady(bearing, state, now, 1, now)
        if after.state != bearing.state:
            changes.append(now)
        bearing = after
    for change in changes:
        within = [other for other in changes if timedelta() <= other - change < timedelta(seconds=FALL_SECONDS)]
        assert len(within) <= 2


def test_what_is_stored_is_restored() -> None:
    bearing = Bearing("degraded", NOW, 3, "ok", NOW, (NOW, NOW))
    assert restored("degraded", stored(bearing)) == bearing
    assert restored("pending", {}) == Bearing()
