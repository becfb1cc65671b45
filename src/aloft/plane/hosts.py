"""What may be done to hosts: tokens, enrolment, authorised roles, reports, removal."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from cryptography import x509
from sqlalchemy import select
from sqlalchemy.orm import Session

from aloft.base.errors import AloftError, Conflict, InvalidInput, NotFound
from aloft.plane import customers, journal, names, operations
from aloft.plane.access.secrets import HOST_TOKEN_PREFIX, digest, new_token
from aloft.plane.errors import Unauthenticated
from aloft.plane.node_api import NodeGrant
from aloft.plane.operations import Failure, Journal, Step
from aloft.plane.reconcile.decisions import HostSight, HostState, host_state, role_states
from aloft.plane.records.database import Transaction
from aloft.plane.records.tables import Customer, Host, HostToken, OperationRow, Region, utcnow

GRANT_STEP = "Sign the certificate and grant the roles"
CONVERGE_STEP = "Bring the roles about on the host"
REVOKE_STEP = "Take the grant back"


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


def topic(host_id: str) -> str:
    """The topic that rings when a host's desired state changes."""
    return f"host/{host_id}"


def find_host(session: Session, customer: str, region: str, name: str, lock: bool = False) -> Host:
    """The host of that name.

    Raises:
        NotFound: there is none.
    """
    query = select(Host).join(Region).join(Customer)
    row = session.scalars(query.where(Customer.name == customer, Region.name == region, Host.name == name)).first()
    if row is not None and lock:
        row = session.get(Host, row.id, with_for_update=True, populate_existing=True)
    if row is None:
        raise no_such_host(customer, region, name)
    return row


def no_such_host(customer: str, region: str, name: str) -> NotFound:
    """What to say of a host that is not there."""
    return NotFound(
        f"Region {customer}/{region} has no host {name!r}.", f"List them with `aloft host list {customer}`."
    )


def issue_token(
    work: Transaction, actor: str, customer: str, region_name: str, roles: list[str], uses: int, lifetime: int
) -> tuple[HostToken, str]:
    """A new host token, and its text (which is not kept); ``lifetime`` in seconds."""
    region = customers.find_region(work.session, customer, region_name)
    if region.wanted != "present":
        raise Conflict(f"Region {region_name!r} is {region.phase}.", "Attach hosts to a region that is there.")
    text = new_token(HOST_TOKEN_PREFIX)
    row = HostToken(
        region_id=region.id,
        digest=digest(text),
        roles=names.check_roles(roles),
        uses_left=uses,
        created_by=actor,
        expires_at=utcnow() + timedelta(seconds=lifetime),
    )
    work.session.add(row)
    work.session.flush()
    work.audit(actor, "host-token.create", f"{customer}/{region_name}", customer, roles=row.roles, uses=uses)
    return row, text


def check_token(session: Session, text: str) -> None:
    """See to it that a host token is good for something still: to fetch packages with, or to enrol.

    Raises:
        Unauthenticated: it is unknown, or has expired.
    """
    row = session.scalars(select(HostToken).where(HostToken.digest == digest(text))).first()
    if row is None or row.expires_at <= utcnow():
        raise _bad_token()


def revoke_token(work: Transaction, actor: str, customer: str, region_name: str, token_id: str) -> None:
    """Make a host token worthless.

    Raises:
        NotFound: the region has no such token.
    """
    region = customers.find_region(work.session, customer, region_name)
    row = work.session.get(HostToken, token_id)
    if row is None or row.region_id != region.id:
        raise NotFound(f"Region {customer}/{region_name} has no host token {token_id!r}.")
    work.session.delete(row)
    work.audit(actor, "host-token.delete", f"{customer}/{region_name}", customer)


