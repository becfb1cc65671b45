"""What virtual machines take of their hosts, as Placement counts it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from aloft.base.errors import Conflict, InvalidInput, NotFound
from aloft.inside.sync.clients import Clients
from aloft.sync.room import Stock, fitting

_VERSION = {"OpenStack-API-Version": "placement 1.39"}
_BULK = 50


@dataclass(frozen=True)
class Taken:
    """What an instance takes.

    Args:
        resources: how much of each class.
        provider: the resource provider's identifier.
        project: the owner's identifier.
    """

    resources: Mapping[str, int]
    provider: str
    project: str


class Allocations:
    """Writes allocations; those that do not fit (a host that has more on it than it should) are tried again later.

    Args:
        clients: OpenStack's APIs.
    """

    def __init__(self, clients: Clients) -> None:
        self._clients = clients
        self.refused: dict[str, Taken] = {}

    def write(self, wanted: Mapping[str, Taken]) -> None:
        """Write what instances take; what Placement does not take is kept in ``refused``."""
        for chunk in _chunks(wanted):
            try:
                self._post(chunk, {})
            except (Conflict, InvalidInput):
                self._fit_in(chunk)

    def reasons(self) -> dict[str, str]:
        """Instances whose allocation is not there yet, and why."""
        return dict.fromkeys(self.refused, "Placement has no room for it on its host: more is on it than it offers")

    def retry(self) -> None:
        """Try again what did not fit."""
        if self.refused:
            self._fit_in(dict(self.refused))

    def remove(self, uuid: str) -> None:
        """Take an instance's allocation away."""
        self.refused.pop(uuid, None)
        try:
            self._clients.call("placement", "DELETE", f"/allocations/{uuid}", None, _VERSION)
        except NotFound:
            return

    def _fit_in(self, wanted: Mapping[str, Taken]) -> None:
        """Write what there is room for, by a few calls for each provider, and keep the rest for later."""
        self.refused.update(wanted)
        for provider in {taken.provider for taken in wanted.values()}:
            about = f"/resource_providers/{provider}"
            try:
                held = self._get(f"{about}/allocations")["allocations"]
                inventories = self._get(f"{about}/inventories")["inventories"]
                usages = self._get(f"{about}/usages")["usages"]
            except NotFound:
                continue  # Nova has not told Placement of the host yet
            here = {uuid: taken for uuid, taken in wanted.items() if taken.provider == provider}
            stocks = {name: Stock.of(told, usages.get(name, 0)) for name, told in inventories.items()}
            before = {uuid: held[uuid]["resources"] for uuid in here if uuid in held}
            fits = fitting(stocks, {uuid: taken.resources for uuid, taken in here.items()}, before)
            generations = {uuid: held[uuid]["consumer_generation"] for uuid in here if uuid in held}
            for chunk in _chunks({uuid: here[uuid] for uuid in fits}):
                try:
                    self._post(chunk, generations)
                except (Conflict, InvalidInput):
                    for uuid, taken in chunk.items():
                        self._single(uuid, taken)

    def _post(self, chunk: Mapping[str, Taken], generations: Mapping[str, int]) -> None:
        body = {uuid: self._body(taken, generations.get(uuid)) for uuid, taken in chunk.items()}
        self._clients.call("placement", "POST", "/allocations", body, _VERSION)
        for uuid in chunk:
            self.refused.pop(uuid, None)

    def _single(self, uuid: str, taken: Taken) -> None:
        """Write one, which may have been on another host before."""
        try:
            body = self._body(taken, self._get(f"/allocations/{uuid}").get("consumer_generation"))
            self._clients.call("placement", "PUT", f"/allocations/{uuid}", body, _VERSION)
            self.refused.pop(uuid, None)
        except (Conflict, InvalidInput, NotFound):
            return

    def _get(self, path: str) -> Any:
        return self._clients.call("placement", "GET", path, None, _VERSION)

    def _body(self, taken: Taken, generation: int | None) -> dict[str, Any]:
        resources = {name: many for name, many in taken.resources.items() if many}
        return {
            "allocations": {taken.provider: {"resources": resources}},
            "project_id": taken.project,
            "user_id": self._clients.user,
            "consumer_generation": generation,
            "consumer_type": "INSTANCE",
        }


def _chunks(wanted: Mapping[str, Taken]) -> Iterator[dict[str, Taken]]:
    items = list(wanted.items())
    return (dict(items[start : start + _BULK]) for start in range(0, len(items), _BULK))
