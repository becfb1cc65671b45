"""The node and its releases: what it has is written down, what was asked to be prepared is followed."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from aloft.base.errors import AloftError, TemporaryError
from aloft.plane import journal, operations
from aloft.plane.node_api import NodeApi, NodeRelease
from aloft.plane.operations import Failure, Step
from aloft.plane.records.database import Records
from aloft.plane.records.tables import Node, OperationRow, Release, utcnow
from aloft.plane.settings import Settings
from aloft.plane.signals import Wake

POLL_SECONDS = 0.5


UNNAMED = "local"
"""How the node is called until it has told its name."""


def node_of(session: Session) -> Node:
    """The node that the plane asks, and which passes on what concerns its peers."""
    return session.scalars(select(Node)).one()


class Releases:
    """Keeps the record of the node and its releases, and follows their preparation."""

    def __init__(self, records: Records, node: NodeApi, settings: Settings) -> None:
        self._records = records
        self._node = node
        self._settings = settings

    def register(self) -> None:
        """Make the node's record, or correct its address."""
        with self._records.transaction() as work:
            row = work.session.scalars(select(Node)).first()
            if row is None:
                row = Node(name=UNNAMED, address="")
                work.session.add(row)
            row.address = f"unix:{self._settings.node_socket}"

    async def refresh(self) -> None:
        """Ask the node for its releases and write down what it says, or that it is silent.

        Raises:
            TemporaryError: it does not answer.
        """
        try:
            seen = await self._node.releases()
        except TemporaryError as error:
            await asyncio.to_thread(self._write_down, error.message)
            raise
        await asyncio.to_thread(self._write_up, seen)

    async def resync(self, poke: Callable[[str, str], None]) -> None:
        """Write down what the node has and how it is called, and poke what is being prepared."""
        for release in await asyncio.to_thread(self._in_preparation):
            poke("release", release)
        await self.refresh()
        health = await self._node.health()
        await asyncio.to_thread(self._write_name, health.name or UNNAMED)

    async def reconcile(self, name: str, wake: Wake) -> None:
        """Have the node prepare a release, and follow it to its end."""
        if name not in await asyncio.to_thread(self._in_preparation):
            return
        try:
            await self._node.prepare(name)
        except TemporaryError:
            raise
        except AloftError as error:
            await asyncio.to_thread(self._end, name, journal.failure_of(error, "refused_by_node"))
            return
        while True:
            seen = await self._node.releases()
            await asyncio.to_thread(self._write_up, seen)
            release = next((r for r in seen if r.name == name), None)
            if await asyncio.to_thread(self._follow, name, release):
                return
            await wake.wait(POLL_SECONDS)
            wake.clear()

    def _in_preparation(self) -> list[str]:
        with self._records.transaction() as work:
            query = select(OperationRow.target_id).where(
                OperationRow.kind == "release.prepare", OperationRow.state.in_(operations.OPEN_STATES)
            )
            return list(work.session.scalars(query))

    def _write_name(self, name: str) -> None:
        with self._records.transaction() as work:
            row = node_of(work.session)
            if row.name != name:
                row.name = name

    def _write_down(self, reason: str) -> None:
        with self._records.transaction() as work:
            row = node_of(work.session)
            if row.state != "down":
                work.event("node.down", row.name, None)
            row.state, row.detail = "down", reason

    def _write_up(self, seen: list[NodeRelease]) -> None:
        with self._records.transaction() as work:
            node, now = node_of(work.session), utcnow()
            if node.state != "up":
                work.event("node.up", node.name, None)
            node.state, node.detail, node.seen_at = "up", "", now
            known = {row.name: row for row in work.session.scalars(select(Release).with_for_update())}
            for release in seen:
                row = known.pop(release.name, None) or Release(node_id=node.id, name=release.name)
                work.session.add(row)
                row.pins, row.state, row.seen_at = release.pins, release.state, now
                row.detail = release.reason
            for row in known.values():
                work.session.delete(row)

    def _follow(self, name: str, release: NodeRelease | None) -> bool:
        """Show how far a release is; tell whether its operation has ended."""
        with self._records.transaction() as work:
            row = journal.current(work.session, name)
            if row is None:
                return True
            now = utcnow()
            before = operations.start(journal.journal_of(row), now)
            if release is not None:
                steps = [Step(s.name, s.state, s.started, s.ended, s.detail) for s in release.steps]
                before = operations.with_steps(before, steps)
            after = before
            if release is not None and release.state == "ready" and not (release.renewing or release.reason):
                after = operations.succeed(before, now)
            elif release is not None and (release.state == "failed" or release.reason) and not release.renewing:
                message = f"Release {name} could not be prepared: {release.reason or 'the node gave no reason'}"
                failure = Failure("release_failed", message, "Look at the node's install log, then prepare it again.")
                after = operations.fail(before, failure, now)
            elif now - row.changed_at > timedelta(seconds=self._settings.stall_seconds):
                message = f"The preparation of release {name} has stood still for too long."
                after = operations.fail(before, Failure("stalled", message, "Look at the node's log, try again."), now)
            journal.store(work, row, after)
            return not after.open

    def _end(self, name: str, failure: Failure) -> None:
        with self._records.transaction() as work:
            row = journal.current(work.session, name)
            if row is not None:
                journal.store(work, row, operations.fail(journal.journal_of(row), failure, utcnow()))
