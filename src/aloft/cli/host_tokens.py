"""The commands on host tokens."""

import re
from typing import Annotated

import typer

from aloft.base.errors import InvalidInput
from aloft.cli.client import connect
from aloft.cli.output import emit, moment, table

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Customer = Annotated[str, typer.Option("--customer", help="Name of the customer.")]
Region = Annotated[str, typer.Option("--region", help="Name of the region.")]

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}

app = typer.Typer(help="Leave to make machines hosts of a region.", invoke_without_command=True)


@app.callback()
def issue(
    context: typer.Context,
    customer: Customer = "",
    region: Region = "",
    roles: Annotated[
        str,
        typer.Option(help="Roles to authorise at once, with commas between; else the host waits for an administrator."),
    ] = "",
    ttl: Annotated[str, typer.Option(help="How long it is good for: 30m, 1h, 7d.")] = "1h",
    uses: Annotated[int, typer.Option(min=1, max=1000, help="How many machines may enrol with it.")] = 1,
    as_json: AsJson = False,
) -> None:
    """Print one line to paste on a machine, as root, to make it a host of a region."""
    if context.invoked_subcommand is not None:
        return
    from aloft.plane.names import check_roles

    chosen = check_roles([role.strip() for role in roles.split(",") if role.strip()])
    body = {"roles": chosen, "uses": uses, "lifetime": seconds(ttl)}
    told = connect().call("POST", _path(customer, region), body)
    if as_json:
        emit(told)
        return
    typer.echo(told["line"])
    waits = ", ".join(told["roles"]) or "none: it waits for `aloft host authorise`"
    many = "once" if uses == 1 else f"{uses} times"
    typer.echo(f"Good {many} until {moment(told['expires'])}; roles: {waits}.", err=True)


@app.command("list")
def list_tokens(customer: Customer, region: Region, as_json: AsJson = False) -> None:
    """List the host tokens of a region; their texts are not kept."""
    items = connect().items(_path(customer, region))
    if as_json:
        emit(items)
        return
    rows = [
        (one["id"], ", ".join(one["roles"]), one["uses_left"], one["created_by"], moment(one["expires"]))
        for one in items
    ]
    table(("Token", "Roles", "Uses left", "By", "Good until"), rows)


@app.command("revoke")
def revoke(
    identity: Annotated[str, typer.Argument(metavar="ID", help="Id of the token.")], customer: Customer, region: Region
) -> None:
    """Make a host token worthless; hosts that enrolled with it stay."""
    connect().call("DELETE", f"{_path(customer, region)}/{identity}")


def seconds(text: str) -> int:
    """A length of time such as ``90s``, ``30m``, ``1h`` or ``7d``, in seconds.

    Raises:
        InvalidInput: it is none.
    """
    match = re.fullmatch(r"([0-9]{1,9})([smhd])", text)
    if match is None:
        raise InvalidInput(f"{text!r} is not a length of time.", "Give it as 90s, 30m, 1h or 7d.")
    return int(match[1]) * UNITS[match[2]]


def _path(customer: str, region: str) -> str:
    if not customer or not region:
        raise InvalidInput("A host token is for one region.", "Say --customer NAME --region NAME.")
    return f"/v1/customers/{customer}/regions/{region}/host-tokens"
