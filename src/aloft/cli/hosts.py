"""The commands on hosts."""

import sys
from typing import Annotated

import typer

from aloft.base.errors import InvalidInput
from aloft.cli.client import connect
from aloft.cli.output import details, emit, follow, moment, table

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="Wait until the operation has ended.")]
Customer = Annotated[str, typer.Argument(metavar="CUSTOMER", help="Name of the customer.")]
Region = Annotated[str, typer.Argument(metavar="REGION", help="Name of the region.")]
Host = Annotated[str, typer.Argument(help="Name of the host.")]
Roles = Annotated[
    list[str] | None,
    typer.Option("--role", help="hypervisor, network, block-storage, image-library, vsphere-gateway; may be repeated."),
]

app = typer.Typer(help="Customers' machines that run the agent.", no_args_is_help=True)


@app.command("token")
def issue_token(
    customer: Customer,
    region: Region,
    role: Roles = None,
    uses: Annotated[int, typer.Option(min=1, max=1000, help="How many machines may enrol with it.")] = 1,
    minutes: Annotated[int, typer.Option(min=1, max=43200, help="How long it is good for.")] = 60,
    as_json: AsJson = False,
) -> None:
    """Issue a token with which machines enrol as hosts of a region."""
    body = {"roles": _known(role), "uses": uses, "lifetime": minutes * 60}
    told = connect().call("POST", f"/v1/customers/{customer}/regions/{region}/host-tokens", body)
    if as_json:
        emit(told)
        return
    details(
        (
            ("line to paste, as root", told["line"]),
            ("token", told["token"]),
            ("plane", told["plane_url"]),
            ("roles", ", ".join(told["roles"])),
            ("uses", told["uses_left"]),
            ("good until", moment(told["expires"])),
        )
    )


@app.command("list")
def list_hosts(
    customer: Annotated[
        str | None, typer.Argument(metavar="[CUSTOMER]", help="Name of the customer; all when left out.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List hosts."""
    items = [one for one in connect().items("/v1/hosts") if customer in (None, one["customer"])]
    if as_json:
        emit(items)
        return
    rows = [
        (one["customer"], one["region"], one["name"], ", ".join(one["roles"]), one["state"], moment(one["reported"]))
        for one in items
    ]
    table(("Customer", "Region", "Host", "Roles", "State", "Reported"), rows)


@app.command("show")
def show_host(customer: Customer, region: Region, host: Host, as_json: AsJson = False) -> None:
    """Show a host and its roles."""
    told = connect().call("GET", _path(customer, region, host))
    if as_json:
        emit(told)
        return
    details(
        (
            ("host", f"{told['customer']}/{told['region']}/{told['name']}"),
            ("state", told["state"]),
            ("generation", f"{told['reported_generation']} of {told['generation']}"),
            ("attached", moment(told["created"])),
            ("reported", moment(told["reported"])),
        )
    )
    reports = {role: told["report"].get(role, {}) for role in told["roles"]}
    rows = [(r, t.get("state"), t.get("step"), t.get("reason"), t.get("remedy")) for r, t in reports.items()]
    table(("Role", "State", "Step", "Reason", "Remedy"), rows)


@app.command("authorise")
def authorise(
    customer: Customer, region: Region, host: Host, role: Roles = None, wait: Wait = True, as_json: AsJson = False
) -> None:
    """Authorise exactly these roles; the agent brings them about and removes others."""
    client = connect()
    answer = client.call("PUT", f"{_path(customer, region, host)}/roles", {"roles": _known(role)})
    follow(client, answer["operation"], wait, as_json)


@app.command("delete")
def delete_host(
    customer: Customer,
    region: Region,
    host: Host,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    wait: Wait = True,
    as_json: AsJson = False,
) -> None:
    """Detach a host: its certificate and credentials become worthless."""
    client = connect()
    client.call("GET", _path(customer, region, host))
    confirm(yes, f"Detach host {host} from {customer}/{region}?")
    follow(client, client.call("DELETE", _path(customer, region, host))["operation"], wait, as_json)


def confirm(yes: bool, question: str) -> None:
    """Ask before something is destroyed.

    Raises:
        InvalidInput: there is nobody to ask.
        typer.Abort: the answer is no.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise InvalidInput(f"{question} There is nobody to ask.", "Say --yes to do it without being asked.")
    typer.confirm(question, abort=True)


def _known(roles: list[str] | None) -> list[str]:
    """Roles as the plane takes them.

    Raises:
        InvalidInput: one of them does not exist.
    """
    from aloft.plane.names import check_roles

    return check_roles(roles or [])


def _path(customer: str, region: str, host: str) -> str:
    return f"/v1/customers/{customer}/regions/{region}/hosts/{host}"
