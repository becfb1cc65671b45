"""``python -m aloft.portal --config FILE``: serve the portal on its unix socket."""

import argparse
import logging
import sys
from pathlib import Path
from types import FrameType

import structlog
import uvicorn

from aloft.base.errors import AloftError
from aloft.base.sockets import KEEP_ALIVE_SECONDS, listen
from aloft.portal.application import Portal, build
from aloft.portal.settings import load

GRACE_SECONDS = 3


class _Server(uvicorn.Server):
    """A server that ends streams as soon as it is told to stop."""

    def __init__(self, config: uvicorn.Config, portal: Portal) -> None:
        super().__init__(config)
        self._portal = portal

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._portal.stop()
        super().handle_exit(sig, frame)


def main(arguments: list[str] | None = None) -> int:
    """Serve until told to stop; the exit code is 1 after an error that a person was told."""
    parser = argparse.ArgumentParser(prog="aloft.portal", description="The back end of Aloft's portal")
    parser.add_argument("--config", type=Path, required=True, help="settings (TOML)")
    logging.getLogger("aiormq").setLevel(
        logging.CRITICAL
    )  # it prints what is told to whoever follows, and handled there
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    try:
        settings = load(parser.parse_args(arguments).config)
        app, portal = build(settings)
        listener = listen(settings.socket, 0o660, "portal")
    except AloftError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    config = uvicorn.Config(
        app,
        access_log=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        log_level="warning",
        server_header=False,
        ws="websockets-sansio",
        ws_max_size=1 << 20,
        ws_ping_interval=None,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    server = _Server(config, portal)
    structlog.get_logger("aloft.portal").info("listening", socket=str(settings.socket))
    server.run(sockets=[listener])
    return 0 if server.started else 1


if __name__ == "__main__":
    sys.exit(main())
