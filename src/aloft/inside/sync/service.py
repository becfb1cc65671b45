"""Sync as a part of Nova's process: it shares its config, its database pools and its preloaded objects."""

from pathlib import Path
from typing import Any

from aloft.inside.sync.api import application
from aloft.inside.sync.applier import Applier
from aloft.inside.sync.clients import Clients
from aloft.inside.sync.region import Region
from aloft.inside.sync.store import Store


def open_region(config: str) -> tuple[Region, Any]:
    """The region's sync, to be started and stopped, and the WSGI application by which hosts and people reach it.

    Nova's config has been read before.

    Args:
        config: sync's own file: its database, and its login.
    """
    clients = Clients(Path(config))
    store = Store(clients.database)
    region = Region(store, Applier(clients, store))
    return region, application(region)
