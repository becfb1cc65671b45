"""Makes this machine a host: enrols it and starts the agent. The installer that the edge serves ends with it.

Run as ``python -m aloft.install.attach --url URL [--name NAME]``, with the token in ``ALOFT_TOKEN`` and, where the
edge's certificate comes from an authority of the provider's own, its file in ``ALOFT_AUTHORITY``.
"""

import argparse
import os
import socket
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from aloft.base import files
from aloft.base.errors import AloftError, InvalidInput
from aloft.base.paths import Paths
from aloft.ground.enrolment import Invitation, enrol, read_authority, system_authorities
from aloft.ground.facts import gather
from aloft.ground.layout import Layout
from aloft.install import daemons


def main(arguments: Sequence[str] | None = None, environment: Mapping[str, str] = os.environ) -> int:
    """Enrol and start; returns the exit code."""
    parser = argparse.ArgumentParser(prog="aloft.install.attach", description="Make this machine a host of a region.")
    parser.add_argument("--url", required=True, help="the plane's URL")
    parser.add_argument("--name", default=socket.gethostname().partition(".")[0].lower(), help="the host's name")
    chosen = parser.parse_args(arguments)
    try:
        print(_attach(chosen.url, chosen.name, environment, Paths.from_environment()))
    except AloftError as error:
        print(f"Aloft: {error.message}\n  -> {error.remedy}".removesuffix("\n  -> "), file=sys.stderr)
        return 1
    return 0


def _attach(url: str, name: str, environment: Mapping[str, str], paths: Paths) -> str:
    token = environment.get("ALOFT_TOKEN", "")
    if not token:
        raise InvalidInput("No token was given.", "Paste the whole line that `aloft host token` printed.")
    file = environment.get("ALOFT_AUTHORITY", "")
    layout = Layout.of(paths)
    for folder in (paths.state, paths.run, paths.log):
        files.folder(folder, mode=0o711)
    invitation = Invitation(url, token, name, read_authority(Path(file)) if file else system_authorities())
    identity = enrol(invitation, layout, gather(layout))
    outcome = daemons.start(daemons.AGENT, paths, paths.log / "attach.log", again=True)
    return f"{identity.host} is a host of {identity.customer}/{identity.region}; its agent {outcome}."


if __name__ == "__main__":
    raise SystemExit(main())
