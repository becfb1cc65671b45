"""Moving a customer's controllers to slots that were filled for them: all of its regions or none, whatever is killed.

A move is written down (:meth:`aloft.node.jobs.Work.note`) before anything of the customer's changes. Interrupted, it
goes on from there: what serves already is not switched again, and nothing is loaded a second time, so that what was
written since the switch stays.

===========  ==================================================================  ===================================
stage        what is so                                                          interrupted there, it
===========  ==================================================================  ===================================
``forward``  the new slots are filled; some or all regions are served from them  goes on to the end
``back``     a new slot did not come to answer                                   goes on to what served before
``done``     all is served from the new slots; the others are given up           has nothing left to do
``undone``   all is served as before; the new slots are given up                 says again why
===========  ==================================================================  ===================================

What is given up and still there when the node starts, is swept up then (:meth:`aloft.node.pool.Pool.sweep`).
"""

import contextlib
import logging
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from aloft.base.errors import AloftError, PermanentError
from aloft.controller.repair import sync_ovn
from aloft.controller.spec import Problem
from aloft.node.broker import Broker
from aloft.node.controllers import Controllers
from aloft.node.jobs import Work
from aloft.node.pool import Pool
from aloft.node.registry import Record, Registry

_log = logging.getLogger(__name__)


class Move(BaseModel):
    """A move as it is written down.

    Args:
        stage: how far it is.
        records: the controllers as they shall be served, told; the region with Keystone comes first.
        formers: those that were served when it began, told, by ``customer/region``.
        repair: whether OVN's databases are older than Neutron's and have to be brought to what those say.
        result: what the job gives when it is done.
        problem: why it went back.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    stage: Literal["forward", "back", "done", "undone"] = "forward"
    records: tuple[dict[str, Any], ...]
    formers: dict[str, dict[str, Any]]
    repair: bool = False
    result: dict[str, Any]
    problem: Problem | None = None


def held(journals: Iterable[Mapping[str, Any]]) -> frozenset[int]:
    """The slots that moves which have not ended still need."""
    moves = (Move.model_validate(journal) for journal in journals if journal)
    told = (
        one for move in moves if move.stage in ("forward", "back") for one in (*move.records, *move.formers.values())
    )
    return frozenset(number for one in told for number in Record.read(one).slots)


class Moves:
    """Moves controllers.

    Args:
        controllers: the node's controllers.
        registry: what the node remembers of them.
        pool: slots.
        broker: RabbitMQ.
    """

    def __init__(self, controllers: Controllers, registry: Registry, pool: Pool, broker: Broker) -> None:
        self._controllers = controllers
        self._registry = registry
        self._pool = pool
        self._broker = broker

    def plan(self, records: Iterable[Record], repair: bool, result: Mapping[str, Any]) -> Move:
        """A move of what is served now to these records' slots."""
        wanted = tuple(records)
        present = {record.spec.key: self._registry.get(record.spec.key) for record in wanted}
        formers = {key: former.told() for key, former in present.items() if former is not None}
        return Move(records=tuple(one.told() for one in wanted), formers=formers, repair=repair, result=dict(result))

    async def carry_out(self, work: Work, move: Move) -> dict[str, Any]:
        """Carry a move out, or go on with it; returns its result.

        Raises:
            AloftError: the new slots did not come to answer; all is as before, and they are gone.
        """
        work.note(move.model_dump(mode="json"))
        if move.stage == "forward":
            move = await self._forward(work, move)
        if move.stage == "back":
            await self._back(work, move)
        if move.problem is not None:
            raise PermanentError(move.problem.message, move.problem.remedy)
        return move.result

    async def _forward(self, work: Work, move: Move) -> Move:
        records = [Record.read(told) for told in move.records]
        try:
            async with work.step("serve from the new place"):
                for record in records:
                    if not self._serves(record):
                        await self._controllers.take_over(record)
                for record in records:
                    await self._controllers.settled(record.spec.key)
                    if move.repair:
                        await sync_ovn(self._controllers.context(record.spec.key))
        except Exception as error:
            if not isinstance(error, AloftError):
                _log.exception("The move of %s", work.customer)
            told = error if isinstance(error, AloftError) else PermanentError(f"An unexpected fault: {error!r}.")
            problem = Problem(message=told.message, remedy=told.remedy or "See the node's log.")
            return _noted(work, move, stage="back", problem=problem)
        formers = [Record.read(told) for told in move.formers.values()]
        for former in formers:
            await self._forget_hosts(former)
        move = _noted(work, move, stage="done")
        async with work.step("remove what served before"):
            await self._give_up(formers)
        return move

    async def _back(self, work: Work, move: Move) -> None:
        records = [Record.read(told) for told in move.records]
        async with work.step("serve from the former place"):
            for told in move.formers.values():
                if not self._serves(former := Record.read(told)):
                    await self._serve_again(former)
            for record in reversed(records):
                if self._serves(record):
                    await self._controllers.drop(record.spec.key)
        for record in records:
            await self._forget_hosts(record)
        _noted(work, move, stage="undone")
        await self._give_up(records)

    async def _serve_again(self, former: Record) -> None:
        """Have a controller served from where it was; its data is kept for it even if it does not come up at once."""
        try:
            await self._controllers.take_over(former)
        except AloftError as error:
            _log.warning("The controller %s does not come up where it was: %s", former.spec.key, error)
            with contextlib.suppress(AloftError):
                await self._controllers.run_beside(former)

    def _serves(self, record: Record) -> bool:
        present = self._registry.get(record.spec.key)
        return present is not None and present.slot == record.slot

    async def discard(self, record: Record) -> None:
        """Remove what was filled or prepared for a controller that is served from elsewhere, or from nowhere."""
        await self._forget_hosts(record)
        await self._give_up([record])

    async def _forget_hosts(self, record: Record) -> None:
        for number in record.slots:
            for host in record.hosts:
                await self._broker.delete_user(f"{self._pool.slot(number).vhost}-host-{host}")

    async def _give_up(self, records: Iterable[Record]) -> None:
        for number in (number for record in records for number in record.slots):
            if self._registry.held(number):
                await self._pool.dismantle(number)


def _noted(work: Work, move: Move, **changes: Any) -> Move:
    """The move with these changes, written down."""
    changed = move.model_copy(update=changes)
    work.note(changed.model_dump(mode="json"))
    return changed
