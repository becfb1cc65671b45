"""Nova's services in forked children."""

import sys

from aloft.inside.announce import when_started
from aloft.inside.wsgi import make_server, serve


def api(socket: str, metadata_socket: str, threads: str = "8", metadata_threads: str = "3") -> None:
    """Serve the compute API and the metadata API from one process, each on its own unix socket.

    Config is found by ``OS_NOVA_CONFIG_DIR``. Both applications share one configuration and one set of database pools,
    so the second costs its routes only. The compute API goes first: it sets up what is global.
    """
    from nova.api.openstack import wsgi_app

    sys.argv = ["nova-api"]
    compute = wsgi_app.init_application("osapi_compute", "nova-api")
    metadata = wsgi_app.init_application("metadata", "nova-api")
    serve(
        make_server(compute, socket, int(threads)),
        make_server(metadata, metadata_socket, int(metadata_threads)),
    )


def _configure(config: str, prog: str) -> None:
    from nova import config as nova_config
    from nova import objects
    from oslo_config import cfg
    from oslo_log import log

    nova_config.parse_args([prog, f"--config-file={config}"])
    log.setup(cfg.CONF, "nova")
    objects.Service.enable_min_version_cache()


def _run(binary: str, topic: str, ready: str) -> None:
    from nova import service

    server = when_started(service.Service.create(binary=binary, topic=topic), ready)
    service.serve(server, workers=1, no_fork=True)
    service.wait()


def conductor(config: str, ready: str) -> None:
    """Run the conductor in this process, without an idle master beside it."""
    from nova.conductor import rpcapi

    _configure(config, "nova-conductor")
    _run("nova-conductor", rpcapi.RPC_TOPIC, ready)


def scheduler(config: str, ready: str) -> None:
    """Run the scheduler in this process, without an idle master beside it."""
    from nova.scheduler import rpcapi

    _configure(config, "nova-scheduler")
    _run("nova-scheduler", rpcapi.RPC_TOPIC, ready)


def novncproxy(config: str, socket: str, web: str) -> None:
    """Serve noVNC consoles on the unix socket ``socket``; ``web`` is the folder with noVNC's pages."""
    import nova.conf
    from nova.conf import novnc
    from nova.console import websocketproxy
    from nova.console.securityproxy import rfb

    _configure_console(config, novnc)
    websocketproxy.NovaWebSocketProxy(
        unix_listen=socket,
        unix_listen_mode=0o660,
        listen_host="",
        web=web,
        file_only=True,
        RequestHandlerClass=websocketproxy.NovaProxyRequestHandler,
        security_proxy=rfb.RFBSecurityProxy(),
        daemon=False,
        source_is_ipv6=nova.conf.CONF.source_is_ipv6,
    ).start_server()


def _configure_console(config: str, novnc: object) -> None:
    import nova.conf

    novnc.register_cli_opts(nova.conf.CONF)  # type: ignore[attr-defined]  # a module
    _configure(config, "nova-novncproxy")
