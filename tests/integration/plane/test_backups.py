"""Backups from request to record, over a real database and a node's jobs."""

from typing import Any

from .conftest import PlaneProcess, error_of
from .enrolling import enrol, token

MADE = {
    "snapshot": "abcd1234", "repository": "local", "local": True, "made": "2026-01-01T00:00:00+00:00", "read": 10,
    "added": 5, "copies": {"far": "", "farther": "It is gone."}, "copied": {"far": ["abcd1234"], "farther": []},
}  # fmt: skip


def _create(plane: PlaneProcess, name: str) -> None:
    """A customer for whom nothing is done by itself."""
    plane.create(name)
    answer = plane.client.patch(f"/v1/customers/{name}/backup-policy", json={"enabled": False})
    assert answer.status_code == 200, answer.text


def _run(plane: PlaneProcess, method: str, path: str, body: Any = None) -> Any:
    answer = plane.client.request(method, path, json=body)
    assert answer.status_code == 202, answer.text
    return plane.watch(answer.json()["operation"]["id"])


def test_a_backup_is_made_proved_and_doubted(plane: PlaneProcess) -> None:
    _create(plane, "acme")
    plane.node.results = {"backup": MADE, "prove": {"tables": 3, "things": 4}}
    ended = _run(plane, "POST", "/v1/customers/acme/backups")
    assert ended["state"] == "succeeded"
    [backup] = plane.client.get("/v1/customers/acme/backups").json()["items"]
    assert ended["result"]["backup"] == backup["id"]
    assert (backup["state"], backup["copies"]) == ("made", MADE["copies"])
    [job] = [job for job in plane.node.jobs.values() if job["kind"] == "backup"]
    assert [row["name"] for row in job["arguments"]["records"]["customer"]] == ["acme"]
    assert [row["name"] for row in job["arguments"]["records"]["region"]] == ["acme-1"]
    _run(plane, "POST", "/v1/customers/acme/backups/newest/prove")
    assert plane.client.get(f"/v1/customers/acme/backups/{backup['id']}").json()["state"] == "proved"
    plane.node.results = {"backup": MADE}
    ended = _run(plane, "POST", f"/v1/customers/acme/backups/{backup['id']}/prove")
    assert ended["error"]["message"] == "It broke."
    shown = plane.client.get(f"/v1/customers/acme/backups/{backup['id']}").json()
    assert shown["state"] == "suspect"
    plane.client.patch("/v1/customers/acme/backup-policy", json={"enabled": True})
    status = plane.client.get("/v1/status").json()["backups"]
    assert [one["state"] for one in status if one["customer"] == "acme"] == ["suspect"]
    kinds = [one["kind"] for one in plane.client.get("/v1/events", params={"limit": 1000}).json()["items"]]
    assert {"backup.made", "backup.copy-failed", "backup.proved", "backup.failed"} <= set(kinds)


def test_a_copy_that_failed_is_made_up_for_by_itself(plane: PlaneProcess) -> None:
    _create(plane, "owed")
    plane.node.results = {"backup": {**MADE, "made": "2026-01-01T00:00:00+00:00"}}
    _run(plane, "POST", "/v1/customers/owed/backups")
    [first] = plane.client.get("/v1/customers/owed/backups").json()["items"]
    assert first["copies"] == MADE["copies"]
    again = {**MADE, "snapshot": "ef012345", "made": "2026-01-02T00:00:00+00:00", "copies": {"far": "", "farther": ""}}
    copied = {"far": ["ef012345"], "farther": ["abcd1234 and the rest of it", "ef012345"]}
    plane.node.results = {"backup": {**again, "copied": copied}}
    _run(plane, "POST", "/v1/customers/owed/backups")
    [_, asked] = [job for job in plane.node.jobs.values() if job["customer"] == "owed"]
    assert asked["arguments"]["owed"] == {"farther": ["abcd1234"]}
    found = plane.client.get("/v1/customers/owed/backups").json()["items"]
    assert [one["copies"] for one in found] == [{"far": "", "farther": ""}] * 2


