"""When a host counts as missing: hosts that could not be heard are not the ones that were silent."""

from datetime import datetime, timedelta
from types import SimpleNamespace

import pytest

from aloft.plane.hosts import Silence, state_of
from aloft.plane.reconcile.hosts import Hosts
from aloft.plane.records.tables import Host

NOW = datetime(2026, 5, 1)


def _host(silent: float, state: str = "ok") -> Host:
    heard = NOW - timedelta(seconds=silent)
    told = {"hypervisor": {"state": "ok"}}
    return Host(
        name="h1",
        roles=["hypervisor"],
        generation=1,
        reported_generation=1,
        report=told,
        reported_at=heard,
        state=state,
    )


def _listening(seconds: float) -> Silence:
    return Silence(60.0, NOW - timedelta(seconds=seconds))


def test_silence_counts_from_when_somebody_listens() -> None:
    assert state_of(_host(300), NOW, _listening(5)) == "ok"
    assert state_of(_host(300), NOW, _listening(61)) == "missing"
    assert state_of(_host(300), NOW, Silence(60.0)) == "missing"
    assert state_of(_host(20), NOW, _listening(500)) == "ok"


def test_a_host_that_was_missing_before_stays_so_until_it_reports() -> None:
    assert state_of(_host(300, "missing"), NOW, _listening(5)) == "missing"
    assert state_of(_host(1, "missing"), NOW, _listening(5)) == "ok"


@pytest.fixture
def hosts() -> Hosts:
    settings = SimpleNamespace(missing_seconds=60.0)
    return Hosts(None, None, None, None, settings)  # type: ignore[arg-type]  # as far as needed


def test_who_has_not_looked_for_long_begins_to_listen_anew(hosts: Hosts) -> None:
    def listening(after: float) -> datetime | None:
        return hosts._silence(NOW + timedelta(seconds=after)).listening

    assert listening(0) == NOW
    assert listening(5) == listening(30) == NOW
    assert listening(200) == NOW + timedelta(seconds=200), "the database was away"
    assert listening(205) == NOW + timedelta(seconds=200)
