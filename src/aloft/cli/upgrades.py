"""The commands about upgrades: a customer comes to a newer release by a new instance beside the one that serves."""

from typing import Annotated, Any

import typer

from aloft.cli.client import connect
from aloft.cli.hosts import confirm
from aloft.cli.output import details, emit, follow, moment, table

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="Wait until the operation has ended.")]
Customer = Annotated[str, typer.Argument(metavar="CUSTOMER", help="Name of the customer.")]
ReleaseName = Annotated[str | None, typer.Option("--release", help="OpenStack release; the newest when left out.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]

app = typer.Typer(help="Upgrades of customers to newer releases, and the way back.", no_args_is_help=True)


@app.command("show")
def show(customer: Customer, as_json: AsJson = False) -> None:
    """Show which release serves a customer, and which is kept for the way back."""
    told = connect().call("GET", _path(customer))
    if as_json:
        emit(told)
        return
    running = told["operation"]
    details(
        (
            ("customer", told["customer"]),
            ("release", told["release"]),
            ("kept", told["kept"] or "-"),
            ("since", moment(told["since"])),
            ("under way", f"{running['kind']} ({running['id']})" if running else "-"),
        )
    )


@app.command("plan")
def plan(customer: Customer, release: ReleaseName = None, as_json: AsJson = False) -> None:
    """Rehearse an upgrade: a new instance is made from a copy, migrated, started, checked, and removed again."""
    client = connect()
    begun = client.call("POST", f"{_path(customer)}/plan", {"release": release})["operation"]
    follow(client, begun, True, as_json)
    if not as_json:
        _show_plan(client.call("GET", f"/v1/operations/{begun['id']}")["result"])


@app.command("start")
def start(
    customer: Customer,
    release: ReleaseName = None,
    despite_hosts: Annotated[bool, typer.Option("--despite-hosts", help="Though hosts are missing or unwell.")] = False,
    wait: Wait = True,
    as_json: AsJson = False,
) -> None:
    """Upgrade a customer: reads go on all the time, requests that write wait for some seconds at the switch."""
    client = connect()
    body = {"release": release, "despite_hosts": despite_hosts}
    follow(client, client.call("POST", _path(customer), body)["operation"], wait, as_json)


@app.command("abort")
def abort(customer: Customer, wait: Wait = True, as_json: AsJson = False) -> None:
    """Give up an upgrade that has not switched yet; what was made for it is removed."""
    client = connect()
    begun = client.call("POST", f"{_path(customer)}/abort")["operation"]
    told = [*client.watch(begun["id"])][-1] if wait else begun
    if as_json:
        emit(told)
    elif told["state"] == "succeeded":
        typer.echo("It was too late: the upgrade had switched. The way back is `aloft upgrade rollback`.")
    else:
        typer.echo((told["error"] or {}).get("message") or "Asked for.")


@app.command("rollback")
def rollback(customer: Customer, yes: Yes = False, wait: Wait = True, as_json: AsJson = False) -> None:
    """Go back to the release before, with what was written since."""
    client = connect()
    confirm(yes, f"Go back to what served customer {customer} before its upgrade?")
    begun = client.call("POST", f"{_path(customer)}/rollback")["operation"]
    follow(client, begun, wait, as_json)
    if wait and not as_json:
        for lost in client.call("GET", f"/v1/operations/{begun['id']}")["result"].get("lost", ()):
            typer.echo(f"Not carried back: {lost}")


@app.command("finish")
def finish(customer: Customer, yes: Yes = False, wait: Wait = True, as_json: AsJson = False) -> None:
    """Remove what is kept of the release before; there is no way back from then on."""
    client = connect()
    confirm(yes, f"Remove what is kept of customer {customer}'s release before?")
    follow(client, client.call("POST", f"{_path(customer)}/finish")["operation"], wait, as_json)


def _path(customer: str) -> str:
    return f"/v1/customers/{customer}/upgrade"


def _show_plan(told: dict[str, Any]) -> None:
    changed = {region: len(one["came"]) + len(one["went"]) for region, one in told["changes"].items()}
    details(
        (
            ("from", told["from"]),
            ("to", told["release"]),
            ("expected pause", f"{told['pause_seconds']} s, for requests that write"),
            ("compared", f"{told['things']} things listed alike"),
            ("tables and columns", ", ".join(f"{region}: {count}" for region, count in changed.items())),
            ("hosts", ", ".join(told["unwell"]) or "all well"),
        )
    )
    table(("Project", "Upgrade check", "It said"), [(c["project"], c["verdict"], c["detail"]) for c in told["checks"]])
