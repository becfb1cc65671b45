"""Hosts come to other software one at a time, and go back when it does not do."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aloft.base.builds import STAMP

from .conftest import MariaDb, PlaneProcess
from .enrolling import agent, enrol, token
from .fake_node import FakeNode

REGION = "roll/roll-1"
WHERE = "/v1/customers/roll/regions/roll-1"


@pytest.fixture(scope="module")
def tool(folder: Path) -> Path:
    """The stamp of the agent that this machine serves; other content is another build."""
    stamp = folder / "root/opt/aloft/tool" / STAMP
    stamp.parent.mkdir(parents=True)
    stamp.write_text("first")
    return stamp


@pytest.fixture(scope="module")
def rolling(folder: Path, mariadb: MariaDb, node: FakeNode, tool: Path) -> Iterator[PlaneProcess]:
    plane = PlaneProcess(folder, mariadb, node, "rolling")
    plane.environment["ALOFT_ROOT"] = str(folder / "root")
    plane.start()
    assert plane.create("roll")["state"] == "succeeded"
    for name in ("h1", "h2"):
        assert enrol(plane, name, token(plane, WHERE, "network")["token"]).status_code == 200
        _report(plane, name, "ok")
    yield plane
    plane.close()


def _report(plane: PlaneProcess, name: str, state: str) -> dict[str, Any]:
    """The agent says this of its role, running what it shall."""
    with agent(plane, REGION, name) as speaking:
        wanted: dict[str, Any] = speaking.get("/agent/v1/state").json()
        told = {"generation": wanted["generation"], "facts": {"packages": wanted["packages"]}}
        speaking.post("/agent/v1/report", json={**told, "roles": {"network": {"state": state, "reason": "it broke"}}})
        return wanted


def _begun(plane: PlaneProcess, name: str, known: int) -> dict[str, Any]:
    """What a host is told as soon as its generation is above the one that is known."""
    with agent(plane, REGION, name) as speaking:
        told: dict[str, Any] = speaking.get("/agent/v1/state", params={"known": known, "wait": 30}).json()
        assert told["generation"] > known
        return told


def _updates(plane: PlaneProcess) -> list[dict[str, Any]]:
    items = plane.client.get("/v1/operations", params={"customer": "roll"}).json()["items"]
    return [one for one in items if one["kind"] == "host.update"]


def test_new_software_goes_from_host_to_host_and_back_when_one_fails(rolling: PlaneProcess, tool: Path) -> None:
    before = {name: _report(rolling, name, "ok") for name in ("h1", "h2")}
    tool.write_text("second")
    order = ["h1", "h2"]
    with agent(rolling, REGION, "h1") as speaking:
        told = speaking.get("/agent/v1/state", params={"known": before["h1"]["generation"], "wait": 3}).json()
        if told["generation"] == before["h1"]["generation"]:
            order.reverse()
    first, second = order
    begun = _begun(rolling, first, before[first]["generation"])
    assert begun["packages"] != before[first]["packages"]
    assert _report(rolling, second, "ok")["generation"] == before[second]["generation"]
    _report(rolling, first, "ok")
    assert _begun(rolling, second, before[second]["generation"])["packages"] == begun["packages"]
    _report(rolling, second, "failed")
    back = _begun(rolling, second, before[second]["generation"] + 1)
    assert back["packages"] == before[second]["packages"]
    _report(rolling, second, "ok")
    shown = rolling.client.get(f"{WHERE}/rollout").json()
    assert {one["name"]: one["progress"] for one in shown["hosts"]} == {first: "settled", second: "reverted"}
    assert "it broke" in shown["halted"]
    assert [one["state"] for one in _updates(rolling)] == ["failed", "succeeded"]
    rolling.client.post(f"{WHERE}/rollout/retry").raise_for_status()
    again = _begun(rolling, second, back["generation"])
    assert again["packages"] == begun["packages"]
    _report(rolling, second, "ok")
    rolling.watch(_updates(rolling)[0]["id"])
    assert {one["progress"] for one in rolling.client.get(f"{WHERE}/rollout").json()["hosts"]} == {"settled"}
