"""Routes of customers and their regions."""

import asyncio
from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response
from fastapi.responses import StreamingResponse
from sqlalchemy import select

from aloft.base.errors import Conflict, TemporaryError
from aloft.plane import customers
from aloft.plane.access.policy import Principal
from aloft.plane.api import types, views
from aloft.plane.api.callers import ThePlane, may
from aloft.plane.customers import RegionWish
from aloft.plane.reconcile.releases import node_of
from aloft.plane.records.database import Transaction
from aloft.plane.records.tables import Customer, OperationRow, Region, Release
from aloft.plane.service import Plane

router = APIRouter(prefix="/v1", tags=["customers"])

CustomerReader = Annotated[Principal, Depends(may("customer.read"))]
CustomerWriter = Annotated[Principal, Depends(may("customer.write"))]
RegionReader = Annotated[Principal, Depends(may("region.read"))]
RegionWriter = Annotated[Principal, Depends(may("region.write"))]


@router.get("/customers")
def list_customers(plane: ThePlane, principal: CustomerReader) -> types.Items[types.Customer]:
    """Every customer that the caller may see."""
    with plane.records.transaction() as work:
        query = select(Customer).order_by(Customer.name)
        if principal.customer is not None:
            query = query.where(Customer.name == principal.customer)
        node = node_of(work.session).name
        return types.Items(items=[views.customer(row, node) for row in work.session.scalars(query)])


@router.post("/customers", status_code=202)
async def create_customer(body: types.NewCustomer, plane: ThePlane, principal: CustomerWriter) -> types.Accepted:
    """Create a customer with its first region; a customer that failed to be created is tried again."""
    wish = _wish(body.region, f"{body.name}-1")
    await refresh_releases(plane)

    def write(work: Transaction, release: str) -> OperationRow:
        return customers.create_customer(
            work, principal.actor, body.name, body.display_name, wish, release, node_of(work.session)
        )

    return await asyncio.to_thread(_create, plane, wish, write)


@router.get("/customers/{customer}")
def show_customer(customer: str, plane: ThePlane, principal: CustomerReader) -> types.Customer:
    """One customer."""
    with plane.records.transaction() as work:
        return views.customer(customers.find_customer(work.session, customer), node_of(work.session).name)


@router.patch("/customers/{customer}")
def change_customer(
    customer: str, body: types.CustomerChange, plane: ThePlane, principal: CustomerWriter
) -> types.Customer:
    """Change what a customer is called by people."""
    with plane.records.transaction() as work:
        row = customers.find_customer(work.session, customer, lock=True)
        row.display_name = body.display_name
        work.audit(principal.actor, "customer.change", customer, customer, display_name=body.display_name)
        return views.customer(row, node_of(work.session).name)


@router.delete("/customers/{customer}", status_code=202)
def delete_customer(customer: str, plane: ThePlane, principal: CustomerWriter) -> types.Accepted:
    """Delete a customer with all its regions and data; refused while hosts are attached."""
    with plane.records.transaction() as work:
        return views.accepted(customers.delete_customer(work, principal.actor, customer))


@router.get("/customers/{customer}/credentials")
async def credentials(
    customer: str,
    response: Response,
    plane: ThePlane,
    principal: Annotated[Principal, Depends(may("customer.credentials"))],
    region: str | None = None,
) -> types.Credentials:
    """How the customer's administrator logs in to OpenStack; every reading is kept in the audit log.

    Without a region, the credentials name the region that hosts the customer's Keystone.
    """

    def region_of() -> str:
        with plane.records.transaction() as work:
            home = customers.identity_region(customers.find_customer(work.session, customer))
            row = home if region is None else customers.find_region(work.session, customer, region)
            if row.ready_at is None:
                raise Conflict(f"Region {customer}/{row.name} is {row.phase}.", "Ask when it is ready.")
            work.audit(principal.actor, "customer.credentials", customer, customer)
            return row.name

    told = await plane.node.credentials(customer, await asyncio.to_thread(region_of))
    response.headers["Cache-Control"] = "no-store"
    return types.Credentials.model_validate(told.model_dump())


