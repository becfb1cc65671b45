"""The command that measures: ``aloft bench``."""

import sys
import time
from statistics import median
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aloft.base.paths import Paths
from aloft.bench import BENCHES
from aloft.cli.output import emit, table

if TYPE_CHECKING:
    from aloft.bench.report import Figure, Report

VERDICTS = {True: "ok", False: "missed", None: "-"}


def bench(
    name: Annotated[str, typer.Argument(metavar="|".join(BENCHES), help="Which one.")],
    runs: Annotated[int | None, typer.Option(min=1, help="How often to repeat; its own number when left out.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Measure this installation against a baseline in the same run; the exit code is 1 when a target is missed."""
    from aloft.bench.runner import measure

    began = time.monotonic()

    def tell(line: str) -> None:
        sys.stderr.write(f"{time.monotonic() - began:6.1f} s  {line}\n")

    report, about = measure(name, runs, Paths.from_environment(), tell)
    if as_json:
        emit(report.told(about))
    else:
        _show(report, about)
    if not report.ok:
        raise typer.Exit(1)


def register(app: typer.Typer) -> None:
    """Add the command to an application."""
    app.command()(bench)


def _show(report: "Report", about: dict[str, Any]) -> None:
    headings = ("Figure", "Value", "Min/median/max", "Baseline", "Ratio", "Target", "")
    table(headings, [_row(figure) for figure in report.figures])
    for title, rows in report.details.items():
        table((title.replace("_", " ").capitalize(), "Value"), [(name, _number(value)) for name, value in rows.items()])
    for note in report.notes:
        typer.echo(note)
    typer.echo(", ".join(f"{key} {value}" for key, value in about.items()))


def _row(figure: "Figure") -> tuple[object, ...]:
    runs = figure.runs
    spread = "/".join(f"{one:.3g}" for one in (min(runs), median(runs), max(runs))) if runs else None
    return (
        figure.name,
        f"{_number(figure.value)} {figure.unit}",
        f"{spread} of {len(runs)}" if runs else None,
        _number(figure.baseline),
        _number(figure.ratio),
        _target(figure),
        VERDICTS[figure.ok],
    )


def _target(figure: "Figure") -> str | None:
    if figure.target is None:
        return None
    sign = "≥" if figure.wanted == "least" else "≤"
    return f"{sign} {figure.target:g}" + (" ratio" if figure.wanted == "ratio" else "")


def _number(value: float | None) -> str | None:
    return None if value is None else f"{value:.4g}"
