"""What the plane asks of a region's own Nova and Neutron about a host, as the customer's administrator.

Calls go through the edge's internal listener by the services' names, as those of the services among themselves do.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import httpx

from aloft.base.errors import Conflict, TemporaryError
from aloft.plane.node_api import NodeApi, NodeCredentials

MICROVERSION = "compute 2.72"
"""Services by id (2.53), live migration that finds out about disks itself (2.25), cold to any host (2.56)."""

Move = Literal["live", "cold", "confirm", "wait"]

BUSY = frozenset({"MIGRATING", "RESIZE", "BUILD", "REBUILD", "REBOOT", "HARD_REBOOT", "REVERT_RESIZE", "PASSWORD"})
RUNNING = frozenset({"ACTIVE", "PAUSED"})


@dataclass(frozen=True)
class Server:
    """An instance on a host; ``task`` is what Nova is doing with it."""

    identity: str
    name: str
    status: str
    task: str = ""
    fault: str = ""

    @property
    def label(self) -> str:
        """Name and id, for a person."""
        return f"{self.name} ({self.identity})"


def next_move(server: Server, live_failed: bool) -> Move:
    """How an instance leaves its host: a running one live unless that failed; others cold; one that moved confirmed."""
    if server.status == "VERIFY_RESIZE":
        return "confirm"
    if server.task or server.status in BUSY:
        return "wait"
    return "live" if server.status in RUNNING and not live_failed else "cold"


class Region:
    """One region's OpenStack, for a few calls: a token is taken at the first.

    Every call raises :class:`TemporaryError` when a service does not answer or answers with a fault of its own, and
    :class:`Conflict` when it refuses.

    Args:
        client: reaches the edge's internal listener.
        credentials: of the customer's administrator.
        customer: the customer's name.
        region: the region's name.
        domain: domain below which the names lie.
    """

    def __init__(
        self, client: httpx.AsyncClient, credentials: NodeCredentials, customer: str, region: str, domain: str
    ) -> None:
        self._client = client
        self._credentials = credentials
        self._customer = customer
        self._region = region
        self._domain = domain
        self._token = ""

    async def servers(self, host: str) -> list[Server]:
        """The instances on a host, of all projects."""
        told = await self._compute("GET", f"/servers/detail?all_tenants=1&limit=1000&host={host}")
        return [
            Server(
                one["id"],
                one["name"],
                one["status"],
                one.get("OS-EXT-STS:task_state") or "",
                (one.get("fault") or {}).get("message", ""),
            )
            for one in told["servers"]
        ]

    async def set_compute(self, host: str, enabled: bool, reason: str = "") -> None:
        """Let new instances come to a host's nova-compute, or not; nothing happens when it has none."""
        body = {"status": "enabled"} if enabled else {"status": "disabled", "disabled_reason": reason}
        for identity in await self._services(host):
            await self._compute("PUT", f"/os-services/{identity}", body)

    async def forget_compute(self, host: str) -> None:
        """Remove the records of a host's nova-compute, with its resource provider; one with instances stays."""
        for identity in await self._services(host):
            try:
                await self._compute("DELETE", f"/os-services/{identity}")
            except Conflict:
                continue

    async def forget_agents(self, host: str) -> None:
        """Remove a host's agents from Neutron, and its chassis with them, so that no router comes there."""
        told = await self._call("network", "GET", f"/v2.0/agents?host={host}")
        for agent in told["agents"]:
            await self._call("network", "DELETE", f"/v2.0/agents/{agent['id']}")

    async def move(self, server: Server, how: Move) -> None:
        """Have an instance moved to another host, or confirm that it was."""
        bodies: Mapping[Move, dict[str, Any]] = {
            "live": {"os-migrateLive": {"host": None, "block_migration": "auto"}},
            "cold": {"migrate": None},
            "confirm": {"confirmResize": None},
        }
        if how in bodies:
            await self._compute("POST", f"/servers/{server.identity}/action", bodies[how])

    async def delete(self, server: Server) -> None:
        """Have an instance deleted."""
        await self._compute("DELETE", f"/servers/{server.identity}")

    async def _services(self, host: str) -> list[str]:
        told = await self._compute("GET", f"/os-services?binary=nova-compute&host={host}")
        return [str(one["id"]) for one in told["services"]]

    async def _compute(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        return await self._call("compute", method, f"/v2.1{path}", body)

    async def _call(self, service: str, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        if not self._token:
            self._token = await self._authenticate()
        name = f"{service}.{self._region}.{self._customer}.{self._domain}"
        headers = {"Host": name, "X-Auth-Token": self._token, "OpenStack-API-Version": MICROVERSION}
        answer = await self._ask(method, path, headers, body)
        return answer.json() if answer.content else None

    async def _authenticate(self) -> str:
        login = self._credentials
        user = {"name": login.username, "password": login.password, "domain": {"name": login.user_domain_name}}
        project = {"name": login.project_name, "domain": {"name": login.project_domain_name}}
        identity = {"methods": ["password"], "password": {"user": user}}
        headers = {"Host": f"identity.{self._customer}.{self._domain}"}
        body = {"auth": {"identity": identity, "scope": {"project": project}}}
        answer = await self._ask("POST", "/v3/auth/tokens?nocatalog=1", headers, body)
        return answer.headers["X-Subject-Token"]

    async def _ask(
        self, method: str, path: str, headers: Mapping[str, str], body: Mapping[str, Any] | None
    ) -> httpx.Response:
        service = headers["Host"].partition(".")[0]
        try:
            answer = await self._client.request(method, path, headers=dict(headers), json=body)
        except httpx.HTTPError as error:
            raise TemporaryError(
                f"The {service} service of region {self._region!r} does not answer.", "Try again in a moment."
            ) from error
        if answer.status_code >= 500 or answer.status_code == 401:
            raise TemporaryError(
                f"The {service} service of region {self._region!r} answered with {answer.status_code}.",
                f"See `aloft logs {self._customer}`.",
            )
        if answer.is_error and answer.status_code != 404:
            raise Conflict(f"The {service} service refuses: {_words(answer)}", "See what the instance is doing.")
        if answer.status_code == 404 and method == "GET":
            raise TemporaryError(f"The {service} service of region {self._region!r} is not there.", "Try again.")
        return answer


async def connect(node: NodeApi, client: httpx.AsyncClient, customer: str, region: str, domain: str) -> Region:
    """A region's OpenStack, with the login that the node holds.

    Raises:
        NotFound: the node has no such controller.
        TemporaryError: the node does not answer.
    """
    return Region(client, await node.credentials(customer, region), customer, region, domain)


def _words(answer: httpx.Response) -> str:
    """What a refusal says; OpenStack's services wrap it in an object with one name or another."""
    try:
        told = next(iter(answer.json().values()))
        return str(told["message"])
    except (ValueError, KeyError, TypeError, StopIteration, AttributeError):
        return f"status {answer.status_code}."