def admit(work: Transaction, token: str, name: str, csr: str, facts: dict[str, Any], missing_after: float) -> Admission:
    """Let a machine in: record the host, use up the token, and begin the operation ``host.attach``.

    What follows is the node's grant. When its answer does not reach the machine, the machine may come again with the
    same token for as long as it has not reported.

    Raises:
        Unauthenticated: the token is unknown, used up or has expired.
        InvalidInput: the name or the certificate request is wrong.
        Conflict: another machine of that name is attached, or the region is not there.
    """
    names.check_host(name)
    check_csr(csr)
    session, now = work.session, utcnow()
    row = session.scalars(select(HostToken).where(HostToken.digest == digest(token)).with_for_update()).first()
    if row is None or row.expires_at <= now:
        raise _bad_token()
    region = session.get_one(Region, row.region_id, with_for_update=True)
    host = session.scalars(select(Host).where(Host.region_id == region.id, Host.name == name).with_for_update()).first()
    _spend(row, host, now, missing_after)
    if region.wanted != "present" or region.ready_at is None:
        raise Conflict(f"Region {region.name!r} is {region.phase}.", "Attach hosts when the region is ready.")
    if host is None:
        host = Host(region_id=region.id, name=name, generation=0, granted_generation=0, granted={})
        session.add(host)
    host.roles, host.facts, host.token_id = list(row.roles), facts, row.id
    host.wanted, host.state, host.report, host.reported_at = "present", "pending", {}, None
    host.generation, host.reported_generation = host.generation + 1, 0
    session.flush()
    _begin_attach(work, host, region.customer.name, region.name)
    return Admission(host.id, row.id, region.customer.name, region.name, name, list(row.roles), host.generation)


def _spend(token: HostToken, host: Host | None, now: datetime, missing_after: float) -> None:
    """Use up a token, unless the same machine comes again with it."""
    if host is not None and host.token_id == token.id and host.reported_at is None:
        return
    if token.uses_left < 1:
        raise _bad_token()
    silent = host is None or host.reported_at is None or state_of(host, now, missing_after) == "missing"
    if not silent:
        raise Conflict(
            f"A host of that name is attached to region {token.region.name!r} and reports.",
            "Give this machine another name, or delete that host first.",
        )
    token.uses_left -= 1


def _begin_attach(work: Transaction, host: Host, customer: str, region: str) -> None:
    subject = f"{customer}/{region}/{host.name}"
    customers.supersede(work, host.id, "The host enrolled again.")
    row = journal.open_operation(work, "host.attach", subject, host.id, customer, f"host:{subject}")
    now = utcnow()
    before = operations.start(journal.journal_of(row), now)
    steps = (Step(GRANT_STEP, "running", now), Step(CONVERGE_STEP))
    journal.store(work, row, operations.with_steps(before, steps))
    work.event("host.enrolled", subject, customer)
    work.ring(topic(host.id))


def granted(work: Transaction, host: Host, generation: int, roles: list[str], grant: NodeGrant) -> None:
    """Keep what the node granted: from now on the agent is given it; the open operation goes on to its next step."""
    record_grant(host, generation, roles, grant)
    work.ring(topic(host.id))
    row = journal.current(work.session, host.id)
    if row is None or row.kind == "host.delete":
        return
    now = utcnow()
    before = operations.start(journal.journal_of(row), now)
    begun = next((step.started for step in before.steps if step.name == GRANT_STEP), None) or now
    waiting = Step(CONVERGE_STEP, "running", now, detail="waiting for the host's report")
    journal.store(work, row, operations.with_steps(before, (Step(GRANT_STEP, "done", begun, now), waiting)))


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


def record_grant(host: Host, generation: int, roles: list[str], grant: NodeGrant) -> None:
    """Keep what the node granted: from now on the agent is given it."""
    host.granted = {"generation": generation, "roles": list(roles), "settings": grant.settings}
    host.granted_generation = generation


