"""Running programs: what lands in the log, and what an error tells."""

from pathlib import Path

import pytest

from aloft.base.invoke import CommandFailed, CommandStalled, answer, invoke, succeeds, tail


def test_output_is_returned_and_logged_with_the_command(tmp_path: Path) -> None:
    log = tmp_path / "deep/up.log"
    assert invoke(["sh", "-c", "echo out; echo err >&2"], log=log, timeout=30) == "out\nerr\n"
    assert "$ sh -c echo out" in log.read_text()
    assert "out\nerr\n" in log.read_text()


def test_a_failure_tells_the_end_of_the_output_and_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(CommandFailed) as caught:
        invoke(["sh", "-c", "echo the disk is full; exit 3"], log=tmp_path / "log", timeout=30, remedy="Free some.")
    assert "ended with code 3" in caught.value.message
    assert "the disk is full" in caught.value.message
    assert caught.value.remedy == "Free some."


def test_a_program_that_is_not_there_is_explained(tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match="could not be started"):
        invoke(["/nowhere/program"], log=tmp_path / "log", timeout=30)


def test_a_program_that_hangs_is_ended_with_its_children(tmp_path: Path) -> None:
    with pytest.raises(CommandStalled):
        invoke(["sh", "-c", "sleep 600 & wait"], log=tmp_path / "log", timeout=0.2)


def test_standard_input_is_passed(tmp_path: Path) -> None:
    assert invoke(["cat"], log=tmp_path / "log", timeout=30, stdin="hello") == "hello"
    assert "hello" in (tmp_path / "log").read_text()


def test_questions_to_the_machine() -> None:
    assert succeeds(["true"])
    assert not succeeds(["false"])
    assert not succeeds(["/nowhere"])
    assert answer(["echo", "x"]) == "x\n"
    assert answer(["false"]) == ""


def test_the_tail_leaves_out_empty_lines() -> None:
    assert tail(["a\n", "\n", "b\n", "c\n"], 2) == "\n    b\n    c\n"
    assert tail([]) == ""
