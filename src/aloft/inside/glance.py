"""Glance's API, in a forked child of a controller and as an image library on a host."""

from aloft.inside.wsgi import make_server, serve


def api(socket: str, threads: str = "6") -> None:
    """Serve Glance on the unix socket ``socket``; config is found by ``OS_GLANCE_CONFIG_DIR``."""
    from glance.common import wsgi_app

    serve(make_server(wsgi_app.init_app(), socket, int(threads)))
