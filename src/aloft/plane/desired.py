"""A host's desired state as its agent gets it, and a directory that answers hundreds of waiting agents from memory.

The document is made once for each change of it, not once for each question: commits ring a host's topic, the directory
forgets what it holds of that host, and the agents that wait ask again. Questions that come together are answered by one
query.
"""

import asyncio
import hashlib
import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sqlalchemy import select, tuple_
from sqlalchemy.orm import joinedload, undefer

from aloft.controller import network
from aloft.controller.network import NetworkTemplate
from aloft.plane import hosts
from aloft.plane.records.database import Records
from aloft.plane.records.tables import Customer, Host, Region
from aloft.plane.signals import Signals

MACHINE_ID = Path("/etc/machine-id")
GATHER_SECONDS = 0.01
"""How long a question waits for others that come at the same time."""

RESTLESS_FACTS = ("free_disk_mib",)
"""Facts that change by themselves: a report in which nothing else differs says nothing new."""

Names = tuple[str, str, str]
"""Customer, region and host."""


@dataclass(frozen=True)
class Library:
    """A host of the region that keeps images, and the address that others in the site reach it by."""

    host: str
    address: str


@dataclass(frozen=True)
class Entry:
    """A host as the directory holds it.

    Args:
        host_id: its record.
        generation: of the document.
        document: what its agent is given, as JSON.
        state: the state that it is shown in.
        heard: digest of its last report that was written down; empty when that is not known.
    """

    host_id: str
    generation: int
    document: bytes
    state: str
    heard: str = ""


def compose(
    host: Host,
    template: NetworkTemplate,
    libraries: Sequence[Library],
    machine_id: str,
    other_edges: Sequence[tuple[str, int]],
) -> dict[str, Any]:
    """The desired state of a host.

    Args:
        host: its record.
        template: of its region's networks.
        libraries: the region's image libraries.
        machine_id: of the machine that the region's controller runs on.
        other_edges: where the host may look for the provider when the edge does not answer.
    """
    granted: Mapping[str, Any] = {"roles": [], "settings": {}, **host.granted}
    settings = _settings(host, granted, template, libraries, machine_id) if granted.get("opened") else {}
    if settings and other_edges:
        others = [{"host": name, "port": port} for name, port in other_edges]
        settings["edge"] = {**settings["edge"], "others": others}
    return {
        "generation": host.granted_generation,
        "roles": granted["roles"],
        "release": host.software["release"],
        "packages": host.software["packages"],
        "keep_instances": host.keep_instances,
        "attempt": granted.get("attempt", 0),
        "settings": settings,
    }


def _settings(
    host: Host, granted: Mapping[str, Any], template: NetworkTemplate, libraries: Sequence[Library], machine_id: str
) -> dict[str, Any]:
    """What the node granted for the host's roles, and what the region's template says to the host."""
    settings = {**granted["settings"], "network": network.for_host(template, host.name)}
    listed = [{"host": library.host, "address": library.address} for library in libraries]
    local = host.machine_id in ("", machine_id) and not host.region.node
    listen = settings.get("image_library", {}).get("listen") if local else None
    settings["image_library"] = {"listen": listen, "libraries": listed}
    return settings


def digest(generation: int, facts: Mapping[str, Any], roles: Mapping[str, Any]) -> str:
    """What a report says, in short; equal for reports between which nothing happened."""
    steady = {name: value for name, value in facts.items() if name not in RESTLESS_FACTS}
    return hashlib.sha256(json.dumps([generation, steady, roles], sort_keys=True).encode()).hexdigest()


