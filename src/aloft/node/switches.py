"""The switch of an upgrade: a controller is served from another slot from one moment on, with all that was written.

What can be done before is done before: rows, keys and networks are caught up with, and the new services run, unseen,
and have answered once. Then requests that write wait at the edge, the old schemas are frozen for writers, what changed
since is carried over, and the names lead to the new services. Reads go on all the time: the old services are stopped
when they have answered what they were asked.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aloft.base.errors import Conflict, PermanentError, TemporaryError
from aloft.controller import slots
from aloft.controller.context import Slot
from aloft.controller.services.ovn import OVN
from aloft.daytwo import carry, metadata, ovn
from aloft.node.controllers import Controllers
from aloft.node.copies import Carrying, Copies, Own, only
from aloft.node.database import Database
from aloft.node.edge_names import EdgeNames
from aloft.node.jobs import Work
from aloft.node.pool import Pool
from aloft.node.registry import Record, Registry

QUIET_SECONDS = 600.0
"""How long work that was begun (an instance being built) may take to end before a switch is given up."""

CALM_SECONDS = 120.0
"""How long a copy waits for such work: it may be taken in the midst of some, and the less of it the better."""

HOLD_SECONDS = 30.0
"""The longest that requests are held: a switch that takes longer is given up, and the old controller goes on."""

ANSWER_SECONDS = 5.0
"""How long requests that write and were under way when the hold began may take to be answered."""

SLOW_SECONDS = 60.0
"""How long a request that took longer than that may go on, with nothing held, before another attempt is made."""

LEAVE_SECONDS = 300.0
"""How long what was asked of the former services may take to be answered: as long as the edge waits for any answer."""

END_SECONDS = 1.0
"""How long the former services may take to end: they are asked for nothing any more, and can write nowhere.

