"""The command line as a whole: help, version, errors and exit codes."""

import pytest
from typer.testing import CliRunner

from aloft.base.errors import InvalidInput, PermanentError
from aloft.cli import main

RUN = CliRunner()


@pytest.mark.parametrize("command", ["up", "down", "destroy", "doctor", "test"])
def test_every_command_explains_itself(command: str) -> None:
    result = RUN.invoke(main.app, [command, "--help"])
    assert result.exit_code == 0
    assert "Usage" in result.output


def test_the_version_is_told() -> None:
    result = RUN.invoke(main.app, ["--version"])
    assert result.exit_code == 0
    assert result.output.strip()


@pytest.mark.parametrize(
    ("error", "code"), [(InvalidInput("Wrong.", "Do it right."), 2), (PermanentError("Broken.", "Mend it."), 1)]
)
def test_an_error_is_a_message_a_remedy_and_an_exit_code(
    error: Exception, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise error

    monkeypatch.setattr(main, "app", fail)
    with pytest.raises(SystemExit) as caught:
        main.main()
    assert caught.value.code == code
    shown = capsys.readouterr().err
    assert str(error).split(".")[0] in shown
    assert "→" in shown


def test_roles_that_do_not_exist_are_refused() -> None:
    result = RUN.invoke(main.app, ["up", "--roles", "butler"])
    assert result.exit_code != 0
