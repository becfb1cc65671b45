"""What the record commands print: tables or JSON on standard output, progress on standard error."""

import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

from aloft.base.errors import AloftError
from aloft.cli.client import PlaneClient

if TYPE_CHECKING:
    from rich.table import Table

Json = dict[str, Any]

MARKS = {"pending": "[dim]·[/]", "running": "[cyan]…[/]", "done": "[green]✓[/]", "failed": "[red]✗[/]"}
COLOURS = {
    **dict.fromkeys(("ready", "active", "ok", "succeeded", "up", "done"), "green"),
    **dict.fromkeys(("failed", "down", "crash-loop", "missing", "refused"), "red"),
    **dict.fromkeys(("degraded", "building", "creating", "running", "converging", "deleting", "backoff"), "yellow"),
}


class OperationFailed(AloftError):
    """The operation that a command waited for did not succeed; message and remedy are its own."""


def emit(thing: Any) -> None:
    """Print JSON."""
    sys.stdout.write(json.dumps(thing, indent=2, ensure_ascii=False) + "\n")


def table(headings: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table; states have their colours."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    shown = Table(*headings, box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False)
    for row in rows:
        shown.add_row(*(_coloured(cell) for cell in row))
    Console().print(shown if rows else "[dim]none[/]")


def details(pairs: Sequence[tuple[str, object]]) -> None:
    """Print one thing, a line for each of its properties."""
    from rich.console import Console
    from rich.table import Table

    shown = Table.grid(padding=(0, 2))
    for name, value in pairs:
        shown.add_row(f"[bold]{name}[/]", _coloured(value))
    Console().print(shown)


def moment(told: str | None) -> str:
    """A point in time as a person reads it, in their own time zone; a dash when there is none."""
    return "-" if told is None else datetime.fromisoformat(told).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def elapsed(started: str | None, ended: str | None) -> str:
    """Seconds between two points in time, to a tenth; up to now when it has not ended."""
    if started is None:
        return "-"
    end = datetime.fromisoformat(ended).timestamp() if ended else time.time()
    return f"{max(0.0, end - datetime.fromisoformat(started).timestamp()):.1f} s"


def follow(client: PlaneClient, operation: Json, wait: bool, as_json: bool) -> None:
    """Show an operation: with ``wait`` until it has ended, else only that it has begun.

    Raises:
        OperationFailed: it failed or was cancelled.
    """
    if not wait:
        if as_json:
            emit(operation)
        else:
            sys.stdout.write(f"Begun: {title(operation)}. Watch it: aloft operation watch {operation['id']}\n")
        return
    with _progress() as show:
        for told in client.watch(operation["id"]):
            operation = told
            show(operation)
    if as_json:
        emit(operation)
    if operation["state"] != "succeeded":
        error = operation["error"] or {}
        raise OperationFailed(
            error.get("message") or f"The operation {title(operation)} {operation['state']}.", error.get("remedy", "")
        )


def see_given_up(client: PlaneClient, operation: Json, wait: bool, as_json: bool, too_late: str) -> None:
    """Show what became of an operation that was to be given up: ``too_late`` when it succeeded all the same."""
    told = [*client.watch(operation["id"])][-1] if wait else operation
    if as_json:
        emit(told)
    elif told["state"] == "succeeded":
        sys.stdout.write(f"{too_late}\n")
    else:
        sys.stdout.write(f"{(told['error'] or {}).get('message') or 'Asked for.'}\n")


def title(operation: Json) -> str:
    """An operation in words: ``customer.create demo``."""
    return f"{operation['kind']} {operation['subject']}"


@contextmanager
def _progress() -> Iterator[Callable[[Json], None]]:
    """Gives a function that shows an operation: live on a terminal, else a line for each step that ends."""
    if sys.stderr.isatty():
        with _live() as show:
            yield show
        return
    told: set[str] = set()

    def note(operation: Json) -> None:
        for step in operation["steps"]:
            if step["state"] in ("done", "failed") and step["name"] not in told:
                told.add(step["name"])
                sys.stderr.write(f"{step['state']:6} {step['name']} ({elapsed(step['started'], step['ended'])})\n")
        if operation["ended"]:
            sys.stderr.write(f"{title(operation)}: {operation['state']} ({_duration(operation)})\n")

    yield note


@contextmanager
def _live() -> Iterator[Callable[[Json], None]]:
    from rich.console import Console
    from rich.live import Live

    shown: Json = {}

    def render() -> "Table | str":
        return _steps(shown) if shown else ""

    with Live(get_renderable=render, console=Console(stderr=True), refresh_per_second=8) as live:

        def show(operation: Json) -> None:
            shown.update(operation)
            live.refresh()

        yield show


def _steps(operation: Json) -> "Table":
    from rich.table import Table

    shown = Table.grid(padding=(0, 1))
    colour = COLOURS.get(operation["state"], "white")
    shown.add_row("", f"[bold]{title(operation)}[/]", f"[{colour}]{operation['state']}[/]", _duration(operation))
    for step in operation["steps"]:
        spent = elapsed(step["started"], step["ended"]) if step["started"] else ""
        shown.add_row(MARKS[step["state"]], step["name"], f"[dim]{step['detail']}[/]", spent)
    return shown


def _duration(operation: Json) -> str:
    return elapsed(operation["created"], operation["ended"])


def _coloured(value: object) -> str:
    text = "-" if value in (None, "") else str(value)
    from rich.markup import escape

    return f"[{COLOURS[text]}]{text}[/]" if text in COLOURS else escape(text)