@router.get("/regions")
def list_all_regions(plane: ThePlane, principal: RegionReader) -> types.Items[types.Region]:
    """Every region that the caller may see."""
    with plane.records.transaction() as work:
        query = select(Region).join(Customer).order_by(Customer.name, Region.name)
        if principal.customer is not None:
            query = query.where(Customer.name == principal.customer)
        node = node_of(work.session).name
        return types.Items(items=[views.region(row, node) for row in work.session.scalars(query)])


@router.get("/customers/{customer}/regions")
def list_regions(customer: str, plane: ThePlane, principal: RegionReader) -> types.Items[types.Region]:
    """The regions of a customer."""
    with plane.records.transaction() as work:
        rows = customers.find_customer(work.session, customer).regions
        node = node_of(work.session).name
        return types.Items(items=[views.region(row, node) for row in rows])


@router.post("/customers/{customer}/regions", status_code=202)
async def create_region(
    customer: str, body: types.NewRegion, plane: ThePlane, principal: RegionWriter
) -> types.Accepted:
    """Create one more region of a customer; one that failed to be created is tried again."""
    await refresh_releases(plane)
    wish = _wish(body, "")

    def write(work: Transaction, release: str) -> OperationRow:
        return customers.create_region(work, principal.actor, customer, wish, release, node_of(work.session))

    return await asyncio.to_thread(_create, plane, wish, write)


@router.get("/customers/{customer}/regions/{region}")
def show_region(customer: str, region: str, plane: ThePlane, principal: RegionReader) -> types.Region:
    """One region."""
    with plane.records.transaction() as work:
        return views.region(customers.find_region(work.session, customer, region), node_of(work.session).name)


@router.patch("/customers/{customer}/regions/{region}", status_code=202)
def change_region(
    customer: str, region: str, body: types.RegionChange, plane: ThePlane, principal: RegionWriter
) -> types.Accepted:
    """Switch services on or off, or change limits."""
    limits = None if body.limits is None else body.limits.model_dump()
    with plane.records.transaction() as work:
        row = customers.change_region(work, principal.actor, customer, region, body.services, limits)
        return views.accepted(row)


@router.delete("/customers/{customer}/regions/{region}", status_code=202)
def delete_region(customer: str, region: str, plane: ThePlane, principal: RegionWriter) -> types.Accepted:
    """Delete a region and its data; refused while hosts are attached, or when it hosts the customer's Keystone."""
    with plane.records.transaction() as work:
        return views.accepted(customers.delete_region(work, principal.actor, customer, region))


@router.get("/customers/{customer}/regions/{region}/logs/{service}", response_class=StreamingResponse)
async def region_logs(
    customer: str,
    region: str,
    service: str,
    plane: ThePlane,
    principal: Annotated[Principal, Depends(may("log.read"))],
    lines: Annotated[int, Query(ge=0, le=100_000)] = 100,
    follow: bool = False,
) -> StreamingResponse:
    """The log of one service of a region as plain text; with ``follow`` it goes on."""

    def process() -> str:
        with plane.records.transaction() as work:
            row = customers.find_region(work.session, customer, region)
            if row.slot is None:
                raise Conflict(f"Region {customer}/{region} has no controller.", "Ask when it is being made.")
            return f"slots/{row.slot}/{service}"

    name = await asyncio.to_thread(process)
    return StreamingResponse(
        await plane.node.logs(name, lines, follow, customer), media_type="text/plain; charset=utf-8"
    )


def _wish(body: types.NewRegion, name: str) -> RegionWish:
    return RegionWish(body.name or name, body.release, dict(body.services), body.limits.model_dump())


async def refresh_releases(plane: Plane) -> None:
    """Know the releases as they are now; when the node is silent, what was known last has to do."""
    try:
        await plane.releases.refresh()
    except TemporaryError:
        return


def _create(plane: Plane, wish: RegionWish, write: Callable[[Transaction, str], OperationRow]) -> types.Accepted:
    with plane.records.transaction() as work:
        known = list(work.session.scalars(select(Release)))
        if not known:
            raise TemporaryError("The node has not told its releases yet.", "Try again when the node is up.")
        return views.accepted(write(work, customers.choose_release(known, wish.release)))
