"""What the doctor says about components."""

import datetime

from aloft.install import doctor
from aloft.install.health import Part

NOW = datetime.datetime(2027, 1, 1, tzinfo=datetime.UTC)


def test_all_that_is_well_takes_one_line() -> None:
    findings = doctor.parts([Part("mariadb", "ready"), Part("edge", "ready")], "/var/log/aloft")
    assert [finding.message for finding in findings] == ["all 2 are ready"]


def test_what_is_unwell_is_named_with_its_reason() -> None:
    (finding,) = doctor.parts([Part("mariadb", "crash-loop", "killed"), Part("edge", "ready")], "/var/log/aloft")
    assert (finding.check, finding.level, finding.why) == ("mariadb", "lack", "killed")
    assert finding.remedy


def test_regions_and_hosts_are_judged_by_their_state() -> None:
    error = {"message": "no disk", "remedy": "free some"}
    status = {
        "regions": [
            {"customer": "a", "region": "a-1", "phase": "ready", "error": None},
            {"customer": "b", "region": "b-1", "phase": "failed", "error": error},
            {"customer": "c", "region": "c-1", "phase": "building", "error": None},
        ],
        "hosts": [{"customer": "a", "region": "a-1", "host": "h", "state": "missing"}],
    }
    findings = doctor.regions(status)
    assert [finding.level for finding in findings] == ["ok", "lack", "warning", "lack"]
    assert findings[1].remedy == "free some"


def test_a_node_that_is_down_is_told() -> None:
    up = {"name": "second", "state": "up", "address": "192.0.2.2:7443", "detail": ""}
    findings = doctor.nodes({"peers": [up, {**up, "name": "third", "state": "down", "detail": "no answer"}]})
    assert [finding.level for finding in findings] == ["ok", "lack"]
    assert findings[1].check == "node third" and findings[1].why == "no answer" and findings[1].remedy


def test_a_place_for_backups_that_needs_somebody_is_told() -> None:
    well = {"name": "local", "late": False, "check_failure": "", "trouble": ""}
    behind = {**well, "name": "far", "late": True, "trouble": "no answer"}
    damaged = {**behind, "name": "second", "check_failure": "a pack is gone"}
    findings = doctor.repositories({"repositories": [well, behind, damaged]})
    assert [(one.check, one.why) for one in findings] == [
        ("repository far", "no answer"),
        ("repository second", "a pack is gone"),
    ]


def test_a_certificate_that_ends_soon_is_told() -> None:
    def level(days: float) -> str:
        return doctor.certificate(NOW + datetime.timedelta(days=days), NOW).level

    assert [level(-1), level(5), level(100)] == ["lack", "warning", "ok"]
