"""The commands on records, as the plane hears of them."""

from typing import Any

import pytest
from typer.testing import CliRunner

from aloft.cli import live, main, records

RUN = CliRunner()
REGION = "/v1/customers/acme/regions/acme-1"
OPERATION = {"id": "o1", "kind": "region.change", "subject": "acme/acme-1"}


class Plane:
    """A plane that knows one region, and keeps what it was asked to change."""

    def __init__(self) -> None:
        self.changed: list[tuple[str, str, Any]] = []

    def call(self, method: str, path: str, body: Any = None, params: Any = None) -> Any:
        if method == "GET":
            return {"limits": {"memory_mib": 2048, "cpu_cores": 2.0}}
        self.changed.append((method, path, body))
        return {"operation": OPERATION}

    def items(self, path: str, params: Any = None) -> list[dict[str, Any]]:
        assert (path, params["customer"]) == ("/v1/audit", "acme")
        entry = {"id": 7, "actor": "account:ann", "action": "customer.change", "subject": "acme", "outcome": "accepted"}
        return [{**entry, "at": "2026-11-20T14:03:10+00:00", "detail": {"display_name": "ACME"}}]


@pytest.fixture
def plane(monkeypatch: pytest.MonkeyPatch) -> Plane:
    made = Plane()
    for module in (live, records):
        monkeypatch.setattr(module, "connect", lambda: made)
    return made


@pytest.mark.parametrize(
    ("options", "body"),
    [
        (["--memory-mib", "4096"], {"limits": {"memory_mib": 4096, "cpu_cores": 2.0}}),
        (["--cpu-cores", "0"], {"limits": {"memory_mib": 2048, "cpu_cores": None}}),
        (["--service", "cinder=off"], {"services": {"cinder": False}}),
    ],
)
def test_a_region_keeps_what_is_not_named(plane: Plane, options: list[str], body: Any) -> None:
    done = RUN.invoke(main.app, ["region", "change", "acme", "acme-1", "--no-wait", *options])
    assert done.exit_code == 0, done.output
    assert plane.changed == [("PATCH", REGION, body)]


def test_a_change_of_nothing_is_refused(plane: Plane) -> None:
    assert RUN.invoke(main.app, ["region", "change", "acme", "acme-1"]).exit_code != 0
    assert not plane.changed


def test_a_customer_is_called_otherwise(plane: Plane) -> None:
    done = RUN.invoke(main.app, ["customer", "change", "acme", "--display-name", "ACME Corporation"])
    assert done.exit_code == 0, done.output
    assert plane.changed == [("PATCH", "/v1/customers/acme", {"display_name": "ACME Corporation"})]


def test_the_audit_trail_says_who_did_what(plane: Plane) -> None:
    done = RUN.invoke(main.app, ["audit", "acme", "--json"])
    assert done.exit_code == 0, done.output
    assert '"customer.change"' in done.output
    assert "ann" in RUN.invoke(main.app, ["audit", "acme"], env={"COLUMNS": "200"}).output
