"""What virtual machines take of their hosts, as Placement counts it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from aloft.base.errors import Conflict, InvalidInput, NotFound
from aloft.inside.sync.clients import Clients
from aloft.sync.room import Stock, fitting, parts, reserve

_VERSION = {"OpenStack-API-Version": "placement 1.39"}
_BULK = 50
_TRIES = 5


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

    Until then as much of them is written as there is room for. The rest nova-compute counts as reserved on its host
    (:mod:`aloft.inside.driver`), so that nobody is given what is taken.

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
            else:
                self._settled(chunk)

    def reasons(self) -> dict[str, str]:
        """Instances whose allocation is not there yet, and why."""
        reason = "Placement has no room for all that it takes of its host; what is missing is reserved there"
        return dict.fromkeys(self.refused, reason)

    def retry(self) -> None:
        """Try again what did not fit."""
        if self.refused:
            self._fit_in(dict(self.refused))

    def remove(self, uuid: str, runs_on: bool) -> None:
        """Take an instance's allocation away.

        Args:
            uuid: the instance's.
            runs_on: its virtual machine is still there: what it takes is reserved at once. nova-compute counts it only
                when it looks at its host again, up to a minute later, and then with all others that are no instances.
        """
        self.refused.pop(uuid, None)
        if runs_on:
            for provider, taken in self._get(f"/allocations/{uuid}")["allocations"].items():
                self._reserve(provider, taken["resources"])
        try:
            self._clients.call("placement", "DELETE", f"/allocations/{uuid}", None, _VERSION)
        except NotFound:
            return

    def _reserve(self, provider: str, resources: Mapping[str, int]) -> None:
        """Reserve so much of what a provider offers."""
        for name, many in resources.items():
            for _ in range(_TRIES):
                try:
                    path = f"/resource_providers/{provider}/inventories/{name}"
                    inventory = self._get(path)
                    reserve(inventory, many)
                    self._clients.call("placement", "PUT", path, inventory, _VERSION)
                except Conflict:
                    continue  # somebody has changed it meanwhile
                except NotFound:
                    pass  # the host is gone, or offers that no more
                break

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
            needs = {uuid: taken.resources for uuid, taken in here.items()}
            fits = fitting(stocks, needs, before)
            partly = parts(stocks, needs, before, fits)
            granted = {uuid: here[uuid] for uuid in fits}
            granted |= {
                uuid: replace(here[uuid], resources=part)
                for uuid, part in partly.items()
                if part and part != before.get(uuid)
            }
            generations = {uuid: held[uuid]["consumer_generation"] for uuid in here if uuid in held}
            for chunk in _chunks(granted):
                try:
                    self._post(chunk, generations)
                    done = list(chunk)
                except (Conflict, InvalidInput):
                    done = [uuid for uuid, taken in chunk.items() if self._single(uuid, taken)]
                self._settled(uuid for uuid in done if uuid not in partly)

    def _post(self, chunk: Mapping[str, Taken], generations: Mapping[str, int]) -> None:
        body = {uuid: self._body(taken, generations.get(uuid)) for uuid, taken in chunk.items()}
        self._clients.call("placement", "POST", "/allocations", body, _VERSION)

    def _settled(self, uuids: Iterable[str]) -> None:
        for uuid in uuids:
            self.refused.pop(uuid, None)

    def _single(self, uuid: str, taken: Taken) -> bool:
        """Write one, which may have been on another host before; tells whether that was taken."""
        try:
            body = self._body(taken, self._get(f"/allocations/{uuid}").get("consumer_generation"))
            self._clients.call("placement", "PUT", f"/allocations/{uuid}", body, _VERSION)
        except (Conflict, InvalidInput, NotFound):
            return False
        return True

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
