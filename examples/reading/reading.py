"""Which words tell three old texts apart? From the texts to a report with a chart, by scripts and functions.

`python reading.py` in this folder writes `out/report.md`. What is up to date is not done again.
"""

import json
import re
import sys
from collections import Counter
from itertools import combinations
from math import log
from pathlib import Path

from chart import draw

from woflo import script, task

YEARS = {"declaration": 1776, "constitution": 1787, "amendments": 1791}
WORD = re.compile(r"[a-z]{4,}")
Score = tuple[str, float]

clean = script(
    [sys.executable, "{inputs.code}", "{inputs.text}", "{outputs}"],
    inputs={"code": "clean.py", "text": "texts/{name}.txt"},
    outputs="out/{name}.prose",
    name="clean",
)


@task(inputs="out/{name}.prose", outputs="out/{name}.json", runner="pool")
def count(name: str, prose: list[str]) -> str:
    """Count the words of four letters and more."""
    words = Counter(word for path in prose for word in WORD.findall(Path(path).read_text("utf-8").lower()))
    return written(f"out/{name}.json", words)


@task(inputs=["{left}", "{right}"], outputs="out/{name}.json", runner="pool")
def compare(name: str, left: str, right: str) -> str:
    """Rank the words that one of two texts prefers; those of the left one have negative scores."""
    counts = [Counter(json.loads(Path(path).read_text("utf-8"))) for path in (left, right)]
    scores = {word: surprise(word, *counts) for word in counts[0] | counts[1]}
    return written(f"out/{name}.json", sorted(scores.items(), key=lambda one: (-abs(one[1]), one[0]))[:12])


def surprise(word: str, left: Counter[str], right: Counter[str]) -> float:
    """Log-likelihood that both texts use a word alike, after Dunning (1993), with a sign."""
    seen, sizes = (left[word], right[word]), (left.total(), right.total())
    expected = [size * sum(seen) / sum(sizes) for size in sizes]
    score = 2 * sum(a * log(a / b) for a, b in zip(seen, expected, strict=True) if a)
    return -score if seen[0] > expected[0] else score


@task(inputs="out/*-*.json", outputs=["out/report.md", "out/report.svg"], runner="pool")
def report(compared: list[str]) -> str:
    """Write the tables, and the chart beside them."""
    tables: dict[str, list[Score]] = {Path(path).stem: json.loads(Path(path).read_text("utf-8")) for path in compared}
    Path("out/report.svg").write_text(draw(tables), "utf-8")
    lines = ["# Words that tell the texts apart", "", "![the strongest words](report.svg)"]
    for name, scores in tables.items():
        left, right = name.split("-")
        lines += ["", f"## {left} ({YEARS[left]}) and {right} ({YEARS[right]})", ""]
        lines += ["| word | is of the | score |", "|---|---|---:|"]
        lines += [f"| {word} | {left if score < 0 else right} | {abs(score):.1f} |" for word, score in scores]
    Path("out/report.md").write_text("\n".join(lines) + "\n", "utf-8")
    return "out/report.md"


def written(path: str, value: object) -> str:
    """Write a file of JSON, and return its path."""
    Path(path).write_text(json.dumps(value), "utf-8")
    return path


def main() -> None:
    """Call all of it, and tell what was done and what was skipped."""
    cleaned = {name: clean(name=name) for name in YEARS}
    counted = {name: count(name, cleaned[name]) for name in YEARS}
    compared = {f"{a}-{b}": compare(f"{a}-{b}", counted[a], counted[b]) for a, b in combinations(YEARS, 2)}
    made = report(list(compared.values()))
    path = made.get_result()
    for step, runs in {"clean": cleaned, "count": counted, "compare": compared}.items():
        for name, run in runs.items():
            print(f"{step:8} {name:25} {run.state}")
    print(f"{'report':8} {path:25} {made.state}")


if __name__ == "__main__":
    main()
