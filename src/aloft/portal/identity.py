"""Logging in: at the customer's own Keystone, or at the plane with a provider's account."""

import re
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlsplit

import httpx

from aloft.base.errors import NotFound
from aloft.portal.answers import NoProject, SessionEnded, TooManyFailures, Unauthenticated, Unreachable
from aloft.portal.sessions import Project, Region, Scope, Session, User

PROVIDER_SECONDS = 8 * 3600
"""Lifetime of a provider's session."""

WRONG = "The user or the password is wrong."
CHECK_LOGIN = "Check both, and the domain, and try again."


class Identity:
    """Asks Keystone and the plane who somebody is.

    Args:
        client: of the edge's listener without TLS.
        domain: DNS domain below which every name lies.
    """

    def __init__(self, client: httpx.AsyncClient, domain: str) -> None:
        self._client = client
        self._domain = domain

    # A customer's users

    async def log_in(self, customer: str, user: str, password: str, user_domain: str, wanted: str | None) -> Session:
        """A session for whoever knows a user's password.

        Args:
            customer: whose Keystone.
            user: the user's name.
            password: the user's password.
            user_domain: name of the user's domain.
            wanted: name or id of a project; ``None`` is the user's default project, or the first one.

        Raises:
            Unauthenticated: the user or the password is wrong; which one is not told.
            NoProject: the user has no role in any project, or not in the one that is wanted.
            Unreachable: Keystone does not answer.
        """
        who = {"name": user, "domain": {"name": user_domain}, "password": password}
        identity = {"methods": ["password"], "password": {"user": who}}
        unscoped, told = await self._authenticate(customer, {"identity": identity, "scope": "unscoped"})
        projects = await self._projects(customer, unscoped)
        default = await self._default_project(customer, unscoped, told["user"]["id"]) if wanted is None else None
        project = _choose(projects, wanted, default)
        return Session(
            face="customer",
            customer=customer,
            user=User(told["user"]["id"], told["user"]["name"], told["user"]["domain"]["name"]),
            projects=projects,
            unscoped=unscoped,
            expires=datetime.fromisoformat(told["expires_at"]).timestamp(),
            scope=await self._scoped(customer, unscoped, project.id),
        )

    async def enter(self, session: Session, project: str) -> Session:
        """The same login, used in another project.

        Raises:
            NotFound: the user has no role in it.
            SessionEnded: the login is worth nothing any more.
        """
        assert session.customer is not None  # noqa: S101  for the type checker: the provider has no projects
        projects = await self.projects(session)
        if project not in {known.id for known in projects}:
            raise NotFound("You have no role in that project.", "Choose one of yours.")
        scope = await self._scoped(session.customer, session.unscoped, project)
        return replace(session.entering(scope), projects=projects)

    async def projects(self, session: Session) -> tuple[Project, ...]:
        """The projects that a login can be used in.

        Raises:
            SessionEnded: it is worth nothing any more.
        """
        assert session.customer is not None  # noqa: S101  for the type checker: the provider has no projects
        return await self._projects(session.customer, session.unscoped)

    async def _scoped(self, customer: str, unscoped: str, project: str) -> Scope:
        asked = time.time()
        token, told = await self._authenticate(
            customer,
            {
                "identity": {"methods": ["token"], "token": {"id": unscoped}},
                "scope": {"project": {"id": project}},
            },
        )
        return Scope(
            project=Project(told["project"]["id"], told["project"]["name"], told["project"]["domain"]["name"]),
            roles=tuple(sorted(role["name"] for role in told.get("roles", []))),
            regions=regions_of(told.get("catalog", []), customer, self._domain),
            token=token,
            asked=asked,
        )

    async def _authenticate(self, customer: str, auth: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
        answer = await self._keystone("POST", customer, "/v3/auth/tokens", json={"auth": auth})
        if answer.status_code in (400, 401, 403, 404):
            if "password" in auth["identity"]["methods"]:
                raise Unauthenticated(WRONG, CHECK_LOGIN)
            raise SessionEnded("Your login has ended.", "Log in again.")
        answer.raise_for_status()
        return answer.headers["X-Subject-Token"], answer.json()["token"]

    async def _projects(self, customer: str, token: str) -> tuple[Project, ...]:
        answer = await self._keystone("GET", customer, "/v3/auth/projects", token)
        if answer.status_code in (401, 404):
            raise SessionEnded("Your login has ended.", "Log in again.")
        answer.raise_for_status()
        listed = [one for one in answer.json()["projects"] if one.get("enabled", True)]
        names = await self._domain_names(customer, token) if listed else {}
        found = [Project(one["id"], one["name"], names.get(one["domain_id"], one["domain_id"])) for one in listed]
        return tuple(sorted(found, key=lambda project: (project.domain, project.name)))

    async def _domain_names(self, customer: str, token: str) -> dict[str, str]:
        """Names of the domains that the user may know; most users know none but the default one."""
        answer = await self._keystone("GET", customer, "/v3/auth/domains", token)
        told = answer.json()["domains"] if answer.is_success else []
        return {"default": "Default", **{one["id"]: one["name"] for one in told}}

    async def _default_project(self, customer: str, token: str, user: str) -> str | None:
        answer = await self._keystone("GET", customer, f"/v3/users/{quote(user)}", token)
        return answer.json()["user"].get("default_project_id") if answer.is_success else None

    # The provider's accounts

    async def log_in_provider(self, account: str, password: str) -> Session:
        """A session for whoever knows the password of a provider's account.

        Raises:
            Unauthenticated: the account or the password is wrong; which one is not told.
            TooManyFailures: too many logins to that account have failed.
            Unreachable: the plane does not answer.
        """
        wish = {"account": account, "password": password, "lifetime": PROVIDER_SECONDS}
        answer = await self._plane("POST", "/v1/tokens", json=wish)
        if answer.status_code in (400, 401, 422):
            raise Unauthenticated("The account or the password is wrong.", "Check both and try again.")
        if answer.status_code == 429:
            raise TooManyFailures(int(answer.headers.get("Retry-After", "1")))
        answer.raise_for_status()
        told = answer.json()
        me = await self._plane("GET", "/v1/me", headers={"Authorization": f"Bearer {told['token']}"})
        me.raise_for_status()
        name = me.json()["name"]
        return Session(
            face="provider",
            customer=None,
            user=User(name, name, ""),
            projects=(),
            unscoped="",
            expires=datetime.fromisoformat(told["expires"]).timestamp(),
            scope=Scope(None, tuple(me.json()["roles"]), (), told["token"]),
        )

    # Both

    async def log_out(self, session: Session) -> None:
        """Make a session's tokens worthless."""
        if session.customer is None:
            await self._plane("DELETE", "/v1/tokens/current", headers=credentials(session))
            return
        for token in session.tokens:
            headers = {"X-Subject-Token": token}
            await self._keystone("DELETE", session.customer, "/v3/auth/tokens", token, headers=headers)

    async def holds(self, session: Session) -> bool:
        """Whether a session's token is still believed by whoever gave it."""
        if session.customer is None:
            answer = await self._plane("GET", "/v1/me", headers=credentials(session))
        else:
            headers = {"X-Subject-Token": session.token}
            answer = await self._keystone("HEAD", session.customer, "/v3/auth/tokens", session.token, headers=headers)
        return answer.is_success

    async def _keystone(
        self,
        method: str,
        customer: str,
        path: str,
        token: str = "",
        headers: Mapping[str, str] = {},
        **options: Any,
    ) -> httpx.Response:
        host = {"Host": f"identity.{customer}.{self._domain}"}
        identity = {"X-Auth-Token": token} if token else {}
        return await self._ask(method, path, {**host, **identity, **headers}, f"Keystone of {customer}", options)

    async def _plane(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str] = {},
        **options: Any,
    ) -> httpx.Response:
        return await self._ask(method, path, {"Host": f"plane.{self._domain}", **headers}, "plane", options)

    async def _ask(
        self, method: str, path: str, headers: Mapping[str, str], whom: str, options: dict[str, Any]
    ) -> httpx.Response:
        try:
            answer = await self._client.request(method, path, headers=headers, timeout=20.0, **options)
        except httpx.TransportError as error:
            raise _silent(whom) from error
        if answer.status_code >= 500:
            raise _silent(whom)
        return answer


