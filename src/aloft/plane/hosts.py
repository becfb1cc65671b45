"""Hosts: what they shall be, what they say about themselves, and the state that follows from both."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import fmean
from typing import Any

from sqlalchemy import case, select, update
from sqlalchemy.orm import Session

from aloft.base.errors import Conflict, NotFound
from aloft.plane import customers, journal, names, operations
from aloft.plane.node_api import NodeGrant
from aloft.plane.operations import Failure, Journal, Step
from aloft.plane.reconcile import bearing
from aloft.plane.reconcile.bearing import Bearing
from aloft.plane.reconcile.decisions import HostSight, HostState, host_state, role_states
from aloft.plane.records.database import Transaction
from aloft.plane.records.tables import Customer, Host, HostHistory, OperationRow, Region, utcnow

GRANT_STEP = "Sign the certificate and grant the roles"
CONVERGE_STEP = "Bring the roles about on the host"
REVOKE_STEP = "Take the grant back"

ALONE = (
    "The role network is recommended alone: a gateway carries the floating traffic of the whole region, and must not"
    " wait for instances or images."
)

MISSING_REMEDY = "See whether the machine is up, the agent runs there, and it reaches the edge's port."


@dataclass(frozen=True)
class Account:
    """What there is to say about a host's state.

    Args:
        step: what it is doing.
        done: share of the work, 0 to 1; ``None`` when it is not known.
        reason: what is wrong, and why.
        remedy: what to do about it.
    """

    step: str = ""
    done: float | None = None
    reason: str = ""
    remedy: str = ""


@dataclass(frozen=True)
class Silence:
    """After how many ``seconds`` a host counts as silent; those before anybody was ``listening`` do not count."""

    seconds: float
    listening: datetime | None = None


def topic(host_id: str) -> str:
    """The topic that rings when a host's desired state changes."""
    return f"host/{host_id}"


def seen_topic(host_id: str) -> str:
    """The topic that rings when a host has said something new, or is shown in another state."""
    return f"host-seen/{host_id}"


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


def find_present(session: Session, customer: str, region: str, name: str) -> Host:
    """The host of that name, locked, when it is not being deleted.

    Raises:
        NotFound: there is none.
        Conflict: it is being deleted.
    """
    host = find_host(session, customer, region, name, lock=True)
    if host.wanted != "present":
        raise Conflict(f"Host {name!r} is being deleted.", "Enrol it again to attach it.")
    return host


def no_such_host(customer: str, region: str, name: str) -> NotFound:
    """What to say of a host that is not there."""
    return NotFound(
        f"Region {customer}/{region} has no host {name!r}.", f"List them with `aloft host list {customer}`."
    )


def subject(host: Host) -> str:
    """``customer/region/host``."""
    return f"{host.region.customer.name}/{host.region.name}/{host.name}"


def warnings(roles: Sequence[str], facts: Mapping[str, Any]) -> list[str]:
    """What a person should know about a host, though it works: by its roles and by what it says itself."""
    told = facts.get("warnings")
    own = [str(text) for text in told] if isinstance(told, list) else []
    return [*([ALONE] if "network" in roles and len(roles) > 1 else []), *own]


def lacks(facts: Mapping[str, Any]) -> dict[str, list[dict[str, str]]]:
    """What a host says that it lacks for each role (``{role: [{"reason", "remedy"}]}``); other forms are left out."""
    told = facts.get("lacks")
    return {
        str(role): [
            {"reason": str(lack.get("reason", "")), "remedy": str(lack.get("remedy", ""))}
            for lack in (those if isinstance(those, list) else [])
            if isinstance(lack, Mapping)
        ]
        for role, those in (told.items() if isinstance(told, Mapping) else ())
    }


def running(facts: Mapping[str, Any]) -> dict[str, str]:
    """The builds of packages that a host says it runs, by their names."""
    return _builds(facts, "packages")


def refused(facts: Mapping[str, Any]) -> dict[str, str]:
    """The builds of packages that a host says it tried and took back, by their names."""
    return _builds(facts, "refused")


def _builds(facts: Mapping[str, Any], fact: str) -> dict[str, str]:
    told = facts.get(fact)
    return {str(name): str(build) for name, build in told.items()} if isinstance(told, Mapping) else {}


