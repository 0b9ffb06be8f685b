"""Workers as programs of their own, and the calls that they are given."""

import itertools
import sys
import time
from contextlib import closing

import pytest
from programs import Program

from woflo.kernel.state import RunState
from woflo.stores.operations import Submit
from woflo.stores.rows import Row
from woflo.stores.sqlite import SQLiteStore
from woflo.testing import wait_until

APP = """
import os, time
from pathlib import Path
from woflo import sleep, task, workflow

def wait_for(name):
    Path(f"{name}.begun").touch()
    while not os.path.exists(f"{name}.go"):
        time.sleep(0.002)  # it is under way until the test has made the file, which is asked for again and again

@task(runner="queue")
def held(name: str) -> str:
    wait_for(name)
    return name

@task(runner="queue")
def note(name: str) -> str:
    with open("notes", "a") as file:
        file.write(f"{name}\\n")
    return name

@task
def step(name: str) -> str:
    wait_for(name)
    return name

@workflow
def steps(name: str) -> str:
    return step(name + "1").get_result() + step(name + "2").get_result()
"""
_numbers = itertools.count()


class Folder:
    """A project with an `app.py`, its store, and its workers."""

    def __init__(self, path):
        self.path = path
        self.write("app.py", APP)
        (path / ".git").mkdir()
        self.store = SQLiteStore(path / ".woflo" / "woflo.db")

    def write(self, name, text):
        (self.path / name).write_text(text, encoding="utf-8")

    def touch(self, name):
        (self.path / name).touch()

    def wait_for_file(self, name):
        wait_until((self.path / name).exists, name)

    def call(self, task, name, **changes):
        """The id of a call that waits in the queue."""
        row = Row(id=f"{next(_numbers):08}", task=task, args=f'{{"name":"{name}"}}', created_at=time.time(), **changes)
        return self.store.write(Submit(now=time.time(), runs=(row,)))[0].row.id

    def state(self, run_id):
        return self.store.get(run_id).state

    def wait_for_end(self, run_id):
        wait_until(lambda: self.store.get(run_id).is_terminal, run_id)

    def command(self, *arguments):
        """`woflo ARGUMENTS`, as a program."""
        return Program(self.path, "", command=[sys.executable, "-m", "woflo", *arguments])

    def worker(self, *options):
        return self.command("worker", "app.py", *options)

    def worker_that_holds(self, name, *options):
        """One that executes `held(name)`, and the id of that call."""
        run_id = self.call("held", name)
        worker = self.worker(*options)
        self.wait_for_file(f"{name}.begun")
        return worker, run_id


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.delenv("WOFLO_STORE", raising=False)
    made = Folder(tmp_path)
    with closing(made.store):
        yield made


PENDING, SUCCEEDED = RunState.PENDING, RunState.SUCCEEDED
