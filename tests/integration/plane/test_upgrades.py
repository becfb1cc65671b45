"""Upgrades from request to record, one customer's and many customers', over a real database and a node's jobs."""

from collections.abc import Callable
from typing import Any

from .conftest import PlaneProcess, error_of


def _create(plane: PlaneProcess, name: str, release: str = "2026.1") -> None:
    """A customer of an older release for whom nothing is done by itself."""
    plane.create(name, region={"release": release})
    plane.client.patch(f"/v1/customers/{name}/backup-policy", json={"enabled": False})


def _upgraded(plane: PlaneProcess, *names: str) -> dict[str, Any]:
    """What the node says once a customer's controller is of the newer release."""
    for name in names:
        plane.node.controllers[f"{name}/{name}-1"].body["release"] = "2026.2"
    told = {f"{name}-1": {"release": "2026.2", "services": {}, "limits": {}} for name in names}
    return {"specifications": told, "writes_held_seconds": 1.5}


def _begin(plane: PlaneProcess, path: str, **body: Any) -> str:
    answer = plane.client.post(path, json=body)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["operation"]["id"])


def _shut(plane: PlaneProcess, name: str) -> None:
    """Set a maintenance window that is not open today."""
    days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
    today = plane.sql("SELECT WEEKDAY(UTC_TIMESTAMP())")
    window = {"days": [days[(int(today) + 3) % 7]], "at": "01:00", "hours": 2}
    answer = plane.client.patch(f"/v1/customers/{name}/settings", json={"window": window})
    assert answer.status_code == 200, answer.text


def _of(plane: PlaneProcess, kind: str) -> list[str]:
    return [job["customer"] for job in plane.node.jobs.values() if job["kind"] == kind]


def test_two_upgrades_at_once_are_refused_and_the_first_one_counts(plane: PlaneProcess) -> None:
    _create(plane, "up-one")
    plane.node.results = None
    first = _begin(plane, "/v1/customers/up-one/upgrade")
    for path in ("", "/plan"):
        second = plane.client.post(f"/v1/customers/up-one/upgrade{path}", json={})
        assert second.status_code == 409
        assert "upgrade.start" in error_of(second)["message"] and first in error_of(second)["remedy"]
    plane.node.results = {"upgrade": _upgraded(plane, "up-one")}
    ended = plane.watch(first)
    assert ended["state"] == "succeeded" and ended["result"]["from"] == "2026.1", ended
    shown = plane.client.get("/v1/customers/up-one/upgrade").json()
    assert (shown["release"], shown["kept"]) == ("2026.2", "2026.1")
    assert plane.client.post("/v1/customers/up-one/upgrade", json={"release": "2026.2"}).status_code == 400
    assert _of(plane, "upgrade").count("up-one") == 1


def test_other_pins_of_the_present_release_come_like_an_upgrade(plane: PlaneProcess) -> None:
    _create(plane, "up-pins")
    path = "/v1/customers/up-pins/upgrade"
    assert plane.client.post(path, json={"release": "2026.1"}).status_code == 400, "it has these pins"
    plane.node.pins["2026.1"] = "1f2e3d4c"
    told = {"up-pins-1": {"release": "2026.1", "pins": "1f2e3d4c", "services": {}, "limits": {}}}
    plane.node.results = None
    try:
        begun = _begin(plane, path, release="2026.1")
        plane.node.controllers["up-pins/up-pins-1"].body["pins"] = "1f2e3d4c"
        plane.node.results = {"upgrade": {"specifications": told}, "rollback": {"specifications": told}}
        ended = plane.watch(begun)
        assert ended["state"] == "succeeded" and ended["result"]["from"] == "2026.1", ended
        shown = plane.client.get(path).json()
        assert (shown["release"], shown["pins"], shown["kept"]) == ("2026.1", "1f2e3d4c", "2026.1")
        plane.watch(_begin(plane, f"{path}/rollback"))
        left = [job["arguments"] for job in plane.node.jobs.values() if job["kind"] == "rollback"][-1]
        assert left == {"release": "2026.1", "pins": "1f2e3d4c"}
    finally:
        plane.node.pins.clear()


