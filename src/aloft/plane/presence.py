"""When each host was last heard of: kept in memory, and written to the records now and then, all at once.

An agent reports every twenty seconds, mostly to say that nothing happened. That alone must not cost a write each.
"""

import threading
from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import update

from aloft.plane.records.database import Records
from aloft.plane.records.tables import Host


class Presence:
    """Last signs of life, by the host's record."""

    def __init__(self) -> None:
        self._heard: dict[str, datetime] = {}
        self._unwritten: set[str] = set()
        self._lock = threading.Lock()

    def touch(self, host_id: str, now: datetime) -> None:
        """The host was heard of."""
        with self._lock:
            self._heard[host_id] = now
            self._unwritten.add(host_id)

    def last(self, host_id: str, recorded: datetime | None) -> datetime | None:
        """When the host was heard of; ``recorded`` is what its record says."""
        heard = self._heard.get(host_id)
        return heard if recorded is None or (heard is not None and heard > recorded) else recorded

    def forget(self, host_id: str) -> None:
        """The host begins anew, or is gone."""
        with self._lock:
            self._heard.pop(host_id, None)
            self._unwritten.discard(host_id)

    def write(self, records: Records) -> None:
        """Write down what is not in the records yet.

        Raises:
            TemporaryError: the database does not answer; the next time writes it.
        """
        with self._lock:
            due: Mapping[str, datetime] = {host_id: self._heard[host_id] for host_id in self._unwritten}
            self._unwritten.clear()
        try:
            if due:
                with records.transaction() as work:
                    rows = [{"id": host_id, "reported_at": at} for host_id, at in sorted(due.items())]
                    work.session.execute(update(Host), rows)
        except Exception:
            with self._lock:
                self._unwritten |= due.keys()
            raise
