"""The FastAPI application: routes, errors, and the plane's life around them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.routing import APIRoute

from aloft.plane.api import (
    accounts,
    agent,
    backups,
    customers,
    errors,
    hosts,
    install,
    machines,
    nodes,
    operations,
    sync,
    upgrades,
)
from aloft.plane.api import settings as customer_settings
from aloft.plane.service import Plane
from aloft.plane.settings import Settings


def build(settings: Settings) -> FastAPI:
    """The application over these settings; it migrates and reconciles for as long as it runs."""
    plane = Plane(settings)

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        async with plane.running():
            yield

    app = FastAPI(
        title="Aloft's plane",
        summary="The provider's management API: customers, regions, hosts, releases, operations.",
        version=machines.own_version(),
        openapi_url="/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        lifespan=life,
        responses=errors.RESPONSES,
        generate_unique_id_function=_operation_id,
    )
    app.state.plane = plane
    errors.install(app)
    for room in (
        customers,
        customer_settings,
        backups,
        upgrades,
        hosts,
        machines,
        nodes,
        operations,
        accounts,
        agent,
        install,
        sync,
    ):
        app.include_router(room.router)
    return app


def _operation_id(route: APIRoute) -> str:
    return route.name
