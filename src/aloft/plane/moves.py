"""What may be done about where a customer is: a move to another node is an operation that is a job of the node."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from aloft.base.errors import Conflict, InvalidInput
from aloft.plane import backups, customers, journal, toggles, upgrades
from aloft.plane.node_api import NodePeer
from aloft.plane.records.database import Transaction
from aloft.plane.records.tables import Customer, Json, OperationRow

MOVE = "customer.move"


def place_of(customer: Customer, own: str) -> str:
    """The node that a customer is on; ``own`` is the name of the one that the plane asks."""
    return customers.identity_region(customer).node or own


def check_target(own: str, peers: Sequence[NodePeer], present: str, wanted: str) -> None:
    """Whether a customer can be moved from one node to another. Pure.

    Args:
        own: name of the node that the plane asks.
        peers: of that one.
        present: where the customer is.
        wanted: where it shall be.

    Raises:
        InvalidInput: there is no such node.
        Conflict: the customer is there, or that node does not answer.
    """
    known = {own: "", **{peer.name: peer.detail if peer.state == "down" else "" for peer in peers}}
    if wanted not in known:
        raise InvalidInput(
            f"There is no node {wanted!r}.",
            f"Nodes: {', '.join(sorted(known))}. Another one is added with `aloft node add`.",
        )
    if wanted == present:
        raise Conflict(f"The customer is on {wanted} already.", "See `aloft node list` for other nodes.")
    if known[wanted]:
        raise Conflict(f"The node {wanted} is down: {known[wanted]}", "See `aloft node list`; try again when it is up.")


def move(
    work: Transaction, actor: str, name: str, own: str, peers: Sequence[NodePeer], wanted: str, any_time: bool = False
) -> OperationRow:
    """Move a customer with all its regions to another node.

    Args:
        work: the transaction.
        actor: who asks for it.
        name: of the customer.
        own: name of the node that the plane asks.
        peers: of that one.
        wanted: the node to move to.
        any_time: though the customer's maintenance window is closed.

    Raises:
        NotFound: there is no such customer.
        InvalidInput: there is no such node.
        Conflict: the customer is there already or is being changed, its last upgrade is open, its maintenance window
            is closed, or the node is down.
    """
    customer = backups.free(work, name)
    present = place_of(customer, own)
    check_target(own, peers, present, wanted)
    upgrades.check_settled(work.session, customer)
    remedy = "Move it when it is open, or with --any-time."
    window = {} if any_time else toggles.check_open(work.session, name, remedy)
    job = {"kind": "move", "customer": name, "arguments": {"from": present, "to": wanted, **window}}
    return journal.open_operation(work, MOVE, name, customer.id, name, actor, job)


def to_abort(work: Transaction, actor: str, name: str) -> OperationRow:
    """The move that is to be given up; the node decides whether that is possible still.

    Raises:
        NotFound: there is no such customer.
        Conflict: none is under way.
    """
    row = underway(work.session, customers.find_customer(work.session, name))
    if row is None:
        raise Conflict(f"No move of {name!r} is under way.", "See `aloft customer show`.")
    work.audit(actor, "customer.move.abort", name, name, operation=row.id)
    return row


def underway(session: Session, customer: Customer) -> OperationRow | None:
    """The move of a customer that has not ended, if there is one."""
    row = journal.current(session, customer.id)
    return row if row is not None and row.kind == MOVE else None


def moved(work: Transaction, row: OperationRow, result: Json, own: str) -> Json:
    """Write down where a customer is now, and have its hosts given what they need for the new place.

    Args:
        work: the transaction.
        row: the operation.
        result: of the job: ``node``, ``specifications`` by region, and what else is told.
        own: name of the node that the plane asks.
    """
    name, there = str(row.customer), str(result["node"])
    customer = customers.find_customer(work.session, name, lock=True)
    # where a region is is known as soon as it changes, before the job ends
    before = str(row.job["arguments"]["from"])
    now = "" if there == own else there
    for region in customer.regions:
        if region.node != now:
            region.node = now
            backups.grant_again(work, region)
    backups.want(work, customer, result["specifications"])
    work.event("customer.moved", name, name, node=there, before=before)
    told = {key: value for key, value in result.items() if key != "specifications"}
    return {**told, "before": before}


def failed(work: Transaction, row: OperationRow) -> None:
    """Raise the alarm."""
    work.event("customer.move-failed", row.subject, row.customer, operation=row.id)
