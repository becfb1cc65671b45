"""Customers and regions from request to rest, over a real database and a node's API."""

from typing import Any

import pytest

from .conftest import PlaneProcess, error_of


def _running(step: str) -> Any:
    return lambda told: any(s["name"] == step and s["state"] == "running" for s in told["steps"])


def test_a_customer_is_created_with_its_first_region(plane: PlaneProcess) -> None:
    ended = plane.create("first", display_name="The First")
    assert ended["state"] == "succeeded"
    assert [step["state"] for step in ended["steps"]] == ["done"] * 4
    assert [step["name"] for step in ended["steps"]][1:] == ["prepare slot", "start services", "check"]
    assert ended["progress"] == 1.0
    assert ended["actor"] == "account:admin"
    told = plane.client.get("/v1/customers/first").json()
    assert (told["state"], told["display_name"]) == ("active", "The First")
    [region] = told["regions"]
    assert (region["name"], region["release"], region["phase"]) == ("first-1", "2026.2", "ready")
    specification = plane.node.controllers["first/first-1"].body
    assert specification["identity"] is True
    assert specification["identity_region"] is None
    assert specification["domain"] == "aloft.internal"
    assert plane.node.puts.count("first/first-1") == 1


@pytest.mark.parametrize(
    ("body", "status", "part"),
    [
        ({"name": "Wrong"}, 400, "DNS label"),
        ({"name": "portal"}, 400, "reserved"),
        ({"name": "other", "region": {"release": "2031.1"}}, 400, "no release"),
        ({"name": "other", "region": {"release": "2025.2"}}, 409, "not ready"),
        ({"name": "other", "region": {"services": {"nova": False}}}, 400, "nova"),
        ({"name": "other", "region": {"limits": {"memory_mib": 1}}}, 400, "memory_mib"),
        ({"nane": "other"}, 400, "nane"),
    ],
)
def test_what_cannot_be_is_refused_and_leaves_nothing(
    plane: PlaneProcess, body: dict[str, Any], status: int, part: str
) -> None:
    answer = plane.client.post("/v1/customers", json=body)
    assert answer.status_code == status
    assert part in error_of(answer)["message"]
    assert plane.client.get("/v1/customers/other").status_code == 404


def test_a_name_is_taken_once(plane: PlaneProcess) -> None:
    plane.create("once")
    answer = plane.client.post("/v1/customers", json={"name": "once"})
    assert answer.status_code == 409
    assert "already" in error_of(answer)["message"]
    assert error_of(answer)["remedy"]


def test_a_failed_creation_is_torn_down_shown_and_can_be_tried_again(plane: PlaneProcess) -> None:
    plane.node.failing.add("broken/broken-1")
    ended = plane.create("broken")
    assert ended["state"] == "failed"
    assert ended["error"]["message"] == "The services did not start."
    assert ended["error"]["remedy"] == "Free some memory."
    assert ended["progress"] < 1
    assert "broken/broken-1" not in plane.node.controllers
    told = plane.client.get("/v1/customers/broken").json()
    assert told["state"] == "failed"
    assert told["regions"][0]["error"]["message"] == "The services did not start."
    plane.node.failing.clear()
    assert plane.create("broken", region={"release": "2026.1"})["state"] == "succeeded"
    assert plane.client.get("/v1/customers/broken").json()["regions"][0]["release"] == "2026.1"


def test_what_the_node_refuses_fails_at_once(plane: PlaneProcess) -> None:
    plane.node.refusing.add("unwanted/unwanted-1")
    ended = plane.create("unwanted")
    assert ended["state"] == "failed"
    assert ended["error"]["message"] == "The node will not have it."
    assert plane.client.get("/v1/customers/unwanted").json()["state"] == "failed"


def test_a_failed_customer_can_be_deleted(plane: PlaneProcess) -> None:
    plane.node.failing.add("hopeless/hopeless-1")
    plane.create("hopeless")
    answer = plane.client.delete("/v1/customers/hopeless")
    assert plane.watch(answer.json()["operation"]["id"])["state"] == "succeeded"
    assert plane.client.get("/v1/customers/hopeless").status_code == 404


