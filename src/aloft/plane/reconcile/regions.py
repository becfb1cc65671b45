"""Regions: give the node their specification, follow it, and write down what comes of it.

The node is asked outside of any transaction; then the record is read again under a lock, the step is decided anew from
it and from what the node told, and written. So a change that a person makes in between is never overwritten.
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import select

from aloft.base.errors import AloftError, TemporaryError
from aloft.controller.network import NetworkTemplate
from aloft.controller.spec import ControllerLimits, ControllerSpec
from aloft.plane import backups, customers, journal, operations
from aloft.plane.node_api import NodeApi, NodeController, NodeStep
from aloft.plane.operations import Failure, Journal, Step
from aloft.plane.reconcile.decisions import RegionSight, RegionStep, region_step
from aloft.plane.records.database import Records, Transaction
from aloft.plane.records.tables import OperationRow, Region, utcnow
from aloft.plane.settings import Settings
from aloft.plane.signals import Wake

HAND_OVER = "Hand the specification to the node"
TEAR_DOWN = "Tear the controller down"
TRYING_AGAIN = "Trying again."
LONG_POLL_SECONDS = 10.0
SHORT_POLL_SECONDS = 0.12


@dataclass(frozen=True)
class Plan:
    """What is known of a region before the node is asked."""

    customer: str
    region: str
    specification: ControllerSpec
    generation: int
    known: int | None


@dataclass(frozen=True)
class Outcome:
    """What was decided about a region after the node was asked."""

    step: RegionStep
    plan: Plan


class Regions:
    """Brings regions to rest."""

    def __init__(self, records: Records, node: NodeApi, settings: Settings) -> None:
        self._records = records
        self._node = node
        self._settings = settings

    async def reconcile(self, region_id: str, wake: Wake) -> None:
        """Take steps until the region is as wanted, or cannot become so."""
        while (plan := await asyncio.to_thread(self._plan, region_id)) is not None:
            wake.clear()
            try:
                seen = await self._look(plan, wake)
                outcome = await asyncio.to_thread(self._write, region_id, seen)
                if outcome is None or not await self._act(region_id, outcome):
                    return
            except TemporaryError as error:
                await asyncio.to_thread(self._note_delay, region_id, error)
                raise
            if outcome.step == "follow" and seen is not None and seen.revision == plan.known:
                await wake.wait(SHORT_POLL_SECONDS)

    async def resync(self, poke: Callable[[str, str], None]) -> None:
        """Poke every region that is not at rest, and take over what the node says about those that are."""
        for region_id in await asyncio.to_thread(self._unsettled):
            poke("region", region_id)
        seen = {(c.customer, c.region): c for c in await self._node.controllers()}
        for region_id in await asyncio.to_thread(self._compare, seen):
            poke("region", region_id)

    async def _look(self, plan: Plan, wake: Wake) -> NodeController | None:
        """Ask the node; leave off waiting for news from it when the record changes meanwhile."""
        if plan.known is None:
            return await self._node.controller(plan.customer, plan.region)
        asking = asyncio.ensure_future(self._node.controller(plan.customer, plan.region, plan.known, LONG_POLL_SECONDS))
        ringing = asyncio.ensure_future(wake.wait(LONG_POLL_SECONDS + 1))
        try:
            await asyncio.wait({asking, ringing}, return_when=asyncio.FIRST_COMPLETED)
            if asking.done():
                return asking.result()
        finally:
            asking.cancel()
            ringing.cancel()
        return await self._node.controller(plan.customer, plan.region)

    async def _act(self, region_id: str, outcome: Outcome) -> bool:
        """Do what was decided on the node; tell whether there is more to do."""
        plan = outcome.plan
        if outcome.step == "put":
            try:
                await self._node.put_controller(plan.specification)
            except TemporaryError:
                raise
            except AloftError as error:
                await asyncio.to_thread(self._refused, region_id, plan.generation, error)
            else:
                await asyncio.to_thread(self._pushed, region_id, plan.generation)
        elif outcome.step == "delete":
            await self._delete(plan)
        return outcome.step not in ("settle", "lost", "gone")

    async def _delete(self, plan: Plan) -> None:
        try:
            await self._node.delete_controller(plan.customer, plan.region)
        except TemporaryError:
            raise
        except AloftError as error:
            raise TemporaryError(error.message, error.remedy) from error

    def _plan(self, region_id: str) -> Plan | None:
        with self._records.transaction() as work:
            region = work.session.get(Region, region_id)
            return None if region is None else self._plan_of(region)

    def _plan_of(self, region: Region) -> Plan:
        home = customers.identity_region(region.customer)
        specification = ControllerSpec(
            customer=region.customer.name,
            region=region.name,
            release=region.release,
            domain=self._settings.domain,
            identity=region.identity,
            identity_region=None if region.identity else home.name,
            services=region.services,
            limits=ControllerLimits.model_validate(region.limits),
            network=NetworkTemplate.model_validate(region.network),
        )
        present = region.wanted == "present"
        resting = ("building", "degraded") if present else ("deleting",)
        pushed = not present or region.pushed_generation == region.generation
        return Plan(
            region.customer.name,
            region.name,
            specification,
            region.generation,
            region.revision if pushed and region.phase in resting else None,
        )

    def _write(self, region_id: str, seen: NodeController | None) -> Outcome | None:
        with self._records.transaction() as work:
            region = customers.lock_region(work.session, region_id)
            if region is None:
                return None
            row = journal.current(work.session, region_id)
            _clear_delay(work, row)
            step = region_step(_sight(region, row, seen, self._settings.stall_seconds))
            outcome = Outcome(step, self._plan_of(region))
            _Writing(work, region, row, seen).write(step)
            return outcome

    def _pushed(self, region_id: str, generation: int) -> None:
        with self._records.transaction() as work:
            region = customers.lock_region(work.session, region_id)
            if region is not None:
                region.pushed_generation = generation
                if region.wanted == "present":
                    region.phase = "building"
                _note(work, region, HAND_OVER, "done")

    def _refused(self, region_id: str, generation: int, error: AloftError) -> None:
        """The node will not have this specification: a region that is there stays as it was, a new one is given up."""
        with self._records.transaction() as work:
            region = customers.lock_region(work.session, region_id)
            if region is None:
                return
            region.pushed_generation = generation
            region.error_message, region.error_remedy = error.message, error.remedy
            row = journal.current(work.session, region_id)
            if region.ready_at is None and region.wanted == "present":
                region.wanted = "torn-down"
            elif row is not None and row.kind in ("region.change", "region.network"):
                failed = operations.fail(
                    journal.journal_of(row), journal.failure_of(error, "refused_by_node"), utcnow()
                )
                journal.store(work, row, failed)

    def _note_delay(self, region_id: str, error: TemporaryError) -> None:
        with self._records.transaction() as work:
            region = customers.lock_region(work.session, region_id)
            if region is not None:
                step = HAND_OVER if region.wanted == "present" else TEAR_DOWN
                _note(work, region, step, "running", f"{error.message} {TRYING_AGAIN}")

    def _unsettled(self) -> list[str]:
        with self._records.transaction() as work:
            waited_for = select(OperationRow.target_id).where(OperationRow.state.in_(operations.OPEN_STATES))
            query = select(Region.id).where(
                (Region.phase.in_(("pending", "building", "deleting")))
                | (Region.pushed_generation < Region.generation) & (Region.wanted == "present")
                | (Region.wanted == "removed")
                | Region.id.in_(waited_for)
            )
            return list(work.session.scalars(query))

    def _compare(self, seen: dict[tuple[str, str], NodeController]) -> Iterable[str]:
        """Regions that need a step, by what the node says of all of them."""
        with self._records.transaction() as work:
            rows = list(work.session.scalars(select(Region)))
            return [region.id for region in rows if _differs(region, seen.get((region.customer.name, region.name)))]


def _differs(region: Region, seen: NodeController | None) -> bool:
    if region.wanted != "present":
        return seen is not None or region.wanted == "removed"
    return (seen is None and region.phase != "failed") or (
        seen is not None and (seen.revision, seen.phase, seen.node) != (region.revision, region.phase, region.node)
    )


def _sight(region: Region, row: OperationRow | None, seen: NodeController | None, stall_seconds: float) -> RegionSight:
    stalled = row is not None and utcnow() - row.changed_at > timedelta(seconds=stall_seconds)
    return RegionSight(
        wanted=region.wanted,
        generation=region.generation,
        pushed=region.pushed_generation,
        was_ready=region.ready_at is not None,
        phase=None if seen is None else seen.phase,
        awaited=row is not None,
        stalled=stalled,
    )


def _note(work: Transaction, region: Region, name: str, state: operations.StepState, detail: str = "") -> None:
    """Show a step of the plane's own in the operation on a region, if one is open."""
    row = journal.current(work.session, region.id)
    if row is None:
        return
    now = utcnow()
    before = operations.start(journal.journal_of(row), now)
    old = next((step for step in before.steps if step.name == name), Step(name))
    ended = now if state == "done" else None
    step = Step(name, state, old.started or now, ended, detail)
    journal.store(work, row, operations.with_step(before, step))


