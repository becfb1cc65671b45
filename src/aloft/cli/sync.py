"""The commands on sync: what hosts and OpenStack know of each other, and what administrators decide about it."""

import datetime
import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from aloft.base.errors import InvalidInput
from aloft.cli.client import connect
from aloft.cli.hosts import confirm
from aloft.cli.output import details, emit, follow, moment, table

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Customer = Annotated[str, typer.Argument(metavar="CUSTOMER", help="Name of the customer.")]
Region = Annotated[str, typer.Argument(metavar="REGION", help="Name of the region.")]
Instance = Annotated[str, typer.Argument(metavar="UUID", help="The virtual machine's UUID.")]
Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="Wait until the operation has ended.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Replace = Annotated[
    Path | None,
    typer.Option("--file", "-f", help="A JSON file that replaces them all; `-` reads standard input.", allow_dash=True),
]
_MOMENTS = ["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S%z"]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only show what they would do.")]

app = typer.Typer(help="Two-way sync with what is on the ground.", no_args_is_help=True)


@app.command("status")
def status(customer: Customer, region: Region, as_json: AsJson = False) -> None:
    """Show hosts, counts, and everything that is not as it should be."""
    told = _call("GET", customer, region, "status")
    if as_json:
        emit(told)
        return
    details([(standing, many) for standing, many in told["instances"].items()])
    hosts = told["hosts"]
    table(
        ("Host", "State", "Heard", "Domains", "Waiting", "Reason"),
        [
            (
                one["host"],
                one["state"],
                _when(one["heard"]),
                one.get("domains"),
                len(one.get("waiting", ())),
                one["reason"] or "; ".join(f"{part}: {why}" for part, why in one.get("failed", {}).items()),
            )
            for one in hosts
        ],
    )
    if told["attention"]:
        rows = [
            (
                one["name"],
                one["uuid"],
                one["host"],
                one["standing"],
                _when(one["since"]),
                _when(one["silent_since"]),
                one["reason"],
            )
            for one in told["attention"]
        ]
        table(("Name", "UUID", "Host", "Standing", "Since", "Host silent since", "Reason"), rows)
    if told["networks"]:
        gone = [(one["place"], one["network"], _when(one["since"]), one["reason"]) for one in told["networks"]]
        table(("Place", "Network", "Gone since", "Reason"), gone)
    if told["offered"]:
        table(
            ("Place without a network", "Hosts"), [(one["place"], ", ".join(one["hosts"])) for one in told["offered"]]
        )


