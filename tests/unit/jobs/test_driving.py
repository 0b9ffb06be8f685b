"""`drive`: a job as a command executes it, and what of it is stored for people."""

import json
import signal
import threading

import pytest
from jobs_helpers import noop

from woflo import Job, RunState, task
from woflo.jobs.driving import Choices, drive

hold = threading.Event()


@task(runner="thread")
def wait() -> None:
    """Until it is let go, or stopped."""
    hold.wait(60)


@pytest.mark.parametrize("restart", [False, True])
def test_ctrl_c_while_it_is_being_called(folder, store, monkeypatch, restart):
    """The run is there, and is stopped like one that was under way."""
    name = "resume" if restart else "__call__"
    call = getattr(Job, name)

    def interrupted(job):
        run = call(job)
        signal.raise_signal(signal.SIGINT)
        return run

    monkeypatch.setattr(Job, name, interrupted)
    folder.write("job.yaml", f"config: {{extension_packages: [{__name__}]}}\ntasks: {{a: {{task: wait}}}}")
    hold.clear()
    try:
        status = drive("job.yaml", Choices(restart=restart, progress=False))
    finally:
        hold.set()
        signal.signal(signal.SIGINT, signal.default_int_handler)  # the process was to end with it
    assert status == 130
    assert [row.state for row in store.select()] == [RunState.STOPPED]


def test_all_variables_are_stored(folder, store):
    """However many there are; secrets are hidden by their names."""
    variables = {f"v{n}": str(n) for n in range(30)} | {"password": "hunter2"}
    texts = ", ".join(f"x{name}: '$VAR{{{name}}}'" for name in variables)
    job = folder.load(f"aliases: {{{texts}}}\ntasks: {{a: {{task: noop}}}}", variables=variables, tasks=[noop])
    run = job()
    run.get_result()
    assert json.loads(store.get(run.id).args)["variables"] == {**variables, "password": "***"}


def test_steps_are_stored_as_they_are_written(folder, store, monkeypatch):
    """What variables stand for may be a secret, and is nowhere in the records."""
    monkeypatch.setenv("PW", "hunter2")
    run = folder.load(
        """
        tasks:
          a: {run: "true $ENV{PW}", env: {X: "$ENV{PW}"}}
          b: {task: noop, dependencies: [a]}
          c: {run: "true {x}", parameters: {x: "p $ENV{PW} $VAR{n:1}"}}
        """
    )()
    run.get_result()
    stored = {row.scope: json.loads(row.args) for row in store.steps(run.id) if row.position == 0}
    assert stored == {
        "a": {"run": "true $ENV{PW}", "env": {"X": "$ENV{PW}"}},
        "b": {},
        "c": {"run": "true {x}", "parameters": {"x": "p $ENV{PW} $VAR{n:1}"}},
    }
