"""``python -m aloft.plane``: serve the API, or make the first administrator."""

import argparse
import json
import sys
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import structlog
import uvicorn

from aloft.base.errors import AloftError
from aloft.base.sockets import KEEP_ALIVE_SECONDS, listen
from aloft.plane.bootstrap import bootstrap
from aloft.plane.records.database import Records
from aloft.plane.settings import Settings, load

if TYPE_CHECKING:
    from aloft.plane.service import Plane

GRACE_SECONDS = 3


def main(arguments: list[str] | None = None) -> int:
    """Run what the arguments ask for; the exit code is 1 after an error that a person was told."""
    parser = argparse.ArgumentParser(prog="aloft.plane", description="Aloft's management plane")
    parser.add_argument("--config", type=Path, help="settings (TOML); ALOFT_PLANE_<NAME> overrides each")
    commands = parser.add_subparsers(dest="command")
    first = commands.add_parser("bootstrap", help="make the first administrator and write a token of it")
    first.add_argument("--account", default="admin")
    first.add_argument("--token-file", type=Path, required=True)
    first.add_argument("--password-file", type=Path, help="written when the account gets its first password")
    commands.add_parser("openapi", help="print the description of the API")
    chosen = parser.parse_args(arguments)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    try:
        return _run(chosen, load(chosen.config))
    except AloftError as error:
        sys.stderr.write(f"{error}\n")
        return 1


def _run(chosen: argparse.Namespace, settings: Settings) -> int:
    if chosen.command == "bootstrap":
        records = Records(settings.database_url())
        records.migrate()
        written = bootstrap(records, chosen.account, chosen.token_file, chosen.password_file)
        sys.stdout.write(f"{'A new' if written else 'The'} token of {chosen.account} is in {chosen.token_file}\n")
        return 0
    from aloft.plane.api.application import build

    app = build(settings)
    if chosen.command == "openapi":
        sys.stdout.write(json.dumps(app.openapi(), indent=2) + "\n")
        return 0
    config = uvicorn.Config(
        app,
        access_log=False,
        log_level="warning",
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    server = _Server(config, app.state.plane)
    listener = listen(settings.socket, settings.socket_mode, "plane")
    structlog.get_logger("aloft.plane").info("listening", socket=str(settings.socket))
    server.run(sockets=[listener])
    return 0 if server.started else 1


class _Server(uvicorn.Server):
    """A server that answers long polls and ends streams as soon as it is told to stop."""

    def __init__(self, config: uvicorn.Config, plane: "Plane") -> None:
        super().__init__(config)
        self._plane = plane

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._plane.signals.stop()
        super().handle_exit(sig, frame)


if __name__ == "__main__":
    sys.exit(main())
