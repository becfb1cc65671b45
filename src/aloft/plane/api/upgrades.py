"""Routes of upgrades."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends
from sqlalchemy import select

from aloft.plane import customers, upgrades, waves
from aloft.plane.access.policy import Principal
from aloft.plane.api import care_types, types, views
from aloft.plane.api.callers import ThePlane, may
from aloft.plane.api.customers import refresh_releases
from aloft.plane.api.operations import abort_job
from aloft.plane.records.tables import Customer, OperationRow, Release

router = APIRouter(prefix="/v1", tags=["upgrades"])
_ONE = "/customers/{customer}/upgrade"

Reader = Annotated[Principal, Depends(may("upgrade.read"))]
Overseer = Annotated[Principal, Depends(may("wave.read"))]
Writer = Annotated[Principal, Depends(may("upgrade.write"))]


@router.get(_ONE)
def show_upgrade(customer: str, plane: ThePlane, principal: Reader) -> care_types.Upgrade:
    """Which release serves a customer, which is kept for the way back, and what is under way."""
    with plane.records.transaction() as work:
        return views.upgrade(customer, upgrades.standing(work.session, customers.find_customer(work.session, customer)))


@router.post(_ONE + "/plan", status_code=202)
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


@router.post(_ONE, status_code=202)
async def start_upgrade(
    customer: str, body: care_types.NewUpgrade, plane: ThePlane, principal: Writer
) -> types.Accepted:
    """Upgrade a customer by a new instance; requests that write wait for some seconds in it, others do not."""
    await refresh_releases(plane)

    def write() -> types.Accepted:
        with plane.records.transaction() as work:
            known = list(work.session.scalars(select(Release)))
            return views.accepted(
                upgrades.start(work, principal.actor, customer, known, body.release, body.despite_hosts, body.any_time)
            )

    return await asyncio.to_thread(write)


@router.post(_ONE + "/abort", status_code=202)
async def abort_upgrade(customer: str, plane: ThePlane, principal: Writer) -> types.Accepted:
    """Give up an upgrade that has not switched yet; how the operation ends tells whether it had."""
    return await abort_job(plane, lambda work: upgrades.to_abort(work, principal.actor, customer))


@router.post(_ONE + "/rollback", status_code=202)
def roll_back_upgrade(customer: str, plane: ThePlane, principal: Writer) -> types.Accepted:
    """Go back to what served before, with what was written since; what could not be carried is in the result."""
    with plane.records.transaction() as work:
        return views.accepted(upgrades.rollback(work, principal.actor, customer))


@router.post(_ONE + "/finish", status_code=202)
def finish_upgrade(customer: str, plane: ThePlane, principal: Writer) -> types.Accepted:
    """Remove what is kept for the way back."""
    with plane.records.transaction() as work:
        return views.accepted(upgrades.finish(work, principal.actor, customer))


@router.get("/upgrade-wave")
def show_wave(plane: ThePlane, principal: Overseer) -> care_types.Wave:
    """The wave of upgrades that is under way, or the last one."""
    with plane.records.transaction() as work:
        query = select(OperationRow).where(OperationRow.kind == waves.WAVE).order_by(OperationRow.created_at.desc())
        last = work.session.scalars(query.limit(1)).first()
        present = work.session.scalars(select(Customer).where(Customer.regions.any()).order_by(Customer.name))
        return care_types.Wave(
            operation=None if last is None else views.operation(last),
            customers=[views.upgrade(one.name, upgrades.standing(work.session, one)) for one in present],
        )


@router.post("/upgrade-wave", status_code=202)
async def start_wave(body: care_types.NewWave, plane: ThePlane, principal: Writer) -> types.Accepted:
    """Upgrade many customers: a canary first, each in its maintenance window, none after a failure."""
    await refresh_releases(plane)
    orders = waves.Orders.model_validate({**body.model_dump(), "release": body.release or ""})

    def write() -> types.Accepted:
        with plane.records.transaction() as work:
            known = list(work.session.scalars(select(Release)))
            return views.accepted(waves.begin(work, principal.actor, orders, known))

    return await asyncio.to_thread(write)


@router.post("/upgrade-wave/stop", status_code=202)
def stop_wave(plane: ThePlane, principal: Writer) -> types.Accepted:
    """Begin no further upgrade of the wave; those under way go on (each can be aborted by itself)."""
    with plane.records.transaction() as work:
        return views.accepted(waves.stop(work, principal.actor))
