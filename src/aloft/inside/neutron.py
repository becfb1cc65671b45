"""Neutron in a forked child: the API, and the periodic work that ML2/OVN needs beside it.

Upstream runs three programs: the API, ``neutron-periodic-workers`` and ``neutron-ovn-maintenance-worker``. All of it is
threads and timers, so one process does, and spares the 80 MiB of another one with all plugins loaded.
"""

import sys
from typing import Any

from aloft.inside.wsgi import make_server, serve


def controller(socket: str, threads: str = "8") -> None:
    """Serve Neutron's API on the unix socket ``socket``, and keep OVN's databases as they should be.

    Config is found by ``OS_NEUTRON_CONFIG_FILES``.
    """
    from neutron import server, service
    from neutron.plugins.ml2.drivers.ovn.mech_driver.ovsdb import ovsdb_monitor
    from neutron.plugins.ml2.drivers.ovn.mech_driver.ovsdb.worker import MaintenanceWorker
    from neutron.server import api
    from neutron_lib.plugins import directory

    from aloft.inside import found_ports, known_ports

    sys.argv = ["neutron-api"]
    known_ports.leave_alone(ovsdb_monitor.LogicalSwitchPortCreateEvent)
    application = server.boot_server(api.api_server)
    found_ports.take_over(directory.get_plugin())
    beside = [worker for worker in service._get_plugins_workers() if not isinstance(worker, MaintenanceWorker)]
    for worker in beside:
        worker.set_proctitle = "off"
        worker.start()
    serve(make_server(application, socket, int(threads)), beside=(*beside, _start_maintenance(MaintenanceWorker)))


def _start_maintenance(worker: Any) -> Any:
    """Start the thread that repairs differences between Neutron's and OVN's databases.

    As ``OVNMechanismDriver.post_fork_initialize`` does in a process for a maintenance worker. It has connections to
    OVN of its own, for on them it holds the lock by which several maintenance workers would take turns.

    Args:
        worker: the driver's class ``MaintenanceWorker``.
    """
    from neutron.common.ovn import constants
    from neutron.plugins.ml2.drivers.ovn.mech_driver.ovsdb import impl_idl_ovn, maintenance, ovn_client
    from neutron_lib.plugins import directory

    if name := getattr(constants, "MAINTENANCE_NB_IDL_LOCK_NAME", ""):  # 2026.1 has it in the periodic tasks
        worker.lock_name = name
    client = ovn_client.OVNClient(
        impl_idl_ovn.OvsdbNbOvnIdl.from_worker(worker), impl_idl_ovn.OvsdbSbOvnIdl.from_worker(worker)
    )
    thread = maintenance.MaintenanceThread()
    thread.add_periodics(maintenance.DBInconsistenciesPeriodics(client))
    for plugin in directory.get_plugins().values():
        for tasks in getattr(plugin, "ovn_maintenance_periodics", lambda _: ())(client):
            thread.add_periodics(tasks)
    thread.start()
    return thread