def test_an_upgrade_is_aborted_and_the_old_release_stays(plane: PlaneProcess) -> None:
    _create(plane, "up-stop")
    assert plane.client.post("/v1/customers/up-stop/upgrade/abort").status_code == 409, "there is none"
    plane.node.results = None
    begun = _begin(plane, "/v1/customers/up-stop/upgrade")
    assert _begin(plane, "/v1/customers/up-stop/upgrade/abort") == begun
    ended = plane.watch(begun)
    assert (ended["state"], ended["error"]["message"]) == ("failed", "It was aborted.")
    shown = plane.client.get("/v1/customers/up-stop/upgrade").json()
    assert (shown["release"], shown["kept"], shown["operation"]) == ("2026.1", "", None)
    for path in ("rollback", "finish"):
        assert plane.client.post(f"/v1/customers/up-stop/upgrade/{path}").status_code == 409


def test_an_upgrade_waits_for_the_window_or_for_leave(plane: PlaneProcess) -> None:
    _create(plane, "up-shut")
    _shut(plane, "up-shut")
    refused = plane.client.post("/v1/customers/up-shut/upgrade", json={})
    assert refused.status_code == 409 and "window" in error_of(refused)["message"]
    plane.node.results = {}
    ended = plane.watch(_begin(plane, "/v1/customers/up-shut/upgrade", any_time=True))
    assert ended["state"] == "failed", "it was tried, and the node refused"


def test_a_wave_begins_with_its_canary_and_stops_at_the_first_failure(plane: PlaneProcess) -> None:
    names = ["up-a", "up-b", "up-c"]
    for name in names:
        _create(plane, name)
    plane.node.results = None
    wave = _begin(plane, "/v1/upgrade-wave", customers=names, canary="up-c")
    again = plane.client.post("/v1/upgrade-wave", json={"customers": names})
    assert again.status_code == 409, "one wave at a time"
    begun = {step["name"]: step["detail"] for step in plane.watch(wave, _running("up-c"))["steps"]}
    plane.watch(begun["up-c"], lambda one: one["state"] != "queued")
    assert _of(plane, "upgrade")[-1] == "up-c"
    plane.node.results = {"upgrade up-c": _upgraded(plane, "up-c")}
    ended = plane.watch(wave)
    assert ended["state"] == "failed" and "up-a" in ended["error"]["message"], ended
    assert {step["name"]: step["state"] for step in ended["steps"]} == {
        "up-c": "done", "up-a": "failed", "up-b": "pending",
    }  # fmt: skip
    shown = plane.client.get("/v1/upgrade-wave").json()
    assert shown["operation"]["id"] == wave
    told = {one["customer"]: (one["release"], one["kept"]) for one in shown["customers"] if one["customer"] in names}
    assert told == {"up-a": ("2026.1", ""), "up-b": ("2026.1", ""), "up-c": ("2026.2", "2026.1")}
    assert "up-b" not in _of(plane, "upgrade")


def test_a_wave_waits_for_windows_and_can_be_stopped(plane: PlaneProcess) -> None:
    _create(plane, "up-late")
    _shut(plane, "up-late")
    wave = _begin(plane, "/v1/upgrade-wave", customers=["up-late"])
    told = plane.watch(wave, lambda one: any("window" in step["detail"] for step in one["steps"]))
    assert told["state"] == "running"
    assert plane.client.post("/v1/upgrade-wave/stop").status_code == 202
    assert plane.watch(wave)["state"] == "cancelled"
    assert plane.client.post("/v1/upgrade-wave/stop").status_code == 409
    assert "up-late" not in _of(plane, "upgrade")
    assert plane.client.post("/v1/upgrade-wave", json={"customers": ["up-late"], "canary": "up-b"}).status_code == 400
    assert plane.client.post("/v1/upgrade-wave", json={"customers": ["nobody"]}).status_code == 404


def _running(name: str) -> Callable[[dict[str, Any]], bool]:
    return lambda told: any(step["name"] == name and step["state"] == "running" for step in told["steps"])
