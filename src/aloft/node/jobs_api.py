"""The part of the node's local API that is about jobs, repositories and the backups in them."""

from dataclasses import asdict
from typing import Any

from fastapi import FastAPI, Response

from aloft.daytwo.repositories import Repositories, RepositoryRequest
from aloft.node.backups import Backups
from aloft.node.binlog import Binlog
from aloft.node.jobs import JobRequest, Jobs, JobStatus

LONGEST_WAIT = 60.0


def add(app: FastAPI, jobs: Jobs, backups: Backups, repositories: Repositories, binlog: Binlog) -> None:
    """Add the routes to an application."""
    _job_routes(app, jobs)
    _repository_routes(app, backups, repositories, binlog)


def _job_routes(app: FastAPI, jobs: Jobs) -> None:
    @app.put("/v1/jobs/{job}", status_code=202)
    async def put_job(job: str, request: JobRequest) -> JobStatus:
        return jobs.put(job, request)

    @app.get("/v1/jobs/{job}")
    async def get_job(job: str, wait: float = 0, known: int = -1) -> JobStatus:
        return await jobs.wait(job, known, min(wait, LONGEST_WAIT)) if wait > 0 else jobs.status(job)

    @app.post("/v1/jobs/{job}/abort", status_code=202)
    async def abort_job(job: str) -> JobStatus:
        jobs.abort(job)
        return jobs.status(job)

    @app.delete("/v1/jobs/{job}", status_code=204)
    async def delete_job(job: str) -> Response:
        await jobs.forget(job)
        return Response(status_code=204)


def _repository_routes(app: FastAPI, backups: Backups, repositories: Repositories, binlog: Binlog) -> None:
    def told() -> list[dict[str, Any]]:
        repositories.primary()
        known = {one.name: one for one in repositories.all()}
        return [
            {**asdict(one), "late": one.late, "url": known[one.name].url, "origin": known[one.name].origin}
            for one in binlog.shipments()
        ]

    @app.get("/v1/repositories")
    async def get_repositories() -> list[dict[str, Any]]:
        return told()

    @app.put("/v1/repositories/{name}")
    async def put_repository(name: str, request: RepositoryRequest) -> list[dict[str, Any]]:
        repositories.primary()
        repositories.put(name, request)
        return told()

    @app.delete("/v1/repositories/{name}", status_code=204)
    async def delete_repository(name: str) -> Response:
        repositories.remove(name)
        return Response(status_code=204)

    @app.put("/v1/records/{customer}", status_code=204)
    async def put_records(customer: str, rows: dict[str, Any]) -> Response:
        binlog.keep_records(customer, rows)
        return Response(status_code=204)

    @app.get("/v1/repositories/{name}/password")
    async def get_password(name: str) -> dict[str, str]:
        return {"password": repositories.password(name)}

    @app.get("/v1/repositories/{name}/snapshots")
    async def get_snapshots(name: str, customer: str | None = None) -> list[dict[str, Any]]:
        return [asdict(one) for one in await backups.snapshots(name, customer)]
