"""OpenStack's APIs, as the service's own user reaches them: one session, plain JSON."""

import configparser
import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from keystoneauth1 import exceptions, session
from keystoneauth1.identity import v3

from aloft.base.errors import AloftError, Conflict, Forbidden, InvalidInput, NotFound, TemporaryError

Json = dict[str, Any]

_AWAY = frozenset({401, 429, 502, 503, 504})
"""A service, or what it needs itself, is not there: what was asked makes no difference."""

_KINDS: dict[int, type[AloftError]] = {403: Forbidden, 404: NotFound, 409: Conflict}


class Broken(AloftError):
    """A service broke at what it was asked; it may answer others."""


class Clients:
    """Calls to the region's APIs.

    Args:
        config: the service's own file.
    """

    def __init__(self, config: Path) -> None:
        told = configparser.RawConfigParser()
        told.read_string(config.read_text())
        self.database = told["database"]["connection"]
        self.image_database = told["image_database"]["connection"]
        login = told["keystone"]
        self.region = login["region_name"]
        auth = v3.Password(
            auth_url=login["auth_url"],
            username=login["username"],
            password=login["password"],
            user_domain_name=login["user_domain_name"],
            project_name=login["project_name"],
            project_domain_name=login["project_domain_name"],
        )
        self.session = session.Session(auth=auth)

    @functools.cached_property
    def user(self) -> str:
        """Identifier of the service's own user."""
        return str(self.session.get_user_id())

    def offers(self, service: str) -> bool:
        """Whether the region has a service of this type.

        Raises:
            TemporaryError: Keystone does not answer.
        """
        try:
            found = self.session.get_endpoint(service_type=service, interface="internal", region_name=self.region)
        except exceptions.ClientException as error:
            raise TemporaryError(f"The identity service does not answer: {error}.") from error
        return found is not None

    def call(
        self,
        service: str,
        method: str,
        path: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """One call; what its answer's JSON says, ``None`` when it says nothing.

        Raises:
            InvalidInput, Forbidden, NotFound, Conflict: the service refused.
            Broken: it failed at this.
            TemporaryError: it does not answer, or is not there.
        """
        try:
            answer = self.session.request(
                path,
                method,
                json=body,
                raise_exc=False,
                headers=dict(headers or {}),
                endpoint_filter={"service_type": service, "interface": "internal", "region_name": self.region},
            )
        except exceptions.ClientException as error:
            raise TemporaryError(f"The {service} service does not answer: {error}.") from error
        if answer.status_code >= 400:
            kind = _kind(answer.status_code)
            raise kind(f"{service} refused {method} {path} with {answer.status_code}: {answer.text[:400]}")
        return answer.json() if answer.content else None


def _kind(status: int) -> type[AloftError]:
    """What a status of 400 or more means for who asked."""
    if status in _AWAY:
        return TemporaryError
    return _KINDS.get(status, InvalidInput if status < 500 else Broken)


class Projects:
    """Keystone's projects, by name and identifier; the one for what nobody owns is made when it is first needed.

    That one has no limits: what is on hosts is there already.
    """

    def __init__(self, clients: Clients) -> None:
        self._clients = clients
        self._found: dict[str, str] = {}
        self._limitless: set[str] = set()

    def ident(self, project: str, make: bool = False) -> str | None:
        """The identifier of a project that is named by name or identifier; ``None`` when there is none."""
        if project not in self._found:
            listed = self._clients.call("identity", "GET", "/projects")["projects"]
            self._found = {one["id"]: one["id"] for one in listed} | {
                one["name"]: one["id"] for one in reversed(listed)
            }
        if project not in self._found and make:
            body = {"project": {"name": project, "description": "Found on hosts, and owned by nobody yet"}}
            try:
                self._found[project] = self._clients.call("identity", "POST", "/projects", body)["project"]["id"]
            except Conflict:
                self._found.clear()
                return self.ident(project)
        found = self._found.get(project)
        if make and found is not None and found not in self._limitless:
            self._lift_limits(found)
            self._limitless.add(found)
        return found

    def _lift_limits(self, project: str) -> None:
        network = {"quota": dict.fromkeys(("network", "subnet", "port"), -1)}
        self._clients.call("network", "PUT", f"/v2.0/quotas/{project}", network)
        compute = {"quota_set": dict.fromkeys(("instances", "cores", "ram"), -1)}
        self._clients.call("compute", "PUT", f"/os-quota-sets/{project}", compute)
