"""Enrolment: a machine comes with a token and becomes a host, once the node has signed its certificate."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cryptography import x509
from sqlalchemy import select

from aloft.base.errors import AloftError, Conflict, InvalidInput
from aloft.plane import customers, hosts, journal, machine, names, operations, rollout, tokens
from aloft.plane.machine import Attached, Machine
from aloft.plane.node_api import NodeGrant
from aloft.plane.operations import Step
from aloft.plane.records.database import Transaction
from aloft.plane.records.tables import Host, HostToken, Region, utcnow
from aloft.plane.rollout import HostSoftware, Software


@dataclass(frozen=True)
class Admission:
    """A machine that has been let in, before the node has signed its certificate."""

    host_id: str
    token_id: str
    customer: str
    region: str
    host: str
    roles: list[str]
    generation: int


def admit(
    work: Transaction,
    token: str,
    name: str,
    csr: str,
    facts: dict[str, Any],
    software_of: Callable[[Region], Software],
) -> Admission:
    """Let a machine in: record the host, use up the token, and begin the operation ``host.attach``.

    What follows is the node's grant. When its answer does not reach the machine, this very machine may come again with
    the same token for as long as it has not reported. A host that comes again without roles in its token keeps those
    that it had. What it runs is what ``software_of`` gives for its region: that is where its installer came from.

    Raises:
        Unauthenticated: the token is unknown, used up or has expired.
        InvalidInput: the name or the certificate request is wrong.
        Conflict: another machine of that name is attached, this machine is attached elsewhere, it is a clone, or the
            region is not there.
    """
    names.check_host(name)
    check_csr(csr)
    session = work.session
    row = tokens.find(session, token)
    region = session.get_one(Region, row.region_id, with_for_update=True)
    customer = region.customer.name
    host = session.scalars(select(Host).where(Host.region_id == region.id, Host.name == name).with_for_update()).first()
    known = machine.of_facts(facts)
    if not _comes_back(host, row, known):
        if row.uses_left < 1:
            raise tokens.refused("is used up")
        machine.admit(known, customer, region.name, name, _attached(work, region, known.identity, name))
        row.uses_left -= 1
    if region.wanted != "present" or region.ready_at is None:
        raise Conflict(f"Region {region.name!r} is {region.phase}.", "Attach hosts when the region is ready.")
    if host is None:
        host = Host(region_id=region.id, name=name, roles=[], generation=0, granted={})
        session.add(host)
    host.roles, host.facts, host.token_id = list(row.roles) or list(host.roles), facts, row.id
    host.machine_id = known.identity[:64]
    host.wanted, host.report, host.reported_at, host.reported_generation = "present", {}, None, 0
    host.keep_instances, host.task = False, {}
    host.software = rollout.stored(HostSoftware(software_of(region)))
    host.generation += 1
    session.flush()
    _begin_attach(work, host, customer, region.name)
    return Admission(host.id, row.id, customer, region.name, name, list(host.roles), host.generation)


def withdraw(work: Transaction, admission: Admission, error: AloftError) -> None:
    """The node will not have this host: its record goes again, the operation says why, and the token is as before."""
    token = work.session.get(HostToken, admission.token_id, with_for_update=True)
    host = work.session.get(Host, admission.host_id, with_for_update=True)
    if host is None:
        return
    if token is not None:
        token.uses_left += 1
    row = journal.current(work.session, host.id)
    if row is not None:
        failed = operations.fail(journal.journal_of(row), journal.failure_of(error, "refused_by_node"), utcnow())
        journal.store(work, row, failed)
    host.wanted = "removed"
    work.work("host", host.id)


def granted(work: Transaction, admission: Admission, grant: NodeGrant) -> None:
    """Keep what the node granted to a machine that was let in.

    Raises:
        NotFound: the host was deleted meanwhile.
    """
    host = work.session.get(Host, admission.host_id, with_for_update=True)
    if host is None or host.wanted != "present":
        raise hosts.no_such_host(admission.customer, admission.region, admission.host)
    hosts.granted(work, host, admission.generation, admission.roles, grant)


def check_csr(pem: str) -> None:
    """Check that this is a certificate request that whoever holds its key has signed.

    Raises:
        InvalidInput: it is not.
    """
    try:
        valid = x509.load_pem_x509_csr(pem.encode()).is_signature_valid
    except ValueError:
        valid = False
    if not valid:
        raise InvalidInput(
            "The certificate request is not valid.", "Send a PKCS #10 request in PEM, signed by its key."
        )


def _comes_back(host: Host | None, token: HostToken, known: Machine) -> bool:
    """Whether this is the machine that was let in as this host with this token, and has not reported since."""
    if host is None or host.token_id != token.id or host.reported_at is not None:
        return False
    return machine.same(known, machine.of_facts(host.facts))


def _attached(work: Transaction, region: Region, identity: str, name: str) -> list[Attached]:
    """The hosts of the customer that could be this machine, or have its name."""
    ours = select(Region.id).where(Region.customer_id == region.customer_id)
    same = (Host.region_id == region.id) & (Host.name == name)
    if identity:
        same = same | (Host.machine_id == identity)
    rows = work.session.scalars(select(Host).where(Host.region_id.in_(ours), same, Host.wanted == "present"))
    return [_seen(row) for row in rows]


def _seen(row: Host) -> Attached:
    facts: Mapping[str, Any] = row.facts
    reports = row.reported_at is not None and row.state != "missing"
    return Attached(row.region.name, row.name, machine.of_facts(facts), reports, expected=row.reported_at is None)


def _begin_attach(work: Transaction, host: Host, customer: str, region: str) -> None:
    subject = f"{customer}/{region}/{host.name}"
    hosts.show(work, host, "pending", "Enrolled.")
    customers.supersede(work, host.id, "The host enrolled again.")
    row = journal.open_operation(work, "host.attach", subject, host.id, customer, f"host:{subject}")
    now = utcnow()
    before = operations.start(journal.journal_of(row), now)
    steps = (Step(hosts.GRANT_STEP, "running", now), Step(hosts.CONVERGE_STEP))
    journal.store(work, row, operations.with_steps(before, steps))
    work.event("host.enrolled", subject, customer)
    work.ring(hosts.topic(host.id))
