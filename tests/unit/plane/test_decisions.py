"""What the reconciler does next, and what state a host is in."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aloft.plane.reconcile.decisions import HostSight, RegionSight, host_stalled, host_state, region_step, role_states

NOW = datetime(2026, 1, 1, tzinfo=UTC)

sights = st.builds(
    RegionSight,
    wanted=st.sampled_from(("present", "torn-down", "removed")),
    generation=st.integers(1, 3),
    pushed=st.integers(0, 3),
    was_ready=st.booleans(),
    phase=st.sampled_from((None, "building", "ready", "degraded", "failed", "deleting")),
    awaited=st.booleans(),
    stalled=st.booleans(),
)


@given(sights)
def test_nothing_is_torn_down_that_is_wanted(sight: RegionSight) -> None:
    if sight.wanted == "present":
        assert region_step(sight) not in ("delete", "gone")


@given(sights)
def test_what_was_ready_is_never_given_up_nor_made_anew(sight: RegionSight) -> None:
    if sight.was_ready and sight.wanted == "present":
        step = region_step(sight)
        assert step != "give-up"
        assert step != "put" or sight.phase is not None


@given(sights)
def test_following_and_settling_need_something_to_look_at(sight: RegionSight) -> None:
    if sight.phase is None:
        assert region_step(sight) in ("put", "give-up", "lost", "gone")


@given(sights)
def test_what_shall_go_is_gone_only_when_the_node_has_none(sight: RegionSight) -> None:
    if sight.wanted != "present":
        assert (region_step(sight) == "gone") == (sight.phase is None)


@pytest.mark.parametrize(
    ("phase", "pushed", "was_ready", "awaited", "step"),
    [
        (None, 0, False, True, "put"),
        ("building", 1, False, True, "follow"),
        ("ready", 1, False, True, "settle"),
        ("failed", 1, False, True, "give-up"),
        ("failed", 0, False, True, "put"),
        ("failed", 1, True, True, "settle"),
        ("degraded", 1, True, False, "settle"),
        ("degraded", 1, False, True, "follow"),
        ("deleting", 0, False, True, "follow"),
        (None, 1, True, False, "lost"),
    ],
)
def test_the_way_to_a_region(phase: str | None, pushed: int, was_ready: bool, awaited: bool, step: str) -> None:
    assert region_step(RegionSight("present", 1, pushed, was_ready, phase, awaited)) == step


def test_a_making_that_stands_still_is_given_up() -> None:
    assert region_step(RegionSight("present", 1, 1, False, "building", True, stalled=True)) == "give-up"
    assert region_step(RegionSight("present", 1, 1, True, "building", True, stalled=True)) == "settle"


def _host(states: dict[str, str], silent: float = 0.0, generation: int = 1, reported: int = 1) -> str:
    sight = HostSight(("hypervisor", "network"), generation, reported, states, NOW - timedelta(seconds=silent))
    return host_state(sight, NOW, 60.0)


def test_an_operation_may_stand_still_longer_on_a_host_that_speaks() -> None:
    assert not host_stalled(True, timedelta(seconds=600), 600)
    assert host_stalled(True, timedelta(seconds=601), 600)
    assert not host_stalled(False, timedelta(seconds=1300), 600), "packages are being installed, or a disk moves"
    assert host_stalled(False, timedelta(days=1), 600)


@pytest.mark.parametrize(
    ("states", "state"),
    [
        ({"hypervisor": "ok", "network": "ok"}, "ok"),
        ({"hypervisor": "ok", "network": "converging"}, "converging"),
        ({"hypervisor": "ok"}, "converging"),
        ({"hypervisor": "ok", "network": "degraded"}, "degraded"),
        ({"hypervisor": "failed", "network": "degraded"}, "failed"),
        ({"hypervisor": "ok", "network": "ok", "image-library": "failed"}, "ok"),
    ],
)
def test_a_host_is_as_well_as_its_worst_role(states: dict[str, str], state: str) -> None:
    assert _host(states) == state


def test_a_silent_host_is_missing() -> None:
    everything = {"hypervisor": "ok", "network": "ok"}
    assert _host(everything, silent=60.0) == "ok"
    assert _host(everything, silent=60.1) == "missing"


def test_an_old_report_says_nothing_about_a_new_generation() -> None:
    assert _host({"hypervisor": "failed", "network": "ok"}, generation=2) == "converging"


def test_a_host_without_report_or_roles_is_pending() -> None:
    assert host_state(HostSight(("network",), 1, 0, {}, None), NOW, 60.0) == "pending"
    assert host_state(HostSight((), 1, 1, {}, NOW), NOW, 60.0) == "pending"


def test_role_states_are_taken_from_what_looks_like_a_report() -> None:
    assert role_states({"network": {"state": "ok"}, "hypervisor": {}, "x": 3}) == {
        "network": "ok",
        "hypervisor": "converging",
    }
