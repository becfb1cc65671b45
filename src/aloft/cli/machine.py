"""The commands that change this machine or look at it: up, down, destroy, doctor, test."""

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from aloft.base.errors import Conflict, InvalidInput
from aloft.base.paths import Paths
from aloft.cli.client import Connection, PlaneClient
from aloft.install.installation import DEFAULT_DOMAIN, DEFAULT_PORT, DEFAULT_ROLES

LOCK = Path("run/aloft.lock")
"""Below the root, outside of Aloft's own folders, because `destroy` removes those."""

MARKS = {"ok": typer.style("ok     ", fg="green"), "warning": typer.style("warning", fg="yellow")}
LACK = typer.style("LACK   ", fg="red")


def up(
    release: Annotated[
        str | None, typer.Option(help="OpenStack release of the demo customer; the newest when left out.")
    ] = None,
    domain: Annotated[
        str | None, typer.Option(help=f"DNS domain below which every name lies; {DEFAULT_DOMAIN} at first.")
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(min=1, max=65535, help=f"TCP port that everything is reached by; {DEFAULT_PORT} at first."),
    ] = None,
    roles: Annotated[
        str | None,
        typer.Option(help=f"What this machine does for the demo customer; {','.join(DEFAULT_ROLES)} at first."),
    ] = None,
    demo: Annotated[bool, typer.Option("--demo/--no-demo", help="Whether to make the customer `demo`.")] = True,
) -> None:
    """Install Aloft on this machine and start it; a second run changes nothing, or goes on where the first failed."""
    from aloft.controller import release as known_releases
    from aloft.install import installation, steps
    from aloft.install import up as work
    from aloft.install.provider import Plane

    _need_root("up")
    paths = Paths.from_environment()
    wishes = installation.Wishes(release=release, domain=domain, port=port, roles=_roles(roles))
    chosen = installation.decide(installation.load(paths), wishes, known_releases.releases()[0].name)
    known_releases.release(chosen.release)
    log = paths.log / "up.log"
    machine = work.Machine(paths, chosen, log)
    provider = Plane(paths, chosen, log, _connect)
    todo = work.machine_steps(machine, provider)
    if demo:
        todo += work.demo_steps(machine, provider)
    with steps.only_one(paths.root / LOCK, "up"):
        steps.carry_out(todo, steps.display(), log)
    typer.echo(work.outlook(machine, demo))


def down() -> None:
    """Stop Aloft on this machine; instances, libvirt and Open vSwitch go on running, and `up` brings all of it back."""
    from aloft.install import steps, teardown

    _need_root("down")
    paths = Paths.from_environment()
    log = paths.log / "up.log"
    with steps.only_one(paths.root / LOCK, "down"):
        steps.carry_out(teardown.down_steps(paths, log), steps.display(), log)


def destroy(
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    keep_environments: Annotated[
        bool, typer.Option("--keep-environments", help="Leave the installed programs for a quick `up`.")
    ] = False,
) -> None:
    """Remove everything that `up` made: customers, instances, data, settings. Debian packages stay."""
    from aloft.install import steps, teardown

    _need_root("destroy")
    paths = Paths.from_environment()
    if not teardown.remains(paths):
        typer.echo("There is nothing of Aloft on this machine.")
        return
    if not yes and not typer.confirm("This ends every instance and removes all customers and their data. Go on?"):
        raise Conflict("Nothing was removed.", "Answer y, or give --yes.")
    log = paths.root / "var/log/aloft-destroy.log"
    with steps.only_one(paths.root / LOCK, "destroy"):
        steps.carry_out(teardown.destroy_steps(paths, log, keep_environments), steps.display(), log)


def doctor(as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False) -> None:
    """Check this machine and every component, and say what to do about what is not well."""
    from aloft.install import preflight
    from aloft.install.doctor import examine
    from aloft.install.provider import Plane

    paths = Paths.from_environment()
    findings = examine(paths, lambda chosen: Plane(paths, chosen, paths.log / "up.log", _connect))
    lacking = preflight.lacks(findings)
    if as_json:
        typer.echo(
            json.dumps({"healthy": not lacking, "findings": [asdict(finding) for finding in findings]}, indent=2)
        )
    else:
        for finding in findings:
            why = f" ({finding.why})" if finding.why else ""
            typer.echo(f"{MARKS.get(finding.level, LACK)}  {finding.check}: {finding.message}{why}")
            if finding.remedy:
                typer.echo(f"         → {finding.remedy}")
    if lacking:
        raise typer.Exit(1)


def test(
    kinds: Annotated[
        list[str] | None, typer.Argument(help="lint, types, unit, integration, journeys; everything when left out.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Replace an installation on this machine without asking.")] = False,
) -> None:
    """Run what CI runs; without a kind that includes a fresh `up`, which replaces an installation on this machine."""
    from aloft.install import checks

    asked = not kinds and not yes and sys.stdin.isatty() and checks.installed(Paths.from_environment())
    if asked and not typer.confirm("Aloft is installed on this machine. The tests destroy it and all its data. Go on?"):
        raise Conflict("The tests did not run: an installation is in the way.", "Run them on another machine.")
    if not checks.test(kinds or [], checks.checkout_folder()):
        raise typer.Exit(1)


def register(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    for command in (up, down, destroy, doctor, test):
        app.command()(command)


def _connect(url: str, token_file: Path, authority: Path) -> PlaneClient:
    return PlaneClient(Connection(url, token_file.read_text().strip(), authority))


def _need_root(what: str) -> None:
    """Refuse early what would fail halfway."""
    if os.geteuid() != 0:
        raise InvalidInput(f"`aloft {what}` changes this machine and needs root.", f"Run: sudo aloft {what}")


def _roles(text: str | None) -> tuple[str, ...] | None:
    """Roles of a comma-separated list.

    Raises:
        InvalidInput: a role is not known.
    """
    from aloft.plane.names import check_roles

    return None if text is None else tuple(check_roles([role.strip() for role in text.split(",") if role.strip()]))
