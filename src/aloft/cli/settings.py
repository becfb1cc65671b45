"""The commands by which a customer's administrator sets things without asking anybody, and the provider's bounds."""

import re
from typing import Annotated, Any

import typer

from aloft.base.errors import InvalidInput
from aloft.cli.client import connect
from aloft.cli.output import Json, details, emit, follow, moment

ANY = "any"
_WINDOW = re.compile(r"(?:(?P<days>[a-z]{3}(?:,[a-z]{3})*) )?(?P<at>\d\d:\d\d) (?P<hours>\d{1,2})h")

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Customer = Annotated[str, typer.Argument(metavar="CUSTOMER", help="Name of the customer.")]


def register(group: typer.Typer) -> None:
    """Add the commands to the group about customers."""
    group.command("settings")(settings)
    group.command("confirm")(confirm)
    group.command("allow")(allow)


def settings(
    customer: Customer,
    service: Annotated[
        list[str] | None, typer.Option("--service", help="Optional service on or off: cinder=off; may be repeated.")
    ] = None,
    portal_network: Annotated[
        list[str] | None, typer.Option(help="From where the portal may be opened (CIDR, or any); may be repeated.")
    ] = None,
    api_network: Annotated[
        list[str] | None, typer.Option(help="From where APIs may be called (CIDR, or any); may be repeated.")
    ] = None,
    link_network: Annotated[
        list[str] | None, typer.Option(help="From where hosts may come (CIDR, or any); may be repeated.")
    ] = None,
    confirm_within: Annotated[
        int, typer.Option(min=5, max=3600, help="Seconds in which networks must be confirmed, or they hold no more.")
    ] = 120,
    backup_at: Annotated[str | None, typer.Option(help="Time of the daily backup, such as 02:30, in UTC.")] = None,
    keep_days: Annotated[int | None, typer.Option(min=1, help="For how many days backups are kept.")] = None,
    window: Annotated[
        str | None, typer.Option(help="When maintenance may be noticed, in UTC: 'sat,sun 01:00 4h', or any.")
    ] = None,
    log_days: Annotated[
        int | None, typer.Option(min=0, help="For how many days logs are kept; 0 for as long as there is room.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show or change what a customer's administrator sets; what is changed holds at once.

    Networks have to be confirmed (aloft customer confirm): else the former ones hold again, and nobody is shut out.
    """
    client, path = connect(), f"/v1/customers/{customer}/settings"
    changes: Json = {}
    if service:
        changes["services"] = switches(service)
    networks = {"portal": portal_network, "api": api_network, "links": link_network}
    if access := {kind: _networks(given) for kind, given in networks.items() if given}:
        changes |= {"access": access, "confirm_within": confirm_within}
    backup = {name: value for name, value in (("at", backup_at), ("keep_days", keep_days)) if value is not None}
    if backup:
        changes["backup"] = backup
    if window is not None:
        changes["window"] = _window(window)
    if log_days is not None:
        changes["log_days"] = log_days
    if not changes:
        _show(client.call("GET", path), as_json)
        return
    answer = client.call("PATCH", path, changes)
    for operation in answer["operations"]:
        follow(client, operation, wait=True, as_json=False)
    _show(answer["settings"], as_json)


def confirm(
    customer: Customer,
    even_if_shut_out: Annotated[
        bool, typer.Option("--even-if-shut-out", help="Also if this machine cannot call the APIs any more.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Have networks that were set a moment ago hold for good."""
    path = f"/v1/customers/{customer}/settings/confirm"
    _show(connect().call("POST", path, {"even_if_shut_out": even_if_shut_out}), as_json)


def allow(
    customer: Customer,
    service: Annotated[
        list[str] | None, typer.Option("--service", help="An optional service; may be repeated; all when left out.")
    ] = None,
    access: Annotated[bool | None, typer.Option("--access/--no-access", help="Source networks.")] = None,
    keep_days: Annotated[int | None, typer.Option(min=1, max=3650, help="Longest time for backups.")] = None,
    log_days: Annotated[int | None, typer.Option(min=1, max=3650, help="Longest time for logs.")] = None,
    window_hours: Annotated[int | None, typer.Option(min=1, max=24, help="Shortest maintenance window.")] = None,
    as_json: AsJson = False,
) -> None:
    """Say, as the provider, what a customer's administrator may set."""
    client, path = connect(), f"/v1/customers/{customer}/settings"
    given = {"access": access, "keep_days": keep_days, "log_days": log_days, "window_hours": window_hours}
    bounds = client.call("GET", path)["bounds"]
    bounds |= {name: value for name, value in given.items() if value is not None}
    if service:
        bounds["services"] = service
    _show(client.call("PUT", f"{path}/bounds", bounds), as_json)


def _show(told: Json, as_json: bool) -> None:
    if as_json:
        emit(told)
        return
    window, backup, access = told["window"], told["backup"], told["access"]
    pairs: list[tuple[str, object]] = [("customer", told["customer"])]
    pairs += [
        (f"services of {region}", ", ".join(f"{name} {'on' if on else 'off'}" for name, on in services.items()))
        for region, services in told["services"].items()
    ]
    pairs += [
        ("portal from", ", ".join(access["portal"]) or ANY),
        ("APIs from", ", ".join(access["api"]) or ANY),
        ("hosts from", ", ".join(access["links"]) or ANY),
        ("backup", f"at {backup['at']} UTC, kept {backup['keep_days']} days" if backup["enabled"] else "off"),
        ("maintenance", f"{','.join(window['days'])} {window['at']} UTC {window['hours']}h" if window else "any time"),
        ("logs", f"{told['log_days']} days" if told["log_days"] else "as there is room"),
    ]
    if told["confirm_until"]:
        said = f"until {moment(told['confirm_until'])}: aloft customer confirm {told['customer']}"
        pairs.append(("not confirmed", said))
    details(pairs)


def switches(given: list[str]) -> dict[str, bool]:
    """Optional services by name, from ``name=on`` and ``name=off``.

    Raises:
        InvalidInput: something else is given.
    """
    chosen: dict[str, bool] = {}
    for text in given:
        name, _, switch = text.partition("=")
        if switch not in ("on", "off"):
            raise InvalidInput(f"--service {text!r} is not understood.", "Give it as cinder=on or cinder=off.")
        chosen[name] = switch == "on"
    return chosen


def _networks(given: list[str]) -> list[str]:
    return [] if given == [ANY] else given


def _window(text: str) -> dict[str, Any] | None:
    if text == ANY:
        return None
    found = _WINDOW.fullmatch(text)
    if found is None:
        raise InvalidInput(f"{text!r} is no maintenance window.", "Write it like 'sat,sun 01:00 4h', or any.")
    told: dict[str, Any] = {"at": found["at"], "hours": int(found["hours"])}
    return {**told, "days": found["days"].split(",")} if found["days"] else told
