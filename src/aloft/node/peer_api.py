"""What a node asks of another one's local API, through the trunk between them."""

import asyncio
import contextlib
from collections.abc import AsyncIterable, AsyncIterator, Callable, Mapping
from typing import Any

import httpx

from aloft.base.errors import AloftError, Conflict, Forbidden, InvalidInput, NotFound, PermanentError, TemporaryError
from aloft.node.arrivals import State
from aloft.node.peers import Peers

KINDS: Mapping[str, type[AloftError]] = {
    kind.__name__: kind for kind in (InvalidInput, Forbidden, NotFound, Conflict, TemporaryError, PermanentError)
}
POLL_SECONDS = 10.0

ANSWER_SECONDS = 120.0
"""How long another node may take for one answer: it loads rows meanwhile."""


class PeerApi:
    """Another node.

    Args:
        name: the node's.
        client: leads to its local API.
    """

    def __init__(self, name: str, client: httpx.AsyncClient) -> None:
        self._name = name
        self._client = client

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
        """Have it remove what arrived."""
        await self._call("DELETE", f"/v1/arrivals/{ident}")

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
                f"The node {self._name} does not answer: {error or type(error).__name__}.", "See `aloft node list`."
            ) from error
        if answer.is_success:
            return answer.json() if answer.content else None
        raise refusal(self._name, answer)


@contextlib.asynccontextmanager
async def reach(peers: Peers, name: str) -> AsyncIterator[PeerApi]:
    """Another node, for as long as the block lasts.

    Raises:
        NotFound: there is no such peer.
    """
    async with peers.client(name, ANSWER_SECONDS) as client:
        yield PeerApi(name, client)


def refusal(name: str, answer: httpx.Response) -> AloftError:
    """Why a node refuses, in its own words."""
    try:
        told = answer.json()["error"]
        kind = KINDS.get(told["code"], PermanentError if answer.status_code < 500 else TemporaryError)
        return kind(str(told["message"]), str(told.get("remedy", "")))
    except (ValueError, KeyError, TypeError):
        return TemporaryError(f"The node {name} answers with {answer.status_code}.", "See its log.")
