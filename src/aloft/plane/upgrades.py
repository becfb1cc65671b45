"""What may be done about upgrades: each request becomes an operation that is a job of the node.

After an upgrade the former controller is *kept* until the upgrade is finished or rolled back.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from aloft.base.errors import Conflict, InvalidInput
from aloft.plane import backups, customers, journal, toggles
from aloft.plane.records.database import Transaction
from aloft.plane.records.tables import Customer, Host, Json, OperationRow, Release

PLAN, START, ROLLBACK, FINISH = "upgrade.plan", "upgrade.start", "upgrade.rollback", "upgrade.finish"

ABORTABLE = (PLAN, START)


@dataclass(frozen=True)
class Serving:
    """What serves a customer, or would.

    Args:
        release: of OpenStack.
        pins: of the release, as the node names them; empty for the first ones.
    """

    release: str
    pins: str = ""

    def __str__(self) -> str:
        """The release, with its pins where those are not the first ones."""
        return f"{self.release} ({self.pins})" if self.pins else self.release


@dataclass(frozen=True)
class Standing:
    """Where a customer stands.

    Args:
        release: what serves it.
        pins: of that release.
        kept: the release that is kept for the way back; empty when none is.
        since: when that was left.
        operation: the upgrade or the like that has not ended, if any.
    """

    release: str
    pins: str = ""
    kept: str = ""
    since: datetime | None = None
    operation: OperationRow | None = None


def choose(releases: Sequence[Release], present: Serving, wanted: str | None) -> str:
    """The release to upgrade to: the one that was asked for, else the newest. Pure.

    The present one can be upgraded to when it has other pins by now.

    Raises:
        InvalidInput: it is unknown, or not newer than the present one.
        Conflict: it is not ready on the node.
    """
    name = customers.choose_release(releases, wanted)
    if not behind(present, next(one for one in releases if one.name == name)):
        raise InvalidInput(
            f"Release {name} is not newer than {present}, which serves the customer now.",
            "See `aloft release list`; the way back from an upgrade is `aloft upgrade rollback`.",
        )
    return name


def behind(present: Serving, release: Release) -> bool:
    """Whether a release is newer than what serves a customer, or the same with other pins. Pure."""
    same = present.release == release.name and present.pins != (release.pins or "")
    return same or older(present.release, release.name)


def unwell(hosts: Sequence[Host]) -> list[str]:
    """Hosts that an upgrade would leave behind, each with the state it is in."""
    return [f"{host.region.name}/{host.name}: {host.state}" for host in hosts if host.roles and host.state != "ok"]


def plan(work: Transaction, actor: str, name: str, releases: Sequence[Release], wanted: str | None) -> OperationRow:
    """Rehearse an upgrade: a new instance is made, checked and removed.

    Raises:
        NotFound: there is no such customer.
        InvalidInput: that release cannot be upgraded to.
        Conflict: the customer is being changed.
    """
    customer = backups.free(work, name)
    release = choose(releases, serving(customer), wanted)
    return _open(work, PLAN, actor, customer, "upgrade-plan", release)


def start(
    work: Transaction,
    actor: str,
    name: str,
    releases: Sequence[Release],
    wanted: str | None,
    despite_hosts: bool = False,
    any_time: bool = False,
) -> OperationRow:
    """Upgrade a customer.

    Args:
        work: the transaction.
        actor: who asks for it.
        name: of the customer.
        releases: what the node has.
        wanted: the release; the newest when left out.
        despite_hosts: though hosts are missing or not well.
        any_time: though the customer's maintenance window is closed, and whether or not it is at the switch.

    Raises:
        NotFound: there is no such customer.
        InvalidInput: that release cannot be upgraded to.
        Conflict: the customer is being changed, its maintenance window is closed, the last upgrade is open, or a host
            is not well.
    """
    customer = backups.free(work, name)
    release = choose(releases, serving(customer), wanted)
    check_settled(work.session, customer)
    remedy = f"Upgrade with --any-time, or have it begin in the window: `aloft upgrade wave start {name}`."
    window = {} if any_time else toggles.check_open(work.session, name, remedy)
    if not despite_hosts and (found := unwell(_hosts(customer))):
        raise Conflict(f"Not all hosts are well: {', '.join(found)}.", "Repair them, or upgrade with --despite-hosts.")
    return _open(work, START, actor, customer, "upgrade", release, window)


def rollback(work: Transaction, actor: str, name: str) -> OperationRow:
    """Go back to what served a customer before its last upgrade.

    Raises:
        NotFound: there is no such customer.
        Conflict: nothing is kept, or the customer is being changed.
    """
    customer = _with_kept(work, name)
    return _open(work, ROLLBACK, actor, customer, "rollback", release_of(customer))


def finish(work: Transaction, actor: str, name: str) -> OperationRow:
    """Remove what is kept for the way back.

    Raises:
        NotFound: there is no such customer.
        Conflict: nothing is kept, or the customer is being changed.
    """
    customer = _with_kept(work, name)
    return _open(work, FINISH, actor, customer, "finish", release_of(customer))


def to_abort(work: Transaction, actor: str, name: str) -> OperationRow:
    """The operation that is to be given up; the node decides whether that is possible still.

    Raises:
        NotFound: there is no such customer.
        Conflict: none is under way that could be.
    """
    customer = customers.find_customer(work.session, name)
    row = journal.current(work.session, customer.id)
    if row is None or row.kind not in ABORTABLE:
        raise Conflict(f"No upgrade of {name!r} is under way.", "See `aloft upgrade show`.")
    work.audit(actor, "upgrade.abort", name, name, operation=row.id)
    return row


def standing(session: Session, customer: Customer) -> Standing:
    """Where a customer stands with upgrades."""
    query = select(OperationRow).where(
        OperationRow.customer == customer.name,
        OperationRow.kind.in_((START, ROLLBACK, FINISH, backups.RESTORE)),
        OperationRow.state == "succeeded",
        OperationRow.created_at >= customer.created_at,
    )
    last = session.scalars(query.order_by(OperationRow.ended_at.desc()).limit(1)).first()
    present = serving(customer)
    running = journal.current(session, customer.id)
    open_one = running if running is not None and running.kind.startswith("upgrade.") else None
    if last is None or last.kind != START:
        return Standing(present.release, present.pins, operation=open_one)
    return Standing(present.release, present.pins, str(last.result.get("from", "")), last.ended_at, open_one)


def check_settled(session: Session, customer: Customer) -> None:
    """Refuse while something is kept for the way back from the last upgrade.

    Raises:
        Conflict: it is.
    """
    if kept := standing(session, customer).kept:
        raise Conflict(
            f"The last upgrade of {customer.name!r} is open: {kept} is kept for the way back.",
            f"`aloft upgrade finish {customer.name}`, or `aloft upgrade rollback {customer.name}`.",
        )


def planned(work: Transaction, row: OperationRow, result: Json) -> Json:
    """Add to a plan what the node cannot know: the hosts, and what follows on them."""
    customer = customers.find_customer(work.session, str(row.customer))
    hosts = _hosts(customer)
    told = [{"host": f"{host.region.name}/{host.name}", "state": host.state} for host in hosts]
    return {**result, "from": str(serving(customer)), "hosts": told, "unwell": unwell(hosts)}


def switched(work: Transaction, row: OperationRow, result: Json) -> Json:
    """Want of a customer's regions what serves them now, and have their hosts follow.

    Their packages follow by the regions' rollouts, one host at a time.
    """
    name = str(row.customer)
    customer = customers.find_customer(work.session, name, lock=True)
    # the pins that a region has are known as soon as they change, before the job ends
    before = str(Serving(release_of(customer), row.job["arguments"]["pins"]))
    backups.follow(work, customer, result["specifications"])
    told = {key: value for key, value in result.items() if key != "specifications"}
    work.event("upgrade.done" if row.kind == START else "upgrade.rolled-back", name, name, release=release_of(customer))
    return {**told, "from": before, "release": release_of(customer), "pins": serving(customer).pins}


def failed(work: Transaction, row: OperationRow) -> None:
    """Raise the alarm."""
    work.event("upgrade.failed", row.subject, row.customer, operation=row.id, kind=row.kind)


def _with_kept(work: Transaction, name: str) -> Customer:
    customer = backups.free(work, name)
    if not standing(work.session, customer).kept:
        raise Conflict(f"Nothing is kept of what served {name!r} before.", "Restore a backup instead.")
    return customer


def _open(
    work: Transaction, kind: str, actor: str, customer: Customer, job: str, release: str, more: Json | None = None
) -> OperationRow:
    arguments = {"release": release, "pins": serving(customer).pins, **(more or {})}
    wanted = {"kind": job, "customer": customer.name, "arguments": arguments}
    return journal.open_operation(work, kind, customer.name, customer.id, customer.name, actor, wanted)


def release_of(customer: Customer) -> str:
    """The release that serves a customer; the oldest of its regions' while they differ."""
    return serving(customer).release


def serving(customer: Customer) -> Serving:
    """What serves a customer; that of the region with the oldest release while they differ."""
    region = min(customer.regions, key=lambda one: _order(one.release))
    return Serving(region.release, region.pins)


def _hosts(customer: Customer) -> list[Host]:
    return [host for region in customer.regions for host in region.hosts]


def older(one: str, other: str) -> bool:
    """Whether a release is older than another."""
    return _order(one) < _order(other)


def _order(name: str) -> tuple[int, ...]:
    return tuple(int(part) for part in name.split(".") if part.isdigit())
