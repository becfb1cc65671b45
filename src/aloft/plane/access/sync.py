"""Passing requests on to a region's sync service, as an administrator of the customer."""

from typing import Any

import httpx

from aloft.base.errors import TemporaryError
from aloft.plane.node_api import NodeApi


class SyncAccess:
    """Calls regions' sync services.

    Args:
        client: reaches the edge's internal listener.
        node: knows the customers' administrators.
        domain: the domain below which customers' names lie.
    """

    def __init__(self, client: httpx.AsyncClient, node: NodeApi, domain: str) -> None:
        self._client = client
        self._node = node
        self._domain = domain

    async def call(
        self,
        customer: str,
        region: str,
        request: tuple[str, str, dict[str, str], bytes],
        actor: str,
        token: str | None,
    ) -> tuple[int, Any]:
        """Pass one request on; gives the answer's status and JSON.

        Args:
            customer: whose region it is.
            region: its name.
            request: method, path below ``/v1/``, query, body.
            actor: who asks, for the trail.
            token: a Keystone token of an administrator of the customer; ``None`` takes the customer's own account.

        Raises:
            TemporaryError: Keystone or the service does not answer.
        """
        method, path, query, body = request
        held = token or await self._token(customer, region)
        headers = {
            "Host": f"sync-api.{region}.{customer}.{self._domain}",
            "X-Auth-Token": held,
            "Aloft-For": actor,
            "Content-Type": "application/json",
        }
        try:
            answer = await self._client.request(
                method, f"/v1/{path}", params=query, content=body, headers=headers, timeout=60.0
            )
            return answer.status_code, answer.json()
        except (httpx.HTTPError, ValueError) as error:
            raise TemporaryError(
                f"The sync service of {customer}/{region} does not answer.", "See `aloft status`, and try again."
            ) from error

    async def _token(self, customer: str, region: str) -> str:
        told = await self._node.credentials(customer, region)
        user = {"name": told.username, "password": told.password, "domain": {"name": "Default"}}
        scope = {"project": {"name": told.project_name, "domain": {"name": "Default"}}}
        body = {"auth": {"identity": {"methods": ["password"], "password": {"user": user}}, "scope": scope}}
        try:
            answer = await self._client.post(
                "/v3/auth/tokens", json=body, headers={"Host": f"identity.{customer}.{self._domain}"}
            )
            return str(answer.headers["X-Subject-Token"])
        except (httpx.HTTPError, KeyError) as error:
            raise TemporaryError(f"The Keystone of customer {customer!r} does not answer.", "Try again.") from error
