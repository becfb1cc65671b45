"""What may be done about backups, and what comes of it: each request becomes an operation that is a job of the node.

A backup is *made* when it was stored and read back, and *proved* when it was restored into a scratch controller,
started and compared. Only a proved one is called good.
"""

import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from typing import Literal

from sqlalchemy import ColumnElement, Select, and_, delete, or_, select
from sqlalchemy.orm import Session

from aloft.base.errors import Conflict, InvalidInput, NotFound
from aloft.plane import copies, customers, journal, names
from aloft.plane.records import export
from aloft.plane.records.database import Transaction
from aloft.plane.records.tables import (
    Backup,
    BackupPolicy,
    Customer,
    EventRow,
    Json,
    OperationRow,
    Region,
    utcnow,
)

RUN, PROVE, RESTORE, RETAIN = "backup.run", "backup.prove", "backup.restore", "backup.retain"
COPY = "backup.copy"
RESTORE_ALL = "backup.restore-all"
REBUILD = "region.rebuild"
MOVES = ("upgrade.start", "upgrade.rollback", "customer.move", RESTORE, REBUILD, "region.create")
"""What gives a customer other databases: what changes in them from then on is not replayed onto backups from before."""

RETRIES = tuple(timedelta(minutes=one) for one in (5, 10, 20, 40, 80))
"""How long after a backup that failed the next one is tried, by how many have failed; then only the next night's is."""

LATE = timedelta(hours=26)
"""A customer without a good backup for longer than this raises an alarm."""

SETTLING = timedelta(minutes=3)
"""A new customer's first backup is made when it is this old."""

SCHEDULER = "system:schedule"

COPY_AGAIN = timedelta(hours=1)
"""How long after a try copies that are owed are tried again."""

AHEAD = timedelta(minutes=5)
"""What was written further in the future than this was written by a clock that was wrong, and tells nothing."""

_AT = re.compile(r"([01]\d|2[0-3]):[0-5]\d")


@dataclass(frozen=True)
class Sight:
    """What the schedule knows of a customer.

    Args:
        enabled: whether it is backed up by itself.
        at: hours and minutes, UTC.
        created: when the customer was made.
        tried: when a backup was last begun.
        newest: id of the newest backup, if it was neither proved nor found suspect.
        proving: whether a proof of that backup was begun already.
        retained: when old backups were last forgotten.
        moved: when it last got other databases.
        failures: how many backups failed one after another since the last one that the policy or a move asked for.
        owed: whether a secondary repository lacks a copy and may be expected to take it.
        copied: when copies that were owed were last begun.
    """

    enabled: bool
    at: str
    created: datetime
    tried: datetime | None
    newest: str | None
    proving: bool
    retained: datetime | None
    moved: datetime | None = None
    failures: int = 0
    owed: bool = False
    copied: datetime | None = None


def due(sight: Sight, now: datetime) -> str | None:
    """The kind of operation that a customer's schedule asks for now, if any. Pure."""
    if not sight.enabled:
        return None
    if sight.tried is None:
        return RUN if now - sight.created >= SETTLING else None
    if sight.tried < wanted_since(sight.at, sight.moved, now):
        return RUN
    if 0 < sight.failures <= len(RETRIES) and now - sight.tried >= RETRIES[sight.failures - 1]:
        return RUN
    if sight.owed and all(one is None or now - one >= COPY_AGAIN for one in (sight.copied, sight.tried)):
        return COPY
    if sight.newest is not None and not sight.proving:
        return PROVE
    if sight.retained is None or sight.retained < last_time(sight.at, now):
        return RETAIN
    return None


def wanted_since(at: str, moved: datetime | None, now: datetime) -> datetime:
    """The moment since which a backup is wanted: the last that its policy names, or of a move after that. Pure."""
    return max(last_time(at, now), moved or datetime.min.replace(tzinfo=UTC))