@app.command("networks")
def networks(
    customer: Customer,
    region: Region,
    make: Annotated[str | None, typer.Option(metavar="PLACE", help="Make the provider network for this place.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show the bridges, VLANs and libvirt networks that hosts offer as provider networks, or make one of them."""
    if make is not None:
        _done(_call("POST", customer, region, "networks", {"place": make}), as_json)
        return
    items = _call("GET", customer, region, "networks")["items"]
    if as_json:
        emit(items)
        return
    rows = [(one["place"], ", ".join(one["hosts"]), one["network"] or "offered") for one in items]
    table(("Place", "Hosts", "Network"), rows)


@app.command("log")
def log(
    customer: Customer,
    region: Region,
    instance: Annotated[str | None, typer.Option("--object", help="Only of this UUID, network or image.")] = None,
    host: Annotated[str | None, typer.Option(help="Only of this host.")] = None,
    field: Annotated[str | None, typer.Option(help="Only changes of this field.")] = None,
    kind: Annotated[
        str | None, typer.Option(help="Only about an instance, network, image, volume, policy or host.")
    ] = None,
    since: Annotated[
        datetime.datetime | None,
        typer.Option(formats=_MOMENTS, help="Only since then (UTC, unless it says otherwise)."),
    ] = None,
    before: Annotated[int | None, typer.Option(help="Only what is older than the entry of this number.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most so many.")] = 50,
    as_json: AsJson = False,
) -> None:
    """Show the audit trail, newest first: what changed, when, where, by whom, from what to what."""
    wanted: dict[str, Any] = {
        "object": instance,
        "host": host,
        "field": field,
        "kind": kind,
        "before": before,
        "limit": limit,
    }
    if since is not None:
        wanted["since"] = (since if since.tzinfo else since.replace(tzinfo=datetime.UTC)).timestamp()
    items = _call("GET", customer, region, "log", params=wanted)["items"]
    if as_json:
        emit(items)
        return
    _print_trail(items)


def _print_trail(items: list[dict[str, Any]]) -> None:
    rows = [
        (
            one["id"],
            _when(one["at"]),
            one["host"],
            one["object"],
            one["field"],
            _short(one["before"]),
            _short(one["after"]),
            one["who"],
            one["source"],
            ("did not hold; " if one["lost"] else "") + one["note"],
        )
        for one in items
    ]
    table(("No", "When", "Host", "What", "Field", "Before", "After", "Who", "Source", "Note"), rows)


@app.command("list")
def list_instances(customer: Customer, region: Region, as_json: AsJson = False) -> None:
    """List every virtual machine that is known, with its provenance."""
    items = _call("GET", customer, region, "instances")["items"]
    if as_json:
        emit(items)
        return
    rows = [
        (one["name"], one["uuid"], one["host"], one["standing"], one["origin"], one["project"], one["reason"])
        for one in items
    ]
    table(("Name", "UUID", "Host", "Standing", "Origin", "Project", "Reason"), rows)


@app.command("show")
def show(customer: Customer, region: Region, instance: Instance, as_json: AsJson = False) -> None:
    """Show an instance's provenance, what becomes of its disks when it is deleted, and what changed lately."""
    told = _call("GET", customer, region, f"instances/{_plain(instance)}")
    if as_json:
        emit(told)
        return
    times = {name: _when(told[name]) for name in ("since", "stale_since", "silent_since")}
    unknown = {"disks": "not known until its host tells of them"} if told["disks"] is None else {}
    shown = {**told, **times, **unknown}
    details([(name, value) for name, value in shown.items() if not isinstance(value, list)])
    if not unknown:
        disks = [(one["target"], one["path"], one["volume"], one["fate"], one["reason"]) for one in told["disks"]]
        table(("Disk", "Path", "Volume", "When it is deleted", "Reason"), disks)
    _print_trail(told["trail"])


@app.command("diff")
def diff(customer: Customer, region: Region, as_json: AsJson = False) -> None:
    """Show where OpenStack and the ground differ now, and what is going to be done about it."""
    items = _call("GET", customer, region, "diff")["items"]
    if as_json:
        emit(items)
        return
    rows = [
        (
            one["host"],
            one["object"],
            one["action"],
            one["field"],
            _short(one.get("before")),
            _short(one.get("after")),
            one["note"],
        )
        for one in items
    ]
    table(("Host", "What", "Action", "Field", "Before", "After", "Note"), rows)


@app.command("accept")
def accept(
    customer: Customer,
    region: Region,
    instance: Instance,
    project: Annotated[str | None, typer.Option(help="Give it to this project, by name or identifier.")] = None,
    as_json: AsJson = False,
) -> None:
    """Believe that a virtual machine has gone; take in one that was left out; or give one to a project."""
    body = None if project is None else {"project": project}
    _done(_call("POST", customer, region, f"instances/{_plain(instance)}/accept", body), as_json)


@app.command("unmanage")
def unmanage(customer: Customer, region: Region, instance: Instance, as_json: AsJson = False) -> None:
    """Take an instance out of OpenStack; its virtual machine runs on."""
    _done(_call("POST", customer, region, f"instances/{_plain(instance)}/unmanage"), as_json)


@app.command("revert")
def revert(
    customer: Customer,
    region: Region,
    number: Annotated[int, typer.Argument(metavar="NO", help="Number of the entry (aloft sync log).")],
    as_json: AsJson = False,
) -> None:
    """Put back what a change replaced, or a change that did not hold against a later one."""
    _done(_call("POST", customer, region, f"trail/{number}/revert"), as_json)


@app.command("rebuild")
def rebuild(customer: Customer, region: Region, yes: Yes = False, wait: Wait = True, as_json: AsJson = False) -> None:
    """Make a region's lost Nova, Neutron and Placement databases anew, without a backup, from what is on the ground.

    Virtual machines run on. Instances come back as their hosts tell of them: see `aloft sync rebuilt`.
    """
    confirm(yes, f"Throw away what is left of Nova's, Neutron's and Placement's databases of {customer}/{region}?")
    client = connect()
    done = client.call("POST", f"/v1/customers/{customer}/regions/{region}/rebuild")
    follow(client, done["operation"], wait, as_json)


@app.command("rebuilt")
def rebuilt(customer: Customer, region: Region, as_json: AsJson = False) -> None:
    """Show what came back after the databases were lost, what is still missing, and what could not be rebuilt."""
    told = _call("GET", customer, region, "rebuilt")
    if as_json:
        emit(told)
        return
    details([("at", _when(told["at"])), *told["rebuilt"].items()])
    if told["missing"]:
        columns = ("name", "uuid", "host", "reason")
        table([name.capitalize() for name in columns], [[one[name] for name in columns] for one in told["missing"]])
    table(("Kind", "Which", "Lost"), [(one["kind"], one["which"], one["what"]) for one in told["lost"]])


@app.command("rules")
def rules(
    customer: Customer,
    region: Region,
    file: Replace = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Show or replace the ordered rules that say whose a virtual machine is."""
    if dry_run:
        _try("rules", customer, region, file, as_json)
        return
    items = _policy("rules", customer, region, file)
    if as_json:
        emit(items)
        return
    fields = ("project", "host", "aggregate", "name", "metadata", "pool", "network")
    rows = [(number, *(one.get(field) for field in fields)) for number, one in enumerate(items, 1)]
    table(("No", *(field.capitalize() for field in fields)), rows)


@app.command("exclusions")
def exclusions(
    customer: Customer, region: Region, file: Replace = None, dry_run: DryRun = False, as_json: AsJson = False
) -> None:
    """Show or replace what is kept out of OpenStack."""
    if dry_run:
        _try("exclusions", customer, region, file, as_json)
        return
    items = _policy("exclusions", customer, region, file)
    if as_json:
        emit(items)
        return
    table(("Kind", "Pattern", "Host"), [(one["kind"], one["pattern"], one.get("host", "*")) for one in items])


@app.command("settings")
def settings(
    customer: Customer,
    region: Region,
    values: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="Change a setting; may be repeated.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show or change how careful sync is: the time of grace, the share of machines that may go at once."""
    if values:
        told = _call("PUT", customer, region, "settings", dict(_setting(one) for one in values))
    else:
        told = _call("GET", customer, region, "settings")
    if as_json:
        emit(told)
        return
    details(list(told.items()))


def _call(
    method: str,
    customer: str,
    region: str,
    path: str,
    body: dict[str, Any] | None = None,
    params: dict[str, Any] | None = None,
) -> Any:
    return connect().call(method, f"/v1/customers/{customer}/regions/{region}/sync/{path}", body, params)


def _policy(name: str, customer: str, region: str, file: Path | None) -> list[dict[str, Any]]:
    if file is None:
        return list(_call("GET", customer, region, name)["items"])
    return list(_call("PUT", customer, region, name, {"items": _listed(file)})["items"])


def _try(name: str, customer: str, region: str, file: Path | None, as_json: bool) -> None:
    """Show what rules or exclusions would make of each virtual machine, and what it is now."""
    items = _call("POST", customer, region, "rules/try", {} if file is None else {name: _listed(file)})["items"]
    if as_json:
        emit(items)
        return
    rows = [
        (
            one["name"],
            one["uuid"],
            one["host"],
            *((one["now"] or {}).get(part) for part in ("standing", "project")),
            *(one[part] for part in ("standing", "project", "reason")),
        )
        for one in items
    ]
    table(("Name", "UUID", "Host", "Standing now", "Project now", "Standing then", "Project then", "Reason"), rows)


def _listed(file: Path) -> list[Any]:
    """The list in a JSON file.

    Raises:
        InvalidInput: it cannot be read, or is not a list.
    """
    try:
        told = json.loads(sys.stdin.read() if str(file) == "-" else file.read_text())
    except (OSError, ValueError) as error:
        raise InvalidInput(f"{file} cannot be read as JSON: {error}.", "Give a file with a JSON list.") from error
    if not isinstance(told, list):
        raise InvalidInput(f"{file} is not a JSON list.")
    return told


def _setting(text: str) -> tuple[str, Any]:
    name, sign, value = text.partition("=")
    if not sign:
        raise InvalidInput(f"'{text}' sets nothing.", "Write NAME=VALUE.")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _done(told: dict[str, Any], as_json: bool) -> None:
    if as_json:
        emit(told)
    else:
        details(list(told.items()))


def _plain(instance: str) -> str:
    if not instance.replace("-", "").isalnum():
        raise InvalidInput(f"'{instance}' is not a UUID.", "See `aloft sync list`.")
    return instance


def _when(at: float | None) -> str:
    return moment(None if at is None else datetime.datetime.fromtimestamp(at, datetime.UTC).isoformat())


def _short(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value)[:80]
