"""The plane as ``up`` uses it: through its REST API, with root's own token, like any other administrator."""

import copy
import datetime
import sys
import time
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from aloft.base import files
from aloft.base.errors import NotFound, PermanentError, TemporaryError
from aloft.base.invoke import invoke
from aloft.base.paths import Paths
from aloft.ground import enrolment
from aloft.ground.enrolment import Invitation
from aloft.ground.facts import gather
from aloft.ground.layout import Layout
from aloft.ground.store import Store
from aloft.install import trust
from aloft.install.clouds import Login
from aloft.install.installation import Installation
from aloft.install.nodefile import toml
from aloft.node.settings import PhysicalNetwork

REGION_SECONDS = 300.0
ROLES_SECONDS = 400.0
"""Roles install packages and start libvirt, Open vSwitch, nova-compute and the image library."""

DEGRADED_SECONDS = 90.0
"""A host whose processes die again and again for this long is not waited for any longer."""


class Client(Protocol):
    """A client of the plane's REST API; its errors are those of :mod:`aloft.base.errors`, in the plane's words."""

    def call(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, params: Mapping[str, Any] | None = None
    ) -> Any:
        """One request; gives what the answer's JSON says."""


Connect = Callable[[str, Path, Path], Client]
"""Makes a client from the plane's URL, the file with root's token and the file with the edge's authority."""


