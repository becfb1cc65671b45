"""``aloft test``: every check that CI runs, one stage after another, with a summary at the end."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from aloft.base.errors import InvalidInput
from aloft.base.paths import Paths


@dataclass(frozen=True)
class Stage:
    """One check.

    Args:
        name: what the summary calls it.
        kind: what a person asks for: ``lint``, ``types``, ``unit``, ``integration``, ``journeys`` or ``machine``.
        command: argument vector, run in the checkout.
        vital: whether the stages after it make no sense when it fails.
    """

    name: str
    kind: str
    command: tuple[str, ...]
    vital: bool = False


@dataclass(frozen=True)
class Result:
    """How a stage went; ``seconds`` is what it took, ``outcome`` one of ``passed``, ``failed``, ``skipped``."""

    stage: Stage
    outcome: str
    seconds: float


ON_A_MACHINE = frozenset({"machine", "integration", "journeys"})
"""Kinds whose failures the logs of a running Aloft may explain."""

FRONT_END = (("lint", "lint"), ("types", "types"), ("test", "unit"))
"""Scripts of the front end, and the kinds of check that they are."""

EVIDENCE = ("node.log", "plane.log", "portal.log", "agent.log")
EVIDENCE_LINES = 25

KINDS = ("lint", "types", "unit", "integration", "journeys")


def stages(kinds: Sequence[str], checkout: Path, programs: Path) -> list[Stage]:
    """The stages for the kinds that were asked for; all, around a fresh ``up``, when none is named.

    Args:
        kinds: any of ``KINDS``.
        checkout: folder of the sources.
        programs: folder of the development environment's programs.

    Raises:
        InvalidInput: a kind is not known, or its tests do not exist.
    """
    unknown = sorted(set(kinds) - set(KINDS))
    if unknown:
        raise InvalidInput(f"There are no tests called {', '.join(unknown)}.", f"Choose from: {', '.join(KINDS)}.")

    def tests(kind: str) -> Stage:
        command = (f"{programs}/python", "-m", "pytest", "-ra", "--durations=5", f"tests/{kind}")
        return Stage(f"{kind} tests", kind, command)

    def front_end(script: str, kind: str) -> Stage:
        command = (f"{programs}/python", "-m", "aloft.install.pages", script, str(checkout))
        return Stage(f"ui {script}", kind, command)

    checks = [
        Stage("format", "lint", (f"{programs}/ruff", "format", "--check", ".")),
        Stage("lint", "lint", (f"{programs}/ruff", "check", ".")),
        Stage("layers", "lint", (f"{programs}/lint-imports",)),
        Stage("types", "types", (f"{programs}/mypy",)),
        tests("unit"),
        *(front_end(script, kind) for script, kind in FRONT_END if (checkout / "ui").is_dir()),
    ]
    machine = [
        stage for stage in (tests("integration"), tests("journeys")) if (checkout / "tests" / stage.kind).is_dir()
    ]
    if machine:
        kind = "journeys" if kinds and "integration" not in kinds else "integration"
        machine.insert(0, Stage("far side", kind, (f"{programs}/python", "-m", "aloft.install.far_side")))
    if machine and machine[-1].kind == "journeys":
        browser = Stage("browser", "journeys", (f"{programs}/python", "-m", "aloft.install.browser"))
        machine.insert(len(machine) - 1, browser)
    if kinds:
        return [stage for stage in (*checks, *machine) if stage.kind in kinds]
    script = str(checkout / "aloft")
    return [
        *checks,
        Stage("clean machine", "machine", (script, "destroy", "--yes", "--keep-environments"), vital=True),
        Stage("aloft up", "machine", (script, "up"), vital=True),
        *machine,
        Stage("aloft up again", "machine", (script, "up"), vital=True),
        Stage("aloft destroy", "machine", (script, "destroy", "--yes", "--keep-environments")),
    ]


def run(chosen: Sequence[Stage], execute: Callable[[Stage], bool], clock: Callable[[], float]) -> list[Result]:
    """Run stages in order; after a vital one failed the rest is skipped, except for cleaning up at the end.

    Args:
        chosen: the stages.
        execute: runs one and tells whether it passed.
        clock: seconds, to measure with.
    """
    results: list[Result] = []
    stopped = False
    for number, stage in enumerate(chosen):
        if stopped and number != len(chosen) - 1:
            results.append(Result(stage, "skipped", 0.0))
            continue
        start = clock()
        passed = execute(stage)
        results.append(Result(stage, "passed" if passed else "failed", clock() - start))
        stopped = stopped or (stage.vital and not passed)
    return results


def summary(results: Sequence[Result]) -> str:
    """The table at the end."""
    width = max(len(result.stage.name) for result in results)
    lines = [f"  {r.stage.name:<{width}}  {r.outcome:<7}  {r.seconds:7.1f} s" for r in results]
    failed = [result.stage.name for result in results if result.outcome != "passed"]
    total = sum(result.seconds for result in results)
    verdict = f"Not passed: {', '.join(failed)}." if failed else "Everything passed."
    return "\n".join([*lines, f"{verdict} {total:.0f} s in all."])


def test(kinds: Sequence[str], checkout: Path) -> bool:
    """Run the checks and print what they print; returns whether all passed."""
    chosen = stages(kinds, checkout, Path(sys.prefix) / "bin")

    def execute(stage: Stage) -> bool:
        print(f"\n=== {stage.name}: {' '.join(stage.command)}", flush=True)
        env = {**os.environ, "PATH": f"{sys.prefix}/bin:{os.environ.get('PATH', '')}"}
        code = subprocess.run(stage.command, cwd=checkout, env=env, stdin=subprocess.DEVNULL, check=False).returncode
        if code != 0 and stage.kind in ON_A_MACHINE:
            print(evidence(Paths.from_environment().log), flush=True)
        print(f"=== {stage.name}: {'passed' if code == 0 else f'failed with code {code}'}", flush=True)
        return code == 0

    results = run(chosen, execute, time.monotonic)
    print(f"\n=== summary\n{summary(results)}", flush=True)
    return all(result.outcome == "passed" for result in results)


def evidence(logs: Path) -> str:
    """The end of the logs that tell most about a failure, for a machine that is gone when somebody asks."""
    shown = []
    for name in EVIDENCE:
        if (logs / name).exists():
            lines = (logs / name).read_text(errors="replace").splitlines()[-EVIDENCE_LINES:]
            shown += [f"--- the end of {logs / name}", *lines]
    return "\n".join(shown)


def checkout_folder() -> Path:
    """The checkout whose ``./aloft`` started this program.

    Raises:
        InvalidInput: it was started without a checkout.
    """
    named = os.environ.get("ALOFT_CHECKOUT", "")
    folder = Path(named) if named else Path(__file__).resolve().parents[3]
    if not (folder / "pyproject.toml").exists():
        raise InvalidInput("The tests belong to a checkout of Aloft.", "Run `./aloft test` at the top of a checkout.")
    return folder


def installed(paths: Paths) -> bool:
    """Whether this machine holds an installation that the tests would replace."""
    return paths.state.exists() and any(paths.state.iterdir())
