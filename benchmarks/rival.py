"""The process that one rival lives in: `python -m benchmarks.rival FIGURE RIVAL [CORE]`.

It prepares the rival, warms it up, and says so; then, for each number on its standard input, it
does that much work and answers with the seconds and the result. One JSON object a line. At the end
of its input it tidies up and goes. Standard library only, and no import of its own package at the top:
`upstream_calls.py` and the scripts of other peers use it in environments of their own.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any, TextIO

Body = Callable[[int], Any]


def serve(opened: AbstractContextManager[Body], warm: int, core: int | None = None) -> None:
    """Answer until the input ends. Failures are answers too; their text goes to the report."""
    answers = _take_stdout()
    try:
        _pin(core)
        with opened as body:
            body(warm)
            _say(answers, ready=True)
            for line in sys.stdin:
                samples, result = _measured(body, int(line))
                _say(answers, samples=samples, result=result)
    except Exception as error:
        _say(answers, failed=f"{type(error).__name__}: {error}")


def serve_calls(openers: Mapping[str, Callable[[], AbstractContextManager[Body]]]) -> None:
    """Serve the rival that the command line of a script elsewhere names: NAME WARM [CORE]."""
    name, warm, *core = sys.argv[1:]
    serve(openers[name](), int(warm), int(core[0]) if core else None)


def _measured(body: Body, n: int) -> tuple[list[float], int]:
    """Seconds per unit, or what the body measured by itself; and its answer."""
    gc.collect()
    started = time.perf_counter()
    answer = body(n)
    seconds = time.perf_counter() - started
    if isinstance(answer, tuple):
        return answer[1], answer[0]
    return [seconds / n], answer


def _pin(core: int | None) -> None:
    """Stay on one core, from before the first thread or process, which inherit it."""
    if core is not None:
        os.sched_setaffinity(0, {core})


def _take_stdout() -> TextIO:
    """Keep standard output for answers alone; what tasks print goes to standard error."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return answers


def _say(answers: TextIO, **answer: object) -> None:
    print(json.dumps(answer), file=answers, flush=True)


def main() -> None:
    """Serve the rival that the command line names."""
    from benchmarks.figures import figure_named

    figure = figure_named(sys.argv[1])
    rival = figure.rival(sys.argv[2])
    assert rival.open is not None, f"{rival.name} does not live here"
    core = int(sys.argv[3]) if len(sys.argv) > 3 else None
    serve(rival.open(), rival.part(figure.quick), core)


if __name__ == "__main__":
    main()
