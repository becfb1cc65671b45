"""The commands that work on the plane's records, as one typer application for each kind of record."""

from typing import Annotated, Any

import typer

from aloft.base.errors import InvalidInput
from aloft.cli import accounts, backups, hosts, networks, nodes, settings, sync, upgrades
from aloft.cli.client import connect
from aloft.cli.output import details, elapsed, emit, follow, moment, table

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="Wait until the operation has ended.")]
Customer = Annotated[str, typer.Argument(metavar="CUSTOMER", help="Name of the customer.")]
Region = Annotated[str, typer.Argument(metavar="REGION", help="Name of the region.")]
Services = Annotated[
    list[str] | None, typer.Option("--service", help="Optional service on or off: cinder=off; may be repeated.")
]
Memory = Annotated[int | None, typer.Option(min=256, help="Memory limit of the controller, MiB.")]
Cores = Annotated[float | None, typer.Option(min=0.1, help="CPU limit of the controller, cores.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]

customer = typer.Typer(help="Customers: organisations with their own Keystone.", no_args_is_help=True)
region = typer.Typer(help="Regions of customers, each with its controller.", no_args_is_help=True)
release = typer.Typer(help="OpenStack releases.", no_args_is_help=True)
operation = typer.Typer(help="Changes that were asked for, and how far they are.", no_args_is_help=True)

settings.register(customer)
nodes.register(customer)

apps: dict[str, typer.Typer] = {
    "customer": customer,
    "region": region,
    "release": release,
    "node": nodes.app,
    "host": hosts.app,
    "network-template": networks.app,
    "backup": backups.app,
    "upgrade": upgrades.app,
    "operation": operation,
    "account": accounts.app,
    "sync": sync.app,
}
"""Every group of commands, by the name under which it stands."""


@customer.command("create")
def create_customer(
    name: Customer,
    display_name: Annotated[str, typer.Option(help="What people call the customer.")] = "",
    region_name: Annotated[
        str | None, typer.Option("--region", help="Name of the first region; <customer>-1 when left out.")
    ] = None,
    release_name: Annotated[str | None, typer.Option("--release", help="OpenStack release; else the newest.")] = None,
    service: Services = None,
    memory_mib: Memory = None,
    cpu_cores: Cores = None,
    wait: Wait = True,
    as_json: AsJson = False,
) -> None:
    """Create a customer with its first region; one that failed is tried again."""
    wish = {"release": release_name, **_specification(service, memory_mib, cpu_cores)}
    if region_name is not None:
        wish["name"] = region_name
    client = connect()
    body = {"name": name, "display_name": display_name, "region": wish}
    follow(client, client.call("POST", "/v1/customers", body)["operation"], wait, as_json)


@customer.command("list")
def list_customers(as_json: AsJson = False) -> None:
    """List customers."""
    items = connect().items("/v1/customers")
    if as_json:
        emit(items)
        return
    rows = [
        (
            one["name"],
            one["display_name"],
            one["state"],
            ", ".join(r["name"] for r in one["regions"]),
            moment(one["created"]),
        )
        for one in items
    ]
    table(("Customer", "Name", "State", "Regions", "Created"), rows)


@customer.command("show")
def show_customer(name: Customer, as_json: AsJson = False) -> None:
    """Show a customer and its regions."""
    told = connect().call("GET", f"/v1/customers/{name}")
    if as_json:
        emit(told)
        return
    details(
        (
            ("customer", told["name"]),
            ("name", told["display_name"]),
            ("state", told["state"]),
            ("created", moment(told["created"])),
        )
    )
    _region_table(told["regions"])


@customer.command("change")
def change_customer(
    name: Customer,
    display_name: Annotated[str, typer.Option(help="What people call the customer.")],
    as_json: AsJson = False,
) -> None:
    """Change what people call a customer."""
    told = connect().call("PATCH", f"/v1/customers/{name}", {"display_name": display_name})
    if as_json:
        emit(told)


@customer.command("credentials")
def show_credentials(
    name: Customer,
    region_name: Annotated[str | None, typer.Option("--region", help="The region that they shall name.")] = None,
) -> None:
    """Print how the customer's administrator logs in to OpenStack, as JSON; it is noted in the audit log."""
    emit(connect().call("GET", f"/v1/customers/{name}/credentials", params={"region": region_name}))


@customer.command("delete")
def delete_customer(name: Customer, yes: Yes = False, wait: Wait = True, as_json: AsJson = False) -> None:
    """Delete a customer with all its regions and data; refused while hosts are attached."""
    client = connect()
    client.call("GET", f"/v1/customers/{name}")
    hosts.confirm(yes, f"Delete customer {name} with all its regions and data?")
    follow(client, client.call("DELETE", f"/v1/customers/{name}")["operation"], wait, as_json)


@region.command("create")
def create_region(
    customer_name: Customer,
    name: Region,
    release_name: Annotated[str | None, typer.Option("--release", help="OpenStack release; else the newest.")] = None,
    service: Services = None,
    memory_mib: Memory = None,
    cpu_cores: Cores = None,
    wait: Wait = True,
    as_json: AsJson = False,
) -> None:
    """Create one more region of a customer; one that failed is tried again."""
    client = connect()
    body = {"name": name, "release": release_name, **_specification(service, memory_mib, cpu_cores)}
    answer = client.call("POST", f"/v1/customers/{customer_name}/regions", body)
    follow(client, answer["operation"], wait, as_json)


@region.command("list")
def list_regions(
    customer_name: Annotated[
        str | None, typer.Argument(metavar="[CUSTOMER]", help="Name of the customer; all when left out.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List regions."""
    path = "/v1/regions" if customer_name is None else f"/v1/customers/{customer_name}/regions"
    items = connect().items(path)
    if as_json:
        emit(items)
    else:
        _region_table(items)


@region.command("show")
def show_region(customer_name: Customer, name: Region, as_json: AsJson = False) -> None:
    """Show a region, its endpoints and components."""
    told = connect().call("GET", f"/v1/customers/{customer_name}/regions/{name}")
    if as_json:
        emit(told)
        return
    error = told["error"] or {}
    off = [service for service, on in told["services"].items() if not on]
    details(
        (
            ("region", f"{told['customer']}/{told['name']}"),
            ("release", told["release"]),
            ("node", told["node"]),
            ("phase", told["phase"]),
            ("error", error.get("message")),
            ("remedy", error.get("remedy")),
            ("Keystone", "here" if told["identity"] else "in the customer's first region"),
            ("switched off", ", ".join(off)),
            ("limits", ", ".join(f"{limit} {value}" for limit, value in told["limits"].items() if value)),
            ("created", moment(told["created"])),
            ("ready", moment(told["ready"])),
        )
    )
    table(("Endpoint", "URL"), sorted(told["endpoints"].items()))
    rows = [(one["name"], one["state"], one["restarts"], one["reason"]) for one in told["components"]]
    table(("Component", "State", "Restarts", "Reason"), rows)


@region.command("change")
def change_region(
    customer_name: Customer,
    name: Region,
    service: Services = None,
    memory_mib: Annotated[int | None, typer.Option(min=0, help="Memory limit of the controller, MiB; 0: none.")] = None,
    cpu_cores: Annotated[float | None, typer.Option(min=0, help="CPU limit of the controller, cores; 0: none.")] = None,
    wait: Wait = True,
    as_json: AsJson = False,
) -> None:
    """Change a region's limits, or switch its optional services; what is not named stays."""
    client, path = connect(), f"/v1/customers/{customer_name}/regions/{name}"
    given = {"memory_mib": memory_mib, "cpu_cores": cpu_cores}
    limits = {limit: value or None for limit, value in given.items() if value is not None}
    body: dict[str, Any] = {"services": settings.switches(service)} if service else {}
    if limits:
        body["limits"] = client.call("GET", path)["limits"] | limits
    if not body:
        raise InvalidInput("Nothing is to be changed.", "Name a limit or a service; see --help.")
    follow(client, client.call("PATCH", path, body)["operation"], wait, as_json)


@region.command("delete")
def delete_region(
    customer_name: Customer, name: Region, yes: Yes = False, wait: Wait = True, as_json: AsJson = False
) -> None:
    """Delete a region and its data; refused while hosts are attached, or when it hosts the customer's Keystone."""
    client = connect()
    path = f"/v1/customers/{customer_name}/regions/{name}"
    client.call("GET", path)
    hosts.confirm(yes, f"Delete region {customer_name}/{name} and its data?")
    follow(client, client.call("DELETE", path)["operation"], wait, as_json)


@release.command("list")
def list_releases(as_json: AsJson = False) -> None:
    """List OpenStack releases and whether they are ready."""
    items = connect().items("/v1/releases")
    if as_json:
        emit(items)
        return
    table(("Release", "Node", "State", "Detail"), [(r["name"], r["node"], r["state"], r["detail"]) for r in items])


@release.command("prepare")
def prepare_release(
    name: Annotated[str, typer.Argument(help="The release, such as 2026.2.")],
    wait: Wait = True,
    as_json: AsJson = False,
) -> None:
    """Make a release ready to be used."""
    client = connect()
    follow(client, client.call("POST", f"/v1/releases/{name}/prepare")["operation"], wait, as_json)


@operation.command("list")
def list_operations(
    state: Annotated[str | None, typer.Option(help="Only those in this state.")] = None,
    customer_name: Annotated[str | None, typer.Option("--customer", help="Only those of this customer.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List operations, newest first."""
    query = {"state": state, "customer": customer_name, "limit": limit}
    items = connect().items("/v1/operations", query)
    if as_json:
        emit(items)
        return
    rows = [
        (
            one["id"],
            one["kind"],
            one["subject"],
            one["state"],
            f"{one['progress']:.0%}",
            one["actor"],
            moment(one["created"]),
            elapsed(one["created"], one["ended"]),
        )
        for one in items
    ]
    table(("Operation", "Kind", "Subject", "State", "Done", "By", "Created", "Took"), rows)


@operation.command("show")
def show_operation(
    identity: Annotated[str, typer.Argument(metavar="ID", help="Id of the operation.")], as_json: AsJson = False
) -> None:
    """Show an operation and its steps."""
    told = connect().call("GET", f"/v1/operations/{identity}")
    if as_json:
        emit(told)
        return
    error = told["error"] or {}
    details(
        (
            ("operation", told["id"]),
            ("kind", told["kind"]),
            ("subject", told["subject"]),
            ("state", told["state"]),
            ("by", told["actor"]),
            ("created", moment(told["created"])),
            ("ended", moment(told["ended"])),
            ("error", error.get("message")),
            ("remedy", error.get("remedy")),
        )
    )
    rows = [(one["name"], one["state"], elapsed(one["started"], one["ended"]), one["detail"]) for one in told["steps"]]
    table(("Step", "State", "Took", "Detail"), rows)


@operation.command("watch")
def watch_operation(
    identity: Annotated[str, typer.Argument(metavar="ID", help="Id of the operation.")], as_json: AsJson = False
) -> None:
    """Follow an operation to its end; the exit code tells whether it succeeded."""
    client = connect()
    follow(client, client.call("GET", f"/v1/operations/{identity}"), wait=True, as_json=as_json)


@operation.command("cancel")
def cancel_operation(
    identity: Annotated[str, typer.Argument(metavar="ID", help="Id of the operation.")], as_json: AsJson = False
) -> None:
    """Give up making a customer or a region; what was made so far is torn down."""
    told = connect().call("POST", f"/v1/operations/{identity}/cancel")["operation"]
    follow(connect(), told, wait=False, as_json=as_json)


def _region_table(items: list[dict[str, Any]]) -> None:
    rows = [
        (
            one["customer"],
            one["name"],
            one["release"],
            one["node"],
            one["phase"],
            (one["error"] or {}).get("message", ""),
        )
        for one in items
    ]
    table(("Customer", "Region", "Release", "Node", "Phase", "Error"), rows)


def _specification(services: list[str] | None, memory_mib: int | None, cpu_cores: float | None) -> dict[str, Any]:
    """The part of a region's specification that ``create`` commands share.

    Raises:
        InvalidInput: a service is not given as ``name=on`` or ``name=off``.
    """
    chosen = settings.switches(services or [])
    return {"services": chosen, "limits": {"memory_mib": memory_mib, "cpu_cores": cpu_cores}}
