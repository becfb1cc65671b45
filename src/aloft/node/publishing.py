"""What is said to others of the controllers that there are: to the edge, to the portal, to other nodes."""

import httpx

from aloft.base.errors import TemporaryError
from aloft.base.paths import Paths
from aloft.controller.ports import Names
from aloft.node.edge_names import EdgeNames
from aloft.node.fronts import Front, Fronts, own
from aloft.node.peers import Peers
from aloft.node.portal import PortalPlace
from aloft.node.registry import Registry
from aloft.node.waiting import WaitingRoom


class Publishing:
    """Has names lead where their controllers are.

    Args:
        paths: where everything lies.
        registry: what this node has.
        edge: its edge.
        portal: what the portal's back end finds here.
        room: where requests wait.
        peers: other nodes.
        fronts: what they serve.
        port: of the trunk.
    """

    def __init__(
        self,
        paths: Paths,
        registry: Registry,
        edge: EdgeNames,
        portal: PortalPlace,
        room: WaitingRoom,
        peers: Peers,
        fronts: Fronts,
        port: int,
    ) -> None:
        self._paths = paths
        self._registry = registry
        self._edge = edge
        self._portal = portal
        self._room = room
        self._peers = peers
        self._fronts = fronts
        self._port = port
        self._served: tuple[Names, ...] | None = None

    async def publish(self, controllers: tuple[Names, ...]) -> None:
        """Serve names at the edge, and tell the portal's back end which regions there are.

        Args:
            controllers: of this node. Of those that come to it only its own services know; those that another node
                serves by now are left out.
        """
        arriving = tuple(one for one in controllers if self._registry.present(one.key).arriving)
        here = tuple(one for one in controllers if one not in arriving and not self._fronts.of(one.customer))
        away = self._fronts.all()
        self._portal.publish(here, [(self._peers.get(peer), front) for peer, front in away])
        told = [(name, one.hold) for one in here for name in one.names if name.socket]
        held = [name.name for name, hold in told if hold]
        self._room.close_for(held)
        await self._edge.publish(here, self._peers.trunk(self._port), away, arriving)
        beyond = {name.name: str(self._edge.again) for _, front in away for name in front.names}
        self._room.settle(beyond | {name.name: name.socket for name, _ in told}, held)
        self._served = here

    def fronts(self) -> tuple[Front, ...]:
        """What this node serves, as other nodes need to know of it.

        Raises:
            TemporaryError: that is not known yet.
        """
        if self._served is None:
            raise TemporaryError("This node is coming up.", "Ask again in a few seconds.")
        return own(self._served, self._registry, self._paths)


async def greet(portal: PortalPlace, peer: str, client: httpx.AsyncClient) -> None:
    """Get from a peer what the portal's back end needs to listen to its broker."""
    answer = await client.get("/v1/portal/password")
    answer.raise_for_status()
    portal.keep_password(peer, answer.json()["password"])