Taking themselves apart for long would only keep those that serve now from the machine's processors.
"""

ATTEMPTS = 10
"""How often the hold is begun: something may have been begun just before it."""

PAUSE_SECONDS = 1.0
"""Between two looks at what is under way."""

CACHE_SECONDS = 5.0

READ_AT_START = frozenset(f"{schema}.{table}" for schema, tables in carry.READ_AT_START.items() for table in tables)
"""Carried before services start."""


class Switches:
    """Switches between slots.

    Args:
        controllers: the node's controllers.
        registry: what the node remembers of them.
        pool: slots.
        database: MariaDB.
        copies: how rows are compared and carried.
        edge: knows which requests are under way.
    """

    def __init__(
        self,
        controllers: Controllers,
        registry: Registry,
        pool: Pool,
        database: Database,
        copies: Copies,
        edge: EdgeNames,
    ) -> None:
        self._controllers = controllers
        self._registry = registry
        self._pool = pool
        self._database = database
        self._copies = copies
        self._edge = edge

    async def unfinished(self, records: list[Record], seconds: float, remark: Callable[[str], None]) -> list[str]:
        """Wait until work that was begun has ended, for so long at most; what is still being done then."""
        until = time.monotonic() + seconds
        while found := [one for record in records for one in await self._copies.unfinished(self._slot(record))]:
            remark(", ".join(found[:5]))
            if time.monotonic() > until:
                return found
            await asyncio.sleep(PAUSE_SECONDS)
        remark("")
        return []

    async def quiet(self, work: Work, records: list[Record]) -> None:
        """Wait until work that was begun has ended.

        Raises:
            Conflict: it has not within :data:`QUIET_SECONDS`, or the maintenance window has closed.
        """
        async with work.step("wait for operations under way") as remark:
            insist_open(work)
            if left := await self.unfinished(records, QUIET_SECONDS, remark):
                raise Conflict(f"Operations are under way: {', '.join(left[:5])}.", "Try again when they have ended.")

    async def calm(self, work: Work, records: list[Record]) -> None:
        """Wait for a moment for a copy: for at most :data:`CALM_SECONDS`, it may be taken in the midst of something."""
        async with work.step("wait for a quiet moment") as remark:
            if left := await self.unfinished(records, CALM_SECONDS, remark):
                remark(f"goes on beside {len(left)} operations")

    async def rehearse(self, former: Record, target: Slot, own: Own, since: tuple[str, int]) -> float:
        """Do what a switch does while writes wait, as far as nobody notices; returns how many seconds it took.

        Args:
            former: what serves.
            target: the slot of a copy of it that nobody uses yet.
            own: what is not carried.
            since: a place in the binary log after the copy was made.
        """
        source = self._slot(former)
        carrying = await self._copies.carrying(source, target, own.tables)
        dependents = await self._copies.dependents(source)
        begun = time.monotonic()
        await self._controllers.publish_names()
        await self._edge.settle(source.number, ANSWER_SECONDS, writes=True)
        await self._controllers.publish_names()
        await self._copies.unfinished(source)
        async with self._database.frozen({target.schema(name): each for name, each in carrying.items()}):
            written, _ = await asyncio.gather(
                self._copies.written((source, target), since, dependents), self._carry_files(source, target)
            )
            await self._copies.differing(only(carrying, written), source, target)
        await self._controllers.publish_names()
        return time.monotonic() - begun

    async def switch(
        self,
        work: Work,
        former: Record,
        wanted: Record,
        own: Own,
        kept: dict[str, Any],
        alike: tuple[str, int] | None = None,
        frozen: Callable[[], Awaitable[None]] | None = None,
    ) -> float:
        """Have a controller served from another slot, with all that was written; returns for how long writes waited.

        Args:
            work: the job.
            former: what serves.
            wanted: what shall.
            own: what is not carried.
            kept: what is kept of the former for the way back; empty when this is the way back.
            alike: a place in the binary log at which the rows of both were the same; ``None`` when none is known.
            frozen: what has to be done while nobody can write, before anything is led there.

        Raises:
            AloftError: it was not possible; then the former goes on, and the other slot is stopped.
        """
        key, source, target = wanted.spec.key, self._slot(former), self._slot(wanted)
        try:
            async with work.step("catch up") as remark:
                since = await self._database.log_end()
                carrying, dependents, _, _ = await _all(
                    self._copies.carrying(source, target, own.tables),
                    self._copies.dependents(source),
                    self._controllers.run_unseen(wanted, (OVN,)),
                    self._database.admit(slots.database_users(target)),
                )
                behind = await self._written_since(alike, (source, target), carrying, dependents)
                early = await self._copies.bring_over(only(behind, READ_AT_START), source, target)
                remark(f"{early} rows that services read at their start only")
            async with work.step("start services where nobody sees them") as remark:
                token, rows, *_ = await _all(
                    self._controllers.token(wanted),
                    self._copies.bring_over(behind, source, target),
                    self._carry_files(source, target),
                    self._controllers.run_unseen(wanted),
                )
                remark(f"{rows} rows meanwhile")
            async with work.step("have each answer once"):
                await self._controllers.wake(wanted, token)
            async with work.step("hold what writes"):
                if kept:  # the way back is always open
                    insist_open(work)
                begun = await self.hold([former])
            async with asyncio.timeout(HOLD_SECONDS) as limit, contextlib.AsyncExitStack() as stack:
                async with work.step("freeze databases"):
                    tables = {source.schema(name): each for name, each in carrying.items()}
                    await stack.enter_async_context(self._database.frozen(tables))
                    now_alike = await self._database.log_end()
                async with work.step("carry the last rows, keys and networks") as remark:
                    if frozen is not None:
                        await frozen()
                    _, _, written, _ = await asyncio.gather(
                        self._copies.insist_seen(source, target),
                        self._copies.insist_unchanged(source, own.tables if kept else {}),
                        self._copies.written((source, target), since, dependents),
                        self._carry_files(source, target),
                    )
                    rows = await self._copies.bring_over(only(carrying, written), source, target)
                    await forget_cached(target.socket("memcached"))
                    remark(f"{rows} rows of {len(written)} tables that were written")
                limit.reschedule(None)
                async with work.step("lead the names there") as remark:
                    await self._lead_to(wanted, {**kept, "alike": now_alike} if kept else {})
                    held = time.monotonic() - begun
                    remark(f"writes waited {held:.1f} s")
                async with work.step("stop what served before"):
                    await self.retire(former)
        except BaseException as error:
            if self._registry.present(key).slot != wanted.slot:
                await asyncio.shield(self._stay(key, wanted))
            if isinstance(error, TimeoutError):
                raise PermanentError(
                    f"The switch of {key} took more than {HOLD_SECONDS:.0f} s and was given up; nothing has changed.",
                    "Try again when the machine has less to do.",
                ) from error
            raise
        return held

    async def _written_since(
        self,
        alike: tuple[str, int] | None,
        between: tuple[Slot, Slot],
        carrying: Carrying,
        dependents: frozenset[tuple[str, str]],
    ) -> Carrying:
        """What carries the rows of tables that may differ: all of them when the log does not tell."""
        if alike is None:
            return carrying
        try:
            return only(carrying, await self._copies.written(between, alike, dependents))
        except PermanentError:  # that part of the log is not kept any more
            return carrying

    async def _lead_to(self, wanted: Record, kept: dict[str, Any]) -> None:
        """Lead the names to the slot, and let go on what waits: from here on it serves."""
        present = self._registry.present(wanted.spec.key)
        spec = present.spec.model_copy(update={"release": wanted.spec.release, "pins": wanted.spec.pins})
        await self._controllers.lead_to(replace(present, spec=spec, slot=wanted.slot, kept=kept))

    async def retire(self, former: Record) -> None:
        """Stop what served, once it has answered what it was asked, and let nothing write there any more."""
        slot = self._slot(former)
        await self._edge.settle(slot.number, LEAVE_SECONDS)
        await self._database.bar(slots.database_users(slot))
        await self._controllers.stop(former, END_SECONDS)

    async def hold(self, formers: list[Record]) -> float:
        """Hold requests that write, and let end what was begun; returns when that began (monotonic seconds).

        What does not end soon has it tried again later: nothing may be writing when databases are frozen, as that
        would fail half done.

        Raises:
            Conflict: something was being done each time.
        """
        found: list[str] = []
        for _ in range(ATTEMPTS):
            begun = time.monotonic()
            slow = await self._hold_once(formers)
            found = [f"requests that write to {key}" for key, streams in slow.items() if streams]
            found += [one for each in formers for one in await self._copies.unfinished(self._slot(each))]
            if not found:
                return begun
            for former in formers:
                await self._controllers.hold(former.spec.key, "")
            await asyncio.sleep(PAUSE_SECONDS)
            for former in formers:
                await self._edge.settle(self._slot(former).number, SLOW_SECONDS, among=slow[former.spec.key])
        raise Conflict(f"Operations are under way: {', '.join(found[:5])}.", "Try again when they have ended.")

    async def _hold_once(self, formers: list[Record]) -> dict[str, frozenset[str]]:
        """Hold requests that write; by controller the streams of those that were not answered in time."""
        for former in formers:
            await self._controllers.hold(former.spec.key, "outside")
        slow = {}
        for former in formers:
            number = self._slot(former).number
            slow[former.spec.key] = await self._edge.settle(number, ANSWER_SECONDS, writes=True)
            if not slow[former.spec.key]:
                await self._controllers.hold(former.spec.key, "all")
                slow[former.spec.key] = await self._edge.settle(number, ANSWER_SECONDS, writes=True)
        return slow

    async def _stay(self, key: str, wanted: Record) -> None:
        """Stay with what serves: nothing has changed."""
        await self._controllers.stop(wanted)
        await self._controllers.hold(key, "")

    async def _carry_files(self, source: Slot, target: Slot) -> None:
        """Carry keys and OVN's databases."""
        await asyncio.to_thread(metadata.copy_keys, source, target)
        await ovn.carry(source, target)

    def _slot(self, record: Record) -> Slot:
        return self._pool.slot(record.slot or 0)


