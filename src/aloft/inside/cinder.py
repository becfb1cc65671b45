"""Cinder's API and scheduler in forked children."""

import sys

from aloft.inside.announce import when_started
from aloft.inside.wsgi import make_server, serve


def api(socket: str, config: str, threads: str = "6") -> None:
    """Serve Cinder's API on the unix socket ``socket`` with the config file ``config``."""
    from cinder.wsgi import wsgi

    sys.argv = ["cinder-api", f"--config-file={config}"]
    serve(make_server(wsgi.initialize_application(), socket, int(threads)))


def scheduler(config: str, ready: str) -> None:
    """Run the scheduler in this process, without the idle master that ``cinder-scheduler`` would leave behind."""
    from cinder import service, version
    from oslo_config import cfg
    from oslo_log import log
    from oslo_service import service as launcher

    cfg.CONF([f"--config-file={config}"], project="cinder", prog="cinder-scheduler", version=version.version_string())
    log.setup(cfg.CONF, "cinder")
    _answer_in_threads()
    server = when_started(service.Service.create(binary="cinder-scheduler"), ready)
    launcher.launch(cfg.CONF, server, workers=1, no_fork=True).wait()


def _answer_in_threads() -> None:
    """Have messages handled by native threads: Cinder 2026.1 asks for green ones by name, which never run here."""
    import oslo_messaging

    serve_rpc = oslo_messaging.get_rpc_server
    oslo_messaging.get_rpc_server = lambda *args, **options: serve_rpc(*args, **{**options, "executor": "threading"})
