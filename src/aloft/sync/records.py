"""What the sync service remembers, what it sees in OpenStack, and what it does: plain values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from aloft.sync.inventory import Domain

Standing = Literal["adopted", "stale", "held", "excluded", "unmanaged", "deleted"]
"""Where a virtual machine stands.

``adopted``: it is an instance. ``stale``: it has gone from its host and will be removed. ``held``: it has gone on weak
evidence and stays until an administrator accepts that. ``excluded``, ``unmanaged``: it is on the host and not in
OpenStack, by a rule or by hand. ``deleted``: it was deleted in OpenStack and is still on the host.
"""

PRESENT: tuple[Standing, ...] = ("adopted", "stale", "held")
"""Standings in which there is an instance."""

Origin = Literal["discovered", "made here"]


@dataclass(frozen=True)
class Known:
    """What is remembered of a virtual machine.

    Args:
        uuid: the domain's and the instance's.
        host: where it was seen last.
        standing: see there.
        origin: whether it was found on a host or made by OpenStack.
        project: name or identifier of the project that it belongs to.
        base: the facts that both sides agreed on last; ``asked`` in it has what OpenStack wants of the host and since
            when: field → [value, time].
        since: when it came into this standing.
        stale_since: when it was first missed.
        reason: why it stands where it does, in words.
    """

    uuid: str
    host: str
    standing: Standing
    origin: Origin = "discovered"
    project: str = ""
    base: Mapping[str, Any] = field(default_factory=dict)
    since: float = 0.0
    stale_since: float | None = None
    reason: str = ""

    @property
    def asked(self) -> Mapping[str, Any]:
        """What OpenStack wants of the host: field → [value, time]."""
        return dict(self.base.get("asked", {}))


@dataclass(frozen=True)
class View:
    """An instance as OpenStack has it.

    Args:
        state: in the words of :data:`aloft.sync.facts.STATES`, or another one of Nova's.
        busy: whether OpenStack is doing something to it.
        deleted: whether only the record of a deleted instance is left.
        updated_at: when the record was changed last.
        done_at: when OpenStack itself changed it last, as far as known; zero where the sync service did.
    """

    uuid: str
    name: str
    description: str
    state: str
    vcpus: int
    memory_mib: int
    host: str
    project: str
    busy: bool = False
    deleted: bool = False
    updated_at: float = 0.0
    done_at: float = 0.0


@dataclass(frozen=True)
class Entry:
    """A line of the audit trail.

    Args:
        at: when it happened, as far as known.
        host: where.
        kind: what kind of thing changed.
        object: which one: the instance's identifier, the network's place, the image's path.
        who: who did it, as far as known.
        field: what of it.
        before: the value before.
        after: the value after.
        source: what told: ``libvirt EVENT``, ``scan``, ``openstack``, ``administrator``, ``rule``.
        note: more, in words.
        lost: whether the change did not hold, because another one came later.
    """

    at: float
    host: str
    kind: Literal["instance", "network", "image", "volume", "policy", "host"]
    object: str
    field: str
    before: Any = None
    after: Any = None
    who: str = ""
    source: str = "scan"
    note: str = ""
    lost: bool = False


@dataclass(frozen=True)
class Action:
    """One thing to do to OpenStack's records; each is idempotent.

    Args:
        kind: ``adopt`` (make the instance), ``update`` (change these fields), ``remove`` (take the records away; the
            virtual machine is never touched), ``note`` (only remember).
        uuid: of the instance.
        known: what to remember once it is done; ``None`` is to forget.
        domain: as the host has it; ``None`` where it has it no more.
        facts: of the domain.
        fields: which of them are to be changed.
        asks: fields in which the host is to follow OpenStack.
        entries: of the trail.
    """

    kind: Literal["adopt", "update", "remove", "note"]
    uuid: str
    known: Known | None
    domain: Domain | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    fields: tuple[str, ...] = ()
    asks: tuple[str, ...] = ()
    entries: tuple[Entry, ...] = ()


@dataclass(frozen=True)
class Plan:
    """What to do for one host.

    Args:
        actions: in this order.
        due: when to plan again though nothing is told; ``None`` for never.
        waiting: instances that cannot be dealt with yet, and why.
    """

    actions: tuple[Action, ...] = ()
    due: float | None = None
    waiting: Mapping[str, str] = field(default_factory=dict)
