"""Routes of upgrades."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends
from sqlalchemy import select

from aloft.plane import customers, upgrades
from aloft.plane.access.policy import Principal
from aloft.plane.api import care_types, types, views
from aloft.plane.api.callers import ThePlane, may
from aloft.plane.api.customers import refresh_releases
from aloft.plane.records.tables import Release

router = APIRouter(prefix="/v1/customers/{customer}/upgrade", tags=["upgrades"])

Reader = Annotated[Principal, Depends(may("upgrade.read"))]
Writer = Annotated[Principal, Depends(may("upgrade.write"))]


@router.get("")
def show_upgrade(customer: str, plane: ThePlane, principal: Reader) -> care_types.Upgrade:
    """Which release serves a customer, which is kept for the way back, and what is under way."""
    with plane.records.transaction() as work:
        return views.upgrade(customer, upgrades.standing(work.session, customers.find_customer(work.session, customer)))


@router.post("/plan", status_code=202)
async def plan_upgrade(
    customer: str, body: care_types.NewUpgradePlan, plane: ThePlane, principal: Writer
) -> types.Accepted:
    """Rehearse an upgrade: copy, migrate, start beside, check, remove; the operation's result is the plan."""
    await refresh_releases(plane)

    def write() -> types.Accepted:
        with plane.records.transaction() as work:
            known = list(work.session.scalars(select(Release)))
            return views.accepted(upgrades.plan(work, principal.actor, customer, known, body.release))

    return await asyncio.to_thread(write)


@router.post("", status_code=202)
async def start_upgrade(
    customer: str, body: care_types.NewUpgrade, plane: ThePlane, principal: Writer
) -> types.Accepted:
    """Upgrade a customer by a new instance; requests that write wait for some seconds in it, others do not."""
    await refresh_releases(plane)

    def write() -> types.Accepted:
        with plane.records.transaction() as work:
            known = list(work.session.scalars(select(Release)))
            return views.accepted(
                upgrades.start(work, principal.actor, customer, known, body.release, body.despite_hosts)
            )

    return await asyncio.to_thread(write)


@router.post("/abort", status_code=202)
async def abort_upgrade(customer: str, plane: ThePlane, principal: Writer) -> types.Accepted:
    """Give up an upgrade that has not switched yet; how the operation ends tells whether it had."""

    def find() -> types.Accepted:
        with plane.records.transaction() as work:
            return views.accepted(upgrades.to_abort(work, principal.actor, customer))

    accepted = await asyncio.to_thread(find)
    await plane.node.abort_job(accepted.operation.id)
    return accepted


@router.post("/rollback", status_code=202)
def roll_back_upgrade(customer: str, plane: ThePlane, principal: Writer) -> types.Accepted:
    """Go back to what served before, with what was written since; what could not be carried is in the result."""
    with plane.records.transaction() as work:
        return views.accepted(upgrades.rollback(work, principal.actor, customer))


@router.post("/finish", status_code=202)
def finish_upgrade(customer: str, plane: ThePlane, principal: Writer) -> types.Accepted:
    """Remove what is kept for the way back."""
    with plane.records.transaction() as work:
        return views.accepted(upgrades.finish(work, principal.actor, customer))
