"""What the record commands print."""

import pytest

from aloft.cli import output


def test_times_and_durations() -> None:
    assert output.moment(None) == "-"
    assert output.elapsed(None, None) == "-"
    assert output.elapsed("2026-01-01T00:00:00+00:00", "2026-01-01T00:00:02.340000+00:00") == "2.3 s"


def test_what_a_customer_wrote_is_not_taken_for_markup(capsys: pytest.CaptureFixture[str]) -> None:
    output.table(("Name", "State"), [("[red]x[/]", "ready"), (None, "[/nonsense]")])
    printed = capsys.readouterr().out
    assert "[red]x[/]" in printed
    assert "[/nonsense]" in printed


def test_an_empty_table_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    output.table(("Name",), [])
    assert capsys.readouterr().out == "none\n"


def test_json_is_json(capsys: pytest.CaptureFixture[str]) -> None:
    output.emit({"name": "é"})
    assert capsys.readouterr().out == '{\n  "name": "é"\n}\n'
