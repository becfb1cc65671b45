"""The node's local API: HTTP over a unix socket, for the plane and for root's commands."""

from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from aloft.base.errors import (
    AloftError,
    Conflict,
    Forbidden,
    InvalidInput,
    NotFound,
    TemporaryError,
)
from aloft.controller.spec import ControllerSpec, ControllerStatus, Credentials
from aloft.node.controllers import Controllers
from aloft.node.grants import Grant, GrantRequest, Grants
from aloft.supervise.logs import follow, tail
from aloft.supervise.supervisor import Supervisor

STATUS = ((InvalidInput, 400), (Forbidden, 403), (NotFound, 404), (Conflict, 409), (TemporaryError, 503))
LONGEST_WAIT = 60.0


def build(
    supervisor: Supervisor,
    controllers: Controllers,
    grants: Grants,
    releases: Callable[[], list[dict[str, Any]]],
    prepare: Callable[[str], Coroutine[Any, Any, None]],
    metrics: CollectorRegistry,
    health: Callable[[], dict[str, Any]],
) -> FastAPI:
    """Build the application.

    Args:
        supervisor: the process tree.
        controllers: the node's controllers.
        grants: hosts' grants.
        releases: tells the releases and how ready they are.
        prepare: starts to make a release ready.
        metrics: what ``/metrics`` shows.
        health: tells the node's own health.
    """
    app = FastAPI(title="Aloft node", docs_url=None, redoc_url=None)

    @app.exception_handler(AloftError)
    async def explain(_: Request, error: Exception) -> JSONResponse:
        code = next((code for kind, code in STATUS if isinstance(error, kind)), 500)
        told = error if isinstance(error, AloftError) else AloftError(str(error))
        body = {"error": {"code": type(error).__name__, "message": told.message, "remedy": told.remedy}}
        return JSONResponse(body, code)

    @app.get("/v1/health")
    async def get_health() -> dict[str, Any]:
        return health()

    @app.get("/v1/processes")
    async def get_processes() -> list[dict[str, Any]]:
        return [asdict(status) for status in supervisor.status()]

    @app.get("/v1/releases")
    async def get_releases() -> list[dict[str, Any]]:
        return releases()

    @app.post("/v1/releases/{release}/prepare", status_code=202)
    async def prepare_release(release: str) -> list[dict[str, Any]]:
        await prepare(release)
        return releases()

    @app.get("/metrics")
    async def get_metrics() -> Response:
        return Response(generate_latest(metrics), media_type=CONTENT_TYPE_LATEST)

    @app.get("/v1/logs/{process:path}")
    async def get_logs(process: str, lines: int = 200, follow: bool = False) -> StreamingResponse:
        spec = supervisor.specs().get(process)
        if spec is None:
            raise NotFound(f"There is no process {process} on this node.", "aloft status lists them.")
        return StreamingResponse(_log(spec.log, min(lines, 100_000), follow), media_type="text/plain; charset=utf-8")

    _controller_routes(app, controllers)
    _host_routes(app, grants)
    return app


async def _log(path: Path, lines: int, on: bool) -> AsyncIterator[str]:
    if on:
        async for line in follow(path, lines):
            yield f"{line}\n"
        return
    for line in tail(path, lines):
        yield f"{line}\n"


def _controller_routes(app: FastAPI, controllers: Controllers) -> None:
    @app.get("/v1/controllers")
    async def get_controllers() -> list[ControllerStatus]:
        return [controllers.status(key) for key in controllers.keys()]  # noqa: SIM118 - a method, not a mapping

    @app.get("/v1/controllers/{customer}/{region}")
    async def get_controller(customer: str, region: str, wait: float = 0, known: int = -1) -> ControllerStatus:
        key = f"{customer}/{region}"
        if wait > 0:
            return await controllers.wait(key, known, min(wait, LONGEST_WAIT))
        return controllers.status(key)

    @app.put("/v1/controllers/{customer}/{region}", status_code=202)
    async def put_controller(customer: str, region: str, spec: ControllerSpec) -> ControllerStatus:
        if spec.key != f"{customer}/{region}":
            raise InvalidInput(f"The specification is of {spec.key}, the address of {customer}/{region}.")
        return controllers.put(spec)

    @app.delete("/v1/controllers/{customer}/{region}", status_code=202)
    async def delete_controller(customer: str, region: str) -> Response:
        controllers.delete(f"{customer}/{region}")
        return Response(status_code=202)

    @app.get("/v1/controllers/{customer}/{region}/credentials")
    async def get_credentials(customer: str, region: str) -> Credentials:
        return controllers.credentials(f"{customer}/{region}")


def _host_routes(app: FastAPI, grants: Grants) -> None:
    @app.post("/v1/controllers/{customer}/{region}/hosts/{host}")
    async def grant(customer: str, region: str, host: str, request: GrantRequest) -> Grant:
        return await grants.give(f"{customer}/{region}", host, request)

    @app.delete("/v1/controllers/{customer}/{region}/hosts/{host}", status_code=204)
    async def revoke(customer: str, region: str, host: str) -> Response:
        await grants.take(f"{customer}/{region}", host)
        return Response(status_code=204)
