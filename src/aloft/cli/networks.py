"""The commands on a region's network template."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from aloft.base.errors import InvalidInput
from aloft.cli.client import connect
from aloft.cli.output import emit, follow, table

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="Wait until the operation has ended.")]
Customer = Annotated[str, typer.Argument(metavar="CUSTOMER", help="Name of the customer.")]
Region = Annotated[str, typer.Argument(metavar="REGION", help="Name of the region.")]
Json = dict[str, Any]

app = typer.Typer(help="Which networks a region's hosts carry, and on what.", no_args_is_help=True)


@app.command("show")
def show_template(customer: Customer, region: Region, as_json: AsJson = False) -> None:
    """Show a region's network template."""
    told = connect().call("GET", _path(customer, region))
    if as_json:
        emit(told)
        return
    rows = [row for name, network in told["physical_networks"].items() for row in _rows(name, network)]
    table(("Physical network", "Host", "Flat", "VLANs", "Bridge", "Interface", "MTU"), rows)
    overlay = told["overlay"]
    ends = [("all", overlay["interface"] or "that of the default route", "")]
    ends += [(host, end["interface"], end["address"]) for host, end in overlay["hosts"].items()]
    typer.echo(f"Overlay: {overlay['type']}, MTU {overlay['mtu']}")
    table(("Host", "Overlay's interface", "Address"), ends)


@app.command("set")
def set_template(
    customer: Customer,
    region: Region,
    file: Annotated[
        str | None,
        typer.Option(help="The whole template as YAML or JSON; - for standard input. Other options go on top."),
    ] = None,
    physical: Annotated[str | None, typer.Option(help="The physical network that the next options are about.")] = None,
    flat: Annotated[bool | None, typer.Option("--flat/--no-flat", help="Whether it can be used untagged.")] = None,
    vlans: Annotated[str | None, typer.Option(help="Its VLANs, such as 100-199,300; empty for none.")] = None,
    bridge: Annotated[str | None, typer.Option(help="The bridge on the hosts.")] = None,
    interface: Annotated[str | None, typer.Option(help="The network card that becomes part of the bridge.")] = None,
    on_host: Annotated[
        list[str] | None,
        typer.Option(
            "--on", metavar="HOST:CARD", help="Another network card on one host; - for none; may be repeated."
        ),
    ] = None,
    remove: Annotated[list[str] | None, typer.Option(help="Take a physical network out; may be repeated.")] = None,
    overlay: Annotated[str | None, typer.Option(metavar="geneve|vxlan", help="How project networks travel.")] = None,
    overlay_interface: Annotated[str | None, typer.Option(help="The network card that the overlay uses.")] = None,
    mtu: Annotated[int | None, typer.Option(help="MTU of the network that the overlay uses.")] = None,
    wait: Wait = True,
    as_json: AsJson = False,
) -> None:
    """Change a region's network template; what is not named stays."""
    client = connect()
    template: Json = client.call("GET", _path(customer, region)) if file is None else _read(file)
    networks = template.setdefault("physical_networks", {})
    for name in remove or ():
        if networks.pop(name, None) is None:
            raise InvalidInput(f"The template has no physical network {name!r}.", "`aloft network-template show`.")
    given = {"flat": flat, "vlans": _vlans(vlans), "bridge": bridge, "interface": interface}
    chosen = {key: value for key, value in given.items() if value is not None}
    if (chosen or on_host) and physical is None:
        raise InvalidInput("It is not said which physical network is meant.", "Name it with --physical NAME.")
    if physical is not None:
        network = networks.setdefault(physical, {})
        network.update(chosen)
        for text in on_host or ():
            host, _, card = text.partition(":")
            network.setdefault("hosts", {})[host] = {"absent": True} if card == "-" else {"interface": card or None}
    changed = {"type": overlay, "interface": overlay_interface, "mtu": mtu}
    template.setdefault("overlay", {}).update({key: value for key, value in changed.items() if value is not None})
    follow(client, client.call("PUT", _path(customer, region), template)["operation"], wait, as_json)


def _rows(name: str, network: Json) -> list[tuple[object, ...]]:
    flat = "yes" if network["flat"] else "no"
    vlans = ", ".join(network["vlans"])
    rows: list[tuple[object, ...]] = [
        (name, "all", flat, vlans, network["bridge"], network["interface"], network["mtu"])
    ]
    for host, own in network["hosts"].items():
        place = ("none", "none") if own["absent"] else (own["bridge"], own["interface"])
        rows.append((name, host, "", "", *place, ""))
    return rows


def _vlans(text: str | None) -> list[str] | None:
    return None if text is None else [part.strip() for part in text.split(",") if part.strip()]


def _read(file: str) -> Json:
    """A template from a file.

    Raises:
        InvalidInput: it cannot be read, or is no mapping.
    """
    try:
        told = yaml.safe_load(sys.stdin.read() if file == "-" else Path(file).read_text())
    except (OSError, yaml.YAMLError) as error:
        raise InvalidInput(f"The template cannot be read from {file}: {error}.", "Give a YAML or JSON file.") from error
    if not isinstance(told, dict):
        raise InvalidInput(f"{file} holds no template.", "`aloft network-template show --json` prints one.")
    return told


def _path(customer: str, region: str) -> str:
    return f"/v1/customers/{customer}/regions/{region}/network-template"
