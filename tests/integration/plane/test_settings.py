"""What a customer's administrator sets: it holds at once, is taken back if nobody confirms it, and is written down."""

import httpx

from .conftest import PlaneProcess, error_of

OFFICE = {"api": ["192.0.2.0/24"], "portal": ["192.0.2.0/24", "2001:db8::/32"]}


def _settings(plane: PlaneProcess, name: str) -> str:
    plane.create(name)
    return f"/v1/customers/{name}/settings"


def _await_event(plane: PlaneProcess, kind: str) -> None:
    with plane.client.stream("GET", "/v1/events/stream", params={"after": 0}) as events:
        next(line for line in events.iter_lines() if line == f"event: {kind}")


def test_networks_that_are_confirmed_stay(plane: PlaneProcess) -> None:
    path = _settings(plane, "careful")
    told = plane.client.patch(path, json={"access": OFFICE, "confirm_within": 600}).json()["settings"]
    assert told["access"]["api"] == OFFICE["api"] and told["confirmed"]["api"] == [] and told["confirm_until"]
    outside = plane.client.post(f"{path}/confirm", json={}, headers={"X-Forwarded-For": "203.0.113.9"})
    assert outside.status_code == 409 and "203.0.113.9" in error_of(outside)["message"]
    inside = plane.client.post(f"{path}/confirm", json={}, headers={"X-Forwarded-For": "192.0.2.9"})
    assert inside.status_code == 200 and inside.json()["confirm_until"] is None
    assert inside.json()["confirmed"]["portal"] == OFFICE["portal"]
    assert plane.client.post(f"{path}/confirm", json={}).status_code == 409
    assert plane.node.rules["careful"]["access"]["api"] == OFFICE["api"]


def test_networks_that_nobody_confirms_hold_no_more(plane: PlaneProcess) -> None:
    path = _settings(plane, "hasty")
    with plane.client.stream("GET", "/v1/events/stream") as events:
        plane.client.patch(path, json={"access": OFFICE, "confirm_within": 5})
        next(line for line in events.iter_lines() if line == "event: settings.reverted")
    assert plane.client.get(path).json()["access"]["api"] == []
    actions = [one["action"] for one in plane.client.get("/v1/audit", params={"limit": 1000}).json()["items"]]
    assert {"settings.change", "settings.revert"} <= set(actions)


def test_all_else_is_kept_and_checked(plane: PlaneProcess) -> None:
    path = _settings(plane, "orderly")
    wanted = {
        "services": {"cinder": False},
        "backup": {"at": "03:15", "keep_days": 14},
        "window": {"days": ["sat", "sun"], "at": "01:00", "hours": 4},
        "log_days": 7,
    }
    answer = plane.client.patch(path, json=wanted).json()
    for operation in answer["operations"]:
        assert plane.watch(operation["id"])["state"] == "succeeded"
    told = plane.client.get(path).json()
    assert told["services"]["orderly-1"]["cinder"] is False
    assert (told["backup"]["at"], told["backup"]["keep_days"], told["log_days"]) == ("03:15", 14, 7)
    assert told["window"] == wanted["window"]
    assert plane.client.patch(path, json={"window": None}).json()["settings"]["window"] is None
    for wrong in (
        {"access": {"api": ["192.0.2.1/24"]}},
        {"window": {"at": "25:00", "hours": 2}},
        {"services": {"nonsense": True}},
        {"log_days": None},
    ):
        assert plane.client.patch(path, json=wrong).status_code in (400, 422), wrong


def test_an_administrator_sets_what_is_theirs_within_the_bounds(plane: PlaneProcess) -> None:
    path = _settings(plane, "bounded")
    plane.node.tokens["identity.bounded.aloft.internal", "boss"] = ["admin"]
    boss: httpx.Client = plane.as_(X_Auth_Token="boss", X_Aloft_Customer="bounded")
    assert boss.patch(path, json={"backup": {"keep_days": 300}}).status_code == 200
    assert boss.put(f"{path}/bounds", json={}).status_code == 403
    assert plane.client.put(f"{path}/bounds", json={"keep_days": 30, "access": False}).status_code == 200
    refused = boss.patch(path, json={"backup": {"keep_days": 60}})
    assert refused.status_code == 403 and "30 days" in error_of(refused)["message"]
    policy = "/v1/customers/bounded/backup-policy"
    refused = boss.patch(policy, json={"keep_days": 60})
    assert refused.status_code == 403 and "30 days" in error_of(refused)["message"]
    assert boss.patch(policy, json={"keep_days": 20, "at": "03:30"}).json()["keep_days"] == 20
    assert plane.client.patch(policy, json={"keep_days": 60}).json()["keep_days"] == 60
    assert boss.patch(path, json={"access": OFFICE}).status_code == 403
    assert boss.get("/v1/customers/careful/settings").status_code == 404
