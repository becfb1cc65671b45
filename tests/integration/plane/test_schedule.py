"""What the schedule begins by itself, over a real database and a node's jobs."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .conftest import MariaDb, PlaneProcess
from .fake_node import FakeNode
from .test_backups import MADE

DONE = {
    "backup": {**MADE, "copies": {}},
    "prove": {"tables": 1, "things": 1},
    "retain": {"repository": "local", "kept": []},
}


@pytest.fixture
def plane(folder: Path, mariadb: MariaDb, node: FakeNode, request: pytest.FixtureRequest) -> Iterator[PlaneProcess]:
    """A plane with customers of its own, as only one thing at a time is begun by itself."""
    plane = PlaneProcess(folder, mariadb, node, request.node.name[:40])
    node.results = DONE
    plane.start()
    yield plane
    plane.close()
    node.jobs.clear()  # other tests count those that they asked for


def settled(plane: PlaneProcess, name: str) -> None:
    """A customer that was made long enough ago to be backed up."""
    plane.create(name)
    plane.sql(f"UPDATE customer SET created_at = created_at - INTERVAL 6 MINUTE WHERE name = '{name}'")


def backups(plane: PlaneProcess, customer: str | None, many: int, ending: str = "made") -> None:
    """Wait until this many backups of a customer ended so, or checks of places, which are no customer's."""
    with plane.client.stream("GET", "/v1/events/stream", headers={"Last-Event-ID": "0"}) as events:
        told = (json.loads(line.removeprefix("data: ")) for line in events.iter_lines() if line.startswith("data: "))
        ended = (one for one in told if (one["kind"], one["customer"]) == (f"backup.{ending}", customer))
        for _ in range(many):
            next(ended)


def run(plane: PlaneProcess, path: str, body: Any) -> None:
    answer = plane.client.post(path, json=body)
    assert answer.status_code == 202, answer.text
    ended = plane.watch(answer.json()["operation"]["id"])
    assert ended["state"] == "succeeded", ended


def test_a_region_that_is_created_is_in_a_backup_soon(plane: PlaneProcess) -> None:
    settled(plane, "growing")
    backups(plane, "growing", 1)
    run(plane, "/v1/customers/growing/regions", {"name": "second"})
    backups(plane, "growing", 2)


def test_what_was_restored_or_rebuilt_is_backed_up_soon(plane: PlaneProcess) -> None:
    settled(plane, "mended")
    backups(plane, "mended", 1)
    restored = {"records": {}, "made": MADE["made"], "specifications": {}}
    plane.node.results = DONE | {"restore": restored, "rebuild": {"rebuilt": {}, "kept": "/kept"}}
    backup = plane.client.get("/v1/customers/mended/backups").json()["items"][0]
    run(plane, "/v1/restores", {"customer": "mended", "backup": backup["id"]})
    backups(plane, "mended", 2)
    run(plane, "/v1/customers/mended/regions/mended-1/rebuild", {})
    backups(plane, "mended", 3)


def test_a_backup_that_failed_is_tried_again_before_the_night(plane: PlaneProcess) -> None:
    plane.node.results = {}
    settled(plane, "failing")
    backups(plane, "failing", 1, "failed")
    plane.node.results = DONE
    plane.sql("UPDATE operation SET created_at = created_at - INTERVAL 5 MINUTE WHERE kind = 'backup.run'")
    backups(plane, "failing", 1)


def test_a_customer_that_has_the_name_of_one_before_gets_its_first_backup(plane: PlaneProcess) -> None:
    settled(plane, "phoenix")
    backups(plane, "phoenix", 1)
    plane.watch(plane.client.delete("/v1/customers/phoenix").json()["operation"]["id"])
    plane.sql("UPDATE operation SET created_at = created_at - INTERVAL 6 MINUTE WHERE customer = 'phoenix'")
    plane.sql("UPDATE operation SET ended_at = ended_at - INTERVAL 6 MINUTE WHERE customer = 'phoenix'")
    plane.create("phoenix")
    plane.sql("UPDATE operation SET created_at = created_at - INTERVAL 6 MINUTE WHERE customer = 'phoenix'")
    plane.sql("UPDATE customer SET created_at = created_at - INTERVAL 6 MINUTE WHERE name = 'phoenix'")
    backups(plane, "phoenix", 2)


def test_a_backup_that_was_not_proved_does_not_silence_the_alarm(plane: PlaneProcess) -> None:
    settled(plane, "doubtful")
    backups(plane, "doubtful", 1, "proved")
    plane.sql("UPDATE backup SET state = 'made', made_at = UTC_TIMESTAMP() WHERE customer = 'doubtful'")
    plane.sql("UPDATE customer SET created_at = created_at - INTERVAL 27 HOUR WHERE name = 'doubtful'")
    backups(plane, "doubtful", 1, "missed")


def test_each_place_is_read_whole_every_week_and_what_that_finds_is_told(plane: PlaneProcess) -> None:
    def place() -> Any:
        [told] = [one for one in plane.client.get("/v1/repositories").json()["items"] if one["name"] == "local"]
        return told

    assert (place()["checked"], place()["check_failure"]) == (None, "")
    plane.node.results = {"check": {}}
    run(plane, "/v1/repositories/local/check", {})
    passed = place()
    assert passed["checked"] and not passed["late"]
    plane.node.results = {}
    plane.sql("UPDATE operation SET created_at = created_at - INTERVAL 7 DAY WHERE kind = 'backup.check'")
    backups(plane, None, 1, "failed")
    told = place()
    assert told["late"] and told["check_failure"] and told["checked"] == passed["checked"]
    assert not plane.client.get("/v1/backups/status").json()["healthy"]
    plane.node.results = {"check": {}}
    run(plane, "/v1/repositories/local/check", {})
    assert not place()["late"]
