"""What a bare machine fetches to become a host, and a host to stay one: authority, script, packages."""

import asyncio
import time
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import FileResponse, PlainTextResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from aloft.ground import installer
from aloft.plane import tokens
from aloft.plane.api.agent import HostHeader, RegionHeader
from aloft.plane.api.callers import ThePlane
from aloft.plane.api.hosts import read_authority
from aloft.plane.errors import Unauthenticated

router = APIRouter(tags=["agent"])

_bearer = HTTPBearer(auto_error=False, description="A host token.")


@router.get(installer.AUTHORITY_PATH, response_class=PlainTextResponse)
def authority(plane: ThePlane) -> PlainTextResponse:
    """The authority (PEM) that the edge's certificate comes from; a host checks it by its SHA-256."""
    return PlainTextResponse(read_authority(plane.settings.edge_ca))


@router.get(installer.SCRIPT_PATH, response_class=PlainTextResponse)
def script(plane: ThePlane) -> PlainTextResponse:
    """The script that installs the agent on a bare machine and enrols it."""
    packages = plane.packages
    url = plane.settings.plane_url()
    return PlainTextResponse(
        installer.script(url, packages.platform(), packages.current(installer.TOOL), time.time()),
        media_type="text/x-shellscript",
    )


@router.get(installer.PACKAGES_PATH + "/{name}", response_class=FileResponse)
async def first_package(
    name: str, plane: ThePlane, bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> FileResponse:
    """A package (gzipped tar) for a machine that has a host token and no certificate yet."""

    def check() -> None:
        with plane.records.transaction() as work:
            tokens.find(work.session, bearer.credentials if bearer else "")

    await asyncio.to_thread(check)
    return FileResponse(await asyncio.to_thread(plane.packages.archive, name), media_type="application/gzip")


@router.get("/agent/v1/packages/{name}/{build}", response_class=FileResponse)
async def package(name: str, build: str, plane: ThePlane, host: HostHeader, region: RegionHeader) -> FileResponse:
    """A package (gzipped tar) of that build for a host of the region."""
    if not host or not region:
        raise Unauthenticated("The request carries no host's certificate.")
    return FileResponse(await asyncio.to_thread(plane.packages.archive, name, build), media_type="application/gzip")