def last_time(at: str, now: datetime) -> datetime:
    """The last moment, up to now, at which the clock showed ``at`` (hours and minutes, UTC)."""
    hour, minute = (int(part) for part in at.split(":"))
    today = now.astimezone(UTC).replace(hour=hour, minute=minute, second=0, microsecond=0)
    return today if today <= now else today - timedelta(days=1)


def run(work: Transaction, actor: str, customer: str) -> OperationRow:
    """Back up a customer now.

    Raises:
        NotFound: there is no such customer.
        Conflict: it is being changed, or not there yet.
    """
    row = free(work, customer)
    arguments = {"owed": copies.owed(work.session, customer, _place(work.session, customer))}
    return _begin(work, RUN, customer, row.id, actor, {"kind": "backup", "customer": customer, "arguments": arguments})


def copy(work: Transaction, actor: str, customer: str) -> OperationRow:
    """Give secondary repositories the copies that they lack.

    Raises:
        NotFound: there is no such customer.
        Conflict: it is being changed, or not there yet.
    """
    row = free(work, customer)
    arguments = {"owed": copies.owed(work.session, customer, _place(work.session, customer))}
    return _begin(work, COPY, customer, row.id, actor, {"kind": "copy", "customer": customer, "arguments": arguments})


def prove(work: Transaction, actor: str, backup: Backup) -> OperationRow:
    """Restore a backup into a scratch controller and compare, on the node that the customer is on.

    Raises:
        Conflict: the backup lies on another node.
    """
    check_reach(work.session, backup)
    where = {"repository": backup.repository, "snapshot": backup.snapshot, "of": backup.customer}
    job = {"kind": "prove", "customer": "", "arguments": where}  # the customer itself is not kept busy
    return _begin(work, PROVE, backup.customer, backup.id, actor, job)


def restore(
    work: Transaction,
    actor: str,
    customer: str,
    repository: str,
    snapshot: str,
    at: datetime | Literal["latest"] | None = None,
) -> OperationRow:
    """Bring a customer back from a backup, in the place of what serves it now, if anything does.

    Args:
        work: the transaction.
        actor: who asks for it.
        customer: whose.
        repository: which has the backup.
        snapshot: which it is there.
        at: the moment up to which what changed since is replayed; with ``latest`` that is all that the repository has,
            and then the customer's backups on record become those that lie there.

    Raises:
        InvalidInput: that cannot be a customer's name.
        Conflict: the customer is being changed.
    """
    names.check_label("customer", customer)
    known = work.session.scalars(select(Customer.id).where(Customer.name == customer)).first()
    target = free(work, customer).id if known is not None else target_of(customer)
    arguments = {
        "repository": repository,
        "snapshot": snapshot,
        "at": at.isoformat() if isinstance(at, datetime) else at,
    }
    job = {"kind": "restore", "customer": customer, "arguments": arguments}
    return _begin(work, RESTORE, customer, target, actor, job)


def restore_all(work: Transaction, actor: str, repository: str) -> OperationRow:
    """Bring back every customer that another node left in a repository and that is not here yet.

    Raises:
        Conflict: that is under way already.
    """
    job = {"kind": "survey", "customer": "", "arguments": {"repository": repository}}
    return journal.open_operation(work, RESTORE_ALL, repository, target_of(repository), None, actor, job)


def surveyed(work: Transaction, row: OperationRow, result: Json) -> Json:
    """Begin to restore every customer that was found and is not here; one that fails does not stop the others.

    Returns:
        ``restores`` (operation by customer), ``here`` (customers that are here already), and as they were found
        ``missing`` (no backup lies there) and ``gone`` (deleted before the end).
    """
    repository, here = str(row.job["arguments"]["repository"]), []
    restores: dict[str, str] = {}
    known = {one.name: one for one in work.session.scalars(select(Customer))}
    for customer, snapshot in result["snapshots"].items():
        running = journal.current(work.session, target_of(customer))
        if customer in known:
            here.append(customer)
        elif running is not None:
            restores[customer] = running.id
        else:
            restores[customer] = restore(work, row.actor, customer, repository, snapshot, "latest").id
    for customer in result["missing"]:
        work.event("backup.missing", customer, customer, repository=repository)
    return {"restores": restores, "here": here, "missing": result["missing"], "gone": result["gone"]}


