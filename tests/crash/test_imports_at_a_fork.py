"""A process that is forked while a module is being imported does not wait for a thread that it has not."""

from __future__ import annotations

import subprocess
import sys

import pytest
from systems import needs_fork

pytestmark = needs_fork

SLOW = """
import threading
begun, go_on = threading.Event(), threading.Event()
begun.set()
threading.main_thread().begun.set()
threading.main_thread().go_on.wait()
VALUE = 10
"""
WHILE_ANOTHER_IMPORTS = """
import threading
from woflo import task

@task(runner={runner!r})
def work(n):
    threading.main_thread().go_on = threading.Event()
    threading.main_thread().go_on.set()
    threading.main_thread().begun = threading.Event()
    import slow
    return slow.VALUE + n

main = threading.main_thread()
main.begun, main.go_on = threading.Event(), threading.Event()
thread = threading.Thread(target=lambda: __import__("slow"))
thread.start()
main.begun.wait()
print(work(1).get_result(20))
main.go_on.set()
thread.join()
print(work(2).get_result(20))
"""
TABLE = """
from dataclasses import dataclass
from woflo import gather, task

@dataclass
class Price:
    n: int

class Bad(Exception):
    pass

@task(runner={runner!r})
def load(n):
    if n < 0:
        raise Bad(n)
    return Price(n)

PRICES = [run.get_result(20).n for run in load.map(range(3))]
PRICES += [one.n for one in gather(load(3), load(4)).get_result(20)]
ERROR = type(load(-1).exception(20)) is Bad
"""
CALLS = """
from woflo import task
from woflo.runners.{module} import {name}
from woflo.runners.multiprocess import ForkServerProcess, SpawnProcess

with open("imports", "a") as file:
    file.write("once\\n")

@task(runner={name}.configured(process_type={kind}))
def one():
    return 1

ONE = one().get_result(20)
"""


def run(folder, program):
    return subprocess.run([sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, timeout=50)


@pytest.mark.parametrize("runner", ["multiprocess", "pool"])
def test_a_module_that_another_thread_imports_is_imported_anew(tmp_path, runner):
    """By the child that needs it, while the thread of the caller is still at it."""
    (tmp_path / "slow.py").write_text(SLOW)
    done = run(tmp_path, WHILE_ANOTHER_IMPORTS.format(runner=runner))
    assert (done.stdout.split(), done.stderr) == (["11", "12"], "")


@pytest.mark.parametrize("runner", ["multiprocess", "pool"])
def test_a_module_may_call_its_own_tasks_while_it_is_imported(tmp_path, runner):
    """Its classes come back as results and failures, whichever thread loads them."""
    (tmp_path / "table.py").write_text(TABLE.format(runner=runner))
    done = run(tmp_path, "import table; print(table.PRICES, table.ERROR)")
    assert (done.stdout.strip(), done.stderr) == ("[0, 1, 2, 3, 4] True", "")


@pytest.mark.parametrize("kind", ["SpawnProcess", "ForkServerProcess"])
@pytest.mark.parametrize(("module", "name"), [("multiprocess", "MultiprocessTaskRun"), ("pool", "PoolTaskRun")])
def test_a_process_that_imports_the_module_does_not_start_another(tmp_path, kind, module, name):
    """Which would import it too, and so on: the call is refused there, and the caller is told how to write it."""
    (tmp_path / "calls.py").write_text(CALLS.format(kind=kind, module=module, name=name))
    done = run(tmp_path, "import calls")
    assert "LaunchError: one was called while calls was imported by a process" in done.stderr
    assert "if __name__ == '__main__'" in done.stderr
    assert "could not be loaded" not in done.stderr
    assert (tmp_path / "imports").read_text().count("once") == 2
