"""`python -m benchmarks`: measure, print the tables, write the JSON."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

from benchmarks.figures import FIGURES, figures_like
from benchmarks.harness import Conditions, measure
from benchmarks.model import Figure
from benchmarks.report import Result, environment, summary

LATEST = Path(__file__).parent / "results" / "latest.json"  # not committed


def main() -> int:
    """Measure what the command line asks for; 2 where it asks for nothing that exists."""
    options = arguments().parse_args()
    figures = figures_like(options.only)
    if not figures:
        names = ", ".join(figure.name for figure in FIGURES)
        print(f"no figure like {' '.join(options.only)}; there are: {names}", file=sys.stderr)
        return 2
    # An installed package is compiled, and so are the peers: without this ours would be compiled in each process.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    results = [tell(f, c) for f in figures for c in conditions(options) if f.pins or c.core is None]
    print(summary(results))
    write(options.json, results)
    print(f"\nwritten to {options.json}")
    return 0


def arguments() -> argparse.ArgumentParser:
    """The options."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    add = parser.add_argument
    add("--only", action="append", default=[], metavar="NAME", help="part of a figure's name")
    add("--rounds", type=int, default=5, metavar="N", help="samples per rival (5)")
    add("--quick", action="store_true", help="less work in each round")
    add("--json", type=Path, metavar="FILE", default=LATEST, help="where all samples go")
    add("--upstream-python", metavar="PATH", help="an interpreter that has woflo 0.8.2")
    mode = parser.add_mutually_exclusive_group()
    for name, text in (
        ("pinned", "to one core only"),
        ("unpinned", "on all cores only"),
        ("both", "each figure unpinned, then pinned (what is done without these)"),
    ):
        mode.add_argument(f"--{name}", dest="mode", action="store_const", const=name, default="both", help=text)
    return parser


def conditions(options: argparse.Namespace) -> list[Conditions]:
    """Unpinned, pinned, or one after the other."""
    core = a_core()
    if core is None and options.mode != "unpinned":
        print("this system cannot pin processes: measured unpinned only", file=sys.stderr)
    modes: dict[str, set[int | None]] = {"unpinned": {None}, "pinned": {core}, "both": {None, core}}
    return [
        Conditions(options.rounds, options.quick, core, options.upstream_python)
        for core in sorted(modes[options.mode], key=lambda core: core is not None)
    ]


def a_core() -> int | None:
    """The last core that may be used; the first is where most interrupts go."""
    return max(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None


def tell(figure: Figure, how: Conditions) -> Result:
    """Measure a figure and print its table at once."""
    result = Result(figure, how, measure(figure, how))
    print(result.table(), flush=True)
    return result


def write(file: Path, results: list[Result]) -> None:
    """All of it as JSON."""
    file.parent.mkdir(parents=True, exist_ok=True)
    data = {"environment": environment(), "results": [result.as_json() for result in results]}
    file.write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
