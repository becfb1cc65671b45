"""Routes of nodes, and of customers' moves between them."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Response
from sqlalchemy import func, select, update

from aloft.base.errors import InvalidInput, NotFound, TemporaryError
from aloft.base.places import own_address, place
from aloft.plane import invitations, moves, names
from aloft.plane.access.policy import Principal
from aloft.plane.api import types, views
from aloft.plane.api.callers import ThePlane, may
from aloft.plane.api.operations import abort_job
from aloft.plane.node_api import NodePeer
from aloft.plane.reconcile.releases import node_of
from aloft.plane.records.tables import Region
from aloft.plane.service import Plane

router = APIRouter(prefix="/v1", tags=["nodes"])

Reader = Annotated[Principal, Depends(may("node.read"))]
Writer = Annotated[Principal, Depends(may("node.write"))]
Mover = Annotated[Principal, Depends(may("move.write"))]
_MOVE = "/customers/{customer}/move"


@router.get("/nodes")
async def list_nodes(plane: ThePlane, principal: Reader) -> types.Items[types.Node]:
    """The provider's machines: the plane's own node first, then those that it is connected with, asked now."""
    peers = await known_peers(plane)
    return types.Items(items=[await asyncio.to_thread(own_node, plane), *map(views.peer, peers)])


@router.get("/nodes/{node}")
async def show_node(node: str, plane: ThePlane, principal: Reader) -> types.Node:
    """One machine of the provider."""
    found = (await list_nodes(plane, principal)).items
    told = next((one for one in found if one.name == node), None)
    if told is None:
        raise NotFound(f"There is no node {node!r}.", "List them with `aloft node list`.")
    return told


@router.post("/nodes/invitations", status_code=201)
async def invite_node(
    body: types.NewInvitation, response: Response, plane: ThePlane, principal: Writer
) -> types.Invitation:
    """Let another node connect with this one; whoever has the line can, so it is shown this once."""
    name = names.check_node(body.name)
    own = (await asyncio.to_thread(own_node, plane)).name
    if name == own:
        raise InvalidInput(f"{name} is this node itself.", "Name the node that shall connect with it.")
    given = await plane.node.invite(name)
    host, port = place(body.address or own_address(), given.port)
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    invitation = invitations.Invitation(given.name, address, given.authority, given.bundle)
    await asyncio.to_thread(_note, plane, principal, "node.invite", name, {"address": address})
    response.headers["Cache-Control"] = "no-store"
    return types.Invitation(name=given.name, address=address, invitation=invitation.line())


@router.post("/nodes", status_code=201)
async def add_node(body: types.NewNode, plane: ThePlane, principal: Writer) -> types.Node:
    """Connect this node with the one that gave out the invitation; both then serve this plane's customers."""
    invitation = invitations.read(body.invitation.get_secret_value())
    name = names.check_node(invitation.name)
    wanted = invitation.wanted(body.own_address)
    if body.address is not None:
        wanted["address"] = body.address
    told = await plane.node.put_peer(name, wanted)
    await asyncio.to_thread(_note, plane, principal, "node.add", name, {"address": told.address})
    return views.peer(told)


@router.delete("/nodes/{node}", status_code=204)
async def remove_node(node: str, plane: ThePlane, principal: Writer, lost: bool = False) -> Response:
    """Forget another node; refused while customers are on it, unless it is silent and ``lost``: restore them then."""
    if node == (await asyncio.to_thread(own_node, plane)).name:
        raise InvalidInput(f"{node} is the node of the plane itself.", "It goes with `aloft destroy`.")
    await plane.node.remove_peer(names.check_node(node), lost)
    await asyncio.to_thread(_forget, plane, node)
    await asyncio.to_thread(_note, plane, principal, "node.remove", node, {"lost": "yes"} if lost else {})
    return Response(status_code=204)


@router.post(_MOVE, status_code=202)
async def move_customer(customer: str, body: types.NewMove, plane: ThePlane, principal: Mover) -> types.Accepted:
    """Move a customer to another node; its names, addresses and logins stay, requests that write wait for seconds."""
    peers = await plane.node.peers()

    def write() -> types.Accepted:
        with plane.records.transaction() as work:
            own = node_of(work.session).name
            row = moves.move(work, principal.actor, customer, own, peers, body.node, body.any_time)
            return views.accepted(row)

    return await asyncio.to_thread(write)


@router.post(_MOVE + "/abort", status_code=202)
async def abort_move(customer: str, plane: ThePlane, principal: Mover) -> types.Accepted:
    """Give up a move that has not switched yet; how the operation ends tells whether it had."""
    return await abort_job(plane, lambda work: moves.to_abort(work, principal.actor, customer))


async def known_peers(plane: Plane) -> list[NodePeer]:
    """The peers as they are now; none when the node itself is silent, which its own state tells."""
    try:
        return await plane.node.peers()
    except TemporaryError:
        return []


def own_node(plane: Plane) -> types.Node:
    """The node that the plane asks, by what is on record of it."""
    with plane.records.transaction() as work:
        here = select(func.count()).select_from(Region).where(Region.node == "", Region.slot.is_not(None))
        return views.node(node_of(work.session), work.session.scalars(here).one())


def _forget(plane: Plane, node: str) -> None:
    """What was on a node that is lost is on no other node: it is restored where the plane is."""
    with plane.records.transaction() as work:
        work.session.execute(update(Region).where(Region.node == node).values(node=""))


def _note(plane: Plane, principal: Principal, action: str, node: str, detail: dict[str, str]) -> None:
    with plane.records.transaction() as work:
        work.audit(principal.actor, action, node, None, **detail)
