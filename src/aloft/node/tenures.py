"""Which controller had which slot from when to when, as places in MariaDB's binary log.

The log names schemas by their slot's number, and a number is given again after its controller is gone. A backup
tells its slot and its place in the log: only up to the end of that controller's tenure are the slot's changes its own.
A tenure ends, too, where a slot's databases are made anew, as loading them is not logged.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from aloft.base import files

Place = tuple[int, int]
"""A place in the binary log: the number of the file, and the position in it (bytes)."""


def place(file: str, position: int) -> Place:
    """The place that MariaDB calls so: ``binlog.000007``, 4."""
    return int(file.rpartition(".")[2]), position


class Tenure(BaseModel):
    """A controller's time in a slot.

    Args:
        key: ``customer/region``.
        slot: its number.
        since: where in the log it began.
        began: when that was.
        until: where in the log it ended; ``None`` while it lasts.
        ended: when that was.
        covered: repositories that have a backup of it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    key: str
    slot: int
    since: Place
    began: datetime
    until: Place | None = None
    ended: datetime | None = None
    covered: tuple[str, ...] = ()

    @property
    def customer(self) -> str:
        """Whose."""
        return self.key.partition("/")[0]

    def at(self, key: str, slot: int, where: Place) -> bool:
        """Whether this is the tenure of a controller in a slot at a place in the log."""
        return (self.key, self.slot) == (key, slot) and self.since <= where <= (self.until or where)


def followed(known: Iterable[Tenure], served: Mapping[str, int], where: Place, now: datetime) -> tuple[Tenure, ...]:
    """The tenures once these controllers are in these slots. Pure.

    Args:
        known: the tenures so far.
        served: slot by ``customer/region``.
        where: how far the log goes.
        now: when that is.
    """
    lasting = {one.key: one.slot for one in known if one.until is None}
    ended = {"until": where, "ended": now}
    return (
        *(
            one.model_copy(update=ended) if one.until is None and served.get(one.key) != one.slot else one
            for one in known
        ),
        *(
            Tenure(key=key, slot=slot, since=where, began=now)
            for key, slot in sorted(served.items())
            if lasting.get(key) != slot
        ),
    )


class Tenures:
    """The tenures of a node's slots; every change is on the disk when a method returns.

    Args:
        file: where they are kept.
        log_end: tells how far the binary log goes.
    """

    def __init__(self, file: Path, log_end: Callable[[], Place]) -> None:
        self._file = file
        self._log_end = log_end
        self._known = read(json.loads(file.read_text())) if file.exists() else ()

    def all(self) -> tuple[Tenure, ...]:
        """All that are known, in the order in which they began."""
        return self._known

    def follow(self, served: Mapping[str, int]) -> None:
        """Note which controllers (``customer/region``) are in which slots from now on."""
        if {one.key: one.slot for one in self._known if one.until is None} != served:
            self._keep(followed(self._known, served, self._log_end(), datetime.now(UTC)))

    def begin_anew(self, key: str) -> None:
        """Note that the databases of a controller are made anew in its slot: the log does not tell what is in them."""
        lasting = {one.key: one.slot for one in self._known if one.until is None}
        if key in lasting:
            where, now = self._log_end(), datetime.now(UTC)
            others = {name: slot for name, slot in lasting.items() if name != key}
            self._keep(followed(followed(self._known, others, where, now), lasting, where, now))

    def cover(self, slots: Mapping[str, int], where: Place, repository: str) -> None:
        """Note that a repository has a backup of controllers (slot by ``customer/region``) from a place in the log."""
        covered = {one for one in self._known if any(one.at(key, slot, where) for key, slot in slots.items())}
        self._keep(
            tuple(
                one.model_copy(update={"covered": tuple(sorted({*one.covered, repository}))}) if one in covered else one
                for one in self._known
            )
        )

    def uncovered(self, repository: str) -> list[Tenure]:
        """Those that last and of which a repository has no backup."""
        return [one for one in self._known if one.until is None and repository not in one.covered]

    def forget(self, before: int) -> None:
        """Forget those that ended in logs before the one of this number, as these are not kept any more."""
        left = tuple(one for one in self._known if one.until is None or one.until[0] >= before)
        if left != self._known:
            self._keep(left)

    def told(self) -> list[object]:
        """All of them as JSON has them, for :func:`read`."""
        return [one.model_dump(mode="json") for one in self._known]

    def _keep(self, tenures: Sequence[Tenure]) -> None:
        self._known = tuple(tenures)
        files.write(self._file, json.dumps(self.told(), indent=1), mode=0o600)


def read(told: Iterable[object]) -> tuple[Tenure, ...]:
    """The tenures that JSON tells of."""
    return tuple(Tenure.model_validate(one) for one in told)
