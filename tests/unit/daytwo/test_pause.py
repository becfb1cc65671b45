"""What a plan says that a switch will take, and how it came to that."""

from hypothesis import given
from hypothesis import strategies as st

from aloft.daytwo.pause import RECENT, Measured, estimate

OWN = Measured(customer="acme", rehearsed=1.0, mib=40.0, held=4.0)
OTHERS = [Measured(customer=f"other-{number}", rehearsed=1.0, mib=40.0, held=float(number)) for number in range(9)]


def test_where_nothing_was_measured_it_is_more_than_the_rehearsal():
    found = estimate("acme", 1.5, 40.0, [])
    assert found.seconds == 4.5 and "no upgrade was measured" in found.basis and "1.5 s" in found.basis


def test_the_last_switch_of_the_customer_tells_most():
    found = estimate("acme", 1.0, 40.0, [OWN.model_copy(update={"held": 9.0}), OWN, *OTHERS])
    assert found.seconds == 4.0 and "this customer's last upgrade took 4.0 s" in found.basis


def test_a_slower_rehearsal_and_larger_databases_lengthen_it_and_nothing_shortens_it():
    assert estimate("acme", 2.0, 40.0, [OWN]).seconds == 8.0
    assert estimate("acme", 1.0, 120.0, [OWN]).seconds == 12.0
    assert estimate("acme", 0.5, 10.0, [OWN]).seconds == 4.0


def test_those_of_others_tell_without_their_names():
    found = estimate("new", 1.0, 40.0, OTHERS)
    assert found.seconds == 8.0 and f"last {RECENT} upgrades on this node" in found.basis and "other" not in found.basis


@given(st.floats(0.01, 100), st.floats(1, 1e5), st.lists(st.floats(0.1, 30), max_size=9))
def test_it_is_never_below_the_rehearsal_of_a_switch_that_took_longer_than_its_own(rehearsed, mib, held):
    measured = [Measured(customer="other", rehearsed=one / 2, mib=40.0, held=one) for one in held]
    assert estimate("acme", rehearsed, mib, measured).seconds >= rehearsed
