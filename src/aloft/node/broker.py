"""What is done in the running RabbitMQ: virtual hosts and users that may use one of them only.

It speaks the broker's management API over HTTP. Every method may be called again with the same arguments.
"""

from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

import httpx

from aloft.base.errors import PermanentError, TemporaryError
from aloft.base.paths import Paths
from aloft.node import rabbitmq

_GONE = 404

LISTENER = "portal"
"""The user that listens to what services notify of: it may read that, in queues of its own, and nothing else."""

NOTIFYING = ("nova", "neutron", "cinder", "glance", "keystone")
"""The exchanges that services notify through."""

_LISTENING = {
    "configure": r"^portal\.",
    "write": r"^portal\.",
    "read": rf"^(portal\..*|{'|'.join(NOTIFYING)})$",
}
_NOTHING_WAITS = {
    # oslo.messaging makes a queue for each kind of notification, which nobody empties: let nothing stay in it.
    "pattern": r"^(versioned_)?notifications\.",
    "definition": {"message-ttl": 0, "max-length": 1},
    "apply-to": "queues",
    "priority": 1,
}


class Broker:
    """The node's RabbitMQ, as its administrator.

    Args:
        paths: where its password lies.
        settings: which port it listens on.
    """

    def __init__(self, paths: Paths, settings: rabbitmq.Settings) -> None:
        self._paths = paths
        self._base = f"http://127.0.0.1:{settings.management_port}/api"
        self._made: set[tuple[str, str, str]] = set()

    async def ping(self) -> None:
        """Have an answer from the broker.

        Raises:
            TemporaryError: there is none.
        """
        await self._call("GET", "/whoami")

    async def vhosts(self) -> frozenset[str]:
        """Names of all virtual hosts."""
        return frozenset(entry["name"] for entry in await self._call("GET", "/vhosts?columns=name"))

    async def users(self) -> frozenset[str]:
        """Names of all users."""
        return frozenset(entry["name"] for entry in await self._call("GET", "/users?columns=name"))

    async def ensure_vhost(self, name: str, connections: int = 1000, queues: int = 10000) -> None:
        """Make a virtual host exist.

        Args:
            name: of the virtual host.
            connections: most connections to it at once, so that one customer cannot use up the broker.
            queues: most queues in it.
        """
        async with self._client() as client:
            await self._call("PUT", f"/vhosts/{_part(name)}", client=client)
            for limit, value in (("max-connections", connections), ("max-queues", queues)):
                await self._call("PUT", f"/vhost-limits/{_part(name)}/{limit}", {"value": value}, client=client)
            await self._let_notify(name, client)

    async def ensure_listener(self, password: str, vhosts: Iterable[str]) -> None:
        """Make the user that listens to notifications exist.

        Args:
            password: its password, set anew.
            vhosts: the virtual hosts that there are already; those made later let it in by themselves.
        """
        async with self._client() as client:
            await self._call("PUT", f"/users/{LISTENER}", {"password": password, "tags": ""}, client=client)
            held = await self._call("GET", f"/users/{LISTENER}/permissions", client=client)
            for vhost in sorted(set(vhosts) - {one["vhost"] for one in held}):
                await self._let_notify(vhost, client)

    async def _let_notify(self, vhost: str, client: httpx.AsyncClient) -> None:
        """Make the exchanges that services notify through, and let the listener in, where there is one yet."""
        await self._call("PUT", f"/policies/{_part(vhost)}/notifications", _NOTHING_WAITS, client=client)
        for exchange in NOTIFYING:
            topic = {"type": "topic", "durable": True}
            await self._call("PUT", f"/exchanges/{_part(vhost)}/{exchange}", topic, client=client)
        known = await self._call("GET", "/users?columns=name", client=client)
        if any(user["name"] == LISTENER for user in known):
            await self._call("PUT", f"/permissions/{_part(vhost)}/{LISTENER}", _LISTENING, client=client)

    async def ensure_user(self, name: str, password: str, vhost: str) -> None:
        """Make a user exist that may do all in one virtual host, and neither use another nor administrate.

        Args:
            name: of the user.
            password: its password, set anew.
            vhost: its virtual host, which must exist; permissions in others are taken away.
        """
        async with self._client() as client:
            await self._call("PUT", f"/users/{_part(name)}", {"password": password, "tags": ""}, client=client)
            everything = {"configure": ".*", "write": ".*", "read": ".*"}
            await self._call("PUT", f"/permissions/{_part(vhost)}/{_part(name)}", everything, client=client)
            for held in await self._call("GET", f"/users/{_part(name)}/permissions", client=client):
                if held["vhost"] != vhost:
                    await self._call("DELETE", f"/permissions/{_part(held['vhost'])}/{_part(name)}", client=client)
        self._made = {one for one in self._made if one[0] != name} | {(name, password, vhost)}

    async def keep_user(self, name: str, password: str, vhost: str) -> None:
        """Make such a user exist, without asking where this process made it already and nothing took it away since."""
        if (name, password, vhost) not in self._made:
            await self.ensure_user(name, password, vhost)

    async def delete_vhost(self, name: str) -> None:
        """Remove a virtual host with its queues; connections to it are closed."""
        self._made = {one for one in self._made if one[2] != name}
        await self._call("DELETE", f"/vhosts/{_part(name)}")

    async def delete_user(self, name: str) -> None:
        """Remove a user; its connections are closed."""
        self._made = {one for one in self._made if one[0] != name}
        await self._call("DELETE", f"/users/{_part(name)}")

    def _client(self) -> httpx.AsyncClient:
        password = rabbitmq.administrator_password(self._paths)
        return httpx.AsyncClient(auth=(rabbitmq.ADMINISTRATOR, password), timeout=30.0, verify=False)  # noqa: S501 - no TLS

    async def _call(
        self, verb: str, path: str, body: dict[str, Any] | None = None, client: httpx.AsyncClient | None = None
    ) -> Any:
        """Make one call; the decoded answer, or ``None`` when it is empty. What is gone already counts as deleted."""
        if client is None:
            async with self._client() as own:
                return await self._call(verb, path, body, own)
        request = client.build_request(verb, self._base + path, json=body, headers={"Content-Type": "application/json"})
        try:
            try:
                answer = await client.send(request)
            except httpx.RemoteProtocolError:  # it closes connections that served long; every call may be made again
                answer = await client.send(request)
        except httpx.TransportError as error:
            raise TemporaryError(f"RabbitMQ does not answer: {error}.", "See the log of 'rabbitmq'.") from error
        if answer.is_success:
            return answer.json() if answer.content else None
        if verb == "DELETE" and answer.status_code == _GONE:
            return None
        raise _refused(verb, path, answer)


def _part(name: str) -> str:
    return quote(name, safe="")


def _refused(verb: str, path: str, answer: httpx.Response) -> PermanentError | TemporaryError:
    message = f"RabbitMQ answered {verb} {path} with {answer.status_code}: {answer.text[:200]}"
    if answer.status_code >= 500:
        return TemporaryError(message, "See the log of 'rabbitmq'.")
    return PermanentError(message, "See the log of 'rabbitmq'.")
