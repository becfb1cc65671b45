"""What may be asked to become of a host and of what runs on it: drain it, take roles away, remove it.

A request becomes a *task* on the host's record, which the reconciler takes from stage to stage (see
:mod:`aloft.plane.reconcile.tasks`): no new instances, then those that are there, then the roles, then what OpenStack
knows of the host, then its grant.
"""

from collections.abc import Sequence
from typing import Any, Literal

from aloft.base.errors import Conflict
from aloft.plane import customers, hosts, journal, names, operations
from aloft.plane.openstack import Server
from aloft.plane.operations import Step
from aloft.plane.records.database import Transaction
from aloft.plane.records.tables import Host, OperationRow

Kind = Literal["drain", "resume", "roles", "delete"]
Stage = Literal["compute", "instances", "roles", "forget", "revoke"]
Fate = Literal["keep", "migrate", "delete"]
"""What shall become of the instances on a host."""

STAGES: dict[Kind, tuple[Stage, ...]] = {
    "drain": ("compute", "instances"),
    "resume": ("compute",),
    "roles": ("compute", "instances", "roles", "forget"),
    "delete": ("compute", "instances", "roles", "forget", "revoke"),
}
TITLES: dict[Stage, str] = {
    "compute": "Tell Nova whether new instances may come",
    "instances": "See to the instances on the host",
    "roles": "Take the roles away on the host",
    "forget": "Remove the host from Nova's and Neutron's records",
    "revoke": hosts.REVOKE_STEP,
}
OPERATIONS: dict[Kind, str] = {
    "drain": "host.drain",
    "resume": "host.resume",
    "roles": "host.deauthorise",
    "delete": "host.delete",
}


CARRIERS = frozenset({"hypervisor", "network"})
"""Roles that make a host a chassis of OVN's."""


def loses_instances(host: Host, roles: Sequence[str] = ()) -> bool:
    """Whether a host that has these roles from now on can no longer run instances, though it could before."""
    return "hypervisor" in host.roles and "hypervisor" not in roles


def check_fate(host: str, servers: Sequence[Server], fate: Fate | None) -> None:
    """Refuse what instances stand in the way of, unless it was said what shall become of them.

    Raises:
        Conflict: there are instances, and nothing was said.
    """
    if servers and fate is None:
        listed = ", ".join(server.label for server in servers[:10]) + (" and others" if len(servers) > 10 else "")
        raise Conflict(
            f"Host {host!r} has {len(servers)} instances: {listed}.",
            "Say what shall become of them: --instances migrate (to other hosts), delete, or keep (they run on, but"
            " nobody operates them).",
        )


def begin(
    work: Transaction,
    actor: str,
    address: tuple[str, str, str],
    kind: Kind,
    fate: Fate | None,
    roles: Sequence[str] = (),
) -> OperationRow:
    """Begin a task; a deletion that runs is told again.

    Args:
        work: the transaction.
        actor: who asks.
        address: customer, region and host.
        kind: what shall be done.
        fate: what shall become of the instances; with ``drain``, ``None`` only lists them.
        roles: for ``roles``, those that the host keeps.

    Raises:
        NotFound: there is no such host.
        InvalidInput: a role does not exist.
    """
    host = hosts.find_host(work.session, *address, lock=True)
    running = journal.current(work.session, host.id)
    if running is not None and running.kind == OPERATIONS["delete"]:
        return running
    customers.supersede(work, host.id, f"Something else was asked of the host by {actor}.")
    # from now on, whatever becomes of the task: Nova is told so in its first stage, and nobody tells it otherwise
    host.drained = kind != "resume" and (host.drained or "hypervisor" in host.roles)
    host.task = task(kind, fate, names.check_roles(list(roles)))
    name = "/".join(address)
    row = journal.open_operation(work, OPERATIONS[kind], name, host.id, address[0], actor)
    steps = tuple(Step(TITLES[stage]) for stage in STAGES[kind])
    journal.store(work, row, operations.with_steps(journal.journal_of(row), steps))
    work.ring(hosts.topic(host.id))
    work.work("host", host.id)
    return row


def task(kind: Kind, fate: Fate | None, roles: Sequence[str]) -> dict[str, Any]:
    """A task at its beginning, as a host's record keeps it."""
    return {"kind": kind, "fate": fate, "roles": list(roles), "stage": STAGES[kind][0], "tried": {}}


def following(kind: Kind, stage: Stage) -> Stage | None:
    """The stage after this one; ``None`` when it is the last."""
    stages = STAGES[kind]
    place = stages.index(stage) + 1
    return stages[place] if place < len(stages) else None
