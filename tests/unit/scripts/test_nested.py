"""Scripts that are called inside of other tasks, whichever process these are executed in."""

from __future__ import annotations

from pathlib import Path

import pytest

from woflo import script, task
from woflo.scripts.ledger import ledger

RUNNERS = ["sequential", "thread", "multiprocess"]


@pytest.mark.parametrize("runner", RUNNERS)
def test_a_script_called_by_a_task(project, runner):
    """It is executed and recorded by the process of the task; others find it up to date."""
    make = script("echo >> count; echo {i} > {outputs}", outputs="x_{i}.txt", shell=True, name="make")
    square = task(cache=True, runner="sequential")(lambda x: x * x)

    @task(runner=runner)
    def outer() -> tuple[str, str, int]:
        run, again = make(i=1), None
        run.wait()
        again = make(i=1)
        again.wait()
        return str(run.state), str(again.state), square(3).get_result()

    ledger()  # the store is open before, or not at all
    assert outer().get_result() == ("SUCCEEDED", "SKIPPED", 9)
    assert outer().get_result() == ("SKIPPED", "SKIPPED", 9)
    run = make(i=1)
    run.wait()
    assert str(run.state) == "SKIPPED"
    assert Path("count").read_text() == "\n"
