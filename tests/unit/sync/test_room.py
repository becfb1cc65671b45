"""Who fits on a host that has more on it than it should."""

from hypothesis import given
from hypothesis import strategies as st

from aloft.sync.room import Stock, fitting

INVENTORY = {"total": 8, "reserved": 2, "allocation_ratio": 1.5, "min_unit": 1, "max_unit": 4, "step_size": 1}
AMOUNTS = st.fixed_dictionaries({"VCPU": st.integers(0, 9), "MEMORY_MB": st.integers(0, 9)})
NAMES = st.sampled_from("abcdefgh")


def test_what_is_left_is_the_capacity_less_what_is_used():
    assert Stock.of(INVENTORY, 5) == Stock(free=4, least=1, most=4)


def test_one_that_does_not_fit_does_not_keep_out_those_after_it():
    wanted = {"first": {"VCPU": 2}, "large": {"VCPU": 3}, "last": {"VCPU": 2}}
    assert fitting({"VCPU": Stock(4)}, wanted, {}) == ["first", "last"]


def test_nobody_gets_more_than_one_may_have_nor_of_what_there_is_not_nor_a_part_of_a_step():
    stocks = {"VCPU": Stock(free=100, most=4), "DISK_GB": Stock(free=100, step=10)}
    wanted = {"large": {"VCPU": 5}, "strange": {"GPU": 1}, "odd": {"DISK_GB": 15}, "none": {"VCPU": 4, "GPU": 0}}
    assert fitting(stocks, wanted, {}) == ["none"]


def test_what_one_is_counted_with_already_is_given_back():
    assert fitting({"VCPU": Stock(1)}, {"grows": {"VCPU": 3}}, {"grows": {"VCPU": 2}}) == ["grows"]


@given(free=AMOUNTS, wanted=st.dictionaries(NAMES, AMOUNTS), held=st.dictionaries(NAMES, AMOUNTS))
def test_together_they_never_take_more_than_there_is(free, wanted, held):
    stocks = {name: Stock(many) for name, many in free.items()}
    fits = fitting(stocks, wanted, held)
    for name, many in free.items():
        change = [wanted[one][name] - held.get(one, {}).get(name, 0) for one in fits]
        assert sum(change) <= many
