"""Routes of hosts and host tokens."""

import asyncio
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends
from sqlalchemy import select

from aloft.ground import installer
from aloft.plane import customers, hosts
from aloft.plane.access.policy import Principal
from aloft.plane.api import types, views
from aloft.plane.api.callers import ThePlane, may
from aloft.plane.records.tables import Customer, Host, HostToken, Region

router = APIRouter(prefix="/v1", tags=["hosts"])

Reader = Annotated[Principal, Depends(may("host.read"))]
Writer = Annotated[Principal, Depends(may("host.write"))]
REGION = "/customers/{customer}/regions/{region}"


@router.get("/hosts")
def list_all_hosts(plane: ThePlane, principal: Reader) -> types.Items[types.Host]:
    """Every host that the caller may see."""
    with plane.records.transaction() as work:
        query = select(Host).join(Region).join(Customer).order_by(Customer.name, Region.name, Host.name)
        if principal.customer is not None:
            query = query.where(Customer.name == principal.customer)
        silence = plane.settings.missing_seconds
        return types.Items(items=[views.host(row, silence) for row in work.session.scalars(query)])


@router.get(REGION + "/hosts")
def list_hosts(customer: str, region: str, plane: ThePlane, principal: Reader) -> types.Items[types.Host]:
    """The hosts of a region."""
    with plane.records.transaction() as work:
        rows = customers.find_region(work.session, customer, region).hosts
        return types.Items(items=[views.host(row, plane.settings.missing_seconds) for row in rows])


@router.get(REGION + "/hosts/{host}")
def show_host(customer: str, region: str, host: str, plane: ThePlane, principal: Reader) -> types.Host:
    """One host."""
    with plane.records.transaction() as work:
        row = hosts.find_host(work.session, customer, region, host)
        return views.host(row, plane.settings.missing_seconds)


@router.put(REGION + "/hosts/{host}/roles", status_code=202)
def authorise_roles(
    customer: str, region: str, host: str, body: types.HostRoles, plane: ThePlane, principal: Writer
) -> types.Accepted:
    """Authorise exactly these roles; the agent brings them about and removes others."""
    with plane.records.transaction() as work:
        return views.accepted(hosts.authorise(work, principal.actor, customer, region, host, list(body.roles)))


@router.delete(REGION + "/hosts/{host}", status_code=202)
def delete_host(customer: str, region: str, host: str, plane: ThePlane, principal: Writer) -> types.Accepted:
    """Detach a host: its certificate and credentials become worthless, its record goes."""
    with plane.records.transaction() as work:
        return views.accepted(hosts.delete(work, principal.actor, customer, region, host))


@router.get(REGION + "/host-tokens")
def list_host_tokens(customer: str, region: str, plane: ThePlane, principal: Reader) -> types.Items[types.HostToken]:
    """The host tokens of a region, without their texts."""
    with plane.records.transaction() as work:
        row = customers.find_region(work.session, customer, region)
        query = select(HostToken).where(HostToken.region_id == row.id).order_by(HostToken.created_at)
        return types.Items(items=[views.host_token(one) for one in work.session.scalars(query)])


@router.post(REGION + "/host-tokens", status_code=201)
async def issue_host_token(
    customer: str, region: str, body: types.NewHostToken, plane: ThePlane, principal: Writer
) -> types.IssuedHostToken:
    """Issue a token with which machines enrol as hosts of the region, with these roles authorised."""

    def write() -> tuple[types.HostToken, str]:
        with plane.records.transaction() as work:
            row, text = hosts.issue_token(
                work, principal.actor, customer, region, list(body.roles), body.uses, body.lifetime
            )
            return views.host_token(row), text

    shown, text = await asyncio.to_thread(write)
    authority = await asyncio.to_thread(read_authority, plane.settings.edge_ca)
    url = plane.settings.plane_url()
    line = installer.line(url, authority.encode(), text)
    return types.IssuedHostToken(**shown.model_dump(), token=text, line=line, plane_url=url, authority=authority)


@router.delete(REGION + "/host-tokens/{token}", status_code=204)
def revoke_host_token(customer: str, region: str, token: str, plane: ThePlane, principal: Writer) -> None:
    """Make a host token worthless."""
    with plane.records.transaction() as work:
        hosts.revoke_token(work, principal.actor, customer, region, token)


def read_authority(path: Path) -> str:
    """The certificate authority of the edge (PEM); empty when the edge uses one that every machine trusts."""
    return path.read_text() if path.exists() else ""
