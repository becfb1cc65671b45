"""The process: Nova's zygote forks it, it reads Nova's config, and serves hosts and administrators on one socket."""

import sys
from pathlib import Path

from aloft.inside.sync.api import application
from aloft.inside.sync.applier import Applier
from aloft.inside.sync.clients import Clients
from aloft.inside.sync.region import Region
from aloft.inside.sync.store import Store
from aloft.inside.wsgi import make_server, serve


def serve_region(socket: str, config: str, threads: str = "4") -> None:
    """Serve the region's sync on the unix socket ``socket``.

    Args:
        socket: for hosts and administrators.
        config: the service's own file: database, region, login.
        threads: that answer.
    """
    from nova.api.openstack import wsgi_app

    sys.argv = ["aloft-sync"]
    wsgi_app.init_global_data(wsgi_app._get_config_files(), "sync", "aloft-sync")
    clients = Clients(Path(config))
    store = Store(clients.database)
    region = Region(store, Applier(clients, store))
    region.start()
    serve(make_server(application(region), socket, int(threads)), beside=(region,))
