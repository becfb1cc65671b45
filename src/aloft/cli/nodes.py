"""The commands about nodes: other machines that take controllers in, and customers' moves between them."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from aloft.base.errors import InvalidInput
from aloft.cli.client import connect
from aloft.cli.hosts import confirm
from aloft.cli.output import details, emit, follow, moment, see_given_up, table

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="Wait until the operation has ended.")]
Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the node.")]
Customer = Annotated[str, typer.Argument(metavar="CUSTOMER", help="Name of the customer.")]
Lost = Annotated[bool, typer.Option("--lost", help="It is gone for good; its customers have to be restored.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]

app = typer.Typer(help="Nodes: the provider's machines that run controllers.", no_args_is_help=True)


@app.command("list")
def list_nodes(as_json: AsJson = False) -> None:
    """List this node and those that it is connected with."""
    items = connect().items("/v1/nodes")
    if as_json:
        emit(items)
        return
    rows = [(one["name"], _address(one), one["state"], one["controllers"], one["detail"]) for one in items]
    table(("Node", "Address", "State", "Controllers", "Detail"), rows)


@app.command("show")
def show(name: Name, as_json: AsJson = False) -> None:
    """Show a node and which regions are on it."""
    client = connect()
    told = client.call("GET", f"/v1/nodes/{name}")
    regions = [one for one in client.items("/v1/regions") if one["node"] == name]
    if as_json:
        emit({**told, "regions": [f"{one['customer']}/{one['name']}" for one in regions]})
        return
    details(
        (
            ("node", told["name"]),
            ("address", _address(told)),
            ("state", told["state"]),
            ("detail", told["detail"]),
            ("seen", moment(told["seen"])),
        )
    )
    table(("Customer", "Region", "Release", "Phase"), [_region(one) for one in regions])


@app.command("invite")
def invite(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the node that shall connect with this one.")],
    address: Annotated[
        str | None, typer.Option(help="HOST or HOST:PORT where it finds this one; that of the way out when left out.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Print an invitation, one line, for `aloft node add` on the other node; it is a secret, and shown this once."""
    told = connect().call("POST", "/v1/nodes/invitations", {"name": name, "address": address})
    if as_json:
        emit(told)
    else:
        typer.echo(told["invitation"])


@app.command("add")
def add(
    invitation_file: Annotated[
        str, typer.Option("--invitation-file", metavar="FILE", help="What the other node printed; - is standard input.")
    ],
    address: Annotated[str | None, typer.Option(help="HOST:PORT of the other one, if not what it said.")] = None,
    own_address: Annotated[
        str | None, typer.Option(help="HOST:PORT where it finds this one; that of the way to it when left out.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Connect this node with the one that gave out an invitation, so that customers can be moved there and back."""
    body = {"invitation": _line(invitation_file), "address": address, "own_address": own_address}
    told = connect().call("POST", "/v1/nodes", body)
    if as_json:
        emit(told)
    else:
        typer.echo(f"The node {told['name']} ({told['address']}) is {told['state']}. {told['detail']}".rstrip())


@app.command("remove")
def remove(name: Name, lost: Lost = False, yes: Yes = False) -> None:
    """Forget another node; refused while customers are on it, unless it is lost."""
    client = connect()
    client.call("GET", f"/v1/nodes/{name}")
    confirm(yes, f"Forget the node {name}?")
    client.call("DELETE", f"/v1/nodes/{name}", params={"lost": lost})


def move(
    customer: Customer,
    node: Annotated[str, typer.Option("--node", help="Name of the node to move it to.")],
    any_time: Annotated[bool, typer.Option("--any-time", help="Though the maintenance window is closed.")] = False,
    wait: Wait = True,
    as_json: AsJson = False,
) -> None:
    """Move a customer to another node: names, addresses and logins stay, requests that write wait for some seconds."""
    client = connect()
    begun = client.call("POST", _move(customer), {"node": node, "any_time": any_time})["operation"]
    follow(client, begun, wait, as_json)


def abort_move(customer: Customer, wait: Wait = True, as_json: AsJson = False) -> None:
    """Give up a move that has not switched yet; what was made for it is removed."""
    client = connect()
    begun = client.call("POST", f"{_move(customer)}/abort")["operation"]
    too_late = "It was too late: the customer had moved. The way back is another `aloft customer move`."
    see_given_up(client, begun, wait, as_json, too_late)


def register(customer: typer.Typer) -> None:
    """Add what can be done about a customer's place to the commands about customers."""
    customer.command("move")(move)
    customer.command("abort-move")(abort_move)


def _move(customer: str) -> str:
    return f"/v1/customers/{customer}/move"


def _address(told: dict[str, Any]) -> str:
    return "this node" if told["own"] else str(told["address"])


def _region(told: dict[str, Any]) -> tuple[str, ...]:
    return told["customer"], told["name"], told["release"], told["phase"]


def _line(file: str) -> str:
    """What a file or standard input holds.

    Raises:
        InvalidInput: it cannot be read.
    """
    try:
        return (sys.stdin.read() if file == "-" else Path(file).read_text()).strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{file} cannot be read: {error}.", "Name a file that you may read, or - .") from error
