"""What a node asks of another one's local API, through the trunk between them."""

import asyncio
import contextlib
from collections.abc import AsyncIterable, AsyncIterator, Callable, Mapping
from typing import Any

import httpx

from aloft.base.errors import AloftError, Conflict, Forbidden, InvalidInput, NotFound, PermanentError, TemporaryError
from aloft.daytwo.repositories import RepositoryRequest
from aloft.node.arrivals import State
from aloft.node.peers import Invitation, Peer, Peers

KINDS: Mapping[str, type[AloftError]] = {
    kind.__name__: kind for kind in (InvalidInput, Forbidden, NotFound, Conflict, TemporaryError, PermanentError)
}
POLL_SECONDS = 10.0

ANSWER_SECONDS = 120.0
"""How long another node may take for one answer: it loads rows meanwhile."""


class PeerApi:
    """Another node.

    Args:
        peer: the node.
        client: leads to its local API.
    """

    def __init__(self, peer: Peer, client: httpx.AsyncClient) -> None:
        self._name = peer.name
        self._address = peer.address
        self._client = client

    async def name(self) -> str:
        """What the node that answers is called."""
        return str((await self._call("GET", "/v1/health"))["name"])

    async def invite(self, peer: str) -> Invitation:
        """Have it let a node in, as :meth:`aloft.node.joining.Joining.invite` does."""
        told = await self._call("POST", "/v1/invitations", json={"peer": peer})
        return Invitation(told["name"], told["authority"], told["bundle"])

    async def join(self, name: str, wanted: Mapping[str, Any]) -> None:
        """Have it know a node, by an :class:`aloft.node.joining.PeerRequest`."""
        await self._call("PUT", f"/v1/peers/{name}", json=wanted)

    async def repositories(self) -> list[dict[str, Any]]:
        """The repositories that it knows: ``name``, ``url``, ``role``, ``origin``, and what else it tells."""
        return list(await self._call("GET", "/v1/repositories"))

    async def put_repository(self, name: str, request: RepositoryRequest) -> None:
        """Have it know a repository, with what opens it."""
        wanted = request.model_dump(mode="json") | {
            "password": request.password.get_secret_value() if request.password else None,
            "credentials": {kind: held.get_secret_value() for kind, held in request.credentials.items()},
        }
        await self._call("PUT", f"/v1/repositories/{name}", json=wanted)

    async def remove_repository(self, name: str) -> None:
        """Have it forget a repository."""
        await self._call("DELETE", f"/v1/repositories/{name}")

    async def send(self, ident: str, coming: AsyncIterable[bytes]) -> None:
        """Give it a customer's metadata."""
        await self._call("PUT", f"/v1/arrivals/{ident}", content=coming)

    async def arrive(self, ident: str, customer: str, origin: str, tell: Callable[[str], None]) -> dict[str, Any]:
        """Have it make a customer's controllers work from that.

        Args:
            ident: of the job that moves it.
            customer: its name.
            origin: the node that it comes from.
            tell: is told what is being done.

        Returns:
            What its job says.

        Raises:
            AloftError: it does not work there.
        """
        wanted = {"kind": "arrive", "customer": customer, "arguments": {"from": origin}}
        told = await self._call("PUT", f"/v1/jobs/{ident}", json=wanted)
        try:
            while told["state"] == "running":
                if told["steps"]:
                    tell(told["steps"][-1]["name"])
                query = {"wait": POLL_SECONDS, "known": told["revision"]}
                told = await self._call("GET", f"/v1/jobs/{ident}", params=query)
        except NotFound as error:
            raise PermanentError(f"{self._name} was started anew meanwhile.", "Try again.") from error
        finally:
            await asyncio.shield(self._call("DELETE", f"/v1/jobs/{ident}"))
        if told["state"] == "failed":
            raise PermanentError(f"On {self._name}: {told['error']['message']}", told["error"]["remedy"])
        return dict(told["result"])

    async def written(self, ident: str) -> dict[str, list[str]]:
        """The tables that it may have written since: by region, as ``schema.table``."""
        return dict(await self._call("GET", f"/v1/arrivals/{ident}/written"))

    async def catch_up(self, ident: str, coming: AsyncIterable[bytes]) -> None:
        """Give it the last rows, keys and networks."""
        await self._call("PUT", f"/v1/arrivals/{ident}/last", content=coming)

    async def give_rules(self, customer: str, rules: Mapping[str, Any]) -> None:
        """Have it know a customer's rules."""
        await self._call("PUT", f"/v1/rules/{customer}", json=rules)

    async def serve(self, ident: str) -> None:
        """Have it serve what arrived."""
        await self._call("POST", f"/v1/arrivals/{ident}/serve")

    async def call_off(self, ident: str) -> None:
        """Have it remove what arrived, or comes; returns when that is gone."""
        await self._call("DELETE", f"/v1/jobs/{ident}")
        await self._call("DELETE", f"/v1/arrivals/{ident}")

    async def moves(self, ident: str) -> bool:
        """Whether its job that moves a customer has not ended."""
        try:
            return bool((await self._call("GET", f"/v1/jobs/{ident}"))["state"] == "running")
        except NotFound:
            return False

    async def state(self, ident: str, customer: str) -> State:
        """How far an arrival is there."""
        told: State = (await self._call("GET", f"/v1/arrivals/{ident}", params={"customer": customer}))["state"]
        return told

    async def _call(self, method: str, path: str, **more: Any) -> Any:
        """Ask; what it answers.

        Raises:
            TemporaryError: it does not answer.
            AloftError: it refuses, in its own words.
        """
        try:
            answer = await self._client.request(method, path, **more)
        except httpx.HTTPError as error:
            raise TemporaryError(
                f"The node {self._name} does not answer at {self._address}: {str(error) or type(error).__name__}.",
                "See whether it runs, and whether this port of it can be reached from here.",
            ) from error
        if answer.is_success:
            return answer.json() if answer.content else None
        raise _refusal(self._name, answer)


@contextlib.asynccontextmanager
async def reach(peers: Peers, name: str, seconds: float = ANSWER_SECONDS) -> AsyncIterator[PeerApi]:
    """Another node, for as long as the block lasts.

    Args:
        peers: of this node.
        name: of the other one.
        seconds: that it may take for one answer.

    Raises:
        NotFound: there is no such peer.
    """
    async with peers.client(name, seconds) as client:
        yield PeerApi(peers.get(name), client)


async def moves(peers: Peers, name: str, ident: str) -> bool:
    """Whether a job of another node that moves a customer has not ended.

    Raises:
        NotFound: there is no such peer.
        AloftError: it does not tell.
    """
    async with reach(peers, name) as peer:
        return await peer.moves(ident)


def _refusal(name: str, answer: httpx.Response) -> AloftError:
    """Why a node refuses, in its own words."""
    try:
        told = answer.json()["error"]
        kind = KINDS.get(told["code"], PermanentError if answer.status_code < 500 else TemporaryError)
        return kind(str(told["message"]), str(told.get("remedy", "")))
    except (ValueError, KeyError, TypeError):
        return TemporaryError(f"The node {name} answers with {answer.status_code}.", "See its log.")