def test_a_deleted_customer_comes_back_with_its_records(plane: PlaneProcess) -> None:
    _create(plane, "lost")
    plane.node.results = {"backup": {**MADE, "copies": {}, "copied": {}}}
    _run(plane, "POST", "/v1/customers/lost/backups")
    [job] = [job for job in plane.node.jobs.values() if job["customer"] == "lost"]
    records = job["arguments"]["records"]
    controller = plane.node.controllers["lost/lost-1"]
    plane.watch(plane.client.delete("/v1/customers/lost").json()["operation"]["id"])
    assert plane.client.get("/v1/customers/lost").status_code == 404
    specification = {name: controller.body[name] for name in ("release", "services", "limits")}
    plane.node.controllers["lost/lost-1"] = controller
    controller.phase = "ready"
    restored = {"records": records, "made": MADE["made"], "specifications": {"lost-1": specification}}
    plane.node.results = {"restore": restored}
    ended = _run(plane, "POST", "/v1/restores", {"customer": "lost"})
    assert ended["state"] == "succeeded", ended
    told = plane.client.get("/v1/customers/lost").json()
    assert (told["state"], told["regions"][0]["release"]) == ("active", controller.body["release"])
    assert plane.node.puts.count("lost/lost-1") == 1


def test_what_was_removed_of_a_customer_that_is_there_does_not_come_back(plane: PlaneProcess) -> None:
    _create(plane, "keeper")
    where = "/v1/customers/keeper/regions/keeper-1"
    revoked = token(plane, where, "network", uses=2)
    assert enrol(plane, "removed", revoked["token"]).status_code == 200
    plane.node.results = {"backup": {**MADE, "copies": {}}}
    _run(plane, "POST", "/v1/customers/keeper/backups")
    [job] = [job for job in plane.node.jobs.values() if job["customer"] == "keeper"]
    records = job["arguments"]["records"]
    assert [row["name"] for row in records["host"]] == ["removed"] and len(records["host_token"]) == 1
    plane.client.delete(f"{where}/host-tokens/{revoked['id']}").raise_for_status()
    plane.sql(f"DELETE FROM host WHERE id = '{records['host'][0]['id']}'")
    plane.node.results = {"restore": {"records": records, "made": MADE["made"], "specifications": {}}}
    refused = plane.client.post("/v1/restores", json={"customer": "keeper"})
    assert refused.status_code == 409 and "a former one's" in error_of(refused)["message"], "it is older than this one"
    [backup] = plane.client.get("/v1/customers/keeper/backups").json()["items"]
    restore = {"customer": "keeper", "backup": backup["id"]}
    assert _run(plane, "POST", "/v1/restores", restore)["state"] == "succeeded"
    for gone in ("hosts", "host-tokens"):
        assert plane.client.get(f"{where}/{gone}").json()["items"] == []


def test_all_that_a_lost_node_left_is_restored_and_one_failure_stops_no_other(plane: PlaneProcess) -> None:
    _create(plane, "present")
    survey = {"snapshots": {"present": "1" * 64, "bad": "2" * 64}, "missing": ["young"], "gone": ["old"]}
    plane.node.results = {"survey": survey}
    ended = _run(plane, "POST", "/v1/restores/all", {"repository": "local"})
    assert ended["state"] == "succeeded", ended
    result = ended["result"]
    assert (result["here"], result["missing"], result["gone"]) == (["present"], ["young"], ["old"])
    assert list(result["restores"]) == ["bad"]
    failed = plane.watch(result["restores"]["bad"])
    assert failed["state"] == "failed" and failed["kind"] == "backup.restore"
    [job] = [job for job in plane.node.jobs.values() if job["kind"] == "restore" and job["customer"] == "bad"]
    assert job["arguments"] == {"repository": "local", "snapshot": "2" * 64, "at": "latest"}
    kinds = [one["kind"] for one in plane.client.get("/v1/events", params={"limit": 1000}).json()["items"]]
    assert "backup.missing" in kinds
    assert plane.client.post("/v1/restores/all", json={"repository": "nowhere"}).status_code == 400


def test_a_place_that_falls_behind_raises_an_alarm_and_takes_it_back(plane: PlaneProcess) -> None:
    def alarms() -> list[str]:
        told = plane.client.get("/v1/events", params={"limit": 1000}).json()["items"]
        return [one["kind"] for one in told if one["kind"].startswith("repository.") and one["subject"] == "far"]

    def await_event(kind: str, told: dict[str, Any]) -> None:
        with plane.client.stream("GET", "/v1/events/stream") as events:
            plane.node.repositories["far"] = told
            next(line for line in events.iter_lines() if line == f"event: {kind}")

    far = {"name": "far", "url": "/far", "role": "secondary", "behind": 400.0, "late": True, "trouble": "It is gone."}
    await_event("repository.behind", far)
    told = plane.client.get("/v1/backups/status").json()
    assert not told["healthy"]
    assert next(one for one in told["repositories"] if one["name"] == "far")["trouble"] == "It is gone."
    await_event("repository.well", {**far, "late": False, "trouble": ""})
    assert sorted(alarms()) == ["repository.behind", "repository.well"], "each is told once"
    del plane.node.repositories["far"]


