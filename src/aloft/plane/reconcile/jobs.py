"""Operations that are jobs of the node: handed over, followed to their end, their result written into the records."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import select

from aloft.base.errors import AloftError, NotFound, TemporaryError
from aloft.plane import journal, operations
from aloft.plane.node_api import NodeApi, NodeJob
from aloft.plane.operations import Failure, Step
from aloft.plane.records import export
from aloft.plane.records.database import Records, Transaction
from aloft.plane.records.tables import Json, OperationRow, utcnow
from aloft.plane.signals import Wake

LONG_POLL_SECONDS = 10.0

Ending = Callable[[Transaction, OperationRow, Json], Json]
"""Writes the result of a job into the records; returns what of it is kept with the operation."""

Failing = Callable[[Transaction, OperationRow], None]
"""Notes in the records that a job failed."""


class Jobs:
    """Brings jobs to their end.

    Args:
        records: the plane's.
        node: its local API.
        endings: for each kind of operation what is done with a job's result.
        failings: for each kind of operation what is done when a job failed.
    """

    def __init__(
        self, records: Records, node: NodeApi, endings: Mapping[str, Ending], failings: Mapping[str, Failing]
    ) -> None:
        self._records = records
        self._node = node
        self._endings = endings
        self._failings = failings

    async def reconcile(self, operation_id: str, wake: Wake) -> None:
        """Hand a job over and follow it; one whose operation was cancelled is taken back."""
        while (job := await asyncio.to_thread(self._wanted, operation_id)) is not None:
            try:
                await self._node.put_job(operation_id, job)
                if await self._follow(operation_id, wake):
                    break
            except (TemporaryError, NotFound):
                raise
            except AloftError as error:
                failure = journal.failure_of(error, "refused_by_node")
                await asyncio.to_thread(self._fail, operation_id, failure)
        await self._node.forget_job(operation_id)

    async def resync(self, poke: Callable[[str, str], None]) -> None:
        """Poke every job that has not ended."""
        for operation_id in await asyncio.to_thread(self._open):
            poke("job", operation_id)

    async def _follow(self, operation_id: str, wake: Wake) -> bool:
        """Show how far a job is until it has ended; false when the node has lost it meanwhile."""
        known = -1
        while True:
            try:
                seen = await self._node.job(operation_id, known, LONG_POLL_SECONDS)
            except NotFound:
                return False
            known = seen.revision
            if await asyncio.to_thread(self._write, operation_id, seen):
                return True
            wake.clear()

    def _open(self) -> list[str]:
        with self._records.transaction() as work:
            query = select(OperationRow).where(OperationRow.state.in_(operations.OPEN_STATES))
            return [row.id for row in work.session.scalars(query) if row.job]

    def _wanted(self, operation_id: str) -> Json | None:
        """What to ask of the node; ``None`` when the operation has ended."""
        with self._records.transaction() as work:
            row = work.session.get(OperationRow, operation_id)
            if row is None or row.state not in operations.OPEN_STATES:
                return None
            if row.job["kind"] != "backup":
                return row.job
            records = export.export(work.session, row.job["customer"])
            return {**row.job, "arguments": {**row.job["arguments"], "records": records}}

    def _write(self, operation_id: str, seen: NodeJob) -> bool:
        """Take over what the node tells; whether the operation has ended."""
        with self._records.transaction() as work:
            row = work.session.get(OperationRow, operation_id, with_for_update=True)
            if row is None or row.state not in operations.OPEN_STATES:
                return True
            now = utcnow()
            before = operations.start(journal.journal_of(row), now)
            after = operations.with_steps(
                before, [Step(s.name, s.state, s.started, s.ended, s.detail) for s in seen.steps]
            )
            if seen.state == "succeeded":
                row.result = self._end(work, row, seen.result)
                after = operations.succeed(after, now)
            elif seen.state == "failed":
                error = seen.error
                after = operations.fail(
                    after,
                    Failure("job_failed", error.message, error.remedy) if error else Failure("job_failed", ""),
                    now,
                )
                self._note_failure(work, row)
            journal.store(work, row, after)
            return not after.open

    def _end(self, work: Transaction, row: OperationRow, result: dict[str, Any]) -> Json:
        ending = self._endings.get(row.kind)
        return result if ending is None else ending(work, row, result)

    def _fail(self, operation_id: str, failure: Failure) -> None:
        with self._records.transaction() as work:
            row = work.session.get(OperationRow, operation_id, with_for_update=True)
            if row is not None and row.state in operations.OPEN_STATES:
                journal.store(work, row, operations.fail(journal.journal_of(row), failure, utcnow()))
                self._note_failure(work, row)

    def _note_failure(self, work: Transaction, row: OperationRow) -> None:
        if failing := self._failings.get(row.kind):
            failing(work, row)
