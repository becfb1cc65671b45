"""When a maintenance window is open, what holds while networks are on trial, and what the provider's bounds refuse."""

from datetime import UTC, datetime, timedelta

import pytest

from aloft.base.errors import Forbidden
from aloft.controller.rules import AccessRules, lets_in
from aloft.plane import toggles
from aloft.plane.records.tables import CustomerSettings

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)  # a Friday


def row(**values):
    usual = {"customer": "acme", "access": {}, "trial": {}, "trial_until": None, "window": {}, "log_days": 0}
    return CustomerSettings(**{**usual, "bounds": {}, **values})


@pytest.mark.parametrize(
    ("days", "at", "hours", "is_open"),
    [
        (("fri",), "11:00", 2, True),
        (("fri",), "09:00", 2, False),
        (("fri",), "13:00", 2, False),
        (("sat",), "11:00", 2, False),
        (("thu",), "13:00", 24, True),
        (("fri",), "13:00", 24, False),
    ],
)
def test_a_window_belongs_to_the_day_on_which_it_begins(days, at, hours, is_open):
    assert toggles.open_now(row(window={"days": days, "at": at, "hours": hours}), NOW) is is_open


def test_a_window_tells_when_it_closes():
    shown = row(window={"days": ("fri",), "at": "11:00", "hours": 2})
    assert toggles.closing(shown, NOW) == NOW + timedelta(hours=1)
    assert toggles.closing(shown, NOW + timedelta(hours=1)) is None
    assert toggles.closing(row(), NOW) is None


def test_without_a_window_it_is_always_open():
    assert toggles.open_now(row(), NOW)


def test_what_is_on_trial_holds_until_its_time_is_over():
    tried = row(access={"api": ["192.0.2.0/24"]}, trial={"api": ["198.51.100.0/24"]}, trial_until=NOW)
    assert toggles.rules(tried, NOW - timedelta(seconds=1)).access.api == ("198.51.100.0/24",)
    assert toggles.rules(tried, NOW).access.api == ("192.0.2.0/24",)


def test_a_clock_that_is_put_back_makes_no_trial_last():
    tried = row(access={"api": ["192.0.2.0/24"]}, trial={"api": ["198.51.100.0/24"]}, trial_until=NOW)
    assert toggles.rules(tried, NOW - timedelta(days=1)).access.api == ("192.0.2.0/24",)


def test_hosts_may_call_the_apis_and_the_node_is_never_shut_out():
    access = AccessRules(api=("192.0.2.0/24",), links=("198.51.100.7",))
    assert all(lets_in(access.for_api(), one) for one in ("192.0.2.1", "198.51.100.7", "127.0.0.1", "::1"))
    assert not lets_in(access.for_api(), "203.0.113.1") and not lets_in(access.for_links(), "192.0.2.1")
    assert lets_in(access.for_portal(), "203.0.113.1")


@pytest.mark.parametrize(
    "changes",
    [
        {"services": {"cinder": False}},
        {"access": {"api": []}},
        {"backup": {"keep_days": 400}},
        {"log_days": 400},
        {"window": {"days": ["sat"], "at": "01:00", "hours": 1}},
    ],
)
def test_bounds_refuse_what_is_beyond_them(changes):
    bounds = toggles.Bounds(services=(), access=False)
    with pytest.raises(Forbidden) as told:
        toggles._check_bounds(bounds, changes)
    assert told.value.remedy
