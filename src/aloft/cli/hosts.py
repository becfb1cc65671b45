"""The commands on hosts."""

import sys
from typing import Annotated, Any

import typer

from aloft.base.errors import InvalidInput
from aloft.cli import host_tokens
from aloft.cli.client import connect
from aloft.cli.output import details, emit, follow, moment, table

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="Wait until the operation has ended.")]
Customer = Annotated[str, typer.Argument(metavar="CUSTOMER", help="Name of the customer.")]
Region = Annotated[str, typer.Argument(metavar="REGION", help="Name of the region.")]
Host = Annotated[str, typer.Argument(help="Name of the host.")]
Roles = Annotated[
    list[str] | None,
    typer.Option("--role", help="hypervisor, network, image-library; may be repeated."),
]
Instances = Annotated[
    str | None, typer.Option(metavar="keep|migrate|delete", help="What shall become of the instances on the host.")
]

app = typer.Typer(help="Customers' machines that run the agent.", no_args_is_help=True)
app.add_typer(host_tokens.app, name="token")


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
        (
            one["customer"],
            one["region"],
            one["name"],
            ", ".join(one["roles"]),
            one["state"],
            "drained" if one["drained"] else "",
            moment(one["since"]),
            moment(one["reported"]),
        )
        for one in items
    ]
    table(("Customer", "Region", "Host", "Roles", "State", "", "Since", "Reported"), rows)


@app.command("show")
def show_host(customer: Customer, region: Region, host: Host, as_json: AsJson = False) -> None:
    """Show a host: its state, what it is doing, its roles, what it is and what it lacks."""
    told = connect().call("GET", _path(customer, region, host))
    if as_json:
        emit(told)
    else:
        _show(told)


@app.command("watch")
def watch_host(customer: Customer, region: Region, host: Host, as_json: AsJson = False) -> None:
    """Follow a host: a line for each change of its state or of what it is doing, until it is gone or you stop it."""
    last = ""
    for told in connect().follow(f"{_path(customer, region, host)}/watch"):
        if as_json:
            emit(told)
            continue
        line = _line(told)
        if line != last:
            typer.echo(f"{moment(told['since'])}  {line}")
            last = line


