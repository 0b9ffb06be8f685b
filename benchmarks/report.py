"""What is printed and written: a table per figure, a summary of the targets, the JSON."""

from __future__ import annotations

import os
import platform
import statistics
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from benchmarks.elsewhere import ENVIRONMENTS
from benchmarks.harness import Conditions, Measured
from benchmarks.model import Figure, Target, Unit

PACKAGES = ["woflo", "loky", "joblib", "pebble", "mpire", "numpy", "ray"]
PAGES_SETTING = Path("/sys/kernel/mm/transparent_hugepage/enabled")


@dataclass(frozen=True)
class Verdict:
    """One target beside what was reached. `value` is None where nothing could be compared."""

    text: str
    limit: str
    value: float | None
    met: bool | None
    form: Callable[[float], str]

    @property
    def shown(self) -> str:
        """What was reached."""
        return "-" if self.value is None else self.form(self.value)

    @property
    def word(self) -> str:
        """How it is told in a table."""
        return {True: "pass", False: "MISSED", None: "not measured"}[self.met]


class Result:
    """A figure with what its rivals gave, ready to be told."""

    def __init__(self, figure: Figure, conditions: Conditions, measured: list[Measured]) -> None:
        self.figure = figure
        self.conditions = conditions
        self.measured = measured
        self.medians = {m.rival.name: statistics.median(m.samples) for m in measured if m.samples}
        self.ours = next(self.medians.get(r.name) for r in figure.rivals if r.kind == "ours")
        self.form = FORMS[figure.measure]
        self.verdicts = [self._judge(target) for target in figure.targets]

    @property
    def mode(self) -> str:
        """Pinned to one core or not."""
        return "unpinned" if self.conditions.core is None else "pinned"

    def _judge(self, target: Target) -> Verdict:
        if not target.against:
            return self._judge_seconds(target)
        return self._judge_ratio(target)

    def _judge_seconds(self, target: Target) -> Verdict:
        measure = self.figure.measure + (f", {target.at:.0%} within" if target.at != 0.5 else "")
        text = measure + (f" - {target.over}" if target.over else "")
        limit = f"<= {self.form(target.limit)}"
        base = self.medians.get(target.over) if target.over else 0.0
        if self.ours is None or base is None:
            return Verdict(text, limit, None, None, self.form)
        value = quantile(self._samples_of_ours(), target.at) - base
        return Verdict(text, limit, value, value <= target.limit, self.form)

    def _samples_of_ours(self) -> list[float]:
        return next(m.samples for m in self.measured if m.rival.kind == "ours")

    def _judge_ratio(self, target: Target) -> Verdict:
        known = [(self.medians[name], name) for name in target.against if name in self.medians]
        quickest, name = min(known, default=(None, " | ".join(target.against)))
        text = f"throughput / {name}" if target.rate else f"time / {name}"
        limit = f"{'>=' if target.rate else '<='} {target.limit:.2f} x"
        if self.ours is None or quickest is None:
            return Verdict(text, limit, None, None, ratio)
        value = quickest / self.ours if target.rate else self.ours / quickest
        met = value >= target.limit if target.rate else value <= target.limit
        return Verdict(text, limit, value, met, ratio)

    def table(self) -> str:
        """The rivals of this figure and the targets, aligned."""
        units = self.figure.quick if self.conditions.quick else self.figure.n
        head = f"{self.figure.name}: {self.figure.title}"
        how = f"({self.mode}, {self.conditions.rounds} rounds of {units})"
        rows: list[tuple[str, ...]] = [("rival", "kind", f"per {self.figure.unit}", "from", "99 %", "to", "ours / it")]
        rows += [self._row(m) for m in self.measured]
        failures = [f"  ! {m.rival.name}: {m.failure}" for m in self.measured if m.failure]
        verdicts = [f"  > {v.text} = {v.shown}, target {v.limit}: {v.word}" for v in self.verdicts]
        return "\n".join([f"{head} {how}", *aligned(rows), *failures, *verdicts, ""])

    def _row(self, m: Measured) -> tuple[str, ...]:
        name = m.rival.name
        if name not in self.medians:
            return (name, m.rival.kind, "-", "-", "-", "-", "-")
        median = self.medians[name]
        compared = "-" if self.ours is None or not median else ratio(self.ours / median)
        worst = self.form(quantile(m.samples, 0.99)) if len(m.samples) >= 100 else "-"
        spread = (self.form(min(m.samples)), worst, self.form(max(m.samples)))
        return (name, m.rival.kind, self.form(median), *spread, compared)

    def as_json(self) -> dict[str, Any]:
        """The same as plain data, with every sample."""
        return {
            "figure": self.figure.name,
            "title": self.figure.title,
            "unit": self.figure.unit,
            "mode": self.mode,
            "n": self.figure.quick if self.conditions.quick else self.figure.n,
            "rivals": [self._rival_as_json(m) for m in self.measured],
            "targets": [{"what": v.text, "target": v.limit, "value": v.value, "met": v.met} for v in self.verdicts],
        }

    def _rival_as_json(self, m: Measured) -> dict[str, Any]:
        median = self.medians.get(m.rival.name)
        return {
            "name": m.rival.name,
            "kind": m.rival.kind,
            "seconds": median,
            "ours_over_it": self.ours / median if self.ours and median else None,
            "samples": m.samples,
            "failure": m.failure or None,
        }


def summary(results: Iterable[Result]) -> str:
    """Every target in one line, at the end of the run."""
    rows = [("figure", "mode", "what", "reached", "target", "")]
    rows += [
        (result.figure.name, result.mode, v.text, v.shown, v.limit, v.word)
        for result in results
        for v in result.verdicts
    ]
    return "\n".join(["Targets", *aligned(rows)])


def aligned(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Columns of equal width; those that hold figures to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  " + "  ".join(map(_cell, row, widths)).rstrip() for row in rows]


def _cell(text: str, width: int) -> str:
    is_figure = text[:1].isdigit() or text in {"-", "from", "to", "99 %", "ours / it", "reached"}
    return text.rjust(width) if is_figure or text.startswith("per ") else text.ljust(width)


def quantile(samples: Sequence[float], at: float) -> float:
    """The median, or what so many of the samples are below or at."""
    return statistics.median(samples) if at == 0.5 else sorted(samples)[min(int(len(samples) * at), len(samples) - 1)]


def ratio(value: float) -> str:
    """How many times as much."""
    return f"{value:.2f} x"


def share(value: float) -> str:
    """Of a core."""
    return f"{value:.3%}"


def duration(seconds: float) -> str:
    """Seconds for people."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if abs(seconds) >= size:
            return f"{seconds / size:.2f} {unit}"
    return f"{seconds * 1e9:.0f} ns"


FORMS: dict[Unit, Callable[[float], str]] = {"time": duration, "share of a core": share, "ratio": ratio}


def environment() -> dict[str, Any]:
    """Where it was measured, as far as it bears on the figures."""
    return {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "system": platform.platform(),
        "cpus": os.cpu_count(),
        "load": os.getloadavg() if hasattr(os, "getloadavg") else None,
        "huge_pages": PAGES_SETTING.read_text().strip() if PAGES_SETTING.exists() else None,
        "packages": {name: _version(name) for name in PACKAGES},
        "elsewhere": {one.name: one.packages[0] for one in ENVIRONMENTS},
        "command": sys.argv[1:],
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
