"""Cinder in a forked child: API and scheduler, which share configuration, database pools and message bus."""

import sys

from aloft.inside.wsgi import make_server, serve


def controller(socket: str, config: str, threads: str = "6") -> None:
    """Serve Cinder's API on the unix socket ``socket``, with the config file ``config``, and schedule its volumes."""
    from cinder import policy, service
    from cinder.wsgi import wsgi

    sys.argv = ["cinder-api", f"--config-file={config}"]
    application = wsgi.initialize_application()
    policy.init(suppress_deprecation_warnings=True)  # as in Nova: rules are there before the first requests
    _answer_in_threads()
    scheduler = service.Service.create(binary="cinder-scheduler")
    scheduler.start()
    serve(make_server(application, socket, int(threads)), beside=(scheduler,))


def _answer_in_threads() -> None:
    """Have messages handled by native threads: Cinder 2026.1 asks for green ones by name, which never run here."""
    import oslo_messaging

    serve_rpc = oslo_messaging.get_rpc_server
    oslo_messaging.get_rpc_server = lambda *args, **options: serve_rpc(*args, **{**options, "executor": "threading"})
