"""Has nova-compute report to a conductor that answers nothing at first; tells how that went, as JSON.

Run by a release's Python with the path of a config file to make.
"""

import json
import logging
import os
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import nova.conf
import oslo_messaging
from nova import context, objects, rpc
from nova.conductor.rpcapi import RPC_TOPIC
from nova.objects.base import NovaObjectSerializer
from nova.servicegroup.drivers.db import DbDriver

from aloft.inside import compute

SILENT = 2
"""How many reports the conductor takes and never answers."""

PATIENCE = 0.5


class Conductor:
    """Answers reports."""

    target = oslo_messaging.Target(version="3.0")

    def __init__(self):
        self.reports = 0

    def object_action(self, context, objinst, objmethod, args, kwargs):
        """The call that a report is."""
        self.reports += 1
        if self.reports <= SILENT:
            threading.Event().wait()
        return {}, None


def main(file: str) -> None:
    """Report once."""
    Path(file).write_text("[DEFAULT]\ntransport_url = fake://\n")
    nova.conf.CONF([], project="nova", default_config_files=[file])
    rpc.init(nova.conf.CONF)
    objects.register_all()
    conductor, waited = Conductor(), []
    serializer = rpc.RequestContextSerializer(NovaObjectSerializer())
    target = oslo_messaging.Target(topic=RPC_TOPIC, server="conductor")
    oslo_messaging.get_rpc_server(rpc.TRANSPORT, target, [conductor], "threading", serializer).start()
    send = rpc.TRANSPORT._send
    rpc.TRANSPORT._send = lambda *words, **more: (waited.append(more["timeout"]), send(*words, **more))[1]
    record = objects.Service(context.get_admin_context(), id=1, host="h1", binary="nova-compute", report_count=0)
    service = SimpleNamespace(service_ref=record)
    compute.REPORT_SECONDS = PATIENCE
    compute._report_again_soon()
    DbDriver._report_state(None, service)
    told = {"reports": conductor.reports, "lost": service.model_disconnected, "waited": waited}
    print(json.dumps(told), flush=True)


if __name__ == "__main__":
    logging.disable()
    main(sys.argv[1])
    os._exit(0)  # threads that wait for ever would keep it alive