# What shall be


def want_roles(work: Transaction, host: Host, roles: list[str]) -> None:
    """Want exactly these roles; the node has to grant them before the agent hears of them."""
    host.roles = names.check_roles(roles)
    host.generation += 1
    work.work("host", host.id)


def renew_desired(work: Transaction, host: Host) -> None:
    """Count the desired state as another one, though the node has nothing to grant: the agent hears of it at once."""
    current = host.granted_generation == host.generation
    host.generation += 1
    if current:
        host.granted_generation = host.generation
    work.ring(topic(host.id))


def granted(work: Transaction, host: Host, generation: int, roles: list[str], grant: NodeGrant) -> None:
    """Keep what the node granted: from now on the agent is given it; the open operation goes on to its next step.

    ``opened`` tells that the host was authorised at some time: one that never was is not given any login.
    """
    opened = bool(roles) or bool(host.granted.get("opened"))
    tell_others_of_library(
        work, host, before="image-library" in host.granted.get("roles", []), after="image-library" in roles
    )
    host.granted = {
        "roles": list(roles),
        "settings": grant.settings,
        "opened": opened,
        "attempt": host.granted.get("attempt", 0),
    }
    host.granted_generation = generation
    work.ring(topic(host.id))
    row = journal.current(work.session, host.id)
    if row is None or host.task:
        return
    now = utcnow()
    before = operations.start(journal.journal_of(row), now)
    begun = next((step.started for step in before.steps if step.name == GRANT_STEP), None) or now
    waiting = Step(CONVERGE_STEP, "running", now, detail="waiting for the host's report")
    journal.store(work, row, operations.with_steps(before, (Step(GRANT_STEP, "done", begun, now), waiting)))


def renew_all(work: Transaction, region_id: str, but: str = "") -> None:
    """Count the desired state of every host of a region as another one, but for the host with the id ``but``.

    It is one statement for all, as hundreds may wait for it; see :func:`renew_desired` for what it does to each.
    """
    query = select(Host.id).where(Host.region_id == region_id, Host.id != but, Host.wanted == "present")
    found = list(work.session.scalars(query.order_by(Host.id).with_for_update()))
    later = Host.generation + 1
    granted = case((Host.granted_generation == Host.generation, later), else_=Host.granted_generation)
    # in this order: MariaDB carries out one assignment after the other
    renewal = (
        update(Host)
        .where(Host.id.in_(found))
        .ordered_values((Host.granted_generation, granted), (Host.generation, later))
    )
    work.session.execute(renewal, execution_options={"synchronize_session": False})
    work.ring(*map(topic, found))


def tell_others_of_library(work: Transaction, host: Host, before: bool, after: bool) -> None:
    """Let the region's other hosts know when one of them begins to keep images, or ends to."""
    if before != after:
        renew_all(work, host.region_id, but=host.id)


def authorise(work: Transaction, actor: str, customer: str, region: str, name: str, roles: list[str]) -> OperationRow:
    """Want a host to have exactly these roles.

    Raises:
        InvalidInput: a role does not exist.
        Conflict: the host is being deleted.
    """
    host = find_present(work.session, customer, region, name)
    customers.supersede(work, host.id, f"Other roles were authorised by {actor}.")
    host.task = {}
    want_roles(work, host, roles)
    row = journal.open_operation(work, "host.authorise", f"{customer}/{region}/{name}", host.id, customer, actor)
    steps = (Step(GRANT_STEP), Step(CONVERGE_STEP))
    journal.store(work, row, operations.with_steps(journal.journal_of(row), steps))
    return row


def try_again(work: Transaction, actor: str, customer: str, region: str, name: str) -> OperationRow:
    """Have a host's agent try again at once what it has given up, or tries only now and then.

    Raises:
        Conflict: the host has no roles, is being deleted, or something is being done with it.
    """
    host = find_present(work.session, customer, region, name)
    if not host.roles:
        raise Conflict(f"Host {name!r} has no roles.", "Authorise roles: aloft host authorise.")
    if host.task:
        raise Conflict(f"Something is being done with host {name!r}.", "See `aloft operation list`, and wait for it.")
    customers.supersede(work, host.id, f"Another attempt was asked for by {actor}.")
    host.granted = {**host.granted, "attempt": host.granted.get("attempt", 0) + 1}
    renew_desired(work, host)
    row = journal.open_operation(work, "host.retry", f"{customer}/{region}/{name}", host.id, customer, actor)
    journal.store(work, row, operations.with_steps(journal.journal_of(row), (Step(CONVERGE_STEP),)))
    return row


