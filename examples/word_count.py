"""Count and rank the words of the standard library's own sources, in a pool of warm processes.

One file of the list does not exist: its run is tried again, fails by name and harms no other.
"""

import re
import sysconfig
import time
from collections import Counter
from pathlib import Path

from woflo import as_completed, task

STDLIB = Path(sysconfig.get_path("stdlib"))
MISSING = STDLIB / "no_such_module.py"
WORD = re.compile(r"[a-z]{3,}")


@task(runner="pool", retries=1)
def count(path: Path) -> Counter[str]:
    """Count the words of three letters and more in one file."""
    return Counter(WORD.findall(path.read_text("utf-8", errors="replace").lower()))


def sources() -> list[Path]:
    """List the library's source files, installed packages left out, and one that is missing."""
    files = (path for path in STDLIB.rglob("*.py") if "-packages" not in str(path))
    return [*sorted(files), MISSING]


def table(title: str, head: tuple[str, str, str], rows: list[tuple[str, ...]]) -> str:
    """Lay out a title, a head and rows of three cells, the first cell to the right."""
    lines = [f"{a:>9}  {b:<18}  {c}".rstrip() for a, b, c in (head, *rows)]
    return "\n".join(["", title, "", lines[0], "-" * 48, *lines[1:]])


def main() -> None:
    """Run the count over all files and print what came of it."""
    started = time.perf_counter()
    paths = sources()
    runs = dict(zip(count.map(paths), paths, strict=True))

    words: Counter[str] = Counter()
    failures = []
    for run in as_completed(runs):
        if error := run.exception():
            failures.append((str(run.attempt), runs[run].name, type(error).__name__))
        else:
            words.update(run.get_result())
    seconds = time.perf_counter() - started

    total = words.total()
    ranked = [
        (str(rank), word, f"{number:>9,}  {number / total:6.2%}")
        for rank, (word, number) in enumerate(words.most_common(15), start=1)
    ]
    summary = [
        (str(len(runs) - len(failures)), "files counted", ""),
        (str(len(failures)), "failed", ""),
        (f"{total:,}", "words", f"{len(words):,} different"),
        (f"{seconds:.1f}", "seconds", ""),
    ]
    print(table("The words used most", ("rank", "word", "    times   share"), ranked))
    print(table("What failed", ("attempts", "file", "error"), failures))
    print(table("All in all", ("number", "of", ""), summary))


if __name__ == "__main__":
    main()
