"""The part of the node's local API that is about other nodes."""

from collections.abc import Callable
from typing import Any

from fastapi import FastAPI, Response
from pydantic import BaseModel, ConfigDict

from aloft.node.fronts import Front
from aloft.node.joining import Joining, PeerRequest


class InvitationRequest(BaseModel):
    """Who is invited."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    peer: str


def add(app: FastAPI, joining: Joining, fronts: Callable[[], tuple[Front, ...]]) -> None:
    """Add the routes to an application.

    Args:
        app: the application.
        joining: makes peers of nodes.
        fronts: tells what this node serves.
    """

    @app.post("/v1/invitations", status_code=201)
    async def post_invitation(request: InvitationRequest) -> dict[str, Any]:
        return await joining.invite(request.peer)

    @app.get("/v1/peers")
    async def get_peers() -> list[dict[str, Any]]:
        return await joining.states()

    @app.put("/v1/peers/{name}")
    async def put_peer(name: str, request: PeerRequest) -> dict[str, Any]:
        return await joining.join(name, request)

    @app.delete("/v1/peers/{name}", status_code=204)
    async def delete_peer(name: str, lost: bool = False) -> Response:
        await joining.leave(name, lost=lost)
        return Response(status_code=204)

    @app.get("/v1/fronts")
    async def get_fronts() -> tuple[Front, ...]:
        return fronts()


def add_for_peers(app: FastAPI, portal_password: Callable[[], str]) -> None:
    """Add the routes that only other nodes may use.

    Args:
        app: the application behind the trunk.
        portal_password: of the broker's user that listens to what services notify of.
    """

    @app.get("/v1/portal/password")
    async def get_portal_password() -> dict[str, str]:
        return {"password": portal_password()}
