"""Upgrades of many customers, one after another: a canary first, each in its maintenance window, none after a failure.

A wave is an operation whose steps are the customers; the upgrade of each is an operation of its own. What the wave is
to do stands in its ``result``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select

from aloft.base.errors import Conflict, InvalidInput
from aloft.plane import backups, customers, journal, upgrades
from aloft.plane.operations import Step
from aloft.plane.records.database import Transaction
from aloft.plane.records.tables import Customer, OperationRow, Release

WAVE = "upgrade.wave"
SUBJECT = "wave"
TARGET = backups.target_of("upgrade wave")

State = Literal["waiting", "running", "succeeded", "failed", "gone"]
Bearing = Literal["well", "settling", "unwell"]


class Orders(BaseModel):
    """What a wave is to do.

    Args:
        release: to upgrade to.
        customers: in this order.
        canary: the one that goes first, alone; empty for none.
        soak_minutes: how long the canary must have run well before the others follow.
        at_once: how many may be upgraded at the same time.
        any_time: though a maintenance window is closed.
        despite_hosts: though hosts are missing or not well.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    release: str
    customers: tuple[str, ...]
    canary: str = ""
    soak_minutes: int = Field(0, ge=0, le=100_000)
    at_once: int = Field(1, ge=1, le=100)
    any_time: bool = False
    despite_hosts: bool = False


@dataclass(frozen=True)
class Sight:
    """How a customer of a wave stands.

    Args:
        name: the customer's.
        state: of its upgrade; ``gone`` when there is nothing to upgrade any more.
        hindrance: why its upgrade cannot begin now; empty when it can.
        ended: when its upgrade ended.
        bearing: how its regions are.
        operation: id of its upgrade, once there is one.
    """

    name: str
    state: State
    hindrance: str = ""
    ended: datetime | None = None
    bearing: Bearing = "well"
    operation: str = ""


def to_begin(orders: Orders, sights: Sequence[Sight], now: datetime) -> list[str]:
    """The customers whose upgrades begin now. Pure."""
    states = {one.name: one.state for one in sights}
    if failures(orders, sights):
        return []
    eligible = [one.name for one in sights if one.state == "waiting" and not one.hindrance]
    if states.get(orders.canary) in ("waiting", "running"):
        eligible = [name for name in eligible if name == orders.canary]
    elif soaking(orders, sights, now):
        return []
    return eligible[: max(0, orders.at_once - list(states.values()).count("running"))]


def soaking(orders: Orders, sights: Sequence[Sight], now: datetime) -> bool:
    """Whether the others still wait to see how the canary does. Pure."""
    canary = next((one for one in sights if one.name == orders.canary and one.state == "succeeded"), None)
    if canary is None or canary.ended is None:
        return False
    return canary.bearing == "settling" or now - canary.ended < timedelta(minutes=orders.soak_minutes)


def failures(orders: Orders, sights: Sequence[Sight]) -> list[str]:
    """Why no further upgrade may begin; empty when one may. Pure."""
    failed = [f"The upgrade of {one.name} failed." for one in sights if one.state == "failed"]
    unwell = [
        f"{one.name}, the canary, is not well."
        for one in sights
        if one.name == orders.canary and one.state == "succeeded" and one.bearing == "unwell"
    ]
    return failed + unwell


def steps(orders: Orders, before: Sequence[Step], sights: Sequence[Sight], now: datetime) -> list[Step]:
    """A wave's steps: one for each customer. Pure."""
    known = {step.name: step for step in before}
    waits = soaking(orders, sights, now)
    told = []
    for one in sights:
        started = known[one.name].started if one.name in known else None
        if one.state == "waiting":
            detail = one.hindrance or ("waits for the canary" if waits else "")
            told.append(Step(one.name, "pending", detail=detail))
        elif one.state == "running":
            told.append(Step(one.name, "running", started or now, detail=one.operation))
        elif one.state == "failed":
            told.append(Step(one.name, "failed", started or now, one.ended or now, one.operation))
        else:
            ended = known[one.name].ended if one.name in known else None
            detail = one.operation or "needs no upgrade any more"
            told.append(Step(one.name, "done", started or now, one.ended or ended or now, detail))
    return told


def begin(work: Transaction, actor: str, orders: Orders, releases: Sequence[Release]) -> OperationRow:
    """Begin a wave.

    Args:
        work: the transaction.
        actor: who asks for it.
        orders: what it is to do; without customers all that have an older release, without a release the newest.
        releases: what the node has.

    Raises:
        NotFound: a customer does not exist.
        InvalidInput: a customer has that release already, or the canary is not among them.
        Conflict: another wave has not ended, or there is nobody to upgrade.
    """
    release = customers.choose_release(releases, orders.release or None)
    target = next(one for one in releases if one.name == release)
    wanted = tuple(dict.fromkeys(orders.customers or _all_behind(work, target)))
    if not wanted:
        raise Conflict(
            f"No customer has a release that is older than {release}, or other pins of it.",
            "See `aloft customer list`.",
        )
    for name in wanted:
        upgrades.choose(releases, upgrades.serving(customers.find_customer(work.session, name)), release)
    if orders.canary and orders.canary not in wanted:
        raise InvalidInput(
            f"The canary {orders.canary!r} is not among the customers to upgrade.", "Name it there, too."
        )
    first = (orders.canary,) if orders.canary else ()
    ordered = (*first, *(name for name in wanted if name != orders.canary))
    row = journal.open_operation(work, WAVE, SUBJECT, TARGET, None, actor)
    told = orders.model_copy(update={"release": release, "customers": ordered})
    row.result = {"orders": told.model_dump(mode="json"), "operations": {}}
    work.work("wave", row.id)
    return row


def stop(work: Transaction, actor: str) -> OperationRow:
    """Have a wave begin no further upgrade; those under way go on to their ends.

    Raises:
        Conflict: no wave is under way.
    """
    row = journal.current(work.session, TARGET)
    if row is None:
        raise Conflict("No wave of upgrades is under way.", "See `aloft operation list`.")
    row.cancel_reason = f"Stopped by {actor}."
    work.audit(actor, "upgrade.wave.stop", SUBJECT, None, operation=row.id)
    work.work("wave", row.id)
    return row


def _all_behind(work: Transaction, release: Release) -> list[str]:
    """Active customers with an older release, or with other pins of this one, by name."""
    query = select(Customer).where(Customer.state == "active").order_by(Customer.name)
    return [one.name for one in work.session.scalars(query) if upgrades.behind(upgrades.serving(one), release)]
