"""The commands that look at what runs and what was done, through the plane: status, logs and the audit trail."""

import sys
from typing import Annotated, Any

import typer

from aloft.base.errors import InvalidInput
from aloft.cli.client import PlaneClient, connect
from aloft.cli.output import emit, moment, table

WELL = ("ready", "ok", "up")


def status(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON: every component's health.")] = False,
) -> None:
    """Show the health of everything that runs; the exit code is 1 when something is unwell."""
    told = connect().call("GET", "/v1/status")
    if as_json:
        emit(told)
    else:
        _show(told)
    if not told["healthy"]:
        raise typer.Exit(1)


def logs(
    customer: Annotated[str, typer.Argument(help="The customer; or a process of the node, such as mariadb or plane.")],
    service: Annotated[str | None, typer.Argument(help="The service, such as nova-api.")] = None,
    region: Annotated[str | None, typer.Option(help="The region; the customer's first when left out.")] = None,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="How many lines to begin with.")] = 100,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what is written from now on.")] = False,
) -> None:
    """Print the log of a customer's service, or of a process of the node."""
    client = connect()
    path = f"/v1/logs/{customer}"
    if service is not None:
        path = f"/v1/customers/{customer}/regions/{region or _first(client, customer)}/logs/{service}"
    elif region is not None:
        raise InvalidInput("A region has many logs.", "Say which service: aloft logs CUSTOMER SERVICE --region REGION.")
    for text in client.text(path, {"lines": lines, "follow": str(follow).lower()}):
        sys.stdout.write(text)
        sys.stdout.flush()


def audit(
    customer: Annotated[
        str | None, typer.Argument(metavar="[CUSTOMER]", help="Only what was done to this customer.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most so many.")] = 50,
    before: Annotated[int | None, typer.Option(min=1, help="Only those before the one of this number.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show the audit trail, newest first: who did what to what, and whether it was let."""
    items = connect().items("/v1/audit", {"customer": customer, "limit": limit, "before": before})
    if as_json:
        emit(items)
        return
    rows = [
        (
            one["id"],
            moment(one["at"]),
            one["actor"],
            one["action"],
            one["subject"],
            one["outcome"],
            ", ".join(f"{name}: {value}" for name, value in one["detail"].items()),
        )
        for one in items
    ]
    table(("No", "When", "Who", "Action", "To what", "Outcome", "Detail"), rows)


def register(app: typer.Typer) -> None:
    """Add the commands to an application."""
    app.command()(status)
    app.command()(logs)
    app.command()(audit)


def _first(client: PlaneClient, customer: str) -> str:
    regions = client.items(f"/v1/customers/{customer}/regions")
    return str(next(one["name"] for one in regions if one["identity"]))


def _show(told: dict[str, Any]) -> None:
    rows = [("node", told["node"]["name"], told["node"]["state"], told["node"]["detail"])]
    rows += [("node", one["name"], one["state"], one["detail"]) for one in told["peers"]]
    rows += [("shared", one["name"], one["state"], one["reason"]) for one in told["shared"]]
    for one in told["regions"]:
        name = f"{one['customer']}/{one['region']}"
        rows.append(("region", name, one["phase"], (one["error"] or {}).get("message", "") or f"on {one['node']}"))
        unwell = [part for part in one["components"] if part["state"] not in WELL]
        rows += [("component", f"{name}/{part['name']}", part["state"], part["reason"]) for part in unwell]
    rows += [("host", f"{one['customer']}/{one['region']}/{one['host']}", one["state"], "") for one in told["hosts"]]
    rows += [("backup", one["customer"], one["state"], backup_note(one)) for one in told["backups"]]
    rows += [("repository", *repository_note(one)) for one in told["repositories"]]
    table(("What", "Name", "State", "Reason"), rows)


def backup_note(told: dict[str, Any]) -> str:
    """How old a customer's newest backup is, whether it was proved, and which copies are missing."""
    if told["age_seconds"] is None:
        return "none yet"
    missing = [name for name, trouble in told["copies"].items() if trouble]
    notes = [f"{told['age_seconds'] / 3600:.1f} h old", "proved" if told["proved"] else "not proved yet"]
    return ", ".join(notes + ([f"no copy in {', '.join(missing)}"] if missing else []))


def repository_note(told: dict[str, Any]) -> tuple[str, str, str]:
    """A repository's name, state, and how far it is."""
    state = "suspect" if told["check_failure"] else "late" if told["late"] else "ok"
    note = f"{told['role']}, lacks at most the last {told['behind_seconds']:.0f} s" if told["shipped"] else "empty yet"
    checked = f"checked {moment(told['checked'])}" if told["checked"] else ""
    return told["name"], state, "; ".join(filter(None, (note, checked, told["check_failure"], told["trouble"])))
