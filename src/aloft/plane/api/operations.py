"""Routes of operations, events and the audit log."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query
from fastapi.responses import StreamingResponse
from sqlalchemy import Select, func, select

from aloft.plane import customers, journal, operations
from aloft.plane.access.policy import Principal
from aloft.plane.api import types, views
from aloft.plane.api.callers import ThePlane, may, visible
from aloft.plane.api.streams import Message, last_event, stream
from aloft.plane.records.database import Transaction
from aloft.plane.records.tables import AuditEntry, EventRow, OperationRow
from aloft.plane.service import Plane

router = APIRouter(prefix="/v1", tags=["operations"])

BATCH = 500

OperationReader = Annotated[Principal, Depends(may("operation.read"))]
OperationWriter = Annotated[Principal, Depends(may("operation.write"))]
EventReader = Annotated[Principal, Depends(may("event.read"))]
Limit = Annotated[int, Query(ge=1, le=1000)]
LastEvent = Annotated[str | None, Header(alias="Last-Event-ID")]


@router.get("/operations")
def list_operations(
    plane: ThePlane,
    principal: OperationReader,
    state: operations.OperationState | None = None,
    customer: str | None = None,
    limit: Limit = 100,
) -> types.Items[types.Operation]:
    """Operations that the caller may see, newest first."""
    query = select(OperationRow).order_by(OperationRow.created_at.desc(), OperationRow.id).limit(limit)
    if state is not None:
        query = query.where(OperationRow.state == state)
    if customer is not None:
        query = query.where(OperationRow.customer == customer)
    if principal.customer is not None:
        query = query.where(OperationRow.customer == principal.customer)
    with plane.records.transaction() as work:
        return types.Items(items=[views.operation(row) for row in work.session.scalars(query)])


@router.get("/operations/{operation}")
def show_operation(operation: str, plane: ThePlane, principal: OperationReader) -> types.Operation:
    """One operation."""
    with plane.records.transaction() as work:
        return views.operation(_find(work, principal, operation))


@router.get("/operations/{operation}/watch", response_class=StreamingResponse)
def watch_operation(
    operation: str, plane: ThePlane, principal: OperationReader, last: LastEvent = None
) -> StreamingResponse:
    """Server-sent events: the operation now and after each change, until it has ended; the number is its revision."""
    with plane.records.transaction() as work:
        _find(work, principal, operation)

    def load(after: int) -> tuple[Sequence[Message], bool]:
        with plane.records.transaction() as work:
            row = journal.find(work.session, operation)
            text = views.operation(row).model_dump_json()
            messages = [(row.revision, "operation", text)] if row.revision > after else []
            return messages, row.state in operations.ENDED_STATES

    return stream(plane.signals, journal.topic(operation), load, last_event(last, -1))


@router.post("/operations/{operation}/cancel", status_code=202)
def cancel_operation(operation: str, plane: ThePlane, principal: OperationWriter) -> types.Accepted:
    """Give up making a customer or a region; what was made so far is torn down."""
    with plane.records.transaction() as work:
        return views.accepted(customers.cancel(work, principal.actor, operation))


@router.get("/events")
def list_events(
    plane: ThePlane, principal: EventReader, after: Annotated[int, Query(ge=0)] = 0, limit: Limit = 100
) -> types.Items[types.Event]:
    """Events that the caller may see, oldest first, from the one after number ``after``."""
    with plane.records.transaction() as work:
        query = _events(principal, after).limit(limit)
        return types.Items(items=[views.event(row) for row in work.session.scalars(query)])


@router.get("/events/stream", response_class=StreamingResponse)
def stream_events(plane: ThePlane, principal: EventReader, last: LastEvent = None) -> StreamingResponse:
    """Server-sent events: what happens from now on, or since the event in ``Last-Event-ID``."""
    with plane.records.transaction() as work:
        newest = work.session.scalar(select(func.max(EventRow.id))) or 0

    def load(after: int) -> tuple[Sequence[Message], bool]:
        with plane.records.transaction() as work:
            rows = work.session.scalars(_events(principal, after).limit(BATCH))
            return [(row.id, row.kind, views.event(row).model_dump_json()) for row in rows], False

    return stream(plane.signals, "events", load, last_event(last, newest))


@router.get("/audit")
def list_audit(
    plane: ThePlane,
    principal: Annotated[Principal, Depends(may("audit.read"))],
    customer: str | None = None,
    before: Annotated[int | None, Query(ge=1)] = None,
    limit: Limit = 100,
) -> types.Items[types.AuditEntry]:
    """The audit log, newest first, from the entry before number ``before``; a customer's administrator sees its own."""
    query = select(AuditEntry).order_by(AuditEntry.id.desc()).limit(limit)
    for name in (customer, principal.customer):
        if name:
            query = query.where(AuditEntry.customer == name)
    if before is not None:
        query = query.where(AuditEntry.id < before)
    with plane.records.transaction() as work:
        return types.Items(items=[views.audit_entry(row) for row in work.session.scalars(query)])


def _find(work: Transaction, principal: Principal, operation: str) -> OperationRow:
    row = journal.find(work.session, operation)
    visible(principal, row.customer, journal.no_such_operation(operation))
    return row


def _events(principal: Principal, after: int) -> Select[EventRow]:
    query = select(EventRow).where(EventRow.id > after).order_by(EventRow.id)
    return query if principal.customer is None else query.where(EventRow.customer == principal.customer)


async def abort_job(plane: Plane, find: Callable[[Transaction], OperationRow]) -> types.Accepted:
    """Have the node give up the job of the operation that ``find`` gives; how it ends tells whether that was possible.

    Raises:
        AloftError: as ``find`` does, or the node does not answer.
    """

    def found() -> types.Accepted:
        with plane.records.transaction() as work:
            return views.accepted(find(work))

    accepted = await asyncio.to_thread(found)
    await plane.node.abort_job(accepted.operation.id)
    return accepted
