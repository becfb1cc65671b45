"""When a process that died is started again."""

from hypothesis import given
from hypothesis import strategies as st

from aloft.supervise.backoff import History, Policy, next_probe, readiness_step

POLICY = Policy()


def died(times: list[float], ready_for: float = 0.0) -> History:
    history = History()
    for now in times:
        history = history.died(now, ready_for, POLICY)
    return history


def test_delays_double_up_to_the_cap():
    delays = [died([0.0] * count).delay(POLICY) for count in range(1, 11)]
    assert delays == [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30.0, 30.0]


def test_nothing_died_nothing_waits():
    assert History().delay(POLICY) == 0.0


def test_five_deaths_within_a_minute_are_a_crash_loop():
    assert not died([0, 10, 20, 30]).looping
    assert died([0, 10, 20, 30, 60]).looping


def test_five_deaths_within_more_than_a_minute_are_not():
    assert not died([0, 10, 20, 30, 60.1]).looping


def test_a_crash_loop_stays_one_when_the_delays_grow():
    assert died([0, 1, 2, 3, 4, 40, 80, 120, 160, 200]).looping


def test_a_stable_process_is_forgiven():
    history = died([0, 1, 2, 3, 4]).died(100, 60.0, POLICY)
    assert not history.looping
    assert history.delay(POLICY) == POLICY.first


@given(st.lists(st.floats(0, 100), max_size=200), st.floats(0, 59))
def test_delays_grow_and_stay_within_bounds(gaps: list[float], ready_for: float):
    history, now, before = History(), 0.0, 0.0
    for gap in gaps:
        now += gap
        history = history.died(now, ready_for, POLICY)
        assert before <= history.delay(POLICY) <= POLICY.cap
        assert len(history.deaths) <= POLICY.loop_deaths
        before = history.delay(POLICY)


@given(st.floats(0, 10_000))
def test_readiness_is_polled_quickly_at_first_and_never_rarely(waited: float):
    step = readiness_step(waited)
    assert 0.01 <= step <= 0.2
    if waited <= 1:
        assert step <= 0.05


@given(st.floats(0, 1e7), st.floats(0.1, 100), st.text(max_size=20))
def test_probes_come_regularly_and_in_few_moments(now: float, interval: float, name: str):
    first = next_probe(now, interval, name)
    second = next_probe(first, interval, name)
    assert interval * 0.499 <= first - now <= interval * 1.501
    assert abs(second - first - interval) < interval / 100
    moment = first / interval * 10
    assert abs(moment - round(moment)) < 0.01


def test_probes_of_many_processes_are_spread():
    moments = {round(next_probe(0, 10, f"slots/{number}/nova-api")) for number in range(200)}
    assert len(moments) == 10
