"""Routes of hosts, host tokens and network templates."""

import asyncio
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from fastapi.responses import StreamingResponse
from sqlalchemy import select
from sqlalchemy.orm import joinedload, undefer

from aloft.base.errors import NotFound, TemporaryError
from aloft.controller.network import NetworkTemplate
from aloft.ground import installer
from aloft.plane import customers, hosts, networks, openstack, rollout, tasks, tokens
from aloft.plane.access.policy import Principal
from aloft.plane.api import host_types, types, views
from aloft.plane.api.callers import ThePlane, may
from aloft.plane.api.streams import stream
from aloft.plane.openstack import Server
from aloft.plane.records.tables import Customer, Host, HostHistory, HostToken, Region
from aloft.plane.service import Plane
from aloft.plane.tasks import Fate

router = APIRouter(prefix="/v1", tags=["hosts"])

Reader = Annotated[Principal, Depends(may("host.read"))]
Writer = Annotated[Principal, Depends(may("host.write"))]
REGION = "/customers/{customer}/regions/{region}"
HOST = REGION + "/hosts/{host}"


@router.get("/hosts")
def list_all_hosts(plane: ThePlane, principal: Reader) -> types.Items[host_types.Host]:
    """Every host that the caller may see."""
    with plane.records.transaction() as work:
        whole = (joinedload(Host.region).joinedload(Region.customer), undefer(Host.facts))
        query = select(Host).join(Region).join(Customer).order_by(Customer.name, Region.name, Host.name).options(*whole)
        if principal.customer is not None:
            query = query.where(Customer.name == principal.customer)
        return types.Items(items=[views.host(row, plane.presence) for row in work.session.scalars(query)])


@router.get(REGION + "/hosts")
def list_hosts(customer: str, region: str, plane: ThePlane, principal: Reader) -> types.Items[host_types.Host]:
    """The hosts of a region."""
    with plane.records.transaction() as work:
        found = customers.find_region(work.session, customer, region)
        query = select(Host).where(Host.region_id == found.id).order_by(Host.name).options(undefer(Host.facts))
        return types.Items(items=[views.host(row, plane.presence) for row in work.session.scalars(query)])


@router.get(HOST)
def show_host(customer: str, region: str, host: str, plane: ThePlane, principal: Reader) -> host_types.Host:
    """One host."""
    with plane.records.transaction() as work:
        return views.host(hosts.find_host(work.session, customer, region, host), plane.presence)