def test_a_clock_that_was_in_the_future_does_not_hide_that_a_backup_is_missing(plane: PlaneProcess) -> None:
    _create(plane, "timely")
    plane.node.results = {"backup": {**MADE, "made": "2199-01-01T00:00:00+00:00", "copies": {}}}
    _run(plane, "POST", "/v1/customers/timely/backups")
    plane.sql("UPDATE operation SET created_at = '2199-01-01' WHERE customer = 'timely' AND kind = 'backup.run'")
    plane.node.results = {"backup": {**MADE, "copies": {}, "copied": {}}}
    plane.client.patch("/v1/customers/timely/backup-policy", json={"enabled": True})
    [told] = [one for one in plane.client.get("/v1/backups/status").json()["customers"] if one["customer"] == "timely"]
    assert told["age_seconds"] is None, "what a wrong clock wrote is no backup of today"


def test_two_at_once_and_what_is_not_there_are_refused(plane: PlaneProcess) -> None:
    _create(plane, "busy")
    plane.node.results = None
    first = plane.client.post("/v1/customers/busy/backups").json()["operation"]["id"]
    second = plane.client.post("/v1/customers/busy/backups")
    assert second.status_code == 409
    assert "has not ended" in error_of(second)["message"]
    plane.node.results = {"backup": {**MADE, "copies": {}, "copied": {}}}
    assert plane.watch(first)["state"] == "succeeded"
    assert plane.client.post("/v1/customers/nobody/backups").status_code == 404
    assert plane.client.post("/v1/restores", json={"customer": "nobody"}).status_code == 404


def test_a_policy_is_kept_and_checked(plane: PlaneProcess) -> None:
    plane.create("tidy")
    path = "/v1/customers/tidy/backup-policy"
    assert plane.client.get(path).json() == {"customer": "tidy", "enabled": True, "at": "02:00", "keep_days": 30}
    assert plane.client.patch(path, json={"at": "04:30", "keep_days": 7}).json()["at"] == "04:30"
    assert plane.client.patch(path, json={"at": "24:30"}).status_code == 400
    assert plane.client.get(path).json()["keep_days"] == 7


def test_a_backup_in_a_folder_of_a_node_is_used_only_there(plane: PlaneProcess) -> None:
    _create(plane, "wanderer")
    results = {"backup": MADE, "prove": {"tables": 1, "things": 1}}
    elsewhere = {"repository": "far", "local": False, "made": "2026-01-02T00:00:00+00:00"}
    plane.node.results = results
    _run(plane, "POST", "/v1/customers/wanderer/backups")
    plane.node.results = results | {"backup": {**MADE, **elsewhere}}
    _run(plane, "POST", "/v1/customers/wanderer/backups")
    far, near = plane.client.get("/v1/customers/wanderer/backups").json()["items"]
    assert (far["node"], near["node"]) == (None, plane.node.name)
    plane.sql("UPDATE region SET node = 'elsewhere' WHERE name = 'wanderer-1'")
    plane.node.controllers["wanderer/wanderer-1"].node = "elsewhere"
    path = f"/v1/customers/wanderer/backups/{near['id']}/prove"
    for refused in (
        plane.client.post(path),
        plane.client.post("/v1/restores", json={"customer": "wanderer", "backup": near["id"]}),
    ):
        assert refused.status_code == 409 and "another node" in error_of(refused)["message"], refused.text
    assert _run(plane, "POST", f"/v1/customers/wanderer/backups/{far['id']}/prove")["state"] == "succeeded"
    job = [job for job in plane.node.jobs.values() if job["kind"] == "prove"][-1]
    assert job["customer"] == "" and job["arguments"]["of"] == "wanderer", "so that it is passed on"
    plane.sql("DELETE FROM backup WHERE customer = 'wanderer' AND repository = 'far'")
    assert plane.client.post("/v1/customers/wanderer/backups/newest/prove").status_code == 404
    assert len(plane.client.get("/v1/customers/wanderer/backups").json()["items"]) == 1
