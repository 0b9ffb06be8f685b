"""The pytest plugin: each test gets what its fixtures promise, and leaves nothing of it behind."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import woflo

ROOT = Path(woflo.__file__).parents[1]
TASKS = """
import os, threading
from pathlib import Path
import pytest
from woflo import RunState, sleep, task, workflow
from woflo.durable.choice import current_store
from woflo.kernel import clock
from woflo.testing import FakeClock, leftovers, wait_until

@task
def where() -> tuple[int, str]:
    return os.getpid(), threading.current_thread().name

@task(runner="pool", retries=1, retry_sleep_time=0)
def fails() -> None:
    raise KeyError("no")

@task
async def double(x: int) -> int:
    return 2 * x

@workflow
def slow() -> int:
    sleep(3600)
    return 1

HERE = os.getpid(), "MainThread"
"""


def run_tests(folder, text, *options, settings="", ok=True):
    """What pytest says of a file of tests; only our plugin is loaded."""
    (folder / "pytest.ini").write_text(f"[pytest]\nfilterwarnings = error\n{settings}\n")
    (folder / "test_it.py").write_text(TASKS + text)
    kept = {name: value for name, value in os.environ.items() if name != "PYTEST_ADDOPTS"}  # which is about our tests
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "woflo.testing.plugin", "--strict-markers", *options],
        cwd=folder,
        env={**kept, "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ended.returncode == 0) is ok, ended.stdout + ended.stderr
    return ended.stdout


def test_a_store_for_each_test(tmp_path):
    """It is empty, it is the one of the process, and it is closed and forgotten afterwards, its engine with it."""
    text = """
used = []

@pytest.mark.parametrize("number", [1, 2])
def test_store(woflo_store, number):
    used.append(woflo_store)
    assert current_store() is woflo_store
    assert woflo_store.snapshot().runs == ()  or woflo_store.snapshot().runs == []
    slow.with_options(key="same")()
    assert type(woflo_store).__name__ == "MemoryStore"

def test_after():
    from woflo.durable import choice
    assert choice._chosen is None
    assert used[0] is not used[1]
    wait_until(lambda: not leftovers())
    assert not Path(".woflo").exists()
"""
    assert "3 passed" in run_tests(tmp_path, text)


@pytest.mark.parametrize("how", ["setting", "option", "mark"])
def test_the_kind_of_store(tmp_path, how):
    """A file of the test, by the setting, the option that outweighs it, and the mark that outweighs both."""
    settings = {"setting": "woflo_store = sqlite", "option": "woflo_store = memory", "mark": "woflo_store = memory"}[
        how
    ]
    options = {"setting": (), "option": ("--woflo-store=sqlite",), "mark": ("--woflo-store=memory",)}[how]
    mark = '@pytest.mark.woflo_store("sqlite")' if how == "mark" else ""
    text = f"""
{mark}
def test_store(woflo_store, tmp_path):
    assert type(woflo_store).__name__ == "SQLiteStore"
    assert (tmp_path / "woflo.db").exists()
"""
    assert "1 passed" in run_tests(tmp_path, text, *options, settings=settings)


def test_a_mark_without_a_kind_is_told(tmp_path):
    """With what it takes."""
    text = "\n@pytest.mark.woflo_store\ndef test_store(woflo_store): ...\n"
    assert "takes one argument" in run_tests(tmp_path, text, ok=False)


def test_inline(tmp_path):
    """Tasks execute in the test's thread, coroutines and what tasks call too; afterwards they do not."""
    text = """
@task
def nested() -> tuple[int, str]:
    return where().get_result()

def test_inline(woflo_inline):
    run = where()
    assert not run.is_running()
    assert run.get_result() == HERE
    assert nested().get_result() == HERE
    assert [run.get_result() for run in where.with_options(runner="pool").map([], [])] == []
    assert double(2).get_result() == 4
    assert double(double(2)).get_result() == 8
    failed = fails()
    assert isinstance(failed.exception(), KeyError)
    assert failed.attempt == 2
    assert [run.get_result() for run in double.map(range(3))] == [0, 2, 4]

def test_on_a_loop(woflo_inline):
    import asyncio
    async def main():
        return await double(4), await where()
    assert asyncio.run(main()) == (8, HERE)

def test_workflow(woflo_inline, woflo_store):
    @workflow
    def flow() -> int:
        return double(1).get_result() + double(2).get_result()
    assert flow().get_result() == 6

def test_after():
    assert where().get_result()[0] != os.getpid()
"""
    assert "4 passed" in run_tests(tmp_path, text)


@pytest.mark.parametrize("store", ["memory", "sqlite"])
def test_clock(tmp_path, store):
    """A workflow sleeps an hour at once; the machine's clock is back afterwards."""
    text = """
def test_clock(woflo_store, woflo_clock):
    begin = woflo_clock.now()
    run = slow()
    wait_until(lambda: run.state is RunState.WAITING)
    woflo_clock.advance(3599)
    assert run.is_running()
    woflo_clock.advance(1)
    assert run.get_result(10) == 1
    assert woflo_clock.now() == begin + 3600

def test_after():
    assert not isinstance(clock.current(), FakeClock)
"""
    assert "2 passed" in run_tests(tmp_path, text, f"--woflo-store={store}")


def test_a_failing_test_leaves_nothing_either(tmp_path):
    """The fixtures are undone in the next one."""
    text = """
def test_fails(woflo_store, woflo_inline, woflo_clock):
    slow()
    assert False

def test_after():
    from woflo.durable import choice
    assert choice._chosen is None
    assert not isinstance(clock.current(), FakeClock)
    assert where().get_result()[0] != os.getpid()
    wait_until(lambda: not leftovers())
"""
    assert "1 failed, 1 passed" in run_tests(tmp_path, text, ok=False)


def test_it_costs_who_does_not_use_it_little():
    """Nothing of stores, workflows or checks is imported with it."""
    code = "import sys, woflo.testing.plugin; print([m for m in sys.modules if m.startswith('woflo.')])"
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    said = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True).stdout
    assert "woflo.testing.plugin" in said
    assert not any(f"woflo.{part}" in said for part in ("durable", "stores", "runners", "testing.conformance"))


def test_pytest_finds_it():
    """By the entry point."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["entry-points"]["pytest11"] == {"woflo": "woflo.testing.plugin"}
