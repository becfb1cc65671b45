"""What may be done to the provider's accounts and their tokens."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from aloft.base.errors import Conflict, NotFound
from aloft.plane import names
from aloft.plane.access.policy import Principal
from aloft.plane.access.secrets import check_password, digest, hash_password, new_token
from aloft.plane.errors import Unauthenticated
from aloft.plane.records.database import Transaction
from aloft.plane.records.tables import Account, ApiToken, utcnow


def find(session: Session, name: str, lock: bool = False) -> Account:
    """The account of that name.

    Raises:
        NotFound: there is none.
    """
    query = select(Account).where(Account.name == name)
    row = session.scalars(query.with_for_update() if lock else query).first()
    if row is None:
        raise NotFound(f"There is no account {name!r}.", "List them with `aloft account list`.")
    return row


def create(work: Transaction, actor: str, name: str, roles: Sequence[str], password: str | None) -> Account:
    """A new account; without a password it can only be used by tokens that were issued otherwise.

    Raises:
        InvalidInput: the name or the password cannot be used.
        Conflict: there is an account of that name.
    """
    names.check_account(name)
    if work.session.scalars(select(Account).where(Account.name == name)).first() is not None:
        raise Conflict(f"There is an account {name!r} already.", "Choose another name.")
    hashed = None if password is None else hash_password(password)
    row = Account(name=name, roles=sorted(set(roles)), password_hash=hashed)
    work.session.add(row)
    work.session.flush()
    work.audit(actor, "account.create", name, None, roles=row.roles)
    return row


def change(
    work: Transaction, actor: str, name: str, roles: Sequence[str] | None, password: str | None, disabled: bool | None
) -> Account:
    """Change an account; whoever loses a role, a password or access loses every token as well.

    Raises:
        Conflict: nobody with the role ``admin`` would be left.
    """
    row = find(work.session, name, lock=True)
    if roles is not None:
        row.roles = sorted(set(roles))
    if password is not None:
        row.password_hash = hash_password(password)
    if disabled is not None:
        row.disabled = disabled
    work.session.flush()
    _keep_an_admin(work.session)
    work.session.execute(delete(ApiToken).where(ApiToken.account_id == row.id))
    changed = [
        what for what, to in (("roles", roles), ("password", password), ("disabled", disabled)) if to is not None
    ]
    work.audit(actor, "account.change", name, None, changed=changed)
    return row


def remove(work: Transaction, actor: str, name: str) -> None:
    """Delete an account and its tokens.

    Raises:
        Conflict: nobody with the role ``admin`` would be left.
    """
    work.session.delete(find(work.session, name, lock=True))
    work.session.flush()
    _keep_an_admin(work.session)
    work.audit(actor, "account.delete", name, None)


def log_in(work: Transaction, name: str, password: str, lifetime: int) -> tuple[ApiToken, str]:
    """A new token for whoever knows an account's password; ``lifetime`` in seconds.

    Raises:
        Unauthenticated: the account or the password is wrong; which one is not told.
    """
    row = work.session.scalars(select(Account).where(Account.name == name)).first()
    right = check_password(password, row.password_hash if row is not None else None)
    if row is None or not right or row.disabled:
        raise Unauthenticated("The account or the password is wrong.", "Check both and try again.")
    return issue_token(work, row, lifetime)


def issue_token(work: Transaction, account: Account, lifetime: int) -> tuple[ApiToken, str]:
    """A new token of an account, and its text (which is not kept); ``lifetime`` in seconds."""
    text = new_token()
    now = utcnow()
    work.session.execute(delete(ApiToken).where(ApiToken.account_id == account.id, ApiToken.expires_at <= now))
    row = ApiToken(account_id=account.id, digest=digest(text), expires_at=now + timedelta(seconds=lifetime))
    row.account = account
    work.session.add(row)
    work.session.flush()
    work.audit(f"account:{account.name}", "token.create", account.name, None)
    return row, text


def principal_of(session: Session, token: str, now: datetime) -> Principal:
    """The account whose token this is.

    Raises:
        Unauthenticated: the token is unknown or has expired, or its account is disabled.
    """
    row = session.scalars(select(ApiToken).where(ApiToken.digest == digest(token))).first()
    if row is None or row.expires_at <= now or row.account.disabled:
        raise Unauthenticated("This token is unknown or has expired.", "Get a fresh one with `aloft account login`.")
    return Principal("account", row.account.name, frozenset(row.account.roles), token_id=row.id)


def _keep_an_admin(session: Session) -> None:
    rows = session.scalars(select(Account).with_for_update())
    if not any("admin" in row.roles and not row.disabled for row in rows):
        raise Conflict(
            "Nobody with the role admin would be left.", "Give another account the role admin before you do this."
        )
