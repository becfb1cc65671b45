"""The numbered account that a host keeps of itself: what was told, what is still to be told, and when to begin anew."""

import threading
import uuid
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import replace

from aloft.sync.inventory import PARTS, Answer, Delta, Entry, Inventory, Origin, Part, Report, compare, follow

BACKLOG = 4000
"""Deltas that are kept for a region that does not answer; beyond that a snapshot is the shorter story."""

BATCH = 500
"""Most deltas in one report."""

NOT_LOOKED = "Not looked at yet."

Change = tuple[Part, str, Entry | None, str]
"""Part, key, new entry (``None``: gone), error of the part; as :func:`aloft.sync.inventory.compare` gives them."""


class Account:
    """Shared by who looks and who posts; each call is whole.

    Until :meth:`begin` nothing is told. Parts that nobody looked at are told as failed.

    Args:
        clock: the time in seconds since 1970.
        backlog: see :data:`BACKLOG`.
    """

    def __init__(self, clock: Callable[[], float], backlog: int = BACKLOG) -> None:
        self._clock = clock
        self._most = backlog
        self._lock = threading.Lock()
        self._news = threading.Event()
        self._inventory = Inventory(clock(), failed=dict.fromkeys(PARTS, NOT_LOOKED))
        self._open = False
        self._begin = False
        self._epoch = ""
        self._sequence = 0
        self._pending: deque[Delta] = deque()
        self._lost = 0

    @property
    def inventory(self) -> Inventory:
        """The host as it was last seen."""
        return self._inventory

    @property
    def opened(self) -> bool:
        """Whether the account has begun."""
        return self._open

    def begin(self, hypervisor: str = "") -> None:
        """Begin anew: the next report is a snapshot.

        Args:
            hypervisor: see :class:`~aloft.sync.inventory.Inventory`.
        """
        with self._lock:
            self._inventory = replace(self._inventory, hypervisor=hypervisor or self._inventory.hypervisor)
            self._open = self._begin = True
            self._pending.clear()
        self._news.set()

    def see(self, part: Part, entries: Iterable[Entry], cause: str = "") -> int:
        """Take note of all entries of a part; returns the number of changes."""
        after = self._inventory.with_entries(part, entries)
        well = {name: why for name, why in after.failed.items() if name != part}
        changes = [change for change in compare(self._inventory, replace(after, failed=well)) if change[0] == part]
        return self.record(changes, "event" if cause else "scan", cause)

    def fail(self, part: Part, error: str) -> None:
        """Take note that a part cannot be looked at."""
        if self._inventory.failed.get(part) != error:
            self.record([(part, "", None, error)], "scan")

    def record(self, changes: Iterable[Change], origin: Origin, cause: str = "") -> int:
        """Add changes to the account; returns how many there were."""
        at = self._clock()
        with self._lock:
            deltas = [
                Delta(self._sequence + number, at, part, key, None if entry is None else entry.to_json(), error)
                for number, (part, key, entry, error) in enumerate(changes, 1)
            ]
            if not deltas:
                return 0
            deltas = [replace(delta, origin=origin, cause=cause) for delta in deltas]
            self._inventory = follow(self._inventory, deltas)
            self._sequence += len(deltas)
            if self._open and not self._begin:
                self._pending.extend(deltas)
            if len(self._pending) > self._most:
                self._lost += len(self._pending)
                self._pending.clear()
                self._begin = True
        self._news.set()
        return len(deltas)

    def next_report(self) -> Report | None:
        """What to post now: a snapshot, deltas, or only a sign of life; ``None`` before the account began.

        A snapshot begins an epoch each time it is asked for: whoever did not get the last one gets a newer one.
        """
        with self._lock:
            if not self._open:
                return None
            now = self._clock()
            if self._begin:
                self._epoch, self._sequence = uuid.uuid4().hex, 0
                self._pending.clear()
                self._begin = False
                return Report(self._epoch, now, snapshot=replace(self._inventory, taken_at=now), lost=self._lost)
            return Report(self._epoch, now, deltas=tuple(self._pending)[:BATCH])

    def failed(self, report: Report) -> None:
        """A report may not have arrived; a snapshot is made anew, deltas are still there."""
        if report.snapshot is not None:
            with self._lock:
                self._begin = self._begin or report.epoch == self._epoch

    def answered(self, report: Report, answer: Answer) -> None:
        """Forget what is safe with the region, and begin anew if it asks for that."""
        with self._lock:
            if report.epoch != self._epoch:
                return
            if report.snapshot is not None:
                self._lost -= report.lost
            if answer.snapshot or answer.epoch != self._epoch:
                self._begin = True
                return
            while self._pending and self._pending[0].sequence <= answer.acknowledged:
                self._pending.popleft()

    def wake(self) -> None:
        """End a wait."""
        self._news.set()

    def wait(self, seconds: float) -> None:
        """Wait until there is something to post, or the time is over."""
        with self._lock:
            if self._begin or self._pending:
                return
            self._news.clear()
        self._news.wait(seconds)
