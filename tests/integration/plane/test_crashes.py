"""Whatever is killed in the middle, an operation goes on from where it was."""

from typing import Any

from sqlalchemy import URL

from aloft.plane.records.database import Records
from aloft.plane.records.migrations import HEAD
from aloft.plane.records.tables import Base

from .conftest import SOURCE, MariaDb, PlaneProcess, error_of


def _running(step: str) -> Any:
    return lambda told: any(s["name"] == step and s["state"] == "running" for s in told["steps"])


def test_a_creation_survives_the_death_of_the_plane(plane: PlaneProcess) -> None:
    plane.node.held.add("plane-killed/plane-killed-1")
    operation = plane.client.post("/v1/customers", json={"name": "plane-killed"}).json()["operation"]["id"]
    before = plane.watch(operation, _running("start services"))
    plane.kill()
    plane.node.release("plane-killed/plane-killed-1")
    plane.start()
    ended = plane.watch(operation)
    assert ended["state"] == "succeeded"
    assert ended["started"] == before["started"]
    assert plane.node.puts.count("plane-killed/plane-killed-1") == 1


def test_a_creation_survives_the_death_of_the_node(plane: PlaneProcess) -> None:
    key = "node-killed/node-killed-1"
    plane.node.held.add(key)
    operation = plane.client.post("/v1/customers", json={"name": "node-killed"}).json()["operation"]["id"]
    plane.watch(operation, _running("start services"))
    plane.node.stop()
    silent = plane.watch(operation, lambda told: any("does not answer" in step["detail"] for step in told["steps"]))
    assert silent["state"] == "running"
    plane.node.held.discard(key)
    plane.node.start()
    ended = plane.watch(operation)
    assert ended["state"] == "succeeded"
    assert not any("does not answer" in step["detail"] for step in ended["steps"])


def test_a_creation_survives_the_death_of_the_database(plane: PlaneProcess, mariadb: MariaDb) -> None:
    key = "db-killed/db-killed-1"
    plane.node.held.add(key)
    operation = plane.client.post("/v1/customers", json={"name": "db-killed"}).json()["operation"]["id"]
    plane.watch(operation, _running("start services"))
    mariadb.kill()
    plane.node.release(key)
    answer = plane.client.get("/v1/customers")
    assert answer.status_code == 503
    assert error_of(answer)["code"] == "temporary"
    assert plane.as_().get("/v1/health").json()["database"] == "down"
    mariadb.start()
    assert plane.watch(operation)["state"] == "succeeded"


def test_a_deletion_survives_the_death_of_the_plane(plane: PlaneProcess) -> None:
    key = "gone/gone-1"
    assert plane.create("gone")["state"] == "succeeded"
    plane.node.held.add(key)
    operation = plane.client.delete("/v1/customers/gone").json()["operation"]["id"]
    plane.watch(operation, _running("Remove region gone-1"))
    plane.kill()
    plane.node.release(key)
    plane.start()
    assert plane.watch(operation)["state"] == "succeeded"
    assert key not in plane.node.controllers


def test_a_plane_that_is_told_to_stop_lets_its_watchers_go(plane: PlaneProcess) -> None:
    before = len(plane.log.read_text())
    with plane.client.stream("GET", "/v1/events/stream") as events:
        plane.terminate()
        told = [line for line in events.iter_lines() if line.startswith("data: ")]
    said = plane.log.read_text()[before:]
    plane.start()  # whatever came of it: the tests that follow need it
    assert not told
    assert "Traceback" not in said


def test_the_records_are_as_the_code_wants_them(plane: PlaneProcess) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext
    from alembic.script import ScriptDirectory

    url = URL.create(
        "mysql+pymysql",
        "root",
        database=plane.environment["ALOFT_PLANE_DATABASE_NAME"],
        query={"unix_socket": plane.environment["ALOFT_PLANE_DATABASE_SOCKET"]},
    )
    records = Records(url)
    records.migrate()
    assert ScriptDirectory(str(SOURCE / "aloft/plane/records/migrations")).get_current_head() == HEAD
    with records.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []
    records.close()


def test_bootstrap_keeps_a_token_that_is_good(plane: PlaneProcess) -> None:
    before = plane.token_file.read_text()
    assert plane.token_file.stat().st_mode & 0o777 == 0o600
    plane.run("bootstrap", "--account", "admin", "--token-file", str(plane.token_file))
    assert plane.token_file.read_text() == before
    assert plane.client.get("/v1/me").json()["roles"] == ["admin"]
