"""The part of the node's API, for other nodes only, by which controllers come here."""

from fastapi import FastAPI, Request, Response

from aloft.node.arrivals import Arrivals, State


def add(app: FastAPI, arrivals: Arrivals) -> None:
    """Add the routes to the application behind the trunk."""

    @app.put("/v1/arrivals/{ident}", status_code=204)
    async def put_arrival(ident: str, request: Request) -> Response:
        await arrivals.receive(ident, request.stream())
        return Response(status_code=204)

    @app.get("/v1/arrivals/{ident}")
    async def get_arrival(ident: str, customer: str) -> dict[str, State]:
        return {"state": arrivals.state(ident, customer)}

    @app.get("/v1/arrivals/{ident}/written")
    async def get_written(ident: str) -> dict[str, list[str]]:
        return await arrivals.written(ident)

    @app.put("/v1/arrivals/{ident}/last", status_code=204)
    async def put_last(ident: str, request: Request) -> Response:
        await arrivals.catch_up(ident, request.stream())
        return Response(status_code=204)

    @app.post("/v1/arrivals/{ident}/serve", status_code=204)
    async def serve(ident: str) -> Response:
        await arrivals.serve(ident)
        return Response(status_code=204)

    @app.delete("/v1/arrivals/{ident}", status_code=204)
    async def delete_arrival(ident: str) -> Response:
        await arrivals.call_off(ident)
        return Response(status_code=204)
