"""`woflo check`: whether the runs in flight fit the code of a file, from a program of its own."""

import subprocess
import sys

import pytest
from programs import environment

from woflo.stores.sqlite import SQLiteStore

APP = """
from pathlib import Path
from woflo import sleep, task, workflow

@task
def step(x: int) -> int:
    with open("effects", "a") as file:
        file.write(f"{{x}}\\n")
    return x

@workflow
def order(x: int) -> int:
    value = step(x).get_result()
    {inserted}
    value += step(x + 1).get_result()
    sleep(3600)
    return value

@workflow
def {other}(x: int) -> int:
    sleep(3600)
    return x
"""
CALLS = """
from app import order, other
runs = [order.with_options(key=f"o{n}")(n) for n in range(3)] + [other.with_options(key="x")(1)]
from woflo.durable.choice import current_store
from woflo.testing import wait_until
wait_until(lambda: all(current_store().get(run.id).state == "WAITING" for run in runs))
"""


def python(folder, *args):
    return subprocess.run(
        [sys.executable, *args], cwd=folder, env=environment(), capture_output=True, text=True, timeout=60
    )


def written(folder, inserted="", other="other"):
    (folder / "app.py").write_text(APP.format(inserted=inserted, other=other))


@pytest.fixture
def app(tmp_path):
    """A folder with an app and its runs in flight."""
    written(tmp_path)
    ended = python(tmp_path, "-c", CALLS)
    assert ended.returncode == 0, ended.stderr
    return tmp_path


def kept(folder):
    store = SQLiteStore(folder / ".woflo" / "woflo.db")
    try:
        return store.snapshot().runs, (folder / "effects").read_text()
    finally:
        store.close()


def checked(folder, *args):
    """Exit status, stdout and stderr; the store is as it was."""
    before = kept(folder)
    ended = python(folder, "-m", "woflo", "check", *args)
    assert kept(folder) == before
    return ended.returncode, ended.stdout, ended.stderr


def test_all_fit(app):
    """Status 0, and nothing on stdout."""
    assert checked(app, "app.py") == (0, "", "woflo check: of the runs in flight 4 fit, 0 do not\n")


def test_some_do_not(app):
    """Status 1; a line for each: run, workflow, which call, what was recorded, what was called."""
    written(app, inserted="step(77).get_result()")
    status, output, told = checked(app, "app.py", "--store", "sqlite:///.woflo/woflo.db")
    assert status == 1
    lines = output.splitlines()
    assert len(lines) == 3
    for line in lines:
        assert " order: call 2 is recorded as step{" in line and 'step{"x":77} was called there' in line
    assert told == "woflo check: of the runs in flight 1 fit, 3 do not\n"


def test_a_workflow_that_is_gone(app):
    """Status 1, for nothing would go on with its runs; it is told how many there are."""
    written(app, other="renamed")
    status, output, told = checked(app, "app.py")
    assert (status, output) == (1, "")
    assert "1 run of 'other' in flight" in told


@pytest.mark.parametrize("args", [(), ("nothing.py",), ("app.py", "--store", "nowhere"), ("app.py:nobody",)])
def test_what_cannot_be_meant(app, args):
    """Status 2, and a line."""
    status, output, told = checked(app, *args)
    assert (status, output) == (2, "")
    assert told