def test_a_second_region_joins_the_first_ones_keystone_and_goes_before_it(plane: PlaneProcess) -> None:
    plane.create("two")
    answer = plane.client.post("/v1/customers/two/regions", json={"name": "two-2"})
    assert plane.watch(answer.json()["operation"]["id"])["state"] == "succeeded"
    specification = plane.node.controllers["two/two-2"].body
    assert specification["identity"] is False
    assert specification["identity_region"] == "two-1"
    refused = plane.client.delete("/v1/customers/two/regions/two-1")
    assert refused.status_code == 409
    assert "Keystone" in error_of(refused)["message"]
    answer = plane.client.delete("/v1/customers/two")
    ended = plane.watch(answer.json()["operation"]["id"])
    assert ended["state"] == "succeeded"
    assert {step["name"] for step in ended["steps"]} == {"Remove region two-1", "Remove region two-2"}
    assert not [key for key in plane.node.controllers if key.startswith("two/")]
    order = [key for key in plane.node.deletes if key.startswith("two/")]
    assert order.index("two/two-2") < order.index("two/two-1")


def test_a_region_is_deleted_alone(plane: PlaneProcess) -> None:
    plane.create("three")
    for name in ("a", "a"):
        answer = plane.client.post("/v1/customers/three/regions", json={"name": name})
        assert plane.watch(answer.json()["operation"]["id"])["state"] == "succeeded"
        answer = plane.client.delete(f"/v1/customers/three/regions/{name}")
        assert plane.watch(answer.json()["operation"]["id"])["state"] == "succeeded"
    assert [region["name"] for region in plane.client.get("/v1/customers/three").json()["regions"]] == ["three-1"]


def test_services_and_limits_of_a_region_are_changed(plane: PlaneProcess) -> None:
    plane.create("changed", region={"services": {"cinder": False}})
    body = {"services": {"cinder": True}, "limits": {"memory_mib": 900}}
    answer = plane.client.patch("/v1/customers/changed/regions/changed-1", json=body)
    assert plane.watch(answer.json()["operation"]["id"])["state"] == "succeeded"
    specification = plane.node.controllers["changed/changed-1"].body
    assert specification["services"] == {"cinder": True}
    assert specification["limits"]["memory_mib"] == 900
    assert plane.client.get("/v1/customers/changed/regions/changed-1").json()["generation"] == 2


def test_a_creation_is_cancelled(plane: PlaneProcess) -> None:
    plane.node.held.add("cancelled/cancelled-1")
    answer = plane.client.post("/v1/customers", json={"name": "cancelled"})
    operation = answer.json()["operation"]["id"]
    plane.watch(operation, _running("start services"))
    assert plane.client.post(f"/v1/operations/{operation}/cancel").status_code == 202
    plane.watch(operation, _running("Tear the controller down"))
    plane.node.release("cancelled/cancelled-1")
    assert plane.watch(operation)["state"] == "cancelled"
    assert plane.client.get("/v1/customers/cancelled").json()["state"] == "failed"
    assert "cancelled/cancelled-1" not in plane.node.controllers
    again = plane.client.post(f"/v1/operations/{operation}/cancel")
    assert again.status_code == 409


def test_deleting_what_is_being_made_ends_the_making(plane: PlaneProcess) -> None:
    plane.node.held.add("short/short-1")
    making = plane.client.post("/v1/customers", json={"name": "short"}).json()["operation"]["id"]
    plane.watch(making, _running("start services"))
    ending = plane.client.delete("/v1/customers/short").json()["operation"]["id"]
    assert plane.client.delete("/v1/customers/short").json()["operation"]["id"] == ending
    assert plane.watch(making)["state"] == "cancelled"
    plane.node.release("short/short-1")
    assert plane.watch(ending)["state"] == "succeeded"
    assert plane.client.get("/v1/customers/short").status_code == 404


def test_credentials_are_given_and_noted(plane: PlaneProcess) -> None:
    plane.create("keys")
    answer = plane.client.get("/v1/customers/keys/credentials", params={"region": "keys-1"})
    assert answer.json()["region_name"] == "keys-1"
    assert answer.headers["Cache-Control"] == "no-store"
    entry = plane.client.get("/v1/audit", params={"customer": "keys"}).json()["items"][0]
    assert (entry["action"], entry["actor"], entry["outcome"]) == ("customer.credentials", "account:admin", "accepted")


