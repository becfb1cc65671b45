"""What a benchmark prints: figures against baselines, the spread of the runs behind them, and the machine.

The form of the JSON object is the same for every benchmark, so that numbers can be compared over time by a program:
``{"bench", "figures": [{"name", "value", "unit", "baseline", "ratio", "target", "ok"}], "machine", "details"}``.
"""

import math
import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any, Literal

Wanted = Literal["value", "ratio", "least"]
"""What a target is about: at most this value, at most this ratio to the baseline, or at least this value."""


@dataclass(frozen=True)
class Figure:
    """One number that a benchmark found out.

    Args:
        name: what it is; the unit is part of the name where it could be mistaken.
        value: the number.
        unit: of the number.
        baseline: the same number for what it is compared with; ``None`` where there is nothing to compare with.
        target: the number to reach; ``None`` for one that is only told.
        wanted: what the target is about.
        runs: the numbers that ``value`` was made of.
    """

    name: str
    value: float
    unit: str
    baseline: float | None = None
    target: float | None = None
    wanted: Wanted = "value"
    runs: tuple[float, ...] = ()

    @property
    def ratio(self) -> float | None:
        """Value in units of the baseline."""
        return self.value / self.baseline if self.baseline else None

    @property
    def ok(self) -> bool | None:
        """Whether the target is reached; ``None`` where there is none."""
        if self.target is None:
            return None
        if self.wanted == "least":
            return self.value >= self.target
        measured = self.ratio if self.wanted == "ratio" else self.value
        return measured is not None and measured <= self.target

    def told(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "name": self.name,
            "value": _short(self.value),
            "unit": self.unit,
            "baseline": _short(self.baseline),
            "ratio": _short(self.ratio),
            "target": self.target,
            "ok": self.ok,
        }


@dataclass(frozen=True)
class Report:
    """The outcome of a benchmark.

    Args:
        bench: its name.
        figures: what it found out.
        details: more numbers, by a title, each a list of named ones; for people, and kept in the JSON.
        notes: what a reader has to know about how it was measured this time.
    """

    bench: str
    figures: tuple[Figure, ...]
    details: dict[str, dict[str, float]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether every target is reached."""
        return all(figure.ok is not False for figure in self.figures)

    def told(self, about: dict[str, Any]) -> dict[str, Any]:
        """The JSON object; ``about`` is the machine."""
        return {
            "bench": self.bench,
            "figures": [figure.told() for figure in self.figures],
            "machine": about,
            "details": {
                "runs": {figure.name: [_short(one) for one in figure.runs] for figure in self.figures if figure.runs},
                **{title: {name: _short(one) for name, one in rows.items()} for title, rows in self.details.items()},
                "notes": list(self.notes),
            },
        }


def timed(name: str, runs: Sequence[float], unit: str, **about: Any) -> Figure:
    """A figure that is the median of its runs."""
    return Figure(name, median(runs), unit, runs=tuple(runs), **about)


def percentile(values: Sequence[float], part: float) -> float:
    """The smallest of ``values`` that at least ``part`` of them do not exceed (nearest rank; 0.95 is the p95).

    Raises:
        ValueError: there are no values, or the part is not above 0 and at most 1.
    """
    if not values or not 0 < part <= 1:
        raise ValueError("A percentile is of at least one value, and a part above 0 and at most 1.")
    return sorted(values)[math.ceil(part * len(values)) - 1]


def machine(release: str) -> dict[str, Any]:
    """What the numbers depend on besides the code: processor, memory, kernel, versions, and how busy it is."""
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_mib": pages // (1 << 20),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "aloft": version("aloft"),
        "release": release,
        "load_before": round(os.getloadavg()[0], 2),
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.machine()


def _short(value: float | None) -> float | None:
    """Four digits are more than any of these measurements is worth."""
    return None if value is None else float(f"{value:.4g}")
