"""Who fits on a host that has more on it than it should."""

from hypothesis import given
from hypothesis import strategies as st

from aloft.sync.room import Stock, fitting, parts, reserve

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


def test_of_each_class_those_who_do_not_fit_get_what_is_left():
    stocks = {"VCPU": Stock(8, most=3), "DISK_GB": Stock(25, step=10)}
    wanted = {"first": {"VCPU": 4, "DISK_GB": 30}, "second": {"VCPU": 3, "GPU": 1}, "third": {"DISK_GB": 10}}
    assert parts(stocks, wanted, {}, ["third"]) == {"first": {"VCPU": 3, "DISK_GB": 10}, "second": {"VCPU": 3}}


def test_one_keeps_the_part_that_it_has():
    held = {"one": {"VCPU": 2}}
    assert parts({"VCPU": Stock(0)}, {"one": {"VCPU": 4}}, held, []) == held
    assert parts({"VCPU": Stock(-5)}, {"one": {"VCPU": 4}}, {}, []) == {"one": {}}


def test_what_is_reserved_counts_before_the_ratio_and_is_never_more_than_there_is():
    inventory = dict(INVENTORY)
    reserve(inventory, 3)
    assert inventory["reserved"] == 4
    reserve(inventory, 100)
    assert inventory["reserved"] == 8


@given(free=AMOUNTS, wanted=st.dictionaries(NAMES, AMOUNTS), held=st.dictionaries(NAMES, AMOUNTS))
def test_together_they_never_take_more_than_there_is(free, wanted, held):
    stocks = {name: Stock(many) for name, many in free.items()}
    fits = fitting(stocks, wanted, held)
    granted = {one: wanted[one] for one in fits} | parts(stocks, wanted, held, fits)
    assert granted.keys() == wanted.keys()
    for name, many in free.items():
        change = [given.get(name, 0) - held.get(one, {}).get(name, 0) for one, given in granted.items()]
        assert sum(change) <= many