@app.command("history")
def show_history(
    customer: Customer,
    region: Region,
    host: Host,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List the states that a host was in, newest first."""
    items = connect().items(f"{_path(customer, region, host)}/history", {"limit": limit})
    if as_json:
        emit(items)
        return
    table(
        ("At", "State", "Before", "Why", "Remedy"),
        [(moment(one["at"]), one["state"], one["before"], one["detail"], one["remedy"]) for one in items],
    )


@app.command("authorise")
def authorise(
    customer: Customer,
    region: Region,
    host: Host,
    role: Roles = None,
    instances: Instances = None,
    wait: Wait = True,
    as_json: AsJson = False,
) -> None:
    """Authorise exactly these roles; the agent brings them about and removes others."""
    from aloft.plane.names import check_roles

    _authorise((customer, region, host), check_roles(role or []), instances, wait, as_json)


@app.command("deauthorise")
def deauthorise(
    customer: Customer,
    region: Region,
    host: Host,
    instances: Instances = None,
    wait: Wait = True,
    as_json: AsJson = False,
) -> None:
    """Take all roles away: the agent removes what it put there and leaves what it found; the host stays known."""
    _authorise((customer, region, host), [], instances, wait, as_json)


@app.command("drain")
def drain(
    customer: Customer,
    region: Region,
    host: Host,
    migrate: Annotated[
        bool, typer.Option("--migrate", help="Move the instances that are there, cold or live.")
    ] = False,
    wait: Wait = True,
    as_json: AsJson = False,
) -> None:
    """Let no new instances come to a host; list those that must move, or move them."""
    client = connect()
    path = _path(customer, region, host)
    follow(client, client.call("POST", f"{path}/drain", {"migrate": migrate})["operation"], wait, as_json)
    if as_json or not wait:
        return
    left = client.items(f"{path}/instances")
    table(("Instance", "Name", "Status"), [(one["id"], one["name"], one["status"]) for one in left])


@app.command("resume")
def resume(customer: Customer, region: Region, host: Host, wait: Wait = True, as_json: AsJson = False) -> None:
    """Let new instances come to a drained host again."""
    client = connect()
    follow(client, client.call("POST", f"{_path(customer, region, host)}/resume")["operation"], wait, as_json)


@app.command("retry")
def retry(customer: Customer, region: Region, host: Host, wait: Wait = True, as_json: AsJson = False) -> None:
    """Have a host's agent try again at once what it has given up, such as a change of its network that cut it off."""
    client = connect()
    follow(client, client.call("POST", f"{_path(customer, region, host)}/retry")["operation"], wait, as_json)


@app.command("rollout")
def show_rollout(
    customer: Customer,
    region: Region,
    retry: Annotated[bool, typer.Option("--retry", help="Let a rollout that halted go on.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show how a region's hosts come to the software that they shall run: one at a time, back when it fails."""
    path = f"/v1/customers/{customer}/regions/{region}/rollout"
    told = connect().call("POST", f"{path}/retry") if retry else connect().call("GET", path)
    if as_json:
        emit(told)
        return
    details((("OpenStack", told["release"]), *told["packages"].items(), ("halted", told["halted"])))
    rows = [(one["name"], one["progress"], one["release"], one["reason"]) for one in told["hosts"]]
    table(("Host", "Progress", "Release", "Reason"), rows)


@app.command("delete")
def delete_host(
    customer: Customer,
    region: Region,
    host: Host,
    instances: Instances = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    wait: Wait = True,
    as_json: AsJson = False,
) -> None:
    """Remove a host: its roles go, then its certificate and logins become worthless, then its record goes."""
    client = connect()
    client.call("GET", _path(customer, region, host))
    confirm(yes, f"Detach host {host} from {customer}/{region}?")
    query = {"instances": check_fate(instances)}
    told = client.call("DELETE", _path(customer, region, host), params=query)
    follow(client, told["operation"], wait, as_json)


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


def check_fate(instances: str | None) -> str | None:
    """What shall become of instances, as the plane takes it.

    Raises:
        InvalidInput: it is none of the three.
    """
    if instances not in (None, "keep", "migrate", "delete"):
        raise InvalidInput(f"--instances {instances!r} is not understood.", "Choose keep, migrate or delete.")
    return instances


def _authorise(
    address: tuple[str, str, str], roles: list[str], instances: str | None, wait: bool, as_json: bool
) -> None:
    client = connect()
    body = {"roles": roles, "instances": check_fate(instances)}
    told = client.call("PUT", f"{_path(*address)}/roles", body)
    if not as_json and "network" in roles and len(roles) > 1:
        from aloft.plane.hosts import ALONE

        typer.secho(ALONE, fg="yellow", err=True)
    follow(client, told["operation"], wait, as_json)


def _show(told: dict[str, Any]) -> None:
    facts, software = told["facts"], told["software"]
    details(
        (
            ("host", f"{told['customer']}/{told['region']}/{told['name']}"),
            ("state", told["state"]),
            ("since", moment(told["since"])),
            *((("doing", _doing(told)),) if told["step"] else ()),
            *((("reason", told["reason"]), ("remedy", told["remedy"])) if told["reason"] else ()),
            *((("drained", "no new instances come to it"),) if told["drained"] else ()),
            *(("warning", text) for text in told["warnings"]),
            ("machine", _machine(facts)),
            ("OpenStack", software["release"]),
            ("packages", _software(software)),
            ("generation", f"{told['reported_generation']} of {told['generation']}"),
            ("attached", moment(told["created"])),
            ("reported", moment(told["reported"])),
        )
    )
    reports = {role: told["report"].get(role, {}) for role in told["roles"]}
    rows = [
        (role, t.get("state"), t.get("step"), _share(t.get("done")), t.get("reason"), t.get("remedy"))
        for role, t in reports.items()
    ]
    table(("Role", "State", "Step", "Done", "Reason", "Remedy"), rows)
    fit = [(role, lack["reason"], lack["remedy"]) for role, lacks in told["lacks"].items() for lack in lacks]
    if fit:
        table(("Role", "Lacks", "Remedy"), fit)


def _machine(facts: dict[str, Any]) -> str:
    parts: tuple[str | None, ...] = (
        facts.get("distribution_name"),
        facts.get("kernel") and f"Linux {facts['kernel']}",
        facts.get("cpus") and f"{facts['cpus']} processors",
        facts.get("memory_mib") and f"{facts['memory_mib']} MiB memory",
        facts.get("disks") and f"{len(facts['disks'])} disks",
        facts.get("cards") and "network cards " + ", ".join(card["name"] for card in facts["cards"]),
    )
    return ", ".join(part for part in parts if part)


def _software(software: dict[str, dict[str, str]]) -> str:
    """The builds that run, and those that shall run where they are others."""
    running, wanted = software["running"], software["wanted"]
    parts = []
    for name in sorted({*running, *wanted}):
        now, then = running.get(name, "none"), wanted.get(name, "")
        parts.append(f"{name} {now}" + (f" (shall be {then})" if then not in ("", now) else ""))
    return ", ".join(parts)


def _doing(told: dict[str, Any]) -> str:
    return f"{told['step']} ({_share(told['done'])})" if told["done"] is not None else str(told["step"])


def _share(done: float | None) -> str:
    return "" if done is None else f"{done:.0%}"


def _line(told: dict[str, Any]) -> str:
    parts = (told["state"], _doing(told) if told["step"] else "", told["reason"], told["remedy"])
    return "  ".join(part for part in parts if part)


def _path(customer: str, region: str, host: str) -> str:
    return f"/v1/customers/{customer}/regions/{region}/hosts/{host}"
