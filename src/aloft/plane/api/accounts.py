"""Routes of the provider's accounts and tokens."""

from typing import Annotated

from fastapi import APIRouter, Depends, Header, Response
from pydantic import SecretStr
from sqlalchemy import delete, select

from aloft.base.errors import NotFound
from aloft.plane import accounts
from aloft.plane.access.policy import Principal
from aloft.plane.api import types, views
from aloft.plane.api.callers import Caller, ThePlane, may
from aloft.plane.errors import Throttled, Unauthenticated
from aloft.plane.records.tables import Account, ApiToken

router = APIRouter(prefix="/v1", tags=["accounts"])

Reader = Annotated[Principal, Depends(may("account.read"))]
Writer = Annotated[Principal, Depends(may("account.write"))]


@router.get("/me")
def me(principal: Caller) -> types.Me:
    """Who the caller is."""
    return types.Me(
        kind=principal.kind, name=principal.name, customer=principal.customer, roles=sorted(principal.roles)
    )


@router.post("/tokens", status_code=201)
def log_in(
    body: types.Login,
    response: Response,
    plane: ThePlane,
    forwarded: Annotated[str, Header(alias="X-Forwarded-For")] = "",
) -> types.IssuedToken:
    """A new token for an account and its password; after some failures it takes longer and longer."""
    keys = _keys(body.account, forwarded)
    if wait := plane.throttle.wait(*keys):
        raise Throttled(wait)
    try:
        with plane.records.transaction() as work:
            row, text = accounts.log_in(work, body.account, body.password.get_secret_value(), body.lifetime)
            shown = views.token(row)
    except Unauthenticated:
        plane.throttle.failed(*keys)
        with plane.records.transaction() as work:
            work.audit(f"account:{body.account[:63]}", "token.create", body.account[:63], None, outcome="refused")
        raise
    plane.throttle.succeeded(keys[0])
    response.headers["Cache-Control"] = "no-store"
    return types.IssuedToken(**shown.model_dump(), token=text)


@router.get("/tokens")
def list_tokens(plane: ThePlane, principal: Caller) -> types.Items[types.Token]:
    """The caller's own tokens, without their texts; a customer's administrator has none here."""
    with plane.records.transaction() as work:
        query = select(ApiToken).join(Account).where(Account.name == principal.name).order_by(ApiToken.created_at)
        rows = work.session.scalars(query) if principal.kind == "account" else ()
        return types.Items(items=[views.token(row) for row in rows])


@router.delete("/tokens/{token}", status_code=204)
def delete_token(token: str, plane: ThePlane, principal: Caller) -> None:
    """Make one of the caller's own tokens worthless; ``current`` is the one that the request carries."""
    wanted = principal.token_id if token == "current" else token  # noqa: S105  a word of the API, not a secret
    with plane.records.transaction() as work:
        row = work.session.get(ApiToken, wanted) if wanted is not None else None
        if row is None or principal.kind != "account" or row.account.name != principal.name:
            raise NotFound(f"You have no token {token!r}.", "List them at /v1/tokens.")
        work.session.execute(delete(ApiToken).where(ApiToken.id == row.id))
        work.audit(principal.actor, "token.delete", principal.name, None)


@router.get("/accounts")
def list_accounts(plane: ThePlane, principal: Reader) -> types.Items[types.Account]:
    """Every account of the provider."""
    with plane.records.transaction() as work:
        rows = work.session.scalars(select(Account).order_by(Account.name))
        return types.Items(items=[views.account(row) for row in rows])


@router.post("/accounts", status_code=201)
def create_account(body: types.NewAccount, plane: ThePlane, principal: Writer) -> types.Account:
    """A new account."""
    with plane.records.transaction() as work:
        row = accounts.create(work, principal.actor, body.name, body.roles, _reveal(body.password))
        return views.account(row)


@router.get("/accounts/{account}")
def show_account(account: str, plane: ThePlane, principal: Reader) -> types.Account:
    """One account."""
    with plane.records.transaction() as work:
        return views.account(accounts.find(work.session, account))


@router.patch("/accounts/{account}")
def change_account(account: str, body: types.AccountChange, plane: ThePlane, principal: Writer) -> types.Account:
    """Change an account; its tokens become worthless."""
    with plane.records.transaction() as work:
        row = accounts.change(work, principal.actor, account, body.roles, _reveal(body.password), body.disabled)
        return views.account(row)


@router.delete("/accounts/{account}", status_code=204)
def delete_account(account: str, plane: ThePlane, principal: Writer) -> None:
    """Delete an account and its tokens."""
    with plane.records.transaction() as work:
        accounts.remove(work, principal.actor, account)


def _keys(account: str, forwarded: str) -> tuple[str, ...]:
    """What failures are counted by: the account, and the address that the edge tells.

    This machine's own address says nothing: behind it is the portal, which counts its callers itself.
    """
    address = forwarded.rpartition(",")[2].strip()
    local = address in ("", "::1") or address.startswith("127.")
    return (f"account {account}",) if local else (f"account {account}", f"address {address}")


def _reveal(password: SecretStr | None) -> str | None:
    return None if password is None else password.get_secret_value()
