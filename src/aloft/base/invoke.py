"""Runs other programs: their output goes into a log file, and the last lines of it into the error when they fail."""

import os
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path

from aloft.base import files
from aloft.base.errors import AloftError, TemporaryError

TAIL_LINES = 12


class CommandFailed(AloftError):
    """A program ended with an error; the message holds the end of what it printed."""


class CommandStalled(TemporaryError):
    """A program did not end in the time it was given, and was ended."""


def invoke(
    command: Sequence[str | Path],
    *,
    log: Path,
    timeout: float,
    remedy: str = "",
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdin: str | None = None,
) -> str:
    """Run a program to its end and return what it printed (standard output and error as one text).

    Args:
        command: argument vector; it is written to the log, so it must hold no secret.
        log: file that the command and its output are appended to, as they come.
        timeout: seconds until the program and its children are ended.
        remedy: what a person should do when it fails.
        env: variables set besides those of this process.
        cwd: working directory.
        stdin: text for its standard input.

    Raises:
        CommandFailed: it could not be started, or ended with an error.
        CommandStalled: it took longer than ``timeout``.
    """
    words = [str(word) for word in command]
    with files.journal(log) as journal:
        journal.write(f"{time.strftime('%H:%M:%S')} $ {' '.join(words)}\n")
        journal.flush()
        try:
            process = subprocess.Popen(
                words,
                stdin=subprocess.PIPE if stdin is not None else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                env={**os.environ, **(env or {})},
                cwd=cwd,
                start_new_session=True,
            )
        except OSError as error:
            raise CommandFailed(f"{words[0]} could not be started: {error.strerror or error}.", remedy) from error
        stalled = threading.Event()
        lines: list[str] = []
        timer = threading.Timer(timeout, _end, (process, stalled))
        timer.start()
        with process:
            try:
                if process.stdin is not None and stdin is not None:
                    process.stdin.write(stdin)
                    process.stdin.close()
                for line in process.stdout or ():
                    journal.write(line)
                    journal.flush()
                    lines.append(line)
                code = process.wait()
            except BaseException:
                _end(process, stalled)
                raise
            finally:
                timer.cancel()
    if stalled.is_set():
        raise CommandStalled(f"{_short(words)} did not end within {timeout:.0f} s.{tail(lines)}", remedy)
    if code != 0:
        raise CommandFailed(f"{_short(words)} ended with code {code}.{tail(lines)}", remedy)
    return "".join(lines)


def succeeds(command: Sequence[str | Path], timeout: float = 30) -> bool:
    """Whether a quick question to the machine is answered with yes (exit code 0)."""
    try:
        return (
            subprocess.run(
                [str(word) for word in command],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=timeout,
                check=False,
            ).returncode
            == 0
        )
    except (OSError, subprocess.TimeoutExpired):
        return False


def answer(command: Sequence[str | Path], timeout: float = 30) -> str:
    """Standard output of a quick question to the machine; empty when it cannot be asked or ends with an error."""
    try:
        result = subprocess.run(
            [str(word) for word in command],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return result.stdout if result.returncode == 0 else ""


def tail(lines: Sequence[str], count: int = TAIL_LINES) -> str:
    """The last ``count`` lines that hold anything, indented for an error message; empty when there are none."""
    last = deque((line.rstrip() for line in lines if line.strip()), maxlen=count)
    return "".join(f"\n    {line}" for line in last) + ("\n" if last else "")


def _short(words: Sequence[str]) -> str:
    """A command as an error names it: the program and its first arguments."""
    return " ".join([Path(words[0]).name, *words[1:4]]) + (" …" if len(words) > 4 else "")


def _end(process: "subprocess.Popen[str]", stalled: threading.Event) -> None:
    """End a program and the children in its session."""
    if process.poll() is None:
        stalled.set()
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return
