"""The commands that change or look at this machine: test."""

import sys
from typing import Annotated

import typer

from aloft.base.errors import Conflict
from aloft.base.paths import Paths


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
    app.command()(test)
