"""Host tokens: leave to enrol machines as hosts of a region, once or so many times, and not after their time."""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from aloft.base.errors import Conflict, NotFound
from aloft.plane import customers, names
from aloft.plane.access.secrets import HOST_TOKEN_PREFIX, digest, new_token
from aloft.plane.errors import Unauthenticated
from aloft.plane.records.database import Transaction
from aloft.plane.records.tables import HostToken, utcnow


def issue(
    work: Transaction, actor: str, customer: str, region_name: str, roles: Sequence[str], uses: int, lifetime: int
) -> tuple[HostToken, str]:
    """A new host token, and its text (which is not kept); ``lifetime`` in seconds.

    Raises:
        InvalidInput: a role does not exist.
        Conflict: the region is not there.
    """
    region = customers.find_region(work.session, customer, region_name)
    if region.wanted != "present":
        raise Conflict(f"Region {region_name!r} is {region.phase}.", "Attach hosts to a region that is there.")
    text = new_token(HOST_TOKEN_PREFIX)
    row = HostToken(
        region_id=region.id,
        digest=digest(text),
        roles=names.check_roles(list(roles)),
        uses_left=uses,
        created_by=actor,
        expires_at=utcnow() + timedelta(seconds=lifetime),
    )
    work.session.add(row)
    work.session.flush()
    work.audit(actor, "host-token.create", f"{customer}/{region_name}", customer, roles=row.roles, uses=uses)
    return row, text


def revoke(work: Transaction, actor: str, customer: str, region_name: str, token_id: str) -> None:
    """Make a host token worthless.

    Raises:
        NotFound: the region has no such token.
    """
    region = customers.find_region(work.session, customer, region_name)
    row = work.session.get(HostToken, token_id)
    if row is None or row.region_id != region.id:
        raise NotFound(
            f"Region {customer}/{region_name} has no host token {token_id!r}.",
            "List them with `aloft host token list`.",
        )
    work.session.delete(row)
    work.audit(actor, "host-token.delete", f"{customer}/{region_name}", customer)


def find(session: Session, text: str) -> HostToken:
    """The token with this text, locked.

    Raises:
        Unauthenticated: it is unknown, or its time is over.
    """
    row = session.scalars(select(HostToken).where(HostToken.digest == digest(text)).with_for_update()).first()
    if row is None:
        raise refused("is unknown: it was mistyped, revoked, or is another provider's")
    if row.expires_at <= utcnow():
        raise refused(f"was good until {row.expires_at:%Y-%m-%d %H:%M} UTC")
    return row


def refused(why: str) -> Unauthenticated:
    """What to say of a token that lets nobody in."""
    return Unauthenticated(
        f"This host token {why}.", "Make a new one with `aloft host token` and use it within its lifetime."
    )
