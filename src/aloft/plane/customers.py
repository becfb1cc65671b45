"""What may be done to customers and regions: each function checks a request and changes what is *wanted*.

The reconciler brings it about. A customer always has at least one region: the first, which hosts its Keystone. Creating
again what failed to be created is how a person tries again: the record is there, shows the error, and is reused.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.orm import Session

from aloft.base.errors import Conflict, InvalidInput, NotFound
from aloft.plane import journal, names, operations
from aloft.plane.records.database import Transaction
from aloft.plane.records.tables import Customer, Host, Json, Node, OperationRow, Region, Release, utcnow

USABLE_RELEASES = ("ready", "installed", "preparing")  # best first
LIMIT_NAMES = ("memory_mib", "cpu_cores")


@dataclass(frozen=True)
class RegionWish:
    """The specification that a person asks for."""

    name: str
    release: str | None
    services: dict[str, bool] = field(default_factory=dict)
    limits: Json = field(default_factory=dict)


def find_customer(session: Session, name: str, lock: bool = False) -> Customer:
    """The customer of that name.

    Raises:
        NotFound: there is none.
    """
    row = session.scalars(select(Customer).where(Customer.name == name)).first()
    if row is not None and lock:
        row = session.get(Customer, row.id, with_for_update=True, populate_existing=True)
    if row is None:
        raise no_such_customer(name)
    return row


def no_such_customer(name: str) -> NotFound:
    """What to say of a customer that does not exist, or of which the caller may not know."""
    return NotFound(f"There is no customer {name!r}.", "List them with `aloft customer list`.")


def find_region(session: Session, customer: str, name: str, lock: bool = False) -> Region:
    """The region of that name of that customer.

    Raises:
        NotFound: there is none.
    """
    row = session.scalars(select(Region).join(Customer).where(Customer.name == customer, Region.name == name)).first()
    if row is not None and lock:
        row = lock_region(session, row.id)
    if row is None:
        raise NotFound(
            f"Customer {customer!r} has no region {name!r}.", f"List them with `aloft region list {customer}`."
        )
    return row


def lock_region(session: Session, region_id: str) -> Region | None:
    """The region, locked together with its customer; ``None`` when it is gone.

    Whoever locks several records locks the customer before its regions, a region before its hosts, and operations last:
    no two transactions wait for each other.
    """
    row = session.get(Region, region_id)
    if row is None:
        return None
    session.get(Customer, row.customer_id, with_for_update=True, populate_existing=True)
    return session.get(Region, region_id, with_for_update=True, populate_existing=True)


def choose_release(releases: Sequence[Release], wanted: str | None) -> str:
    """The release to use: the one that was asked for, else the newest that is ready, else the newest that will be.

    Raises:
        InvalidInput: it is unknown.
        Conflict: it is known, but not ready.
    """
    usable = {state: [r.name for r in releases if r.state == state] for state in USABLE_RELEASES}
    if wanted is None:
        for found in usable.values():
            if found:
                return max(found, key=_release_order)
        raise Conflict("No release is ready on the node.", "Make one ready with `aloft release prepare`.")
    names.check_release(wanted)
    if any(wanted in found for found in usable.values()):
        return wanted
    if wanted in {r.name for r in releases}:
        raise Conflict(f"Release {wanted} is not ready on the node.", f"Run `aloft release prepare {wanted}` first.")
    known = ", ".join(sorted((r.name for r in releases), key=_release_order)) or "none"
    raise InvalidInput(f"There is no release {wanted}.", f"Releases that the node knows: {known}.")


def create_customer(
    work: Transaction, actor: str, name: str, display_name: str, wish: RegionWish, release: str, node: Node
) -> OperationRow:
    """Want a customer with its first region; what failed before is tried again.

    Raises:
        InvalidInput: a name or a service is not allowed.
        Conflict: the customer exists.
    """
    names.check_label("customer", name)
    names.check_label("region", wish.name)
    services = names.check_services(wish.services)
    known = work.session.scalars(select(Customer.id).where(Customer.name == name)).first()
    customer = work.session.get(Customer, known, with_for_update=True) if known is not None else None
    if customer is None:
        customer = Customer(name=name, display_name=display_name or name)
        work.session.add(customer)
        work.session.flush()
        region = _new_region(work, customer, wish.name, node, identity=True)
    else:
        region = _region_to_retry(customer, wish.name)
        customer.display_name = display_name or customer.display_name
    _want(region, release, services, wish.limits)
    customer.state = "creating"
    operation = journal.open_operation(work, "customer.create", name, region.id, name, actor)
    work.work("region", region.id)
    return operation


def create_region(
    work: Transaction, actor: str, customer_name: str, wish: RegionWish, release: str, node: Node
) -> OperationRow:
    """Want one more region of a customer; what failed before is tried again.

    Raises:
        InvalidInput: the name or a service is not allowed.
        Conflict: the region exists, or the customer's Keystone is not there to join.
    """
    names.check_label("region", wish.name)
    services = names.check_services(wish.services)
    customer = find_customer(work.session, customer_name, lock=True)
    identity = identity_region(customer)
    if customer.state != "active" or identity.phase not in ("ready", "degraded"):
        raise Conflict(
            f"Customer {customer.name!r} is {customer.state} and its Keystone is {identity.phase}.",
            "Create the region when the customer is ready.",
        )
    region = next((known for known in customer.regions if known.name == wish.name), None)
    if region is None:
        region = _new_region(work, customer, wish.name, node, identity=False)
    elif region.wanted != "torn-down":
        raise Conflict(
            f"Customer {customer.name!r} has a region {wish.name!r} already.",
            "Choose another name, or delete that one first.",
        )
    _want(region, release, services, wish.limits)
    operation = journal.open_operation(
        work, "region.create", f"{customer.name}/{region.name}", region.id, customer.name, actor
    )
    work.work("region", region.id)
    return operation


def change_region(
    work: Transaction, actor: str, customer: str, name: str, services: dict[str, bool] | None, limits: Json | None
) -> OperationRow:
    """Want other services or limits of a region.

    Raises:
        InvalidInput: a service is not allowed.
        Conflict: the region is not there to be changed, or is being changed.
    """
    region = find_region(work.session, customer, name, lock=True)
    if region.wanted != "present":
        raise Conflict(f"Region {name!r} is {region.phase}.", "Create it again, or delete it.")
    operation = journal.open_operation(work, "region.change", f"{customer}/{name}", region.id, customer, actor)
    if services is not None:
        region.services = names.check_services({**region.services, **services})
    if limits is not None:
        region.limits = limits
    region.generation += 1
    work.work("region", region.id)
    return operation


def delete_customer(work: Transaction, actor: str, name: str) -> OperationRow:
    """Want a customer gone with all its regions; asked twice, the operation that runs is told.

    The region that hosts Keystone goes last (see :mod:`aloft.plane.reconcile.customers`): the others need it to go.

    Raises:
        Conflict: hosts are attached.
    """
    customer = find_customer(work.session, name, lock=True)
    work.session.scalars(select(Region).where(Region.customer_id == customer.id).with_for_update()).all()
    _refuse_with_hosts(customer.regions, f"Customer {name!r}")
    running = journal.current(work.session, customer.id)
    if running is not None and running.kind == "customer.delete":
        return running
    supersede(work, customer.id, f"The customer was deleted by {actor}.")
    customer.state = "deleting"
    for region in customer.regions:
        supersede(work, region.id, f"The customer was deleted by {actor}.")
        if not region.identity:
            region.wanted = "removed"
            work.work("region", region.id)
    operation = journal.open_operation(work, "customer.delete", name, customer.id, name, actor)
    work.work("customer", customer.id)
    return operation


def delete_region(work: Transaction, actor: str, customer_name: str, name: str) -> OperationRow:
    """Want a region gone; asked twice, the operation that runs is told.

    Raises:
        Conflict: hosts are attached, or the customer's Keystone lives in it.
    """
    customer = find_customer(work.session, customer_name, lock=True)
    region = find_region(work.session, customer_name, name, lock=True)
    if region.identity:
        raise Conflict(
            f"Region {name!r} hosts the Keystone of customer {customer.name!r}.",
            f"Delete the whole customer with `aloft customer delete {customer.name}`.",
        )
    _refuse_with_hosts([region], f"Region {name!r}")
    running = journal.current(work.session, region.id)
    if running is not None and running.kind == "region.delete":
        return running
    supersede(work, region.id, f"The region was deleted by {actor}.")
    region.wanted = "removed"
    operation = journal.open_operation(
        work, "region.delete", f"{customer.name}/{name}", region.id, customer.name, actor
    )
    work.work("region", region.id)
    return operation


def cancel(work: Transaction, actor: str, operation_id: str) -> OperationRow:
    """Give up making a customer or a region: what was made so far is torn down, then the operation ends.

    Raises:
        Conflict: the operation has ended, or is of a kind that cannot be cancelled.
    """
    row = journal.find(work.session, operation_id)
    if row.state not in operations.OPEN_STATES:
        raise Conflict(f"The operation has {row.state} already.", "There is nothing left to cancel.")
    if row.kind not in ("customer.create", "region.create"):
        raise Conflict(f"An operation {row.kind} cannot be cancelled.", "Wait until it has ended.")
    region = lock_region(work.session, row.target_id)
    if region is not None:
        region.wanted = "torn-down"
        region.error_message, region.error_remedy = f"Cancelled by {actor}.", "Create it again, or delete it."
    row.cancel_reason = f"Cancelled by {actor}."
    work.audit(actor, "operation.cancel", row.subject, row.customer, operation=row.id)
    work.work("region", row.target_id)
    return row


def supersede(work: Transaction, target_id: str, reason: str) -> None:
    """End whatever operation still runs on a record, because another one takes its place."""
    running = journal.current(work.session, target_id)
    if running is not None:
        journal.store(work, running, operations.cancel(journal.journal_of(running), reason, utcnow()))


def identity_region(customer: Customer) -> Region:
    """The region that hosts the customer's Keystone."""
    return next(region for region in customer.regions if region.identity)