async def _all(*parts: Awaitable[Any]) -> list[Any]:
    """What each part gives, all of them at once; when one fails, the others have ended before that goes on."""
    doing = [asyncio.ensure_future(part) for part in parts]
    try:
        return await asyncio.gather(*doing)
    except BaseException:
        for one in doing:
            one.cancel()
        await asyncio.wait(doing)
        raise


async def forget_cached(socket: Path) -> None:
    """Have a slot's memcached forget what services read before rows were carried.

    Raises:
        TemporaryError: it does not answer.
    """
    try:
        async with asyncio.timeout(CACHE_SECONDS):
            reader, writer = await asyncio.open_unix_connection(str(socket))
            try:
                writer.write(b"flush_all\r\n")
                said = await reader.readline()
            finally:
                writer.close()
    except (OSError, TimeoutError) as error:
        raise TemporaryError(f"The new controller's memcached does not answer: {error}.") from error
    if said.strip() != b"OK":
        raise TemporaryError(f"The new controller's memcached does not forget: {said.decode(errors='replace')}.")


def insist_open(work: Work) -> None:
    """See that the maintenance window in which a job was begun has not closed meanwhile.

    Args:
        work: the job; in its argument ``closes`` is when that is (ISO 8601), if ever.

    Raises:
        Conflict: it has.
    """
    closes = work.arguments.get("closes")
    if closes is not None and datetime.now(UTC) >= datetime.fromisoformat(closes):
        raise Conflict(
            f"The maintenance window of '{work.customer}' closed at {closes} before the switch; it was not begun.",
            "Begin again in the next window; a longer one, or --any-time, lets it be done.",
        )
