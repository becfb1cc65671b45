"""Dependencies of the routes: the plane itself, who calls, and whether they may."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import Depends, Header, Request
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer

from aloft.base.errors import Forbidden, NotFound
from aloft.plane import accounts, customers
from aloft.plane.access.policy import Action, Principal, decide
from aloft.plane.errors import Unauthenticated
from aloft.plane.records.tables import Customer, utcnow
from aloft.plane.service import Plane

_bearer = HTTPBearer(auto_error=False, description="A token of a provider's account.")
_keystone = APIKeyHeader(name="X-Auth-Token", auto_error=False, description="A Keystone token of the customer.")


def plane_of(request: Request) -> Plane:
    """The plane that serves the request."""
    plane = request.app.state.plane
    assert isinstance(plane, Plane)  # noqa: S101  for the type checker: set by the application
    return plane


ThePlane = Annotated[Plane, Depends(plane_of)]


async def caller(
    plane: ThePlane,
    bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
    keystone_token: Annotated[str | None, Depends(_keystone)],
    keystone_of: Annotated[str | None, Header(alias="X-Aloft-Customer")] = None,
) -> Principal:
    """Who calls: an account of the provider, or a customer's administrator.

    Raises:
        Unauthenticated: neither.
    """
    if bearer is not None:
        return await asyncio.to_thread(_account, plane, bearer.credentials)
    if keystone_token and keystone_of:
        if not await asyncio.to_thread(_exists, plane, keystone_of):
            raise Unauthenticated(
                f"The Keystone of customer {keystone_of!r} does not accept this token.", "Get a fresh token from it."
            )
        return await plane.keystone.principal(keystone_of, keystone_token)
    raise Unauthenticated(
        "The request carries no token.",
        "Send `Authorization: Bearer …`, or as a customer's administrator X-Auth-Token and X-Aloft-Customer.",
    )


Caller = Annotated[Principal, Depends(caller)]


def may(action: Action) -> Callable[..., Coroutine[Any, Any, Principal]]:
    """A dependency that lets in who may do ``action`` to the customer in the path, and gives the caller."""

    async def check(request: Request, principal: Caller, plane: ThePlane) -> Principal:
        customer = request.path_params.get("customer")
        verdict = decide(principal, action, customer)
        if verdict == "allow":
            return principal
        await asyncio.to_thread(_refused, plane, principal, action, request.url.path)
        if verdict == "hide":
            raise customers.no_such_customer(str(customer))
        raise Forbidden(
            f"You ({principal.actor}) may not do this: it needs the permission {action}.",
            "Ask an administrator of the provider.",
        )

    return check


async def reader_of_own(
    request: Request,
    plane: ThePlane,
    bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
    keystone_token: Annotated[str | None, Depends(_keystone)],
    keystone_of: Annotated[str | None, Header(alias="X-Aloft-Customer")] = None,
) -> str:
    """Whoever may read hosts, or any user of the customer in the path, as the trail names them.

    What a user may see of that is for the service to say that is asked with the user's token.

    Raises:
        Unauthenticated: neither.
    """
    customer = str(request.path_params["customer"])
    if (
        bearer is None
        and keystone_token
        and keystone_of == customer
        and await asyncio.to_thread(_exists, plane, customer)
    ):
        return f"customer:{customer}/{await plane.keystone.user(customer, keystone_token)}"
    principal = await caller(plane, bearer, keystone_token, keystone_of)
    return (await may("host.read")(request, principal, plane)).actor


ReaderOfOwn = Annotated[str, Depends(reader_of_own)]


def visible(principal: Principal, customer: str | None, missing: NotFound) -> None:
    """Hide what belongs to another customer.

    Raises:
        NotFound: ``missing``, when the caller may not know of it.
    """
    if principal.kind == "customer" and principal.customer != customer:
        raise missing


def _account(plane: Plane, token: str) -> Principal:
    with plane.records.transaction() as work:
        return accounts.principal_of(work.session, token, utcnow())


def _exists(plane: Plane, customer: str) -> bool:
    with plane.records.transaction() as work:
        return work.session.query(Customer.id).filter(Customer.name == customer).first() is not None


def _refused(plane: Plane, principal: Principal, action: str, path: str) -> None:
    with plane.records.transaction() as work:
        work.audit(principal.actor, action, path[:255], principal.customer, outcome="refused")
