"""Sync as a part of Nova's process: it shares its config, its database pools and its preloaded objects."""

import logging
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from nova import context, rpc

from aloft.inside.sync.api import application
from aloft.inside.sync.applier import Applier
from aloft.inside.sync.clients import Clients
from aloft.inside.sync.region import Region
from aloft.inside.sync.store import Store

_log = logging.getLogger(__name__)


def open_region(config: str) -> tuple[Region, Any]:
    """The region's sync, to be started and stopped, and the WSGI application by which hosts and people reach it.

    Nova's config has been read before.

    Args:
        config: sync's own file: its database, and its login.
    """
    clients = Clients(Path(config))
    store = Store(clients.database)
    region = Region(store, Applier(clients, store), notify)
    return region, application(region)


def notify(what: str) -> None:
    """Notify those who look, by the way of Nova's own notifications, that sync knows something else of a host."""
    try:
        rpc.get_versioned_notifier("sync").info(context.get_admin_context(), "sync.changed", {"host": what})
    except Exception:  # what is shown late must not keep from what is to be done
        _log.warning("It could not be told that sync has changed.", exc_info=True)


_SERVER = re.compile(r"/v2(?:\.1)?/(?:[0-9a-f]{32}/)?servers/(?P<uuid>[0-9a-f-]{36})(?P<rest>/.*)?")


def noticing(compute: Any, region: Region) -> Any:
    """Nova's API, which tells sync who changed an instance, and has it look at what no host tells of.

    Everything else that OpenStack does to an instance is done to its virtual machine, and the host tells it.
    """

    def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        answer: Iterable[bytes] = compute(environ, start_response)
        if environ["REQUEST_METHOD"] in ("POST", "PUT", "DELETE"):
            found = _SERVER.fullmatch(environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", ""))
            if found and found["uuid"] in region.known:
                region.note_actor(found["uuid"], environ.get("HTTP_X_USER_NAME", ""))
                if environ["REQUEST_METHOD"] != "POST" and (found["rest"] or "/metadata").startswith("/metadata"):
                    region.look(frozenset({found["uuid"]}))
        return answer

    return application