class Plane:
    """The management plane of this machine.

    Args:
        paths: where everything lies.
        chosen: domain and port.
        log: the log of this run.
        connect: makes the client, once the token is there.
    """

    def __init__(self, paths: Paths, chosen: Installation, log: Path, connect: Connect) -> None:
        self._paths = paths
        self._url = chosen.url("plane")
        self._log = log
        self._connect = connect

    def administrator(self) -> str:
        """Make sure that root has an account, whose token lies beside ``cli.toml``, and wait for the plane."""
        paths = self._paths
        files.folder(paths.etc)
        bootstrap = ["bootstrap", "--account", "admin", "--token-file", str(self._token_file)]
        bootstrap += ["--password-file", str(paths.etc / "portal.password")]
        command = [sys.executable, "-m", "aloft.plane", "--config", str(paths.etc / "plane.toml"), *bootstrap]
        invoke(command, log=self._log, timeout=120, remedy=f"Look into {paths.log / 'plane.log'}.")
        told = {"url": self._url, "authority": str(trust.authority(paths)), "token_file": str(self._token_file)}
        files.write(paths.etc / "cli.toml", toml(told), mode=0o600)
        self._until(self._healthy, 60, "The plane is not ready")
        return self._url

    def customer(self, name: str, region: str, release: str) -> str:
        """Make a customer with one region unless it is there, and wait until the region is ready."""
        found = self._find(f"/v1/customers/{name}/regions/{region}")
        if found is not None and found["phase"] == "ready":
            return "is ready"
        if found is None or found["phase"] == "failed":
            self._call("POST", "/v1/customers", {"name": name, "region": {"name": region, "release": release}})

        def ready() -> str:
            told = self._call("GET", f"/v1/customers/{name}/regions/{region}")
            if told["phase"] == "failed":
                error = told["error"] or {}
                raise PermanentError(error.get("message") or f"The region {region} failed.", error.get("remedy", ""))
            return "is ready" if told["phase"] == "ready" else ""

        return self._until(ready, REGION_SECONDS, f"The region {region} is not ready")

    def login(self, name: str, region: str) -> Login:
        """How the customer's administrator logs in."""
        told = self._call("GET", f"/v1/customers/{name}/credentials", params={"region": region})
        return Login(**{field: told[field] for field in Login.__dataclass_fields__})

    def networks(self, name: str, region: str, host: str, connected: Mapping[str, PhysicalNetwork]) -> str:
        """See to it that the region's network template says what this machine is connected to as a host."""
        path = f"/v1/customers/{name}/regions/{region}/network-template"
        told = self._call("GET", path)
        wanted = copy.deepcopy(told)
        for network, place in connected.items():
            entry = wanted["physical_networks"].setdefault(network, {"flat": True, "bridge": place.bridge})
            entry.setdefault("hosts", {})[host] = {"bridge": place.bridge, "address": place.address}
        if _without_nothing(wanted) == _without_nothing(told):
            return "is as wanted"
        operation = self._call("PUT", path, wanted)["operation"]["id"]

        def ended() -> str:
            told = self._call("GET", f"/v1/operations/{operation}")
            if told["state"] in ("failed", "cancelled"):
                raise PermanentError(told["error"]["message"], told["error"]["remedy"])
            return ", ".join(sorted(connected)) if told["ended"] else ""

        return self._until(ended, REGION_SECONDS, "The networks are not as wanted")

    def attach(self, name: str, region: str, host: str, roles: tuple[str, ...]) -> str:
        """Enrol this machine unless it is enrolled; one that is gets the roles that are wanted."""
        base = f"/v1/customers/{name}/regions/{region}"
        layout = Layout.of(self._paths)
        found = self._find(f"{base}/hosts/{host}")
        if found is not None and self._is_enrolled(layout, name, region, host):
            if sorted(found["roles"]) == sorted(roles):
                return "is enrolled"
            self._call("PUT", f"{base}/hosts/{host}/roles", {"roles": list(roles)})
            return f"now has the roles {', '.join(roles)}"
        token = self._call("POST", f"{base}/host-tokens", {"roles": list(roles), "uses": 1, "lifetime": 600})
        invitation = Invitation(token["plane_url"], token["token"], host, token["authority"])
        enrolment.enrol(invitation, layout, gather(layout))
        return f"{host}: {', '.join(roles)}"

    def converged(self, name: str, region: str, host: str, since: datetime.datetime) -> str:
        """Wait until the host's roles are there, by a report of the agent that came after ``since``."""

        def look() -> str:
            told = self._call("GET", f"/v1/customers/{name}/regions/{region}/hosts/{host}")
            if not told["reported"] or datetime.datetime.fromisoformat(told["reported"]) < since:
                return ""
            trouble[0] = "; ".join(_role(role, report) for role, report in told["report"].items())
            if told["state"] == "failed":
                raise PermanentError(f"The host {host} failed: {trouble[0]}.", _remedies(told["report"]))
            degraded[0] = (degraded[0] or time.monotonic()) if told["state"] == "degraded" else 0.0
            if degraded[0] and time.monotonic() - degraded[0] > DEGRADED_SECONDS:
                raise PermanentError(f"The host {host} does not get well: {trouble[0]}.", f"Look into {logs}.")
            return "are there" if told["state"] == "ok" else ""

        trouble, degraded, logs = [""], [0.0], self._paths.log / "agent"
        return self._until(look, ROLES_SECONDS, f"The roles of {host} are not there", lambda: trouble[0])

    def status(self) -> dict[str, Any]:
        """The health of everything, as ``GET /v1/status`` tells it."""
        return self._call("GET", "/v1/status")

    def _healthy(self) -> str:
        return "ok" if self._call("GET", "/v1/health")["status"] == "ok" else ""

    def _is_enrolled(self, layout: Layout, customer: str, region: str, host: str) -> bool:
        try:
            identity = Store(layout).identity()
        except PermanentError:
            return False
        return (identity.customer, identity.region, identity.host) == (customer, region, host)

    @property
    def _token_file(self) -> Path:
        return self._paths.etc / "token"

    def _find(self, path: str) -> dict[str, Any] | None:
        try:
            return self._call("GET", path)
        except NotFound:
            return None

    @cached_property
    def _client(self) -> Client:
        return self._connect(self._url, self._token_file, trust.authority(self._paths))

    def _call(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, params: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        return dict(self._client.call(method, path, body, params))

    def _until(
        self, look: Callable[[], str], timeout: float, what: str, trouble: Callable[[], str] = lambda: ""
    ) -> str:
        """Ask until there is an answer; a passing fault does not count."""
        end = time.monotonic() + timeout
        fault = ""
        while True:
            try:
                if answer := look():
                    return answer
                fault = ""
            except TemporaryError as error:
                fault = error.message
            if time.monotonic() > end:
                reason = trouble() or fault
                raise TemporaryError(
                    f"{what} after {timeout:.0f} s{': ' + reason if reason else ''}.", "Run `aloft doctor`."
                )
            time.sleep(0.25)


def _without_nothing(told: Any) -> Any:
    """What is told, without what stands there as nothing."""
    if isinstance(told, dict):
        return {key: _without_nothing(value) for key, value in told.items() if value not in (None, False, [], {})}
    return told


def _role(role: str, report: Mapping[str, Any]) -> str:
    """One role of a host in words: ``hypervisor: converging (Install packages)``."""
    detail = report.get("reason") or report.get("step") or ""
    return f"{role}: {report.get('state', '?')}" + (f" ({detail})" if detail else "")


def _remedies(report: Mapping[str, Mapping[str, Any]]) -> str:
    return " ".join(str(told["remedy"]) for told in report.values() if told.get("remedy"))
