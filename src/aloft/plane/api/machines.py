"""Routes of releases, health and logs."""

import asyncio
import re
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from fastapi.responses import StreamingResponse
from sqlalchemy import select, text

from aloft.base.errors import InvalidInput, TemporaryError
from aloft.plane import journal, names
from aloft.plane.access.policy import Principal
from aloft.plane.api import types, views
from aloft.plane.api.callers import ThePlane, may
from aloft.plane.api.nodes import own_node
from aloft.plane.node_api import NodeComponent, NodeController, NodePeer, NodeRepository
from aloft.plane.reconcile.releases import node_of
from aloft.plane.records.tables import Customer, Host, Region, Release
from aloft.plane.service import Plane

router = APIRouter(prefix="/v1", tags=["machines"])

WELL = frozenset({"ready", "ok"})

_PROCESS = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(?:/[A-Za-z0-9][A-Za-z0-9._-]*)*")


@router.get("/health")
def health(plane: ThePlane) -> types.Health:
    """Whether the plane itself works; needs no token."""
    try:
        with plane.records.transaction() as work:
            work.session.execute(text("SELECT 1"))
    except TemporaryError:
        return types.Health(status="degraded", version=own_version(), database="down")
    return types.Health(status="ok", version=own_version(), database="ok")


@router.get("/releases")
async def list_releases(
    plane: ThePlane, principal: Annotated[Principal, Depends(may("release.read"))]
) -> types.Items[types.Release]:
    """The releases that the node has; when it is silent, those that it had."""
    with suppress(TemporaryError):
        await plane.releases.refresh()
    return await asyncio.to_thread(_releases, plane)


@router.post("/releases/{release}/prepare", status_code=202)
def prepare_release(
    release: str, plane: ThePlane, principal: Annotated[Principal, Depends(may("release.write"))]
) -> types.Accepted:
    """Make a release ready to be used; one that is ready already stays as it is."""
    names.check_release(release)
    with plane.records.transaction() as work:
        known = sorted(work.session.scalars(select(Release.name)))
        if known and release not in known:
            raise InvalidInput(f"There is no release {release}.", f"Releases that the node knows: {', '.join(known)}.")
        running = journal.current(work.session, release)
        row = running or journal.open_operation(work, "release.prepare", release, release, None, principal.actor)
        work.work("release", release)
        return views.accepted(row)


@router.get("/status")
async def status(plane: ThePlane, principal: Annotated[Principal, Depends(may("status.read"))]) -> types.Status:
    """The health of everything that runs, asked of the node now; when it is silent, what is on record."""
    shared: list[NodeComponent] = []
    live: dict[tuple[str, str], NodeController] = {}
    places: list[NodeRepository] = []
    peers: list[NodePeer] = []
    try:
        shared = (await plane.node.health()).components
        peers = await plane.node.peers()
        live = {(c.customer, c.region): c for c in await plane.node.controllers()}
        places = await plane.node.repositories()
        await plane.releases.refresh()
    except TemporaryError:
        with suppress(TemporaryError):
            await plane.releases.refresh()
    return await asyncio.to_thread(_status, plane, shared, live, places, peers)


@router.get("/logs/{process:path}", response_class=StreamingResponse)
async def logs(
    process: str,
    plane: ThePlane,
    principal: Annotated[Principal, Depends(may("log.read"))],
    lines: Annotated[int, Query(ge=0, le=100_000)] = 100,
    follow: bool = False,
) -> StreamingResponse:
    """The log of one process of the node as plain text; with ``follow`` it goes on."""
    if not _PROCESS.fullmatch(process):
        raise InvalidInput(f"{process[:80]!r} is not the name of a process.", "`aloft status` lists them.")
    return StreamingResponse(await plane.node.logs(process, lines, follow), media_type="text/plain; charset=utf-8")


def own_version() -> str:
    """The version of Aloft that runs; ``0`` when it runs from a folder that was never installed."""
    try:
        return version("aloft")
    except PackageNotFoundError:
        return "0"


def _releases(plane: Plane) -> types.Items[types.Release]:
    with plane.records.transaction() as work:
        node = node_of(work.session).name
        rows = work.session.scalars(select(Release).order_by(Release.name))
        return types.Items(items=[views.release(row, node) for row in rows])


def _status(
    plane: Plane,
    shared: list[NodeComponent],
    live: dict[tuple[str, str], NodeController],
    places: list[NodeRepository],
    peers: list[NodePeer],
) -> types.Status:
    node = own_node(plane)
    with plane.records.transaction() as work:
        regions = [
            _region_status(row, live, node.name)
            for row in work.session.scalars(select(Region).join(Customer).order_by(Customer.name, Region.name))
        ]
        hosts = [
            types.HostStatus.model_validate(
                {"customer": row.region.customer.name, "region": row.region.name, "host": row.name, "state": row.state}
            )
            for row in work.session.scalars(select(Host))
        ]
        saved = views.backup_statuses(work.session)
        repositories = views.repositories(work.session, places)
    components = [types.Component.model_validate(one.model_dump()) for one in shared]
    healthy = (
        node.state == "up"
        and all(one.state == "up" for one in peers)
        and all(one.state in WELL for one in components)
        and all(one.phase == "ready" and all(c.state in WELL for c in one.components) for one in regions)
        and all(one.state == "ok" for one in hosts)
        and all(one.state not in ("late", "suspect") for one in saved)
        and not any(one.late for one in repositories)
    )
    return types.Status(
        healthy=healthy,
        node=node,
        peers=[views.peer(one) for one in peers],
        shared=components,
        regions=regions,
        hosts=hosts,
        backups=saved,
        repositories=repositories,
    )


def _region_status(row: Region, live: dict[tuple[str, str], NodeController], own: str) -> types.RegionStatus:
    seen = live.get((row.customer.name, row.name))
    components = row.components if seen is None else [one.model_dump() for one in seen.components]
    return types.RegionStatus.model_validate(
        {
            "customer": row.customer.name,
            "region": row.name,
            "release": row.release,
            "node": row.node or own,
            "phase": seen.phase if seen is not None and row.wanted == "present" else row.phase,
            "error": views.region_error(row),
            "components": components,
        }
    )
