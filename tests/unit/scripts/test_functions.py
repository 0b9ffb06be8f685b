"""Functions with files, and functions whose results are kept, are skipped where nothing has changed."""

from __future__ import annotations

import asyncio
import importlib
import os
import sys
from pathlib import Path

import pytest
from fresh_helpers import ended

from woflo import RunState, script, task, touch, why
from woflo.errors import ArgumentError, MissingInputError, MissingOutputError, OptionError, StoreError
from woflo.runners.pool import PoolTaskRun
from woflo.scripts import functions
from woflo.scripts.code import code_of
from woflo.scripts.ledger import ledger

EXECUTED, SKIPPED = RunState.SUCCEEDED, RunState.SKIPPED
RUNNERS = ["sequential", "thread", "async", "multiprocess", PoolTaskRun.configured(max_concurrency=1)]


def count(name="count"):
    with open(name, "a") as file:
        file.write("x")


def counted(name="count"):
    return len(Path(name).read_text()) if Path(name).exists() else 0


@pytest.mark.parametrize("runner", RUNNERS)
def test_a_function_with_files(project, runner):
    """Skipped with the result of then, on any runner."""

    @task(inputs="in_{i}.txt", outputs="out_{i}.txt", runner=runner)
    def double(i: int) -> int:
        count()
        value = 2 * int(Path(f"in_{i}.txt").read_text())
        Path(f"out_{i}.txt").write_text(str(value))
        return value

    Path("in_1.txt").write_text("21")
    run = double(1)
    assert (run.get_result(), run.state, run.outputs) == (42, EXECUTED, ("out_1.txt",))
    again = double(1)
    assert (again.get_result(), again.state, counted()) == (42, SKIPPED, 1)
    Path("in_1.txt").write_text("4")
    assert why(double, 1) == ["in_1.txt has changed"]
    assert (double(1).get_result(), counted()) == (8, 2)
    assert isinstance(double(2).exception(), MissingInputError)


@pytest.mark.parametrize("runner", RUNNERS)
def test_outputs_are_of_the_folder_in_which_it_begins(project, tmp_path_factory, runner):
    """A function that leaves it has not made what it writes elsewhere, and has made what it writes there."""
    elsewhere = str(tmp_path_factory.mktemp("elsewhere"))
    if runner is RUNNERS[-1]:
        runner = PoolTaskRun.configured(max_concurrency=1)  # whose worker begins here

    @task(outputs="o.txt", runner=runner)
    def leave() -> None:
        os.chdir(elsewhere)
        Path("o.txt").write_text("x")

    @task(outputs="{home}/o.txt", runner=runner)
    def meant(home: str) -> None:
        os.chdir(elsewhere)
        (project / home / "o.txt").write_text("x")

    error = leave().exception()
    assert isinstance(error, MissingOutputError)
    assert f"o.txt in {project}, which it has left for {elsewhere}" in str(error)
    assert Path(elsewhere, "o.txt").exists()
    os.chdir(project)
    assert meant("sub").get_result() is None
    os.chdir(project)
    assert meant("sub").state == SKIPPED


def test_a_worker_of_a_pool_goes_back_to_its_folder(project, tmp_path_factory):
    """The folder that one call has gone to is not that of the next one in the same process."""
    elsewhere = str(tmp_path_factory.mktemp("elsewhere"))
    runner = PoolTaskRun.configured(max_concurrency=1)

    @task(runner=runner)
    def leave() -> int:
        os.chdir(elsewhere)
        return os.getpid()

    @task(outputs="o.txt", runner=runner)
    def write() -> int:
        Path("o.txt").write_text("x")
        return os.getpid()

    assert leave().get_result() == write().get_result()
    assert (project / "o.txt").exists()
    assert os.listdir(elsewhere) == []


@pytest.mark.parametrize("runner", RUNNERS[:-1])
def test_a_result_that_is_kept(project, runner):
    """For the same arguments; others have their own."""

    @task(cache=True, runner=runner)
    def square(x: int, note: str = "") -> dict[str, int]:
        count()
        return {"square": x * x}

    assert [square(3).get_result(), square(x=3).get_result(), square(4).get_result()] == [
        {"square": 9},
        {"square": 9},
        {"square": 16},
    ]
    assert counted() == 2
    square(3, note="other").get_result()
    assert counted() == 3


