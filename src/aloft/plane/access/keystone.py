"""Asking a customer's own Keystone who holds a token.

A token is only ever shown to the Keystone of the customer that the caller names, so one customer's token is worth
nothing with another. An answer is believed for a few seconds, to spare Keystone the same question again and again.
"""

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import httpx

from aloft.base.errors import TemporaryError
from aloft.plane.access.policy import Principal
from aloft.plane.errors import Unauthenticated

ADMIN_ROLE = "admin"
BELIEVED_SECONDS = 10.0
REMEMBERED = 1000


class KeystoneAccess:
    """Tells a customer's administrators and users by a Keystone token.

    Args:
        client: reaches the edge's internal listener.
        domain: the domain below which customers' names lie.
        clock: seconds that only go forward.
    """

    def __init__(self, client: httpx.AsyncClient, domain: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._domain = domain
        self._clock = clock
        self._believed: OrderedDict[str, tuple[float, _Holder]] = OrderedDict()

    async def principal(self, customer: str, token: str) -> Principal:
        """The administrator of ``customer`` who holds ``token``.

        Args:
            customer: name of a customer that exists.
            token: a Keystone token.

        Raises:
            Unauthenticated: Keystone does not know the token, or it lacks the role ``admin``.
            TemporaryError: that Keystone does not answer.
        """
        holder = await self._holder(customer, token)
        if ADMIN_ROLE not in holder.roles:
            raise Unauthenticated(
                f"This token does not carry the role {ADMIN_ROLE!r}.",
                f"Ask Keystone for a token of a user with the role {ADMIN_ROLE!r} in the project it is scoped to.",
            )
        return Principal("customer", holder.name, customer=customer)

    async def user(self, customer: str, token: str) -> str:
        """The name of the user of ``customer`` who holds ``token``, whatever roles it carries.

        Raises:
            Unauthenticated: Keystone does not know the token.
            TemporaryError: that Keystone does not answer.
        """
        return (await self._holder(customer, token)).name

    async def _holder(self, customer: str, token: str) -> "_Holder":
        key = hashlib.sha256(f"{customer}\0{token}".encode()).hexdigest()
        known = self._believed.get(key)
        if known is not None and known[0] > self._clock():
            return known[1]
        holder = await self._ask(customer, token)
        self._believed[key] = (self._clock() + BELIEVED_SECONDS, holder)
        while len(self._believed) > REMEMBERED:
            self._believed.popitem(last=False)
        return holder

    async def _ask(self, customer: str, token: str) -> "_Holder":
        headers = {"Host": f"identity.{customer}.{self._domain}", "X-Auth-Token": token, "X-Subject-Token": token}
        try:
            answer = await self._client.get("/v3/auth/tokens", params={"nocatalog": "1"}, headers=headers)
        except httpx.HTTPError as error:
            raise _silent(customer) from error
        if answer.status_code >= 500:
            raise _silent(customer)
        if answer.status_code != 200:
            raise Unauthenticated(
                f"The Keystone of customer {customer!r} does not accept this token.", "Get a fresh token from it."
            )
        body = answer.json()["token"]
        return _Holder(body["user"]["name"], frozenset(role["name"] for role in body.get("roles", [])))


@dataclass(frozen=True)
class _Holder:
    """Whose a token is, and which roles it carries."""

    name: str
    roles: frozenset[str]


def _silent(customer: str) -> TemporaryError:
    return TemporaryError(f"The Keystone of customer {customer!r} does not answer.", "Try again in a moment.")