def test_logs_pass_through(plane: PlaneProcess) -> None:
    plane.create("logs")
    slot = plane.node.controllers["logs/logs-1"].slot
    answer = plane.client.get("/v1/customers/logs/regions/logs-1/logs/nova-api", params={"lines": 7})
    assert answer.text == f"slots/{slot}/nova-api of logs 7 False\n"
    assert plane.client.get("/v1/logs/zygotes/nova").text == "zygotes/nova of nobody 100 False\n"
    assert plane.client.get("/v1/logs/..%2f..%2fetc").status_code == 400


def test_a_degraded_controller_shows_and_recovers(plane: PlaneProcess) -> None:
    plane.create("weak")
    for phase in ("degraded", "ready"):
        with plane.client.stream("GET", "/v1/events/stream") as events:
            plane.node.set_phase("weak/weak-1", phase)
            next(line for line in events.iter_lines() if line == f"event: region.{phase}")
        assert plane.client.get("/v1/customers/weak/regions/weak-1").json()["phase"] == phase


def test_a_controller_that_was_ready_and_vanished_is_not_made_anew(plane: PlaneProcess) -> None:
    plane.create("vanished")
    puts = plane.node.puts.count("vanished/vanished-1")
    with plane.client.stream("GET", "/v1/events/stream") as events:
        kept = plane.node.controllers.pop("vanished/vanished-1")
        next(line for line in events.iter_lines() if line == "event: region.failed")
    region = plane.client.get("/v1/customers/vanished/regions/vanished-1").json()
    assert region["phase"] == "failed"
    assert "no longer knows" in region["error"]["message"]
    with plane.client.stream("GET", "/v1/events/stream") as events:
        plane.node.controllers["vanished/vanished-1"] = kept
        next(line for line in events.iter_lines() if line == "event: region.ready")
    assert plane.node.puts.count("vanished/vanished-1") == puts


def test_a_release_is_prepared(plane: PlaneProcess) -> None:
    states = {one["name"]: one["state"] for one in plane.client.get("/v1/releases").json()["items"]}
    assert states["2025.2"] == "absent"
    answer = plane.client.post("/v1/releases/2025.2/prepare")
    assert plane.watch(answer.json()["operation"]["id"])["state"] == "succeeded"
    assert plane.create("older", region={"release": "2025.2"})["state"] == "succeeded"
    assert plane.client.post("/v1/releases/2031.1/prepare").status_code == 400


def test_status_tells_of_everything(plane: PlaneProcess) -> None:
    plane.create("status")
    told = plane.client.get("/v1/status").json()
    assert told["node"]["state"] == "up"
    assert told["shared"][0]["name"] == "mariadb"
    region = next(one for one in told["regions"] if one["customer"] == "status")
    assert region["components"][0]["name"] == "nova-api"
    assert isinstance(told["healthy"], bool)


def test_operations_are_listed_newest_first(plane: PlaneProcess) -> None:
    plane.create("listed")
    items = plane.client.get("/v1/operations", params={"customer": "listed"}).json()["items"]
    assert [one["kind"] for one in items] == ["customer.create"]
    items = plane.client.get("/v1/operations", params={"state": "succeeded", "limit": 2}).json()["items"]
    assert len(items) == 2
    assert items[0]["created"] > items[1]["created"]


def test_a_watch_goes_on_after_the_last_event(plane: PlaneProcess) -> None:
    operation = plane.create("watched")
    path = f"/v1/operations/{operation['id']}/watch"
    assert "data: " in plane.client.get(path).text
    assert plane.client.get(path, headers={"Last-Event-ID": str(operation["revision"])}).text == ""


def test_the_api_describes_itself(plane: PlaneProcess) -> None:
    told = plane.client.get("/v1/openapi.json").json()
    assert "/v1/customers/{customer}/regions/{region}" in told["paths"]
    assert "/agent/v1/state" in told["paths"]
