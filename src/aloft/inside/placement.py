"""Placement's API in a forked child."""

from aloft.inside.wsgi import make_server, serve


def api(socket: str, threads: str = "4") -> None:
    """Serve Placement on the unix socket ``socket``; config is found by ``OS_PLACEMENT_CONFIG_DIR``."""
    from placement import wsgi

    serve(make_server(wsgi.init_application(), socket, int(threads)))
