"""Routes of regions' sync services: they are passed on, so that there is one way to them for the provider and others.

What can be called, and what it answers, is listed in :mod:`aloft.inside.sync.api`.
"""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Request
from fastapi.responses import JSONResponse

from aloft.base.errors import InvalidInput
from aloft.plane import backups, customers
from aloft.plane.access.policy import Principal
from aloft.plane.api import types, views
from aloft.plane.api.callers import ReaderOfOwn, ThePlane, may
from aloft.plane.service import Plane

router = APIRouter(prefix="/v1", tags=["sync"])

_REGION = "/customers/{customer}/regions/{region}"
Token = Annotated[str | None, Header(alias="X-Auth-Token")]
_PATH = _REGION + "/sync/{path:path}"


async def _pass(
    customer: str,
    region: str,
    path: str,
    request: Request,
    plane: ThePlane,
    token: Token = None,
) -> "_Passing":
    """Get a request ready to be passed on, by whoever may."""
    if not all(part.replace("-", "").isalnum() for part in path.split("/")):
        raise InvalidInput(f"{path[:80]!r} is not a path of the sync service.")
    await asyncio.to_thread(_known, plane, customer, region)
    return _Passing(
        plane, (customer, region), (request.method, path, dict(request.query_params), await request.body()), token
    )


class _Passing:
    """A request that is to be passed on."""

    def __init__(
        self,
        plane: Plane,
        place: tuple[str, str],
        request: tuple[str, str, dict[str, str], bytes],
        token: str | None,
    ) -> None:
        self._plane, self._place, self._request, self._token = plane, place, request, token

    async def on(self, actor: str) -> JSONResponse:
        """Pass it on for somebody: with their own token, or, for an account of the provider, as the customer's own."""
        own = self._token if actor.startswith("customer:") else None
        status, told = await self._plane.sync.call(*self._place, self._request, actor, own)
        return JSONResponse(told, status)


Passing = Annotated[_Passing, Depends(_pass)]
Reader = Annotated[Principal, Depends(may("host.read"))]
Writer = Annotated[Principal, Depends(may("host.write"))]


@router.get(_REGION + "/sync/instances/{uuid}")
async def read_sync_instance(
    customer: str, region: str, uuid: str, request: Request, plane: ThePlane, actor: ReaderOfOwn, token: Token = None
) -> JSONResponse:
    """What sync knows of an instance: an administrator of any, a user of those of the token's project."""
    passing = await _pass(customer, region, f"instances/{uuid}", request, plane, token)
    return await passing.on(actor)


@router.get(_REGION + "/sync/disks")
async def read_sync_disks(
    customer: str, region: str, request: Request, plane: ThePlane, actor: ReaderOfOwn, token: Token = None
) -> JSONResponse:
    """What becomes of the disks of ``instances`` (UUIDs with commas) that are deleted; who may: as for an instance."""
    passing = await _pass(customer, region, "disks", request, plane, token)
    return await passing.on(actor)


@router.get(_PATH)
async def read_sync(principal: Reader, passing: Passing) -> JSONResponse:
    """What a region's sync service knows, by its own paths: ``status``, ``log``, ``diff``, ``rules`` …."""
    return await passing.on(principal.actor)


@router.post(_PATH)
async def act_on_sync(principal: Writer, passing: Passing) -> JSONResponse:
    """Decide about an instance, put back a change, or try out rules."""
    return await passing.on(principal.actor)


@router.put(_PATH)
async def write_sync(principal: Writer, passing: Passing) -> JSONResponse:
    """Replace rules, exclusions or settings."""
    return await passing.on(principal.actor)


@router.post(_REGION + "/rebuild", status_code=202)
def rebuild(
    customer: str, region: str, plane: ThePlane, principal: Annotated[Principal, Depends(may("backup.write"))]
) -> types.Accepted:
    """Make a region's Nova, Neutron and Placement databases anew, without a backup, from what is on the ground."""
    with plane.records.transaction() as work:
        return views.accepted(backups.rebuild(work, principal.actor, customer, region))


def _known(plane: Plane, customer: str, region: str) -> None:
    with plane.records.transaction() as work:
        customers.find_region(work.session, customer, region)
