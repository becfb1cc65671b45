"""Routes of regions' sync services: they are passed on, so that there is one way to them for the provider and others.

What can be called, and what it answers, is listed in :mod:`aloft.inside.sync.api`.
"""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Request
from fastapi.responses import JSONResponse

from aloft.base.errors import InvalidInput
from aloft.plane import customers
from aloft.plane.access.policy import Principal
from aloft.plane.api.callers import ThePlane, may
from aloft.plane.service import Plane

router = APIRouter(prefix="/v1", tags=["sync"])

_PATH = "/customers/{customer}/regions/{region}/sync/{path:path}"


@router.get(_PATH)
async def read_sync(
    customer: str,
    region: str,
    path: str,
    request: Request,
    plane: ThePlane,
    principal: Annotated[Principal, Depends(may("host.read"))],
    token: Annotated[str | None, Header(alias="X-Auth-Token")] = None,
) -> JSONResponse:
    """What a region's sync service knows, by its own paths: ``status``, ``log``, ``diff``, ``rules`` …."""
    return await _pass(customer, region, path, request, plane, principal, token)


@router.post(_PATH)
async def act_on_sync(
    customer: str,
    region: str,
    path: str,
    request: Request,
    plane: ThePlane,
    principal: Annotated[Principal, Depends(may("host.write"))],
    token: Annotated[str | None, Header(alias="X-Auth-Token")] = None,
) -> JSONResponse:
    """Decide about an instance, put back a change, or try out rules."""
    return await _pass(customer, region, path, request, plane, principal, token)


@router.put(_PATH)
async def write_sync(
    customer: str,
    region: str,
    path: str,
    request: Request,
    plane: ThePlane,
    principal: Annotated[Principal, Depends(may("host.write"))],
    token: Annotated[str | None, Header(alias="X-Auth-Token")] = None,
) -> JSONResponse:
    """Replace rules, exclusions or settings."""
    return await _pass(customer, region, path, request, plane, principal, token)


async def _pass(
    customer: str, region: str, path: str, request: Request, plane: Plane, principal: Principal, token: str | None
) -> JSONResponse:
    if not all(part.replace("-", "").isalnum() for part in path.split("/")):
        raise InvalidInput(f"{path[:80]!r} is not a path of the sync service.")
    await asyncio.to_thread(_known, plane, customer, region)
    asked = (request.method, path, dict(request.query_params), await request.body())
    own = token if principal.kind == "customer" else None
    status, told = await plane.sync.call(customer, region, asked, principal.actor, own)
    return JSONResponse(told, status)


def _known(plane: Plane, customer: str, region: str) -> None:
    with plane.records.transaction() as work:
        customers.find_region(work.session, customer, region)
