"""The agent's command line: ``python -m aloft.ground enrol`` and ``python -m aloft.ground run``."""

import argparse
import asyncio
import logging
import os
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

from aloft.base.errors import AloftError
from aloft.base.paths import Paths
from aloft.ground import facts
from aloft.ground.agent import Agent
from aloft.ground.enrolment import Invitation, enrol, read_authority
from aloft.ground.layout import Layout
from aloft.ground.store import Identity, Store


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    chosen = _parser().parse_args(arguments)
    layout = Layout.of(Paths.from_environment(), chosen.state)
    try:
        return _enrol(chosen, layout) if chosen.command == "enrol" else _run(layout)
    except AloftError as error:
        print(f"{error.message}\n{error.remedy}".rstrip(), file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m aloft.ground", description="The Aloft agent on this host.")
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="bring this host to what its region wants, and keep it there")
    join = commands.add_parser("enrol", help="make this machine a host of a region")
    for command in (run, join):
        command.add_argument("--state", type=Path, help="the agent's folder (default /var/lib/aloft/agent)")
    join.add_argument("--url", required=True, help="the plane, such as https://plane.example.org:443")
    join.add_argument("--token", help="leave to enrol; better given as the environment variable ALOFT_TOKEN")
    join.add_argument("--name", default=socket.gethostname().partition(".")[0], help="the host's name in its region")
    trust = join.add_mutually_exclusive_group(required=True)
    trust.add_argument("--authority", type=Path, help="PEM file of the authority that the plane is verified by")
    trust.add_argument("--authority-fingerprint", default="", help="SHA-256 of that authority's certificate")
    return parser


def _enrol(chosen: argparse.Namespace, layout: Layout) -> int:
    token = chosen.token or os.environ.get("ALOFT_TOKEN", "")
    if not token:
        print("No token was given.\nGive it with --token or as the environment variable ALOFT_TOKEN.", file=sys.stderr)
        return 2
    invitation = Invitation(
        url=chosen.url,
        token=token,
        name=chosen.name,
        authority=read_authority(chosen.authority) if chosen.authority else "",
        fingerprint=chosen.authority_fingerprint,
    )
    identity = enrol(invitation, layout, facts.gather(layout))
    print(f"This machine is host {identity.host} of region {identity.region} of {identity.customer}.")
    return 0


def _run(layout: Layout) -> int:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    identity = Store(layout).identity()
    asyncio.run(_serve(layout, identity))
    return 0


async def _serve(layout: Layout, identity: Identity) -> None:
    await Agent(layout, identity).run()


if __name__ == "__main__":
    raise SystemExit(main())