def rebuild(work: Transaction, actor: str, customer: str, region: str) -> OperationRow:
    """Make a region whole whose databases are lost, from what is on the ground, without any backup.

    Raises:
        NotFound: there is no such region.
        Conflict: the customer is being changed.
    """
    free(work, customer)
    row = customers.find_region(work.session, customer, region)
    subject, target = f"{customer}/{region}", target_of(f"rebuild {row.id}")
    job = {"kind": "rebuild", "customer": customer, "arguments": {"region": region}}
    return journal.open_operation(work, REBUILD, subject, target, customer, actor, job)


def retain(work: Transaction, actor: str, customer: str) -> OperationRow:
    """Forget backups that are older than the customer's policy says."""
    job = {"kind": "retain", "customer": customer, "arguments": {"days": policy(work.session, customer).keep_days}}
    return _begin(work, RETAIN, customer, target_of(customer), actor, job)


def target_of(name: str) -> str:
    """What stands for something without a record of its own, so that it has one operation at a time."""
    return uuid.uuid5(uuid.NAMESPACE_DNS, name).hex


def find(session: Session, backup_id: str, customer: str | None) -> Backup:
    """A backup, which must be of this customer if one is named.

    Raises:
        NotFound: there is none.
    """
    row = session.get(Backup, backup_id)
    if row is None or customer not in (None, row.customer):
        raise NotFound(f"There is no backup {backup_id!r}.", "List them with `aloft backup list`.")
    return row


def check_reach(session: Session, backup: Backup) -> None:
    """See that the node that a customer is on can read a backup.

    Raises:
        Conflict: it lies in a folder of another node.
    """
    if backup.node not in (None, _place(session, backup.customer)):
        raise Conflict(
            f"The backup {backup.id} lies in a folder of another node than customer {backup.customer!r} is on.",
            "Move the customer there, or choose another backup (`aloft backup list`).",
        )


def newest(session: Session, customer: str, until: datetime | None = None) -> Backup:
    """The newest backup that the node of a customer can read, is not suspect, and not younger than ``until``.

    Raises:
        NotFound: there is none.
    """
    query = _good(customer, until).where(_within_reach(session, customer))
    row = session.scalars(query.limit(1)).first()
    if row is None:
        raise NotFound(
            f"Customer {customer!r} has no backup on record.",
            "See what lies in a repository with `aloft backup list --repository NAME`, and name its snapshot.",
        )
    return row


def policy(session: Session, customer: str) -> BackupPolicy:
    """A customer's policy, the usual one when none was set."""
    row = session.get(BackupPolicy, customer)
    return row or BackupPolicy(customer=customer, enabled=True, at="02:00", keep_days=30)


def set_policy(work: Transaction, actor: str, customer: str, changes: Json) -> BackupPolicy:
    """Change a customer's policy: ``enabled``, ``at``, ``keep_days``.

    Raises:
        NotFound: there is no such customer.
        InvalidInput: that is no time of day.
    """
    customers.find_customer(work.session, customer)
    if not _AT.fullmatch(changes.get("at", "00:00")):
        raise InvalidInput(f"{changes['at']!r} is no time of day.", "Write it like 02:30; it is in UTC.")
    row = policy(work.session, customer)
    for name, value in changes.items():
        setattr(row, name, value)
    work.session.add(row)
    work.audit(actor, "backup.policy", customer, customer, **changes)
    return row


