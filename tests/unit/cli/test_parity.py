"""What people can do at the command line is told beside what does the same in the portal."""

import re
from collections.abc import Iterator
from pathlib import Path

import typer
from typer.core import TyperGroup

from aloft.cli import main

TOLD = Path(__file__).parents[3] / "docs/use/portal-and-cli.md"


def commands(group: TyperGroup, before: str = "") -> Iterator[str]:
    """Everything that can be called, in words."""
    for name, command in group.commands.items():
        words = f"{before}{name}"
        if not isinstance(command, TyperGroup):
            yield words
            continue
        if command.invoke_without_command:
            yield words
        yield from commands(command, f"{words} ")


def test_every_command_is_told_with_what_does_the_same_in_the_portal() -> None:
    rows = [line.split("|") for line in TOLD.read_text().splitlines() if line.startswith("| `")]
    told = [name for row in rows for name in re.findall(r"`([^`…]+)`", row[1])]
    group = typer.main.get_command(main.app)
    assert isinstance(group, TyperGroup)
    assert sorted(told) == sorted(commands(group))
