"""How hosts come to other software."""

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from aloft.plane import rollout
from aloft.plane.reconcile.decisions import HostState
from aloft.plane.rollout import PATIENCE, HostSight, HostSoftware, Software, Step, next_steps, why_waiting

NOW = datetime(2026, 5, 1, tzinfo=UTC)
OLD, NEW = Software("2026.1", {"tool": "a"}), Software("2026.2", {"tool": "b"})


def _host(name: str, wanted: Software = OLD, state: HostState = "ok", **more: object) -> HostSight:
    return HostSight(name, HostSoftware(wanted), state, **more)  # type: ignore[arg-type]  # a test's shorthand


def _trial(name: str, state: HostState = "ok", age: float = 0, before: HostState = "ok", **more: object) -> HostSight:
    software = HostSoftware(NEW, OLD, NOW - timedelta(seconds=age), state=before)
    return HostSight(name, software, state, **more)  # type: ignore[arg-type]  # a test's shorthand


def test_one_host_begins_and_those_without_roles_come_first() -> None:
    assert next_steps(NEW, [_host("a"), _host("b")], NOW) == [Step("begin", "a")]
    assert next_steps(NEW, [_host("a"), _host("b", state="pending", roles=False)], NOW) == [Step("begin", "b")]


def test_while_one_is_on_trial_no_other_begins() -> None:
    assert next_steps(NEW, [_trial("a", "converging"), _host("b")], NOW) == []
    assert next_steps(NEW, [_trial("a", current=False), _host("b")], NOW) == []


def test_a_host_is_well_with_what_really_runs() -> None:
    assert next_steps(NEW, [_trial("a", running={"tool": "a"})], NOW) == []
    assert next_steps(NEW, [_trial("a", running={"tool": "b"})], NOW) == [Step("settle", "a")]


def test_a_host_that_fails_or_takes_too_long_goes_back() -> None:
    assert next_steps(NEW, [_trial("a", "failed", fault="no disk")], NOW) == [Step("revert", "a", "no disk")]
    late = PATIENCE.total_seconds() + 1
    assert next_steps(NEW, [_trial("a", "missing", late)], NOW)[0].verb == "revert"
    assert next_steps(NEW, [_trial("a", "degraded", late - 2)], NOW) == []


def test_the_better_a_host_is_the_sooner_it_is_tried() -> None:
    hosts = [_host("a", state="failed"), _host("b", state="degraded"), _host("c")]
    assert next_steps(NEW, hosts, NOW) == [Step("begin", "c")]
    assert next_steps(NEW, hosts[:2], NOW) == [Step("begin", "b")]
    assert next_steps(NEW, hosts[:1], NOW) == [Step("begin", "a")]


def test_a_host_need_not_be_better_than_before() -> None:
    late = PATIENCE.total_seconds() + 1
    for before in ("degraded", "failed"):
        assert next_steps(NEW, [_trial("a", before, late, before)], NOW) == [Step("settle", "a")]
        assert next_steps(NEW, [_trial("a", "ok", 0, before)], NOW) == [Step("settle", "a")]
        assert next_steps(NEW, [_trial("a", "missing", late, before)], NOW)[0].verb == "revert"
        assert next_steps(NEW, [_trial("a", before, 0, before, running={"tool": "a"})], NOW) == []
    assert next_steps(NEW, [_trial("a", "failed", 0, "degraded", fault="no disk")], NOW)[0].verb == "revert"
    assert next_steps(NEW, [_trial("a", "degraded", late, "ok")], NOW)[0].verb == "revert"


def test_a_trial_is_kept_with_the_state_that_the_host_was_in() -> None:
    begun = rollout.begun(HostSoftware(OLD), NEW, NOW, "degraded")
    assert rollout.restored(rollout.stored(begun)) == begun
    assert rollout.settled(begun) == HostSoftware(NEW)


def test_who_waits_is_told_why() -> None:
    away, busy = _host("a", state="missing"), _host("b", busy=True)
    assert why_waiting(NEW, away, [away, busy]) == "it is missing"
    assert why_waiting(NEW, busy, [away, busy]) == "something else is being done with it"
    ready = _host("c", state="failed")
    assert why_waiting(NEW, ready, [ready]) == ""
    assert why_waiting(NEW, ready, [ready, _trial("d")]) == "another host is on trial"
    back = HostSight("a", rollout.reverted(HostSoftware(NEW, OLD, NOW), "no disk"), "ok")
    assert why_waiting(NEW, ready, [ready, back]) == "the rollout has halted"


def test_a_host_that_took_its_agent_back_by_itself_is_not_waited_for() -> None:
    away = _trial("a", "missing", current=False, running={"tool": "a"}, refused={"tool": "b"})
    assert next_steps(NEW, [away], NOW)[0].verb == "revert"
    assert next_steps(NEW, [_trial("a", running={"tool": "a"}, refused={"tool": "other"})], NOW) == []


def test_after_one_went_back_the_rollout_halts_until_there_is_other_software() -> None:
    back = HostSight("a", rollout.reverted(HostSoftware(NEW, OLD, NOW), "no disk"), "ok")
    assert back.software.wanted == OLD
    assert next_steps(NEW, [back, _host("b")], NOW) == []
    newer = Software("2026.2", {"tool": "c"})
    assert next_steps(newer, [back, _host("b")], NOW) == [Step("begin", "a")]
    again = HostSight("a", rollout.forgiven(back.software), "ok")
    assert next_steps(NEW, [again, _host("b")], NOW) == [Step("begin", "a")]


def test_hosts_that_are_away_or_busy_wait() -> None:
    assert next_steps(NEW, [_host("a", state="missing"), _host("b", busy=True)], NOW) == []


@settings(deadline=None)
@given(st.lists(st.sampled_from(["ok", "failed"]), min_size=1, max_size=8))
def test_every_rollout_comes_to_an_end_with_one_host_at_a_time(outcomes: list[HostState]) -> None:
    hosts = {str(number): HostSoftware(OLD) for number in range(len(outcomes))}
    for _ in range(4 * len(outcomes)):
        sights = [
            HostSight(name, software, outcomes[int(name)] if software.former else "ok")
            for name, software in hosts.items()
        ]
        assert sum(software.former is not None for software in hosts.values()) <= 1
        for step in next_steps(NEW, sights, NOW):
            before = hosts[step.identity]
            hosts[step.identity] = {
                "begin": lambda one: rollout.begun(one, NEW, NOW, "ok"),
                "settle": rollout.settled,
                "revert": lambda one: rollout.reverted(one, "it failed"),
            }[step.verb](before)
    assert all(software.former is None for software in hosts.values())
    first = next((number for number, outcome in enumerate(outcomes) if outcome == "failed"), len(outcomes))
    assert [hosts[str(number)].wanted == NEW for number in range(len(outcomes))] == [
        number < first for number in range(len(outcomes))
    ]


def test_what_is_stored_is_restored() -> None:
    for software in (
        HostSoftware(OLD),
        HostSoftware(NEW, OLD, NOW),
        HostSoftware(OLD, None, None, NEW, "why"),
    ):
        assert rollout.restored(rollout.stored(software)) == software