class Directory:
    """What is known of hosts by those who answer their agents; used in the event loop only.

    Args:
        records: the plane's database.
        signals: where commits ring.
        other_edges: where hosts may look for the provider when the edge does not answer.
    """

    def __init__(self, records: Records, signals: Signals, other_edges: Sequence[tuple[str, int]] = ()) -> None:
        self._records = records
        self._other_edges = other_edges
        self._entries: dict[Names, Entry] = {}
        self._names: dict[str, Names] = {}
        self._asked: dict[Names, asyncio.Future[Entry | None]] = {}
        self._rung = 0
        self._tasks: set[asyncio.Task[None]] = set()
        # a thread of its own: those of the loop are taken by reports when all agents have been told something
        self._reader = ThreadPoolExecutor(1, "desired-states")
        self._machine_id = MACHINE_ID.read_text().strip() if MACHINE_ID.exists() else ""
        signals.subscribe(self._heard)

    async def find(self, region: str, host: str) -> Entry:
        """The host by the names that the edge tells (``customer/region`` and its own).

        Raises:
            NotFound: there is none, or it is being deleted.
        """
        customer, _, name = region.partition("/")
        names = (customer, name, host)
        entry = self._entries.get(names)
        if entry is None:
            asked = self._asked.get(names)
            if asked is None:
                asked = self._asked[names] = asyncio.get_running_loop().create_future()
                if len(self._asked) == 1:
                    self._begin()
            entry = await asyncio.shield(asked)
        if entry is None:
            raise hosts.no_such_host(customer, name, host)
        return entry

    def note(self, host_id: str, heard: str) -> None:
        """Remember what a host's last report said."""
        names = self._names.get(host_id)
        if names is not None and names in self._entries:
            self._entries[names] = replace(self._entries[names], heard=heard)

    def _heard(self, topic: str) -> None:
        kind, _, host_id = topic.partition("/")
        if kind == "host":
            self._rung += 1
            names = self._names.pop(host_id, None)
            if names is not None:
                self._entries.pop(names, None)

    def _begin(self) -> None:
        task = asyncio.get_running_loop().create_task(self._answer(), name="desired states")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self) -> None:
        await asyncio.sleep(GATHER_SECONDS)
        asked, self._asked, rung = self._asked, {}, self._rung
        try:
            found = await asyncio.get_running_loop().run_in_executor(self._reader, self._load, list(asked))
        except Exception as error:
            for future in asked.values():
                future.set_exception(error)
                future.exception()  # whoever asked may have gone; then nobody looks at it
            return
        if rung == self._rung:  # else something was changed meanwhile, and what was read may be old
            self._entries.update(found)
            self._names.update({entry.host_id: names for names, entry in found.items()})
        for names, future in asked.items():
            if not future.done():
                future.set_result(found.get(names))

    def _load(self, asked: Sequence[Names]) -> dict[Names, Entry]:
        with self._records.transaction() as work:
            query = (
                select(Host)
                .join(Region)
                .join(Customer)
                .where(tuple_(Customer.name, Region.name, Host.name).in_(asked), Host.wanted == "present")
                .options(joinedload(Host.region).joinedload(Region.customer), undefer(Host.granted))
            )
            rows = list(work.session.scalars(query))
            regions = {row.region_id: row.region for row in rows}
            templates = {key: NetworkTemplate.model_validate(region.network) for key, region in regions.items()}
            libraries = {key: region_libraries(work.session, key) for key in regions}
            return {
                (row.region.customer.name, row.region.name, row.name): _entry(
                    row,
                    compose(
                        row, templates[row.region_id], libraries[row.region_id], self._machine_id, self._other_edges
                    ),
                )
                for row in rows
            }


def region_libraries(session: Any, region_id: str) -> list[Library]:
    """The image libraries of a region, by their names."""
    rows = session.execute(
        select(Host.name, Host.roles, Host.facts).where(Host.region_id == region_id, Host.wanted == "present")
    )
    return sorted(
        (Library(name, str(facts.get("address") or "")) for name, roles, facts in rows if "image-library" in roles),
        key=lambda library: library.host,
    )


def _entry(row: Host, document: Mapping[str, Any]) -> Entry:
    return Entry(row.id, document["generation"], json.dumps(document).encode(), row.state)
