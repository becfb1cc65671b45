"""What a node remembers on its own disk: its slots and its controllers.

It is the node's copy of what it was told, so that all controllers come back after a reboot though the plane is down.
"""

import functools
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from aloft.base import files
from aloft.base.errors import NotFound
from aloft.base.paths import Paths
from aloft.controller.context import Slot
from aloft.controller.spec import ControllerSpec
from aloft.node import mariadb
from aloft.node.tenures import Tenures


@dataclass(frozen=True)
class Record:
    """A controller that was asked for.

    Args:
        spec: as it shall be.
        slot: where it lives; ``None`` until one is claimed.
        wanted: false once it shall be torn down.
        hosts: roles of each host that has a grant, by the host's name.
        serials: serial numbers of the certificates that were signed for each of these hosts.
        revoked: serial numbers of certificates of hosts whose grant was taken back.
        kept: what served before an upgrade and is kept for the way back, as :class:`aloft.node.upgrades.Kept` tells it;
            empty when there is nothing.
        arriving: the node that it comes from, while that one serves it still.
        leaving: the node that it goes to, from the moment at which that one may serve it.
    """

    spec: ControllerSpec
    slot: int | None = None
    wanted: bool = True
    hosts: dict[str, tuple[str, ...]] = field(default_factory=dict)
    serials: dict[str, tuple[str, ...]] = field(default_factory=dict)
    revoked: tuple[str, ...] = ()
    kept: dict[str, Any] = field(default_factory=dict)
    arriving: str = ""
    leaving: str = ""

    @property
    def slots(self) -> tuple[int, ...]:
        """The slots that belong to it: where it lives, and what is kept for the way back."""
        found = (self.slot, self.kept.get("record", {}).get("slot"))
        return tuple(number for number in found if number is not None)

    @property
    def environments(self) -> tuple[str, ...]:
        """The releases' environments that it needs: what it runs from, and what is kept for the way back."""
        kept = (self.read(self.kept["record"]).environments) if self.kept else ()
        return (self.spec.environment, *kept)

    def told(self) -> dict[str, Any]:
        """The record as JSON has it."""
        return {
            "spec": self.spec.model_dump(mode="json"),
            "slot": self.slot,
            "wanted": self.wanted,
            "hosts": self.hosts,
            "serials": self.serials,
            "revoked": self.revoked,
            "kept": self.kept,
            "arriving": self.arriving,
            "leaving": self.leaving,
        }

    @classmethod
    def read(cls, told: Mapping[str, Any]) -> "Record":
        """The record that JSON tells of."""
        return cls(
            ControllerSpec.model_validate(told["spec"]),
            told["slot"],
            told["wanted"],
            {host: tuple(roles) for host, roles in told["hosts"].items()},
            {host: tuple(serials) for host, serials in told.get("serials", {}).items()},
            tuple(told.get("revoked", ())),
            told.get("kept", {}),
            told.get("arriving", ""),
            told.get("leaving", ""),
        )

    def with_grant(self, host: str, roles: tuple[str, ...], serial: str = "", anew: bool = False) -> "Record":
        """The record once a host has a grant for these roles, and a certificate with this serial number if any.

        With ``anew`` the certificates that it had before are revoked.
        """
        former = self.serials.get(host, ())
        signed = (*(() if anew else former), *((serial,) if serial else ()))
        return replace(
            self,
            hosts={**self.hosts, host: roles},
            serials={**self.serials, host: signed},
            revoked=(*self.revoked, *former) if anew else self.revoked,
        )

    def without_grant(self, host: str) -> "Record":
        """The record once a host's grant is taken back: its certificates open nothing any more."""
        return self._without({host})

    def with_hosts_of(self, present: "Record") -> "Record":
        """The record once it takes the place of a present one: that one knows whose certificates open something.

        Hosts that this one has besides were removed since it was kept; theirs open nothing.
        """
        return replace(
            self._without({host for host in self.hosts if host not in present.hosts}, present.revoked),
            hosts=present.hosts,
            serials=present.serials,
        )

    def with_hosts(self, known: Collection[str]) -> "Record":
        """The record with no other hosts than these; the certificates of the others open nothing any more."""
        return self._without({host for host in self.hosts if host not in known})

    def _without(self, hosts: Collection[str], revoked: Iterable[str] = ()) -> "Record":
        signed = (serial for host in sorted(hosts) for serial in self.serials.get(host, ()))
        return replace(
            self,
            hosts={name: roles for name, roles in self.hosts.items() if name not in hosts},
            serials={name: serials for name, serials in self.serials.items() if name not in hosts},
            revoked=tuple(dict.fromkeys((*self.revoked, *revoked, *signed))),
        )