@router.get(HOST + "/history")
def show_host_history(
    customer: str,
    region: str,
    host: str,
    plane: ThePlane,
    principal: Reader,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> types.Items[host_types.HostHistory]:
    """The states that a host was in, newest first; also of one that was deleted."""
    with plane.records.transaction() as work:
        customers.find_region(work.session, customer, region)
        query = select(HostHistory).where(HostHistory.subject == f"{customer}/{region}/{host}")
        rows = work.session.scalars(query.order_by(HostHistory.id.desc()).limit(limit)).all()
        if not rows:
            hosts.find_host(work.session, customer, region, host)
        return types.Items(items=[views.host_history(row) for row in rows])


@router.get(HOST + "/watch", response_class=StreamingResponse)
def watch_host(customer: str, region: str, host: str, plane: ThePlane, principal: Reader) -> StreamingResponse:
    """Server-sent events: the host now and after each change, until it is gone."""
    with plane.records.transaction() as work:
        host_id = hosts.find_host(work.session, customer, region, host).id
    told: list[str] = []

    def load(after: int) -> tuple[list[tuple[int, str, str]], bool]:
        try:
            with plane.records.transaction() as work:
                shown = views.host(hosts.find_host(work.session, customer, region, host), plane.presence)
        except NotFound:
            return [], True
        text = shown.model_dump_json(exclude={"facts": True, "reported": True})
        if told and told[0] == text:
            return [], False
        told[:] = [text]
        return [(after + 1, "host", shown.model_dump_json())], False

    return stream(plane.signals, hosts.seen_topic(host_id), load, 0)


@router.put(HOST + "/roles", status_code=202)
async def authorise_roles(
    customer: str, region: str, host: str, body: host_types.HostRoles, plane: ThePlane, principal: Writer
) -> types.Accepted:
    """Authorise exactly these roles; the agent brings them about and removes others.

    When the host loses the role ``hypervisor`` and instances run on it, it must be said what shall become of them.
    """
    loses = await _check_instances(plane, (customer, region, host), list(body.roles), body.instances)

    def write() -> types.Accepted:
        with plane.records.transaction() as work:
            if loses:
                where = (customer, region, host)
                row = tasks.begin(work, principal.actor, where, "roles", body.instances, list(body.roles))
            else:
                row = hosts.authorise(work, principal.actor, customer, region, host, list(body.roles))
            return views.accepted(row)

    return await asyncio.to_thread(write)


@router.post(HOST + "/drain", status_code=202)
def drain_host(
    customer: str, region: str, host: str, body: host_types.HostDrain, plane: ThePlane, principal: Writer
) -> types.Accepted:
    """Let no new instances come to a host; list those that must move, or move them."""
    fate: Fate | None = "migrate" if body.migrate else None
    with plane.records.transaction() as work:
        return views.accepted(tasks.begin(work, principal.actor, (customer, region, host), "drain", fate))


@router.post(HOST + "/resume", status_code=202)
def resume_host(customer: str, region: str, host: str, plane: ThePlane, principal: Writer) -> types.Accepted:
    """Let new instances come to a host again."""
    with plane.records.transaction() as work:
        return views.accepted(tasks.begin(work, principal.actor, (customer, region, host), "resume", None))


@router.post(HOST + "/retry", status_code=202)
def retry_host(customer: str, region: str, host: str, plane: ThePlane, principal: Writer) -> types.Accepted:
    """Have a host's agent try again at once what it has given up, or tries only now and then."""
    with plane.records.transaction() as work:
        return views.accepted(hosts.try_again(work, principal.actor, customer, region, host))


@router.get(HOST + "/instances")
async def list_host_instances(
    customer: str, region: str, host: str, plane: ThePlane, principal: Reader
) -> types.Items[host_types.HostInstance]:
    """The instances on a host, of all projects, as Nova tells them now."""
    address = (customer, region, host)
    servers = await _servers(plane, address) if await asyncio.to_thread(_runs_instances, plane, address, []) else []
    return types.Items(
        items=[host_types.HostInstance(id=one.identity, name=one.name, status=one.status) for one in servers]
    )


@router.delete(HOST, status_code=202)
async def delete_host(
    customer: str,
    region: str,
    host: str,
    plane: ThePlane,
    principal: Writer,
    instances: host_types.InstancesFate | None = None,
) -> types.Accepted:
    """Detach a host: what the agent put there goes, its certificate and logins become worthless, its record goes.

    Refused while instances run on it, unless ``instances`` says what shall become of them.
    """
    await _check_instances(plane, (customer, region, host), [], instances)

    def write() -> types.Accepted:
        with plane.records.transaction() as work:
            return views.accepted(tasks.begin(work, principal.actor, (customer, region, host), "delete", instances))

    return await asyncio.to_thread(write)


@router.get(REGION + "/rollout")
def show_rollout(customer: str, region: str, plane: ThePlane, principal: Reader) -> host_types.Rollout:
    """How the hosts of a region come to the software that they shall run."""
    with plane.records.transaction() as work:
        row = customers.find_region(work.session, customer, region)
        return views.rolling_out(plane.rollouts.target(row), row.hosts)


@router.post(REGION + "/rollout/retry")
def retry_rollout(customer: str, region: str, plane: ThePlane, principal: Writer) -> host_types.Rollout:
    """Let a rollout that halted go on, with the hosts that went back too."""
    with plane.records.transaction() as work:
        row = customers.find_region(work.session, customer, region, lock=True)
        for host in row.hosts:
            host.software = rollout.stored(rollout.forgiven(rollout.restored(host.software)))
        work.audit(principal.actor, "rollout.retry", f"{customer}/{region}", customer)
        return views.rolling_out(plane.rollouts.target(row), row.hosts)


@router.get(REGION + "/host-tokens")
def list_host_tokens(
    customer: str, region: str, plane: ThePlane, principal: Reader
) -> types.Items[host_types.HostToken]:
    """The host tokens of a region, without their texts."""
    with plane.records.transaction() as work:
        row = customers.find_region(work.session, customer, region)
        query = select(HostToken).where(HostToken.region_id == row.id).order_by(HostToken.created_at)
        return types.Items(items=[views.host_token(one) for one in work.session.scalars(query)])


@router.post(REGION + "/host-tokens", status_code=201)
async def issue_host_token(
    customer: str, region: str, body: host_types.NewHostToken, plane: ThePlane, principal: Writer
) -> host_types.IssuedHostToken:
    """Issue a token with which machines enrol as hosts of the region, with these roles authorised."""

    def write() -> tuple[host_types.HostToken, str]:
        with plane.records.transaction() as work:
            row, text = tokens.issue(work, principal.actor, customer, region, body.roles, body.uses, body.lifetime)
            return views.host_token(row), text

    shown, text = await asyncio.to_thread(write)
    authority = await asyncio.to_thread(read_authority, plane.settings.edge_ca)
    url = plane.settings.plane_url()
    return host_types.IssuedHostToken(
        **shown.model_dump(),
        token=text,
        line=installer.line(url, authority.encode(), text),
        plane_url=url,
        authority=authority,
    )


@router.delete(REGION + "/host-tokens/{token}", status_code=204)
def revoke_host_token(customer: str, region: str, token: str, plane: ThePlane, principal: Writer) -> None:
    """Make a host token worthless."""
    with plane.records.transaction() as work:
        tokens.revoke(work, principal.actor, customer, region, token)


@router.get(REGION + "/network-template")
def show_network_template(customer: str, region: str, plane: ThePlane, principal: Reader) -> NetworkTemplate:
    """Which physical networks there are in a region, what carries them on which hosts, and the overlay."""
    with plane.records.transaction() as work:
        return networks.find(work.session, customer, region)


@router.put(REGION + "/network-template", status_code=202)
def set_network_template(
    customer: str, region: str, body: NetworkTemplate, plane: ThePlane, principal: Writer
) -> types.Accepted:
    """Replace a region's network template: Neutron is told it, and every host brings it about."""
    with plane.records.transaction() as work:
        return views.accepted(networks.change(work, principal.actor, customer, region, body))


def read_authority(path: Path) -> str:
    """The certificate authority of the edge (PEM); empty when the edge uses one that every machine trusts."""
    return path.read_text() if path.exists() else ""


async def _check_instances(plane: Plane, address: tuple[str, str, str], roles: list[str], fate: Fate | None) -> bool:
    """Whether a host would lose the role that runs instances; refused when there are some and nothing was said.

    Raises:
        Conflict: there are instances.
        TemporaryError: nothing was said, and Nova does not tell whether there are some.
    """
    if not await asyncio.to_thread(_runs_instances, plane, address, roles):
        return False
    if fate is None:
        try:
            tasks.check_fate(address[2], await _servers(plane, address), fate)
        except TemporaryError as error:
            raise TemporaryError(
                f"It cannot be told whether instances run on host {address[2]!r}: {error.message}",
                "Try again, or say what shall become of them (--instances keep).",
            ) from error
    return True


def _runs_instances(plane: Plane, address: tuple[str, str, str], roles: list[str]) -> bool:
    with plane.records.transaction() as work:
        return tasks.loses_instances(hosts.find_host(work.session, *address), roles)


async def _servers(plane: Plane, address: tuple[str, str, str]) -> list[Server]:
    customer, region, host = address
    nova = await openstack.connect(plane.node, plane.internal, customer, region, plane.settings.domain)
    return await nova.servers(host)
