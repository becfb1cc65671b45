"""nova-compute on a host: upstream's own program, which says when it has started.

Run as ``python -m aloft.inside.compute CONFIG READY DATAPATH IDENTITY``.
"""

import logging
import os
import sys
from pathlib import Path
from typing import Any

from aloft.inside import disks
from aloft.inside.announce import when_started

REPORT_SECONDS = 5.0
"""How long the conductor may take to write down that this service is alive; another report follows at once."""

REPORTS = 3
"""How often a report that got no answer is sent before it waits for its next turn."""

OFFLOADS = ("csum", "gso", "tso4", "tso6", "ecn", "ufo")


def main(config: str, ready: str, datapath: str, identity: str) -> None:
    """Run nova-compute with the file ``config``; make the file ``ready`` once it is registered and takes work.

    Nothing of nova may be imported before ``nova.cmd.compute``, which decides between threads and eventlet.

    Args:
        config: nova's configuration file.
        ready: see above.
        datapath: Open vSwitch's datapath type, ``system`` or ``netdev``.
        identity: folder with the host's certificate, by which other hosts of the site are reached.
    """
    sys.argv = ["nova-compute", "--config-file", config]
    from nova.cmd import compute

    if datapath == "netdev":
        _leave_checksums_to_guests()
    _start_beside_instances()
    _operate_adopted_instances()
    _leave_empty_drives_out()
    _report_again_soon()
    _start_anew_without_record()
    disks.use(Path(identity))
    serve = compute.service.serve
    compute.service.serve = lambda server, **options: serve(when_started(server, ready), **options)
    compute.main()


def _start_beside_instances() -> None:
    """Start on a hypervisor that has virtual machines already, though the service is new.

    Nova takes them for a sign that it was pointed at a wrong database. The link's certificate opens the host's own
    region and no other, and a hypervisor that was in use before is what a customer attaches.
    """
    from nova.compute.manager import ComputeManager

    ComputeManager._sanity_check_new_host = lambda self: None


def _operate_adopted_instances() -> None:
    """Put the driver that knows adopted instances in the place of Nova's; by name Nova loads none but its own."""
    from nova.virt import libvirt

    from aloft.inside.driver import Driver

    libvirt.LibvirtDriver = Driver


def _leave_empty_drives_out() -> None:
    """Show Nova no drive without a medium: it makes none, and stumbles over those of others as it starts."""
    from nova.virt.libvirt.guest import Guest

    stock = Guest.get_all_disks
    Guest.get_all_disks = lambda guest: [disk for disk in stock(guest) if disk.source_path or disk.source_name]


def _report_again_soon() -> None:
    """Report anew, soon, what a broker or conductor that was killed has taken along.

    Stock code waits a minute for the answer, as for any call, and does not report meanwhile: the host would be shown as
    down, or not at all, long after all is there again. A report that is made twice harms nobody.
    """
    from nova.conductor.rpcapi import ConductorAPI
    from nova.servicegroup.drivers.db import DbDriver

    stock = DbDriver._report_state
    impatient: list[Any] = []

    def report(driver: Any, service: Any) -> None:
        if not impatient:
            impatient.append(ConductorAPI())
            impatient[0].client.timeout = REPORT_SECONDS
        service.service_ref.indirection_api = impatient[0]
        for _ in range(REPORTS):
            stock(driver, service)
            if not getattr(service, "model_disconnected", False):
                return

    DbDriver._report_state = report


def _start_anew_without_record() -> None:
    """End when Nova has lost its record of this service: it is started again, and makes a new one.

    Nova says in its log that somebody should do that; without a record a host takes no work and nothing is known of it.
    """
    from nova import baserpc, context, exception, objects
    from nova.conductor.rpcapi import RPC_TOPIC
    from nova.servicegroup.drivers.db import DbDriver
    from oslo_messaging import MessagingException

    stock = DbDriver._report_state

    def report(driver: Any, service: Any) -> None:
        stock(driver, service)
        reference = service.service_ref
        if reference.host == service.host and not getattr(service, "model_disconnected", False):
            return
        asker = context.get_admin_context()
        try:
            # first a call that is given up soon: the other one waits for a minute, and nothing is reported meanwhile
            baserpc.BaseAPI(topic=RPC_TOPIC).ping(asker, service.host, timeout=REPORT_SECONDS)
            found = objects.Service.get_by_host_and_binary(asker, service.host, service.binary)
        except (exception.NovaException, MessagingException):
            return  # it cannot be told now
        if found is None:
            logging.getLogger(__name__).error("Nova has no record of this service any more; it starts anew")
            os._exit(1)

    DbDriver._report_state = report


def _leave_checksums_to_guests() -> None:
    """Offer guests no checksum or segmentation offload on their network cards.

    A guest that is offered it hands over packets whose checksums are still to be filled in. The kernel knows that, but
    Open vSwitch in user space gets the bare packet, finds the checksum wrong, and drops it.
    """
    from nova.virt.libvirt.config import LibvirtConfigGuestInterface

    stock = LibvirtConfigGuestInterface.format_dom

    def format_dom(interface: Any) -> Any:
        device = stock(interface)
        if interface.model == "virtio":
            driver = device.find("driver")
            if driver is None:
                driver = device.makeelement("driver")
                device.append(driver)
            driver.append(driver.makeelement("host", dict.fromkeys(OFFLOADS, "off")))
        return device

    LibvirtConfigGuestInterface.format_dom = format_dom


if __name__ == "__main__":
    failed = False
    try:
        main(*sys.argv[1:])
    except Exception:
        sys.excepthook(*sys.exc_info())
        failed = True
    logging.shutdown()
    # Threads that nova has started do not end by themselves, and would keep a process alive that does nothing.
    os._exit(int(failed))
