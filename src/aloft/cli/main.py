"""The command ``aloft``: puts the groups of commands together and turns errors into exit codes."""

import sys
from importlib.metadata import version
from typing import Annotated

import typer

from aloft.base.errors import AloftError, InvalidInput
from aloft.cli import bench, live, machine, records

app = typer.Typer(
    name="aloft",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
machine.register(app)
live.register(app)
bench.register(app)
for name, group in records.apps.items():
    app.add_typer(group, name=name)


@app.callback(invoke_without_command=True)
def about(show_version: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False) -> None:
    """Managed OpenStack: a complete, isolated controller per customer and region, in seconds."""
    if show_version:
        typer.echo(version("aloft"))
        raise typer.Exit


def main() -> None:
    """Run the command line. Exit codes: 0 done, 1 failed, 2 the request itself is wrong."""
    try:
        app()
    except AloftError as error:
        typer.secho(f"aloft: {error.message}", fg="red", err=True)
        if error.remedy:
            typer.echo(f"  → {error.remedy}", err=True)
        sys.exit(2 if isinstance(error, InvalidInput) else 1)
    except KeyboardInterrupt:
        typer.echo("aloft: interrupted; the same command goes on from here.", err=True)
        sys.exit(130)
