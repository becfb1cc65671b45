"""Steps: what is shown, what is logged, what an error says, and that only one command changes a machine."""

import io
from pathlib import Path

import pytest

from aloft.base.errors import Conflict, PermanentError
from aloft.install.steps import Plain, Step, StepFailed, carry_out, only_one, together


def fail() -> str:
    raise PermanentError("The disk is full.", "Free some space.")


def no_file() -> str:
    return Path("/nowhere/at/all").read_text()


def test_steps_run_in_order_and_are_shown_with_their_outcome(tmp_path: Path) -> None:
    out = io.StringIO()
    steps = [Step("First", lambda: "made 2"), Step("Second", lambda: "")]
    carry_out(steps, Plain(out), tmp_path / "log")
    first, second = out.getvalue().splitlines()
    assert first.startswith("ok")
    assert first.endswith("First: made 2")
    assert second.endswith("Second")
    assert "done: First: made 2" in (tmp_path / "log").read_text()


def test_a_failure_says_which_step_why_and_how_to_go_on(tmp_path: Path) -> None:
    out = io.StringIO()
    reached: list[str] = []
    steps = [Step("Install packages", fail), Step("After", lambda: str(reached.append("x")))]
    with pytest.raises(StepFailed) as caught:
        carry_out(steps, Plain(out), tmp_path / "log")
    assert "Install packages" in caught.value.message
    assert "The disk is full." in caught.value.message
    assert "Free some space." in caught.value.remedy
    assert str(tmp_path / "log") in caught.value.remedy
    assert out.getvalue().startswith("FAILED")
    assert not reached


def test_an_error_of_the_system_is_explained_as_well(tmp_path: Path) -> None:
    with pytest.raises(StepFailed, match="No such file"):
        carry_out([Step("Read", no_file)], Plain(io.StringIO()), tmp_path / "log")


def test_two_commands_do_not_change_a_machine_at_once(tmp_path: Path) -> None:
    lock = tmp_path / "run/aloft.lock"
    with only_one(lock, "up"), pytest.raises(Conflict, match="aloft up"), only_one(lock, "down"):
        pass
    with only_one(lock, "down"):
        pass


def test_steps_at_once_tell_every_outcome() -> None:
    run = together(Step("packages", lambda: "are there"), Step("2026.2", lambda: "was made"))
    assert run() == "packages: are there; 2026.2: was made"


def test_steps_at_once_fail_when_one_does_and_let_the_other_end() -> None:
    ended: list[str] = []
    run = together(Step("packages", fail), Step("2026.2", lambda: ended.append("x") or "was made"))
    with pytest.raises(PermanentError, match="disk is full"):
        run()
    assert ended == ["x"]
