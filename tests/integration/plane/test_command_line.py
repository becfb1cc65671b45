"""The record commands over a plane that runs."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from aloft.base.errors import AloftError, Conflict, InvalidInput, NotFound, PermanentError, TemporaryError
from aloft.cli import live, records
from aloft.cli.output import OperationFailed

from .conftest import PlaneProcess

Run = Callable[..., Result]


@pytest.fixture
def run(plane: PlaneProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command; what goes wrong is raised as the error that ``main`` turns into an exit code."""
    app = typer.Typer()
    for name, group in records.apps.items():
        app.add_typer(group, name=name)
    live.register(app)
    monkeypatch.setenv("ALOFT_URL", f"unix://{plane.socket}")
    monkeypatch.setenv("ALOFT_TOKEN", plane.token_file.read_text().strip())
    monkeypatch.setenv("ALOFT_ROOT", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "200")

    def invoke(*arguments: str, typed: str = "") -> Result:
        result = CliRunner().invoke(app, arguments, input=typed)
        if isinstance(result.exception, AloftError):
            raise result.exception
        return result

    return invoke


def test_a_customers_life(run: Run) -> None:
    result = run("customer", "create", "life", "--display-name", "Life Ltd", "--json")
    assert json.loads(result.stdout)["state"] == "succeeded"
    assert "done   start services" in result.stderr
    assert "Life Ltd" in run("customer", "list").stdout
    assert "life-1" in run("customer", "show", "life").stdout
    assert json.loads(run("region", "show", "life", "life-1", "--json").stdout)["phase"] == "ready"
    assert run("region", "create", "life", "second", "--service", "cinder=off").exit_code == 0
    assert "second" in run("region", "list", "life").stdout
    assert run("region", "delete", "life", "second", "--yes").exit_code == 0
    assert json.loads(run("customer", "credentials", "life").stdout)["region_name"] == "life-1"
    assert run("customer", "delete", "life", "--yes").exit_code == 0
    with pytest.raises(NotFound):
        run("customer", "show", "life")


def test_what_goes_wrong_is_said_with_a_remedy(run: Run, plane: PlaneProcess) -> None:
    run("customer", "create", "wrong")
    with pytest.raises(Conflict, match="already"):
        run("customer", "create", "wrong")
    for arguments in (("Wrong",), ("other", "--release", "2031.1"), ("other", "--service", "cinder")):
        with pytest.raises(InvalidInput) as caught:
            run("customer", "create", *arguments)
        assert caught.value.remedy
    with pytest.raises(InvalidInput, match="nobody to ask"):
        run("customer", "delete", "wrong")
    plane.node.failing.add("fails/fails-1")
    with pytest.raises(OperationFailed) as failed:
        run("customer", "create", "fails")
    assert failed.value.remedy == "Free some memory."


def test_operations_are_watched_and_cancelled(run: Run, plane: PlaneProcess) -> None:
    plane.node.held.add("slow/slow-1")
    begun = json.loads(run("customer", "create", "slow", "--no-wait", "--json").stdout)
    assert begun["state"] in ("queued", "running")
    assert begun["id"] in run("operation", "list", "--customer", "slow").stdout
    run("operation", "cancel", begun["id"])
    plane.node.release("slow/slow-1")
    with pytest.raises(OperationFailed, match="Cancelled"):
        run("operation", "watch", begun["id"])
    assert "cancelled" in run("operation", "show", begun["id"]).stdout


def test_hosts_releases_status_and_logs(run: Run, plane: PlaneProcess) -> None:
    run("customer", "create", "rest")
    told = json.loads(
        run("host", "token", "--customer", "rest", "--region", "rest-1", "--roles", "network", "--json").stdout
    )
    assert told["roles"] == ["network"]
    assert json.loads(run("host", "list", "rest", "--json").stdout) == []
    with pytest.raises(NotFound):
        run("host", "show", "rest", "rest-1", "none")
    assert "2026.2" in run("release", "list").stdout
    assert run("release", "prepare", "2026.1").exit_code == 0
    assert "mariadb" in run("status").stdout
    assert json.loads(run("status", "--json").stdout)["node"]["state"] == "up"
    slot = plane.node.controllers["rest/rest-1"].slot
    assert run("logs", "rest", "nova-api", "-n", "5").stdout == f"slots/{slot}/nova-api of rest 5 False\n"
    assert run("logs", "mariadb").stdout == "mariadb of nobody 100 False\n"


def test_nodes_and_a_move(run: Run, plane: PlaneProcess, tmp_path: Path) -> None:
    run("customer", "create", "mover")
    plane.node.invites_as = "second"
    line = run("node", "invite", "third", "--address", "[2001:db8::1]").stdout
    plane.node.invites_as = "first"
    assert line.count("\n") == 1 and "SECRET" not in line
    file = tmp_path / "invitation"
    file.write_text(line)
    assert "up" in run("node", "add", "--invitation-file", str(file)).stdout
    assert json.loads(run("node", "add", "--invitation-file", "-", "--json", typed=line).stdout)["name"] == "second"
    assert plane.node.added["second"]["address"] == "[2001:db8::1]:7443"
    with pytest.raises(InvalidInput, match="cannot be read"):
        run("node", "add", "--invitation-file", str(tmp_path / "none"))
    assert "this node" in run("node", "list").stdout
    plane.node.peers["second"]["state"] = "down"
    told = run("status", "--json")
    assert told.exit_code == 1 and json.loads(told.stdout)["peers"][0]["state"] == "down"
    plane.node.peers["second"]["state"] = "up"
    spec = {"release": "2026.2", "services": {}, "limits": {}}
    plane.node.results = {"move": {"node": "second", "specifications": {"mover-1": spec}}}
    assert "customer.move mover: succeeded" in run("customer", "move", "mover", "--node", "second").stderr
    assert "mover" in run("node", "show", "second").stdout
    assert "second" in run("region", "list", "mover").stdout and "on second" in run("status").stdout
    with pytest.raises(Conflict):
        run("customer", "abort-move", "mover")
    with pytest.raises(Conflict):
        run("node", "remove", "second", "--yes")
    run("customer", "delete", "mover", "--yes")
    run("node", "remove", "second", "--yes")
    assert [one["name"] for one in json.loads(run("node", "list", "--json").stdout)] == ["first"]


def test_logging_in_keeps_a_token_for_its_owner_only(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    password = "a long enough password\n"
    run("account", "create", "carla", "--role", "operator", "--password-stdin", typed=password)
    assert "carla" in run("account", "list").stdout
    run("account", "login", "carla", "--password-stdin", typed=password)
    kept = tmp_path / "aloft/cli.toml"
    assert kept.stat().st_mode & 0o777 == 0o600
    monkeypatch.delenv("ALOFT_TOKEN")
    monkeypatch.delenv("ALOFT_URL")
    assert "carla" in run("account", "list", "--json").stdout
    run("account", "logout")
    assert not kept.exists()
    with pytest.raises(InvalidInput, match="not known where"):
        run("account", "list")


def test_a_plane_that_is_not_there(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALOFT_URL", "https://127.0.0.1:1")
    with pytest.raises(TemporaryError, match="does not answer"):
        run("customer", "list")


def test_a_wrong_token(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALOFT_TOKEN", "nonsense")
    with pytest.raises(PermanentError, match="unknown or has expired"):
        run("customer", "list")