def sight(session: Session, customer: Customer) -> Sight:
    """What the schedule has to know of a customer."""
    rules = policy(session, customer.name)
    reachable = _within_reach(session, customer.name)
    query = select(Backup).where(Backup.customer == customer.name, reachable).order_by(Backup.made_at.desc())
    last = session.scalars(query.limit(1)).first()
    unproved = last if last is not None and last.state == "made" else None
    proving = unproved is not None and _begun(session, PROVE, customer, unproved.id) is not None
    moved = _moved(session, customer.name)
    return Sight(
        enabled=rules.enabled,
        at=rules.at,
        created=customer.created_at,
        tried=_begun(session, RUN, customer),
        newest=None if unproved is None else unproved.id,
        proving=proving,
        retained=_begun(session, RETAIN, customer),
        moved=moved,
        failures=_failures(session, customer, wanted_since(rules.at, moved, utcnow())),
        owed=copies.promising(session, copies.owed(session, customer.name, _place(session, customer.name))),
        copied=_begun(session, COPY, customer),
    )


def newest_good(session: Session, customer: str, until: datetime | None = None) -> Backup | None:
    """The newest backup of a customer that is not suspect, if there is any, and not younger than ``until``."""
    return session.scalars(_good(customer, until).limit(1)).first()


def lateness(session: Session, customer: Customer, now: datetime) -> timedelta | None:
    """How long ago the last proved backup was made, or the customer, when that is too long; ``None`` if all is well."""
    if not policy(session, customer.name).enabled:
        return None
    last = session.scalars(_good(customer.name, None).where(Backup.state != "made").limit(1)).first()
    age = now - (customer.created_at if last is None else last.made_at)
    return age if age > LATE else None


def standing(session: Session, customer: Customer, now: datetime) -> tuple[str, Backup | None]:
    """In a word how a customer's backups stand (``off``, ``late``, ``suspect``, ``none`` or ``ok``), and the newest."""
    last = newest_good(session, customer.name)
    if not policy(session, customer.name).enabled:
        return "off", last
    if lateness(session, customer, now) is not None:
        return "late", last
    doubted_since = select(Backup.id).where(Backup.customer == customer.name, Backup.state == "suspect")
    if last is not None:
        doubted_since = doubted_since.where(Backup.made_at > last.made_at)
    if session.scalars(doubted_since).first() is not None:
        return "suspect", last
    return ("none" if last is None else "ok"), last


def raise_alarms(work: Transaction, rows: Sequence[Customer], now: datetime) -> None:
    """Tell, once a day, of customers whose backup is late."""
    for customer in rows:
        late = lateness(work.session, customer, now)
        if late is None:
            continue
        told = select(EventRow.id).where(
            EventRow.kind == "backup.missed", EventRow.customer == customer.name, EventRow.at > now - timedelta(days=1)
        )
        if work.session.scalars(told).first() is None:
            work.event("backup.missed", customer.name, customer.name, hours=round(late.total_seconds() / 3600, 1))


def made(work: Transaction, row: OperationRow, result: Json) -> Json:
    """Record a backup that a job made; ``local`` is whether it lies in a folder of the node."""
    backup = Backup(
        customer=str(row.customer),
        node=_place(work.session, str(row.customer)) if result["local"] else None,
        repository=result["repository"],
        snapshot=result["snapshot"],
        bytes_read=result["read"],
        bytes_added=result["added"],
        copies=result["copies"],
        made_at=datetime.fromisoformat(result["made"]),
    )
    work.session.add(backup)
    work.session.flush()
    copies.note(work, backup.customer, result)
    work.event("backup.made", row.subject, row.customer, backup=backup.id)
    for name, trouble in backup.copies.items():
        if trouble:
            work.event("backup.copy-failed", row.subject, row.customer, repository=name, reason=trouble)
    return {**result, "backup": backup.id}


