"""How `up` talks to the plane: it asks for what is missing, waits for it, and passes on the plane's own words."""

import datetime
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from aloft.base.errors import NotFound, PermanentError, TemporaryError
from aloft.base.paths import Paths
from aloft.install import provider
from aloft.install.installation import Installation
from aloft.install.provider import Plane

REGION = "/v1/customers/demo/regions/demo-1"
HOST = f"{REGION}/hosts/vm"
LONG_AGO = datetime.datetime.min.replace(tzinfo=datetime.UTC)


class FakeClient:
    """Gives the answers it was told to, one after another, the last one for ever; notes what else is asked."""

    def __init__(self, **answers: list[Any]) -> None:
        self.answers = answers
        self.asked: list[tuple[str, str, Mapping[str, Any] | None]] = []

    def call(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, params: Mapping[str, Any] | None = None
    ) -> Any:
        if method != "GET":
            self.asked.append((method, path, body))
            return {}
        left = self.answers[path.rsplit("/", 1)[1].replace("-", "_")]
        answer = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


def plane(tmp_path: Path, client: FakeClient) -> Plane:
    paths = Paths(tmp_path)
    return Plane(paths, Installation(release="2026.2"), tmp_path / "log", lambda *_: client)


def region(phase: str, error: dict[str, str] | None = None) -> dict[str, Any]:
    return {"phase": phase, "error": error}


def host(state: str, **report: Any) -> dict[str, Any]:
    return {"state": state, "report": report, "reported": "2027-01-01T00:00:00Z", "roles": ["network"]}


def test_a_customer_that_is_ready_is_left_alone(tmp_path: Path) -> None:
    client = FakeClient(demo_1=[region("ready")])
    assert plane(tmp_path, client).customer("demo", "demo-1", "2026.2") == "is ready"
    assert client.asked == []


def test_a_missing_customer_is_made_and_waited_for(tmp_path: Path) -> None:
    client = FakeClient(demo_1=[NotFound("no"), region("building"), TemporaryError("restarting"), region("ready")])
    assert plane(tmp_path, client).customer("demo", "demo-1", "2026.2") == "is ready"
    body = {"name": "demo", "region": {"name": "demo-1", "release": "2026.2"}}
    assert client.asked == [("POST", "/v1/customers", body)]


def test_a_customer_that_is_being_made_is_only_waited_for(tmp_path: Path) -> None:
    client = FakeClient(demo_1=[region("building"), region("ready")])
    plane(tmp_path, client).customer("demo", "demo-1", "2026.2")
    assert client.asked == []


def test_a_failed_region_is_told_in_the_planes_words(tmp_path: Path) -> None:
    error = {"message": "The disk is full.", "remedy": "Free some space."}
    client = FakeClient(demo_1=[NotFound("no"), region("failed", error)])
    with pytest.raises(PermanentError, match="disk is full") as caught:
        plane(tmp_path, client).customer("demo", "demo-1", "2026.2")
    assert caught.value.remedy == "Free some space."


def test_a_region_that_never_comes_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provider, "REGION_SECONDS", -1.0)
    client = FakeClient(demo_1=[region("building")])
    with pytest.raises(TemporaryError, match="demo-1 is not ready"):
        plane(tmp_path, client).customer("demo", "demo-1", "2026.2")


def test_a_host_is_waited_for_until_all_its_roles_are_there(tmp_path: Path) -> None:
    client = FakeClient(vm=[host("converging", network={"state": "converging"}), host("ok")])
    assert plane(tmp_path, client).converged("demo", "demo-1", "vm", LONG_AGO) == "are there"


def test_an_old_report_is_not_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provider, "ROLES_SECONDS", -1.0)
    client = FakeClient(vm=[host("ok")])
    now = datetime.datetime(2027, 1, 2, tzinfo=datetime.UTC)
    with pytest.raises(TemporaryError, match="are not there"):
        plane(tmp_path, client).converged("demo", "demo-1", "vm", now)


def test_a_failed_role_is_told_with_its_reason_and_remedy(tmp_path: Path) -> None:
    role = {"state": "failed", "reason": "there is no /dev/net/tun", "remedy": "Load it: modprobe tun"}
    client = FakeClient(vm=[host("failed", network=role)])
    with pytest.raises(PermanentError, match="no /dev/net/tun") as caught:
        plane(tmp_path, client).converged("demo", "demo-1", "vm", LONG_AGO)
    assert "modprobe tun" in caught.value.remedy


def test_a_host_whose_processes_keep_dying_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provider, "DEGRADED_SECONDS", -1.0)
    client = FakeClient(vm=[host("degraded", network={"state": "degraded", "reason": "ovn-controller died"})])
    with pytest.raises(PermanentError, match="ovn-controller died"):
        plane(tmp_path, client).converged("demo", "demo-1", "vm", LONG_AGO)
