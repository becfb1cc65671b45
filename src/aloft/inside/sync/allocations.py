"""What virtual machines take of their hosts, as Placement counts it."""

from collections.abc import Mapping
from typing import Any

from aloft.base.errors import AloftError, Conflict, InvalidInput, NotFound
from aloft.inside.sync.clients import Clients

_VERSION = {"OpenStack-API-Version": "placement 1.39"}
_BULK = 50


class Allocations:
    """Writes allocations; those that do not fit (a host that has more on it than it should) are tried again later.

    Args:
        clients: OpenStack's APIs.
    """

    def __init__(self, clients: Clients) -> None:
        self._clients = clients
        self.refused: dict[str, tuple[dict[str, int], str, str]] = {}

    def write(self, wanted: Mapping[str, tuple[dict[str, int], str, str]]) -> None:
        """Write what instances take: resources, the provider's identifier, the project's."""
        items = list(wanted.items())
        for start in range(0, len(items), _BULK):
            chunk = dict(items[start : start + _BULK])
            try:
                body = {uuid: self._body(*each, None) for uuid, each in chunk.items()}
                self._clients.call("placement", "POST", "/allocations", body, _VERSION)
                for uuid in chunk:
                    self.refused.pop(uuid, None)
            except (Conflict, InvalidInput):
                for uuid, each in chunk.items():
                    self._single(uuid, each)

    def reasons(self) -> dict[str, str]:
        """Instances whose allocation is not there yet, and why."""
        return dict.fromkeys(self.refused, "Placement has no room for it on its host: more is on it than it offers")

    def retry(self) -> None:
        """Try again what did not fit."""
        for uuid, each in list(self.refused.items()):
            self._single(uuid, each)

    def remove(self, uuid: str) -> None:
        """Take an instance's allocation away."""
        self.refused.pop(uuid, None)
        try:
            self._clients.call("placement", "DELETE", f"/allocations/{uuid}", None, _VERSION)
        except NotFound:
            return

    def _single(self, uuid: str, each: tuple[dict[str, int], str, str]) -> None:
        try:
            held = self._clients.call("placement", "GET", f"/allocations/{uuid}", None, _VERSION)
            body = self._body(*each, held.get("consumer_generation"))
            self._clients.call("placement", "PUT", f"/allocations/{uuid}", body, _VERSION)
            self.refused.pop(uuid, None)
        except (Conflict, InvalidInput, NotFound):
            self.refused[uuid] = each
        except AloftError:
            self.refused[uuid] = each
            raise

    def _body(self, resources: dict[str, int], provider: str, project: str, generation: int | None) -> dict[str, Any]:
        return {
            "allocations": {provider: {"resources": {name: many for name, many in resources.items() if many}}},
            "project_id": project,
            "user_id": self._clients.user,
            "consumer_generation": generation,
            "consumer_type": "INSTANCE",
        }