def test_an_async_function(project):
    """As any."""

    @task(outputs="x.txt", runner="async")
    async def write() -> str:
        count()
        await asyncio.sleep(0)
        Path("x.txt").write_text("!")
        return "written"

    assert [write().get_result(), write().get_result(), counted()] == ["written", "written", 1]


def test_ways_out(project):
    """A parameter that makes no difference, and a version in place of the code."""

    @task(cache=True, cache_ignore=["log"], version=1, runner="thread")
    def one(x: int, log: object = None) -> int:
        count()
        return x

    one(1, log=print).get_result()
    assert ended(one(1, log=lambda: 1)) is SKIPPED

    @task(cache=True, cache_ignore=["log"], version=2, runner="thread", name="one")
    def two(x: int, log: object = None) -> int:
        count()
        return x

    two.body.fn.func.__qualname__ = one.body.fn.func.__qualname__
    assert ended(two(1)) is EXECUTED


def test_what_cannot_be_told_apart_is_told(project):
    """An argument that neither JSON nor pickle can write."""

    @task(cache=True, runner="thread")
    def one(x: object) -> int:
        return 1

    error = one(iter(lambda: 1, 2)).exception()
    assert isinstance(error, ArgumentError)
    assert "cache_ignore" in str(error)


def test_a_result_that_cannot_be_kept(project, caplog):
    """Is given all the same, each time anew, and that is told once."""

    @task(cache=True, runner="thread")
    def one() -> object:
        count()
        return object()

    for _ in range(2):
        assert type(one().get_result()) is object
    assert counted() == 2
    assert sum("will be executed again each time" in record.message for record in caplog.records) == 1


@pytest.mark.parametrize("runner", ["thread", "multiprocess"])
def test_partial_files_of_functions(project, runner):
    """As those of commands: removed where there was none, and what is left of another is no result."""

    @task(outputs="x.txt", runner=runner)
    def write(how: str) -> None:
        Path("x.txt").write_text(how)
        if how == "bad":
            raise ValueError(how)

    assert isinstance(write("bad").exception(), ValueError)
    assert not Path("x.txt").exists()
    write("good").get_result()
    assert isinstance(write("bad").exception(), ValueError)
    assert Path("x.txt").read_text() == "good"
    assert ended(write("good")) is SKIPPED

    @task(outputs="y.txt", runner=runner)
    def lazy() -> None: ...

    assert isinstance(lazy().exception(), MissingOutputError)


def test_a_function_among_the_inputs_of_a_script(project):
    """Stands for its files, whatever it returns."""

    @task(outputs="x.txt", runner="thread")
    def write() -> int:
        Path("x.txt").write_text("hi")
        return 7

    use = script("cp {inputs} {outputs}", outputs="y.txt")
    assert use(inputs=[write()]).get_result() == ["y.txt"]
    assert Path("y.txt").read_text() == "hi"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"inputs": "x"}, "nothing to be up to date"),
        ({"outputs": "{j}.txt"}, "none of its parameters, which are: i"),
        ({"cache": 1}, "must be True or False"),
        ({"cache": True, "cache_ignore": ["j"]}, "'j', which is no parameter"),
        ({"cache": True, "retry": 1}, "no option 'retry'"),
    ],
)
def test_what_cannot_be_meant(options, told):
    """Told at the definition."""
    with pytest.raises(OptionError, match=told):
        task(**options)(lambda i: i)


# -- code ----------------------------------------------------------------------------------------------

MODULE = """
import json
from helpers import helped, Tool
LIMIT = 3

def main(x):
    "Its words do not count."
    return helped(x) + LIMIT + Tool().use()  # nor does this
"""
HELPERS = """
def helped(x):
    return other(x)

def other(x): return x + 1

def unused(x): return x

class Tool:
    def use(self): return 1
"""


