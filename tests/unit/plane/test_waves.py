"""Whose turn it is in a wave of upgrades."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aloft.plane.waves import Orders, Sight, State, failures, soaking, steps, to_begin

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
NAMES = ("canary", "acme", "bolt", "cube")
ORDERS = Orders(release="2026.2", customers=NAMES, canary="canary", soak_minutes=30, at_once=2)
WAITING = [Sight(name, "waiting") for name in NAMES]
SUNG = replace(WAITING[0], state="succeeded", ended=NOW - timedelta(minutes=31), operation="1")


def test_the_canary_goes_alone() -> None:
    assert to_begin(ORDERS, WAITING, NOW) == ["canary"]
    assert to_begin(ORDERS, [Sight("canary", "running"), *WAITING[1:]], NOW) == []
    shut = [Sight("canary", "waiting", "waits for its maintenance window"), *WAITING[1:]]
    assert to_begin(ORDERS, shut, NOW) == [], "nobody goes before the canary"


def test_the_others_follow_when_it_has_run_well_for_long_enough() -> None:
    early = replace(SUNG, ended=NOW - timedelta(minutes=29))
    assert soaking(ORDERS, [early], NOW) and to_begin(ORDERS, [early, *WAITING[1:]], NOW) == []
    settling = replace(SUNG, bearing="settling")
    assert to_begin(ORDERS, [settling, *WAITING[1:]], NOW) == []
    assert to_begin(ORDERS, [SUNG, *WAITING[1:]], NOW) == ["acme", "bolt"]
    unwell = replace(SUNG, bearing="unwell")
    assert failures(ORDERS, [unwell]) and to_begin(ORDERS, [unwell, *WAITING[1:]], NOW) == []


def test_who_is_hindered_holds_up_nobody_but_itself() -> None:
    sights = [SUNG, Sight("acme", "waiting", "waits for backup.run"), *WAITING[2:]]
    assert to_begin(ORDERS, sights, NOW) == ["bolt", "cube"]
    assert [step.detail for step in steps(ORDERS, (), sights, NOW)] == ["1", "waits for backup.run", "", ""]


@pytest.mark.parametrize("state", ["failed", "succeeded"])
def test_nothing_begins_after_a_failure(state: State) -> None:
    sights = [SUNG, Sight("acme", state), Sight("bolt", "running"), Sight("cube", "waiting")]
    assert to_begin(ORDERS, sights, NOW) == ([] if state == "failed" else ["cube"])


@given(st.lists(st.sampled_from(["waiting", "running", "succeeded", "failed", "gone"]), min_size=4, max_size=4))
def test_never_more_at_once_than_ordered_and_nobody_twice(states: list[State]) -> None:
    sights = [Sight(name, state, ended=NOW - timedelta(days=1)) for name, state in zip(NAMES, states, strict=True)]
    begun = to_begin(ORDERS, sights, NOW)
    assert len(begun) == 0 or len(begun) + states.count("running") <= ORDERS.at_once
    assert set(begun) <= {one.name for one in sights if one.state == "waiting"}
    shown = steps(ORDERS, (), sights, NOW)
    assert [step.name for step in shown] == list(NAMES)
    assert steps(ORDERS, shown, sights, NOW) == shown, "what was shown stays as it was"
