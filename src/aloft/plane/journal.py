"""Operations as records: opened with the change that they are about, advanced by the reconciler, watched by people."""

from dataclasses import asdict
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from aloft.base.errors import AloftError, Conflict, NotFound
from aloft.plane import operations
from aloft.plane.operations import Failure, Journal, Step
from aloft.plane.records.database import Transaction
from aloft.plane.records.tables import Json, OperationRow, utcnow

EXPECTED_STEPS = {
    **dict.fromkeys(("customer.create", "region.create", "region.change", "region.network"), 5),
    **dict.fromkeys(("host.attach", "host.authorise"), 2),
    "customer.move": 11,
}
"""Steps of each kind: the handing over to the node, and those that a node takes."""


def open_operation(
    work: Transaction,
    kind: str,
    subject: str,
    target_id: str,
    customer: str | None,
    actor: str,
    job: Json | None = None,
) -> OperationRow:
    """Begin an operation, in the transaction that makes the change it is about.

    Args:
        work: that transaction.
        kind: of the operation.
        subject: what people call the thing that it is about.
        target_id: of that thing; it has one operation at a time.
        customer: whose.
        actor: who asked for it.
        job: for an operation that is a job of the node (:mod:`aloft.plane.reconcile.jobs`) what is asked of the node.

    Raises:
        Conflict: another operation on the same thing has not ended yet.
    """
    running = current(work.session, target_id)
    if running is not None:
        raise Conflict(
            f"The operation {running.kind} on {running.subject} has not ended yet.",
            f"Watch it with `aloft operation watch {running.id}` and try again when it has ended.",
        )
    row = OperationRow(kind=kind, subject=subject, target_id=target_id, customer=customer, actor=actor, steps=[])
    row.job = job or {}
    work.session.add(row)
    work.session.flush()
    if row.job:
        work.work("job", row.id)
    work.audit(actor, kind, subject, customer, operation=row.id)
    _tell(work, row)
    return row


def current(session: Session, target_id: str) -> OperationRow | None:
    """The operation on this record that has not ended, locked; ``None`` when there is none.

    It is found without a lock and locked by its key: a search that locks would lock rows of others that it passes by.
    """
    query = select(OperationRow.id).where(
        OperationRow.target_id == target_id, OperationRow.state.in_(operations.OPEN_STATES)
    )
    found = session.scalars(query).first()
    if found is None:
        return None
    row = session.get(OperationRow, found, with_for_update=True, populate_existing=True)
    return row if row is not None and row.state in operations.OPEN_STATES else None


def find(session: Session, operation_id: str) -> OperationRow:
    """The operation with this id.

    Raises:
        NotFound: there is none.
    """
    row = session.get(OperationRow, operation_id)
    if row is None:
        raise no_such_operation(operation_id)
    return row


def no_such_operation(operation_id: str) -> NotFound:
    """What to say of an operation that does not exist, or of which the caller may not know."""
    return NotFound(f"There is no operation {operation_id!r}.", "List them with `aloft operation list`.")


def journal_of(row: OperationRow) -> Journal:
    """The journal that a row holds."""
    failure = Failure(row.error_code, row.error_message, row.error_remedy) if row.error_code else None
    return Journal(
        state=row.state,  # type: ignore[arg-type]  # written by store() only
        steps=tuple(_step(told) for told in row.steps),
        progress=row.progress,
        error=failure,
        started=row.started_at,
        ended=row.ended_at,
        revision=row.revision,
        expected=EXPECTED_STEPS.get(row.kind, 0),
    )


def store(work: Transaction, row: OperationRow, journal: Journal, now: datetime | None = None) -> None:
    """Write a journal back and tell those who watch; nothing happens when it did not change."""
    if journal.revision == row.revision:
        return
    ended = row.state in operations.OPEN_STATES and not journal.open
    row.state = journal.state
    row.steps = [_stored(step) for step in journal.steps]
    row.progress = journal.progress
    if journal.error is not None:
        row.error_code, row.error_message, row.error_remedy = (
            journal.error.code,
            journal.error.message,
            journal.error.remedy,
        )
    row.started_at, row.ended_at, row.revision = journal.started, journal.ended, journal.revision
    row.changed_at = now or utcnow()
    if ended:
        row.resumable = False
        _tell(work, row)
    work.ring(topic(row.id))


def topic(operation_id: str) -> str:
    """The topic that rings when an operation changes."""
    return f"operation/{operation_id}"


def failure_of(error: AloftError, code: str) -> Failure:
    """What a journal keeps of an error."""
    return Failure(code, error.message, error.remedy)


def _tell(work: Transaction, row: OperationRow) -> None:
    data = {"operation": row.id, "kind": row.kind, "state": row.state}
    work.event(f"operation.{row.state}", row.subject, row.customer, **data)
    work.ring(topic(row.id))


def _step(told: dict[str, object]) -> Step:
    return Step(
        name=str(told["name"]),
        state=told["state"],  # type: ignore[arg-type]  # written by _stored() only
        started=_time(told["started"]),
        ended=_time(told["ended"]),
        detail=str(told["detail"]),
    )


def _stored(step: Step) -> dict[str, object]:
    return {key: value.isoformat() if isinstance(value, datetime) else value for key, value in asdict(step).items()}


def _time(value: object) -> datetime | None:
    return None if value is None else datetime.fromisoformat(str(value))