@pytest.fixture
def modules(project, monkeypatch):
    """`modules(main=…, helpers=…)` writes them, and gives the digests of what `main` reaches."""
    monkeypatch.syspath_prepend(str(project))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def digests(main=MODULE, helpers=HELPERS):
        for name, text in (("helpers", helpers), ("code_main", main)):
            (project / f"{name}.py").write_text(text)
            sys.modules.pop(name, None)
        importlib.invalidate_caches()
        import linecache

        linecache.clearcache()
        return code_of(importlib.import_module("code_main").main)

    yield digests
    for name in ("helpers", "code_main"):
        sys.modules.pop(name, None)


def test_what_the_code_digest_covers(modules):
    """The function, what it reaches by name in the project, and plain values; nothing of installed packages."""
    assert set(modules()) == {
        "code_main.main",
        "code_main.LIMIT",
        "helpers.helped",
        "helpers.other",
        "helpers.Tool",
    }


@pytest.mark.parametrize(
    ("old", "new", "changed"),
    [
        ("return x + 1", "return x + 2", {"helpers.other"}),
        ("def use(self): return 1", "def use(self): return 2", {"helpers.Tool"}),
        ("def unused(x): return x", "def unused(x): return 2", set()),
        ("return other(x)", "# why\n    return (other(\n x))", set()),
        ("LIMIT = 3", "LIMIT = 4", {"code_main.LIMIT"}),
        ("Its words do not count.", "Others.", set()),
    ],
)
def test_what_changes_a_code_digest(modules, old, new, changed):
    """The code, and neither comments nor line breaks nor docstrings."""
    before = modules()
    after = modules(MODULE.replace(old, new), HELPERS.replace(old, new))
    assert {name for name in before if before[name] != after[name]} == changed


def test_why_names_the_function(project, monkeypatch):
    """Which of those that it reaches."""
    helper = {"value": 1}

    def helped():
        return 1

    @task(cache=True, runner="thread")
    def main() -> int:
        return helped() + helper["value"]

    monkeypatch.setattr("woflo.scripts.sources.project", lambda: str(Path(__file__).parent))
    main().get_result()
    (known,) = ledger().every()
    name = next(one for one in known.record["code"] if one.endswith("helped"))
    ledger().keep_record(known, {**known.record, "code": {**known.record["code"], name: "another"}})
    assert why(main) == [f"the code of {name} has changed"]
    assert os.getcwd() == str(project)


def test_a_store_that_fails_leaves_the_target_to_others(project, monkeypatch):
    """Who comes next makes it, instead of waiting for ever for one that has given up."""

    @task(outputs="x.txt")
    def make():
        (project / "x.txt").touch()

    def fails(*_, **__):
        raise StoreError("gone")

    with monkeypatch.context() as patched:
        patched.setattr(functions, "known_of", fails)
        with pytest.raises(StoreError):
            make.body.fn()
    make().get_result(30)
    assert (project / "x.txt").exists()


def test_touch_of_functions(project):
    """The result stays that of the last success; where nobody knows one, that is told, but for what returns nothing."""

    @task(outputs="x.txt", runner="thread")
    def make() -> int:
        count()
        Path("x.txt").write_text("made")
        return 7

    @task(outputs="y.txt", runner="thread")
    def other() -> None: ...

    Path("x.txt").write_text("by hand")
    with pytest.raises(OptionError, match="nothing is known of what it returned"):
        touch(make)
    make().get_result()
    Path("x.txt").write_text("by hand")
    touch(make)
    assert (ended(make()), make().get_result(), counted()) == (SKIPPED, 7, 1)
    Path("y.txt").write_text("by hand")
    touch(other)
    assert (ended(other()), other().get_result()) == (SKIPPED, None)


@pytest.mark.parametrize("runner", RUNNERS[:-1])
def test_globs_of_functions(project, runner):
    """What was there before is none of what it has made."""

    @task(outputs="p_*.txt", runner=runner, name="split")
    def split() -> None:
        Path("p_1.txt").write_text("made")

    Path("p_hand.txt").write_text("mine")
    split().get_result()
    assert list(ledger().get("p_*.txt").outputs) == ["p_1.txt"]
    assert ended(split()) is SKIPPED