def copied(work: Transaction, row: OperationRow, result: Json) -> Json:
    """Note which copies were made."""
    copies.note(work, str(row.customer), result)
    for name, snapshots in result["copied"].items():
        if snapshots:
            work.event("backup.copied", row.subject, row.customer, repository=name, backups=len(snapshots))
    return result


def proved(work: Transaction, row: OperationRow, result: Json) -> Json:
    """Call a backup good."""
    backup = work.session.get(Backup, row.target_id)
    if backup is not None:
        backup.state, backup.proved_at, backup.detail = "proved", utcnow(), ""
        work.event("backup.proved", row.subject, row.customer, backup=backup.id)
    return result


def doubted(work: Transaction, row: OperationRow) -> None:
    """Call a backup suspect."""
    backup = work.session.get(Backup, row.target_id)
    if backup is not None:
        backup.state, backup.detail = "suspect", row.error_message
    failed(work, row)


def failed(work: Transaction, row: OperationRow) -> None:
    """Raise the alarm."""
    work.event("backup.failed", row.subject, row.customer, operation=row.id, kind=row.kind)


def retained(work: Transaction, row: OperationRow, result: Json) -> Json:
    """Forget the records of backups that the repository does not hold any more."""
    kept = tuple(result["kept"])
    query = select(Backup).where(Backup.customer == row.customer, Backup.repository == result["repository"])
    query = query.where(_within_reach(work.session, str(row.customer)))
    gone = [one.id for one in work.session.scalars(query) if not any(id.startswith(one.snapshot) for id in kept)]
    work.session.execute(delete(Backup).where(Backup.id.in_(gone)))
    return {"forgotten": len(gone)}


def restored(work: Transaction, row: OperationRow, result: Json, node: str) -> Json:
    """Bring a restored customer's records back, and have its hosts given what they need for the new place.

    Args:
        work: the transaction.
        row: the operation.
        result: of the job.
        node: id of the node that serves the customer now.
    """
    name = str(row.customer)
    export.load(work.session, result["records"], node)
    arguments = row.job["arguments"]
    if arguments["at"] == "latest":
        _relocate(work.session, name, str(arguments["repository"]), result["lying"])
    customer = customers.find_customer(work.session, name, lock=True)
    customer.state = "active"
    follow(work, customer, result["specifications"])
    work.event("customer.restored", name, name, made=result["made"])
    return {"made": result["made"]}


def _relocate(session: Session, customer: str, repository: str, lying: Sequence[tuple[str, str, str]]) -> None:
    """Put on record where a customer's backups lie now: those that the lost node had made elsewhere are gone.

    Args:
        session: the transaction.
        customer: whose.
        repository: where they lie.
        lying: id, id before it was copied there, and moment of each.
    """
    known = {one.snapshot: one for one in session.scalars(select(Backup).where(Backup.customer == customer))}
    kept = set()
    for snapshot, original, moment in lying:
        row = next((one for told, one in known.items() if (original or snapshot).startswith(told)), None)
        if row is None:
            row = Backup(customer=customer, bytes_read=0, bytes_added=0, made_at=datetime.fromisoformat(moment))
            session.add(row)
        row.repository, row.snapshot, row.copies, row.node = repository, snapshot, {}, None
        kept.add(id(row))
    for row in known.values():
        if id(row) not in kept:
            session.delete(row)
    session.flush()


def follow(work: Transaction, customer: Customer, specifications: Mapping[str, Json]) -> None:
    """Want of a customer's regions what serves them now, by their names, and have their hosts follow."""
    want(work, customer, specifications)
    for region in customer.regions:
        if region.name in specifications:
            grant_again(work, region)


def want(work: Transaction, customer: Customer, specifications: Mapping[str, Json]) -> None:
    """Want of a customer's regions what serves them now, by their names."""
    for region in customer.regions:
        if (spec := specifications.get(region.name)) is not None:
            _settle(region, spec)
            work.work("region", region.id)


