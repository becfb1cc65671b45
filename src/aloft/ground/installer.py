"""How a machine gets the agent: the line that a person pastes, and the script that it fetches from the edge.

The line holds the SHA-256 of the file with the edge's authority. That file is fetched first, from whoever answers, and
checked against it; everything after that is fetched by that authority. Nothing but curl and coreutils is needed for it.
"""

import hashlib
from dataclasses import dataclass

from aloft.base.rendering import render

AUTHORITY_PATH = "/v1/install/authority"
SCRIPT_PATH = "/v1/install"
PACKAGES_PATH = "/v1/install/packages"
TOOL = "tool"
"""The name of the package that holds the agent itself."""

CLOCK_SECONDS = 300
"""How far a machine's clock may be off."""


@dataclass(frozen=True)
class Platform:
    """What packages were made for: Python's version (``3.11``) and the machine (``x86_64``)."""

    python: str
    machine: str


def line(url: str, authority: bytes, token: str) -> str:
    """The line to paste on a host, as root.

    Args:
        url: the plane's URL.
        authority: the authority of the edge's certificate as :data:`AUTHORITY_PATH` serves it; empty when every machine
            trusts the edge anyway.
        token: leave to enrol; given in the environment, so that it shows in no list of processes.
    """
    script = f"{url}{SCRIPT_PATH}"
    if not authority:
        return f"curl -fsS {script} | ALOFT_TOKEN={token} sh"
    digest = hashlib.sha256(authority).hexdigest()
    return (
        f"f=$(mktemp) && curl -fsSko $f {url}{AUTHORITY_PATH} && echo {digest} $f | sha256sum -c --quiet && "
        f"(curl -fsS --cacert $f {script} || {_clocks(script)}) | ALOFT_TOKEN={token} ALOFT_AUTHORITY=$f sh"
    )


def _clocks(script: str) -> str:
    """What runs in the place of a script that cannot be fetched: mostly certificates seem not to be valid now."""
    return (
        f"""echo 'echo "Aloft: this machine says $(date -u); the provider: $(curl -skI {script} | grep -i ^date:). """
        """If they differ, set the clock (timedatectl set-ntp true), and paste the line again." >&2; exit 1'"""
    )


def script(url: str, platform: Platform, build: str, now: float) -> str:
    """The script that installs the agent and enrols the machine.

    Args:
        url: the plane's URL.
        platform: what the provider's packages were made for.
        build: which build of the agent it serves.
        now: the provider's clock, Unix seconds; a machine whose clock differs much is told so.
    """
    return render(
        "aloft.ground",
        "install.sh.j2",
        url=url,
        packages=f"{url}{PACKAGES_PATH}",
        tool=TOOL,
        platform=platform,
        build=build,
        now=int(now),
        slack=CLOCK_SECONDS,
    )