def _clear_delay(work: Transaction, row: OperationRow | None) -> None:
    """The node answers again: the time that it was silent does not count as standing still."""
    if row is None:
        return
    before = journal.journal_of(row)
    steps = [replace(s, detail="") if s.detail.endswith(TRYING_AGAIN) else s for s in before.steps]
    journal.store(work, row, operations.with_steps(before, steps))


class _Writing:
    """Writes one step about one region into the records, inside a transaction."""

    def __init__(
        self, work: Transaction, region: Region, row: OperationRow | None, seen: NodeController | None
    ) -> None:
        self.work = work
        self.region = region
        self.row = row
        self.seen = seen
        self.now: datetime = utcnow()
        self.subject = f"{region.customer.name}/{region.name}"

    def write(self, step: RegionStep) -> None:
        if self.seen is not None:
            self._take_over(self.seen)
        if step == "put":
            _note(self.work, self.region, HAND_OVER, "running")
        elif step == "follow":
            self._follow()
        elif step == "delete":
            self.region.phase = "deleting"
            _note(self.work, self.region, TEAR_DOWN, "running")
        elif step == "settle" and self.seen is not None:
            self._settle(self.seen)
        elif step == "give-up":
            self._give_up()
        elif step == "lost":
            self._lost()
        elif step == "gone":
            self._gone()

    def _take_over(self, seen: NodeController) -> None:
        region = self.region
        if seen.node != region.node:  # it has moved, whatever becomes of the operation that moved it
            backups.grant_again(self.work, region)
        region.slot, region.revision, region.pins, region.node = seen.slot, seen.revision, seen.pins, seen.node
        region.endpoints = dict(seen.endpoints)
        region.components = [component.model_dump() for component in seen.components]

    def _follow(self) -> None:
        assert self.seen is not None  # noqa: S101  for the type checker: the decision needs a phase to follow
        self.region.phase = self.seen.phase
        if self.region.wanted != "present" or self.seen.phase == "deleting":
            _note(self.work, self.region, TEAR_DOWN, "running")
        else:
            self._mirror(self.seen.steps)

    def _settle(self, seen: NodeController) -> None:
        region, phase = self.region, seen.phase
        error = seen.error
        if phase != region.phase or (error is not None and error.message != region.error_message):
            self.work.event(f"region.{phase}", self.subject, region.customer.name)
        region.phase = phase
        region.error_message, region.error_remedy = ("", "") if error is None else (error.message, error.remedy)
        if phase == "ready" and region.ready_at is None:
            region.ready_at = self.now
        if region.identity and region.ready_at is not None and region.customer.state == "creating":
            region.customer.state = "active"
        if self.row is None:
            return
        self._mirror(seen.steps)
        if phase == "ready":
            self._end(lambda before: operations.succeed(before, self.now))
        else:
            self._fail(f"Region {self.subject} is {phase}.")

    def _give_up(self) -> None:
        region = self.region
        error = self.seen.error if self.seen is not None else None
        region.wanted = "torn-down"
        region.error_message, region.error_remedy = (
            (error.message, error.remedy)
            if error is not None
            else (
                f"The controller of {self.subject} did not become ready in time.",
                "Look at `aloft status` and the logs, then create it again.",
            )
        )
        if self.seen is not None and self.row is not None:
            self._mirror(self.seen.steps)
        _note(self.work, region, TEAR_DOWN, "running")

    def _lost(self) -> None:
        region = self.region
        if region.phase != "failed":
            self.work.event("region.failed", self.subject, region.customer.name)
        region.phase = "failed"
        region.error_message = f"The node no longer knows the controller of {self.subject}."
        region.error_remedy = "Its data may be lost with it: restore the node's state, or delete the customer."
        self._fail(region.error_message)

    def _gone(self) -> None:
        region, customer = self.region, self.region.customer
        if region.wanted == "removed":
            self._remove()
            return
        if region.phase != "failed":
            self.work.event("region.failed", self.subject, customer.name)
        region.phase, region.slot, region.endpoints, region.components = "failed", None, {}, []
        region.pushed_generation = 0
        if region.identity and customer.state == "creating":
            customer.state = "failed"
        if self.row is not None:
            _note(self.work, region, TEAR_DOWN, "done")
            if self.row.cancel_reason:
                reason = self.row.cancel_reason
                self._end(lambda before: operations.cancel(before, reason, self.now))
            else:
                self._fail(region.error_message)

    def _remove(self) -> None:
        region = self.region
        self.work.event("region.deleted", self.subject, region.customer.name)
        self.work.work("customer", region.customer_id)
        if self.row is not None:
            _note(self.work, region, TEAR_DOWN, "done")
            self._end(lambda before: operations.succeed(before, self.now))
        self.work.session.delete(region)

    def _mirror(self, steps: list[NodeStep]) -> None:
        if self.row is None:
            return
        before = operations.start(journal.journal_of(self.row), self.now)
        own = next((s for s in before.steps if s.name == HAND_OVER), Step(HAND_OVER, "done", self.now, self.now))
        mirrored = [Step(s.name, s.state, s.started, s.ended, s.detail) for s in steps]
        handed = Step(HAND_OVER, "done", own.started, own.ended or self.now)
        journal.store(self.work, self.row, operations.with_steps(before, (handed, *mirrored)))

    def _fail(self, message: str) -> None:
        failure = Failure("region_failed", self.region.error_message or message, self.region.error_remedy)
        self._end(lambda before: operations.fail(before, failure, self.now))

    def _end(self, ending: Callable[[Journal], Journal]) -> None:
        if self.row is not None:
            journal.store(self.work, self.row, ending(journal.journal_of(self.row)))