def grant_again(work: Transaction, region: Region) -> None:
    """Have a region's hosts be given what they need where it is served now."""
    for host in region.hosts:
        host.generation += 1
        work.work("host", host.id)


def free(work: Transaction, name: str) -> Customer:
    """A customer that is there and not being changed, locked.

    Raises:
        NotFound: there is none.
        Conflict: it is being changed, or not ready.
    """
    customer = customers.find_customer(work.session, name, lock=True)
    if customer.state != "active":
        raise Conflict(f"Customer {name!r} is {customer.state}.", "Try again when it is active.")
    for region in customer.regions:
        running = journal.current(work.session, region.id)
        if running is not None:
            raise Conflict(
                f"The operation {running.kind} on {running.subject} has not ended yet.",
                f"Watch it with `aloft operation watch {running.id}` and try again when it has ended.",
            )
    return customer


def _place(session: Session, customer: str) -> str:
    """The peer that a customer is on; empty on the node that the plane asks, as of one that is no more."""
    query = select(Region.node).join(Customer).where(Customer.name == customer, Region.identity)
    return session.scalars(query).first() or ""


def _good(customer: str, until: datetime | None) -> Select[Backup]:
    query = select(Backup).where(Backup.customer == customer, Backup.state != "suspect").order_by(Backup.made_at.desc())
    return query.where(Backup.made_at <= (until or utcnow() + AHEAD))


def _within_reach(session: Session, customer: str) -> ColumnElement[bool]:
    """The condition that a backup can be read on the node that a customer is on."""
    return or_(Backup.node.is_(None), Backup.node == _place(session, customer))


def _settle(region: Region, spec: Json) -> None:
    """Want of a region what its controller is, whose revisions are to be asked for from the first one on."""
    region.release, region.services, region.limits = spec["release"], spec["services"], spec["limits"]
    region.pins, region.revision = spec.get("pins", ""), 0
    region.wanted, region.phase, region.pushed_generation = "present", "building", region.generation
    region.ready_at = region.ready_at or utcnow()
    region.error_message = region.error_remedy = ""


def _begin(work: Transaction, kind: str, customer: str, target: str, actor: str, job: Json) -> OperationRow:
    return journal.open_operation(work, kind, customer, target, customer, actor, job)


def _begun(session: Session, kind: str, customer: Customer, target: str | None = None) -> datetime | None:
    """When an operation of a kind was last begun for a customer; that of one of its name before it does not count."""
    query = select(OperationRow.created_at).where(_of(customer, kind), OperationRow.created_at <= utcnow() + AHEAD)
    if target is not None:
        query = query.where(OperationRow.target_id == target)
    return session.scalars(query.order_by(OperationRow.created_at.desc()).limit(1)).first()


def _failures(session: Session, customer: Customer, since: datetime) -> int:
    """How many backups of a customer have failed since a moment, after the last one that did not."""
    query = select(OperationRow.state).where(
        _of(customer, RUN), OperationRow.created_at >= since, OperationRow.created_at <= utcnow() + AHEAD
    )
    states = session.scalars(query.order_by(OperationRow.created_at.desc()))
    return sum(1 for _ in takewhile(lambda state: state == "failed", states))


def _of(customer: Customer, kind: str) -> ColumnElement[bool]:
    """The condition that an operation is of a kind, and of this customer."""
    return and_(
        OperationRow.kind == kind,
        OperationRow.customer == customer.name,
        OperationRow.created_at >= customer.created_at,
    )


def _moved(session: Session, customer: str) -> datetime | None:
    """When a customer last got other databases."""
    query = select(OperationRow.ended_at).where(
        OperationRow.customer == customer, OperationRow.kind.in_(MOVES), OperationRow.state == "succeeded"
    )
    query = query.where(OperationRow.ended_at <= utcnow() + AHEAD)
    return session.scalars(query.order_by(OperationRow.ended_at.desc()).limit(1)).first()
