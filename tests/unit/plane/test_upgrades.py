"""What may be upgraded to, and which hosts stand in the way."""

import pytest

from aloft.base.errors import Conflict, InvalidInput
from aloft.plane.records.tables import Host, Region, Release
from aloft.plane.upgrades import Serving, choose, unwell

RELEASES = [Release(name="2026.1", state="ready"), Release(name="2026.2", state="installed")]


def test_the_newest_release_is_chosen_when_none_is_named() -> None:
    ready = [Release(name="2026.1", state="ready"), Release(name="2026.2", state="ready")]
    assert choose(ready, Serving("2026.1"), None) == "2026.2"
    assert choose(RELEASES, Serving("2026.1"), "2026.2") == "2026.2"


@pytest.mark.parametrize(("present", "wanted"), [("2026.2", "2026.1"), ("2026.2", "2026.2"), ("2026.2", None)])
def test_an_upgrade_leads_to_a_newer_release(present: str, wanted: str | None) -> None:
    with pytest.raises(InvalidInput):
        choose(RELEASES, Serving(present), wanted)


def test_the_present_release_can_be_chosen_when_it_has_other_pins() -> None:
    renewed = [Release(name="2026.1", pins="1f2e3d4c", state="ready"), Release(name="2026.2", state="ready")]
    assert choose(renewed, Serving("2026.1"), "2026.1") == "2026.1"
    with pytest.raises(InvalidInput, match="1f2e3d4c"):
        choose(renewed, Serving("2026.1", "1f2e3d4c"), "2026.1")
    with pytest.raises(InvalidInput):
        choose(renewed, Serving("2026.2"), "2026.1")


def test_a_release_that_is_not_there_is_refused() -> None:
    with pytest.raises(Conflict):
        choose([*RELEASES, Release(name="2027.1", state="absent")], Serving("2026.2"), "2027.1")


def test_hosts_that_work_and_are_not_well_stand_in_the_way() -> None:
    region = Region(name="acme-1")
    hosts = [
        Host(name="a", state="ok", roles=["hypervisor"], region=region),
        Host(name="b", state="missing", roles=["network"], region=region),
        Host(name="c", state="pending", roles=[], region=region),
    ]
    assert unwell(hosts) == ["acme-1/b: missing"]
