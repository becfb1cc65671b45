"""The first administrator, made before anybody can log in."""

import os
import secrets
from datetime import timedelta
from pathlib import Path

from sqlalchemy import select

from aloft.plane import accounts
from aloft.plane.access.secrets import digest, hash_password
from aloft.plane.records.database import Records
from aloft.plane.records.tables import Account, ApiToken, utcnow

TOKEN_SECONDS = 365 * 86400
RENEWED_BEFORE = timedelta(days=30)


def bootstrap(records: Records, account: str, token_file: Path, password_file: Path | None = None) -> bool:
    """See to it that the account exists, is an administrator, and that the file holds a token of it.

    Args:
        records: the plane's database, migrated.
        account: name of the account.
        token_file: written with mode 0600 when it does not hold a token that is good for another 30 days.
        password_file: written with mode 0600 when the account has no password yet, with the one that it is given.

    Returns:
        Whether a new token was written.

    Raises:
        InvalidInput: the name cannot be used.
    """
    held = token_file.read_text().strip() if token_file.exists() else ""
    with records.transaction() as work:
        row = work.session.scalars(select(Account).where(Account.name == account).with_for_update()).first()
        if row is None:
            row = accounts.create(work, "system:bootstrap", account, ["admin"], None)
        row.roles = sorted({*row.roles, "admin"})
        row.disabled = False
        if password_file is not None and row.password_hash is None:
            password = secrets.token_urlsafe(15)
            _write_private(password_file, password + "\n")
            row.password_hash = hash_password(password)
        known = work.session.scalars(select(ApiToken).where(ApiToken.digest == digest(held))).first()
        if known is not None and known.account_id == row.id and known.expires_at > utcnow() + RENEWED_BEFORE:
            return False
        _, text = accounts.issue_token(work, row, TOKEN_SECONDS)
    _write_private(token_file, text + "\n")
    return True


def _write_private(path: Path, text: str) -> None:
    """Replace a file at once by one that only its owner can read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    fresh.replace(path)