class Registry:
    """The records, each a file; every change is on the disk before it is acted upon.

    Args:
        paths: where they lie.

    Attributes:
        tenures: who was in which slot, and since when.
    """

    def __init__(self, paths: Paths) -> None:
        self._paths = paths
        self._folder = paths.state / "node/controllers"
        files.folder(self._folder, mode=0o700)
        self._records = {file.stem: self._read(file) for file in sorted(self._folder.glob("*.json"))}
        self.tenures = Tenures(paths.state / "node/tenures.json", functools.partial(mariadb.log_end, paths))
        self._note_tenures()

    def get(self, key: str) -> Record | None:
        """The controller ``customer/region``."""
        return self._records.get(_stem(key))

    def present(self, key: str) -> Record:
        """The controller ``customer/region`` as it is now, not as it was before something was waited for.

        Raises:
            NotFound: there is none.
        """
        if (record := self.get(key)) is None:
            raise NotFound(f"There is no controller {key} on this node.")
        return record

    def of(self, customer: str) -> list[Record]:
        """A customer's controllers that are wanted, the one with Keystone first.

        Raises:
            NotFound: there is none.
        """
        found = [one for one in self._records.values() if one.spec.customer == customer and one.wanted]
        if not found:
            raise NotFound(f"Customer '{customer}' has no controller on this node.")
        return sorted(found, key=lambda one: (not one.spec.identity, one.spec.region))

    def all(self) -> tuple[Record, ...]:
        """All controllers, by name."""
        return tuple(record for _, record in sorted(self._records.items()))

    def put(self, record: Record) -> None:
        """Remember a controller."""
        stem = _stem(record.spec.key)
        files.write(self._folder / f"{stem}.json", json.dumps(record.told(), indent=1), mode=0o600)
        self._records[stem] = record
        self._note_tenures()

    def forget(self, key: str) -> None:
        """Forget a controller that has been torn down."""
        stem = _stem(key)
        (self._folder / f"{stem}.json").unlink(missing_ok=True)
        self._records.pop(stem, None)
        self._note_tenures()

    def claimed(self) -> frozenset[int]:
        """Slots that belong to controllers."""
        return frozenset(number for record in self._records.values() for number in record.slots)

    def warm(self) -> dict[int, str]:
        """Prepared slots that nobody has claimed, with their releases."""
        found: dict[int, str] = {}
        for number in self.slots() - self.claimed():
            told = self._slot(number)
            if told.get("state") == "warm":
                found[number] = told["release"]
        return found

    def slots(self) -> frozenset[int]:
        """All slots of which there is anything on the disk."""
        folder = self._paths.state / "slots"
        return frozenset(int(entry.name) for entry in folder.glob("*") if entry.name.isdecimal())

    def free(self, but: frozenset[int] = frozenset()) -> int:
        """The lowest slot number of which there is nothing, and that is none of these."""
        taken = self.slots() | self.claimed() | but
        return next(number for number in range(1, len(taken) + 2) if number not in taken)

    def mark(self, slot: Slot, release: str, state: str, services: str = "") -> None:
        """Note what a slot is, and for which services it was prepared.

        It is ``preparing``, ``warm`` (prepared for whoever comes) or ``held`` (prepared for one).
        """
        told = {"release": release, "state": state, "services": services}
        files.write(slot.state / "slot.json", json.dumps(told), mode=0o600)

    def hold(self, number: int) -> None:
        """Note that a prepared slot is held for one, whoever claims it."""
        if told := self._slot(number):
            self.mark(Slot(number, self._paths), told["release"], "held", told["services"])

    def prepared(self, number: int) -> bool:
        """Whether the slot's preparation was finished."""
        return self._slot(number).get("state") in ("warm", "held")

    def held(self, number: int) -> bool:
        """Whether a slot is prepared for one controller, and none has claimed it."""
        return self._slot(number).get("state") == "held" and number not in self.claimed()

    def prepared_for(self, number: int) -> str:
        """The services that the slot was prepared for, as they were told to :meth:`mark`."""
        return str(self._slot(number).get("services", ""))

    def _slot(self, number: int) -> dict[str, Any]:
        try:
            told: dict[str, Any] = json.loads((self._paths.slot_state(number) / "slot.json").read_text())
        except FileNotFoundError:
            return {}
        return told

    def _note_tenures(self) -> None:
        """Whoever is in its slot by now, writes there; one that only arrives is served by another node still."""
        wanted = (one for one in self._records.values() if one.wanted and not one.arriving)
        self.tenures.follow({one.spec.key: one.slot for one in wanted if one.slot is not None})

    @staticmethod
    def _read(file: Path) -> Record:
        return Record.read(json.loads(file.read_text()))


def _stem(key: str) -> str:
    return key.replace("/", ".")
