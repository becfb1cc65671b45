"""How often a step is tried, and what is told meanwhile."""

import pytest

from aloft.ground.plan import RoleState
from aloft.ground.retries import BOUND, POLICY, Retries

PROBLEM = RoleState("converging", "Installing it", reason="The archive is away.", remedy="See to the archive.")


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def test_pauses_grow_to_a_bound_and_the_step_counts_as_failed_from_some_try_on(clock):
    retries, states, pauses = Retries(clock), [], []
    for _ in range(12):
        assert retries.waiting("network", "x") is None
        states.append(retries.failed("network", "x", PROBLEM))
        assert retries.waiting("network", "x") == states[-1]
        pauses.append(retries.next())
        clock.now += pauses[-1]
    assert pauses[0] == POLICY.first
    assert pauses == sorted(pauses)
    assert pauses[-1] == POLICY.cap
    assert [state.state for state in states] == ["converging"] * (BOUND - 1) + ["failed"] * (13 - BOUND)
    assert "aloft host retry" in states[-1].remedy
    assert states[-1].reason.startswith(PROBLEM.reason)
    assert states[-1] == states[-2], "what is told has to hold still"


def test_steps_and_roles_are_counted_apart(clock):
    retries = Retries(clock)
    retries.failed("network", "x", PROBLEM)
    assert retries.waiting("network", "y") is None
    assert retries.waiting("hypervisor", "x") is None


def test_success_and_another_wish_begin_anew(clock):
    retries = Retries(clock)
    for end in (lambda: retries.done("network", "x"), retries.forget):
        for _ in range(BOUND):
            retries.failed("network", "x", PROBLEM)
        end()
        assert retries.waiting("network", "x") is None
        assert retries.next() is None
        assert retries.failed("network", "x", PROBLEM).state == "converging"
        retries.forget()