# What is


def take_report(
    work: Transaction, host: Host, generation: int, facts: dict[str, Any], roles: dict[str, Any], silence: Silence
) -> None:
    """Record what a host says about itself, and advance the operation that waits for it."""
    now = utcnow()
    host.reported_generation, host.reported_at = generation, now
    host.report = roles
    if facts:
        host.facts = facts
    note_state(work, host, now, silence)
    advance_operation(work, host, now)
    work.ring(seen_topic(host.id))


def note_state(work: Transaction, host: Host, now: datetime, silence: Silence) -> None:
    """Write down how the host is shown from now on, and tell of it when it is in another state than before."""
    before = shown(host)
    after = steadied(host, now, silence)
    if after.state != before.state:
        account = account_of(host)
        show(work, host, after.state, account.reason or account.step, account.remedy)
    if bearing.stored(after) != host.bearing:
        host.bearing = bearing.stored(after)


def show(work: Transaction, host: Host, state: HostState, detail: str = "", remedy: str = "") -> None:
    """Put a host into a state, with an entry in its history."""
    name = subject(host)
    before = host.state if host.bearing else ""
    work.event(f"host.{state}", name, host.region.customer.name, before=before)
    work.session.add(HostHistory(subject=name, state=state, before=before, detail=detail, remedy=remedy))
    work.ring(topic(host.id), seen_topic(host.id))
    host.state = state
    host.bearing = bearing.stored(Bearing(state, utcnow(), host.generation))


def shown(host: Host) -> Bearing:
    """How the host is shown."""
    state: HostState = host.state  # type: ignore[assignment]  # written by show() only
    return bearing.restored(state, host.bearing)


def steadied(host: Host, now: datetime, silence: Silence) -> Bearing:
    """How the host is to be shown now."""
    seen = state_of(host, now, silence)
    since = host.reported_at if seen == "missing" and host.reported_at is not None else now
    return bearing.steady(shown(host), seen, since, host.generation, now)


def state_of(host: Host, now: datetime, silence: Silence) -> HostState:
    """The state that a host is seen in now; one that is missing stays so until it reports."""
    heard = host.reported_at
    if heard is not None and silence.listening is not None and host.state != "missing":
        heard = max(heard, silence.listening)
    sight = HostSight(tuple(host.roles), host.generation, host.reported_generation, role_states(host.report), heard)
    return host_state(sight, now, silence.seconds)


def account_of(host: Host) -> Account:
    """What a host's last report says about its roles, in one: those that it shall have, and those that it has still."""
    told = [(role, host.report.get(role) or {}) for role in dict.fromkeys((*host.roles, *host.report))]
    if not told:
        return Account(step="waiting for an administrator to authorise roles")
    known = [float(report["done"]) for _, report in told if report.get("done") is not None]
    steps = [f"{role}: {report['step']}" for role, report in told if report.get("step")]
    reasons = [f"{role}: {report['reason']}" for role, report in told if report.get("reason")]
    remedies = dict.fromkeys(str(report["remedy"]) for _, report in told if report.get("remedy"))
    return Account("; ".join(steps), fmean(known) if known else None, "; ".join(reasons), " ".join(remedies))


def advance_operation(work: Transaction, host: Host, now: datetime) -> None:
    """Show in the open operation on a host how far its roles have come, and end it when they are there or failed.

    What a task does with the host is advanced by :mod:`aloft.plane.reconcile.tasks`, what a rollout does by
    :mod:`aloft.plane.reconcile.rollouts`.
    """
    if host.task:
        work.work("host", host.id)
        return
    row = journal.current(work.session, host.id)
    if row is None or row.kind == "host.update" or host.granted_generation < host.generation:
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
