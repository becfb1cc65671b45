"""The commands about upgrades: a customer comes to a newer release by a new instance beside the one that serves."""

from typing import Annotated, Any

import typer

from aloft.cli.client import connect
from aloft.cli.hosts import confirm
from aloft.cli.output import details, emit, follow, moment, see_given_up, table

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="Wait until the operation has ended.")]
Customer = Annotated[str, typer.Argument(metavar="CUSTOMER", help="Name of the customer.")]
ReleaseName = Annotated[str | None, typer.Option("--release", help="OpenStack release; the newest when left out.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]

DespiteHosts = Annotated[bool, typer.Option("--despite-hosts", help="Though hosts are missing or unwell.")]
AnyTime = Annotated[bool, typer.Option("--any-time", help="Though the maintenance window is closed.")]

app = typer.Typer(help="Upgrades of customers to newer releases, and the way back.", no_args_is_help=True)
wave = typer.Typer(help="Upgrades of many customers, one after another.", no_args_is_help=True)
app.add_typer(wave, name="wave")


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
            ("release", f"{told['release']} ({told['pins']})" if told["pins"] else told["release"]),
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
    despite_hosts: DespiteHosts = False,
    any_time: AnyTime = False,
    wait: Wait = True,
    as_json: AsJson = False,
) -> None:
    """Upgrade a customer: reads go on all the time, requests that write wait for some seconds at the switch."""
    client = connect()
    body = {"release": release, "despite_hosts": despite_hosts, "any_time": any_time}
    follow(client, client.call("POST", _path(customer), body)["operation"], wait, as_json)


@app.command("abort")
def abort(customer: Customer, wait: Wait = True, as_json: AsJson = False) -> None:
    """Give up an upgrade that has not switched yet; what was made for it is removed."""
    client = connect()
    begun = client.call("POST", f"{_path(customer)}/abort")["operation"]
    too_late = "It was too late: the upgrade had switched. The way back is `aloft upgrade rollback`."
    see_given_up(client, begun, wait, as_json, too_late)


@app.command("rollback")
def rollback(customer: Customer, yes: Yes = False, wait: Wait = True, as_json: AsJson = False) -> None:
    """Go back to the release before, with what was written since."""
    client = connect()
    confirm(yes, f"Go back to what served customer {customer} before its upgrade?")
    begun = client.call("POST", f"{_path(customer)}/rollback")["operation"]
    follow(client, begun, wait, as_json)
    if wait and not as_json:
        told = client.call("GET", f"/v1/operations/{begun['id']}")["result"]
        for lost in told.get("lost", ()):
            typer.echo(f"Not carried back: {lost}")
        if folder := told.get("lost_folder"):
            typer.echo(f"All these rows stand in {folder} on the customer's node.")


@app.command("finish")
def finish(customer: Customer, yes: Yes = False, wait: Wait = True, as_json: AsJson = False) -> None:
    """Remove what is kept of the release before; there is no way back from then on."""
    client = connect()
    confirm(yes, f"Remove what is kept of customer {customer}'s release before?")
    follow(client, client.call("POST", f"{_path(customer)}/finish")["operation"], wait, as_json)


@wave.command("start")
def start_wave(
    customers: Annotated[
        list[str] | None, typer.Argument(metavar="[CUSTOMER]...", help="Whom; all with an older release when left out.")
    ] = None,
    release: ReleaseName = None,
    canary: Annotated[str, typer.Option(metavar="CUSTOMER", help="Who goes first, alone.")] = "",
    soak: Annotated[int, typer.Option(metavar="MINUTES", help="How long the canary must run well first.")] = 0,
    at_once: Annotated[int, typer.Option(metavar="N", help="How many at the same time.")] = 1,
    despite_hosts: DespiteHosts = False,
    any_time: AnyTime = False,
    wait: Wait = True,
    as_json: AsJson = False,
) -> None:
    """Upgrade many customers, each in its maintenance window; after a failure no further one begins."""
    client = connect()
    body = {
        "customers": customers or [],
        "release": release,
        "canary": canary,
        "soak_minutes": soak,
        "at_once": at_once,
        "despite_hosts": despite_hosts,
        "any_time": any_time,
    }
    follow(client, client.call("POST", "/v1/upgrade-wave", body)["operation"], wait, as_json)


@wave.command("show")
def show_wave(as_json: AsJson = False) -> None:
    """Show the wave that is under way, or the last one, and which release serves whom."""
    told = connect().call("GET", "/v1/upgrade-wave")
    if as_json:
        emit(told)
        return
    steps = {step["name"]: step for step in told["operation"]["steps"]} if told["operation"] else {}
    nothing = {"state": "-", "detail": ""}
    rows = [
        (one["customer"], one["release"], one["kept"] or "-", step["state"], step["detail"])
        for one in told["customers"]
        for step in (steps.get(one["customer"], nothing),)
    ]
    table(("Customer", "Release", "Kept", "In the wave", "Note"), rows)
    if told["operation"]:
        typer.echo(f"The wave {told['operation']['id']}: {told['operation']['state']}")


@wave.command("stop")
def stop_wave(wait: Wait = False, as_json: AsJson = False) -> None:
    """Begin no further upgrade of the wave; what is under way goes on (see `aloft upgrade abort`)."""
    client = connect()
    begun = client.call("POST", "/v1/upgrade-wave/stop")["operation"]
    told = [*client.watch(begun["id"])][-1] if wait else begun
    if as_json:
        emit(told)
    else:
        typer.echo("No further customer of the wave is upgraded.")


def _path(customer: str) -> str:
    return f"/v1/customers/{customer}/upgrade"


def _show_plan(told: dict[str, Any]) -> None:
    changed = {region: len(one["came"]) + len(one["went"]) for region, one in told["changes"].items()}
    details(
        (
            ("from", told["from"]),
            ("to", told["release"]),
            ("expected pause", f"{told['pause_seconds']} s, for requests that write"),
            ("as", told["pause_basis"]),
            ("compared", f"{told['things']} things listed alike"),
            ("packages", f"{len(told['packages'])} have other versions"),
            ("tables and columns", ", ".join(f"{region}: {count}" for region, count in changed.items())),
            ("hosts", ", ".join(told["unwell"]) or "all well"),
        )
    )
    if told["packages"]:
        table(
            ("Package", "Now", "Then"), [(p["name"], p["before"] or "-", p["after"] or "-") for p in told["packages"]]
        )
    table(("Project", "Upgrade check", "It said"), [(c["project"], c["verdict"], c["detail"]) for c in told["checks"]])
