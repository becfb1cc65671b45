"""What is done in the running Keystone of a customer: users of the project of services, each with roles of its own.

Every method may be called again with the same arguments: it brings about what it says and leaves alone what is so
already. Keystone is asked on its own socket, as the customer's administrator.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import httpx

from aloft.base.errors import PermanentError, TemporaryError
from aloft.controller.context import Context

PROJECT = "service"
DOMAIN = "default"
ANSWER_SECONDS = 30.0

_NO_LOGIN, _GONE = 401, 404


class Keystone:
    """The Keystones of the node's customers; remembers which users this process made."""

    def __init__(self) -> None:
        self._made: set[tuple[int, str, str, frozenset[str]]] = set()

    async def keep_user(self, context: Context, name: str, password: str, roles: Iterable[str]) -> None:
        """Make a user exist that has exactly these roles in the project of services, and none elsewhere.

        A user that is there and has that password keeps its tokens.

        Args:
            context: of the controller that hosts Keystone.
            name: of the user.
            password: its password.
            roles: names of its roles.

        Raises:
            TemporaryError: Keystone does not answer.
            PermanentError: Keystone refuses.
        """
        wanted = frozenset(roles)
        mark = (context.slot.number, name, password, wanted)
        if mark in self._made:
            return
        async with _Session(context) as session:
            known = await session.opens(name, password)
            await session.become_administrator()
            await _bring_about(session, name, None if known else password, wanted)
        self._forget(context, name)
        self._made.add(mark)

    async def delete_user(self, context: Context, name: str) -> None:
        """Remove a user; its tokens open nothing any more.

        Raises:
            TemporaryError: Keystone does not answer.
            PermanentError: Keystone refuses.
        """
        self._forget(context, name)
        async with _Session(context) as session:
            await session.become_administrator()
            for user in await session.find("users", name=name, domain_id=DOMAIN):
                await session.call("DELETE", f"/v3/users/{user['id']}")

    async def keep_only(self, context: Context, beginning: str, names: Collection[str]) -> None:
        """Remove the users whose names have this beginning, except those of these names.

        Raises:
            TemporaryError: Keystone does not answer.
            PermanentError: Keystone refuses.
        """
        async with _Session(context) as session:
            await session.become_administrator()
            for user in await session.find("users", domain_id=DOMAIN):
                if user["name"].startswith(beginning) and user["name"] not in names:
                    self._forget(context, user["name"])
                    await session.call("DELETE", f"/v3/users/{user['id']}")

    def _forget(self, context: Context, name: str) -> None:
        self._made = {one for one in self._made if one[:2] != (context.slot.number, name)}


async def _bring_about(session: "_Session", name: str, password: str | None, wanted: frozenset[str]) -> None:
    """Make the user, or give it another ``password``, and have it hold the ``wanted`` roles alone."""
    found = await session.find("users", name=name, domain_id=DOMAIN)
    if not found:
        told = {"name": name, "password": password, "domain_id": DOMAIN, "description": "A host of Aloft"}
        found = [(await session.call("POST", "/v3/users", {"user": told}))["user"]]
    elif password is not None:
        await session.call("PATCH", f"/v3/users/{found[0]['id']}", {"user": {"password": password, "enabled": True}})
    project = (await session.find("projects", name=PROJECT, domain_id=DOMAIN))[0]["id"]
    of_user = {"user.id": found[0]["id"], "scope.project.id": project}
    held = {one["role"]["id"] for one in await session.find("role_assignments", **of_user)}
    for role in await session.find("roles"):
        if (role["name"] in wanted) != (role["id"] in held):
            path = f"/v3/projects/{project}/users/{found[0]['id']}/roles/{role['id']}"
            await session.call("PUT" if role["name"] in wanted else "DELETE", path)


class _Session:
    """A few calls to one Keystone, as nobody until it is told otherwise."""

    def __init__(self, context: Context) -> None:
        self._customer = context.spec.customer
        self._password = context.secrets.admin
        self._client = httpx.AsyncClient(
            transport=httpx.AsyncHTTPTransport(uds=str(context.slot.socket("keystone"))),
            base_url=f"http://{context.host('identity')}",
            timeout=ANSWER_SECONDS,
        )

    async def __aenter__(self) -> "_Session":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def opens(self, name: str, password: str) -> bool:
        """Whether a user can log in, to the project of services, with this password."""
        answer = await self._authenticate(name, password, PROJECT)
        if answer.status_code == _NO_LOGIN:
            return False
        self._checked(answer)
        return True

    async def become_administrator(self) -> None:
        """Make all further calls as the customer's administrator."""
        answer = await self._authenticate("admin", self._password, "admin")
        self._checked(answer)
        self._client.headers["X-Auth-Token"] = answer.headers["X-Subject-Token"]

    async def find(self, what: str, **by: str) -> list[dict[str, Any]]:
        """The entries of a list that have these attributes."""
        answer = await self._ask("GET", f"/v3/{what}", params=by)
        return list(self._checked(answer)[what])

    async def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """What Keystone answers; what is not there can be removed nonetheless."""
        answer = await self._ask(method, path, json=body)
        if method == "DELETE" and answer.status_code == _GONE:
            return None
        return self._checked(answer)

    async def _authenticate(self, name: str, password: str, project: str) -> httpx.Response:
        domain = {"id": DOMAIN}
        user = {"name": name, "password": password, "domain": domain}
        identity = {"methods": ["password"], "password": {"user": user}}
        scope = {"project": {"name": project, "domain": domain}}
        body = {"auth": {"identity": identity, "scope": scope}}
        return await self._ask("POST", "/v3/auth/tokens", params={"nocatalog": "1"}, json=body)

    async def _ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        try:
            return await self._client.request(method, path, **more)
        except httpx.HTTPError as error:
            raise TemporaryError(
                f"The Keystone of customer '{self._customer}' does not answer: {type(error).__name__} {error}.",
                f"See `aloft logs {self._customer}`.",
            ) from error

    def _checked(self, answer: httpx.Response) -> Any:
        if answer.status_code >= 500:
            raise TemporaryError(
                f"The Keystone of customer '{self._customer}' answers with {answer.status_code}.",
                f"See `aloft logs {self._customer}`.",
            )
        if answer.is_error:
            raise PermanentError(f"The Keystone of customer '{self._customer}' refuses: {answer.text[:300]}")
        return answer.json() if answer.content else None
