"""Nova in a forked child: both APIs, conductor, scheduler, console proxy, Placement and the region's sync.

Nova's own parts share one configuration, one set of database pools and one connection to the message bus. Upstream runs
them as five programs so that each can be scaled by itself, which is not what one customer's controller needs; a process
of each kind costs 40 MiB more. Placement was once a part of Nova, keeps its configuration to itself and is called by
nearly nobody else; a process of its own costs 30 MiB.
"""

import sys

from aloft.inside.sockets import listen
from aloft.inside.wsgi import begin, make_server, serve


def controller(
    socket: str,
    metadata_socket: str,
    console_socket: str,
    streams_socket: str,
    images_socket: str,
    library_socket: str,
    web: str,
    placement_socket: str,
    sync_socket: str,
    sync_config: str,
    threads: str = "8",
    metadata_threads: str = "3",
    placement_threads: str = "4",
    sync_threads: str = "3",
) -> None:
    """Serve compute and metadata APIs, Placement and consoles, each on its own unix socket, and do what they ask for.

    Config is found by ``OS_NOVA_CONFIG_DIR`` and ``OS_PLACEMENT_CONFIG_DIR``. They are answered once all is up.

    Args:
        socket: for the compute API.
        metadata_socket: for the metadata API.
        console_socket: for noVNC.
        streams_socket: for hosts' streams, by which consoles are reached.
        images_socket: on which the region's image library is offered.
        library_socket: of an image library on this machine.
        web: the folder with noVNC's pages.
        placement_socket: for Placement.
        sync_socket: for hosts' inventory and sync's own API.
        sync_config: sync's own file.
        threads: of the compute API.
        metadata_threads: of the metadata API.
        placement_threads: of Placement.
        sync_threads: of sync's.
    """
    from nova import policy
    from nova.api.openstack import wsgi_app
    from nova.conductor import rpcapi as conductor
    from nova.scheduler import rpcapi as scheduler
    from nova.service import Service
    from placement import wsgi as placement

    from aloft.inside.console import ConsoleProxy
    from aloft.inside.streams import Relay, Streams
    from aloft.inside.sync.service import noticing, open_region

    sys.argv = ["nova-api"]
    # Before Nova, whose logging holds for the process, and which asks it for its version at the start.
    allocations = begin(make_server(placement.init_application(), placement_socket, int(placement_threads)))
    compute = wsgi_app.init_application(
        "osapi_compute", "nova-api"
    )  # before the rest of Nova: it sets up what is global
    metadata = wsgi_app.init_application("metadata", "nova-api")
    policy.init()  # before the first requests: the others of several at once would find its rules half there
    region, sync = open_region(sync_config)
    streams = Streams()
    beside = [
        Service.create(binary="nova-conductor", topic=conductor.RPC_TOPIC, manager="aloft.inside.conductor.Conductor"),
        Service.create(binary="nova-scheduler", topic=scheduler.RPC_TOPIC),
        ConsoleProxy(listen(console_socket), web, lambda host, port: streams.open(host, f"console {port}")),
        Relay(streams, streams_socket, images_socket, library_socket),
        region,
    ]
    for service in beside:
        service.start()
    serve(
        make_server(metadata, metadata_socket, int(metadata_threads)),
        make_server(sync, sync_socket, int(sync_threads)),
        make_server(noticing(compute, region), socket, int(threads)),
        beside=(*beside, allocations),
    )