def _new_region(work: Transaction, customer: Customer, name: str, node: Node, identity: bool) -> Region:
    region = Region(
        customer_id=customer.id, name=name, node_id=node.id, release="", identity=identity, services={}, limits={}
    )
    region.generation = 0
    work.session.add(region)
    work.session.flush()
    return region


def _region_to_retry(customer: Customer, region_name: str) -> Region:
    region = identity_region(customer)
    if customer.state != "failed":
        raise Conflict(
            f"There is a customer {customer.name!r} already.", "Choose another name, or delete that customer first."
        )
    if region.name != region_name:
        raise Conflict(
            f"Customer {customer.name!r} could not be created before, with the region {region.name!r}.",
            f"Try again with that region name, or run `aloft customer delete {customer.name}` first.",
        )
    return region


def _want(region: Region, release: str, services: dict[str, bool], limits: Json) -> None:
    region.release, region.services = release, services
    region.limits = {name: limits.get(name) for name in LIMIT_NAMES}
    region.wanted, region.phase = "present", "pending"
    region.generation += 1
    region.error_message = region.error_remedy = ""


def _refuse_with_hosts(regions: Sequence[Region], what: str) -> None:
    hosts: list[Host] = [host for region in regions for host in region.hosts]
    if hosts:
        listed = ", ".join(f"{host.region.name}/{host.name}" for host in hosts)
        raise Conflict(f"{what} has hosts attached: {listed}.", "Detach them first with `aloft host delete`.")


def _release_order(name: str) -> tuple[int, ...]:
    return tuple(int(part) for part in name.split(".") if part.isdigit())