def credentials(session: Session) -> dict[str, str]:
    """The headers that show the plane who calls."""
    if session.customer is None:
        return {"Authorization": f"Bearer {session.token}"}
    return {"X-Auth-Token": session.token, "X-Aloft-Customer": session.customer}


def regions_of(catalog: list[dict[str, Any]], customer: str, domain: str) -> tuple[Region, ...]:
    """The regions and services of a catalog whose names lie below the customer's: no other is ever called."""
    found: dict[str, set[str]] = {}
    for service in catalog:
        for endpoint in service.get("endpoints", []):
            if endpoint.get("interface") != "public":
                continue
            region, host = endpoint.get("region_id") or "", urlsplit(endpoint["url"]).hostname or ""
            label = re.fullmatch(
                rf"([a-z-]+)\.(?:{re.escape(region)}\.)?{re.escape(customer)}\.{re.escape(domain)}", host
            )
            if region and label:
                found.setdefault(region, set()).add(label.group(1))
    return tuple(Region(name, tuple(sorted(services))) for name, services in sorted(found.items()))


def _choose(projects: tuple[Project, ...], wanted: str | None, default: str | None) -> Project:
    if wanted is not None:
        chosen = [project for project in projects if wanted in (project.id, project.name)]
        if not chosen:
            raise NoProject(
                f"You have no role in a project {wanted[:64]!r}.", "Leave the project out, or name another."
            )
        return chosen[0]
    if not projects:
        raise NoProject("You have no role in any project.", "Ask your administrator for one.")
    return next((project for project in projects if project.id == default), projects[0])


def _silent(whom: str) -> Unreachable:
    return Unreachable(f"The {whom} does not answer.", "Try again in a moment.", 503)
