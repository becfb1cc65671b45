"""Neutron's API and the workers that ML2/OVN needs, in forked children."""

import signal
import sys
import threading
from pathlib import Path

from aloft.inside.wsgi import make_server, serve


def api(socket: str, threads: str = "8") -> None:
    """Serve Neutron's API on the unix socket ``socket``; config is found by ``OS_NEUTRON_CONFIG_FILES``."""
    from neutron import server
    from neutron.server import api as neutron_api

    sys.argv = ["neutron-api"]
    serve(make_server(server.boot_server(neutron_api.api_server), socket, int(threads)))


def workers(ready: str) -> None:
    """Run the OVN maintenance worker and the periodic workers in one process.

    Upstream starts two commands that each fork a child per worker; all of it is threads and timers: one does.
    """
    from neutron import server

    sys.argv = ["neutron-workers"]
    server.boot_server(lambda: _run_workers(ready))


def _run_workers(ready: str) -> None:
    from neutron import manager, service
    from neutron.api import extensions
    from neutron_lib.api import attributes
    from neutron_lib.callbacks import events, registry, resources

    manager.init()
    extensions.PluginAwareExtensionManager.get_instance().extend_resources("2.0", attributes.RESOURCES)
    maintenance = service._get_ovn_maintenance_worker()
    periodic = [
        worker
        for worker in service._get_plugins_workers()
        if worker.worker_process_count < 1 and worker is not maintenance
    ]
    Path(ready).touch()  # all is loaded; what follows sleeps 20 s (BaseOvnDbSynchronizer.sync)
    stop = threading.Event()
    maintenance.start()
    for worker in periodic:
        worker.start()
    registry.publish(resources.PROCESS, events.AFTER_SPAWN, None)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    stop.wait()
    for worker in (*periodic, maintenance):
        worker.stop()