def authorise(work: Transaction, actor: str, customer: str, region: str, name: str, roles: list[str]) -> OperationRow:
    """Want a host to have exactly these roles."""
    host = find_host(work.session, customer, region, name, lock=True)
    if host.wanted != "present":
        raise Conflict(f"Host {name!r} is being deleted.", "Enrol it again to attach it.")
    host.roles = names.check_roles(roles)
    host.generation += 1
    customers.supersede(work, host.id, f"Other roles were authorised by {actor}.")
    row = journal.open_operation(work, "host.authorise", f"{customer}/{region}/{name}", host.id, customer, actor)
    steps = (Step(GRANT_STEP), Step(CONVERGE_STEP))
    journal.store(work, row, operations.with_steps(journal.journal_of(row), steps))
    work.work("host", host.id)
    return row


def delete(work: Transaction, actor: str, customer: str, region: str, name: str) -> OperationRow:
    """Want a host gone: its grant is taken back and the agent is told nothing any more."""
    host = find_host(work.session, customer, region, name, lock=True)
    running = journal.current(work.session, host.id)
    if running is not None and running.kind == "host.delete":
        return running
    customers.supersede(work, host.id, f"The host was deleted by {actor}.")
    host.wanted = "removed"
    row = journal.open_operation(work, "host.delete", f"{customer}/{region}/{name}", host.id, customer, actor)
    work.ring(topic(host.id))
    work.work("host", host.id)
    return row


def take_report(
    work: Transaction, host: Host, generation: int, facts: dict[str, Any], roles: dict[str, Any], missing_after: float
) -> None:
    """Record what a host says about itself, and advance the operation that waits for it."""
    now = utcnow()
    host.reported_generation, host.reported_at = generation, now
    host.report = roles
    if facts:
        host.facts = facts
    note_state(work, host, now, missing_after)
    advance_operation(work, host, now)


def note_state(work: Transaction, host: Host, now: datetime, missing_after: float) -> None:
    """Write down the state that a host is in now, and tell of it when it is another one than before."""
    state = state_of(host, now, missing_after)
    if state == host.state:
        return
    work.event(f"host.{state}", _subject(host), host.region.customer.name, before=host.state)
    host.state = state


def state_of(host: Host, now: datetime, missing_after: float) -> HostState:
    """The state that a host is in now; ``missing_after`` in seconds."""
    sight = HostSight(
        tuple(host.roles), host.generation, host.reported_generation, role_states(host.report), host.reported_at
    )
    return host_state(sight, now, missing_after)


def advance_operation(work: Transaction, host: Host, now: datetime) -> None:
    """Show in the open operation on a host how far its roles have come, and end it when they are there or failed."""
    row = journal.current(work.session, host.id)
    if row is None or row.kind == "host.delete" or host.granted_generation < host.generation:
        return
    before = operations.start(journal.journal_of(row), now)
    journal.store(work, row, converged(before, host, now))


def converged(before: Journal, host: Host, now: datetime) -> Journal:
    """The journal of a host's operation after a report of the host."""
    if host.reported_at is None or host.reported_generation < host.generation:
        return before
    told = {role: host.report.get(role, {}) for role in host.roles}
    if host.state == "ok" or not host.roles:
        return operations.succeed(before, now)
    if host.state == "failed":
        role, report = next((r, t) for r, t in told.items() if t.get("state") == "failed")
        message = f"The role {role} of host {host.name} failed: {report.get('reason') or 'no reason was given'}."
        return operations.fail(before, Failure("host_failed", message, str(report.get("remedy", ""))), now)
    detail = "; ".join(f"{role}: {t.get('step') or t.get('state', 'waiting')}" for role, t in told.items())
    started = next((step.started for step in before.steps if step.name == CONVERGE_STEP), None) or now
    return operations.with_step(before, Step(CONVERGE_STEP, "running", started, detail=detail))


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


def _subject(host: Host) -> str:
    return f"{host.region.customer.name}/{host.region.name}/{host.name}"


def _bad_token() -> Unauthenticated:
    return Unauthenticated(
        "This host token is unknown, used up or has expired.",
        "Make a new one with `aloft host token` and use it within its lifetime.",
    )
