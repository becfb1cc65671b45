"""Checks of the places for backups: each is read whole once a week, copies too, which no proof restores."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from aloft.plane import journal
from aloft.plane.backups import AHEAD, target_of
from aloft.plane.records.database import Transaction
from aloft.plane.records.tables import Backup, OperationRow

CHECK = "backup.check"

EVERY = timedelta(days=7)
"""How long after a check the next one is begun."""


@dataclass(frozen=True)
class Checked:
    """What is known of a place's checks: when it last passed one, and why it did not pass one since."""

    at: datetime | None = None
    failure: str = ""


def check(work: Transaction, actor: str, repository: str) -> OperationRow:
    """Read all of a repository and see that it is what was written."""
    job = {"kind": "check", "customer": "", "arguments": {"repository": repository}}
    return journal.open_operation(work, CHECK, repository, target_of(repository), None, actor, job)


def due(session: Session, repository: str, now: datetime) -> bool:
    """Whether a repository was not checked for long; one that never was, once there are backups as old as that."""
    of_it = (OperationRow.kind == CHECK, OperationRow.target_id == target_of(repository))
    begun = select(func.max(OperationRow.created_at)).where(*of_it, OperationRow.created_at <= now + AHEAD)
    since = session.scalar(begun) or session.scalar(select(func.min(Backup.made_at)))
    return since is not None and now - since >= EVERY


def checked(session: Session, repositories: Iterable[str]) -> Mapping[str, Checked]:
    """What is known of repositories' checks, by their names."""
    found = dict.fromkeys(repositories, Checked())
    targets = [target_of(name) for name in found]
    query = select(OperationRow).where(OperationRow.target_id.in_(targets), OperationRow.kind == CHECK)
    for row in session.scalars(query.order_by(OperationRow.created_at)):
        if row.state == "succeeded":
            found[row.subject] = Checked(row.ended_at)
        elif row.state == "failed":
            found[row.subject] = replace(found[row.subject], failure=row.error_message)
    return found
